"""Faults in words, and a simulator as a program of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.sdk import BadSetting, Settings, find_families, load_family
from devices.sdk.testing import Faults
from devices.sdk.testing.faults import parse_value
from devices.sdk.testing.run import obey, run_simulator

PROGRAM = """
import asyncio, sys
from devices.sdk.testing.run import run_simulator
asyncio.run(run_simulator("extron_sis", port=0, faults=sys.argv[1], announce=lambda line: print(line, flush=True)))
"""
NUMBERS = st.sampled_from(["delay", "drop", "drop_ack", "nak", "half", "cut", "garbage", "flip", "reset", "warmup"])


def test_faults_are_read_as_they_are_written() -> None:
    """Names with and without values, switched one by one."""
    faults = Faults.parse("delay=2,drop=0.1, lie ,front_panel=route.1:3")
    assert (faults.delay, faults.drop, faults.lie, faults.front_panel) == (2.0, 0.1, True, ("route.1", 3))
    faults.update("lie=off,delay=off")
    assert faults.describe() == "drop=0.1,front_panel=route.1:3"
    faults.update("none")
    assert faults == Faults()


@given(st.dictionaries(NUMBERS, st.floats(0.01, 1).map(lambda number: round(number, 2))))
def test_what_is_described_can_be_read_again(values: dict[str, float]) -> None:
    """`describe` and `parse` are inverse."""
    faults = Faults.parse(",".join(f"{name}={value}" for name, value in values.items()))
    assert Faults.parse(faults.describe()) == faults


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("dely=2", "did you mean 'delay'"),
        ("nonsense", "known: delay"),
        ("drop=2", "chance from 0 to 1"),
        ("delay=x", "needs a number"),
        ("delay=-1", "0 to 86400"),
        ("duplicate=0", "whole number from 1"),
        ("lie=perhaps", "is a switch"),
        ("front_panel=route", "name:value"),
    ],
)
def test_a_wrong_fault_is_explained(text: str, complaint: str) -> None:
    """Each refusal says what would be right."""
    with pytest.raises(ValueError, match=complaint):
        Faults.parse(text)


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("3", 3), ("2.5", 2.5), ("-400/30", (-400, 30)), ("hdmi1", "hdmi1")]
)
def test_values_typed_by_hand(text: str, value: object) -> None:
    """Booleans, numbers, positions, words."""
    assert parse_value(text) == value


async def test_the_console_of_a_simulator() -> None:
    """Every command answers; nonsense is met with the list of commands."""
    family = load_family(find_families()["extron_sis"])
    async with family.simulator(family.manifest, Settings(family.manifest, {"outputs": 2})) as simulator:
        assert obey(simulator, "fault delay=2 lie") == "faults: delay=2,lie"
        assert obey(simulator, "fault none") == "faults: none"
        assert obey(simulator, "front route.1 3") == "route.1 = 3"
        assert json.loads(obey(simulator, "state"))["route.1"] == 3
        assert obey(simulator, "front nothing 1").startswith("error: ")
        assert obey(simulator, "power-cut 0.01") == "off for 0.01 s"
        assert "power-cut SECONDS" in obey(simulator, "help")


@asynccontextmanager
async def program(faults: str = "") -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    """A simulator in a process of its own, and its port."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", PROGRAM, faults, stdin=PIPE, stdout=PIPE)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(20):
            line = (await process.stdout.readline()).decode()
        yield process, int(line.rpartition(":")[2])
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_a_simulator_runs_alone_and_obeys() -> None:
    """It says where it listens, answers the wire, takes lines on standard input, and ends on SIGTERM with 0."""
    async with program("warmup=1") as (process, port), asyncio.timeout(20):
        assert process.stdout is not None
        assert process.stdin is not None
        assert b"faults: warmup=1" in await process.stdout.readline()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await reader.readuntil(b"08:00:00\r\n")
        writer.write(b"Q")
        assert await reader.readline() == b"1.07\r\n"
        process.stdin.write(b"front route.1 3\n")
        assert await process.stdout.readline() == b"route.1 = 3\n"
        process.stdin.close()
        writer.write(b"1%")
        assert await reader.readline() == b"03\r\n", "the end of standard input is not the end of the simulator"
        writer.close()
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0


@pytest.mark.parametrize("family", sorted(find_families()))
async def test_every_family_is_simulated_by_its_name_alone(family: str) -> None:
    """`smartroom simulate NAME`: it listens, and says which example stands for what nobody gave."""
    said: asyncio.Queue[str] = asyncio.Queue()
    simulating = asyncio.create_task(
        run_simulator(family, port=0, announce=said.put_nowait, listen_to_stdin=False), name=family
    )
    async with asyncio.timeout(20):
        assert (await said.get()).startswith(f"{family} listens at ")
        if any(spec.required for spec in load_family(find_families()[family]).manifest.settings.values()):
            line = await said.get()
            while "listens at" in line:
                line = await said.get()
            assert "(the example; --set " in line
    simulating.cancel()
    await asyncio.wait({simulating})


async def test_what_cannot_be_simulated_is_explained() -> None:
    """Unknown families and lines a family does not speak."""
    with pytest.raises(BadSetting, match=r"there are: .*extron_sis"):
        await run_simulator("toaster", port=0)
    with pytest.raises(BadSetting, match="not serial"):
        await run_simulator("pjlink", port=None, serial=True, listen_to_stdin=False)


async def test_a_taken_port_is_explained() -> None:
    """The technician is told to choose another."""
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(BadSetting, match="give another --port"):
        await run_simulator("pjlink", port=taken.getsockname()[1], listen_to_stdin=False)


async def test_a_link_to_the_pseudo_terminal_is_made_and_removed(tmp_path: Path) -> None:
    """`--serial PATH` gives a name that stays the same."""
    family = load_family(find_families()["extron_sis"])
    link = tmp_path / "matrix"
    async with family.simulator(family.manifest, Settings(family.manifest, {})) as simulator:
        assert await simulator.serve_pty(link) == str(link)
        assert os.readlink(link).startswith("/dev/pts/")  # noqa: PTH115
    assert not link.is_symlink()
