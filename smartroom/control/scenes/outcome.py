"""How a run came out, and how it is put back: the result by what its properties read, and the goals that lead back. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from devices.sdk.errors import BadSetting, DeviceError
from devices.sdk.readings import Value
from smartroom.control.room.model import PropertyKey, Shape
from smartroom.control.scenes.model import Goal
from smartroom.protocol.state import Member, MemberState, Restored, RunResult, StepRun, StepState

REACHED = frozenset({MemberState.VERIFIED, MemberState.SKIPPED})


def name_of(key: PropertyKey) -> str:
    """`matrix.route.1`: a property's name in runs and states."""
    return f"{key[0]}.{key[1]}"


def judge(members: Iterable[Member], steps: Sequence[StepRun] = ()) -> RunResult:
    """The result of a run by its members and steps: achieved only when every property was read back at its goal and no step failed.

    Cancelled by somebody is cancelled, whatever had been reached by then; stopped by `hold` has a failure among its members.
    """
    members = list(members)
    states = [member.state for member in members]
    back = {member.restored for member in members} - {None}
    if Restored.RESTORED in back and Restored.FAILED not in back:
        return RunResult.RESTORED
    if any(step.state is StepState.CANCELLED for step in steps):
        return RunResult.CANCELLED
    if all(state in REACHED for state in states):
        return RunResult.PARTIAL if any(step.state is StepState.FAILED for step in steps) else RunResult.ACHIEVED
    if MemberState.CANCELLED in states and MemberState.FAILED not in states:
        return RunResult.CANCELLED
    if any(state in REACHED or state is MemberState.UNVERIFIED for state in states):
        return RunResult.PARTIAL
    if all(state in (MemberState.OVERRIDDEN, MemberState.CANCELLED) for state in states):
        return RunResult.CANCELLED
    return RunResult.FAILED


def compensation(
    goals: Sequence[Goal], before: Mapping[PropertyKey, Value], shapes: Mapping[str, Shape]
) -> tuple[tuple[Goal, ...], tuple[PropertyKey, ...]]:
    """Goals that put properties back, dependants first, and those that cannot be put back. Pure."""
    back: dict[PropertyKey, Goal] = {}
    irreversible: list[PropertyKey] = []
    for goal in goals:
        shape = shapes[goal.device]
        value = before.get(goal.key)
        try:
            if value is None or not shape.spec(goal.property).reversible:
                raise BadSetting("not to be put back", key=goal.property)
            back[goal.key] = replace(goal, value=shape.check(goal.property, value), after=(), needs=None)
        except DeviceError:  # a transitional value (warming) was read, or none
            irreversible.append(goal.key)
    ordered = {
        key: replace(goal, after=tuple(other.key for other in goals if key in other.after and other.key in back))
        for key, goal in back.items()
    }
    return tuple(ordered.values()), tuple(irreversible)
