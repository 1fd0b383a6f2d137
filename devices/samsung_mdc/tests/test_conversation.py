"""Talks from the maker's document: what goes out, what the display says, what we then know."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from devices.sdk import Busy, LinkState, Query, Refused, Set, Settings, load_family
from devices.sdk.testing.conversation import Talk, conversation

FAMILY = load_family(Path(__file__).parent.parent)
POWER, STATUS, PANEL, ERRORS = (
    bytes.fromhex(wire) for wire in ("aa11010012", "aa00010001", "aaf90100fa", "aa0d01000e")
)
ON = bytes.fromhex("aa ff 01 03 41 11 01 56")
STATE = bytes.fromhex("aa ff 01 09 41 00 01 14 00 21 10 00 00 90")
LIT = bytes.fromhex("aa ff 01 03 41 f9 00 3d")
AWAKE = {POWER: ON, STATUS: STATE, PANEL: LIT}
"""A display that shows its first HDMI socket, and whose maker gave it no self-test and no name."""


@asynccontextmanager
async def talk_to(answers: Mapping[bytes, bytes] = AWAKE, state: LinkState = LinkState.READY) -> AsyncIterator[Talk]:
    """A talk with display 1."""
    asked = {bytes.fromhex(wire): b"" for wire in ("aa0d01000e", "aa8a01008b", "aa0b01000c", "aa0e01000f")}
    nak = {question: _nak(question[1]) for question in asked}
    driver = FAMILY.driver(FAMILY.manifest, Settings(FAMILY.manifest, {}))
    async with conversation(driver, answers={**nak, **answers}, state=state) as talk:
        yield talk


def _nak(command: int) -> bytes:
    body = bytes([0xFF, 1, 3, 0x4E, command, 1])
    return b"\xaa" + body + bytes([sum(body) % 256])


async def test_first_talk_reads_the_display() -> None:
    """Power, then one question for input and sound, then the panel."""
    async with talk_to() as talk:
        told = {reading.property: reading.value for reading in talk.told.readings}
        assert talk.told.sent[:3] == [POWER, STATUS, PANEL]
    assert told == {"power": "on", "volume": 20.0, "mute": False, "input": "hdmi1", "blank": False}


async def test_volume_is_acknowledged_and_then_read() -> None:
    """The acknowledgement repeats the value and is no reading; the status is."""
    async with talk_to() as talk:
        talk.expect(bytes.fromhex("aa 12 01 01 1e 32"))
        talk.reply(bytes.fromhex("aa ff 01 03 41 12 1e 74"))
        await talk.execute(Set("volume", 30))
        assert talk.session.reading("volume").value == 20.0  # type: ignore[union-attr]
        talk.expect(STATUS)
        talk.reply(bytes.fromhex("aa ff 01 09 41 00 01 1e 00 21 10 00 00 9a"))
        assert await talk.read("volume") == 30.0


async def test_a_nak_to_a_command_may_pass() -> None:
    """Nobody knows what the error code means: tried again, with the code in the message."""
    async with talk_to() as talk:
        talk.expect(bytes.fromhex("aa 14 01 01 23 39"))
        talk.reply(_nak(0x14))
        error = await talk.fails(Set("input", "hdmi2"))
        assert isinstance(error, Busy)
        assert "NAK 01" in str(error)


async def test_a_nak_to_a_question_is_a_refusal() -> None:
    """What is asked and not told is refused with the display's code."""
    async with talk_to() as talk:
        talk.expect(ERRORS)
        talk.reply(_nak(0x0D))
        error = await talk.fails(Query("fault"))
        assert isinstance(error, Refused)
        assert error.device_code == "NAK 01"


async def test_a_display_in_standby_may_answer_power_only() -> None:
    """Everything else refused: the display is still READY and known to be off."""
    asleep = {POWER: bytes.fromhex("aa ff 01 03 41 11 00 55"), STATUS: _nak(0), PANEL: _nak(0xF9)}
    async with talk_to(asleep) as talk:
        assert talk.session.reading("power").value == "off"  # type: ignore[union-attr]
        assert talk.session.reading("input") is None


async def test_a_model_without_sound_has_no_volume() -> None:
    """Asked for its volume it tells power and input, and no loudness."""
    mute = {STATUS: bytes.fromhex("aa ff 01 09 41 00 01 ff ff 21 10 00 00 7a")}
    async with talk_to(AWAKE | mute) as talk:
        assert (await talk.fails(Query("volume"))).code == "not_supported"
        assert await talk.read("input") == "hdmi1"


async def test_another_displays_voice_ends_the_connection() -> None:
    """A reply with a foreign number: nothing could be attributed any more, so it is begun anew."""
    async with talk_to() as talk:
        epoch = talk.session.epoch
        talk.say(bytes.fromhex("aa ff 02 03 41 11 00 56"))
        await talk.until(lambda: talk.session.epoch > epoch and talk.session.status.state is LinkState.READY)
        assert any("display 2" in str(status.error) for status in talk.told.links)


async def test_silence_is_offline() -> None:
    """A display that answers nothing at all: wrong number, or MDC goes to the other port."""
    async with talk_to({POWER: b"", STATUS: b"", PANEL: b""}, LinkState.OFFLINE) as talk:
        assert "does not answer" in str(talk.session.status.error)


@pytest.mark.parametrize("wrong", [-1, 254, 255])
def test_addresses_of_all_displays_are_refused(wrong: int) -> None:
    """Numbers that are never answered cannot be configured."""
    with pytest.raises(Exception, match="between 0 and 253"):
        Settings(FAMILY.manifest, {"id": wrong})
