"""The simulator alone, by hand over a socket: a strict reader and an honest device in each dialect."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from devices.ascii_matrix.simulator import AsciiMatrixSimulator
from devices.sdk import Settings, find_families, load_family

MANIFEST = load_family(find_families()["ascii_matrix"]).manifest


@asynccontextmanager
async def typing(
    profile: str,
) -> AsyncIterator[tuple[AsciiMatrixSimulator, asyncio.StreamReader, asyncio.StreamWriter]]:
    """Somebody connected to a 4x4 matrix of a dialect."""
    given = {"profile": profile, "inputs": 4, "outputs": 4}
    async with AsciiMatrixSimulator(MANIFEST, Settings(MANIFEST, given)) as simulator:
        reader, writer = await asyncio.open_connection("127.0.0.1", await simulator.serve_tcp())
        try:
            if simulator.profile.greeting:
                assert (await reader.readline()).decode().strip() == simulator.profile.greeting
            yield simulator, reader, writer
        finally:
            writer.close()


@pytest.mark.parametrize(
    ("profile", "typed", "answer"),
    [
        ("ptn", b"1V2.", b"AV: 01->002\r\n"),
        ("ptn", b"\r\n1V2.", b"AV: 01->002\r\n"),
        ("ptn", b"3V1,2,4.", b"AV: 03->1,2,4\r\n"),
        ("ptn", b"1B2.", b"AV: 01->002\r\n"),
        ("ptn", b"3B1,2.", b"AV: 03->1,2\r\n"),
        ("ptn", b"3All.", b"03 To All.\r\n"),
        ("ptn", b"All#.", b"All Through.\r\n"),
        ("ptn", b"2$.", b"AV: 02 Closed.\r\n"),
        ("ptn", b"All$.", b"All Closed.\r\n"),
        ("ptn", b"Status2.", b"AV: 02->02\r\nIR: 02->02\r\n"),
        ("ptn", b"2$.Status2.", b"AV: 02 Closed.\r\nAV:OFF->02\r\nIR:OFF->02\r\n"),
        ("ptn", b"status2.", b"Command Error\r\n"),
        ("ptn", b"9V2.", b"Command Error\r\n"),
        ("ptn", b"1V9.", b"Command Error\r\n"),
        ("ptn", b"Recall3.", b"Command Error\r\n"),
        ("techly", b"s 1 av 2!", b"AV 1 -> 2\r\n"),
        ("techly", b"s 3 all!", b"3 to all\r\n"),
        ("techly", b"s ptp!", b"ptp\r\n"),
        ("techly", b"r out 2!", b"AV 2 -> 2\r\n"),
        ("techly", b"r all out!", b"AV 1 -> 1, AV 2 -> 2, AV 3 -> 3, AV 4 -> 4, \r\n"),
        ("wyrestorm", b"SET SW in2 out3\r\n", b"SW in2 out3\r\n"),
        ("wyrestorm", b"GET MP out3\r\n", b"MP in3 out3\r\n"),
        (
            "a55b",
            bytes.fromhex("A5 5B 02 01 01 00 00 00 00 00 00 00 FC"),
            bytes.fromhex("A5 5B 02 01 01 00 01 00 00 00 00 00 FB"),
        ),
    ],
)
async def test_each_command_is_answered_as_the_manual_prints(profile: str, typed: bytes, answer: bytes) -> None:
    """Any conforming controller is understood, not only our driver."""
    async with typing(profile) as (_, reader, writer):
        writer.write(typed)
        async with asyncio.timeout(2):
            assert await reader.readexactly(len(answer)) == answer


async def test_a_status_of_all_comes_line_by_line() -> None:
    """`Status.` of PTN tells output after output."""
    async with typing("ptn") as (_, reader, writer):
        writer.write(b"2$.Status.")
        async with asyncio.timeout(2):
            lines = [await reader.readline() for _ in range(9)]
    assert [line.decode().strip() for line in lines if line.startswith(b"AV")] == [
        "AV: 02 Closed.",
        "AV: 01->01",
        "AV:OFF->02",
        "AV: 03->03",
        "AV: 04->04",
    ]


@pytest.mark.parametrize(
    ("profile", "typed"),
    [
        ("ekl", b"01*02!"),
        ("ekl", b"01*NN!"),
        ("ekl", b"9*9!"),
        ("a55b", bytes.fromhex("A5 5B 02 03 02 00 02 00 00 00 00 00 F7")),
        ("a55b", bytes.fromhex("A5 5B 02 03 02 00 02 00 00 00 00 00 F6")),
        ("techly", b"nonsense!"),
    ],
)
async def test_what_has_no_answer_is_met_with_silence(profile: str, typed: bytes) -> None:
    """A dialect without a word for it says nothing: the next question is the next answer."""
    async with typing(profile) as (simulator, reader, writer):
        writer.write(typed)
        writer.write_eof()
        async with asyncio.timeout(2):
            assert await reader.read() == b""
        assert len(simulator.snapshot()) == 4


@pytest.mark.parametrize("typed", [b"04*02!", b"04*02%", b"04V02%", b"04V02.", b"04*NN!", b"04VNN."])
async def test_every_spelling_of_the_manual_switches(typed: bytes) -> None:
    """EKL's box takes four forms of the same command and answers none."""
    async with typing("ekl") as (simulator, reader, writer):
        writer.write(typed)
        writer.write_eof()
        async with asyncio.timeout(2):
            assert await reader.read() == b""
        assert simulator.snapshot()["route.2"] == 4


async def test_frames_are_carried_out_only_with_their_checksum() -> None:
    """MuxLab's own example, whole and spoilt, with noise before it."""
    async with typing("a55b") as (simulator, reader, writer):
        writer.write(bytes.fromhex("A5 5B 02 03 02 00 01 00 00 00 00 00 F9"))
        writer.write(bytes.fromhex("00 FF A5 5B 02 01 01 00 00 00 00 00 00 00 FC"))
        async with asyncio.timeout(2):
            assert (await reader.readexactly(13))[6] == 1
        writer.write(bytes.fromhex("A5 5B 02 03 02 00 01 00 00 00 00 00 F8 A5 5B 02 01 01 00 00 00 00 00 00 00 FC"))
        async with asyncio.timeout(2):
            assert (await reader.readexactly(13))[6] == 2
        assert simulator.snapshot()["route.1"] == 2


async def test_noise_does_not_fill_the_memory() -> None:
    """A command that never ends is forgotten."""
    async with typing("ptn") as (simulator, reader, writer):
        writer.write(b"x" * 5000)
        await writer.drain()
        writer.write(b".1V2.")
        async with asyncio.timeout(2):
            assert (await reader.readline()).strip() in {b"Command Error", b"AV: 01->002"}
        assert all(len(buffer) <= 5000 for buffer in simulator._buffers.values())
