"""The media engine port, and the engine of our own workers behind it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, Self, TypeVar

from smartroom.control.conference.workers import EngineError, Placement, Process, Workers
from smartroom.protocol import media as say
from smartroom.protocol.base import Message

__all__ = ["Capability", "EmbeddedEngine", "EngineError", "MediaEngine", "Placement"]

log = logging.getLogger(__name__)
M = TypeVar("M", bound=Message)

Listener = Callable[[Message], None]


class Capability(StrEnum):
    """What not every engine can; asked before a button is shown."""

    WHIP = "whip"
    WHEP = "whep"
    ICE_RESTART = "ice_restart"
    CEILING = "ceiling"
    SLOTS = "slots"


class MediaEngine(Protocol):
    """Rooms, participants, tracks and slots. Descriptions (SDP) pass through unread.

    Every operation raises EngineError: `invalid`, `unacceptable`, `not_found`, `not_live`, `overloaded` or `lost`.
    """

    capabilities: frozenset[Capability]

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Hear every notification of `protocol.media`; the returned function ends it."""

    async def open_room(self, room: str) -> None:
        """Make a room on the least busy worker; a known room stays where it is."""

    async def close_room(self, room: str) -> None:
        """End a room and everybody in it."""

    async def publish(self, room: str, peer: str, sdp: str, sources: dict[str, say.Source]) -> say.Description:
        """A publisher's offer; the answer. `sources` maps mid to source."""

    async def subscribe(self, room: str, peer: str, slots: say.Slots) -> say.Description:
        """Open the receiving side; an offer with constant slots."""

    async def accept(self, room: str, peer: str, sdp: str) -> None:
        """The subscriber's answer to that offer."""

    async def play(self, room: str, peer: str, sdp: str, show: str) -> say.Description:
        """A player's own offer; the answer."""

    async def restart(self, room: str, peer: str, side: say.Side) -> say.Fragment:
        """New ICE credentials on the same keys."""

    async def leave(self, room: str, peer: str, side: say.Side | None = None) -> None:
        """End one side of a participant, or both."""

    async def view(self, room: str, peer: str, wishes: list[say.Wish] | None) -> None:
        """What a subscriber shows."""

    async def mute(self, room: str, track: str, *, muted: bool) -> None:
        """Stop or resume forwarding of a track."""

    async def force_audible(self, room: str, tracks: list[str]) -> None:
        """Tracks that keep an audio slot whoever speaks."""

    async def ceiling(self, room: str, peer: str, bitrate: int) -> None:
        """Upper bound of one subscriber, bit/s; 0 = none."""


@dataclass(slots=True)
class _Room:
    """What survives the worker: everything but the connections."""

    name: str
    process: Process
    peers: set[str] = field(default_factory=set)
    views: dict[str, list[say.Wish]] = field(default_factory=dict)
    ceilings: dict[str, int] = field(default_factory=dict)
    muted: set[str] = field(default_factory=set)
    forced: list[str] = field(default_factory=list)
    moved: asyncio.Event = field(default_factory=asyncio.Event)


class EmbeddedEngine:
    """Our own workers. A room lives in one of them; when it dies the room moves and everybody is told."""

    capabilities = frozenset(Capability)

    def __init__(self, workers: int, placement: Placement, *, standby: bool = False) -> None:
        """`standby`: no worker runs before the first room is opened."""
        self._standby = standby
        self._workers = Workers(workers, placement, self._notify, self._lost)
        self._rooms: dict[str, _Room] = {}
        self._listeners: list[Listener] = []
        self._tasks = asyncio.TaskGroup()
        self._opening = asyncio.Lock()

    async def __aenter__(self) -> Self:
        """Start the workers."""
        await self._workers.__aenter__()
        await self._tasks.__aenter__()
        if not self._standby:
            self._workers.start()
            await self._workers.wait_ready()
        return self

    async def __aexit__(self, *failure: object) -> None:
        """Stop the workers."""
        await self._tasks.__aexit__(None, None, None)
        await self._workers.__aexit__(*failure)

    @property
    def processes(self) -> list[Process]:
        """The workers that are running."""
        return self._workers.alive

    def process_of(self, room: str) -> Process:
        """The worker a room lives in; EngineError when unknown."""
        return self._room(room).process

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Hear every notification; the returned function ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def open_room(self, room: str) -> None:
        """Make a room on the least busy worker."""
        async with self._opening:
            if room in self._rooms:
                return
            self._workers.start()
            process = await self._workers.place()
            try:
                await process.request(say.OpenRoom(room=room), say.Done)
            except EngineError:
                process.rooms -= 1
                raise
            opened = self._rooms[room] = _Room(room, process)
            opened.moved.set()

    async def close_room(self, room: str) -> None:
        """End a room; an unknown one is already ended."""
        known = self._rooms.pop(room, None)
        if known is not None:
            known.process.rooms -= 1
            await known.process.request(say.CloseRoom(room=room), say.Done)

    async def publish(self, room: str, peer: str, sdp: str, sources: dict[str, say.Source]) -> say.Description:
        """A publisher's offer; mutes set before a crash hold after it."""
        command = say.Publish(room=room, peer=peer, sdp=sdp, sources=sources)
        description = await self._ask(room, command, say.Description)
        known = self._room(room)
        known.peers.add(peer)
        for track in description.tracks:
            if track.track in known.muted:
                await self._ask(room, say.Mute(room=room, track=track.track, muted=True), say.Done)
        return description

    async def subscribe(self, room: str, peer: str, slots: say.Slots) -> say.Description:
        """An offer with constant slots."""
        description = await self._ask(room, say.Subscribe(room=room, peer=peer, slots=slots), say.Description)
        known = self._room(room)
        known.peers.add(peer)
        if peer in known.views:
            await self._ask(room, say.View(room=room, peer=peer, wishes=known.views[peer]), say.Done)
        return description

    async def accept(self, room: str, peer: str, sdp: str) -> None:
        """The subscriber's answer."""
        await self._ask(room, say.AcceptOffer(room=room, peer=peer, sdp=sdp), say.Done)
        bitrate = self._room(room).ceilings.get(peer)
        if bitrate:
            await self._ask(room, say.Ceiling(room=room, peer=peer, bitrate=bitrate), say.Done)

    async def play(self, room: str, peer: str, sdp: str, show: str) -> say.Description:
        """A player's own offer."""
        description = await self._ask(room, say.Play(room=room, peer=peer, sdp=sdp, show=show), say.Description)
        self._room(room).peers.add(peer)
        return description

    async def restart(self, room: str, peer: str, side: say.Side) -> say.Fragment:
        """New ICE credentials."""
        return await self._ask(room, say.Restart(room=room, peer=peer, side=side), say.Fragment)

    async def leave(self, room: str, peer: str, side: say.Side | None = None) -> None:
        """End one side of a participant, or both; a room that is gone is no error."""
        known = self._rooms.get(room)
        if known is None:
            return
        if side is None:
            known.peers.discard(peer)
            known.views.pop(peer, None)
            known.ceilings.pop(peer, None)
        await self._ask(room, say.Leave(room=room, peer=peer, side=side), say.Done)

    async def view(self, room: str, peer: str, wishes: list[say.Wish] | None) -> None:
        """What a subscriber shows; kept for its next connection."""
        known = self._room(room)
        if wishes is None:
            known.views.pop(peer, None)
        else:
            known.views[peer] = wishes
        await self._ask(room, say.View(room=room, peer=peer, wishes=wishes), say.Done)

    async def mute(self, room: str, track: str, *, muted: bool) -> None:
        """Stop or resume forwarding of a track."""
        (self._room(room).muted.add if muted else self._room(room).muted.discard)(track)
        await self._ask(room, say.Mute(room=room, track=track, muted=muted), say.Done)

    async def force_audible(self, room: str, tracks: list[str]) -> None:
        """Tracks that keep an audio slot."""
        self._room(room).forced = list(tracks)
        await self._ask(room, say.ForceAudible(room=room, tracks=tracks), say.Done)

    async def ceiling(self, room: str, peer: str, bitrate: int) -> None:
        """Upper bound of one subscriber."""
        self._room(room).ceilings[peer] = bitrate
        await self._ask(room, say.Ceiling(room=room, peer=peer, bitrate=bitrate), say.Done)

    async def statistics(self, room: str) -> dict[str, float]:
        """Counters of the worker a room lives in."""
        return (await self._ask(room, say.AskStatistics(room=room), say.Statistics)).values

    def _room(self, room: str) -> _Room:
        known = self._rooms.get(room)
        if known is None:
            raise EngineError("not_found", f"unknown room {room}")
        return known

    async def _ask(self, room: str, command: Message, answer: type[M]) -> M:
        known = self._room(room)
        await known.moved.wait()
        return await known.process.request(command, answer)

    def _notify(self, event: Message) -> None:
        for listener in tuple(self._listeners):
            try:
                listener(event)
            except Exception:
                log.exception("a listener failed on %s", type(event).__name__)

    def _lost(self, process: Process) -> None:
        for room in self._rooms.values():
            if room.process is process:
                room.moved.clear()
                self._tasks.create_task(self._move(room), name=f"move room {room.name}")

    async def _move(self, room: _Room) -> None:
        """Open the room elsewhere with what is worth keeping; the peers make new connections."""
        while room.name in self._rooms:
            try:
                process = await self._workers.place()
                await process.request(say.OpenRoom(room=room.name), say.Done)
                if room.forced:
                    await process.request(say.ForceAudible(room=room.name, tracks=room.forced), say.Done)
            except EngineError as error:
                log.warning("room %s cannot move yet: %s", room.name, error)
                continue
            room.process = process
            room.moved.set()
            self._notify(say.RoomMoved(room=room.name, reason="worker died"))
            return
