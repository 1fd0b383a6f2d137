"""Meetings: what guests, hosts, rooms and walls say to the server, and the state they see. docs/meetings.md tells the order of things."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from smartroom.protocol.base import Id, Label, Message, Text
from smartroom.protocol.commands import PressId
from smartroom.protocol.errors import Problem

MeetingId = Annotated[str, Field(pattern=r"^m[a-z2-9]{9}$")]
PersonId = Annotated[str, Field(pattern=r"^p[a-z2-9]{7}$")]
"""A participant, or somebody in the lobby; kept through reconnections."""

Code = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{22}$")]
"""What the link carries: `/meet/<code>`. 128 bits, so nobody guesses it."""

SeatSecret = Annotated[str, Field(min_length=16, max_length=64)]
"""What a page keeps to come back as the same person."""

Pin = Annotated[str, Field(pattern=r"^[0-9]{6,12}$")]
Line = Annotated[str, Field(max_length=160)]
PersonName = Annotated[str, Field(min_length=1, max_length=80)]
"""As typed; the server folds blanks and takes control and direction characters away. Hostile text all the same: never markup."""

Sdp = Annotated[str, Field(min_length=1, max_length=32_768)]
Mid = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,16}$")]
TrackName = Annotated[str, Field(max_length=80)]
"""`<person>.<mid>`; stays the same when a media worker dies and the person comes back."""

Rev = Annotated[int, Field(ge=1, le=1_000_000)]
TrackSource = Literal["mic", "camera", "screen"]


class MeetingPhase(StrEnum):
    """Where a meeting is in its life."""

    PLANNED = "planned"
    OPEN = "open"
    ENDED = "ended"


class SeatRole(StrEnum):
    """What somebody is in a meeting; who may say what is one table (`control/conference/roles.py`)."""

    HOST = "host"
    CO_HOST = "co_host"
    PARTICIPANT = "participant"
    LISTENER = "listener"
    """Hears and sees, raises the hand, sends nothing."""
    ROOM = "room"
    """The room itself: its camera and its microphone."""
    DISPLAY = "display"
    """A wall: sees what it shows, is seen by nobody."""


class Layout(StrEnum):
    """How the stage is arranged, on walls and on every page that follows it."""

    GRID = "grid"
    SPEAKER = "speaker"
    """One large picture and a strip."""
    PAIR = "pair"
    """Two of the same size."""
    SLIDES = "slides"
    """A shared screen, and who speaks beside it."""


class DeviceClass(StrEnum):
    """What somebody joins with; decides how many pictures are offered and where data is saved first."""

    PHONE = "phone"
    TABLET = "tablet"
    LAPTOP = "laptop"
    ROOM = "room"
    WALL = "wall"


# -- who is who --


class Agency(Message):
    """An OPD, or another body that sends people: a line of the site's agencies.yaml. Order of tiles is `rank`."""

    id: Id
    name: Label
    short: Label
    rank: int
    group: Id
    """`pimpinan`, `opd`, `kecamatan`: admitted and called together."""


class Group(Message):
    """A group of agencies, in words: `Semua camat`."""

    id: Id
    name: Text


# -- meetings as records --


class NewMeeting(Message):
    """A meeting to plan; without `starts` it is meant for now. Times are Unix seconds."""

    title: Annotated[str, Field(min_length=1, max_length=160)]
    starts: float | None = None
    minutes: Annotated[int, Field(ge=5, le=1440)] = 60
    pin: Pin | None = None
    make_pin: bool = False
    """Let the server draw a PIN."""
    lobby: bool = True
    agenda: Annotated[list[Line], Field(max_length=20)] = []
    invited: Annotated[list[Id], Field(max_length=200)] = []
    """Agencies that are expected: roll call and attendance begin with them. Empty: everybody in the list."""
    scene: Id | None = None
    """Recalled in the room when it starts."""


class ChangeMeeting(Message):
    """What to change of a planned or open meeting; absent means as it is."""

    title: Annotated[str, Field(min_length=1, max_length=160)] | None = None
    starts: float | None = None
    minutes: Annotated[int, Field(ge=5, le=1440)] | None = None
    pin: Pin | None = None
    drop_pin: bool = False
    lobby: bool | None = None
    agenda: Annotated[list[Line], Field(max_length=20)] | None = None
    invited: Annotated[list[Id], Field(max_length=200)] | None = None
    scene: Id | None = None


class Meeting(Message):
    """A meeting as its hosts see it: it holds the link."""

    id: MeetingId
    room: Id
    title: Line
    phase: MeetingPhase
    starts: float
    ends: float
    opened: float | None = None
    ended: float | None = None
    code: Code
    path: str
    """`/meet/<code>`."""
    url: str
    pin: str | None = None
    lobby: bool
    agenda: list[Line] = []
    invited: list[Id] = []
    scene: Id | None = None
    created: float
    created_by: Label


class Door(Message):
    """What the link shows a stranger: enough to choose a name and to wait. Also pushed to who stands there when it changes."""

    meeting: MeetingId
    title: Line
    room_name: Text
    place: Text | None = None
    phase: MeetingPhase
    starts: float
    ends: float
    timezone: str
    time: float
    """Server time, seconds (Unix)."""
    pin_needed: bool
    pin_closed: bool = False
    """Too many wrong PINs: come in without one, the host decides."""
    lobby: bool
    locked: bool = False
    agencies: list[Agency] = []
    protocol: int
    build: str


# -- coming in --


class Join(Message):
    """First word of a page that wants in. With `seat` it comes back as who it was, and the rest is only for when the seat is gone."""

    protocol: int
    build: Annotated[str, Field(max_length=64)] = ""
    meeting: Annotated[str, Field(max_length=32)] | None = None
    """The code of the link."""
    room: Id | None = None
    """Instead of a code: the open meeting of this room, for its own paired page and its walls."""
    name: PersonName
    agency: Id | None = None
    office: Line = ""
    """`Kepala Dinas`; never re-cased."""
    device: DeviceClass = DeviceClass.LAPTOP
    listen_only: bool = False
    pin: Annotated[str, Field(max_length=32)] | None = None
    room_code: Annotated[str, Field(max_length=16)] | None = None
    """From the room's own screen: this device is inside the room, so it is muted both ways."""
    seat: SeatSecret | None = None


class IceServer(Message):
    """A TURN server with credentials that expire."""

    url: str
    username: str = ""
    credential: str = ""


class Slots(Message):
    """Room for so many voices, pictures and screens; constant for the life of a connection."""

    audio: Annotated[int, Field(ge=0, le=3)] = 3
    video: Annotated[int, Field(ge=0, le=25)] = 9
    screen: Annotated[int, Field(ge=0, le=1)] = 1


class Waiting(Message):
    """In the lobby. `seated` follows when somebody lets you in, `ended` when not."""

    person: PersonId
    seat: SeatSecret
    since: float


class Seated(Message):
    """You are in. Follow the state by `patch`; open the media by `pub.offer` and `sub.open`."""

    person: PersonId
    seat: SeatSecret | None
    """None: the one you were given in the lobby."""
    role: SeatRole
    resumed: bool = False
    """The same seat as before: hand, place and role were kept."""
    state: MeetingState
    slots: Slots
    """What this device should ask for at most."""
    ice_servers: list[IceServer] = []
    grace_s: float
    """A connection lost for less than this loses nothing."""
    chat: int = 0
    """Number of the newest chat line."""


class Joined(Message):
    """Answer to `join`: exactly one of the two."""

    seated: Seated | None = None
    waiting: Waiting | None = None


# -- the state everybody in the meeting sees --


class Voice(StrEnum):
    """A microphone as others hear it."""

    OFF = "off"
    """Nothing is sent."""
    ON = "on"
    MUTED = "muted"


class MutedBy(StrEnum):
    """Who closed a microphone."""

    SELF = "self"
    HOST = "host"
    IN_ROOM = "in_room"
    """Inside the room the room's own microphone is heard; a second one would whistle."""


class Person(Message):
    """Somebody in the meeting. Sort by `rank`, then `joined`."""

    id: PersonId
    name: str
    office: str = ""
    agency: Id | None = None
    agency_name: str = ""
    role: SeatRole
    rank: int
    device: DeviceClass
    joined: float
    here: bool = True
    """False while the connection is lost and the seat is kept."""
    voice: Voice = Voice.OFF
    muted_by: MutedBy | None = None
    camera: bool = False
    screen: bool = False
    tracks: dict[TrackSource, TrackName] = {}
    in_room: bool = False
    rung: Annotated[int, Field(ge=0, le=6)] = 0
    """0 everything, 1 no large pictures, 2 speaker and slides, 3 slides and sound, 4 sound, 5 thin sound, 6 away."""


class Hand(Message):
    """A raised hand; the queue's order is the server's."""

    person: PersonId
    at: float


class Stage(Message):
    """What walls and every page's large picture show; the host decides."""

    layout: Layout = Layout.GRID
    spotlight: list[PersonId] = []
    """Shown large whoever speaks; two at most. Empty: who speaks."""
    shown: list[PersonId] = []
    """Who stands large now: the spotlight, or the speaker; the server's answer, the same on every page."""
    screen: PersonId | None = None
    """Whose shared screen is shown."""


class RollOutcome(StrEnum):
    """What became of a called agency."""

    WAITING = "waiting"
    PRESENT = "present"
    ABSENT = "absent"


class RollEntry(Message):
    """One agency of the roll call."""

    agency: Id
    name: str
    called: float | None = None
    answered: float | None = None
    outcome: RollOutcome = RollOutcome.WAITING
    person: PersonId | None = None
    """Who answered."""


class RollCall(Message):
    """`Panggil hadir`: agencies in protocol order, one after the other."""

    started: float
    ended: float | None = None
    current: Id | None = None
    entries: list[RollEntry] = []


class Rules(Message):
    """What the host allows."""

    lobby: bool = True
    locked: bool = False
    self_unmute: bool = True
    """False: a microphone that was closed opens only when the host gives the turn."""
    chat: bool = True
    share: bool = True
    """Participants may share their screens."""


class Overrun(Message):
    """The next meeting in this room is near."""

    next_title: Line
    next_starts: float


class MeetingState(Message):
    """Everything everybody in the meeting sees. `version` grows by one with each `patch` whose `room` is `meeting`."""

    meeting: MeetingId
    room: Id
    room_name: Text
    title: Line
    version: int
    time: float
    timezone: str = "WIB"
    phase: MeetingPhase = MeetingPhase.OPEN
    starts: float
    ends: float
    opened: float
    people: dict[PersonId, Person] = {}
    hands: list[Hand] = []
    stage: Stage = Stage()
    speaker: PersonId | None = None
    rules: Rules = Rules()
    roll: RollCall | None = None
    agenda: list[Line] = []
    item: int = 0
    """The agenda item that goes on, from 1; 0: none yet."""
    overrun: Overrun | None = None
    acting_host: PersonId | None = None
    """A co-host who stands in while no host is connected."""


# -- what hosts see beside it --


class Waiter(Message):
    """Somebody in the lobby."""

    id: PersonId
    name: str
    office: str = ""
    agency: Id | None = None
    agency_name: str = ""
    group: Id | None = None
    since: float
    here: bool = True
    without_pin: bool = False
    """Came without the right PIN, after too many wrong ones were tried."""


class LinkQuality(Message):
    """A participant's path."""

    rung: int
    why: Literal["", "bandwidth", "loss", "chosen", "away"] = ""
    estimate: int = 0
    """Bit/s towards them."""
    loss: float = 0.0
    rtt: float = 0.0


class SeatPlace(Message):
    """A seat in the room that a camera can be turned to."""

    id: Id
    name: Text


class BackstageState(Message):
    """What only hosts see. Patches carry `room` = `<meeting>.host`."""

    meeting: MeetingId
    version: int
    time: float
    path: str
    url: str
    pin: str | None = None
    room_code: str
    """Typed by devices inside the room."""
    lobby: dict[PersonId, Waiter] = {}
    """In order of arrival."""
    groups: list[Group] = []
    seats: list[SeatPlace] = []
    links: dict[PersonId, LinkQuality] = {}
    pin_closed: bool = False
    hosts: int = 0
    """Pages that can host now."""
    kept: bool = True
    """False: the attendance cannot be written; the meeting goes on."""
    next: Meeting | None = None
    """The next meeting of this room."""


class Follow(Message):
    """A panel follows the open meeting of a room as host; it takes no seat."""

    room: Id
    protocol: int


class Following(Message):
    """Answer to `follow`: null when no meeting is open; `opened` comes when one is."""

    protocol: int
    build: str
    time: float
    state: MeetingState | None = None
    backstage: BackstageState | None = None


# -- media --


class PubOffer(Message):
    """The page's own offer for what it sends; `rev` grows with each of its offers. `echo`: the rehearsal path, before the meeting."""

    rev: Rev
    sdp: Sdp
    sources: Annotated[dict[Mid, TrackSource], Field(max_length=8)] = {}
    echo: bool = False


class SentTrack(Message):
    """A line of the offer that the server takes."""

    track: TrackName
    mid: Mid
    source: TrackSource


class PubAnswer(Message):
    """The server's answer to that offer."""

    rev: Rev
    sdp: str
    tracks: list[SentTrack] = []


class SubOpen(Message):
    """Make me an offer for what I receive; `restart` keeps the connection and changes its ICE credentials."""

    slots: Slots = Slots()
    restart: bool = False
    echo: bool = False


class SubOffer(Message):
    """The server's offer with constant slots; `rev` grows with each of its offers."""

    rev: Rev
    sdp: str
    slots: dict[Mid, str] = {}
    """mid -> slot id: `a0`, `v3`, `s0`."""


class EchoEnd(Message):
    """The rehearsal is over; it ends by itself after a minute, and with joining."""


class SubAnswer(Message):
    """The page's answer; an older `rev` is refused as `stale`."""

    rev: Rev
    sdp: Sdp
    echo: bool = False


class Look(Message):
    """One picture the page shows: a track or `speaker`; size in pixels."""

    track: TrackName = "speaker"
    width: Annotated[int, Field(ge=0, le=7680)] = 320
    height: Annotated[int, Field(ge=0, le=4320)] = 180
    rank: Literal["stage", "pinned", "thumbnail"] = "thumbnail"


class ViewWish(Message):
    """What the page shows, the most important first; empty when it is hidden. Only the newest counts."""

    looks: Annotated[list[Look], Field(max_length=30)] = []


class SaverMode(StrEnum):
    """`Hemat data`."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"


class Saver(Message):
    """How the page wants to save data; `listen`: only sound, even when there is room."""

    mode: SaverMode = SaverMode.AUTO
    listen: bool = False


class Sending(Message):
    """What the page sends now: its own switches. The server answers with what became of it by `patch`."""

    mic: bool | None = None
    camera: bool | None = None
    screen: bool | None = None


class AssignedSlot(Message):
    """A fact: what a slot shows. A picture changes at the next key frame of its slot."""

    slot: str
    track: TrackName | None
    layer: int = 0
    reason: Literal["", "bandwidth", "muted", "off", "overload", "codec"] = ""


class ActiveLayers(Message):
    """Which encodings of a sent track somebody watches; the others may stop."""

    track: TrackName
    mid: Mid
    rids: list[str]


class PathQuality(Message):
    """Your own path, every two seconds or when the rung changes."""

    rung: int
    why: Literal["", "bandwidth", "loss", "chosen", "away"] = ""
    mode: SaverMode
    estimate: int
    loss: float
    rtt: float
    camera: bool = True
    """False: your own picture should rest, so that your voice gets through."""
    echo: bool = False


class PathChanged(Message):
    """One of your two connections, as the server sees it."""

    side: Literal["pub", "sub"]
    state: Literal["connecting", "connected", "closed"]
    reason: str = ""
    echo: bool = False


class Remake(Message):
    """Every media connection is gone (its worker ended): make new ones, with the next `rev`."""

    why: str = ""


# -- acts: each carries an id; sent again it changes nothing --


class Act(Message):
    """Base of everything that changes the meeting. `at` is server time of the press: it lives 5 s."""

    id: PressId
    at: float


class RaiseHand(Act):
    """One's own hand."""

    up: bool


class Say(Act):
    """A line of chat."""

    text: Annotated[str, Field(min_length=1, max_length=1000)]


class Here(Act):
    """`Hadir`: answer to the roll call."""


class Quit(Act):
    """Leave for good: the seat is given up."""


class Admit(Act):
    """Let people in: those named, an agency, a group, or everybody who waits."""

    people: Annotated[list[PersonId], Field(max_length=200)] = []
    agency: Id | None = None
    group: Id | None = None
    everybody: bool = False


class TurnAway(Act):
    """Send somebody out of the lobby away."""

    person: PersonId


class Mute(Act):
    """Close microphones, or stop pictures or a shared screen. `everybody` leaves out hosts and the room."""

    people: Annotated[list[PersonId], Field(max_length=200)] = []
    everybody: bool = False
    source: TrackSource = "mic"


class GiveTurn(Act):
    """It is their turn to speak: the hand goes down, the page is asked to open the microphone, they stand large."""

    person: PersonId
    spotlight: bool = True


class LowerHands(Act):
    """Take hands down: one, or all."""

    person: PersonId | None = None


class RemovePerson(Act):
    """Send somebody out; `block`: their seat and name do not come back by themselves, only through the lobby."""

    person: PersonId
    block: bool = True


class SetRole(Act):
    """Make somebody co-host, participant or listener; only a host makes a host."""

    person: PersonId
    role: Literal[SeatRole.HOST, SeatRole.CO_HOST, SeatRole.PARTICIPANT, SeatRole.LISTENER]


class Arrange(Act):
    """What the host allows; absent means as it is."""

    lobby: bool | None = None
    locked: bool | None = None
    self_unmute: bool | None = None
    chat: bool | None = None
    share: bool | None = None


class SetStage(Act):
    """Layout and spotlight; absent means as it is, an empty spotlight follows the speaker."""

    layout: Layout | None = None
    spotlight: Annotated[list[PersonId], Field(max_length=2)] | None = None


class StartRoll(Act):
    """Begin the roll call; empty: those invited, or the whole list."""

    agencies: Annotated[list[Id], Field(max_length=200)] = []


class CallRoll(Act):
    """Call the next agency, or this one again."""

    agency: Id | None = None


class MarkRoll(Act):
    """The host says whether a called agency is there."""

    agency: Id
    outcome: RollOutcome


class StopRoll(Act):
    """End the roll call: who was not called stays unmarked."""


class CallSeat(Act):
    """Turn the room's camera to a seat, without giving anybody the turn."""

    seat: Id


class SetItem(Act):
    """The agenda item that goes on."""

    item: Annotated[int, Field(ge=0, le=20)]


class Extend(Act):
    """A new end, Unix seconds."""

    ends: float


class EndMeeting(Act):
    """End it for everybody."""


class HandOver(Act):
    """End it, put the room back, and start the next one of this room."""

    next: MeetingId


class ChatRead(Message):
    """Lines before a number, the newest first asked for; null: the newest."""

    before: int | None = None


class ChatLine(Message):
    """A line of chat."""

    number: int
    at: float
    person: PersonId
    name: str
    agency_name: str = ""
    text: str


class ChatLines(Message):
    """Answer to `chat.read`: at most 50, the oldest first."""

    lines: list[ChatLine] = []
    more: bool = False


class Done(Message):
    """Acknowledgement of an act or of media words with nothing to tell: exactly one of the two."""

    ok: bool = False
    problem: Problem | None = None


class Asked(Message):
    """The host asks you: open your microphone, it is your turn, or your agency is called."""

    what: Literal["unmute", "turn", "roll"]


class RoleChanged(Message):
    """What you are from now on."""

    role: SeatRole


class Ended(Message):
    """It is over for this page."""

    why: Literal["closed", "removed", "refused", "elsewhere", "full", "left", "moved"]
    """`elsewhere`: the same seat is open in another window. `moved`: the server restarts; come back with the seat."""
    text: Text | None = None
    retry_after: float | None = None


# -- attendance --


class Presence(Message):
    """One stay of one person, or one agency of the roll call."""

    person: str
    name: str
    office: str = ""
    agency: str = ""
    agency_name: str = ""
    role: SeatRole
    joined: float
    left: float | None = None
    """None: still there."""


class Attendance(Message):
    """`Daftar hadir`: who was there when, who was called, who is missing; `head` closes the chain it was written to."""

    meeting: MeetingId
    title: Line
    room_name: Text
    timezone: str
    opened: float | None = None
    ended: float | None = None
    stays: list[Presence] = []
    roll: list[RollEntry] = []
    missing: list[Agency] = []
    """Invited, and nobody came."""
    records: int = 0
    head: str = ""
    intact: bool = True
    """Every record still follows from the one before it."""
