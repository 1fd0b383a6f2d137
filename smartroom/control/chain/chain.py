"""A chain that is being written: append at once, durable within 50 ms on every copy that is still good.

ChainError              a chain cannot be used any more, or yet
  ChainDamaged          configuration/person: no copy is whole; nothing was touched
  ChainStopped          person: no copy can be written any more; what was not acknowledged may be lost
  ChainBusy             retry: too much waits for the disk
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from errno import ENOSPC
from functools import partial
from types import TracebackType
from typing import Protocol, Self, TypeVar, TypeVarTuple, Unpack

from smartroom.control.chain.examine import Anchor, Examined, examine
from smartroom.control.chain.record import CLOSE, EMPTY, FORMAT, OPEN, REMOVAL, RESUME, Record, write
from smartroom.control.chain.removal import runs, strip, wanted
from smartroom.control.chain.storage import Storage, StorageBusy

_LOG = logging.getLogger(__name__)

GATHER_S = 0.02
"""Records wait this long for one another before they are written: with a slow disk's 20 ms that keeps a promise of 50."""

LATE_S = 1.0
"""A copy that has not written by then, while another has, is left behind: a hung stick must not hold up a ceremony."""

RETRY_S = 0.5
"""A full disk is tried again after this; somebody may have made room."""

WAITING = 8 << 20
"""Bytes that may wait for the disk: minutes of ink. Above it the caller is told to wait."""

CLOSE_S = 5.0
"""What waits at the end may take this long."""

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")


class ChainError(Exception):
    """A chain cannot be used any more, or yet."""


class ChainDamaged(ChainError):
    """No copy is whole. Names the first broken record of each; nothing was touched."""


class ChainStopped(ChainError):
    """No copy can be written any more. What was not acknowledged may be lost; what was, is not."""


class ChainBusy(ChainError):
    """Too much waits for the disk; try again."""


class CopyState(StrEnum):
    """How a copy is."""

    GOOD = "good"
    FULL = "full"
    """Its disk is full, its reserve is used up: tried again and again."""
    FAILED = "failed"
    """An error while writing or syncing: never touched again in this life."""
    LATE = "late"
    """It hung while another copy had written long since: left behind."""


@dataclass(frozen=True, slots=True)
class CopyHealth:
    """One copy, for a banner and a technician."""

    name: str
    state: CopyState = CopyState.GOOD
    error: str = ""
    room: int | None = None
    """Bytes left of its reserve."""


class Clock(Protocol):
    """Where times of records come from; the module `time` is one."""

    def time(self) -> float:
        """Seconds (Unix)."""
        ...

    def monotonic(self) -> float:
        """Seconds of a clock that never jumps."""
        ...


class Chain:
    """One chain in one or more copies. `async with`: examined, mended from the best copy, open for appending."""

    def __init__(
        self,
        name: str,
        copies: Sequence[Storage],
        *,
        anchors: Iterable[Anchor] = (),
        news: Callable[[], None] = lambda: None,
        clock: Clock = time,
        gather: float = GATHER_S,
    ) -> None:
        """`news` is called after each commit and whenever a copy's health changes; it must not raise or wait."""
        self.name = name
        self.head = EMPTY
        """Of the last record appended."""
        self.durable = EMPTY
        """Of the last record that is on every good copy's disk."""
        self.closed = False
        """Finished: it takes no more records."""
        self.past: Sequence[Record] = ()
        """Records of earlier lives; may be dropped once they were read."""
        self._copies = [_Copy(storage) for storage in copies]
        self._anchors = tuple(anchors)
        self._news = news
        self._clock = clock
        self._gather = gather
        self._waiting: list[tuple[Record, bytes]] = []
        self._held = 0
        self._wanted = asyncio.Event()
        self._hurry = asyncio.Event()
        self._moved = asyncio.Event()
        self._stopped: ChainStopped | None = None
        self._writer: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """ChainDamaged when no copy is whole, StorageBusy when another process writes it."""
        try:
            await self._recover()
        except BaseException:
            await self._let_go()
            raise
        self._writer = asyncio.create_task(self._write_on(), name=f"chain:{self.name}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """What was appended is still written, unless the disk hangs."""
        assert self._writer is not None
        try:
            async with asyncio.timeout(CLOSE_S):
                await self.settled()
        except (TimeoutError, ChainStopped):
            lost = self.head.sequence - self.durable.sequence
            _LOG.error("chain %s: the last %d records were not kept", self.name, lost)
        self._writer.cancel()
        await asyncio.wait({self._writer})
        await self._let_go()

    @property
    def health(self) -> tuple[CopyHealth, ...]:
        """Each copy."""
        return tuple(copy.health for copy in self._copies)

    @property
    def stopped(self) -> bool:
        """Nothing more can be kept."""
        return self._stopped is not None

    def append(self, kind: str, body: Mapping[str, object]) -> Record:
        """Add a record; it is durable later, see `settled`. ChainStopped, ChainBusy; ValueError for a bug of the caller's."""
        if self._stopped is not None:
            raise self._stopped
        if self.closed:
            raise ValueError(f"chain {self.name} is closed")
        if self._held > WAITING:
            raise ChainBusy(f"chain {self.name}: {self._held} bytes wait for the disk")
        record, line = self._record(kind, body, self.durable.sequence)
        self.head = record.head
        self._waiting.append((record, line))
        self._held += len(line)
        self._wanted.set()
        return record

    async def settled(self, sequence: int | None = None) -> None:
        """Wait until a record (all so far) is durable. ChainStopped when it will never be."""
        wanted = self.head.sequence if sequence is None else sequence
        if wanted > self.durable.sequence:
            self._hurry.set()
        while self.durable.sequence < wanted:
            if self._stopped is not None:
                raise self._stopped
            await self._moved.wait()

    async def decide(self, kind: str, body: Mapping[str, object]) -> Record:
        """Add a record and wait until it is durable, without gathering others: only then may anything follow from it."""
        record = self.append(kind, body)
        await self.settled(record.sequence)
        return record

    async def remove(self, numbers: Iterable[int], body: Mapping[str, object]) -> Record:
        """Take records of earlier decisions out for good: first a record says which, then their content leaves every copy.

        A copy where that fails is given up; a copy that is away, or a server killed in between, does it when the chain is next opened.
        """
        gone = runs(numbers)
        if gone and (gone[0][0] <= 1 or gone[-1][1] > self.durable.sequence):
            raise ValueError(f"chain {self.name}: the first record and the last stay")
        record = await self.decide(REMOVAL, {**body, "records": [list(run) for run in gone]})
        for copy in self._good():
            try:
                await copy.run(copy.strip)
            except Exception as error:  # noqa: BLE001  # what is on this copy now is not what was promised
                self._lose(copy, CopyState.FAILED, error)
        if self._stopped is not None:
            raise self._stopped
        return record

    async def finish(self, body: Mapping[str, object]) -> Record:
        """The last record: from now on a cut end shows by itself."""
        record = self.append(CLOSE, body)
        self.closed = True
        await self.settled(record.sequence)
        return record

    # -- recovery --

    async def _recover(self) -> None:
        """Take the longest whole copy, make the others like it, and begin or go on."""
        found: list[tuple[_Copy, bytes, Examined]] = []
        for copy in self._copies:
            try:
                found.append((copy, *await copy.run(copy.load, self._anchors)))
            except StorageBusy:
                raise
            except OSError as error:
                self._lose(copy, CopyState.FAILED, error)
        whole = [each for each in found if not each[2].damaged]
        if not whole:
            raise ChainDamaged(f"chain {self.name}: {self._damage(found)}")
        _, data, past = max(whole, key=lambda each: each[2].head.sequence)
        self.past, self.head, self.closed = past.records, past.head, past.closed
        line = b"" if self.closed else self._first_line(len(data) - past.size)
        for copy, old, its in found:
            bare = strip(old, its.records, wanted(past.records))
            try:
                await copy.run(copy.mend, old, bare, data[: past.size], line)
            except OSError as error:
                self._lose(copy, CopyState.FAILED, error)
        if self._stopped is not None:
            raise self._stopped
        self.durable = self.head

    def _first_line(self, cut: int) -> bytes:
        """A new chain's first record, or the one that says that it went on, and how many bytes of an unfinished end were cut."""
        kind, body = (RESUME, {"cut": cut}) if self.past else (OPEN, {"format": FORMAT, "chain": self.name})
        record, line = self._record(kind, body, self.head.sequence)
        self.head = record.head
        return line

    def _record(self, kind: str, body: Mapping[str, object], durable: int) -> tuple[Record, bytes]:
        at, steady = round(self._clock.time(), 6), round(self._clock.monotonic(), 6)
        return write(self.head, kind, body, at, steady, durable)

    def _damage(self, found: Sequence[tuple[_Copy, bytes, Examined]]) -> str:
        broken = [f"{copy.storage.name}: {past.broken.sentence}" for copy, _, past in found if past.broken is not None]
        return "; ".join(broken) or "; ".join(f"{each.name}: {each.error}" for each in self.health)

    # -- writing --

    async def _write_on(self) -> None:
        while True:
            await self._wanted.wait()
            if self._gather and not self._hurry.is_set():
                try:
                    async with asyncio.timeout(self._gather):
                        await self._hurry.wait()
                except TimeoutError:
                    pass
            self._wanted.clear()
            self._hurry.clear()
            batch, self._waiting = self._waiting, []
            if batch:
                await self._commit(b"".join(line for _, line in batch))
                if self.stopped:
                    return
                self.durable = batch[-1][0].head
                self._held -= sum(len(line) for _, line in batch)
                self._tell()

    async def _commit(self, data: bytes) -> None:
        """Return when the bytes are durable on every copy that is still good, or when none is (`stopped`)."""
        work = {asyncio.create_task(self._keep(copy, data)): copy for copy in self._good()}
        late = time.monotonic() + LATE_S
        try:
            while work:
                limit = max(0.0, late - time.monotonic()) if self._written(work.values()) else None
                done, _ = await asyncio.wait(work, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    del work[task]
                if not done:
                    for copy in work.values():
                        self._lose(copy, CopyState.LATE, TimeoutError(f"no answer for {LATE_S:g} s"))
                    return
        finally:
            for task in work:
                task.cancel()

    async def _keep(self, copy: _Copy, data: bytes) -> None:
        """One copy's part; a full disk is tried again while no other copy is good."""
        while True:
            try:
                await copy.run(copy.storage.append, data)
                break
            except Exception as error:  # noqa: BLE001  # whatever it is, this copy does not have the data
                if not _full(error) or self._good() != [copy]:
                    self._lose(copy, CopyState.FAILED, error)
                    return
                self._note(copy, CopyState.FULL, error)
            await asyncio.sleep(RETRY_S)
        try:
            await copy.run(copy.storage.sync)
        except Exception as error:  # noqa: BLE001  # what is on the disk now nobody knows: a second sync would say "good" and lie
            self._lose(copy, CopyState.FAILED, error)
            return
        copy.look()
        self._note(copy, CopyState.GOOD)

    def _written(self, writing: Iterable[_Copy]) -> bool:
        return bool(set(self._good()) - set(writing))

    def _good(self) -> list[_Copy]:
        return [copy for copy in self._copies if copy.good]

    def _note(self, copy: _Copy, state: CopyState, error: Exception | None = None) -> None:
        if copy.health.state is not state:
            copy.health = replace(copy.health, state=state, error=str(error or ""))
            _LOG.warning("chain %s: %s is %s %s", self.name, copy.health.name, state, error or "")
            self._tell()

    def _lose(self, copy: _Copy, state: CopyState, error: Exception) -> None:
        copy.good = False
        self._note(copy, state, error)
        if not self._good():
            self._stopped = ChainStopped(f"chain {self.name}: {copy.health.name}: {error}")
            _LOG.error("%s; nothing more is kept", self._stopped)
            self._tell()

    def _tell(self) -> None:
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()
        self._news()

    async def _let_go(self) -> None:
        await asyncio.gather(*(copy.let_go() for copy in self._copies))


def _full(error: Exception) -> bool:
    return isinstance(error, OSError) and error.errno == ENOSPC


class _Copy:
    """A storage and the thread that alone calls it: a disk that hangs holds up nobody else, and is left behind at the end."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self.good = True
        self.health = CopyHealth(storage.name)
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name=f"chain {storage.name}", daemon=True)
        self._thread.start()

    def load(self, anchors: Sequence[Anchor]) -> tuple[bytes, Examined]:
        """What is there, examined."""
        data = self.storage.load()
        found = examine(data, anchors)
        less = data if found.damaged else self._strip(data, found)
        return less, found if less == data else examine(less, anchors)

    def strip(self) -> None:
        """Take out what the chain says is to be gone."""
        data = self.storage.load()
        self._strip(data, examine(data))
        self.look()

    def _strip(self, data: bytes, found: Examined) -> bytes:
        less = strip(data, found.records, wanted(found.records))
        if less != data:
            self.storage.replace(less, "")
        return less

    def mend(self, old: bytes, bare: bytes, kept: bytes, line: bytes) -> None:
        """Have the kept bytes and one line more. Nothing is thrown away: what differs is kept beside, but for what was to be taken out.

        `bare` is what was there without that.
        """
        if old and old == kept:
            self.storage.append(line)
            self.storage.sync()
        else:
            self.storage.replace(
                kept + line, "" if kept.startswith(bare) else "torn" if bare.startswith(kept) else "damaged"
            )
        self.look()

    def look(self) -> None:
        """How much room is left."""
        self.health = replace(self.health, room=self.storage.room)

    async def run(self, work: Callable[[Unpack[_Ts]], _T], *arguments: *_Ts) -> _T:
        """Have the thread do it."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[_T] = loop.create_future()

        def job() -> None:
            try:
                give = partial(answer.set_result, work(*arguments))
            except Exception as error:  # noqa: BLE001  # whatever it is belongs to the one who waits
                give = partial(answer.set_exception, error)
            with suppress(RuntimeError):  # the loop has ended, nobody waits
                loop.call_soon_threadsafe(lambda: None if answer.done() else give())

        self._jobs.put(job)
        return await answer

    async def let_go(self) -> None:
        """Close the storage in its thread, without waiting for one that hangs."""
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(CLOSE_S if self.good else 0.0):
                await self.run(self.storage.close)
        self._jobs.put(None)

    def _serve(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
