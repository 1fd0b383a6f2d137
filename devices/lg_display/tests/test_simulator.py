"""The simulator held against the manual's lines, and against lines no controller would send."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from devices.lg_display.simulator import LgDisplaySimulator
from devices.lg_display.tests.test_conversation import FAMILY
from devices.sdk import Settings
from devices.sdk.testing import Faults


@asynccontextmanager
async def display(**given: object) -> AsyncIterator[tuple[LgDisplaySimulator, int]]:
    """A set on a real port of this machine, on."""
    settings = Settings(FAMILY.manifest, given)
    async with LgDisplaySimulator(FAMILY.manifest, settings, faults=Faults.parse("warmup=0")) as simulator:
        simulator.state["power"] = "on"
        yield simulator, await simulator.serve_tcp()


async def ask(port: int, line: bytes) -> bytes:
    """What comes back within a moment."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(line)
        return await asyncio.wait_for(reader.read(64), 0.1)
    except TimeoutError:
        return b""
    finally:
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (b"ka 01 ff\r", b"a 01 OK01x"),
        (b"ke 01 00\r", b"e 01 OK00x"),
        (b"kf 01 64\r", b"f 01 OK64x"),
        (b"kf 01 65\r", b"f 01 NG01x"),
        (b"kf 01 zz\r", b"f 01 NG01x"),
        (b"xb 01 a0\r", b"b 01 OKa0x"),
        (b"xb 01 99\r", b"b 01 NG02x"),
        (b"qq 01 01\r", b"q 01 NG02x"),
        (b"sv 01 02 ff\r", b"v 01 OK0201x"),
        (b"sv 01 10 ff\r", b"v 01 NG01x"),
        (b"ka 00 01\r", b""),  # all sets: obeyed, never answered
        (b"ka 02 ff\r", b""),  # another set
        (b"ka 001 ff\r", b""),  # too many digits
        (b"ka 01 ff", b""),  # no CR yet
        (b"rubbish\r\nka 01 ff\r", b"a 01 OK01x"),
    ],
)
async def test_reads_lines_as_strictly_as_a_set(line: bytes, answer: bytes) -> None:
    """Words, id, data and range are checked; answers end with x."""
    async with display() as (_, port):
        assert await ask(port, line) == answer


async def test_all_sets_obey_and_none_answers() -> None:
    """Id 00 reaches this set too."""
    async with display() as (simulator, port):
        await ask(port, b"kf 00 0a\r")
        assert simulator.state["volume"] == 10.0


async def test_in_standby_it_asks_for_time() -> None:
    """Power is told, the rest is NG 03."""
    async with display() as (simulator, port):
        simulator.state["power"] = "off"
        assert await ask(port, b"ka 01 ff\r") == b"a 01 OK00x"
        assert await ask(port, b"kf 01 ff\r") == b"f 01 NG03x"


def test_nobody_can_press_what_is_not_there() -> None:
    """A hand cannot choose an input the set lacks."""
    simulator = LgDisplaySimulator(FAMILY.manifest, Settings(FAMILY.manifest, {}))
    for name, value in (("input", "hdmi9"), ("power", "warming"), ("colour", "red")):
        with pytest.raises(ValueError, match="this"):
            simulator.front_panel(name, value)
