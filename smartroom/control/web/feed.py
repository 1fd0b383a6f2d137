"""Patches to pages: merged, at most ten times a second, encoded once, the latest state for who is slow."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from engineio.packet import Packet as EnginePacket

from smartroom.control.limits import PATCH_INTERVAL_S
from smartroom.control.web.sockets import Encoded, Outbox, event_packet
from smartroom.protocol import PROTOCOL_VERSION
from smartroom.protocol.base import Message
from smartroom.protocol.state import Change, Patch

_PAGES_A_TURN = 100


class Document(Protocol):
    """A state with numbered patches: a room's store, a meeting's ledger."""

    @property
    def version(self) -> int:
        """Number of the last patch."""
        ...

    @property
    def state(self) -> Message:
        """The whole state now."""
        ...

    def since(self, version: int) -> list[Patch] | None:
        """Patches after a version; None when they are no longer kept."""
        ...

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back after every change until the returned function is called."""
        ...


@dataclass(slots=True, eq=False)
class Watcher:
    """A page that follows a room. No queue: its version says what it lacks."""

    outbox: Outbox
    version: int = 0


@dataclass(slots=True)
class _Followed:
    room: str
    store: Document
    watchers: set[Watcher]
    stop: Callable[[], None]
    snapshot: tuple[int, str] = (-1, "")
    dirty: bool = False


class Feed:
    """All patches of a namespace's documents, found by name. `run()` as long as the server."""

    def __init__(self, find: Callable[[str], Document | None], namespace: str, build: str) -> None:
        self._find = find
        self._namespace = namespace
        self._build = json.dumps(build)
        self._rooms: dict[str, _Followed] = {}
        self._dirty = asyncio.Event()

    def watch(self, watcher: Watcher, room: str, since: int | None) -> Encoded:
        """Begin, and answer with what the page lacks: `Watching` as JSON. No await: nothing may come between."""
        followed = self._begin(watcher, room)
        missed = None if since is None else followed.store.since(since)
        if missed is None:
            lacks = f'"snapshot":{_snapshot(followed)},"patches":[]'
        else:
            merged = [merge(missed)] if missed else []
            lacks = f'"snapshot":null,"patches":[{",".join(patch.model_dump_json() for patch in merged)}]'
        return Encoded(f'{{"protocol":{PROTOCOL_VERSION},"build":{self._build},"time":{time.time()},{lacks}}}')

    def snapshot(self, watcher: Watcher, room: str) -> str:
        """Begin, and return the whole state as JSON, encoded once for everybody who begins at the same version."""
        return _snapshot(self._begin(watcher, room))

    def leave(self, watcher: Watcher, room: str) -> None:
        """The page looks elsewhere or is gone."""
        followed = self._rooms.get(room)
        if followed is None:
            return
        followed.watchers.discard(watcher)
        if not followed.watchers:
            followed.stop()
            del self._rooms[room]

    def moved(self) -> set[str]:
        """Rooms whose store is another now, or gone: what their pages follow has ended."""
        return {room for room, followed in self._rooms.items() if self._find(room) is not followed.store}

    @property
    def watchers(self) -> int:
        """Pages that follow a room."""
        return sum(len(followed.watchers) for followed in self._rooms.values())

    async def run(self) -> None:
        """Send what has changed, until cancelled. The first change goes at once, the next within the interval."""
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            for followed in list(self._rooms.values()):
                if followed.dirty:
                    followed.dirty = False
                    await self._flush(followed)
            await asyncio.sleep(PATCH_INTERVAL_S)

    async def _flush(self, followed: _Followed) -> None:
        store = followed.store
        packets: dict[int, EnginePacket] = {}
        made_for = store.version
        for number, watcher in enumerate(list(followed.watchers), 1):
            if not watcher.outbox.ready:
                self._mark(followed)  # it gets the newest state once it has taken the last one
            elif watcher.version < store.version:
                if store.version != made_for:
                    packets, made_for = {}, store.version
                packet = packets.get(watcher.version)
                if packet is None:
                    packet = packets[watcher.version] = self._packet(followed, watcher.version)
                watcher.version = store.version
                watcher.outbox.put_nowait(packet)
            if number % _PAGES_A_TURN == 0:
                await asyncio.sleep(0)

    def _packet(self, followed: _Followed, version: int) -> EnginePacket:
        patches = followed.store.since(version)
        # Too far behind: a patch that begins beyond the page's version tells it to watch again, and it gets a snapshot.
        patch = _gap(followed) if patches is None else merge(patches)
        return event_packet(self._namespace, "patch", patch.model_dump_json())

    def _begin(self, watcher: Watcher, room: str) -> _Followed:
        followed = self._follow(room)
        followed.watchers.add(watcher)
        watcher.version = followed.store.version
        return followed

    def _follow(self, room: str) -> _Followed:
        followed = self._rooms.get(room)
        store = self._find(room)
        assert store is not None, room
        if followed is None or followed.store is not store:
            if followed is not None:
                followed.stop()
            fresh = _Followed(room, store, set(), lambda: None)
            fresh.stop = store.subscribe(lambda: self._mark(fresh))
            self._rooms[room] = followed = fresh
        return followed

    def _mark(self, followed: _Followed) -> None:
        followed.dirty = True
        self._dirty.set()


def merge(patches: Sequence[Patch]) -> Patch:
    """Several patches as one: a place set twice, or inside a place set later, is sent once."""
    if len(patches) == 1:
        return patches[0]
    kept: dict[tuple[str, ...], Change] = {}
    for patch in patches:
        for change in patch.changes:
            path = tuple(change.path)
            for older in [known for known in kept if known[: len(path)] == path]:
                del kept[older]
            kept[path] = change
    last = patches[-1]
    return Patch(
        room=last.room, since=patches[0].version - 1, version=last.version, time=last.time, changes=list(kept.values())
    )


def _gap(followed: _Followed) -> Patch:
    version = followed.store.version
    return Patch(room=followed.room, since=version, version=version, time=time.time(), changes=[])


def _snapshot(followed: _Followed) -> str:
    version, text = followed.snapshot
    if version != followed.store.version:
        followed.snapshot = version, text = followed.store.version, followed.store.state.model_dump_json()
    return text
