"""Plans and their parts: what a scene would do, before anything is sent."""

from __future__ import annotations

import hashlib
import json
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from smartroom.protocol.base import Id, Label, Message, Text, Value
from smartroom.protocol.errors import Problem, Rule

PLAN_FORMAT = 1
"""Raised when a plan of an earlier server can no longer be read."""


class Risk(StrEnum):
    """What a change costs beside its time."""

    LAMP = "lamp"
    """Switching off and on ages it, and it has to cool."""
    EEPROM = "eeprom"
    """The device stores the value: it can be written so many times and no more."""
    RELAY = "relay"
    """A contact wears with each switching."""
    PICTURE = "picture"
    """Screens may be dark for a few seconds."""


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


class Violation(Message):
    """A rule of wear or safety that a plan breaks."""

    rule: Rule
    device: Id
    property: str
    label: Text
    text: Text
    """`Lampu baru menyala 2 menit; paling sedikit 5 menit.`"""
    may_be_overridden: bool = True


class Override(Message):
    """Rules that somebody sets aside for one run, and why."""

    rules: Annotated[list[Rule], Field(min_length=1, max_length=9)]
    reason: Annotated[str, Field(min_length=3, max_length=200)]


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
    risks: list[Risk] = []
    reversible: bool = True
    """False: putting it back after a failure, or taking it back later, cannot be promised."""
    reason: Text | None = None
    problem: Problem | None = None


class PlanStage(Message):
    """One step of a scene, with what it would do then. What it depends on is reckoned from the steps before it."""

    number: str
    kind: Literal["set", "wait", "until", "ramp", "scene", "if", "parallel"]
    label: Text
    expected_ms: int
    longest_ms: int
    """A wait until something holds is expected to end at once and may take this long."""
    actions: list[PlanStep] = []


class Plan(Message):
    """What a scene would do, from the readings in its steps. It may be kept, shown and applied later: then nothing may have moved since."""

    format: int = PLAN_FORMAT
    made: float = 0.0
    """Server time, seconds (Unix)."""
    by: Label = ""
    room: Id
    scene: Id
    name: Text
    base: int
    """The room's version it was made from."""
    offline: bool = False
    """Made without a server: every present value is unknown."""
    steps: list[PlanStep]
    """The desired state; all of it when the scene has no steps."""
    stages: list[PlanStage] = []
    """Steps after it, one after the other."""
    changes: int
    unchanged: int
    expected_ms: int
    """Critical path: devices work at the same time; steps come one after the other."""
    violations: list[Violation] = []
    """Rules it breaks: while there are any it is not carried out."""
    digest: str = ""
    """SHA-256 over everything else: a plan that was changed by hand is found out."""

    def seal(self) -> Plan:
        """The same with its digest."""
        return self.model_copy(update={"digest": self._digest()})

    @property
    def intact(self) -> bool:
        """Whether it still is what its digest was made of."""
        return self.digest == self._digest()

    def _digest(self) -> str:
        plain = self.model_dump(mode="json", exclude={"digest"})
        text = json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


class RecordLine(Message):
    """One property of the room as it is, as a new scene would have it."""

    device: Id
    property: str
    label: Text
    value: Value
    said: Text
    """The value in words."""
    base_said: Text | None = None
    """What the extended scene wants instead."""
    written: str
    """As it will stand in the file: `matrix.route.main: podium`."""
    ticked: bool = True
    """Proposed; what no scene of the room sets is offered and not proposed."""


class RecordLeft(Message):
    """A property that scenes of the room set and that cannot be recorded now."""

    device: Id
    property: str
    label: Text
    why: Text


class Recording(Message):
    """The room as it is, as a difference from a scene it would extend. Nothing is written before it was reviewed."""

    room: Id
    extends: Id | None = None
    bases: list[str] = []
    """Scenes that may be extended."""
    lines: list[RecordLine]
    left: list[RecordLeft] = []
    same: int = 0
    """Properties that are as the extended scene wants them."""
    problem: Problem | None = None
    """Why nothing can be recorded on this base."""


class RecordedLine(Message):
    """A reviewed line: what was read when it was reviewed is what is written."""

    device: Id
    property: str
    value: Value
