"""What pages and programs ask for. Every press carries an id (sent again it changes nothing) and the server time it was made at (it lives 5 s)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from smartroom.protocol.base import Id, Message, Text, Value
from smartroom.protocol.errors import Problem
from smartroom.protocol.rundowns import CueDeed, Turn
from smartroom.protocol.scenes import Override, Plan, RecordedLine
from smartroom.protocol.state import Patch, RoomState, Run

PressId = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{8,64}$")]


class Press(Message):
    """Base of everything that moves the room."""

    id: PressId
    at: float
    """Server time of the press as the page reckons it, seconds (Unix)."""
    room: Id


class ApplyScene(Press):
    """Recall a scene. With a `plan` (whole, or the digest of one shown before) only if it does exactly what stands there."""

    scene: Id
    plan: Plan | str | None = None
    override: Override | None = None


class RetryRun(Press):
    """Bring back what a scene's last run did not reach or has lost since: all, one device's, or one property. `kembalikan` is taking back."""

    scene: Id
    device: Id | None = None
    property: Annotated[str, Field(max_length=64)] | None = None


class RecordScene(Press):
    """Write a new scene's file: the lines that were reviewed, with the values that were seen."""

    scene: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    name: Text
    icon: Annotated[str, Field(max_length=32)] = "scene"
    extends: Id | None = None
    lines: Annotated[list[RecordedLine], Field(min_length=1, max_length=500)]


class CancelRun(Press):
    """Stop a run where it is."""

    run: str


class UndoRun(Press):
    """Take the last change back. `run`, from `RoomState.undo`, is what the presser saw offered: anything else is refused."""

    run: str | None = None


class SetProperty(Press):
    """Set one property by hand."""

    device: Id
    property: Annotated[str, Field(max_length=64)]
    value: Value


class ActDevice(Press):
    """Something that is no state: drive a camera, store a preset."""

    device: Id
    action: Annotated[str, Field(max_length=32)]
    arguments: dict[str, Value] = {}


class BlankRoom(Press):
    """Hide or show the picture on every output that can."""

    on: bool


class DismissUnfinished(Press):
    """Do not offer the unfinished run any more."""


class RunCue(Press):
    """An operator moves a rundown. `turn` and `cue` are what the presser saw: where somebody else moved it meanwhile, the press is refused as stale."""

    rundown: Id
    do: CueDeed
    turn: Turn | None = None
    cue: Id | None = None
    force: bool = False
    """`go` although the cue's condition does not hold; not everybody may."""


class Watch(Message):
    """First message of a page: follow a room from a version on."""

    room: Id
    since: int | None = None
    protocol: int
    build: str = ""


class Watching(Message):
    """Answer to `watch`: either a snapshot, or the patches since the asked version."""

    protocol: int
    build: str
    time: float
    snapshot: RoomState | None = None
    patches: list[Patch] = []


class Accepted(Message):
    """A press was taken. It says nothing about the hardware: state comes by patches."""

    id: PressId
    run: str | None = None
    attached: bool = False
    """A double press: joined the run that goes on already."""
    value: Value = None


class Answer(Message):
    """Acknowledgement of every event: exactly one of the two."""

    ok: Accepted | None = None
    problem: Problem | None = None


class ApplyReport(Message):
    """Answer of `smartroom apply --json` and POST .../apply?wait=true: the finished run."""

    run: Run
    readings: dict[str, dict[str, Value]] = {}
    """Device -> property -> value read back at the end."""


class Clock(Message):
    """Answer to `time`: what the page sent (its own clock, any unit) and the server's time, seconds (Unix)."""

    sent: float
    time: float
