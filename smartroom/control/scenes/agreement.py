"""Does a plan that was made earlier still say what would happen? Pure: the plan as given beside the same plan made now.

Nothing of the given plan is ever carried out. What is carried out is the scene of today, and only when it would do exactly what the given plan says:
so a forged plan can do no more than a true one, and its digest only tells its owner early that it was changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from devices.sdk.readings import matches
from smartroom.control.errors import ProblemError, problem
from smartroom.control.limits import PLAN_LIFE_S
from smartroom.protocol.base import Text, Value
from smartroom.protocol.errors import ErrorCode, Problem
from smartroom.protocol.scenes import PLAN_FORMAT, Plan, PlanAction, PlanStage, PlanStep

_ANEW = Text(id="Buat rencana baru", en="Make the plan anew")
_AHEAD_S = 60.0
"""Clocks of two machines may differ by so much."""


class Change(StrEnum):
    """What no longer is as a plan says."""

    MOVED = "moved"
    """A reading."""
    LINK = "link"
    """Whether the device can be reached."""
    SCENE = "scene"
    """The scene's file: a goal came, went or has another value."""
    BYTES = "bytes"
    """What would be sent for the same goal: the driver or its settings are other ones."""


@dataclass(frozen=True, slots=True)
class Departure:
    """One property that departs from a plan."""

    device: str
    property: str
    label: Text
    change: Change
    was: Value = None
    now: Value = None
    reachable: bool = True


def must_be_ours(plan: Plan, room: str, scene: str, now: float) -> None:
    """ProblemError unless the plan is whole, of this format, this room and scene, made with readings, and of this working day."""
    if plan.format != PLAN_FORMAT:
        raise _refused(
            "Rencana dibuat oleh versi lain", "The plan was made by another version", f"format {plan.format}"
        )
    if not plan.intact:
        raise _refused(
            "Rencana sudah diubah setelah dibuat",
            "The plan was changed after it was made",
            "its digest does not match what stands in it",
        )
    if (plan.room, plan.scene) != (room, scene):
        raise _refused(
            f"Rencana ini untuk {plan.room}, {plan.scene}",
            f"This plan is for {plan.room}, {plan.scene}",
            f"asked for {room}, {scene}",
        )
    if plan.offline:
        raise _refused(
            "Rencana dibuat tanpa membaca alat",
            "The plan was made without asking the devices",
            "made with --offline: no present value is known",
        )
    age = now - plan.made
    if not -_AHEAD_S <= age <= PLAN_LIFE_S:
        raise _refused(
            "Rencana terlalu lama",
            "The plan is too old",
            f"made {age / 3600:.1f} h ago; a plan lives {PLAN_LIFE_S / 3600:g} h",
            ErrorCode.STALE,
        )


def departures(plan: Plan, fresh: Plan, tolerance: Callable[[str, str], float]) -> list[Departure]:
    """Where the plan as given and the plan as it would be made now differ, in the order of the latter."""
    found = list(_every(plan, fresh, tolerance))
    # Other bytes are news only by themselves: what travels together changes with whatever moved.
    return [each for each in found if each.change is not Change.BYTES] or found


def _every(plan: Plan, fresh: Plan, tolerance: Callable[[str, str], float]) -> Iterator[Departure]:
    if [_stage(stage) for stage in plan.stages] != [_stage(stage) for stage in fresh.stages]:
        yield Departure("", "", fresh.name, Change.SCENE)
        return
    given = dict(_actions(plan))
    for place, step in _actions(fresh):
        was = given.pop(place, None)
        change = Change.SCENE if was is None else _change(was, step, tolerance(step.device, step.property))
        if change is not None:
            reachable = step.action is not PlanAction.UNAVAILABLE
            yield _departure(step, change, was.now if was else None, step.now, reachable=reachable)
    for gone in given.values():
        yield _departure(gone, Change.SCENE, gone.now, None, reachable=True)
    yield from _later(plan, fresh)


def _later(plan: Plan, fresh: Plan) -> Iterator[Departure]:
    """Steps after the desired state: what they would do is reckoned from the readings above, so here only the file can differ."""
    before = {
        (stage.number, action.device, action.property): action for stage in plan.stages for action in stage.actions
    }
    for stage in fresh.stages:
        for action in stage.actions:
            was = before.pop((stage.number, action.device, action.property), None)
            if was is None or not _same(was.goal, action.goal, 0.0) or was.bytes != action.bytes:
                yield _departure(action, Change.SCENE, None, None, reachable=True)
    for gone in before.values():
        yield _departure(gone, Change.SCENE, None, None, reachable=True)
    shape = [(stage.number, stage.kind, stage.longest_ms) for stage in fresh.stages]
    if shape != [(stage.number, stage.kind, stage.longest_ms) for stage in plan.stages] and fresh.steps:
        yield _departure(fresh.steps[0], Change.SCENE, None, None, reachable=True)


def _actions(plan: Plan) -> Iterator[tuple[tuple[str, str, str], PlanStep]]:
    """What a plan does, by step, device and property."""
    for number, steps in (("", plan.steps), *((stage.number, stage.actions) for stage in plan.stages)):
        for step in steps:
            yield (number, step.device, step.property), step


def _stage(stage: PlanStage) -> tuple[str, str, Text]:
    """What makes a step this step, whatever it would find."""
    return stage.number, stage.kind, stage.label


def _change(was: PlanStep, step: PlanStep, tolerance: float) -> Change | None:
    if not _same(was.goal, step.goal, 0.0):
        return Change.SCENE
    if (was.action is PlanAction.UNAVAILABLE) is not (step.action is PlanAction.UNAVAILABLE):
        return Change.LINK
    if was.now_known is not step.now_known or not _same(was.now, step.now, tolerance):
        return Change.MOVED
    if was.action is not step.action:  # moved, but within the tolerance: to its goal or away from it
        return Change.MOVED
    if (was.bytes, was.together, was.after) != (step.bytes, step.together, step.after):
        return Change.BYTES
    return None


def _same(one: Value, other: Value, tolerance: float) -> bool:
    def plain(value: Value) -> bool | float | str | tuple[int, ...] | None:
        return tuple(value) if isinstance(value, list) else value

    return matches(plain(one), plain(other), tolerance)


def _departure(step: PlanStep, change: Change, was: Value, now: Value, *, reachable: bool) -> Departure:
    return Departure(step.device, step.property, step.label, change, was, now, reachable)


def _refused(indonesian: str, english: str, detail: str, code: ErrorCode = ErrorCode.INVALID) -> ProblemError:
    return ProblemError(problem(code, indonesian, english, detail=detail, fix=_ANEW))


def _raw(departure: Departure) -> str:
    """`matrix.route.2: 1 -> 4`, for a technician."""
    name = f"{departure.device}.{departure.property}"
    return (
        f"{name}: {departure.was} -> {departure.now}"
        if departure.change is Change.MOVED
        else f"{name}: {departure.change}"
    )


def unknown_plan() -> ProblemError:
    """The page's plan was made before the server was started anew, or long ago."""
    return _refused(
        "Rencana ini tidak dikenal lagi", "This plan is not known any more", "look at it again", ErrorCode.STALE
    )


def moved_on(found: list[Departure], told: Callable[[Departure], Text]) -> Problem:
    """Why a plan is not carried out: the first thing that moved, in words, and all of them as detail."""
    first = told(found[0])
    more = len(found) - 1
    rest_id, rest_en = (f" ({more} lagi)", f" (and {more} more)") if more else ("", "")
    return problem(
        ErrorCode.STALE,
        f"Rencana basi: {first.id}{rest_id}",
        f"The plan no longer holds: {first.en}{rest_en}",
        detail="; ".join(_raw(each) for each in found),
        device=found[0].device,
        name=found[0].property,
        fix=_ANEW,
    )
