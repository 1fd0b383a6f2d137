"""Steps of a scene: one after the other, where a desired state is not enough. Read once, nested scenes put in, judged before anything runs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from devices.sdk.document import Document, DocumentError
from devices.sdk.manifest import ValueType
from smartroom.control.limits import RAMP_MAX_S, SCENE_STEPS, SCENE_TIMEOUT_MAX_S
from smartroom.control.room.expressions import Expression
from smartroom.control.room.files import Id, Words
from smartroom.control.room.model import PropertyKey, Room
from smartroom.protocol.base import Text

if TYPE_CHECKING:
    from smartroom.control.scenes.model import Goal, Place

Policy = Literal["restore", "hold", "continue"]


@dataclass(frozen=True, slots=True)
class Head:
    """What every step has. `number` is its place among all: `3`, `3.1` inside the third."""

    number: str
    id: str | None
    name: Text | None
    on_failure: Policy | None


@dataclass(frozen=True, slots=True)
class SetStep:
    """Bring properties to their values, side by side, and prove it."""

    head: Head
    goals: tuple[Goal, ...]


@dataclass(frozen=True, slots=True)
class WaitStep:
    """Wait so many seconds, or until something holds, no longer than its limit."""

    head: Head
    seconds: float
    until: Expression | None = None


@dataclass(frozen=True, slots=True)
class RampStep:
    """Move a number over some seconds; its end is proved like any goal. Without `start` it begins where it is."""

    head: Head
    goal: Goal
    start: float | None
    seconds: float


@dataclass(frozen=True, slots=True)
class SceneStep:
    """Another scene, put in as it is: its desired state, then its steps."""

    head: Head
    scene: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class IfStep:
    """One of two ways, decided when it is its turn."""

    head: Head
    condition: Expression
    then: tuple[Step, ...]
    otherwise: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class ParallelStep:
    """Several at the same time; over when all are."""

    head: Head
    branches: tuple[Step, ...]


Step = SetStep | WaitStep | RampStep | SceneStep | IfStep | ParallelStep


# -- the file --


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True, populate_by_name=True)


class _WaitFile(_Part):
    """Until a condition holds; after `within` it has failed."""

    until: str
    within: str


class RampFile(_Part):
    """`property: matrix.volume.main`."""

    property: str
    start: float | None = Field(default=None, alias="from")
    to: float
    over: str


class StepFile(_Part):
    """Keys of one step: exactly one of set, wait, ramp, scene, if, parallel."""

    id: Id | None = None
    """Later conditions may ask `steps.ID.result`."""
    name: Words | None = None
    on_failure: Policy | None = None
    """What happens when this step fails; otherwise what the scene says."""
    set: dict[str, dict[str, object]] | None = None
    wait: str | _WaitFile | None = None
    ramp: RampFile | None = None
    scene: Id | None = None
    condition: str | None = Field(default=None, alias="if")
    then: Annotated[list[StepFile], Field(max_length=SCENE_STEPS)] | None = None
    otherwise: Annotated[list[StepFile], Field(max_length=SCENE_STEPS)] | None = Field(default=None, alias="else")
    parallel: Annotated[list[StepFile], Field(min_length=2, max_length=16)] | None = None


_KINDS = ("set", "wait", "ramp", "scene", "condition", "parallel")
KEYS = ["id", "name", "on_failure", "set", "wait", "ramp", "scene", "if", "then", "else", "parallel"]


class Source(Protocol):
    """Where steps come from: the file at hand, and the other scenes of its room."""

    @property
    def document(self) -> Document:
        """The file."""
        ...

    @property
    def room(self) -> Room:
        """The room it is for."""
        ...

    def goals(self, place: Place, desired: Mapping[str, Mapping[str, object]]) -> tuple[Goal, ...]:
        """Goals of a mapping in the file, linked among themselves."""
        ...

    def goal(self, place: Place, name: str, value: float) -> Goal:
        """One property by its full name."""
        ...

    def condition(self, place: Place, text: str, steps: Collection[str]) -> Expression:
        """A condition that may ask about these steps."""
        ...

    def duration(self, place: Place, text: str, longest: float) -> float:
        """`12s`."""
        ...

    def nested(self, place: Place, scene: str, number: str, count: Count) -> tuple[Step, ...]:
        """The steps of another scene, its desired state first. DocumentError where it would hold itself."""
        ...


@dataclass(slots=True)
class Count:
    """Steps so far, those of nested scenes too; ids of those that stand before."""

    steps: int = 0
    ids: dict[str, None] = field(default_factory=dict)


def read_steps(source: Source, place: Place, written: Sequence[StepFile], prefix: str, count: Count) -> Iterator[Step]:
    """Steps of a list at `place`, checked in the order they would run."""
    for index, item in enumerate(written):
        where = (*place, index)
        count.steps += 1
        if count.steps > SCENE_STEPS:
            raise source.document.error(
                where, f"more than {SCENE_STEPS} steps, with those of nested scenes", fix="make a rundown of it"
            )
        yield _Reader(source, where, item, f"{prefix}{index + 1}", count).read()


class _Reader:
    def __init__(self, source: Source, place: Place, item: StepFile, number: str, count: Count) -> None:
        self._source = source
        self._place = place
        self._item = item
        self._number = number
        self._count = count

    def read(self) -> Step:
        """The one step."""
        item = self._item
        kinds = [kind for kind in _KINDS if getattr(item, kind) is not None]
        if item.condition is None and (item.then is not None or item.otherwise is not None):
            raise self._error((), "'then' and 'else' need an 'if'", "add  if: \"is('DEVICE.PROPERTY', VALUE)\"")
        if len(kinds) != 1:
            found = " and ".join("if" if kind == "condition" else kind for kind in kinds)
            raise self._error(
                (),
                f"a step does one thing, this one has {found}" if found else "this step does nothing",
                "set, wait, ramp, scene, if or parallel, one in each step",
            )
        step = self._read(kinds[0])
        if item.id is not None:
            if item.id in self._count.ids:
                raise self._error(("id",), f"step id '{item.id}' stands twice", "give each step an id of its own")
            self._count.ids[item.id] = None
        return step

    def _read(self, kind: str) -> Step:
        item, source, place = self._item, self._source, self._place
        head = Head(self._number, item.id, item.name, item.on_failure)
        match kind:
            case "set":
                assert item.set is not None
                return SetStep(head, goals=source.goals((*place, "set"), item.set))
            case "wait":
                return self._wait(head)
            case "ramp":
                return self._ramp(head)
            case "scene":
                assert item.scene is not None
                inner = source.nested((*place, "scene"), item.scene, f"{self._number}.", self._count)
                return SceneStep(head, scene=item.scene, steps=inner)
            case "condition":
                assert item.condition is not None
                condition = source.condition((*place, "if"), item.condition, self._count.ids)
                then = tuple(self._inner("then", item.then or [], "a"))
                otherwise = tuple(self._inner("else", item.otherwise or [], "b"))
                return IfStep(head, condition=condition, then=then, otherwise=otherwise)
            case _:
                branches = tuple(self._inner("parallel", item.parallel or [], ""))
                self._disjoint(branches)
                return ParallelStep(head, branches=branches)

    def _inner(self, key: str, written: Sequence[StepFile], letter: str) -> Iterator[Step]:
        return read_steps(self._source, (*self._place, key), written, f"{self._number}{letter}.", self._count)

    def _wait(self, head: Head) -> Step:
        source, place, wait = self._source, (*self._place, "wait"), self._item.wait
        if isinstance(wait, _WaitFile):
            limit = source.duration((*place, "within"), wait.within, SCENE_TIMEOUT_MAX_S)
            until = source.condition((*place, "until"), wait.until, self._count.ids)
            return WaitStep(head, seconds=limit, until=until)
        return WaitStep(head, seconds=source.duration(place, wait or "", SCENE_TIMEOUT_MAX_S))

    def _ramp(self, head: Head) -> Step:
        source, place, ramp = self._source, (*self._place, "ramp"), self._item.ramp
        assert ramp is not None
        goal = source.goal((*place, "property"), ramp.property, ramp.to)
        spec = source.room.devices[goal.device].driver.spec(goal.property)
        if spec.type not in (ValueType.NUMBER, ValueType.INTEGER):
            raise self._error(
                ("ramp",), f"{ramp.property} is no number that could be moved slowly", "use  set:  for it"
            )
        if spec.wears or spec.min_interval_s:
            raise self._error(
                ("ramp",), f"{ramp.property} wears with every change, a ramp makes dozens", "use  set:  for it"
            )
        if ramp.start is not None:
            source.goal((*place, "from"), ramp.property, ramp.start)
        seconds = source.duration((*place, "over"), ramp.over, RAMP_MAX_S)
        return RampStep(head, goal=goal, start=ramp.start, seconds=seconds)

    def _disjoint(self, branches: Sequence[Step]) -> None:
        owner: dict[PropertyKey, str] = {}
        for branch in branches:
            for key in touched((branch,)):
                if owner.setdefault(key, branch.head.number) != branch.head.number:
                    raise self._error(
                        ("parallel",),
                        f"steps {owner[key]} and {branch.head.number} both move {key[0]}.{key[1]} at the same time",
                        "put them one after the other",
                    )

    def _error(self, inside: tuple[str, ...], message: str, fix: str) -> DocumentError:
        return self._source.document.error((*self._place, *inside), message, fix=fix)


# -- what follows from steps, before any runs --


def every(steps: Iterable[Step]) -> Iterator[Step]:
    """All of them, those inside others too, each before what it holds."""
    for step in steps:
        yield step
        match step:
            case SceneStep(steps=inner):
                yield from every(inner)
            case IfStep(then=then, otherwise=otherwise):
                yield from every((*then, *otherwise))
            case ParallelStep(branches=branches):
                yield from every(branches)


def touched(steps: Iterable[Step]) -> dict[PropertyKey, Goal]:
    """Every property they may move, with the first goal each has."""
    found: dict[PropertyKey, Goal] = {}
    for step in every(steps):
        for goal in _own(step):
            found.setdefault(goal.key, goal)
    return found


def lasting(first: Iterable[Goal], steps: Iterable[Step]) -> tuple[Goal, ...]:
    """What holds when all is over, whichever way it went: what only one way of an `if` sets is nobody's promise."""
    held: dict[PropertyKey, Goal | None] = {goal.key: goal for goal in first}
    _hold(held, steps)
    return tuple(goal for goal in held.values() if goal is not None)


def spared(steps: Iterable[Step], devices: Collection[str]) -> tuple[Step, ...]:
    """The same steps with what they want of these devices left out."""
    found: list[Step] = []
    for step in steps:
        match step:
            case SetStep(goals=goals):
                found.append(replace(step, goals=tuple(goal for goal in goals if goal.device not in devices)))
            case RampStep(goal=goal) if goal.device in devices:
                continue
            case SceneStep(steps=inner):
                found.append(replace(step, steps=spared(inner, devices)))
            case IfStep(then=then, otherwise=otherwise):
                found.append(replace(step, then=spared(then, devices), otherwise=spared(otherwise, devices)))
            case ParallelStep(branches=branches):
                found.append(replace(step, branches=spared(branches, devices)))
            case _:
                found.append(step)
    return tuple(found)


def longest(steps: Iterable[Step]) -> float:
    """Seconds that waits and ramps may take at most; what devices need comes on top."""
    return sum(_longest(step) for step in steps)


def _hold(held: dict[PropertyKey, Goal | None], steps: Iterable[Step]) -> None:
    for step in steps:
        match step:
            case IfStep(then=then, otherwise=otherwise):
                ways = [dict(held), dict(held)]
                _hold(ways[0], then)
                _hold(ways[1], otherwise)
                for key in dict.fromkeys([*ways[0], *ways[1]]):
                    one, other = ways[0].get(key), ways[1].get(key)
                    held[key] = one if one and other and one.value == other.value else None
            case SceneStep(steps=inner):
                _hold(held, inner)
            case ParallelStep(branches=branches):
                _hold(held, branches)
            case _:
                held.update({goal.key: replace(goal, after=()) for goal in _own(step)})


def _own(step: Step) -> tuple[Goal, ...]:
    match step:
        case SetStep(goals=goals):
            return goals
        case RampStep(goal=goal):
            return (goal,)
    return ()


def _longest(step: Step) -> float:
    match step:
        case WaitStep(seconds=seconds) | RampStep(seconds=seconds):
            return seconds
        case SceneStep(steps=inner):
            return longest(inner)
        case IfStep(then=then, otherwise=otherwise):
            return max(longest(then), longest(otherwise))
        case ParallelStep(branches=branches):
            return max((_longest(branch) for branch in branches), default=0.0)
    return 0.0


__all__ = [
    "KEYS",
    "Count",
    "Head",
    "IfStep",
    "ParallelStep",
    "RampStep",
    "SceneStep",
    "SetStep",
    "Source",
    "Step",
    "StepFile",
    "WaitStep",
    "every",
    "lasting",
    "longest",
    "read_steps",
    "spared",
    "touched",
]
