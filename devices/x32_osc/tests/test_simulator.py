"""The simulator alone, by hand over datagrams: a console for any OSC client."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from devices.sdk import Settings, find_families, load_family
from devices.x32_osc.simulator import X32Simulator

MANIFEST = load_family(find_families()["x32_osc"]).manifest


class Person:
    """An OSC client of few words."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.connect(("127.0.0.1", port))

    async def say(self, datagram: bytes) -> None:
        """Send."""
        await asyncio.get_running_loop().sock_sendall(self._socket, datagram)

    async def hear(self) -> bytes:
        """Next datagram."""
        async with asyncio.timeout(2):
            return await asyncio.get_running_loop().sock_recv(self._socket, 2048)

    async def ask(self, datagram: bytes) -> bytes:
        """Send, and the next datagram."""
        await self.say(datagram)
        return await self.hear()

    def close(self) -> None:
        """Leave."""
        self._socket.close()


@asynccontextmanager
async def console(people: int = 1) -> AsyncIterator[tuple[X32Simulator, list[Person]]]:
    """A running console and somebody who talks to it."""
    async with X32Simulator(MANIFEST, Settings(MANIFEST, {})) as simulator:
        port = await simulator.serve_udp()
        found = [Person(port) for _ in range(people)]
        try:
            yield simulator, found
        finally:
            for person in found:
                person.close()


FADER = b"/ch/01/mix/fader\0\0\0\0"
INFO = b"/info\0\0\0"


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (INFO, b"/info\0\0\0,ssss\0\0\0V2.07\0\0\0osc-server\0\0X32\x004.06\0\0\0\0"),
        (b"/status\0", b"/status\0,sss\0\0\0\0active\0\x00127.0.0.1\0\0\0osc-server\0\0"),
        (b"/ch/01/mix/on\0\0\0", b"/ch/01/mix/on\0\0\0,i\0\0\0\0\0\x01"),
        (b"/ch/01/mix/on\0\0\0,\0\0\0", b"/ch/01/mix/on\0\0\0,i\0\0\0\0\0\x01"),
        (b"/ch/30/mix/on\0\0\0", b"/ch/30/mix/on\0\0\0,i\0\0\0\0\0\x01"),
        (b"/-show/prepos/current\0\0\0", b"/-show/prepos/current\0\0\0,i\0\0\0\0\0\0"),
    ],
)
async def test_questions_are_answered(asked: bytes, answer: bytes) -> None:
    """Any conforming client is understood, also for strips nobody named."""
    async with console() as (_, (person,)):
        assert await person.ask(asked) == answer


async def test_a_set_is_not_answered_and_others_hear_it() -> None:
    """The setter gets no echo of its own change; subscribers do."""
    async with console(2) as (simulator, (author, other)):
        for person in (author, other):
            await person.say(b"/xremote\0\0\0\0")
            await person.ask(INFO)
        await author.say(FADER + b",f\0\0\x3f\x40\0\0")
        heard = await other.hear()
        assert heard.startswith(FADER + b",f\0\0")
        assert (await author.ask(INFO)).startswith(b"/info")
        assert simulator.snapshot()["volume.ch1"] == pytest.approx(75, abs=0.05)


async def test_a_fader_is_kept_in_1024_steps() -> None:
    """0.3334 becomes 341 / 1023."""
    async with console() as (_, (person,)):
        await person.say(FADER + b",f\0\0" + bytes.fromhex("3eaab368"))
        answer = await person.ask(FADER)
        assert answer[-4:].hex().startswith("3eaaaa")


async def test_a_subscription_ends_after_ten_seconds() -> None:
    """Without renewal nothing is told any more."""
    async with console(2) as (simulator, (author, other)):
        await other.say(b"/xremote\0\0\0\0")
        await other.ask(INFO)
        now = simulator.clock()
        simulator.clock = lambda: now + 11
        await author.say(FADER + b",f\0\0\x3f\x40\0\0")
        await author.ask(FADER)
        assert (await other.ask(INFO)).startswith(b"/info")


@pytest.mark.parametrize(
    "noise", [b"x", b"/info", b"#bundle\0\0\0\0\0\0\0\0\x01", b"/nothing\0\0\0\0", FADER + b",f\0\0\x3f"]
)
async def test_noise_is_met_with_silence(noise: bytes) -> None:
    """What is no message, or of no known address, is not answered."""
    async with console() as (_, (person,)):
        await person.say(noise)
        assert (await person.ask(INFO)).startswith(b"/info")
