"""The simulator alone, by hand over a socket: a strict reader and an honest hub."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from devices.sdk import Settings, find_families, load_family
from devices.videohub.simulator import VideohubSimulator

MANIFEST = load_family(find_families()["videohub"]).manifest


class Person:
    """Somebody at a keyboard."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def ask(self, text: str) -> str:
        """Type, and read one block."""
        self._writer.write(text.encode())
        return await self.block()

    async def block(self) -> str:
        """Next block."""
        async with asyncio.timeout(2):
            return (await self._reader.readuntil(b"\n\n")).decode()

    async def prelude(self) -> str:
        """Everything up to END PRELUDE."""
        async with asyncio.timeout(2):
            return (await self._reader.readuntil(b"END PRELUDE:\n\n")).decode()

    def close(self) -> None:
        """Leave."""
        self._writer.close()


@asynccontextmanager
async def hub() -> AsyncIterator[tuple[VideohubSimulator, int]]:
    """A running 4x4 hub and its port."""
    async with VideohubSimulator(MANIFEST, Settings(MANIFEST, {"inputs": 4, "outputs": 4})) as simulator:
        yield simulator, await simulator.serve_tcp()


@asynccontextmanager
async def typing(port: int) -> AsyncIterator[Person]:
    """Somebody connected, past the prelude."""
    person = Person(*await asyncio.open_connection("127.0.0.1", port))
    try:
        assert (await person.prelude()).startswith(
            "PROTOCOL PREAMBLE:\nVersion: 2.8\n\nVIDEOHUB DEVICE:\nDevice present: true\n"
        )
        yield person
    finally:
        person.close()


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("PING:\n\n", "ACK\n\n"),
        ("VIDEO OUTPUT ROUTING:\n7 2\n\n", "NAK\n\n"),
        ("VIDEO OUTPUT ROUTING:\n3 2\n\n", "ACK\n\n"),
        ("VIDEO OUTPUT ROUTING:\r\n3 2\r\n\r\n", "ACK\n\n"),
        ("VIDEO OUTPUT ROUTING:\n3 4\n\n", "NAK\n\n"),
        ("VIDEO OUTPUT ROUTING:\n3\n\n", "NAK\n\n"),
        ("VIDEO OUTPUT LOCKS:\n3 X\n\n", "NAK\n\n"),
        ("VIDEOHUB DEVICE:\nModel name: x\n\n", "NAK\n\n"),
        ("video output routing:\n3 2\n\n", "NAK\n\n"),
        ("NONSENSE\n\n", "NAK\n\n"),
    ],
)
async def test_each_request_is_answered_as_the_manual_says(typed: str, answer: str) -> None:
    """Any conforming controller is understood, not only our driver."""
    async with hub() as (_, port), typing(port) as person:
        assert await person.ask(typed) == answer


async def test_a_change_is_told_to_everybody() -> None:
    """The author gets ACK and the block, the others the block."""
    async with hub() as (_, port), typing(port) as author, typing(port) as other:
        assert await author.ask("VIDEO OUTPUT ROUTING:\n0 2\n1 2\n\n") == "ACK\n\n"
        assert await author.block() == "VIDEO OUTPUT ROUTING:\n0 2\n1 2\n\n"
        assert await other.block() == "VIDEO OUTPUT ROUTING:\n0 2\n1 2\n\n"


async def test_a_bad_line_spoils_its_block() -> None:
    """None of the lines is carried out."""
    async with hub() as (simulator, port), typing(port) as person:
        assert await person.ask("VIDEO OUTPUT ROUTING:\n0 2\n9 2\n\n") == "NAK\n\n"
        assert simulator.snapshot()["route.1"] == 1


async def test_locks_are_each_clients_own() -> None:
    """O for the owner, L for the others; a locked output ignores routes; F opens it by force."""
    async with hub() as (simulator, port), typing(port) as owner, typing(port) as other:
        assert await owner.ask("VIDEO OUTPUT LOCKS:\n1 O\n\n") == "ACK\n\n"
        assert await owner.block() == "VIDEO OUTPUT LOCKS:\n1 O\n\n"
        assert await other.block() == "VIDEO OUTPUT LOCKS:\n1 L\n\n"
        assert await other.ask("VIDEO OUTPUT ROUTING:\n1 3\n\n") == "ACK\n\n"
        assert await other.ask("VIDEO OUTPUT LOCKS:\n1 U\n\n") == "ACK\n\n"
        assert simulator.snapshot()["route.2"] == 2
        assert await other.ask("VIDEO OUTPUT LOCKS:\n1 F\n\n") == "ACK\n\n"
        assert await other.block() == "VIDEO OUTPUT LOCKS:\n1 U\n\n"
        assert await other.ask("VIDEO OUTPUT ROUTING:\n1 3\n\n") == "ACK\n\n"
        assert simulator.snapshot()["route.2"] == 4


async def test_labels_are_kept() -> None:
    """The manual's dialogue for a label."""
    async with hub() as (_, port), typing(port) as person:
        assert await person.ask("OUTPUT LABELS:\n2 new output label three\n\n") == "ACK\n\n"
        assert await person.block() == "OUTPUT LABELS:\n2 new output label three\n\n"
