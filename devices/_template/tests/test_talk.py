"""Talks as the manual prints them; a technician writes these first."""

from __future__ import annotations

from pathlib import Path

from devices.sdk import Set, Settings, load_family
from devices.sdk.testing.conversation import conversation

FAMILY = load_family(Path(__file__).parent.parent)
ANSWERS = {b"01 PWR ?\r": b"01 PWR 0\r", b"01 INP ?\r": b"01 INP 11\r", b"01 VOL ?\r": b"01 VOL 20\r"}


async def test_power_on() -> None:
    """Switching on is acknowledged by its echo, and known only after the question."""
    driver = FAMILY.driver(FAMILY.manifest, Settings(FAMILY.manifest, {}))
    async with conversation(driver, answers=ANSWERS) as talk:
        talk.expect(b"01 PWR 1\r")
        talk.reply(b"01 PWR 1\r")
        await talk.execute(Set("power", "on"))
        talk.expect(b"01 PWR ?\r")
        talk.reply(b"01 PWR 1\r")
        assert await talk.read("power") == "on"
