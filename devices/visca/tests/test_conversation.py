"""Talks with a camera, as its manual would write them."""

from __future__ import annotations

import asyncio

from devices.sdk.commands import Act, Set
from devices.sdk.driver import Driver
from devices.sdk.errors import Busy, NotSupported
from devices.sdk.settings import Settings
from devices.sdk.testing.conversation import conversation
from devices.visca.driver import ViscaDriver
from devices.visca.tests.rig import FAMILY, PRESETS


def hexadecimal(text: str) -> bytes:
    """Bytes from the manual's notation."""
    return bytes.fromhex(text)


ANSWERS = {
    hexadecimal("81 09 04 00 FF"): hexadecimal("90 50 02 FF"),
    hexadecimal("81 09 06 12 FF"): hexadecimal("90 50 0F 0E 07 00 00 00 01 0E FF"),
    hexadecimal("81 09 04 47 FF"): hexadecimal("90 50 02 00 00 00 FF"),
}
"""A camera that is on and looks where preset `podium` is: pan -400, tilt 30, zoom 8192."""


def camera() -> Driver:
    """A driver over a bare line."""
    return ViscaDriver(FAMILY.manifest, Settings(FAMILY.manifest, {"presets": PRESETS, "header": "none"}))


async def test_what_is_known_after_connecting() -> None:
    """Three questions tell everything, the preset included."""
    async with conversation(camera(), answers=ANSWERS) as talk:
        await talk.hears("position", (-400, 30))
        await talk.hears("zoom", 8192)
        assert (await talk.hears("preset", 1)).verified


async def test_recall_to_the_end() -> None:
    """The acknowledgement opens a socket, the completion comes when the head stops."""
    async with conversation(camera(), answers=ANSWERS) as talk:
        talk.expect(hexadecimal("81 01 04 3F 02 02 FF"))
        talk.reply(hexadecimal("90 41 FF"))
        talk.reply(hexadecimal("90 51 FF"))
        await talk.execute(Set("preset", "seats"), wait_done=True)


async def test_goal_during_a_motion() -> None:
    """The running recall is cancelled by its socket, then the new goal goes out."""
    async with conversation(camera(), answers=ANSWERS) as talk:
        talk.expect(hexadecimal("81 01 04 3F 02 02 FF"))
        talk.reply(hexadecimal("90 41 FF"))
        await talk.execute(Set("preset", 2))
        talk.expect(hexadecimal("81 21 FF"))
        talk.reply(hexadecimal("90 61 04 FF"))
        talk.expect(hexadecimal("81 01 06 02 18 14 00 00 06 04 00 00 00 00 FF"))
        talk.reply(hexadecimal("90 41 FF"))
        await talk.execute(Set("position", (100, 0)))


async def test_full_buffer() -> None:
    """The command waits for a free socket and goes out again."""
    async with conversation(camera(), answers=ANSWERS) as talk:
        for reply in ("90 60 03 FF", "90 42 FF"):
            talk.expect(hexadecimal("81 01 04 47 04 00 00 00 FF"))
            talk.reply(hexadecimal(reply))
        await talk.execute(Set("zoom", 0x4000))


async def test_refusals() -> None:
    """Not now and never are told apart."""
    async with conversation(camera(), answers=ANSWERS) as talk:
        talk.expect(hexadecimal("81 01 06 04 FF"))
        talk.reply(hexadecimal("90 61 41 FF"))
        assert isinstance(await talk.fails(Act("home")), Busy)
        talk.expect(hexadecimal("81 01 06 04 FF"))
        talk.reply(hexadecimal("90 60 02 FF"))
        assert isinstance(await talk.fails(Act("home")), NotSupported)


async def test_storing_learns_the_place() -> None:
    """Store, then where that was."""
    async with conversation(camera(), answers=ANSWERS) as talk:
        talk.expect(hexadecimal("81 01 04 3F 01 05 FF"))
        talk.reply(hexadecimal("90 41 FF"))
        talk.reply(hexadecimal("90 51 FF"))
        await talk.execute(Act("store_preset", {"number": 5}))
        assert talk.told.facts == {"preset.5": (-400, 30, 8192)}


async def test_drive_is_stopped_by_the_dead_man() -> None:
    """Nobody renews the drive, so the stop goes out by itself."""
    driver = ViscaDriver(FAMILY.manifest, Settings(FAMILY.manifest, {"deadman_s": 0.1}))
    async with conversation(driver, answers=ANSWERS) as talk:
        talk.expect(hexadecimal("81 01 06 01 0C 01 02 03 FF"))
        talk.reply(hexadecimal("90 41 FF 90 51 FF"))
        stop = hexadecimal("81 01 06 01 01 01 03 03 FF")
        talk.expect(stop)
        talk.reply(hexadecimal("90 41 FF 90 51 FF"))
        await talk.session.execute(Act("drive", {"pan": 0.5, "tilt": 0}))
        async with asyncio.timeout(5):
            while stop not in talk.told.sent:
                await asyncio.sleep(0.005)
