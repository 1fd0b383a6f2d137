"""The simulator, judged by a client that others wrote and by requests no client would send."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.framer import FramerType

from devices.modbus_relay.simulator import ModbusRelaySimulator
from devices.modbus_relay.tests.test_conversation import FAMILY
from devices.sdk import Settings


@asynccontextmanager
async def board(framing: str = "auto") -> AsyncIterator[tuple[ModbusRelaySimulator, int]]:
    """A board of eight on a real port of this machine."""
    async with ModbusRelaySimulator(FAMILY.manifest, Settings(FAMILY.manifest, {"framing": framing})) as simulator:
        yield simulator, await simulator.serve_tcp()


async def ask(port: int, request: bytes) -> bytes:
    """What comes back within a moment."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        return await asyncio.wait_for(reader.read(64), 0.1)
    except TimeoutError:
        return b""
    finally:
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("wire", ["tcp", "rtu over tcp", "serial"])
async def test_foreign_client_drives_the_board(wire: str) -> None:
    """Pymodbus' client reads and writes over each line; the board's contacts agree, and what it lacks it refuses."""
    async with board("rtu" if wire == "rtu over tcp" else "auto") as (simulator, port):
        client: AsyncModbusTcpClient | AsyncModbusSerialClient
        if wire == "serial":
            client = AsyncModbusSerialClient(await simulator.serve_pty(), baudrate=9600, timeout=1)
        else:
            framer = FramerType.SOCKET if wire == "tcp" else FramerType.RTU
            client = AsyncModbusTcpClient("127.0.0.1", port=port, framer=framer, timeout=1)
        assert await client.connect()
        try:
            assert not (await client.write_coil(2, value=True)).isError()
            assert not (await client.write_coils(4, [True, False, True])).isError()
            assert (await client.read_coils(0, count=8)).bits[:8] == list(simulator.snapshot().values())
            assert (await client.write_coil(8, value=True)).exception_code == 2
            assert (await client.read_holding_registers(0, count=1)).exception_code == 1
        finally:
            client.close()
        assert [name for name, closed in simulator.snapshot().items() if closed] == ["relay.3", "relay.5", "relay.7"]


@pytest.mark.parametrize(
    ("request_", "reply"),
    [
        ("01 01 00 00 00 08 3d cc", "01 01 01 00 51 88"),
        ("01 01 00 00 00 08 3d cd", ""),  # a wrong CRC
        ("02 01 00 00 00 08 3d ff", ""),  # another board
        ("00 05 00 00 ff 00 8d eb", ""),  # all boards: obeyed, never answered
        ("01 05 00 00 12 34 c0 bd", "01 85 03 02 91"),  # neither on nor off
        ("01 05 00 08 ff 00 0d f8", "01 85 02 c3 51"),  # a ninth relay
        ("55 aa 01 05 00 00 ff 00 8c 3a", "01 05 00 00 ff 00 8c 3a"),  # noise before
    ],
)
async def test_reads_rtu_as_strictly_as_a_board(request_: str, reply: str) -> None:
    """CRC, address, value and range are checked; the rest is silence or its exception."""
    async with board("rtu") as (_, port):
        assert await ask(port, bytes.fromhex(request_)) == bytes.fromhex(reply)


@pytest.mark.parametrize(
    ("request_", "reply"),
    [
        ("0009 0000 0006 01 01 0000 0008", "0009 0000 0004 01 01 01 00"),
        ("0009 0000 0006 ff 01 0000 0008", "0009 0000 0004 ff 01 01 00"),
        ("0009 0000 0006 07 01 0000 0008", "0009 0000 0003 07 81 0b"),  # a gateway without that board
        ("0009 0000 0006 01 01 0000 0000", "0009 0000 0003 01 81 03"),  # nothing asked
        ("0009 0000 0006 01 01 0004 0008", "0009 0000 0003 01 81 02"),
        ("0009 0000 0008 01 0f 0000 0008 02 ff", "0009 0000 0003 01 8f 03"),  # a byte promised and not sent
        ("0009 0000 0002 01 05", "0009 0000 0003 01 85 03"),
        ("0009 0001 0006 01 01 0000 0008", ""),  # another protocol
    ],
)
async def test_reads_tcp_as_strictly_as_a_board(request_: str, reply: str) -> None:
    """Header, length, quantity and range are checked."""
    async with board() as (_, port):
        assert await ask(port, bytes.fromhex(request_)) == bytes.fromhex(reply)


async def test_waveshares_own_words_work() -> None:
    """All at once by coil FF and the toggle, though our driver says neither."""
    async with board("rtu") as (simulator, port):
        await ask(port, bytes.fromhex("01 05 00 ff ff 00 bc 0a"))
        assert set(simulator.snapshot().values()) == {True}
        await ask(port, bytes.fromhex("01 05 00 00 55 00 f2 9a"))
        assert [simulator.snapshot()[f"relay.{number}"] for number in (1, 2)] == [False, True]


def test_nobody_can_half_close_a_contact() -> None:
    """A hand closes or opens."""
    simulator = ModbusRelaySimulator(FAMILY.manifest, Settings(FAMILY.manifest, {}))
    for name, value in (("relay.1", 2), ("relay.9", True)):
        with pytest.raises(ValueError, match=r"contact|no property"):
            simulator.front_panel(name, value)
