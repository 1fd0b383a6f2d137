"""What a scene would do, from what is known now. Pure: same scene and facts, same plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from devices.sdk.commands import Command, Frame, Salvo, Set
from devices.sdk.errors import DeviceError
from devices.sdk.readings import Value, matches
from smartroom.control.devices.gateway import Fact
from smartroom.control.errors import device_problem, problem
from smartroom.control.room.model import PropertyKey, Shape
from smartroom.control.scenes.model import Goal, Scene
from smartroom.protocol.base import Text
from smartroom.protocol.base import Value as WireValue
from smartroom.protocol.errors import ErrorCode, Problem
from smartroom.protocol.scenes import Plan, PlanAction, PlanStep, WireBytes

_PRINTABLE = range(0x20, 0x7F)


@dataclass(frozen=True, slots=True)
class Batch:
    """Goals of one device that travel in one command. `after` must hold before it is sent."""

    device: str
    goals: tuple[Goal, ...]
    after: tuple[PropertyKey, ...] = ()

    @property
    def sets(self) -> tuple[Set, ...]:
        """The same as sets."""
        return tuple(Set(goal.property, goal.value) for goal in self.goals)

    @property
    def command(self) -> Command:
        """One set, or a native salvo of several."""
        return self.sets[0] if len(self.goals) == 1 else Salvo(self.sets)


def holds(goal: Goal, fact: Fact) -> bool:
    """True when a fresh reading is at the goal: only then may a write be left out."""
    return fact.fresh and matches(fact.value, goal.value, goal.tolerance)


def blocked(goal: Goal, wanted: Mapping[PropertyKey, Goal], facts: Mapping[PropertyKey, Fact]) -> Problem | None:
    """Why a goal cannot be reached whatever is sent: it needs a value that nobody sets and that does not hold."""
    for name, value in (goal.needs or {}).items():
        key = (goal.device, name)
        fact = facts.get(key)
        if key not in wanted and fact is not None and fact.fresh and not matches(fact.value, value):
            return problem(
                ErrorCode.BLOCKED,
                f"Perlu {name} = {value}, sekarang {fact.value}",
                f"Needs {name} = {value}, now {fact.value}",
                device=goal.device,
                name=goal.property,
                fix=Text(id=f"Tambahkan {name}: {value} ke adegan", en=f"Add {name}: {value} to the scene"),
            )
    return None


def needed(goals: Sequence[Goal]) -> tuple[PropertyKey, ...]:
    """Every property a plan must know: the goals and what they depend on."""
    keys = dict.fromkeys(goal.key for goal in goals)
    for goal in goals:
        keys.update(dict.fromkeys((goal.device, name) for name in goal.needs or {}))
    return tuple(keys)


def batches(goals: Sequence[Goal], shapes: Mapping[str, Shape]) -> tuple[Batch, ...]:
    """Goals as commands, dependencies first; what a device can set at one moment travels together."""
    found: list[Batch] = []
    together: dict[str, list[Goal]] = {}
    for goal in goals:
        if shapes[goal.device].spec(goal.property).salvo and not goal.after:
            together.setdefault(goal.device, []).append(goal)
        else:
            found.append(Batch(goal.device, (goal,), goal.after))
    found += [Batch(device, tuple(items)) for device, items in together.items()]
    return _ordered(found)


def make_plan(
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
    """The plan as people read it. `now` is the monotonic clock, to tell the age of readings; `made` the world's."""
    steps, ends = planned(scene.begins, shapes, facts, now=now, offline=offline)
    changes = sum(step.action is PlanAction.SET for step in steps.values())
    return Plan(
        made=made,
        by=by,
        room=room,
        scene=scene.id,
        name=scene.name,
        base=base,
        offline=offline,
        steps=[
            *(steps[goal.key] for goal in _dependencies_first(scene.begins)),
            *(
                _step(goal, Fact(), now, action=PlanAction.UNAVAILABLE, problem=_unpaired(goal))
                for goal in scene.absent
            ),
        ],
        changes=changes,
        unchanged=sum(step.action is PlanAction.SKIP for step in steps.values()),
        expected_ms=max((ends[key] for key, step in steps.items() if step.action is PlanAction.SET), default=0),
    ).seal()


def planned(
    goals: Sequence[Goal],
    shapes: Mapping[str, Shape],
    facts: Mapping[PropertyKey, Fact],
    *,
    now: float,
    offline: bool = False,
) -> tuple[dict[PropertyKey, PlanStep], dict[PropertyKey, int]]:
    """What would be done with goals that are brought side by side, and when each is expected to be there (ms)."""
    wanted = {goal.key: goal for goal in goals}
    pending = [goal for goal in goals if not holds(goal, facts[goal.key])]
    steps: dict[PropertyKey, PlanStep] = {}
    ends: dict[PropertyKey, int] = {}
    for batch in batches(pending, shapes):
        frames = shapes[batch.device].encode(batch.command)
        start = max((ends.get(key, 0) for key in batch.after), default=0)
        for index, goal in enumerate(batch.goals):
            fact = facts[goal.key]
            trouble = _trouble(goal, fact, offline=offline) or blocked(goal, wanted, facts)
            spec = shapes[goal.device].spec(goal.property)
            ends[goal.key] = start + spec.expected_ms
            steps[goal.key] = _step(
                goal,
                fact,
                now,
                action=PlanAction.UNAVAILABLE if trouble else PlanAction.SET,
                bytes=[_wire(frame) for frame in frames] if index == 0 else [],
                together=[f"{other.device}.{other.property}" for other in batch.goals if other is not goal],
                expected_ms=spec.expected_ms,
                risks=[spec.risk] if spec.risk else [],
                reversible=_reversible(shapes[goal.device], goal, fact),
                problem=trouble,
            )
    for goal in goals:
        if goal.key not in steps:
            steps[goal.key] = _step(
                goal, facts[goal.key], now, action=PlanAction.SKIP, reason=Text(id="Sudah sesuai", en="Already there")
            )
    return steps, ends


def wire_value(value: Value) -> WireValue:
    """A value in the form of the protocol."""
    return list(value) if isinstance(value, tuple) else value


def _step(goal: Goal, fact: Fact, now: float, **rest: object) -> PlanStep:
    known = {
        "device": goal.device,
        "property": goal.property,
        "label": goal.label,
        "now": wire_value(fact.value),
        "now_known": fact.fresh,
        "now_age_s": round(now - fact.reading.at, 3) if fact.reading else None,
        "goal": wire_value(goal.value),
        "after": [f"{device}.{name}" for device, name in goal.after],
    }
    return PlanStep.model_validate(known | rest)


def _reversible(shape: Shape, goal: Goal, fact: Fact) -> bool:
    """As `recall.compensation` will find it: known now, possible, and no harm."""
    if not fact.current or not shape.spec(goal.property).reversible:
        return False
    try:
        shape.check(goal.property, fact.value)
    except DeviceError:
        return False
    return True


def _unpaired(goal: Goal) -> Problem:
    return problem(
        ErrorCode.CONFIGURATION,
        "Layar belum dipasangkan",
        "The wall is not paired",
        device=goal.device,
        name=goal.property,
        fix=Text(id="Pasangkan layar ini, atau hapus dari room.yaml", en="Pair this wall, or remove it from room.yaml"),
    )


def _trouble(goal: Goal, fact: Fact, *, offline: bool) -> Problem | None:
    if offline or fact.ready:
        return None
    if fact.error is not None:
        return device_problem(fact.error, goal.device, goal.property)
    return problem(
        ErrorCode.UNREACHABLE,
        "Alat tidak terhubung",
        "The device is not connected",
        device=goal.device,
        name=goal.property,
    )


def _wire(frame: Frame) -> WireBytes:
    text = "".join(
        chr(byte) if byte in _PRINTABLE else {13: "\\r", 10: "\\n", 27: "\\e"}.get(byte, f"\\x{byte:02x}")
        for byte in frame.payload
    )
    return WireBytes(hex=frame.payload.hex(" "), text=text, fields=list(frame.on_wire))


def _ordered(found: Sequence[Batch]) -> tuple[Batch, ...]:
    """Stable topological order; driver.yaml is refused when `after` makes a circle."""
    done: set[PropertyKey] = set()
    mine = {goal.key for batch in found for goal in batch.goals}
    waiting = list(found)
    result: list[Batch] = []
    while waiting:
        ready = [batch for batch in waiting if all(key in done or key not in mine for key in batch.after)]
        for batch in ready or waiting[:1]:
            result.append(batch)
            done.update(goal.key for goal in batch.goals)
            waiting.remove(batch)
    return tuple(result)


def _dependencies_first(goals: Sequence[Goal]) -> tuple[Goal, ...]:
    return tuple(
        goal for batch in _ordered([Batch(goal.device, (goal,), goal.after) for goal in goals]) for goal in batch.goals
    )
