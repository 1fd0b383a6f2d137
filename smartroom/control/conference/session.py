"""One open meeting: who is in it, who waits, what they may send. One writer, no I/O: the clock is given, the crew carries out."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from smartroom.control.clock import monotonic, wall
from smartroom.control.conference import names
from smartroom.control.conference.agencies import Roster
from smartroom.control.conference.chat import ChatBook
from smartroom.control.conference.ports import By, Crew, MeetingRow, Page, Place
from smartroom.control.conference.roles import LEADERS, PUBLISHES
from smartroom.control.errors import ProblemError, problem
from smartroom.control.limits import HOST_AWAY_S, LOBBY_LIMIT, PIN_TRIES, PRESS_MEMORY, SEAT_GRACE_S, SEATS_LIMIT
from smartroom.control.room.ledger import Ledger
from smartroom.protocol import conference as say
from smartroom.protocol.base import Message
from smartroom.protocol.conference import (
    BackstageState,
    DeviceClass,
    Ended,
    Hand,
    Join,
    LinkQuality,
    MeetingPhase,
    MeetingState,
    MutedBy,
    Person,
    RoleChanged,
    Rules,
    Seated,
    SeatPlace,
    SeatRole,
    Sending,
    Stage,
    Voice,
    Waiter,
    Waiting,
)
from smartroom.protocol.errors import ErrorCode

ROOM_CODE_DIGITS = 4


@dataclass(slots=True)
class Seat:
    """The page behind somebody, and what it wants to send."""

    person: str
    secret: str
    """Digest of what brings a page back."""
    role: SeatRole
    page: Page | None = None
    lost: float | None = None
    """Monotonic time since when no page is there."""
    seen: float = 0.0
    """Server time when its page was last there."""
    sends: dict[str, bool] = field(default_factory=lambda: {"mic": False, "camera": False, "screen": False})
    held: bool = False
    """The host closed the microphone."""

    @property
    def here(self) -> bool:
        """A page is connected."""
        return self.page is not None


class StateLedger(Ledger):
    """What everybody sees."""

    @property
    def state(self) -> MeetingState:
        """The whole state now."""
        return MeetingState.model_validate(self.document)


class BackstageLedger(Ledger):
    """What hosts see."""

    @property
    def state(self) -> BackstageState:
        """The whole state now."""
        return BackstageState.model_validate(self.document)


class Session:
    """The single writer of an open meeting. Methods return at once; what they decide about media goes to the crew."""

    def __init__(
        self,
        row: MeetingRow,
        place: Place,
        roster: Roster,
        crew: Crew,
        *,
        url: str = "",
        ice: Callable[[str], Sequence[say.IceServer]] = lambda _: (),
        now: Callable[[], float] = wall,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.row = row
        self.roster = roster
        self.crew = crew
        self._ice = ice
        self.now = now
        self.clock = clock
        self.people: dict[str, Person] = {}
        self.seats: dict[str, Seat] = {}
        self.waiting: dict[str, Waiter] = {}
        self.hands: list[Hand] = []
        self.stage = Stage()
        self.rules = Rules(lobby=row.lobby)
        self.speaker: str | None = None
        self.spoke: list[str] = []
        """Who spoke, the latest first."""
        self.roll: say.RollCall | None = None
        self.panels: set[Page] = set()
        self.acting: str | None = None
        self.chat = ChatBook()
        self._arrivals: dict[str, Person] = {}
        self._by_secret: dict[str, str] = {}
        self._left: dict[str, tuple[Person, SeatRole]] = {}
        self._blocked: set[str] = set()
        self._done: OrderedDict[str, None] = OrderedDict()
        self.pin_closed = False
        self._wrong_pins = 0
        self._links: dict[str, LinkQuality] = {}
        self._hostless = clock()
        opened = row.opened or now()
        self.public = StateLedger(
            row.id,
            MeetingState(
                meeting=row.id, room=row.room, room_name=place.name, title=row.title, version=1, time=now(),
                timezone=place.timezone, phase=MeetingPhase.OPEN, starts=row.starts, ends=row.ends, opened=opened,
                rules=self.rules, agenda=list(row.agenda),
            ).model_dump(mode="json"),
        )  # fmt: skip
        self.backstage = BackstageLedger(
            f"{row.id}.host",
            BackstageState(
                meeting=row.id, version=1, time=now(), path=f"/meet/{row.code}", url=f"{url}/meet/{row.code}",
                pin=row.pin, room_code=names.digits(ROOM_CODE_DIGITS), groups=list(roster.groups),
                seats=[SeatPlace(id=key, name=name or roster.words(key)) for key, name in place.seats.items()],
            ).model_dump(mode="json"),
        )  # fmt: skip

    @property
    def room_code(self) -> str:
        """What devices inside the room type."""
        return self.backstage.state.room_code

    # -- coming and going --

    def join(
        self, join: Join, page: Page, *, role: SeatRole | None = None, pin: Callable[[], bool] = lambda: True
    ) -> say.Joined:
        """Somebody at the door. `role`: what the server knows them to be, which needs no lobby. Raises ProblemError.

        `pin` is asked for who is new; False sends them to the lobby.
        """
        back = self._return(join, page)
        if back is not None:
            return back
        name = self.public.state.room_name.id if role is SeatRole.ROOM else names.clean(join.name)
        if not name:
            raise _refused(ErrorCode.INVALID, "Isi nama Anda", "Type your name", name="name")
        if self.rules.locked and role is None:
            raise _refused(ErrorCode.BLOCKED, "Rapat dikunci", "The meeting is locked")
        blocked = name.casefold() in self._blocked
        given = role or (SeatRole.LISTENER if join.listen_only else SeatRole.PARTICIPANT)
        if given is not SeatRole.DISPLAY and len(self.people) >= SEATS_LIMIT:
            raise _refused(ErrorCode.OVERLOADED, "Rapat penuh", "The meeting is full")
        in_room = self._in_room(join)
        without_pin = role is None and not pin()
        secret = names.seat_secret()
        seat = Seat(names.person_id(), names.digest(secret), given, page)
        agency = self.roster.find(join.agency)
        person = Person(
            id=seat.person, name=name, office=names.clean(join.office), agency=agency.id if agency else None,
            agency_name=agency.short if agency else "", role=given, rank=self._rank(given, join.agency),
            device=join.device, joined=self.now(), in_room=in_room,
        )  # fmt: skip
        if role is None and (self.rules.lobby or without_pin or blocked):
            self._knock(seat, person, without_pin=without_pin)
            return say.Joined(waiting=Waiting(person=seat.person, seat=secret, since=person.joined))
        self._keep(seat)
        self._sit(seat, person)
        return say.Joined(seated=self.seated(seat, secret))

    def admit(self, ids: Iterable[str]) -> None:
        """Let people in out of the lobby, in order of arrival; who has gone meanwhile is left out."""
        wanted = frozenset(ids)
        for key in [key for key in self.waiting if key in wanted]:
            if len(self.people) >= SEATS_LIMIT:
                raise _refused(ErrorCode.OVERLOADED, "Rapat penuh", "The meeting is full")
            del self.waiting[key]
            seat = self.seats[key]
            self.backstage.put(("lobby", key), None)
            person = self._arrivals.pop(key).model_copy(update={"joined": self.now()})
            self._sit(seat, person)
            if seat.page is not None:
                seat.page.tell("seated", self.seated(seat, ""))

    def refuse(self, key: str) -> None:
        """Send somebody out of the lobby away."""
        if key in self.waiting:
            self._forget(key, Ended(why="refused"))

    def lost(self, person: str, page: Page) -> None:
        """A page is gone; the seat is kept for a while. A page that was replaced changes nothing."""
        seat = self.seats.get(person)
        if seat is None or seat.page is not page:
            return
        seat.page = None
        seat.lost, seat.seen = self.clock(), self.now()
        if person in self.waiting:
            self._wait(person, here=False)
        elif person in self.people:
            self.change(person, here=False)
            self._count_hosts()

    def quit(self, person: str, why: Ended | None = None) -> None:
        """Leave for good, or be sent out; the seat ends."""
        if person in self.waiting:
            self._forget(person, why)
            return
        seat = self.seats.get(person)
        if seat is not None:
            self._leave(seat, why, for_good=True)
            self._by_secret.pop(seat.secret, None)
            self._left.pop(person, None)

    def block(self, name: str) -> None:
        """Who calls himself so comes back through the lobby only."""
        self._blocked.add(name.casefold())

    def tick(self) -> None:
        """Every second: seats whose grace is over, and who stands in for the host."""
        clock = self.clock()
        for seat in list(self.seats.values()):
            if seat.lost is not None and clock - seat.lost > SEAT_GRACE_S:
                if seat.person in self.waiting:
                    self._forget(seat.person, None)
                else:
                    self._leave(seat, None)
        self._stand_in(clock)

    def close(self, why: Ended) -> None:
        """Over, for everybody. When the server stops, nobody has left: they come back."""
        with self.public.batch():
            if why.why == "moved":
                for seat in self.seats.values():
                    self._part(seat, why)
            else:
                self.public.put(("phase",), MeetingPhase.ENDED)
                for seat in list(self.seats.values()):
                    self.quit(seat.person, why)
        for panel in list(self.panels):
            panel.tell("ended", why)
            panel.part()
        self.panels.clear()

    def restore(self, known: Iterable[tuple[Person, str, bool]], roll: say.RollCall | None, seen: float) -> None:
        """The server was started anew: who was here keeps the seat for a while, who had left is known when they return."""
        clock = self.clock()
        for person, secret, here in known:
            if not secret:
                continue
            self._by_secret[secret] = person.id
            if not here:
                self._left[person.id] = (person, person.role)
                continue
            self.seats[person.id] = Seat(person.id, secret, person.role, lost=clock, seen=seen)
            self.people[person.id] = person.model_copy(update={"here": False})
            self.public.put(("people", person.id), self.people[person.id])
        if roll is not None:
            self.roll = roll
            self.public.put(("roll",), roll)
        self.arrange()

    # -- panels of the room --

    def follow(self, page: Page) -> None:
        """A panel hosts from now on."""
        self.panels.add(page)
        self._count_hosts()

    def unfollow(self, page: Page) -> None:
        """It does no more."""
        self.panels.discard(page)
        self._count_hosts()

    # -- what people send --

    def sending(self, person: str, sending: Sending) -> None:
        """The switches of one's own page. Raises ProblemError when the host holds the microphone, or somebody shares already."""
        seat, me = self.seats[person], self.people.get(person)
        if me is None:
            return
        asked = {key: value for key, value in sending.model_dump().items() if value is not None}
        if any(asked.values()) and seat.role not in PUBLISHES:
            raise _refused(ErrorCode.FORBIDDEN, "Anda pendengar", "You are a listener")
        if asked.get("mic") and seat.held:
            if not self.rules.self_unmute:
                raise _refused(
                    ErrorCode.FORBIDDEN, "Tunggu giliran dari tuan rumah", "Wait for the host to give you the turn"
                )
            seat.held = False
        if asked.get("screen"):
            self._may_share(person, me)
        seat.sends.update(asked)
        self.refresh(person)

    def published(self, person: str, tracks: dict[say.TrackSource, str]) -> None:
        """The tracks somebody's connection carries now."""
        if person in self.people:
            self.change(person, tracks=tracks)
            self.refresh(person)

    def unpublished(self, track: str) -> None:
        """A track ended."""
        person = track.partition(".")[0]
        me = self.people.get(person)
        if me is not None and track in me.tracks.values():
            self.change(person, tracks={key: name for key, name in me.tracks.items() if name != track})
            self.refresh(person)

    def refresh(self, person: str) -> None:
        """Say what of somebody's switches comes through, and have the rest stopped."""
        seat, me = self.seats[person], self.people[person]
        voice, by = Voice.OFF, None
        if "mic" in me.tracks:
            by = (
                MutedBy.IN_ROOM if me.in_room
                else MutedBy.HOST if seat.held
                else MutedBy.SELF if not seat.sends["mic"]
                else None
            )  # fmt: skip
            voice = Voice.MUTED if by else Voice.ON
            self.crew.mute(me.tracks["mic"], muted=by is not None)
        shown: dict[str, bool] = {}
        for source in ("camera", "screen"):
            shown[source] = source in me.tracks and seat.sends[source]
            if source in me.tracks:
                self.crew.mute(me.tracks[source], muted=not shown[source])
        with self.public.batch():
            self.change(person, voice=voice, muted_by=by, camera=shown["camera"], screen=shown["screen"])
            self.arrange()

    def heard(self, track: str) -> None:
        """Who speaks now; empty: nobody."""
        person = track.partition(".")[0]
        self.speaker = person if person in self.people else None
        if self.speaker is not None:
            self.spoke = [self.speaker, *(other for other in self.spoke if other != self.speaker)][:4]
        with self.public.batch():
            self.public.put(("speaker",), self.speaker)
            self.arrange()

    def linked(self, person: str, path: say.PathQuality) -> None:
        """How somebody's path is; hosts see it when it has moved."""
        if person not in self.people:
            return
        self.change(person, rung=path.rung)
        known = self._links.get(person)
        fresh = LinkQuality(rung=path.rung, why=path.why, estimate=path.estimate, loss=path.loss, rtt=path.rtt)
        if known is None or _moved(known, fresh):
            self._links[person] = fresh
            self.backstage.put(("links", person), fresh)

    # -- for the acts --

    def role_of(self, person: str) -> SeatRole:
        """What somebody is now; who stands in for the host is one."""
        return SeatRole.HOST if person == self.acting else self.seats[person].role

    def by(self, person: str) -> By:
        """Somebody in a seat, as who acts."""
        me = self.people.get(person)
        return By(self.role_of(person), me.name if me else "", person)

    def first_time(self, press: str) -> bool:
        """False for an act that was taken already."""
        if press in self._done:
            return False
        self._done[press] = None
        if len(self._done) > PRESS_MEMORY:
            self._done.popitem(last=False)
        return True

    def change(self, person: str, **parts: object) -> None:
        """Change what everybody sees of somebody."""
        changed = self.people[person].model_copy(update=parts)
        if changed != self.people[person]:
            self.people[person] = changed
            self.public.put(("people", person), changed)

    def tell(self, person: str, event: str, message: Message) -> None:
        """Say something to one page, when it is there."""
        seat = self.seats.get(person)
        if seat is not None and seat.page is not None:
            seat.page.tell(event, message)

    def tell_all(self, event: str, message: Message) -> None:
        """Say something to everybody, panels too."""
        for seat in self.seats.values():
            if seat.page is not None and seat.person not in self.waiting:
                seat.page.tell(event, message)
        for panel in self.panels:
            panel.tell(event, message)

    def arrange(self) -> None:
        """Say who stands large: the spotlight, else who speaks; and whose screen is shown."""
        spotlit = [person for person in self.stage.spotlight if person in self.people]
        wanted = 2 if self.stage.layout is say.Layout.PAIR else 1
        candidates = [
            *spotlit,
            *(person for person in self.spoke if person in self.people),
            *(person.id for person in self.in_order()),
        ]
        shown = list(dict.fromkeys(candidates))[: max(wanted, len(spotlit))]
        sharing = [person.id for person in self.in_order() if person.screen]
        screen = self.stage.screen if self.stage.screen in sharing else (sharing[0] if sharing else None)
        self.stage = self.stage.model_copy(update={"spotlight": spotlit, "shown": shown, "screen": screen})
        self.public.put(("stage",), self.stage)
        heard = dict.fromkeys([*spotlit, *(key for key, seat in self.seats.items() if seat.role is SeatRole.HOST)])
        self.crew.force_audible([self.people[key].tracks["mic"] for key in heard if "mic" in self._tracks(key)])

    def set_layout(self, layout: say.Layout) -> None:
        """How the stage is arranged."""
        self.stage = self.stage.model_copy(update={"layout": layout})
        self.arrange()

    def set_spotlight(self, people: Iterable[str]) -> None:
        """Who stands large whoever speaks; nobody: who speaks."""
        self.stage = self.stage.model_copy(update={"spotlight": list(dict.fromkeys(people))})
        self.arrange()

    def spotlight_agency(self, agency: str) -> None:
        """The first of an agency in protocol order; empty: who speaks. Raises ProblemError when nobody of it is here."""
        of_it = [person.id for person in self.in_order() if person.agency == agency and person.here]
        if agency and not of_it:
            found = self.roster.find(agency)
            name = found.short if found else agency
            raise _refused(ErrorCode.NOT_FOUND, f"{name} belum hadir", f"{name} is not here yet")
        self.set_spotlight(of_it[:1])

    def set_hands(self, hands: list[Hand]) -> None:
        """The queue, in its order."""
        self.hands = hands
        self.public.put(("hands",), [hand.model_dump() for hand in hands])

    def set_rules(self, rules: Rules) -> None:
        """What the host allows."""
        self.rules = rules
        self.public.put(("rules",), rules)
        self.crew.door()

    def wrong_pin(self) -> None:
        """Somebody typed a wrong one; after too many none is heard any more, and the host lets people in."""
        self._wrong_pins += 1
        if self._wrong_pins >= PIN_TRIES and not self.pin_closed:
            self.pin_closed = True
            self.backstage.put(("pin_closed",), value=True)
            self.crew.door()

    def set_plan(self, row: MeetingRow) -> None:
        """The record was changed: title, times, agenda, PIN. A new PIN is heard again."""
        if row.pin != self.row.pin:
            self._wrong_pins, self.pin_closed = 0, False
        self.row = row
        with self.public.batch(), self.backstage.batch():
            for key, value in (
                ("title", row.title),
                ("starts", row.starts),
                ("ends", row.ends),
                ("agenda", list(row.agenda)),
            ):
                self.public.put((key,), value)
            self.backstage.put(("pin",), row.pin)
            self.backstage.put(("pin_closed",), self.pin_closed)
        self.crew.door()

    def set_role(self, person: str, role: SeatRole) -> None:
        """Make somebody something else; a listener stops sending."""
        seat = self.seats[person]
        seat.role = role
        if role not in PUBLISHES:
            seat.sends = dict.fromkeys(seat.sends, False)
        self.change(person, role=role)
        self.refresh(person)
        self.tell(person, "role", RoleChanged(role=role))
        self.crew.book("role", {"person": person, "role": str(role)})
        self._count_hosts()

    def set_ends(self, ends: float) -> None:
        """When it is meant to end."""
        self.row = replace(self.row, ends=ends)
        self.public.put(("ends",), ends)

    def in_order(self) -> list[Person]:
        """Everybody in protocol order."""
        return sorted(self.people.values(), key=lambda person: (person.rank, person.joined))

    def seated(self, seat: Seat, secret: str, *, resumed: bool = False) -> Seated:
        """What a page is told when it is in. It keeps the secret it has when this one is empty."""
        return Seated(
            person=seat.person, seat=secret or None, role=self.role_of(seat.person), resumed=resumed,
            state=self.public.state, slots=slots_for(self._device(seat)), ice_servers=list(self._ice(seat.person)), grace_s=SEAT_GRACE_S, chat=self.chat.newest,
        )  # fmt: skip

    # -- inside --

    def _return(self, join: Join, page: Page) -> say.Joined | None:
        key = self._by_secret.get(names.digest(join.seat)) if join.seat else None
        if key is None or join.seat is None:
            return None
        seat = self.seats.get(key)
        if seat is None:
            return self._come_back(key, join.seat, page)
        if seat.page is not None and seat.page is not page:
            seat.page.tell("ended", Ended(why="elsewhere"))
            seat.page.part()
        seat.page, seat.lost = page, None
        if key in self.waiting:
            self._wait(key, here=True)
            return say.Joined(waiting=Waiting(person=key, seat=join.seat, since=self.waiting[key].since))
        if key in self.people:
            self.change(key, here=True)
            self._count_hosts()
        return say.Joined(seated=self.seated(seat, join.seat, resumed=True))

    def _come_back(self, key: str, secret: str, page: Page) -> say.Joined:
        """The grace is over, the person is known: in again without the lobby, muted, hand down."""
        person, role = self._left.pop(key)
        if len(self.people) >= SEATS_LIMIT:
            raise _refused(ErrorCode.OVERLOADED, "Rapat penuh", "The meeting is full")
        seat = Seat(key, names.digest(secret), role, page)
        fresh = person.model_copy(
            update={"joined": self.now(), "here": True, "tracks": {}, "voice": Voice.OFF, "muted_by": None}
        )
        self._keep(seat)
        self._sit(seat, fresh)
        return say.Joined(seated=self.seated(seat, secret))

    def _in_room(self, join: Join) -> bool:
        if not join.room_code:
            return False
        if names.clean(join.room_code) != self.room_code:
            raise _refused(ErrorCode.INVALID, "Kode ruangan salah", "The room's code is wrong", name="room_code")
        return True

    def _rank(self, role: SeatRole, agency: str | None) -> int:
        return -1 if role is SeatRole.ROOM else self.roster.rank(agency)

    def _keep(self, seat: Seat) -> None:
        self.seats[seat.person] = seat
        self._by_secret[seat.secret] = seat.person

    def _knock(self, seat: Seat, person: Person, *, without_pin: bool) -> None:
        if len(self.waiting) >= LOBBY_LIMIT:
            raise _refused(ErrorCode.OVERLOADED, "Ruang tunggu penuh", "The waiting room is full")
        agency = self.roster.find(person.agency)
        self._keep(seat)
        self._arrivals[seat.person] = person
        self.waiting[seat.person] = Waiter(
            id=seat.person, name=person.name, office=person.office, agency=person.agency,
            agency_name=person.agency_name, group=agency.group if agency else None, since=person.joined,
            without_pin=without_pin,
        )  # fmt: skip
        self.backstage.put(("lobby", seat.person), self.waiting[seat.person])

    def _wait(self, key: str, *, here: bool) -> None:
        self.waiting[key] = self.waiting[key].model_copy(update={"here": here})
        self.backstage.put(("lobby", key), self.waiting[key])

    def _forget(self, key: str, why: Ended | None) -> None:
        """Out of the lobby."""
        self.waiting.pop(key, None)
        self._arrivals.pop(key, None)
        self.backstage.put(("lobby", key), None)
        seat = self.seats.pop(key)
        self._by_secret.pop(seat.secret, None)
        self._part(seat, why)

    def _sit(self, seat: Seat, person: Person) -> None:
        if seat.role is SeatRole.DISPLAY:
            return
        with self.public.batch():
            self.people[seat.person] = person
            self.public.put(("people", seat.person), person)
            self.arrange()
        if person.in_room:
            self.crew.deafen(seat.person)
        self.crew.book("joined", {"person": _lasting(person), "seat": seat.secret})
        self._count_hosts()

    def _leave(self, seat: Seat, why: Ended | None, *, for_good: bool = False) -> None:
        key = seat.person
        del self.seats[key]
        person = self.people.pop(key, None)
        self.crew.drop(key)
        if person is not None:
            self._left[key] = (person, seat.role)
            with self.public.batch():
                self.public.put(("people", key), None)
                self.set_hands([hand for hand in self.hands if hand.person != key])
                if self.speaker == key:
                    self.heard("")
                self.arrange()
            self._links.pop(key, None)
            self.backstage.put(("links", key), None)
            left = self.now() if seat.lost is None else seat.seen
            self.crew.book("left", {"person": key, "at": left, "for_good": for_good})
            self._count_hosts()
            self._stand_in(self.clock())
        else:
            self._by_secret.pop(seat.secret, None)  # a wall: it joins anew, by its pairing
        self._part(seat, why)

    def _part(self, seat: Seat, why: Ended | None) -> None:
        page, seat.page = seat.page, None
        if page is not None:
            if why is not None:
                page.tell("ended", why)
            page.part()

    def _may_share(self, person: str, me: Person) -> None:
        if not self.rules.share and self.role_of(person) not in LEADERS:
            raise _refused(
                ErrorCode.FORBIDDEN, "Berbagi layar ditutup tuan rumah", "The host has closed screen sharing"
            )
        other = self.stage.screen
        if other not in (None, person) and self.role_of(person) not in LEADERS:
            name = self.people[other].name if other in self.people else ""
            raise _refused(ErrorCode.BUSY, f"{name} sedang berbagi layar", f"{name} is sharing a screen")
        self.stage = self.stage.model_copy(update={"screen": person})

    def _tracks(self, key: str) -> dict[say.TrackSource, str]:
        return self.people[key].tracks if key in self.people else {}

    def _device(self, seat: Seat) -> DeviceClass:
        if seat.role is SeatRole.DISPLAY:
            return DeviceClass.WALL
        return self.people[seat.person].device

    def _hosted(self) -> bool:
        return bool(self.panels) or any(
            seat.here and seat.role is SeatRole.HOST and seat.person in self.people for seat in self.seats.values()
        )

    def _count_hosts(self) -> None:
        count = len(self.panels) + sum(
            seat.here and seat.role is SeatRole.HOST and seat.person in self.people for seat in self.seats.values()
        )
        self.backstage.put(("hosts",), count)
        if count:
            self._hostless = self.clock()
            self._act_as_host(None)

    def _stand_in(self, clock: float) -> None:
        """The host's tablet is gone for too long: the co-host who stands first in protocol order hosts until it is back."""
        if self._hosted() or clock - self._hostless < HOST_AWAY_S:
            return
        able = [p.id for p in self.in_order() if p.here and self.seats[p.id].role is SeatRole.CO_HOST]
        if self.acting not in able:
            self._act_as_host(able[0] if able else None)

    def _act_as_host(self, person: str | None) -> None:
        if self.acting != person:
            self.acting = person
            self.public.put(("acting_host",), person)


def _lasting(person: Person) -> dict[str, object]:
    """What of somebody is the same when they come back."""
    return person.model_dump(
        mode="json", exclude={"here", "voice", "muted_by", "camera", "screen", "tracks", "rung"}
    )  # fmt: skip


def _moved(old: LinkQuality, new: LinkQuality) -> bool:
    """Worth a patch: another rung, a fifth more or less room, or loss that was not there."""
    return (
        old.rung != new.rung
        or abs(new.estimate - old.estimate) > 0.2 * max(1, old.estimate)
        or abs(new.loss - old.loss) > 0.05
    )  # fmt: skip


def slots_for(device: DeviceClass) -> say.Slots:
    """What a device should ask for: a phone shows few faces, a wall many and no sound: the room has its own."""
    match device:
        case DeviceClass.PHONE:
            return say.Slots(audio=3, video=4, screen=1)
        case DeviceClass.WALL:
            return say.Slots(audio=0, video=12, screen=1)
        case _:
            return say.Slots()


def _refused(code: ErrorCode, indonesian: str, english: str, *, name: str | None = None) -> ProblemError:
    return ProblemError(problem(code, indonesian, english, name=name))
