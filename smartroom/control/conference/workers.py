"""Media worker processes: started, watched, replaced; a dead one is an event, not a crash."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Self, TypeVar

from smartroom.protocol import channel
from smartroom.protocol import media as say
from smartroom.protocol.base import Message

LOOK_EVERY = 0.5  # s
ASK_AFTER = 0.8  # s without any frame: asked for a sign of life
SILENT_AFTER = 1.5  # s without any frame: stopped or stuck, to be killed (noticed within two seconds)
REQUEST_LIMIT = 5.0  # s for one command; the slowest takes a few milliseconds
START_LIMIT = 15.0  # s until a new process says that it is ready
STOP_LIMIT = 2.0  # s for an orderly end
RESTARTS = 3  # within RESTART_WINDOW, then the slot rests
RESTART_WINDOW = 30.0  # s
REST = 30.0  # s of rest for a worker that keeps dying
BUSY = 0.70  # predicted load from which new rooms are placed elsewhere; at 0.85 the worker gives up pictures

log = logging.getLogger(__name__)
M = TypeVar("M", bound=Message)


class EngineError(Exception):
    """A command that failed: `code` as in the protocol (`invalid`, `unacceptable`, `not_found`, `not_live` …)."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True, slots=True)
class Placement:
    """Where workers listen: worker `n` takes `port + n` (0 = any port)."""

    addresses: Sequence[str] = ("127.0.0.1",)
    port: int = 0
    announced: Sequence[str] = ()
    pin: bool = False
    """Keep each worker on its own core, the first core left to control."""


class Process:
    """One running worker; used once. `run` is its life, `request` asks it."""

    def __init__(self, number: int, placement: Placement, on_event: Callable[[Message], None]) -> None:
        self.number = number
        self.load = say.Load(cpu=0, peers=0, rooms=0, forwards=0)
        self.rooms = 0  # placed here; the load tells of them seconds later
        self.ready = asyncio.Event()
        self.pid = 0
        self._placement = placement
        self._on_event = on_event
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[channel.Answer]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._heard = 0.0
        self._stopping = False

    async def run(self) -> int:
        """Start the process and stay until it has ended; its exit status."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(*self._command(theirs.fileno()), pass_fds=[theirs.fileno()])
        self.pid = process.pid
        reader, self._writer = await asyncio.open_unix_connection(sock=ours)
        self._heard = time.monotonic() + START_LIMIT
        try:
            async with asyncio.TaskGroup() as tasks:
                watching = tasks.create_task(self._watch())
                with contextlib.suppress(ConnectionError):  # a killed worker resets the channel
                    await self._read(reader)
                watching.cancel()
        except channel.ChannelBroken:
            log.exception("worker %d broke the channel", self.number)
        finally:
            self._fail_waiting()
            self._writer.close()
            status = await self._reap(process)
        return status

    async def request(self, command: Message, answer: type[M]) -> M:
        """One command and its answer; EngineError when refused, late, or the worker is gone."""
        if self._writer is None or self._writer.is_closing():
            raise EngineError("lost", "the media worker is gone")
        number = next(self._ids)
        future: asyncio.Future[channel.Answer] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        frame = channel.Request(id=number, method=type(command).__name__, params=command.model_dump(mode="json"))
        try:
            self._writer.write(channel.pack(frame))
            async with asyncio.timeout(REQUEST_LIMIT):
                result = await future
        except TimeoutError:
            raise EngineError("lost", "the media worker does not answer") from None
        finally:
            self._waiting.pop(number, None)
        if result.result is None:
            raise EngineError(result.code or "internal", result.error)
        return answer.model_validate(result.result)

    def stop(self) -> None:
        """Ask for an orderly end."""
        self._stopping = True
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(channel.pack(channel.Request(id=0, method="Stop")))

    def kill(self) -> None:
        """End it now."""
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def _command(self, descriptor: int) -> list[str]:
        place = self._placement
        command = [sys.executable, "-m", "smartroom.media", "--fd", str(descriptor), "--number", str(self.number)]
        for address in place.addresses:
            command += ["--address", address]
        for address in place.announced:
            command += ["--announce", address]
        if place.port:
            command += ["--port", str(place.port + self.number)]
        cores = sorted(os.sched_getaffinity(0))
        if place.pin and len(cores) > 1:
            command += ["--cpu", str(cores[1 + self.number % (len(cores) - 1)])]
        return command

    async def _read(self, reader: asyncio.StreamReader) -> None:
        framer = channel.Framer()
        while data := await reader.read(1 << 16):
            self._heard = max(self._heard, time.monotonic()) if not self.ready.is_set() else time.monotonic()
            for frame in framer.feed(data):
                if isinstance(frame, channel.Answer):
                    future = self._waiting.get(frame.id)
                    if future is not None and not future.done():
                        future.set_result(frame)
                elif isinstance(frame, channel.Notification):
                    self._notice(frame)

    def _notice(self, frame: channel.Notification) -> None:
        model = say.NOTIFICATIONS.get(frame.event)
        if model is None:
            return
        event = model.model_validate(frame.params)
        if isinstance(event, say.Load):
            self.load = event
            self.ready.set()
            self._heard = time.monotonic()
        self._on_event(event)

    async def _watch(self) -> None:
        """Kill a silent worker. One that speaks is told now and then that we are here; one that has fallen silent is asked."""
        told = 0.0
        while True:
            await asyncio.sleep(LOOK_EVERY)
            now = time.monotonic()
            if now - self._heard > SILENT_AFTER:
                log.warning("media worker %d is silent: killed", self.number)
                self.kill()
                return
            if self._writer is not None and (now - self._heard > ASK_AFTER or now - told >= channel.HEARTBEAT):
                told = now
                self._writer.write(channel.pack(channel.Request(id=0, method="Ping")))

    async def _reap(self, process: asyncio.subprocess.Process) -> int:
        try:
            async with asyncio.timeout(STOP_LIMIT if self._stopping else 0.2):
                return await process.wait()
        except TimeoutError:
            self.kill()
            return await process.wait()

    def _fail_waiting(self) -> None:
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(EngineError("lost", "the media worker has died"))


@dataclass(slots=True)
class _Seat:
    """One worker number; processes come and go in it."""

    number: int
    process: Process | None = None
    died: list[float] = field(default_factory=list)


class Workers:
    """All worker processes; `async with` starts and stops them."""

    def __init__(
        self,
        count: int,
        placement: Placement,
        on_event: Callable[[Message], None],
        on_lost: Callable[[Process], None],
    ) -> None:
        self._seats = [_Seat(number) for number in range(count)]
        self._placement = placement
        self._on_event = on_event
        self._on_lost = on_lost
        self._tasks = asyncio.TaskGroup()
        self._running = False
        self._closing = False
        self._available = asyncio.Condition()

    async def __aenter__(self) -> Self:
        """Own the workers; none runs before `start`."""
        await self._tasks.__aenter__()
        return self

    def start(self) -> None:
        """Start every worker; again is nothing."""
        if not self._running:
            self._running = True
            for seat in self._seats:
                self._tasks.create_task(self._keep(seat), name=f"media worker {seat.number}")

    async def wait_ready(self) -> None:
        """Return when all take commands; raises TimeoutError."""
        async with asyncio.timeout(START_LIMIT), self._available:
            await self._available.wait_for(lambda: len(self.alive) == len(self._seats))

    async def __aexit__(self, *_: object) -> None:
        """Stop every worker; those that do not end are killed."""
        self._closing = True
        for seat in self._seats:
            if seat.process is not None:
                seat.process.stop()
        await self._tasks.__aexit__(None, None, None)

    @property
    def alive(self) -> list[Process]:
        """Workers that take commands."""
        return [seat.process for seat in self._seats if seat.process is not None and seat.process.ready.is_set()]

    async def place(self) -> Process:
        """A worker for one more room: the least busy one; waits for one that is being started. EngineError when none comes."""
        try:
            async with asyncio.timeout(START_LIMIT), self._available:
                await self._available.wait_for(lambda: bool(self.alive))
        except TimeoutError:
            raise EngineError("overloaded", "no media worker is running") from None
        chosen = min(self.alive, key=_reluctance)
        chosen.rooms += 1
        return chosen

    async def _keep(self, seat: _Seat) -> None:
        while not self._closing:
            process = seat.process = Process(seat.number, self._placement, self._on_event)
            async with asyncio.TaskGroup() as tasks:
                announcing = tasks.create_task(self._announce(process))
                status = await process.run()
                announcing.cancel()
            seat.process = None
            if self._closing:
                return
            log.error("media worker %d ended with status %d", seat.number, status)
            self._on_lost(process)
            await self._pause(seat)

    async def _announce(self, process: Process) -> None:
        await process.ready.wait()
        async with self._available:
            self._available.notify_all()

    async def _pause(self, seat: _Seat) -> None:
        now = time.monotonic()
        seat.died = [at for at in seat.died if now - at < RESTART_WINDOW] + [now]
        if len(seat.died) > RESTARTS:
            log.error("media worker %d died %d times: it rests for %.0f s", seat.number, len(seat.died), REST)
            for _ in range(int(REST / LOOK_EVERY)):
                if self._closing:
                    return
                await asyncio.sleep(LOOK_EVERY)


def _reluctance(process: Process) -> tuple[bool, float, int, int, int]:
    """What speaks against a worker: being busy, then its load in tenths, then its rooms and people."""
    load = process.load
    return load.load >= BUSY, round(load.load, 1), process.rooms, load.peers, process.number
