"""Plans and their parts: what a scene would do, before anything is sent."""

from __future__ import annotations

from enum import StrEnum

from smartroom.protocol.base import Id, Message, Text, Value
from smartroom.protocol.errors import Problem


class PlanAction(StrEnum):
    """What a plan does with a property."""

    SET = "set"
    SKIP = "skip"
    """At its goal by a fresh reading."""
    UNAVAILABLE = "unavailable"
    """The device is offline; the rest goes on."""


class WireBytes(Message):
    """Bytes a command sends. `fields` are fixed only on the wire (a sequence number, a digest) and are left out of `hex`."""

    hex: str
    text: str
    """The same, readable: `1*3!`."""
    fields: list[str] = []


class PlanStep(Message):
    """One property of a plan."""

    device: Id
    property: str
    label: Text
    now: Value
    now_known: bool
    """False: no fresh reading; `now` is the last known value or null."""
    now_age_s: float | None = None
    goal: Value
    action: PlanAction
    bytes: list[WireBytes] = []
    together: list[str] = []
    """Other properties that travel in the same native command."""
    after: list[str] = []
    """`device.property` that must hold first."""
    expected_ms: int = 0
    risk: str = ""
    reason: Text | None = None
    problem: Problem | None = None


class Plan(Message):
    """What a scene would do. `base` names the room version it was made from."""

    room: Id
    scene: Id
    name: Text
    base: int
    offline: bool = False
    """Made without a server: every present value is unknown."""
    steps: list[PlanStep]
    changes: int
    unchanged: int
    expected_ms: int
    """Critical path: devices work at the same time."""
