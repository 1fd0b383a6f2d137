"""The log of one room while it lives: everything that happens is added, nothing waits for it, and a disk that fails never stops a room.

What happens within a second becomes one record after it: to hash each property by itself would make a recall of a hundred devices a fifth slower.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from smartroom import __version__
from smartroom.control import clock
from smartroom.control.chain import Chain, ChainBusy, ChainDamaged, ChainStopped, FileStorage, Head, examine
from smartroom.control.history.chronicle import EVENTS, Begun, Chronicle, Happened, Then
from smartroom.control.history.pages import day_of, next_page, order, pages, told
from smartroom.control.limits import (
    LOG_HELD_S,
    LOG_PAGE_EVENTS,
    LOG_PAGES_PER_ANSWER,
    LOG_RECORD_EVENTS,
    LOG_TURN_S,
)
from smartroom.protocol.history import EventKind, History, HistoryEntry, HistoryQuery

_LOG = logging.getLogger(__name__)

Body = Mapping[str, object] | Callable[[], Mapping[str, object]]
"""What an event says; or who says it later, of things that do not change any more."""


class EventLog:
    """`async with`: what earlier lives wrote is read; then `write`, and `run` turns the page at midnight or when it is full."""

    def __init__(self, folder: Path, room: str, offset_h: Callable[[], int]) -> None:
        """`offset_h`: hours of the room's zone east of UTC."""
        self._folder = folder
        self._room = room
        self._offset_h = offset_h
        self._chronicle = Chronicle("")
        self._chain: Chain | None = None
        self._hole = False
        self._held: deque[tuple[str, float, Body]] = deque()
        """What happened and is not in the chain yet."""
        self._due: asyncio.TimerHandle | None = None
        self._turning = False
        self.last: Mapping[tuple[str, str], Then] = {}
        """(device, property) -> what it was when the last life ended."""
        self.cut_short: tuple[Begun, ...] = ()
        """Runs that the last life's end cut short."""

    async def __aenter__(self) -> Self:
        """A log that cannot be read or written is said so, and the room lives without it."""
        try:
            found = await asyncio.to_thread(pages, self._folder)
            if found:
                await self._go_on(found[-1])
            else:
                await self._begin(None)
        except (OSError, ChainStopped, ChainDamaged) as error:
            _LOG.error("room %s: there is no event log: %s", self._room, error)
        devices = self._chronicle.devices.items()
        self.last = {(key, name): then for key, device in devices for name, then in device.properties.items()}
        self.cut_short = tuple(self._chronicle.under_way.values())
        self.write("started", {"version": __version__})
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """What was added is still written."""
        self.write("stopped", {})
        self._keep()
        if self._chain is not None:
            await self._chain.__aexit__(kind, error, trace)

    def write(self, kind: str, body: Body) -> None:
        """Add an event; nobody may change its body any more. Never raises, never waits; a callable is asked in a quiet moment."""
        if self._chain is None and not self._turning:
            return
        self._held.append((kind, round(clock.wall(), 6), body))
        if self._due is None:
            self._due = asyncio.get_running_loop().call_later(LOG_HELD_S, self._keep_some)

    def _keep_some(self) -> None:
        """A few at a time, so that nothing else waits."""
        self._due = None
        if self._chain is None:
            return
        held = [self._held.popleft() for _ in range(min(len(self._held), LOG_RECORD_EVENTS))]
        self._append([(kind, at, body() if callable(body) else body) for kind, at, body in held])
        if self._held:
            self._due = asyncio.get_running_loop().call_later(0, self._keep_some)

    def _keep(self) -> None:
        """All that is held becomes part of the chain now."""
        while self._held and self._chain is not None:
            self._keep_some()
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _append(self, events: Sequence[Happened]) -> None:
        """A hole is said once."""
        if not events or self._chain is None:
            return
        try:
            self._chronicle.add(self._chain.append(EVENTS, {EVENTS: events}))
            self._hole = False
        except (ChainBusy, ChainStopped) as error:
            self._tell_hole(error)
        except ValueError as error:  # too long for one record
            if len(events) == 1:
                self._tell_hole(error)
                return
            half = len(events) // 2
            self._append(events[:half])
            self._append(events[half:])

    def _tell_hole(self, error: Exception) -> None:
        if not self._hole:
            _LOG.error("room %s: the event log has a hole: %s", self._room, error)
        self._hole = True

    async def run(self) -> None:
        """Turn the page: a new one each day, none with too many records."""
        while True:
            await asyncio.sleep(LOG_TURN_S)
            if self._chain is None or self._chain.stopped:
                continue
            full = self._chronicle.events >= LOG_PAGE_EVENTS
            if not full and day_of(clock.wall(), self._offset_h()) <= order(self._chronicle.page)[0]:
                continue
            turning = asyncio.create_task(self.turn(), name=f"turn:{self._room}")
            try:
                await asyncio.shield(turning)
            except asyncio.CancelledError:  # half a turn would lose what is held
                await asyncio.wait({turning})
                raise
            except (OSError, ChainStopped, ChainDamaged) as error:
                _LOG.error("room %s: the event log ends: %s", self._room, error)

    async def turn(self) -> None:
        """End this page and begin the next."""
        self._keep()
        chain, name = self._chain, self._chronicle.page
        if chain is None:
            return
        self._chain, self._turning = None, True
        try:
            await chain.finish({})
            await chain.__aexit__(None, None, None)
            await self._begin((name, chain.head))
        finally:
            self._turning = False
            self._keep()

    async def settled(self) -> None:
        """Wait until all that was added is on the disk."""
        self._keep()
        if self._chain is not None:
            await self._chain.settled()

    async def read(self, query: HistoryQuery) -> History:
        """Entries that fit, newest first, page after page into the past; a few pages for one answer."""
        self._keep()
        kinds = {EventKind(kind) for kind in query.kind.split(",") if kind in set(EventKind)}
        name, _, number = query.before.rpartition(".")
        before = int(number) if number.isdigit() else 0
        names = {path.stem: path for path in await asyncio.to_thread(pages, self._folder)} or {"": self._folder}
        left = [page for page in sorted(names, key=order, reverse=True) if not name or order(page) <= order(name)]
        shown: list[HistoryEntry] = []
        for looked, page in enumerate(left):
            if looked == LOG_PAGES_PER_ANSWER:
                return History(entries=shown, older=f"{left[looked - 1]}.0")
            ours = page == self._chronicle.page
            chronicle = self._chronicle if ours else await asyncio.to_thread(told, names[page])
            for entry in reversed(chronicle.entries):
                if (page == name and int(entry.id.rpartition(".")[2]) >= before) or not _fits(entry, query, kinds):
                    continue
                if len(shown) == query.limit:
                    return History(entries=shown, older=shown[-1].id)
                shown.append(entry)
        return History(entries=shown)

    # -- pages --

    async def _go_on(self, newest: Path) -> None:
        chain = self._on(newest)
        try:
            await chain.__aenter__()
        except ChainDamaged as error:
            _LOG.error(
                "room %s: the event log is damaged; it stays as it is, and a new page begins: %s", self._room, error
            )
            self._chronicle = await asyncio.to_thread(told, newest)
            found = examine(await asyncio.to_thread(newest.read_bytes))
            await self._begin((newest.stem, found.head), damaged=found.broken.sentence if found.broken else "")
            return
        self._chronicle = Chronicle(newest.stem)
        for record in chain.past:
            self._chronicle.add(record)
        chain.past = ()
        self._chain = chain
        if chain.closed:
            self._chain = None
            await chain.__aexit__(None, None, None)
            await self._begin((newest.stem, chain.head))

    async def _begin(self, before: tuple[str, Head] | None, damaged: str = "") -> None:
        """A new page: it names the end of the one before, and says what the room is."""
        page = await asyncio.to_thread(next_page, self._folder, day_of(clock.wall(), self._offset_h()))
        chain = self._on(page)
        await chain.__aenter__()
        state, under_way, running = self._chronicle.state, self._chronicle.under_way, self._chronicle.running
        self._chronicle, self._chain = Chronicle(page.stem), chain
        previous = {"page": before[0], "sequence": before[1].sequence, "digest": before[1].digest} if before else None
        body = {"room": self._room, "previous": previous, "state": state, "damaged": damaged}
        self._chronicle.add(chain.append("page", body))
        self._chronicle.under_way, self._chronicle.running = under_way, running

    def _on(self, page: Path) -> Chain:
        return Chain(f"events-{self._room}", [FileStorage(page)], clock=_Clock(), gather=0.0)


class _Clock:
    """The loop's clock, as chains want it."""

    def time(self) -> float:
        """Seconds (Unix)."""
        return clock.wall()

    def monotonic(self) -> float:
        """Never set back."""
        return clock.monotonic()


def _fits(entry: HistoryEntry, query: HistoryQuery, kinds: set[EventKind]) -> bool:
    if kinds and entry.kind not in kinds:
        return False
    members = entry.run.members.values() if entry.run is not None else ()
    if query.device and entry.device != query.device and not any(each.device == query.device for each in members):
        return False
    if query.scene and (entry.run is None or entry.run.scene != query.scene):
        return False
    return query.by.casefold() in entry.by.casefold()
