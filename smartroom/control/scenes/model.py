"""A scene ready to be planned: what it wants, in which order, and what becomes of it when something fails."""

from __future__ import annotations

import builtins
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from devices.sdk.readings import Value
from smartroom.control.room.model import PropertyKey
from smartroom.control.scenes.steps import (
    Policy,
    Step,
    spared,
    touched,
)
from smartroom.protocol.base import Text

Place = tuple[str | int, ...]
"""Where a value stands in a file: keys and indexes from its top."""

UNDO = "kembalikan"
"""Scene id of taking back; no file may have it."""


@dataclass(frozen=True, slots=True)
class Goal:
    """One property a scene wants, and how close counts as reached."""

    device: str
    property: str
    value: Value
    tolerance: float
    label: Text
    after: tuple[PropertyKey, ...] = ()
    """Properties that must hold first, when this scene sets them too."""
    needs: Mapping[str, Value] | None = None
    """Values of the same device that must hold first, from driver.yaml."""

    @builtins.property
    def key(self) -> PropertyKey:
        """(device, property)."""
        return (self.device, self.property)


@dataclass(frozen=True, slots=True)
class Scene:
    """A scene ready to be planned."""

    id: str
    name: Text
    icon: str
    order: int
    danger: bool
    hidden: bool
    on_failure: Policy
    timeout_s: float
    goals: tuple[Goal, ...]
    absent: tuple[Goal, ...] = ()
    """What it wants of devices that are not there yet: named in plans, never waited for."""
    first: tuple[Goal, ...] | None = None
    """What is brought before the steps; None: all its goals, for it has no steps."""
    steps: tuple[Step, ...] = ()
    emergency: bool = False
    """Outranks every rule but interlocks, and whoever else would move what it moves."""

    @builtins.property
    def begins(self) -> tuple[Goal, ...]:
        """Goals that are brought first."""
        return self.goals if self.first is None else self.first

    @builtins.property
    def touched(self) -> tuple[Goal, ...]:
        """A goal for every property it may move on its way."""
        found = {goal.key: goal for goal in self.begins}
        return tuple({**touched(self.steps), **found}.values()) if self.steps else self.begins


def without(scene: Scene, devices: Collection[str]) -> Scene:
    """The scene with what it wants of these devices set aside; as it is when nothing else would be left."""
    kept = tuple(goal for goal in scene.goals if goal.device not in devices)
    if not kept or len(kept) == len(scene.goals):
        return scene
    return replace(
        scene,
        goals=kept,
        absent=tuple(goal for goal in scene.goals if goal.device in devices),
        first=None if scene.first is None else tuple(goal for goal in scene.first if goal.device not in devices),
        steps=spared(scene.steps, devices),
    )
