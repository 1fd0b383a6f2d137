"""The plan of a scene with steps: what each would do then, reckoned from those before it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from devices.sdk.readings import Reading
from smartroom.control.devices.gateway import Fact
from smartroom.control.room.model import PropertyKey, Shape
from smartroom.control.scenes.model import Goal, Scene
from smartroom.control.scenes.planner import make_plan, planned
from smartroom.control.scenes.program import kind_of, label_of
from smartroom.control.scenes.steps import IfStep, ParallelStep, RampStep, SceneStep, SetStep, Step, WaitStep
from smartroom.protocol.scenes import Plan, PlanAction, PlanStage, PlanStep


def plan_of(
    room: str,
    scene: Scene,
    shapes: Mapping[str, Shape],
    facts: Mapping[PropertyKey, Fact],
    *,
    base: int,
    now: float,
    made: float = 0.0,
    by: str = "",
    offline: bool = False,
) -> Plan:
    """The whole plan: the desired state, then the steps. `facts` hold every property that may be touched."""
    plan = make_plan(room, scene, shapes, facts, base=base, now=now, made=made, by=by, offline=offline)
    if not scene.steps:
        return plan
    stager = _Stager(shapes, dict(facts), now, offline)
    stager.reach(scene.begins)
    expected, _ = stager.walk(scene.steps)
    actions = [action for stage in stager.stages for action in stage.actions]
    return plan.model_copy(
        update={
            "stages": stager.stages,
            "changes": plan.changes + sum(action.action is PlanAction.SET for action in actions),
            "unchanged": plan.unchanged + sum(action.action is PlanAction.SKIP for action in actions),
            "expected_ms": plan.expected_ms + expected,
        }
    ).seal()


@dataclass(slots=True)
class _Stager:
    shapes: Mapping[str, Shape]
    facts: dict[PropertyKey, Fact]
    now: float
    offline: bool
    stages: list[PlanStage] = field(default_factory=list)

    def walk(self, steps: Sequence[Step]) -> tuple[int, int]:
        """Steps one after the other; expected and longest milliseconds of all."""
        times = [self._one(step) for step in steps]
        return sum(expected for expected, _ in times), sum(longest for _, longest in times)

    def reach(self, goals: Sequence[Goal]) -> tuple[list[PlanStep], int]:
        """Goals side by side; afterwards they are taken for reached."""
        steps, ends = planned(goals, self.shapes, self.facts, now=self.now, offline=self.offline)
        for goal in goals:
            known = self.facts[goal.key]
            if known.ready:
                reading = Reading(goal.property, goal.value, self.now, known.reading.epoch if known.reading else 0)
                self.facts[goal.key] = Fact(reading, ready=True, current=True, fresh=True)
        done = [ends[key] for key, step in steps.items() if step.action is PlanAction.SET]
        return list(steps.values()), max(done, default=0)

    def _one(self, step: Step) -> tuple[int, int]:
        place = len(self.stages)
        self.stages.append(
            PlanStage(number=step.head.number, kind="set", label=label_of(step), expected_ms=0, longest_ms=0)
        )
        actions, expected, longest = self._times(step)
        self.stages[place] = PlanStage.model_validate(
            {
                "number": step.head.number,
                "kind": kind_of(step),
                "label": label_of(step),
                "expected_ms": expected,
                "longest_ms": longest,
                "actions": actions,
            }
        )
        return expected, longest

    def _times(self, step: Step) -> tuple[list[PlanStep], int, int]:
        match step:
            case SetStep(goals=goals):
                actions, ms = self.reach(goals)
                return actions, ms, ms
            case WaitStep(seconds=seconds, until=until):
                ms = round(seconds * 1000)
                return [], 0 if until is not None else ms, ms
            case RampStep(goal=goal, seconds=seconds):
                actions, ms = self.reach([goal])
                whole = round(seconds * 1000) + ms
                return actions, whole, whole
            case SceneStep(steps=inner):
                return [], *self.walk(inner)
            case IfStep(then=then, otherwise=otherwise):
                before = dict(self.facts)
                one = self.walk(then)
                self.facts = before  # whichever way is taken, the plan goes on from what is known now
                other = self.walk(otherwise)
                return [], max(one[0], other[0]), max(one[1], other[1])
            case ParallelStep(branches=branches):
                times = [self._one(branch) for branch in branches]
                return [], max(item[0] for item in times), max(item[1] for item in times)
