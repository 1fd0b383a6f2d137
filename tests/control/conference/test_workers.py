"""Worker processes die; meetings come back, other meetings notice nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from pathlib import Path
from unittest import mock

import pytest

from smartroom.control.conference.engine import EmbeddedEngine, EngineError, Placement
from smartroom.control.conference.workers import Process
from smartroom.protocol import media as say
from smartroom.protocol.base import Message
from tests.media import virtual
from tests.media.rtcclient import Client, Publisher


class Caller:
    """A participant that publishes a voice and hears one slot; rejoins when its room has moved."""

    def __init__(self, engine: EmbeddedEngine, room: str, peer: str) -> None:
        self.engine, self.room, self.peer = engine, room, peer
        self.pub = self.sub = Client()
        self.encoder: Publisher | None = None

    async def join(self) -> None:
        """Both connections."""
        self.pub, self.sub = Client(), Client()
        self.sub.keep = 100_000
        answer = await self.engine.publish(self.room, self.peer, self.pub.offer(video=0, audio=1), {})
        offer = await self.engine.subscribe(self.room, self.peer, say.Slots(audio=1, video=0, screen=0))
        reply = self.sub.answer(offer.sdp)
        await self.engine.accept(self.room, self.peer, reply)
        await asyncio.gather(self.pub.connect(answer.sdp), self.sub.connect())
        self.encoder = Publisher(self.pub, mid="0")

    async def close(self) -> None:
        """Both connections."""
        await asyncio.gather(self.pub.close(), self.sub.close())


class Call:
    """Two callers of one room, talking all the time."""

    def __init__(self, engine: EmbeddedEngine, room: str) -> None:
        self.engine, self.room = engine, room
        self.callers = [Caller(engine, room, f"{room}-{i}") for i in range(2)]
        self.moved = asyncio.Event()
        self._stop = engine.listen(self._hear)
        self._talking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Join and talk."""
        await self.engine.open_room(self.room)
        await asyncio.gather(*(caller.join() for caller in self.callers))
        self._talking = asyncio.create_task(self._talk())

    async def rejoin(self) -> None:
        """As clients do when they are told that the room has moved."""
        await self.moved.wait()
        self.moved.clear()
        for caller in self.callers:
            await caller.close()
        await asyncio.gather(*(caller.join() for caller in self.callers))

    async def close(self) -> None:
        """Hang up."""
        self._stop()
        if self._talking is not None:
            self._talking.cancel()
        for caller in self.callers:
            await caller.close()

    @property
    def heard(self) -> list[int]:
        """Packets each caller has heard on its present connection."""
        return [caller.sub.total() for caller in self.callers]

    def _hear(self, event: Message) -> None:
        if isinstance(event, say.RoomMoved) and event.room == self.room:
            self.moved.set()

    async def _talk(self) -> None:
        while True:
            for caller in self.callers:
                if caller.encoder is not None and caller.pub._sock is not None:
                    caller.encoder.voice()
            await asyncio.sleep(0.02)


@pytest.fixture
async def engine() -> AsyncIterator[EmbeddedEngine]:
    """Two workers."""
    async with EmbeddedEngine(2, Placement()) as running:
        yield running


async def until(condition: Callable[[], object], limit: float = 30.0) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(limit):
        while not condition():  # the condition is another process's or the network's
            await asyncio.sleep(0.01)


def queued(*pids: int) -> float:
    """Seconds in which these processes could have run, had the processor not been somebody else's."""
    return sum(int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) for pid in pids) / 1e9


async def test_rooms_spread_over_workers(engine: EmbeddedEngine) -> None:
    """Rooms opened one after the other are dealt out before any worker has told its load."""
    for room in "abcd":
        await engine.open_room(room)
    assert [process.rooms for process in engine.processes] == [2, 2]
    await engine.close_room("a")
    await engine.open_room("e")
    assert [process.rooms for process in engine.processes] == [2, 2]


async def test_a_worker_at_seventy_percent_gets_no_new_room(engine: EmbeddedEngine) -> None:
    """A busy worker is passed over, however many rooms the other one has; only where all are busy the least busy takes it."""
    busy, other = engine.processes
    busy.load, other.load = _load(0.70), _load(0.69)
    for room in "abc":
        await engine.open_room(room)
    assert (busy.rooms, other.rooms) == (0, 3)
    busy.load, other.load = _load(0.75), _load(0.95)
    await engine.open_room("d")
    assert busy.rooms == 1


@pytest.mark.parametrize(("how", "limit"), [(signal.SIGKILL, 3.0), (signal.SIGSTOP, 5.0)])
async def test_a_dead_worker_costs_its_calls_seconds_and_others_nothing(
    engine: EmbeddedEngine, how: signal.Signals, limit: float
) -> None:
    """G18: killed, back within 3 s under the same names; stopped, back within 5. No other call loses a packet."""
    victim, other = Call(engine, "victim"), Call(engine, "other")
    await victim.start()
    await other.start()
    try:
        assert engine.process_of("victim") is not engine.process_of("other")
        await engine.mute("victim", "victim-0.0", muted=True)
        await until(lambda: all(count > 10 for count in other.heard))
        alive = (os.getpid(), engine.process_of("other").pid)
        died, idle = time.monotonic(), queued(*alive)
        os.kill(engine.process_of("victim").pid, how)
        await victim.rejoin()
        await until(lambda: victim.heard[0] > 0)
        assert time.monotonic() - died - (queued(*alive) - idle) < limit
        await asyncio.sleep(0.3)
        assert victim.heard[1] == 0, "a mute holds after a crash"
        for caller in other.callers:
            (stream,) = caller.sub.received.values()
            assert len(stream.sequences) > 20
            assert all(after - before & 0xFFFF == 1 for before, after in pairwise(stream.sequences))
    finally:
        await victim.close()
        await other.close()
    await until(lambda: len(engine.processes) == 2)


@pytest.mark.parametrize("phase", [0.0, 0.2, 0.49])
def test_a_silent_worker_is_noticed_within_two_seconds(phase: float) -> None:
    """G18: a stopped worker ends no connection; whenever its last frame came, it is killed two seconds later at the latest."""

    async def watch() -> float:
        process = Process(0, Placement(), lambda _: None)
        process._heard = time.monotonic() + phase
        await process._watch()
        return time.monotonic() - process._heard

    assert 1.5 <= virtual.run(watch) <= 2


@pytest.mark.parametrize(("every", "asked"), [(0.4, range(4, 7)), (1.4, range(7, 13))])
def test_a_worker_that_speaks_is_seldom_asked(every: float, asked: range) -> None:
    """Told every two seconds that control is there, over ten; one that speaks too seldom is asked for a sign of life, and lives."""

    async def watch() -> int:
        process = Process(0, Placement(), lambda _: None)
        writer = mock.Mock()
        process._writer = writer
        watching = asyncio.create_task(process._watch())
        for _ in range(int(10 / every)):
            process._heard = time.monotonic()
            await asyncio.sleep(every)
        assert not watching.done()
        watching.cancel()
        return len(writer.write.mock_calls)

    assert virtual.run(watch) in asked


def _load(load: float) -> say.Load:
    return say.Load(cpu=load, peers=0, rooms=0, forwards=0, load=load)


async def test_requests_to_a_dying_worker_fail_with_a_word(engine: EmbeddedEngine) -> None:
    """A request under way when the worker dies ends as `lost`, not in a hang."""
    await engine.open_room("a")
    process = engine.process_of("a")
    os.kill(process.pid, signal.SIGSTOP)
    asking = asyncio.create_task(engine.publish("a", "x", Client().offer(), {}))
    await asyncio.sleep(0.1)
    process.kill()
    with pytest.raises(EngineError) as error:
        await asking
    assert error.value.code == "lost"


async def test_unknown_rooms_and_bad_offers_are_refused(engine: EmbeddedEngine) -> None:
    """The port's errors carry codes control can act on."""
    with pytest.raises(EngineError) as unknown:
        await engine.publish("nowhere", "x", "v=0", {})
    assert unknown.value.code == "not_found"
    await engine.open_room("a")
    with pytest.raises(EngineError) as bad:
        await engine.publish("a", "x", "v=0", {})
    assert bad.value.code == "invalid"
    with pytest.raises(EngineError) as silent:
        await engine.play("a", "x", Client().offer(direction="recvonly"), "camera")
    assert silent.value.code == "not_live"


async def test_a_worker_ends_when_control_is_gone() -> None:
    """No orphan keeps the port: the end of the channel ends the process."""
    async with EmbeddedEngine(1, Placement()) as engine:
        process = engine.processes[0]
        writer = process._writer
        assert writer is not None
        writer.close()
        await until(lambda: not os.path.exists(f"/proc/{process.pid}"))  # noqa: PTH110  # a process, not a file
        await until(lambda: engine.processes and engine.processes[0].pid != process.pid)
