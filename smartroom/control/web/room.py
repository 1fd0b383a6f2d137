"""The namespace /room: pages follow a room and press. Parse, may they?, answer."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import socketio
from aiohttp import web

from smartroom.control.errors import ProblemError, problem
from smartroom.control.identity.actors import NOBODY, Actor
from smartroom.control.identity.rights import Action
from smartroom.control.limits import (
    PRESSES_AT_ONCE,
    PRESSES_BURST,
    PRESSES_PER_S,
    REVOKE_CHECK_S,
    SAFETY_AT_ONCE,
    SOCKET_AUTH_S,
    SOCKETS_PER_PERSON,
    SOCKETS_PER_ROOM,
    SOCKETS_PER_SCREEN,
)
from smartroom.control.web.credentials import who
from smartroom.control.web.feed import Feed, Watcher
from smartroom.control.web.gate import invalid, shaped
from smartroom.control.web.metrics import Meters
from smartroom.control.web.ports import Front, House
from smartroom.control.web.presses import Presses, note, safety
from smartroom.control.web.problems import forbidden, rate_limited, unauthenticated
from smartroom.control.web.rates import Bucket
from smartroom.control.web.sockets import Encoded, Outbox, Sockets
from smartroom.protocol import PROTOCOL_VERSION
from smartroom.protocol.commands import (
    ActDevice,
    Answer,
    ApplyScene,
    BlankRoom,
    CancelRun,
    Clock,
    DismissUnfinished,
    Press,
    RetryRun,
    SetProperty,
    Watch,
)
from smartroom.protocol.errors import ErrorCode, Problem
from smartroom.protocol.people import ActorKind

NAMESPACE = "/room"

PRESSES: Final[Mapping[str, type[Press]]] = {
    "apply": ApplyScene,
    "retry": RetryRun,
    "cancel": CancelRun,
    "set": SetProperty,
    "act": ActDevice,
    "blank": BlankRoom,
    "dismiss": DismissUnfinished,
}
"""Event -> message. With `watch` and `time` this is everything a page may say."""

_PARTING_S = 0.4
_SOCKETS: Final[Mapping[ActorKind, int]] = {
    ActorKind.DEVICE: SOCKETS_PER_SCREEN,
    ActorKind.USER: SOCKETS_PER_PERSON,
    ActorKind.TOKEN: SOCKETS_PER_ROOM,
}


@dataclass(slots=True)
class _Page:
    sid: str
    connection: str
    actor: Actor
    outbox: Outbox
    watcher: Watcher
    ordinary: Bucket
    safe: Bucket
    room: str | None = None
    under_way: int = 0
    safe_under_way: int = 0


class RoomNamespace(socketio.AsyncNamespace):  # type: ignore[misc]  # the library ships no types
    """Pages of all rooms. `run()` as long as the server: it ends who may no longer be here."""

    def __init__(self, house: House, front: Front, presses: Presses, meters: Meters, sockets: Sockets) -> None:
        super().__init__(NAMESPACE)
        self.feed = Feed(house.desks, NAMESPACE, front.build)
        self._house = house
        self._front = front
        self._presses = presses
        self._meters = meters
        self._sockets = sockets
        self._pages: dict[str, _Page] = {}

    @property
    def pages(self) -> int:
        """Pages that said who they are."""
        return len(self._pages)

    async def trigger_event(self, event: str, *arguments: object) -> object:
        """Everything from a page comes through here; there is no handler by name that could be forgotten in a table."""
        sid = str(arguments[0])
        if event == "connect":
            environ, auth = arguments[1], arguments[2] if len(arguments) > 2 else None
            assert isinstance(environ, Mapping)
            return await self._connect(sid, environ["aiohttp.request"], auth)
        if event == "disconnect":
            self._gone(sid)
            return None
        return await self._event(event, sid, arguments[1:])

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
            ended = [page for page in self._pages.values() if self._house.people.again(page.actor) != page.actor]
            await asyncio.gather(*(self._part(page) for page in ended))
            self._cut_moved()

    def _cut_moved(self) -> None:
        """A room that was opened anew has another history: its pages come back and take a snapshot."""
        moved = self.feed.moved()
        for page in [page for page in self._pages.values() if page.room in moved]:
            if page.outbox.link is not None:
                page.outbox.link.cut("room opened anew")

    async def _connect(self, sid: str, request: web.BaseRequest, auth: object) -> bool:
        try:
            actor = await self._who(request, auth)
            self._check_room_left(actor)
        except ProblemError as error:
            raise _refused(error.problem) from None
        connection = self._sockets.manager.eio_sid_from_sid(sid, NAMESPACE)
        outbox = self._sockets.outboxes.get(connection)
        if outbox is None:
            return False
        outbox.known = True
        self._pages[sid] = _Page(
            sid=sid,
            connection=connection,
            actor=actor,
            outbox=outbox,
            watcher=Watcher(outbox),
            ordinary=Bucket(PRESSES_PER_S, PRESSES_BURST),
            safe=Bucket(PRESSES_PER_S, PRESSES_BURST),
        )
        return True

    async def _who(self, request: web.BaseRequest, auth: object) -> Actor:
        token = auth.get("token") if isinstance(auth, dict) else None
        if isinstance(token, str) and token:
            actor = await self._house.people.by_token(token)
            if actor is None:
                raise unauthenticated("the token is wrong, too old or revoked")
            return actor
        actor = await who(self._house.people, self._front, request)
        if actor is NOBODY:
            raise unauthenticated(
                "" if "Origin" in request.headers else "without an Origin a token is needed, cookies are not heard"
            )
        return actor

    def _check_room_left(self, actor: Actor) -> None:
        same = Counter((page.actor.kind, page.actor.id) for page in self._pages.values())[actor.kind, actor.id]
        if same >= _SOCKETS.get(actor.kind, 0) or len(self._pages) >= SOCKETS_PER_ROOM:
            raise ProblemError(
                problem(ErrorCode.OVERLOADED, "Terlalu banyak halaman terbuka", "Too many pages are open")
            )

    async def _event(self, event: str, sid: str, arguments: tuple[object, ...]) -> Encoded:
        page = self._pages.get(sid)
        try:
            if page is None:
                raise unauthenticated()
            answer = await self._answer(page, event, arguments)
        except ProblemError as error:
            self._meters.event(event if event in PRESSES else "other", str(error.problem.code))
            return Encoded(Answer(problem=error.problem).model_dump_json())
        self._meters.event(event, "ok")
        return answer

    async def _answer(self, page: _Page, event: str, arguments: tuple[object, ...]) -> Encoded:
        actor = self._house.people.again(page.actor)
        if actor is None:
            raise unauthenticated("the session has ended")
        if event == "time":
            return self._clock(page, arguments)
        if event == "watch":
            return self._watch(page, actor, shaped(Watch, _only(arguments)))
        model = PRESSES.get(event)
        if model is None:
            note(self._house, actor, event[:32], "", "unknown event")
            raise forbidden(f"there is no event {event[:32]!r}")
        return await self._press(page, actor, shaped(model, _only(arguments)))

    async def _press(self, page: _Page, actor: Actor, press: Press) -> Encoded:
        """Two lanes: mute, blank and stop have their own rate and their own places."""
        if safety(press):
            _take(page.safe, page.safe_under_way, SAFETY_AT_ONCE)
            page.safe_under_way += 1
            try:
                accepted = await self._presses.take(actor, press)
            finally:
                page.safe_under_way -= 1
        else:
            _take(page.ordinary, page.under_way, PRESSES_AT_ONCE)
            page.under_way += 1
            try:
                accepted = await self._presses.take(actor, press)
            finally:
                page.under_way -= 1
        return Encoded(Answer(ok=accepted).model_dump_json())

    def _watch(self, page: _Page, actor: Actor, watch: Watch) -> Encoded:
        if not page.ordinary.take():
            raise rate_limited()
        if watch.protocol != PROTOCOL_VERSION:
            raise ProblemError(
                problem(
                    ErrorCode.STALE,
                    "Halaman ini dari versi lain; muat ulang",
                    "This page is from another version; reload",
                    detail=f"page {watch.protocol}, server {PROTOCOL_VERSION}",
                ),
            )
        self._presses.desk(actor, watch.room, Action.ROOM_SEE)
        if page.room is not None:
            self.feed.leave(page.watcher, page.room)
        page.room = watch.room
        return self.feed.watch(page.watcher, watch.room, watch.since)

    def _clock(self, page: _Page, arguments: tuple[object, ...]) -> Encoded:
        if not page.ordinary.take():
            raise rate_limited()
        sent = _only(arguments)
        if not isinstance(sent, int | float) or isinstance(sent, bool):
            raise invalid("`time` carries the page's clock as a number")
        return Encoded(Clock(sent=sent, time=time.time()).model_dump_json())

    async def _part(self, page: _Page) -> None:
        """Tell a page that its right has ended, then cut it, whether it listens or not."""
        link = page.outbox.link
        try:
            async with asyncio.timeout(_PARTING_S):
                await self.disconnect(page.sid)
                await self._sockets.engine.disconnect(page.connection)
        except TimeoutError:
            pass
        finally:
            self._gone(page.sid)
            if link is not None:
                link.cut("revoked")

    def _gone(self, sid: str) -> None:
        page = self._pages.pop(sid, None)
        if page is not None and page.room is not None:
            self.feed.leave(page.watcher, page.room)


def _take(bucket: Bucket, under_way: int, most: int) -> None:
    if not bucket.take():
        raise rate_limited()
    if under_way >= most:
        raise ProblemError(
            problem(ErrorCode.BUSY, "Masih mengerjakan tekanan sebelumnya", "Earlier presses are still under way")
        )


def _only(arguments: tuple[object, ...]) -> object:
    if len(arguments) != 1:
        raise invalid("an event carries exactly one message")
    return arguments[0]


def _refused(trouble: Problem) -> Exception:
    refusal: Exception = socketio.exceptions.ConnectionRefusedError(str(trouble.code), trouble.model_dump(mode="json"))
    return refusal
