"""The namespace /meeting: guests by their link, the room by its paired page, walls by theirs, panels as hosts. Parse, may they?, hand on."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from smartroom.control.conference.acts import act
from smartroom.control.conference.meetings import Meetings, Open
from smartroom.control.conference.ports import By, MeetingRow
from smartroom.control.conference.roles import ACTS, LEADERS, may
from smartroom.control.errors import ProblemError, problem
from smartroom.control.identity.actors import Actor
from smartroom.control.identity.passwords import Slowdown
from smartroom.control.identity.rights import Action, Resource
from smartroom.control.identity.rights import may as may_in_house
from smartroom.control.limits import CHAT_BURST, CHAT_PER_S, REVOKE_CHECK_S
from smartroom.control.web.feed import Document, Feed, Watcher
from smartroom.control.web.gate import invalid, shaped
from smartroom.control.web.metrics import Meters
from smartroom.control.web.namespace import Namespace, Visitor, bucket, clock, only, same_protocol, take
from smartroom.control.web.ports import Front, House
from smartroom.control.web.presses import check, fresh, note
from smartroom.control.web.problems import forbidden, not_found, rate_limited, unauthenticated
from smartroom.control.web.rates import Buckets
from smartroom.control.web.sockets import Encoded, Outbox, Sockets, event_packet
from smartroom.protocol import PROTOCOL_VERSION
from smartroom.protocol import conference as words
from smartroom.protocol.base import Message
from smartroom.protocol.conference import DeviceClass, Done, MeetingPhase, SeatRole
from smartroom.protocol.errors import ErrorCode
from smartroom.protocol.people import ActorKind, Role

NAMESPACE = "/meeting"

WORDS: Final[Mapping[str, type[Message]]] = {
    "join": words.Join,
    "follow": words.Follow,
    "pub.offer": words.PubOffer,
    "sub.open": words.SubOpen,
    "sub.answer": words.SubAnswer,
    "echo.end": words.EchoEnd,
    "view": words.ViewWish,
    "saver": words.Saver,
    "sending": words.Sending,
    "chat.read": words.ChatRead,
}
"""Event -> message. With the acts of `conference.roles` and `time` this is everything a page may say."""


@dataclass(slots=True, eq=False)
class _Page(Visitor):
    """`Page` of a session over its socket."""

    feed: Feed
    door: str = ""
    """The meeting before whose door it stands."""
    person: str | None = None
    meeting: str = ""
    watching: dict[str, Watcher] = field(default_factory=dict)

    def tell(self, event: str, message: Message) -> None:
        """Say something; who is let in begins to follow, who hosts no more ceases to."""
        self.outbox.put_nowait(event_packet(NAMESPACE, event, message.model_dump_json()))
        if isinstance(message, words.Seated):
            self.watch(self.meeting)
        elif isinstance(message, words.RoleChanged) and message.role not in LEADERS:
            self.unwatch(f"{self.meeting}.host")

    def part(self) -> None:
        """The seat is gone: nothing more is sent."""
        self.person = None
        for name in list(self.watching):
            self.unwatch(name)

    def watch(self, name: str) -> None:
        """Send the patches of a document from now on."""
        watcher = self.watching.setdefault(name, Watcher(self.outbox))
        self.feed.snapshot(watcher, name)

    def unwatch(self, name: str) -> None:
        """No more."""
        watcher = self.watching.pop(name, None)
        if watcher is not None:
            self.feed.leave(watcher, name)


class MeetingNamespace(Namespace[_Page]):
    """Pages of all meetings. `run()` as long as the server."""

    events = frozenset({*WORDS, *ACTS, "time"})

    def __init__(self, house: House, front: Front, meters: Meters, sockets: Sockets) -> None:
        super().__init__(NAMESPACE, house, front, meters, sockets)
        self.feed = Feed(self._document, NAMESPACE, front.build)
        self._slowdown = Slowdown()  # of its own: guessing PINs keeps nobody from signing in
        self._talk = Buckets(CHAT_PER_S, CHAT_BURST)
        if house.meetings is not None:
            house.meetings.at_doors(self._door_changed)

    @property
    def meetings(self) -> Meetings:
        """Those of this server; raises ProblemError NOT_FOUND where it holds none."""
        found = self._house.meetings
        if found is None:
            raise not_found("Server ini tidak melayani rapat", "This server holds no meetings")
        return found

    async def run(self) -> None:
        """Every half second: rights that have ended."""
        while True:
            await asyncio.sleep(REVOKE_CHECK_S)
            await self.part_with_ended()

    # -- coming in --

    async def identify(self, request: web.BaseRequest, auth: object) -> Actor:
        """A link makes a guest of a stranger; who is known stays who they are."""
        code = auth.get("meeting") if isinstance(auth, dict) else None
        try:
            return await super().identify(request, auth)
        except ProblemError:
            if not isinstance(code, str) or not code:
                raise
        row = self.meetings.by_code(code)
        return Actor(ActorKind.GUEST, request.remote or "-", "", Role.GUEST, frozenset(), row.id)

    def again(self, actor: Actor) -> Actor | None:
        """A guest's right is the seat, which the session keeps."""
        return actor if actor.kind is ActorKind.GUEST else super().again(actor)

    def greet(self, sid: str, connection: str, actor: Actor, outbox: Outbox) -> _Page:
        """A page stands at the door."""
        _ = self.meetings  # refuses where there are none
        door = actor.credential if actor.kind is ActorKind.GUEST else ""
        return _Page(sid, connection, actor, outbox, bucket(), self.feed, door)

    def left(self, page: _Page) -> None:
        """Its seat is kept for a while."""
        if self.meetings.echoes is not None:
            self.meetings.echoes.end(page)
        found = self._open(page)
        if found is not None:
            found.session.unfollow(page)
            if page.person is not None:
                found.session.lost(page.person, page)
        page.part()

    def _door_changed(self, row: MeetingRow) -> None:
        """Tell who stands there."""
        standing = [page for page in self.visitors.values() if page.door == row.id]
        if standing:
            door = self.meetings.door(row, PROTOCOL_VERSION, self._front.build)
            for page in standing:
                page.tell("door", door)

    # -- what it says --

    async def answer(self, page: _Page, actor: Actor, event: str, arguments: tuple[object, ...]) -> Encoded:
        """One message, one answer."""
        take(page.ordinary)
        said = only(arguments)
        if event == "time":
            return Encoded(clock(said).model_dump_json())
        if event in ACTS:
            asked = shaped(ACTS[event][0], said)
            return Encoded((await self._act(page, actor, event, asked)).model_dump_json())
        model = WORDS.get(event)
        if model is None:
            raise forbidden(f"there is no event {event[:32]!r}")
        return Encoded((await self._say(page, actor, shaped(model, said))).model_dump_json())

    async def _say(self, page: _Page, actor: Actor, message: Message) -> Message:
        match message:
            case words.Join():
                return self._join(page, actor, message)
            case words.Follow():
                return self._follow(page, actor, message)
            case words.ChatRead():
                return self._read_chat(page, message)
            case words.PubOffer(echo=True) | words.SubOpen(echo=True) | words.SubAnswer(echo=True) | words.EchoEnd():
                return await self._echo(page, message)
        found, person = self._seated(page)
        match message:
            case words.PubOffer():
                return await found.lines.publish(person, message)
            case words.SubOpen():
                return await found.lines.open(person, message)
            case words.SubAnswer():
                await found.lines.answer(person, message)
            case words.ViewWish():
                found.lines.view(person, message)
            case words.Saver():
                found.lines.saver(person, message)
            case words.Sending():
                found.session.sending(person, message)
        return Done(ok=True)

    def _join(self, page: _Page, actor: Actor, join: words.Join) -> Message:
        same_protocol(join.protocol)
        row, role = self._entrance(page, actor, join)
        if row.phase is MeetingPhase.PLANNED:
            raise ProblemError(problem(ErrorCode.BLOCKED, "Rapat belum dimulai", "The meeting has not begun"))
        found = self.meetings.live(row.id)
        if found is None:
            raise ProblemError(problem(ErrorCode.BUSY, "Rapat sedang dibuka", "The meeting is being opened"))
        page.meeting = row.id
        joined = found.session.join(join, page, role=role, pin=lambda: self._pin(page, found, join.pin))
        page.door = ""
        if self.meetings.echoes is not None:
            self.meetings.echoes.end(page)
        page.person = joined.seated.person if joined.seated else joined.waiting.person if joined.waiting else None
        if joined.seated is not None:
            page.watch(row.id)
            found.lines.greet(joined.seated.person)
        return joined

    def _follow(self, page: _Page, actor: Actor, follow: words.Follow) -> Message:
        same_protocol(follow.protocol)
        found = self._open(page) if page.person is not None else None
        if found is None or page.person is None or found.session.role_of(page.person) not in LEADERS:
            check(actor, Action.MEETING_RUN, Resource(room=follow.room))
            found = self.meetings.open_in(follow.room)
            if found is not None:
                page.meeting = found.session.row.id
                found.session.follow(page)
        if found is None:
            return words.Following(protocol=PROTOCOL_VERSION, build=self._front.build, time=time.time())
        page.watch(page.meeting)
        page.watch(f"{page.meeting}.host")
        return words.Following(
            protocol=PROTOCOL_VERSION,
            build=self._front.build,
            time=time.time(),
            state=found.session.public.state,
            backstage=found.session.backstage.state,
        )

    async def _echo(self, page: _Page, message: Message) -> Message:
        echoes = self.meetings.echoes
        if echoes is None:
            raise ProblemError(problem(ErrorCode.BUSY, "Server sedang dimulai", "The server is starting"))
        match message:
            case words.PubOffer():
                return await echoes.publish(page, message)
            case words.SubOpen():
                return await echoes.open(page, message)
            case words.SubAnswer():
                await echoes.answer(page, message)
            case _:
                echoes.end(page)
        return Done(ok=True)

    def _read_chat(self, page: _Page, asked: words.ChatRead) -> Message:
        found = self._open(page)
        if found is None or (page.person is None and page not in found.session.panels):
            raise unauthenticated("join first")
        return found.session.chat.read(asked.before)

    async def _act(self, page: _Page, actor: Actor, event: str, asked: words.Act) -> Message:
        found = self._open(page)
        if found is None:
            raise unauthenticated("join first")
        by = self._by(page, actor, found)
        if event == "say" and not self._talk.take(by.person or actor.id):
            raise rate_limited()
        hosting = by.role in LEADERS
        try:
            fresh(asked.at)
            if event in ("end", "hand-over"):
                await self._conclude(by, event, asked, found)
            else:
                act(found.session, by, event, asked)
        except ProblemError as error:
            if hosting:
                self._note(actor, by, event, found, str(error.problem.code))
            raise
        if hosting and event != "say":
            self._note(actor, by, event, found, "ok")
        return Done(ok=True)

    async def _conclude(self, by: By, event: str, asked: words.Act, found: Open) -> None:
        if not may(by.role, event):
            raise forbidden(f"{event} as {by.role}")
        if isinstance(asked, words.HandOver):
            await self.meetings.hand_over(found.session.row.id, asked.next)
        else:
            await self.meetings.end(found.session.row.id)

    def _pin(self, page: _Page, found: Open, given: str | None) -> bool:
        """True with the right PIN. Wrong ones are slowed down per address, which nobody inside notices; after too many the host decides."""
        session, slowdown = found.session, self._slowdown
        if session.row.pin is None:
            return True
        if session.pin_closed:
            return False
        if not given:
            raise ProblemError(
                problem(ErrorCode.UNAUTHENTICATED, "Masukkan PIN rapat", "Type the meeting's PIN", name="pin")
            )
        account, source = f"meeting {session.row.id}", page.actor.id
        wait = slowdown.wait_s(account, source)
        if wait > 0:
            raise ProblemError(
                problem(
                    ErrorCode.RATE_LIMITED,
                    f"Terlalu banyak percobaan; coba lagi dalam {wait:.0f} detik",
                    f"Too many tries; try again in {wait:.0f} s",
                    detail=f"retry_after={wait:.0f}",
                    name="pin",
                )
            )
        if hmac.compare_digest(given.strip().encode(), session.row.pin.encode()):
            slowdown.right(account, source)
            return True
        slowdown.wrong(account, source)
        session.wrong_pin()
        raise ProblemError(problem(ErrorCode.UNAUTHENTICATED, "PIN salah", "The PIN is wrong", name="pin"))

    # -- who --

    def _entrance(self, page: _Page, actor: Actor, join: words.Join) -> tuple[MeetingRow, SeatRole | None]:
        """Which meeting, and what the server knows this page to be: null for a guest."""
        if join.meeting is not None:
            row = self.meetings.by_code(join.meeting)
            return row, SeatRole.HOST if may_in_house(actor, Action.MEETING_RUN, Resource(room=row.room)) else None
        if join.room is None:
            raise invalid("`join` names a meeting by its link's code, or a room", "meeting")
        check(actor, Action.MEETING_ATTEND, Resource(room=join.room))
        found = self.meetings.open_in(join.room)
        if found is None:
            raise ProblemError(problem(ErrorCode.BLOCKED, "Belum ada rapat di ruangan ini", "No meeting is open here"))
        display = actor.role is Role.DISPLAY and join.device is DeviceClass.WALL
        return found.session.row, SeatRole.DISPLAY if display else SeatRole.ROOM

    def _by(self, page: _Page, actor: Actor, found: Open) -> By:
        if page.person is not None and page.person in found.session.seats:
            if page.person in found.session.waiting:
                raise forbidden("still in the lobby")
            return found.session.by(page.person)
        if page in found.session.panels:
            check(actor, Action.MEETING_RUN, Resource(room=found.session.row.room))
            return By(SeatRole.HOST, actor.name)
        raise unauthenticated("join first")

    def _seated(self, page: _Page) -> tuple[Open, str]:
        found = self._open(page)
        if found is None or page.person is None or page.person in found.session.waiting:
            raise unauthenticated("join first")
        return found, page.person

    def _open(self, page: _Page) -> Open | None:
        return self.meetings.live(page.meeting) if page.meeting else None

    def _document(self, name: str) -> Document | None:
        found = self.meetings.live(name.removesuffix(".host"))
        if found is None:
            return None
        return found.session.backstage if name.endswith(".host") else found.session.public

    def _note(self, actor: Actor, by: By, event: str, found: Open, outcome: str) -> None:
        row = found.session.row
        note(self._house, actor, f"meeting.{event}", f"{row.room}/{row.id}", outcome, by.name)
