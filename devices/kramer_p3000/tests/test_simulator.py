"""The simulator alone, by hand over a socket: a strict reader and an honest device."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest

from devices.kramer_p3000.simulator import KramerP3000Simulator
from devices.sdk import Settings, find_families, load_family

MANIFEST = load_family(find_families()["kramer_p3000"]).manifest


@asynccontextmanager
async def unit(settings: Mapping[str, object] | None = None) -> AsyncIterator[tuple[KramerP3000Simulator, int]]:
    """A running simulator and its port."""
    given = {"inputs": 4, "outputs": 4, **(settings or {})}
    async with KramerP3000Simulator(MANIFEST, Settings(MANIFEST, given)) as simulator:
        yield simulator, await simulator.serve_tcp()


async def ask(port: int, text: str, answers: int = 1) -> list[str]:
    """Type a line and read so many."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(text.encode())
    try:
        async with asyncio.timeout(2):
            return [(await reader.readline()).decode() for _ in range(answers)]
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("dialect", "typed", "answer"),
    [
        ("vid", "#\r", "~01@ OK\r\n"),
        ("vid", "#VID 1>2\r", "~01@VID 1>2 OK\r\n"),
        ("vid", "#V 1>2\r\n", "~01@VID 1>2 OK\r\n"),
        ("vid", "#AV 1>2\r", "~01@AV 1>2 OK\r\n"),
        ("vid", "#1@VID 1>2\r", "~01@VID 1>2 OK\r\n"),
        ("vid", "#VID 1>*\r", "~01@VID 1>* OK\r\n"),
        ("vid", "#VID 0>2\r", "~01@VID 0>2 OK\r\n"),
        ("vid", "#VID? 2\r", "~01@VID 2>2\r\n"),
        ("vid", "#VID? *\r", "~01@VID 1>1,2>2,3>3,4>4\r\n"),
        ("vid", "#VID 9>1\r", "~01@VID ERR003\r\n"),
        ("vid", "#VID 1>9\r", "~01@VID ERR003\r\n"),
        ("vid", "#VID 1\r", "~01@VID ERR001\r\n"),
        ("vid", "#ROUTE 1,1,2\r", "~01@ERR002\r\n"),
        ("vid", "#" + "X" * 64 + "\r", "~01@ERR001\r\n"),
        ("vid", "#PRST-RCL 3\r", "~01@PRST-RCL ERR003\r\n"),
        ("vid", "#PRST-STO 3\r", "~01@PRST-STO 3 OK\r\n"),
        ("route", "#ROUTE 1,2,3\r", "~01@ROUTE 1,2,3\r\n"),
        ("route", "#ROUTE? 1,2\r", "~01@ROUTE 1,2,2\r\n"),
        ("route", "#ROUTE 7,2,3\r", "~01@ROUTE ERR003\r\n"),
        ("route", "#ROUTE 1,2\r", "~01@ROUTE ERR001\r\n"),
        ("route", "#VID 1>2\r", "~01@ERR002\r\n"),
        ("route", "#MODEL?\r", "~01@MODEL VS-88H2\r\n"),
        ("route", "#INFO-IO?\r", "~01@INFO-IO IN 4,OUT 4\r\n"),
    ],
)
async def test_each_command_is_answered_as_the_manual_prints(dialect: str, typed: str, answer: str) -> None:
    """Any conforming controller is understood, not only our driver."""
    async with unit({"dialect": dialect}) as (_, port):
        assert await ask(port, typed) == [answer]


async def test_a_chain_waits_for_its_end_and_is_answered_one_by_one() -> None:
    """Nothing runs until CR; each command has an answer of its own."""
    async with unit() as (simulator, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"#VID 4>1|VID 9>2|VID 3>3")
        await writer.drain()
        await asyncio.sleep(0.01)
        assert simulator.snapshot()["route.1"] == 1
        writer.write(b"\r")
        async with asyncio.timeout(2):
            lines = [await reader.readline() for _ in range(3)]
        writer.close()
    assert lines == [b"~01@VID 4>1 OK\r\n", b"~01@VID ERR003\r\n", b"~01@VID 3>3 OK\r\n"]


async def test_nothing_is_carried_out_before_the_login() -> None:
    """ERR004 until user and password are right."""
    async with unit({"password": "kramer"}) as (simulator, port):
        typed = "#VID 4>1\r#LOGIN Admin,salah\r#LOGIN Admin\r#LOGIN Admin,kramer\r#VID 4>1\r"
        lines = await ask(port, typed, 5)
    assert [line.strip() for line in lines] == [
        "~01@VID ERR004",
        "~01@LOGIN ERR004",
        "~01@LOGIN ERR001",
        "~01@LOGIN Admin,kramer OK",
        "~01@VID 4>1 OK",
    ]
    assert simulator.snapshot()["route.1"] == 4


async def test_noise_is_met_with_silence() -> None:
    """Protocol 2000 and other machines' lines are not answered."""
    async with unit() as (_, port):
        assert await ask(port, "\x01\x81\x81\x81\r#7@VID 1>2\r#\r") == ["~01@ OK\r\n"]
