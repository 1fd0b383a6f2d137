"""The simulator, judged by a client that others wrote and by packets no client would send."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from samsung_mdc import MDC
from samsung_mdc.exceptions import MDCReadTimeoutError, NAKError

from devices.samsung_mdc.simulator import SamsungMdcSimulator
from devices.samsung_mdc.tests.test_conversation import FAMILY
from devices.sdk import Settings
from devices.sdk.testing import Faults


@asynccontextmanager
async def display(faults: str = "warmup=0", number: int = 1) -> AsyncIterator[tuple[SamsungMdcSimulator, int]]:
    """A display on a real port of this machine, in standby."""
    settings = Settings(FAMILY.manifest, {"id": number})
    async with SamsungMdcSimulator(FAMILY.manifest, settings, faults=Faults.parse(faults)) as simulator:
        yield simulator, await simulator.serve_tcp()


async def ask(port: int, packet: bytes) -> bytes:
    """What comes back within a moment."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(packet)
        return await asyncio.wait_for(reader.read(64), 0.1)
    except TimeoutError:
        return b""
    finally:
        writer.close()
        await writer.wait_closed()


async def test_foreign_client_drives_every_command() -> None:
    """`python-samsung-mdc`, which shares no line with us, switches, selects and reads; the display agrees each time."""
    async with display() as (simulator, port), MDC(f"127.0.0.1:{port}") as client:
        assert [state.name for state in await client.power(1)] == ["OFF"]
        await client.power(1, ["ON"])
        await asyncio.sleep(0)
        assert [state.name for state in await client.power(1)] == ["ON"]
        await client.input_source(1, ["DISPLAY_PORT_1"])
        await client.volume(1, [64])
        await client.mute(1, ["ON"])
        await client.panel(1, ["OFF"])
        shown = simulator.snapshot()
        assert (shown["input"], shown["volume"], shown["mute"], shown["blank"]) == ("displayport1", 64.0, True, True)
        power, volume, mute, source, *_ = await client.status(1)
        assert (power.name, volume, mute.name, source.name) == ("ON", 64, "ON", "DISPLAY_PORT_1")
        assert [state.name for state in await client.panel(1)] == ["OFF"]
        assert await client.model_name(1) == ("QM55R simulated",)
        assert await client.serial_number(1) == ("0SIM0000000001",)
        assert await client.software_version(1) == ("S-SIM-1500.0",)
        simulator.front_panel("fault", "lamp")
        lamp, heat, _, signal, degrees, fan = await client.error_status(1)
        assert (lamp.name, heat.name, signal.name, degrees, fan.name) == ("ERROR", "NORMAL", "NORMAL", 41, "NORMAL")


async def test_foreign_client_meets_refusal_and_silence() -> None:
    """In standby the display refuses an input; another display's number it does not hear."""
    async with display() as (_, port), MDC(f"127.0.0.1:{port}", timeout=0.1) as client:
        with pytest.raises(NAKError):
            await client.input_source(1, ["HDMI2"])
        with pytest.raises(MDCReadTimeoutError):
            await client.power(7)


@pytest.mark.parametrize(
    ("packet", "reply"),
    [
        ("aa 11 01 00 12", "aa ff 01 03 41 11 01 56"),
        ("aa 11 01 00 13", ""),  # a wrong sum
        ("aa 11 02 00 13", ""),  # another display
        ("aa 11 fe 01 01 11", ""),  # all displays: obeyed, never answered
        ("00 ff aa 12 01 00 13", "aa ff 01 03 41 12 14 6a"),  # noise before
        ("aa 12 01 01 65 79", "aa ff 01 03 4e 12 01 64"),  # volume 101
        ("aa 14 01 01 99 af", "aa ff 01 03 4e 14 01 66"),  # no such input
        ("aa 77 01 00 78", "aa ff 01 03 4e 77 01 c9"),  # no such command
        ("aa 11 01 02 01 00 15", "aa ff 01 03 4e 11 01 63"),  # too much
    ],
)
async def test_reads_packets_as_strictly_as_a_display(packet: str, reply: str) -> None:
    """Sum, number, length and range are checked; what a display refuses is refused, what it ignores is ignored."""
    async with display() as (simulator, port):
        simulator.state["power"] = "on"
        assert await ask(port, bytes.fromhex(packet)) == bytes.fromhex(reply)


async def test_starting_takes_its_time() -> None:
    """Acknowledged at once, on only later; an off in between wins."""
    async with display("warmup=0.02") as (simulator, port):
        await ask(port, bytes.fromhex("aa 11 01 01 01 14"))
        await asyncio.sleep(0.03)
        assert simulator.state["power"] == "on"
        await ask(port, bytes.fromhex("aa 11 01 01 00 13 aa 11 01 01 01 14 aa 11 01 01 00 13"))
        await asyncio.sleep(0.03)
        assert simulator.state["power"] == "off"


def test_nobody_can_press_what_is_not_there() -> None:
    """A hand cannot choose an input the display lacks."""
    simulator = SamsungMdcSimulator(FAMILY.manifest, Settings(FAMILY.manifest, {}))
    for name, value in (("input", "hdmi9"), ("power", "warming"), ("colour", "red")):
        with pytest.raises(ValueError, match="this d"):
            simulator.front_panel(name, value)
