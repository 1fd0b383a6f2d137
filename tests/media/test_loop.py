"""Packets are taken in where the loop waits; asyncio's own work is not held up by it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest

from smartroom.media.loop import MediaLoop


class Stream:
    """A socket pair whose reader is called directly; `never_silent` = each reading is followed by another."""

    def __init__(self, then: Callable[[], object] = lambda: None, *, never_silent: bool = False) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.read = 0
        self._then, self._never_silent = then, never_silent
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self.ours.fileno(), self._reading)

    def send(self) -> None:
        """Something to read."""
        self.theirs.send(b".")

    def stop(self) -> None:
        """Read nothing more."""
        self._loop.remove_reader(self.ours.fileno())

    def close(self) -> None:
        """Both ends."""
        self.stop()
        self.ours.close()
        self.theirs.close()

    def _reading(self) -> None:
        self.ours.recv(100)
        self.read += 1
        if self._never_silent:
            self.send()
        self._then()


def run(main: Callable[[], Awaitable[None]]) -> None:
    """On a loop of this kind, three seconds at most."""

    async def limited() -> None:
        async with asyncio.timeout(3):
            await main()

    with asyncio.Runner(loop_factory=MediaLoop) as runner:
        runner.run(limited())


@pytest.mark.parametrize("way", ["soon", "later", "event", "thread"])
def test_what_a_reader_schedules_is_done_though_nothing_else_happens(way: str) -> None:
    """A callback, a timer, a waiting task, a word from another thread: each wakes asyncio, which had no reason of its own."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        done = asyncio.Event()
        ways: dict[str, Callable[[], object]] = {
            "soon": lambda: loop.call_soon(done.set),
            "later": lambda: loop.call_later(0.01, done.set),
            "event": done.set,
            "thread": lambda: loop.run_in_executor(None, loop.call_soon_threadsafe, done.set),
        }
        stream = Stream(ways[way])
        loop.call_later(0.02, stream.send)
        await done.wait()
        assert stream.read == 1
        stream.close()

    run(main)


def test_timers_and_other_readers_have_their_turn_while_a_stream_is_never_silent() -> None:
    """A flood keeps nobody from the channel or from a timer."""

    async def main() -> None:
        stream = Stream(never_silent=True)
        stream.send()
        await asyncio.sleep(0.05)
        ours, theirs = socket.socketpair()
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        theirs.send(b"word")
        assert await reader.read(100) == b"word"
        assert stream.read > 10
        writer.close()
        theirs.close()
        stream.close()

    run(main)


def test_a_reader_that_fails_is_called_again(caplog: pytest.LogCaptureFixture) -> None:
    """Its failure is logged; the loop and the reader live on."""

    async def main() -> None:
        stream = Stream(lambda: 1 / 0)
        for _ in range(2):
            stream.send()
            await asyncio.sleep(0.01)
        assert stream.read == 2
        stream.close()

    run(main)
    assert caplog.text.count("ZeroDivisionError") == 2


def test_a_reader_that_was_removed_is_not_called() -> None:
    """What still comes stays in the socket; removing twice is removing once."""

    async def main() -> None:
        stream = Stream()
        stream.stop()
        stream.send()
        await asyncio.sleep(0.02)
        assert stream.read == 0
        stream.close()

    run(main)
