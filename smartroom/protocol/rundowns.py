"""Rundowns: cues one after the other, fired by an operator, each closed by what the hardware reported."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from smartroom.protocol.base import Id, Label, Message, Text
from smartroom.protocol.errors import Problem


class CueResult(StrEnum):
    """How a cue was closed; none while it goes on."""

    ACHIEVED = "achieved"
    """Every property was read back; or nothing was to be moved, and it has stood as long as was wanted."""
    PARTIAL = "partial"
    FAILED = "failed"
    RESTORED = "restored"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    CUT = "cut"
    """The server ended while it went on: nobody knows, so it is offered again."""


class CueLine(Message):
    """One thing a cue does, in words: `Proyektor: nyala, HDMI 1`."""

    kind: str
    """Kind of device, for a mark: `projector`, `wall`, `sound` …"""
    name: Text
    text: Text


class CueShape(Message):
    """A cue as its file describes it."""

    id: Id
    name: Text
    note: Text | None = None
    """A few words under the name."""
    says: Text | None = None
    """What the master of ceremonies says."""
    fallback: Text | None = None
    """What to do when it does not work."""
    does: list[CueLine] = []
    scene: Id | None = None
    countdown_s: float | None = None
    waits: bool = False
    """It ends by a condition or by the operator, not by the hardware."""
    fire: Literal["tap", "hold"] = "tap"
    hold_s: float = 1.0
    """How long the press is held, when it is."""
    planned_s: float | None = None
    """How long it is meant to stand."""
    planned_at: float | None = None
    """Seconds from the opening, by the cues before it; none when one of them names no time."""
    guarded: bool = False


class CueEntry(Message):
    """One firing, or skipping, of a cue."""

    turn: int
    cue: Id
    by: Label
    started: float
    settled: float | None = None
    """When its result was known."""
    ended: float | None = None
    """When the next one was fired or the rundown closed."""
    result: CueResult | None = None
    reached: int = 0
    total: int = 0
    """Properties read back at their goals, of how many."""
    runs: list[str] = []
    problem: Problem | None = None
    """The first thing that went wrong."""
    until: float | None = None
    """Server time at which a countdown ends."""
    left: float | None = None
    """Seconds left of a countdown that is held."""
    forced: bool = False
    """Fired although its condition did not hold."""


class Held(Message):
    """Somebody holds the rundown: nothing is fired until it is released."""

    by: Label
    at: float


class Arming(Message):
    """Somebody holds the button of a cue that must be held."""

    cue: Id
    by: Label
    at: float


class Phase(StrEnum):
    """Where a rundown stands."""

    CLOSED = "closed"
    READY = "ready"
    """Open; the last cue is settled, or none was fired."""
    RUNNING = "running"
    """The last cue is not settled yet."""
    HELD = "held"
    DONE = "done"
    """Every cue was fired or skipped; not closed yet."""


class RundownState(Message):
    """A rundown as all operators see it."""

    id: Id
    name: Text
    note: Text | None = None
    cues: list[CueShape] = []
    planned_s: float | None = None
    phase: Phase = Phase.CLOSED
    next: Id | None = None
    """What `go` would fire."""
    turn: int = 0
    """Grows with every move: a press names the one it saw, so that two operators never fire two cues with one thought."""
    opened: float | None = None
    opened_by: Label = ""
    closed: float | None = None
    held: Held | None = None
    arming: Arming | None = None
    guard: Problem | None = None
    """Why the next cue may not be fired now."""
    entries: list[CueEntry] = []
    """Oldest first; kept until it is opened again."""
    problem: Problem | None = None
    """The file cannot be used: file, line, fix."""


CueDeed = Literal["open", "arm", "disarm", "go", "hold", "resume", "skip", "back", "close"]
"""What an operator may do. `arm` and `disarm`: the button of a held cue went down, or up too early."""

Turn = Annotated[int, Field(ge=0)]
