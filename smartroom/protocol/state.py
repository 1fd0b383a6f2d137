"""State of a room as every page sees it, and the numbered patches that change it."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from smartroom.protocol.base import Id, Label, Message, Text, Value
from smartroom.protocol.errors import Problem
from smartroom.protocol.rundowns import RundownState


class Link(StrEnum):
    """Connection of a device."""

    CONNECTING = "connecting"
    READY = "ready"
    OFFLINE = "offline"
    REFUSED = "refused"
    """Wrong password, port in use, bad setting: only a technician can help."""
    DEGRADED = "degraded"
    """Driver parked after repeated failures."""


class Cause(StrEnum):
    """Who moved a property."""

    SCENE = "scene"
    """A run set it."""
    HAND = "hand"
    """Somebody set it on a page or by a program."""
    DEVICE = "device"
    """At the device itself: its front panel, its remote control, another controller."""
    RETURN = "return"
    """It was different when the device came back: restarted, or changed while it was cut off."""
    UNSEEN = "unseen"
    """It changed while the server was not running."""


class Moved(Message):
    """Who moved a property last, when, and from what."""

    cause: Cause
    at: float
    by: Label = ""
    """Who pressed, when it was a scene or a hand."""
    scene: Text | None = None
    before: Value = None


class PropertyState(Message):
    """A property as last reported. `at` is server time in seconds (Unix)."""

    value: Value
    at: float
    source: Literal["query", "unsolicited", "derived", "written"]
    fresh: bool = True
    """False: reported on an earlier connection; show it grey with its age."""
    moved: Moved | None = None
    """Who moved it last; none when nobody has since it is known."""


class ChoiceLabel(Message):
    """A value a page may offer, with its words."""

    value: Value
    label: Text


class PropertyShape(Message):
    """What a page needs to draw a control for a property; fixed while the room file stays the same."""

    label: Text
    """What the property is to people: `Daya`, `Sumber · Layar utama`."""
    capability: str
    type: Literal["boolean", "integer", "number", "text", "choice", "position", "content"]
    choices: list[ChoiceLabel] = []
    minimum: float | None = None
    maximum: float | None = None
    unit: str = ""
    settable: bool = True
    transitional: list[str] = []
    expected_ms: int = 0


Kind = Literal[
    "matrix",
    "camera",
    "projector",
    "display",
    "audio",
    "relay",
    "bridge",
    "wall",
    "stage",
    "rundown",
    "plaque",
    "other",
]


class DeviceState(Message):
    """One device: how it is connected and what it reported."""

    id: Id
    name: Text
    kind: Kind
    family: str
    address: str
    simulated: bool = False
    link: Link = Link.CONNECTING
    link_since: float = 0.0
    problem: Problem | None = None
    epoch: int = 0
    shapes: dict[str, PropertyShape] = {}
    actions: list[str] = []
    presets: dict[str, int] = {}
    """Names of camera presets -> number."""
    properties: dict[str, PropertyState] = {}


class Source(Message):
    """Something that can be shown: an input of a matrix."""

    id: Id
    name: Text
    icon: str = "source"
    device: Id
    input: int


class Output(Message):
    """Somewhere it can be shown: an output of a matrix and the screen behind it, or a wall."""

    id: Id
    name: Text
    device: Id
    output: int
    """Number on the matrix; 0 when the device is a wall."""
    screen: Id | None = None


class AudioControl(Message):
    """Where the fixed volume and mute controls act: device and property."""

    device: Id
    property: str


class MemberState(StrEnum):
    """How far one property of a run has come."""

    WAITING = "waiting"
    """For a dependency: warming up, power first."""
    SENDING = "sending"
    VERIFIED = "verified"
    """Read back at its goal."""
    SKIPPED = "skipped"
    """Was at its goal already, by a fresh reading."""
    UNVERIFIED = "unverified"
    FAILED = "failed"
    OVERRIDDEN = "overridden"
    """A hand or a later scene owns it now."""
    CANCELLED = "cancelled"


class Restored(StrEnum):
    """What became of a property when a failed run was put back."""

    RESTORED = "restored"
    """Read back at the value it had before the run."""
    IRREVERSIBLE = "irreversible"
    """Declared: a lamp that has to cool, a value that was not known."""
    FAILED = "failed"


class Member(Message):
    """One property of a run: wanted value, where it stands and why."""

    device: Id
    property: str
    goal: Value
    label: Text
    """`Layar utama → Podium`: what it means to a host."""
    state: MemberState
    value: Value = None
    """Last read-back."""
    problem: Problem | None = None
    attempts: int = 0
    ms: int | None = None
    """From the run's acceptance to its end, milliseconds."""
    until: float | None = None
    """Server time at which a wait (warming up) is expected to end."""
    before: Value = None
    """What it read before the first byte, when that was known."""
    restored: Restored | None = None


class StepState(StrEnum):
    """How far one step of a run has come."""

    WAITING = "waiting"
    """Its turn has not come."""
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    PASSED = "passed"
    """Its turn never came: the other way of an `if`, or an earlier step stopped the run."""
    CANCELLED = "cancelled"


class StepRun(Message):
    """One step of a run."""

    number: str
    """Its place: `3`, `3.1` inside the third."""
    kind: Literal["set", "wait", "until", "ramp", "scene", "if", "parallel"]
    label: Text
    state: StepState = StepState.WAITING
    started: float | None = None
    ended: float | None = None
    until: float | None = None
    """Server time at which it is over at the latest, while it runs."""
    members: list[str] = []
    """`device.property` it moves."""
    problem: Problem | None = None


class RunResult(StrEnum):
    """How a run ended; None while it goes on."""

    ACHIEVED = "achieved"
    PARTIAL = "partial"
    FAILED = "failed"
    RESTORED = "restored"
    CANCELLED = "cancelled"


class Run(Message):
    """One recall of a scene."""

    id: str
    scene: Id
    by: Label
    started: float
    ended: float | None = None
    result: RunResult | None = None
    members: dict[str, Member] = {}
    """By `device.property`, in the scene's order."""
    steps: list[StepRun] = []
    """In the order of the file; empty for a scene without."""


class SceneLight(StrEnum):
    """What a scene's tile shows; computed from readings, never assigned."""

    IDLE = "idle"
    SENDING = "sending"
    ACTIVE = "active"
    PARTIAL = "partial"
    FAILED = "failed"
    DRIFTED = "drifted"
    RESTORED = "restored"
    """The last recall failed and the room was put back as it was."""
    OFFLINE = "offline"


class Drift(Message):
    """A goal of a scene that no longer holds. What it reads now, and who moved it, stands with the device's property."""

    device: Id
    property: str
    label: Text
    goal: Value


class SceneState(Message):
    """One scene's tile."""

    id: Id
    name: Text
    icon: str = "scene"
    order: int = 0
    danger: bool = False
    """Ask by holding: all off."""
    light: SceneLight = SceneLight.IDLE
    reached: int = 0
    total: int = 0
    since: float | None = None
    by: Label = ""
    run: Run | None = None
    """The run of the last recall, while it says something about this tile."""
    drifted: list[Drift] = []
    """Goals that no longer hold."""
    problem: Problem | None = None
    """The file cannot be used: file, line, fix."""


class LastAction(Message):
    """Who did what last."""

    at: float
    by: Label
    text: Text
    run: str | None = None
    """The run it began."""
    device: str | None = None
    property: str | None = None
    value: Value = None
    ms: int | None = None
    """How long it took until it was read back."""


class Unfinished(Message):
    """A run that the server's end cut short: offered again, never sent by itself."""

    scene: Id
    run: str
    by: Label
    started: float


class Undo(Message):
    """The last thing that can be taken back."""

    run: str
    label: Text
    at: float


class RoomMeeting(Message):
    """A meeting of the room in one line: the open one, or one that is planned."""

    meeting: str
    title: str
    starts: float
    ends: float
    opened: float | None = None
    """None: planned."""
    people: int = 0
    hands: int = 0
    waiting: int = 0


class Rehearsal(Message):
    """A rehearsal of a room on the pages: simulators for every device, nothing of it reaches the room."""

    room: Id
    """Where it goes on: a room of its own, with the same files."""
    of: Id
    by: Label
    started: float
    seeded: int
    """Properties that began as the real room read."""


class RoomState(Message):
    """Everything a page shows of a room. `version` grows by one with each patch."""

    room: Id
    name: Text
    place: Text | None = None
    version: int
    time: float
    """Server time when it was made, seconds (Unix)."""
    timezone: str = "WIB"
    simulated: bool = False
    devices: dict[str, DeviceState] = {}
    sources: dict[str, Source] = {}
    outputs: dict[str, Output] = {}
    scenes: dict[str, SceneState] = {}
    rundowns: dict[str, RundownState] = {}
    cameras: list[Id] = []
    volume: AudioControl | None = None
    mute: AudioControl | None = None
    last_action: LastAction | None = None
    undo: Undo | None = None
    """What `Kembalikan` would take back; none when nothing changed or somebody moved on."""
    undoing: Run | None = None
    """The run that takes a change back, while it goes on, and afterwards while something of it did not come back."""
    unfinished: Unfinished | None = None
    meeting: RoomMeeting | None = None
    """The one that is open."""
    planned: list[RoomMeeting] = []
    """The next ones, by their start."""
    problem: Problem | None = None
    """The room's file cannot be used; the last good one is in force."""
    rehearsal: Rehearsal | None = None
    """The one of this room that goes on; in its twin, the one that it is."""


class Change(Message):
    """One changed place of RoomState: set `path` to `value`; null removes a key of a dictionary."""

    path: list[str] = Field(min_length=1, max_length=8)
    value: object = None


class Patch(Message):
    """Changes that lead from `since` to `version`."""

    room: Id
    version: int
    since: int | None = None
    """Version it starts from when several were merged for the wire; null: `version - 1`."""
    time: float
    changes: list[Change]
