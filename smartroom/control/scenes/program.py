"""The steps of one run: each begins when the one before it has ended, says how far it is, and stops wherever it stands."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from devices.sdk.commands import Priority, Set
from devices.sdk.errors import Busy, DeviceError, ReplyTimeout
from devices.sdk.manifest import ValueType
from devices.sdk.readings import Value
from smartroom.control import clock
from smartroom.control.devices.gateway import Gateway
from smartroom.control.errors import device_problem, problem
from smartroom.control.limits import RAMP_INTERVAL_S, STEP_LOOK_S
from smartroom.control.room.expressions import Expression, Look, Verdict
from smartroom.control.room.model import PropertyKey
from smartroom.control.scenes.steps import (
    IfStep,
    ParallelStep,
    RampStep,
    SceneStep,
    SetStep,
    Step,
    WaitStep,
    every,
    touched,
)
from smartroom.protocol.base import Text
from smartroom.protocol.errors import ErrorCode, Problem
from smartroom.protocol.state import StepRun, StepState

if TYPE_CHECKING:
    from smartroom.control.scenes.model import Goal
    from smartroom.control.scenes.recall import Recall

Ended = dict[str, Mapping[str, Value]]
"""Steps that have ended, for conditions: id -> {result, seconds}."""

_RESULTS = {
    StepState.DONE: "achieved",
    StepState.FAILED: "failed",
    StepState.CANCELLED: "cancelled",
    StepState.PASSED: "passed",
}


class Program:
    """`run` ends when the last step has, or when one that failed says so, or the recall is stopped."""

    def __init__(
        self,
        recall: Recall,
        steps: Sequence[Step],
        gateway: Gateway,
        locks: Mapping[PropertyKey, asyncio.Lock],
        look: Callable[[Mapping[str, Mapping[str, Value]]], Look],
    ) -> None:
        self._recall = recall
        self._steps = steps
        self._gateway = gateway
        self._locks = locks
        self._look = look
        self._places = {step.head.number: index for index, step in enumerate(every(steps))}

    async def run(self) -> None:
        """All steps."""
        await self._list(self._steps, {})

    async def _list(self, steps: Sequence[Step], ended: Ended) -> bool:
        """Steps one after the other; False when one of them failed, or all is stopped."""
        whole = True
        for step in steps:
            if self._recall.stopping is not None:
                return False
            done = await self._one(step, ended)
            whole = whole and done
            if not done and (step.head.on_failure or self._recall.scene.on_failure) != "continue":
                return False
        return whole

    async def _one(self, step: Step, ended: Ended) -> bool:
        number, begun = step.head.number, clock.monotonic()
        self._say(number, state=StepState.RUNNING, started=clock.wall())
        try:
            why = await self._carry_out(step, ended)
        except asyncio.CancelledError:  # the run has passed its limit, or the server stops
            late = problem(ErrorCode.TIMEOUT, "Batas waktu lewat", "The time limit has passed")
            self._say(number, state=StepState.FAILED, ended=clock.wall(), until=None, problem=late)
            raise
        state = StepState.DONE if why is None else StepState.FAILED
        if why is not None and self._recall.stopping is not None:
            state, why = StepState.CANCELLED, self._recall.stopping
        self._say(number, state=state, ended=clock.wall(), until=None, problem=why)
        if step.head.id is not None:
            ended[step.head.id] = {"result": _RESULTS[state], "seconds": round(clock.monotonic() - begun, 3)}
        return state is StepState.DONE

    async def _carry_out(self, step: Step, ended: Ended) -> Problem | None:
        """Do it; why it failed, if it did."""
        match step:
            case SetStep(goals=goals):
                return await self._reach(goals)
            case WaitStep():
                return await self._wait(step, ended)
            case RampStep():
                return await self._ramp(step)
            case SceneStep(steps=inner):
                return None if await self._list(inner, {}) else _inside()
            case IfStep():
                return await self._choose(step, ended)
            case ParallelStep(branches=branches):
                async with asyncio.TaskGroup() as group:
                    tasks = [group.create_task(self._one(branch, ended), name="branch") for branch in branches]
                return None if all(task.result() for task in tasks) else _inside()

    async def _reach(self, goals: Sequence[Goal]) -> Problem | None:
        await self._recall.reach(goals, self._gateway, self._locks)
        return self._recall.missed(goals)

    # -- waits --

    async def _wait(self, step: WaitStep, ended: Ended) -> Problem | None:
        self._say(step.head.number, until=clock.wall() + step.seconds)
        if step.until is None:
            await self._pause(step.seconds)
            return self._recall.stopping
        deadline = clock.monotonic() + step.seconds
        while True:
            verdict = await self._judge(step.until, ended)
            if verdict.holds or self._recall.stopping is not None:
                return self._recall.stopping
            left = deadline - clock.monotonic()
            if left <= 0:
                return problem(
                    ErrorCode.TIMEOUT,
                    f"Tidak terjadi dalam {step.seconds:g} detik",
                    f"It did not happen within {step.seconds:g} s",
                    detail=step.until.text + (f": {verdict.why}" if verdict.why else ""),
                )
            await self._pause(min(left, STEP_LOOK_S), moved=True)

    async def _pause(self, seconds: float, *, moved: bool = False) -> None:
        """Wait, until the run is stopped, or `moved` until something in the room is reported."""
        event = self._recall.moved if moved else self._recall.stopped
        if moved:
            event.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await event.wait()

    async def _judge(self, condition: Expression, ended: Ended) -> Verdict:
        await self._gateway.facts(condition.reads)
        return condition.judge(self._look(ended))

    async def _choose(self, step: IfStep, ended: Ended) -> Problem | None:
        verdict = await self._judge(step.condition, ended)
        if verdict.holds is None:
            return problem(
                ErrorCode.BLOCKED,
                "Syarat tidak bisa dinilai",
                "The condition cannot be judged",
                detail=f"{step.condition.text}: {verdict.why}",
            )
        taken, other = (step.then, step.otherwise) if verdict.holds else (step.otherwise, step.then)
        for passed in every(other):
            self._say(passed.head.number, state=StepState.PASSED)
        return None if await self._list(taken, ended) else _inside()

    # -- ramps --

    async def _ramp(self, step: RampStep) -> Problem | None:
        """Send values on the way as often as the device takes them; then its end is a goal like any other."""
        goal = step.goal
        self._say(step.head.number, until=clock.wall() + step.seconds)
        self._recall.arm([goal])
        start = step.start if step.start is not None else await self._begins_at(goal)
        if start is not None:
            moving = asyncio.create_task(self._move(step, start), name=f"ramp:{goal.device}.{goal.property}")
            claim = self._recall.parts[goal.key].claim
            claim.begin(moving)
            if claim.lost is not None:
                moving.cancel()
            try:
                await asyncio.wait({moving})
            finally:
                moving.cancel()
                claim.rest()
            if not moving.cancelled() and (error := moving.exception()) is not None:
                if not isinstance(error, DeviceError):
                    raise error
                self._recall.give_up(goal, device_problem(error, goal.device, goal.property))
        if self._recall.stopping is not None:
            return self._recall.stopping
        return await self._reach([goal])

    async def _begins_at(self, goal: Goal) -> float | None:
        fact = (await self._gateway.facts([goal.key]))[goal.key]
        value = fact.value if fact.current else None
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    async def _move(self, step: RampStep, start: float) -> None:
        goal, end = step.goal, step.goal.value
        assert isinstance(end, int | float)
        endpoint = self._gateway.endpoint(goal.device)
        whole = endpoint.driver.spec(goal.property).type is ValueType.INTEGER
        ends, last = clock.monotonic() + step.seconds, None
        async with self._locks[goal.key]:
            while (left := ends - clock.monotonic()) > 0 and not self._recall.stopped.is_set():
                exact = end - (end - start) * left / step.seconds
                value = endpoint.driver.check(goal.property, round(exact) if whole else round(exact, 3))
                if value != last:
                    last = value
                    self._recall.sends(goal.key, value)
                    with suppress(Busy, ReplyTimeout, TimeoutError):  # the next value follows, and the end is proved
                        await self._gateway.send(
                            goal.device,
                            Set(goal.property, value),
                            priority=Priority.SCENE,
                            name=f"ramp:{goal.property}",
                        )
                await self._pause(min(RAMP_INTERVAL_S, ends - clock.monotonic()))

    def _say(self, number: str, **changes: object) -> None:
        steps = self._recall.run.steps
        place = self._places[number]
        steps[place] = steps[place].model_copy(update=changes)
        self._recall.told()


def begun(steps: Sequence[Step]) -> list[StepRun]:
    """Every step before its turn, in the words of the protocol."""
    return [
        StepRun(
            number=step.head.number,
            kind=kind_of(step),
            label=label_of(step),
            members=[f"{device}.{name}" for device, name in touched([step])] if _moves(step) else [],
        )
        for step in every(steps)
    ]


def label_of(step: Step) -> Text:
    """A step in words: its own name, or what it does."""
    if step.head.name is not None:
        return step.head.name
    match step:
        case SetStep(goals=goals):
            names = _few([goal.label for goal in goals])
            return Text(id=f"Atur {names.id}", en=f"Set {names.en}")
        case WaitStep(seconds=seconds, until=None):
            return Text(id=f"Tunggu {seconds:g} detik", en=f"Wait {seconds:g} s")
        case WaitStep(seconds=seconds, until=until):
            text = until.text if until else ""
            return Text(
                id=f"Tunggu sampai {text}, paling lama {seconds:g} detik",
                en=f"Wait until {text}, {seconds:g} s at most",
            )
        case RampStep(goal=goal, seconds=seconds):
            value = f"{goal.value:g}" if isinstance(goal.value, int | float) else str(goal.value)
            return Text(
                id=f"{goal.label.id} perlahan ke {value}, {seconds:g} detik",
                en=f"{goal.label.en or goal.label.id} slowly to {value}, {seconds:g} s",
            )
        case SceneStep(scene=scene):
            return Text(id=f"Mode {scene}", en=f"Scene {scene}")
        case IfStep(condition=condition):
            return Text(id=f"Jika {condition.text}", en=f"If {condition.text}")
        case ParallelStep(branches=branches):
            return Text(id=f"{len(branches)} langkah bersamaan", en=f"{len(branches)} steps at the same time")


def kind_of(step: Step) -> str:
    """Its kind in the words of the protocol."""
    match step:
        case SetStep():
            return "set"
        case WaitStep(until=until):
            return "until" if until is not None else "wait"
        case RampStep():
            return "ramp"
        case SceneStep():
            return "scene"
        case IfStep():
            return "if"
        case ParallelStep():
            return "parallel"


def _moves(step: Step) -> bool:
    return isinstance(step, SetStep | RampStep)


def _few(labels: Sequence[Text]) -> Text:
    shown = labels[:2]
    more = len(labels) - len(shown)
    return Text(
        id=", ".join(label.id for label in shown) + (f" dan {more} lagi" if more else ""),
        en=", ".join(label.en or label.id for label in shown) + (f" and {more} more" if more else ""),
    )


def _inside() -> Problem:
    return problem(ErrorCode.BLOCKED, "Langkah di dalamnya gagal", "A step inside it failed")
