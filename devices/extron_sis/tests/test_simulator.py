"""The simulator alone, by hand over a socket: a strict reader and an honest device."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest

from devices.extron_sis.simulator import ExtronSisSimulator
from devices.sdk import Settings, find_families, load_family
from devices.sdk.testing import Faults

MANIFEST = load_family(find_families()["extron_sis"]).manifest


class Telnet:
    """Somebody at a keyboard."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def ask(self, text: str) -> str:
        """Type, and read one line."""
        self._writer.write(text.encode())
        return await self.line()

    async def line(self) -> str:
        """Next line that is not empty."""
        async with asyncio.timeout(2):
            while not (line := (await self._reader.readline()).decode().strip()):
                pass
        return line

    async def rest(self) -> bytes:
        """Everything until the unit hangs up."""
        async with asyncio.timeout(2):
            return await self._reader.read()

    def close(self) -> None:
        """Leave."""
        self._writer.close()


@asynccontextmanager
async def unit(
    settings: Mapping[str, object] | None = None, faults: str = ""
) -> AsyncIterator[tuple[ExtronSisSimulator, int]]:
    """A running simulator and its port."""
    given = {"inputs": 4, "outputs": 4, **(settings or {})}
    async with ExtronSisSimulator(MANIFEST, Settings(MANIFEST, given), faults=Faults.parse(faults)) as simulator:
        yield simulator, await simulator.serve_tcp()


@asynccontextmanager
async def typing(port: int, greeting: int = 2) -> AsyncIterator[Telnet]:
    """Somebody connected, past banner and date."""
    person = Telnet(*await asyncio.open_connection("127.0.0.1", port))
    try:
        for _ in range(greeting):
            await person.line()
        yield person
    finally:
        person.close()


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("1*3!", "Out03 In01 All"),
        ("001*003%", "Out03 In01 Vid"),
        ("2*!", "In02 All"),
        ("0*1!", "Out01 In00 All"),
        ("3!", "03"),
        ("9*1!", "E01"),
        ("1*9!", "E12"),
        ("1*1B", "Vmt01*1"),
        ("1*B", "Vmt1"),
        ("2*1Z", "Amt02*1"),
        ("1*65V", "E13"),
        ("1*50V", "Out01 Vol50"),
        ("1+V", "Out01 Vol33"),
        ("1V", "32"),
        ("33,", "E11"),
        ("9.", "E11"),
        ("0LS", "1111"),
        ("Q", "1.07"),
        ("N", "60-0000-01"),
        ("I", "V4X4 A4X4"),
        ("x", "E10"),
        ("1*3x", "E10"),
        ("\x1bZZ\r", "E10"),
        ("\x1bVM\r", "0000"),
        ("\x1b+Q3*4!1*2!\r", "Qik"),
        ("\x1b+Q3*4!1*9!\r", "E12"),
        ("\x1b+27P0*!\r", "Spr27"),
    ],
)
async def test_each_command_is_answered_as_the_manual_prints(typed: str, answer: str) -> None:
    """Any conforming controller is understood, not only our driver."""
    async with unit() as (_, port), typing(port) as person:
        assert await person.ask(typed) == answer


async def test_commands_in_one_string_are_all_carried_out() -> None:
    """`1*1!02*02&003*003%` makes three ties, as the CrossPoint manual says."""
    async with unit() as (simulator, port), typing(port) as person:
        lines = [await person.ask("4*1!04*02&004*003%"), await person.line(), await person.line()]
    assert lines == ["Out01 In04 All", "Out02 In04 RGB", "Out03 In04 Vid"]
    assert [simulator.snapshot()[f"route.{output}"] for output in (1, 2, 3)] == [4, 4, 4]


async def test_a_wrong_tie_in_a_salvo_changes_nothing() -> None:
    """All ties of ESC +Q become active together or none."""
    async with unit() as (simulator, port), typing(port) as person:
        assert await person.ask("\x1b+Q3*1!9*2!\r") == "E01"
    assert simulator.snapshot()["route.1"] == 1


async def test_presets_bring_ties_back() -> None:
    """Save, change, recall."""
    async with unit() as (simulator, port), typing(port) as person:
        assert await person.ask("5,") == "Spr05"
        await person.ask("4*!")
        assert await person.ask("5.") == "Rpr05"
    assert simulator.snapshot()["route.2"] == 2


async def test_others_hear_of_changes_only_in_verbose_mode() -> None:
    """Mode 3 is told and tagged; mode 0 is not told."""
    async with unit() as (_, port), typing(port) as loud, typing(port) as quiet, typing(port) as author:
        assert await loud.ask("\x1b3CV\r") == "Vrb3"
        await author.ask("4*1!")
        assert await loud.line() == "Out01 In04 All"
        assert await loud.ask("1%") == "Out01 In04 Vid"
        assert await quiet.ask("1%") == "04"


async def test_the_password_opens_and_three_wrong_ones_close() -> None:
    """Before the password nothing is carried out."""
    async with unit({"password": "extron"}) as (simulator, port):
        async with typing(port) as person:
            assert await person.ask("extron\r") == "Password:"
            assert await person.line() == "Login Administrator"
            assert await person.ask("Q") == "1.07"
        async with typing(port) as thief:
            assert await thief.ask("1*2!\rsatu\rdua\r") == "Password:"
            assert (await thief.rest()).count(b"Password:") == 3
    assert simulator.snapshot()["route.2"] == 2


async def test_one_client_too_many_is_told_e26() -> None:
    """The refused controller learns why."""
    async with unit(faults="refuse_clients=1") as (_, port), typing(port), typing(port, greeting=0) as second:
        assert await second.rest() == b"E26\r\n"


async def test_unknown_commands_can_be_met_with_silence() -> None:
    """As FOX3 does: the next command is answered."""
    async with unit() as (simulator, port), typing(port) as person:
        simulator.silent_unknown = True
        assert await person.ask("xQ") == "1.07"


async def test_noise_does_not_fill_the_memory() -> None:
    """Half a command that never ends is dropped with E10."""
    async with unit() as (_, port), typing(port) as person:
        assert await person.ask("\x1b" + "a" * 600) == "E10"
        assert await person.ask("Q") == "1.07"
