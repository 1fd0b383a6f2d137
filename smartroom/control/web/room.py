"""The namespace /room: pages follow a room and press. Parse, may they?, answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from smartroom.control.identity.actors import Actor
from smartroom.control.identity.rights import Action
from smartroom.control.limits import PRESSES_AT_ONCE, REVOKE_CHECK_S, SAFETY_AT_ONCE, SOCKET_AUTH_S
from smartroom.control.room.store import Store
from smartroom.control.web.feed import Feed, Watcher
from smartroom.control.web.gate import shaped
from smartroom.control.web.metrics import Meters
from smartroom.control.web.namespace import Namespace, Visitor, bucket, clock, only, same_protocol, take
from smartroom.control.web.ports import Front, House
from smartroom.control.web.presses import Presses, note, safety
from smartroom.control.web.problems import forbidden
from smartroom.control.web.rates import Bucket
from smartroom.control.web.sockets import Encoded, Outbox, Sockets
from smartroom.protocol.commands import (
    ActDevice,
    Answer,
    ApplyScene,
    BlankRoom,
    CancelRun,
    DismissUnfinished,
    Press,
    RecordScene,
    RetryRun,
    RunCue,
    SetProperty,
    UndoRun,
    Watch,
)

NAMESPACE = "/room"

PRESSES: Final[Mapping[str, type[Press]]] = {
    "apply": ApplyScene,
    "retry": RetryRun,
    "record": RecordScene,
    "cancel": CancelRun,
    "undo": UndoRun,
    "set": SetProperty,
    "act": ActDevice,
    "blank": BlankRoom,
    "dismiss": DismissUnfinished,
    "cue": RunCue,
}
"""Event -> message. With `watch` and `time` this is everything a page may say."""


@dataclass(slots=True, eq=False)
class _Page(Visitor):
    watcher: Watcher
    safe: Bucket
    room: str | None = None
    under_way: int = 0
    safe_under_way: int = 0


class RoomNamespace(Namespace[_Page]):
    """Pages of all rooms. `run()` as long as the server: it ends who may no longer be here."""

    events = frozenset(PRESSES)

    def __init__(self, house: House, front: Front, presses: Presses, meters: Meters, sockets: Sockets) -> None:
        super().__init__(NAMESPACE, house, front, meters, sockets)
        self.feed = Feed(self._store, NAMESPACE, front.build)
        self._presses = presses

    @property
    def pages(self) -> int:
        """Pages that said who they are."""
        return len(self.visitors)

    async def run(self) -> None:
        """Every half second: rights that have ended, strangers that stay silent, pages that do not read."""
        while True:
            await asyncio.sleep(REVOKE_CHECK_S)
            now = time.monotonic()
            for outbox in self._sockets.outboxes.values():
                if outbox.link is None:
                    continue
                if not outbox.known and now - outbox.born > SOCKET_AUTH_S:
                    outbox.link.cut("unauthenticated")
                else:
                    outbox.link.check_stall()
            await self.part_with_ended()
            self._cut_moved()

    def greet(self, sid: str, connection: str, actor: Actor, outbox: Outbox) -> _Page:
        """Anybody whom the server knows may come in; each event asks again."""
        return _Page(sid, connection, actor, outbox, bucket(), Watcher(outbox), bucket())

    async def answer(self, page: _Page, actor: Actor, event: str, arguments: tuple[object, ...]) -> Encoded:
        """Clock, watching, presses."""
        if event == "time":
            take(page.ordinary)
            return Encoded(clock(only(arguments)).model_dump_json())
        if event == "watch":
            return self._watch(page, actor, shaped(Watch, only(arguments)))
        model = PRESSES.get(event)
        if model is None:
            note(self._house, actor, event[:32], "", "unknown event")
            raise forbidden(f"there is no event {event[:32]!r}")
        return await self._press(page, actor, shaped(model, only(arguments)))

    def left(self, page: _Page) -> None:
        """It follows no room any more."""
        if page.room is not None:
            self.feed.leave(page.watcher, page.room)

    def _store(self, room: str) -> Store | None:
        desk = self._house.desks.get(room)
        return None if desk is None else desk.store

    def _cut_moved(self) -> None:
        """A room that was opened anew has another history: its pages come back and take a snapshot."""
        moved = self.feed.moved()
        for page in [page for page in self.visitors.values() if page.room in moved]:
            if page.outbox.link is not None:
                page.outbox.link.cut("room opened anew")

    async def _press(self, page: _Page, actor: Actor, press: Press) -> Encoded:
        """Two lanes: mute, blank and stop have their own rate and their own places."""
        if safety(press):
            take(page.safe, page.safe_under_way, SAFETY_AT_ONCE)
            page.safe_under_way += 1
            try:
                accepted = await self._presses.take(actor, press)
            finally:
                page.safe_under_way -= 1
        else:
            take(page.ordinary, page.under_way, PRESSES_AT_ONCE)
            page.under_way += 1
            try:
                accepted = await self._presses.take(actor, press)
            finally:
                page.under_way -= 1
        return Encoded(Answer(ok=accepted).model_dump_json())

    def _watch(self, page: _Page, actor: Actor, watch: Watch) -> Encoded:
        take(page.ordinary)
        same_protocol(watch.protocol)
        self._presses.desk(actor, watch.room, Action.ROOM_SEE)
        if page.room is not None:
            self.feed.leave(page.watcher, page.room)
        page.room = watch.room
        return self.feed.watch(page.watcher, watch.room, watch.since)
