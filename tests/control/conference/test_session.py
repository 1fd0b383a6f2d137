"""One meeting without sockets: who may what, in which order, and what never happens."""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from smartroom.control.conference import names
from smartroom.control.conference.acts import act
from smartroom.control.conference.agencies import Roster
from smartroom.control.conference.ports import By, MeetingRow, Place
from smartroom.control.conference.roles import ACTS, may
from smartroom.control.conference.session import Session, StateLedger
from smartroom.control.errors import ProblemError
from smartroom.control.limits import HOST_AWAY_S, LOBBY_LIMIT, PIN_TRIES, SEAT_GRACE_S
from smartroom.protocol import PROTOCOL_VERSION
from smartroom.protocol import conference as words
from smartroom.protocol.base import Message, Text
from smartroom.protocol.conference import Agency, Join, MeetingPhase, MeetingState, SeatRole, Voice
from smartroom.protocol.state import Patch

AGENCIES = ("setda", "bappeda", "diskominfo", "camat-a", "camat-b")
ROSTER = Roster(
    Agency(id=key, name=key, short=key, rank=number, group="camat" if key.startswith("camat") else "opd")
    for number, key in enumerate(AGENCIES)
)

# Written a second time, on purpose, from the issue and not from the code: who may say what.
LEADERS = "host co_host"
SEATED = "host co_host participant listener room"
ALLOWED = {
    "hand": SEATED,
    "say": SEATED,
    "here": SEATED,
    "quit": SEATED + " display",
    "admit": LEADERS,
    "turn-away": LEADERS,
    "mute": LEADERS,
    "give-turn": LEADERS,
    "lower-hands": LEADERS,
    "remove": LEADERS,
    "role": LEADERS,
    "arrange": LEADERS,
    "stage": LEADERS,
    "roll-start": LEADERS,
    "roll-call": LEADERS,
    "roll-mark": LEADERS,
    "roll-stop": LEADERS,
    "call-seat": LEADERS,
    "item": LEADERS,
    "extend": LEADERS,
    "end": "host",
    "hand-over": "host",
}


@dataclass(eq=False)
class Page:
    """A page that remembers what it was told."""

    told: list[tuple[str, Message]] = field(default_factory=list)
    parted: bool = False

    def tell(self, event: str, message: Message) -> None:
        """Say something to it."""
        self.told.append((event, message))

    def part(self) -> None:
        """Its seat is gone."""
        self.parted = True

    def heard(self, event: str) -> list[Message]:
        """What was said under a name."""
        return [message for name, message in self.told if name == event]


@dataclass
class Crew:
    """Carries nothing out, and remembers what it was asked."""

    muted: dict[str, bool] = field(default_factory=dict)
    forced: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    deaf: list[str] = field(default_factory=list)
    recalled: list[str] = field(default_factory=list)
    booked: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)

    def mute(self, track: str, *, muted: bool) -> None:
        """Stop or resume a track."""
        self.muted[track] = muted

    def force_audible(self, tracks: Sequence[str]) -> None:
        """Tracks that keep a slot."""
        self.forced = list(tracks)

    def drop(self, person: str) -> None:
        """End connections."""
        self.dropped.append(person)

    def deafen(self, person: str) -> None:
        """No sound for them."""
        self.deaf.append(person)

    def recall(self, agency: str) -> None:
        """Turn a camera."""
        self.recalled.append(agency)

    def door(self) -> None:
        """Strangers see something new."""

    def book(self, kind: str, body: Mapping[str, object]) -> None:
        """A fact."""
        self.booked.append((kind, body))


class Rig:
    """A session, its clock, its crew, and people who come in."""

    def __init__(self, *, lobby: bool = False, pin: str | None = None) -> None:
        self.at = 1_000.0
        self.crew = Crew()
        row = MeetingRow(
            id="mabcdefghj",
            room="hall",
            title="Rapat",
            phase=MeetingPhase.OPEN,
            code="c" * 22,
            starts=0.0,
            ends=3600.0,
            created=0.0,
            created_by="x",
            pin=pin,
            lobby=lobby,
            opened=0.0,
            agenda=("Pembukaan", "Laporan"),
        )
        self.session = Session(
            row,
            Place(Text.of("Ruang"), None, "WIB", {"bappeda": None, "podium": Text(id="Podium", en="Lectern")}),
            ROSTER,
            self.crew,
            now=lambda: self.at,
            clock=lambda: self.at,
        )
        self.pages: dict[str, Page] = {}
        self.secrets: dict[str, str] = {}

    def come(self, name: str = "X", *, role: SeatRole | None = None, page: Page | None = None, **parts: Any) -> str:
        """Somebody joins; their id."""
        page = page or Page()
        joined = self.session.join(Join(protocol=PROTOCOL_VERSION, name=name, **parts), page, role=role)
        found = joined.seated or joined.waiting
        assert found is not None
        self.pages[found.person] = page
        if found.seat is not None:
            self.secrets[found.person] = found.seat
        return found.person

    def back(self, person: str) -> words.Joined:
        """The same page secret again, in a new window; who had left for good comes as somebody new."""
        page = Page()
        joined = self.session.join(Join(protocol=PROTOCOL_VERSION, name="x", seat=self.secrets[person]), page)
        found = joined.seated or joined.waiting
        assert found is not None
        self.pages[found.person] = page
        if found.seat is not None:
            self.secrets[found.person] = found.seat
        return joined

    def act(self, by: str | By, event: str, **parts: Any) -> None:
        """An act of now."""
        who = self.session.by(by) if isinstance(by, str) else by
        act(self.session, who, event, ACTS[event][0](id=names.seat_secret().replace("_", "-"), at=0.0, **parts))

    def send(self, person: str) -> None:
        """They publish microphone and camera."""
        self.session.published(person, {"mic": f"{person}.0", "camera": f"{person}.1"})
        self.session.sending(person, words.Sending(mic=True, camera=True))

    @property
    def state(self) -> MeetingState:
        """What everybody sees."""
        return self.session.public.state


HOST = By(SeatRole.HOST, "tablet")


def arguments(rig: Rig, event: str) -> dict[str, object]:
    """Something well-formed for each act."""
    other = rig.come("Lain")
    said: dict[str, dict[str, object]] = {
        "hand": {"up": True},
        "say": {"text": "halo"},
        "turn-away": {"person": other},
        "give-turn": {"person": other},
        "remove": {"person": other},
        "role": {"person": other, "role": "co_host"},
        "roll-mark": {"agency": "setda", "outcome": "present"},
        "call-seat": {"seat": "podium"},
        "item": {"item": 1},
        "extend": {"ends": 2_000.0},
        "hand-over": {"next": "mabcdefghk"},
    }
    return said.get(event, {})


def test_a_seat_is_called_by_its_name() -> None:
    """Hosts read the room's seats in words and turn the camera to one; a seat that is none is refused."""
    rig = Rig()
    host = rig.come("Sekda", role=SeatRole.HOST)
    seats = [(seat.id, seat.name.en) for seat in rig.session.backstage.state.seats]
    assert seats == [("bappeda", "bappeda"), ("podium", "Lectern")]
    rig.act(host, "call-seat", seat="podium")
    with pytest.raises(ProblemError):
        rig.act(host, "call-seat", seat="langit")
    assert rig.crew.recalled == ["podium"]


@pytest.mark.parametrize(("role", "event"), list(itertools.product(SeatRole, ACTS)))
def test_every_cell_of_the_table(role: SeatRole, event: str) -> None:
    """Each role says what the issue allows it; everything else is refused and changes nothing."""
    expected = str(role) in ALLOWED[event].split()
    assert expected is may(role, event)
    if expected or event in ("end", "hand-over"):
        return
    rig = Rig()
    me = rig.come("Saya", role=role)
    said = arguments(rig, event)
    version = rig.session.public.version
    with pytest.raises(ProblemError) as refused:
        rig.act(me, event, **said)
    assert str(refused.value.problem.code) == "forbidden"
    assert version == rig.session.public.version


def test_the_table_knows_every_act() -> None:
    """No act without a line, no line without an act."""
    assert ALLOWED.keys() == ACTS.keys()


def test_hands_stand_in_the_order_of_the_server() -> None:
    """First come, first served; a hand raised twice keeps its place, lowered and raised again it stands last."""
    rig = Rig()
    one, two = rig.come(), rig.come()
    for person in (one, two, one):
        rig.act(person, "hand", up=True)
    assert [hand.person for hand in rig.state.hands] == [one, two]
    rig.act(one, "hand", up=False)
    rig.act(one, "hand", up=True)
    assert [hand.person for hand in rig.state.hands] == [two, one]
    rig.act(HOST, "give-turn", person=two)
    assert [hand.person for hand in rig.state.hands] == [one]
    assert rig.state.stage.shown[0] == two
    assert rig.pages[two].heard("asked")


def test_the_same_act_twice_is_one() -> None:
    """An act sent again after a doubt changes nothing."""
    rig = Rig()
    me = rig.come()
    said = words.Say(id="12345678-a", at=0.0, text="halo")
    for _ in range(2):
        act(rig.session, rig.session.by(me), "say", said)
    assert rig.session.chat.newest == 1


def test_tiles_stand_in_protocol_order() -> None:
    """By the rank of the agency, then by arrival; guests of no agency last, the room first."""
    rig = Rig()
    order = [rig.come(agency=key) for key in (None, "camat-a", "bappeda", "setda", "bappeda")]
    room = rig.come(role=SeatRole.ROOM)
    rig.at += 1
    guest, camat, bappeda, setda, bappeda2 = order
    assert [person.id for person in rig.session.in_order()] == [room, setda, bappeda, bappeda2, camat, guest]


def test_mute_all_spares_hosts_and_the_room_and_can_be_lifted() -> None:
    """Everybody else is closed by the host; with the rule they stay so until they are given the turn, without it they open themselves."""
    rig = Rig()
    host, guest = rig.come(role=SeatRole.HOST), rig.come()
    for person in (host, guest):
        rig.send(person)
    assert rig.crew.muted[f"{guest}.0"] is False
    rig.act(HOST, "mute", everybody=True)
    assert (rig.state.people[guest].voice, rig.state.people[guest].muted_by) == (Voice.MUTED, "host")
    assert rig.state.people[host].voice is Voice.ON
    assert rig.crew.muted[f"{guest}.0"] is True
    rig.act(HOST, "arrange", self_unmute=False)
    with pytest.raises(ProblemError, match="turn"):
        rig.session.sending(guest, words.Sending(mic=True))
    rig.act(HOST, "give-turn", person=guest)
    assert rig.state.people[guest].voice is Voice.MUTED, "the person opens it, not the host"
    rig.session.sending(guest, words.Sending(mic=True))
    assert rig.state.people[guest].voice is Voice.ON


def test_a_stopped_picture_is_not_forwarded() -> None:
    """The host stops a camera: nobody gets it; its owner may start it again."""
    rig = Rig()
    guest = rig.come()
    rig.send(guest)
    rig.act(HOST, "mute", people=[guest], source="camera")
    assert not rig.state.people[guest].camera
    assert rig.crew.muted[f"{guest}.1"]
    rig.session.sending(guest, words.Sending(camera=True))
    assert rig.state.people[guest].camera


def test_a_listener_sends_nothing() -> None:
    """Whatever its page says."""
    rig = Rig()
    listener = rig.come(listen_only=True)
    rig.session.published(listener, {"mic": f"{listener}.0"})
    with pytest.raises(ProblemError, match="listener"):
        rig.session.sending(listener, words.Sending(mic=True))
    assert rig.crew.muted[f"{listener}.0"]


def test_a_device_inside_the_room_is_muted_both_ways() -> None:
    """It typed the room's code: its microphone is closed and says why, no sound is sent to it. A wrong code is refused."""
    rig = Rig()
    with pytest.raises(ProblemError, match="room's code"):
        rig.come(room_code="0000x")
    inside = rig.come(room_code=rig.session.room_code)
    rig.send(inside)
    assert (rig.state.people[inside].voice, rig.state.people[inside].muted_by) == (Voice.MUTED, "in_room")
    assert rig.crew.muted[f"{inside}.0"]
    assert rig.crew.deaf == [inside]


def test_one_screen_at_a_time() -> None:
    """A second one is refused with the name of who shares; a host takes over; sharing can be closed."""
    rig = Rig()
    one, two, host = rig.come("Satu"), rig.come("Dua"), rig.come("Sekda", role=SeatRole.HOST)
    for person in (one, two, host):
        rig.session.published(person, {"screen": f"{person}.2"})
    rig.session.sending(one, words.Sending(screen=True))
    with pytest.raises(ProblemError, match="Satu is sharing"):
        rig.session.sending(two, words.Sending(screen=True))
    rig.session.sending(host, words.Sending(screen=True))
    assert rig.state.stage.screen == host
    rig.session.sending(host, words.Sending(screen=False))
    assert rig.state.stage.screen == one
    rig.act(HOST, "arrange", share=False)
    rig.session.sending(one, words.Sending(screen=False))
    with pytest.raises(ProblemError, match="closed"):
        rig.session.sending(two, words.Sending(screen=True))


def test_the_stage_follows_spotlight_then_speaker() -> None:
    """Spotlight before speaker before who spoke before; who speaks keeps a voice slot only by speaking, who is spotlit always."""
    rig = Rig()
    one, two = rig.come(agency="bappeda"), rig.come(agency="setda")
    for person in (one, two):
        rig.send(person)
    assert rig.state.stage.shown == [two]
    rig.session.heard(f"{one}.0")
    assert (rig.state.speaker, rig.state.stage.shown) == (one, [one])
    rig.act(HOST, "stage", spotlight=[two])
    assert (rig.state.stage.shown, rig.crew.forced) == ([two], [f"{two}.0"])
    rig.act(HOST, "stage", layout="pair")
    assert rig.state.stage.shown == [two, one]
    rig.act(HOST, "stage", spotlight=[])
    assert rig.state.stage.shown == [one, two]
    rig.session.quit(one)
    assert rig.state.stage.shown == [two]


def test_a_removed_guest_does_not_come_back_by_himself() -> None:
    """Neither with the seat nor with the name: the latter stands in the lobby, even where there is none."""
    rig = Rig()
    guest = rig.come("Pengganggu")
    rig.act(HOST, "remove", person=guest)
    assert rig.pages[guest].heard("ended")
    assert rig.pages[guest].parted
    again = rig.come("PENGGANGGU")
    assert again in rig.session.waiting
    other = rig.come("Tamu lain")
    assert other in rig.session.people


def test_the_lobby_lets_in_one_an_agency_a_group() -> None:
    """In order of arrival; who has gone is no error."""
    rig = Rig(lobby=True)
    a, b, c, d = (rig.come(agency=key) for key in ("camat-a", "camat-b", "bappeda", "diskominfo"))
    rig.act(HOST, "admit", group="camat")
    assert set(rig.session.people) == {a, b}
    rig.act(HOST, "admit", agency="bappeda")
    assert c in rig.session.people
    rig.act(HOST, "turn-away", person=d)
    assert not rig.session.waiting
    assert rig.pages[d].heard("ended")
    rig.act(HOST, "admit", people=[d])
    assert d not in rig.session.people


def test_a_locked_meeting_takes_nobody_new() -> None:
    """Who has a seat comes back, who hosts comes in."""
    rig = Rig()
    guest = rig.come()
    rig.act(HOST, "arrange", locked=True)
    with pytest.raises(ProblemError, match="locked"):
        rig.come()
    assert rig.back(guest).seated is not None
    rig.come(role=SeatRole.HOST)


def test_a_seat_is_kept_for_its_grace() -> None:
    """Within it nothing is lost; after it the hand is, and the person comes back as who they were, muted. Attendance ends when the page
    was last there.
    """
    rig = Rig()
    guest = rig.come("Kepala Bappeda")
    rig.act(guest, "hand", up=True)
    rig.session.lost(guest, rig.pages[guest])
    assert not rig.state.people[guest].here
    rig.at += SEAT_GRACE_S - 1
    rig.session.tick()
    assert rig.back(guest).seated is not None
    assert [hand.person for hand in rig.state.hands] == [guest]
    rig.session.lost(guest, rig.pages[guest])
    lost = rig.at
    rig.at += SEAT_GRACE_S + 1
    rig.session.tick()
    assert not rig.state.people
    assert rig.crew.booked[-1] == ("left", {"person": guest, "at": lost, "for_good": False})
    returned = rig.back(guest).seated
    assert returned is not None
    assert (returned.person, returned.resumed) == (guest, False)
    assert rig.state.people[guest].name == "Kepala Bappeda"
    assert not rig.state.hands


def test_a_meeting_survives_the_hosts_tablet() -> None:
    """A minute without any host: the co-host who stands first hosts, may end it, and steps back when the tablet returns."""
    rig = Rig()
    tablet = Page()
    rig.session.follow(tablet)
    low, high = rig.come(agency="bappeda"), rig.come(agency="setda")
    for person in (low, high):
        rig.act(HOST, "role", person=person, role="co_host")
    rig.session.unfollow(tablet)
    rig.at += HOST_AWAY_S - 1
    rig.session.tick()
    assert rig.state.acting_host is None
    rig.at += 2
    rig.session.tick()
    assert rig.state.acting_host == high
    assert rig.session.role_of(high) is SeatRole.HOST
    rig.session.quit(high)
    rig.session.tick()
    assert rig.state.acting_host == low
    rig.session.follow(tablet)
    assert rig.state.acting_host is None
    assert rig.session.role_of(low) is SeatRole.CO_HOST


def test_the_roll_is_called_in_order_with_times() -> None:
    """Each is called, stands large, is asked; answers by itself or by the host; who is silent is absent and can be marked later. The
    camera turns to each.
    """
    rig = Rig()
    setda, bappeda = rig.come(agency="setda"), rig.come(agency="bappeda")
    rig.act(HOST, "roll-start", agencies=["bappeda", "setda", "diskominfo"])
    assert rig.state.roll is not None
    assert [entry.agency for entry in rig.state.roll.entries] == ["setda", "bappeda", "diskominfo"]
    assert (rig.state.roll.current, rig.state.stage.shown) == ("setda", [setda])
    assert rig.pages[setda].heard("asked")
    with pytest.raises(ProblemError, match="not being called"):
        rig.act(bappeda, "here")
    rig.at += 5
    rig.act(setda, "here")
    rig.act(HOST, "roll-call")
    rig.at += 5
    rig.act(HOST, "roll-call")
    rig.act(HOST, "roll-mark", agency="bappeda", outcome="present")
    rig.act(HOST, "roll-call")
    entries = {entry.agency: entry for entry in rig.state.roll.entries}
    assert (entries["setda"].called, entries["setda"].answered, entries["setda"].person) == (1000.0, 1005.0, setda)
    assert [entry.outcome for entry in entries.values()] == ["present", "present", "absent"]
    assert (rig.state.roll.ended, rig.state.stage.spotlight) == (1010.0, [])
    assert rig.crew.recalled == ["setda", "bappeda", "diskominfo"]


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "\u202egnp.exe",
        "a\u0000b\u0007c",
        "\u2066x\u2069 \u200bY",
        "Dr. H. X, S.T., M.M.",
        "  Kepala   Dinas ",
        "\ufeffA",
    ],
)
def test_a_name_keeps_its_words_and_nothing_hidden(name: str) -> None:
    """Markup stays what was typed, for pages show text; what cannot be seen is taken away; degrees and case stay."""
    rig = Rig()
    shown = rig.session.people[rig.come(name)].name
    assert shown == " ".join(shown.split())
    assert not any(unicodedata.category(letter)[0] == "C" for letter in shown)
    assert all(word in shown for word in name.split() if word.isascii() and word.isprintable())


@pytest.mark.parametrize("name", [" ", "\u200b", "\u202e\u202e"])
def test_a_name_of_nothing_is_refused(name: str) -> None:
    """A tile without a name helps nobody."""
    with pytest.raises(ProblemError, match="name"):
        Rig().come(name)


def test_the_lobby_is_bounded() -> None:
    """Two hundred wait without trouble; beyond the limit the door says that it is full."""
    rig = Rig(lobby=True)
    for _ in range(LOBBY_LIMIT):
        rig.come()
    assert len(rig.session.backstage.state.lobby) == LOBBY_LIMIT
    with pytest.raises(ProblemError, match="full"):
        rig.come()


def test_guests_never_see_backstage() -> None:
    """Lobby, link, PIN, room code and others' paths are in no patch and no snapshot of the meeting itself."""
    rig = Rig(lobby=True, pin="987654")
    waiting = rig.come("Menunggu")
    rig.session.wrong_pin()
    text = rig.session.public.state.model_dump_json()
    for secret in (waiting, "987654", rig.session.row.code, "Menunggu", rig.session.room_code):
        assert f'"{secret}"' not in text


def test_many_wrong_pins_close_the_pin_and_a_new_one_opens_it() -> None:
    """Closed, who is new waits in the lobby and the host sees why; inside nothing changes."""
    rig = Rig(pin="123456")
    for _ in range(PIN_TRIES):
        rig.session.wrong_pin()
    page = Page()
    joined = rig.session.join(Join(protocol=PROTOCOL_VERSION, name="X"), page, pin=lambda: not rig.session.pin_closed)
    assert joined.waiting is not None
    assert rig.session.backstage.state.lobby[joined.waiting.person].without_pin
    rig.session.set_plan(replace(rig.session.row, title="Lain"))
    assert rig.session.pin_closed
    rig.session.set_plan(replace(rig.session.row, pin="654321"))
    assert not rig.session.pin_closed


class Meeting(RuleBasedStateMachine):
    """Anything anybody may do, in any order: what holds after each step."""

    @initialize(lobby=st.booleans())
    def open(self, lobby: bool) -> None:
        """A fresh meeting."""
        self.rig = Rig(lobby=lobby)
        self.document = self.rig.session.public.document
        self.version = self.rig.session.public.version

    @rule(
        agency=st.sampled_from([None, *AGENCIES]),
        role=st.sampled_from([None, None, None, *SeatRole]),
        listen=st.booleans(),
    )
    def come(self, agency: str | None, role: SeatRole | None, listen: bool) -> None:
        """Somebody comes in."""
        if len(self.rig.session.seats) < 12:
            try:
                self.rig.come(agency=agency, role=role, listen_only=listen)
            except ProblemError:
                assert self.rig.session.rules.locked

    def someone(self, data: st.DataObject, *, waiting: bool = False) -> str | None:
        """Anybody who has a seat."""
        known = list(self.rig.session.seats)  # by arrival: ids are drawn anew in each replay
        return data.draw(st.sampled_from(known)) if known else None

    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        """A page is gone."""
        person = self.someone(data)
        if person is not None:
            self.rig.session.lost(person, self.rig.pages[person])

    @rule(data=st.data())
    def come_back(self, data: st.DataObject) -> None:
        """A page returns with its seat, wherever it stands by now."""
        if self.rig.secrets:
            person = data.draw(st.sampled_from(list(self.rig.secrets)))
            try:
                self.rig.back(person)
            except ProblemError:
                assert self.rig.session.rules.locked

    @rule(seconds=st.sampled_from([1, 30, 61]))
    def wait(self, seconds: int) -> None:
        """Time passes."""
        self.rig.at += seconds
        self.rig.session.tick()

    @rule(data=st.data(), mic=st.booleans(), camera=st.booleans())
    def send(self, data: st.DataObject, mic: bool, camera: bool) -> None:
        """Somebody publishes and switches."""
        person = self.someone(data)
        if person in self.rig.session.people:
            self.rig.session.published(person, {"mic": f"{person}.0", "camera": f"{person}.1"})
            with suppress(ProblemError):
                self.rig.session.sending(person, words.Sending(mic=mic, camera=camera, screen=None))

    @rule(data=st.data())
    def speak(self, data: st.DataObject) -> None:
        """Somebody speaks, or nobody."""
        person = self.someone(data)
        self.rig.session.heard(f"{person}.0" if person else "")

    @rule(data=st.data(), event=st.sampled_from(sorted(set(ACTS) - {"end", "hand-over"})))
    def do(self, data: st.DataObject, event: str) -> None:
        """Any act by anybody about anybody; refusals change nothing."""
        session = self.rig.session
        who: list[str | By] = [HOST, *session.people]
        by = data.draw(st.sampled_from(who))
        about = data.draw(st.sampled_from([*session.people, *session.waiting, "pzzzzzzz"]))
        known: dict[str, dict[str, Any]] = {
            "hand": {"up": data.draw(st.booleans())},
            "say": {"text": "halo"},
            "admit": {"everybody": True},
            "turn-away": {"person": about},
            "give-turn": {"person": about},
            "lower-hands": {"person": about},
            "remove": {"person": about, "block": data.draw(st.booleans())},
            "role": {
                "person": about,
                "role": data.draw(st.sampled_from(["host", "co_host", "participant", "listener"])),
            },
            "mute": {"everybody": data.draw(st.booleans()), "people": [about]},
            "arrange": {"locked": data.draw(st.booleans()), "self_unmute": data.draw(st.booleans())},
            "stage": {"layout": data.draw(st.sampled_from(list(words.Layout))), "spotlight": [about]},
            "roll-mark": {"agency": "setda", "outcome": "absent"},
            "call-seat": {"seat": data.draw(st.sampled_from(["bappeda", "podium"]))},
            "item": {"item": data.draw(st.integers(0, 5))},
            "extend": {"ends": 5_000.0},
        }
        before = session.public.version
        try:
            self.rig.act(by, event, **known.get(event, {}))
        except ProblemError as refused:
            if refused.problem.code == "forbidden":
                assert session.public.version == before

    @precondition(lambda self: hasattr(self, "rig"))
    @invariant()
    def consistent(self) -> None:
        """Nobody is in two places; hands, stage and speaker name people who are here; a page's patches lead to the state."""
        session = self.rig.session
        state = session.public.state
        assert not session.people.keys() & session.waiting.keys()
        assert session.people.keys() | session.waiting.keys() <= session.seats.keys()
        assert state.people.keys() == session.people.keys()
        assert all(session.seats[key].role is not SeatRole.DISPLAY for key in session.people)
        queue = [hand.person for hand in state.hands]
        assert len(queue) == len(set(queue))
        named = {*queue, *state.stage.shown, *state.stage.spotlight}
        named |= {key for key in (state.speaker, state.acting_host, state.stage.screen) if key}
        assert named <= state.people.keys()
        for key, person in state.people.items():
            if session.seats[key].role is SeatRole.LISTENER:
                assert person.voice is not Voice.ON
                assert not person.camera
            if person.voice is Voice.ON:
                assert self.rig.crew.muted[person.tracks["mic"]] is False
            assert person.role == session.seats[key].role
        assert list(session.backstage.state.lobby) == list(session.waiting)
        self.follow(session.public)
        assert self.document == {**session.public.document, "version": self.version, "time": self.document["time"]}

    def follow(self, ledger: StateLedger) -> None:
        """What a page does with patches."""
        patches: list[Patch] = ledger.since(self.version) or []
        for patch in patches:
            for change in patch.changes:
                place: Any = self.document
                for key in change.path[:-1]:
                    place = place[key]
                if change.value is None:
                    place.pop(change.path[-1], None)
                else:
                    place[change.path[-1]] = change.value
        self.version = ledger.version
        self.document["version"] = ledger.version


TestMeeting = Meeting.TestCase
TestMeeting.settings = settings(max_examples=60, stateful_step_count=40)
