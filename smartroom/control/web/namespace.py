"""What all Socket.IO namespaces share: who may come in, how often they may speak, when they must go."""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import socketio
from aiohttp import web

from smartroom.control.errors import ProblemError, problem
from smartroom.control.identity.actors import NOBODY, Actor
from smartroom.control.limits import (
    PRESSES_BURST,
    PRESSES_PER_S,
    SOCKETS_PER_GUEST_ADDRESS,
    SOCKETS_PER_PERSON,
    SOCKETS_PER_ROOM,
    SOCKETS_PER_SCREEN,
)
from smartroom.control.web.credentials import who
from smartroom.control.web.gate import invalid
from smartroom.control.web.metrics import Meters
from smartroom.control.web.ports import Front, House
from smartroom.control.web.problems import rate_limited, unauthenticated
from smartroom.control.web.rates import Bucket
from smartroom.control.web.sockets import Encoded, Outbox, Sockets
from smartroom.protocol import PROTOCOL_VERSION
from smartroom.protocol.commands import Answer, Clock
from smartroom.protocol.errors import ErrorCode, Problem
from smartroom.protocol.people import ActorKind

_PARTING_S = 0.4
_SOCKETS: Final[Mapping[ActorKind, int]] = {
    ActorKind.DEVICE: SOCKETS_PER_SCREEN,
    ActorKind.USER: SOCKETS_PER_PERSON,
    ActorKind.TOKEN: SOCKETS_PER_ROOM,
    ActorKind.GUEST: SOCKETS_PER_GUEST_ADDRESS,
}


@dataclass(slots=True, eq=False)
class Visitor:
    """A page that has said who it is; each namespace adds what it remembers of one."""

    sid: str
    connection: str
    actor: Actor
    outbox: Outbox
    ordinary: Bucket


_VisitorT = TypeVar("_VisitorT", bound=Visitor)


class Namespace(socketio.AsyncNamespace, Generic[_VisitorT]):  # type: ignore[misc]  # the library ships no types
    """Pages of one kind. A namespace says what it remembers of a page, which events it knows, and what it answers."""

    events: frozenset[str] = frozenset()
    """Events that are counted by name; anything else is counted as `other`."""

    def __init__(self, name: str, house: House, front: Front, meters: Meters, sockets: Sockets) -> None:
        super().__init__(name)
        self.visitors: dict[str, _VisitorT] = {}
        self._house = house
        self._front = front
        self._meters = meters
        self._sockets = sockets

    @abstractmethod
    def greet(self, sid: str, connection: str, actor: Actor, outbox: Outbox) -> _VisitorT:
        """A page came in; ProblemError when its person may not."""

    @abstractmethod
    async def answer(self, page: _VisitorT, actor: Actor, event: str, arguments: tuple[object, ...]) -> Encoded:
        """The acknowledgement of an event; ProblemError becomes an `Answer` with its problem."""

    async def identify(self, request: web.BaseRequest, auth: object) -> Actor:
        """Who stands at the door; raises ProblemError UNAUTHENTICATED."""
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

    def again(self, actor: Actor) -> Actor | None:
        """The actor as of now; None when the right has ended."""
        return self._house.people.again(actor)

    def left(self, page: _VisitorT) -> None:
        """A page is gone."""

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

    async def part_with_ended(self) -> None:
        """Cut every page whose right has ended."""
        ended = [page for page in self.visitors.values() if self.again(page.actor) != page.actor]
        await asyncio.gather(*(self._part(page) for page in ended))

    async def _connect(self, sid: str, request: web.BaseRequest, auth: object) -> bool:
        try:
            actor = await self.identify(request, auth)
            self._check_room_left(actor)
            connection = self._sockets.manager.eio_sid_from_sid(sid, self.namespace)
            outbox = self._sockets.outbox(connection)
            if outbox is None:
                return False
            page = self.greet(sid, connection, actor, outbox)
        except ProblemError as error:
            raise _refused(error.problem) from None
        outbox.known = True
        self.visitors[sid] = page
        return True

    def _check_room_left(self, actor: Actor) -> None:
        most, everybody = _SOCKETS.get(actor.kind, 0), self.visitors.values()
        # Counted only when it can be true.
        same = 0 if len(everybody) < most else sum(_same(page.actor, actor) for page in everybody)
        if same >= most or len(everybody) >= SOCKETS_PER_ROOM:
            raise ProblemError(
                problem(ErrorCode.OVERLOADED, "Terlalu banyak halaman terbuka", "Too many pages are open")
            )

    async def _event(self, event: str, sid: str, arguments: tuple[object, ...]) -> Encoded:
        page = self.visitors.get(sid)
        try:
            if page is None:
                raise unauthenticated()
            actor = self.again(page.actor)
            if actor is None:
                raise unauthenticated("the session has ended")
            answer = await self.answer(page, actor, event, arguments)
        except ProblemError as error:
            self._meters.event(event if event in self.events else "other", str(error.problem.code))
            return Encoded(Answer(problem=error.problem).model_dump_json())
        self._meters.event(event, "ok")
        return answer

    async def _part(self, page: _VisitorT) -> None:
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
        page = self.visitors.pop(sid, None)
        if page is not None:
            self.left(page)


def bucket() -> Bucket:
    """A fresh page's rate."""
    return Bucket(PRESSES_PER_S, PRESSES_BURST)


def take(rate: Bucket, under_way: int = 0, most: int = 1) -> None:
    """One press of a rate, with so many of its page already under way; raises ProblemError RATE_LIMITED or BUSY."""
    if not rate.take():
        raise rate_limited()
    if under_way >= most:
        raise ProblemError(
            problem(ErrorCode.BUSY, "Masih mengerjakan tekanan sebelumnya", "Earlier presses are still under way")
        )


def only(arguments: tuple[object, ...]) -> object:
    """The one message of an event; raises ProblemError INVALID."""
    if len(arguments) != 1:
        raise invalid("an event carries exactly one message")
    return arguments[0]


def clock(said: object) -> Clock:
    """Answer to `time`: the page's number again, and the server's time; raises ProblemError INVALID."""
    if not isinstance(said, int | float) or isinstance(said, bool):
        raise invalid("`time` carries the page's clock as a number")
    return Clock(sent=said, time=time.time())


def same_protocol(number: int) -> None:
    """Raise ProblemError STALE for a page of another version."""
    if number != PROTOCOL_VERSION:
        raise ProblemError(
            problem(
                ErrorCode.STALE,
                "Halaman ini dari versi lain; muat ulang",
                "This page is from another version; reload",
                detail=f"page {number}, server {PROTOCOL_VERSION}",
            ),
        )


def _same(one: Actor, other: Actor) -> bool:
    return one.kind is other.kind and one.id == other.id


def _refused(trouble: Problem) -> Exception:
    refusal: Exception = socketio.exceptions.ConnectionRefusedError(str(trouble.code), trouble.model_dump(mode="json"))
    return refusal
