"""A scene as its file describes it: a desired state, complete with everything it inherits by `extends`."""

from __future__ import annotations

import builtins
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from devices.sdk.document import Document, DocumentError, read_document
from devices.sdk.errors import DeviceError
from devices.sdk.manifest import PropertySpec, ValueType
from devices.sdk.readings import Value
from smartroom.control.limits import SCENE_STEPS, SCENE_TIMEOUT_MAX_S, SCENE_TIMEOUT_S
from smartroom.control.room.expressions import BadExpression, Expression, compile_expression
from smartroom.control.room.files import ROOM_FILE, Words, from_validation
from smartroom.control.room.model import Device, PropertyKey, Room
from smartroom.control.room.names import channel_of, property_of
from smartroom.control.room.rules import Rules
from smartroom.control.room.words import property_label
from smartroom.control.scenes.steps import (
    Count,
    Head,
    Policy,
    SetStep,
    Step,
    StepFile,
    lasting,
    longest,
    read_steps,
    spared,
    touched,
)
from smartroom.protocol.base import Text

Place = tuple[str | int, ...]
"""Where a value stands in a file: keys and indexes from its top."""

_TOGGLE = re.compile(r"toggle|[+-]\s*\d+(\.\d+)?\s*%?|up|down|step[ _-]?(up|down)?|next|previous", re.IGNORECASE)
"""Words of those who are used to remote controls."""

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


class SceneFile(BaseModel):
    """Keys of a scene file."""

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    name: Words
    icon: str = "scene"
    order: int = 100
    danger: bool = False
    """Ask by holding the tile."""
    hidden: bool = False
    """No tile: only there to be extended."""
    emergency: bool = False
    """Nothing may stand in its way but interlocks."""
    extends: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")] | None = None
    on_failure: Policy | None = None
    timeout: str | None = None
    desired: dict[str, dict[str, object]] = {}
    steps: Annotated[list[StepFile], Field(max_length=SCENE_STEPS)] = []
    """Ordered steps, after `desired`; only where a desired state is not enough."""


def load_scenes(folder: Path, room: Room) -> tuple[dict[str, Scene], dict[str, DocumentError]]:
    """All scenes of a room's folder, and for each file that cannot be used its error."""
    scenes: dict[str, Scene] = {}
    errors: dict[str, DocumentError] = {}
    for path in sorted(folder.glob("*.yaml")):
        if path.name == ROOM_FILE:
            continue
        try:
            scenes[path.stem] = load_scene(path, room)
        except DocumentError as error:
            errors[path.stem] = error
    return scenes, errors


def load_scene(path: Path, room: Room) -> Scene:
    """One scene with everything it inherits and all steps of nested scenes. DocumentError names file, line and fix."""
    chain = list(_chain(path))
    if path.stem == UNDO:
        raise chain[0][0].error((), f"'{UNDO}' is taking the last change back", fix="give the file another name")
    document, written = chain[0]
    first = _desired(chain, room)
    steps = _steps(chain, room, (path.stem,), "", Count())
    timeout = next((item.timeout for _, item in chain if item.timeout), None)
    return Scene(
        id=path.stem,
        name=written.name,
        icon=written.icon,
        order=written.order,
        danger=written.danger,
        hidden=written.hidden,
        on_failure=next((item.on_failure for _, item in chain if item.on_failure), "continue"),
        timeout_s=_timeout(document, timeout, longest(steps)),
        goals=lasting(first, steps) if steps else first,
        first=first if steps else None,
        steps=steps,
        emergency=written.emergency,
    )


def _desired(chain: Sequence[tuple[Document, SceneFile]], room: Room) -> tuple[Goal, ...]:
    """The desired state with everything inherited, each goal linked to what must hold before it."""
    goals: dict[PropertyKey, tuple[Goal, Document, Place]] = {}
    for document, written in reversed(chain):
        for goal, where in goals_at(document, ("desired",), written.desired, room):
            goals[goal.key] = (goal, document, where)
    _coherent(goals)
    wanted = {key: goal for key, (goal, _, _) in goals.items()}
    return tuple(_linked(goal, wanted, room.rules) for goal in wanted.values())


def _steps(
    chain: Sequence[tuple[Document, SceneFile]], room: Room, inside: tuple[str, ...], prefix: str, count: Count
) -> tuple[Step, ...]:
    """The steps of the nearest file that has any. `inside`: the scenes that are being read, for one must not hold itself."""
    document, written = next(((at, item) for at, item in chain if item.steps), chain[0])
    return tuple(read_steps(_FileSteps(document, room, inside), ("steps",), written.steps, prefix, count))


@dataclass(frozen=True, slots=True)
class _FileSteps:
    """`Source` of one scene's file."""

    document: Document
    room: Room
    inside: tuple[str, ...]

    def goals(self, place: Place, desired: Mapping[str, Mapping[str, object]]) -> tuple[Goal, ...]:
        found = {
            goal.key: (goal, self.document, where) for goal, where in goals_at(self.document, place, desired, self.room)
        }
        _coherent(found)
        wanted = {key: goal for key, (goal, _, _) in found.items()}
        return tuple(_linked(goal, wanted, self.room.rules) for goal in wanted.values())

    def goal(self, place: Place, name: str, value: float) -> Goal:
        return FileNames(self.document, place, self.room).whole(name, value)

    def condition(self, place: Place, text: str, steps: Collection[str]) -> Expression:
        return condition(self.document, place, text, self.room, steps)

    def duration(self, place: Place, text: str, longest: float) -> float:
        return seconds(self.document, place, text, 0.1, longest)

    def nested(self, place: Place, scene: str, number: str, count: Count) -> tuple[Step, ...]:
        if scene in self.inside:
            raise self.document.error(
                place,
                f"'{scene}' holds itself: {' → '.join([*self.inside, scene])}",
                value=scene,
                fix="break the circle: copy the steps you need",
            )
        path = Path(self.document.file).with_name(f"{scene}.yaml")
        if not path.exists():
            names = [item.stem for item in path.parent.glob("*.yaml") if item.name != ROOM_FILE]
            near = get_close_matches(scene, names, n=1)
            fix = f"did you mean '{near[0]}'?" if near else f"scenes: {', '.join(sorted(names))}"
            raise self.document.error(place, f"no scene '{scene}' to put in", value=scene, fix=fix)
        chain = list(_chain(path))
        first, inner = _desired(chain, self.room), Count(count.steps)  # ids of another scene are its own
        steps = _steps(chain, self.room, (*self.inside, scene), number, inner)
        count.steps = inner.steps
        begin = Head(f"{number}0", None, chain[0][1].name, None)
        return (*((SetStep(begin, first),) if first else ()), *steps)


def _timeout(document: Document, written: str | None, steps_s: float) -> float:
    """Steps need their own time: what is written must leave room for it, what is not written grows with it."""
    if written is None:
        if steps_s > SCENE_TIMEOUT_MAX_S - SCENE_TIMEOUT_S:
            raise document.error(
                ("steps",), f"these steps take up to {steps_s:g} s", fix="make a rundown of it, or shorten its waits"
            )
        return SCENE_TIMEOUT_S + steps_s
    limit = seconds(document, ("timeout",), written, 1, SCENE_TIMEOUT_MAX_S)
    if limit < steps_s:
        raise document.error(
            ("timeout",),
            f"timeout {written} is shorter than its steps, which take up to {steps_s:g} s",
            value=written,
            fix=f"timeout: {min(steps_s + SCENE_TIMEOUT_S, SCENE_TIMEOUT_MAX_S):g}s",
        )
    return limit


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


def _chain(path: Path) -> Iterator[tuple[Document, SceneFile]]:
    seen: list[str] = []
    while True:
        document = read_document(path)
        try:
            written = SceneFile.model_validate(document.value)
        except ValidationError as error:
            raise from_validation(document, error) from None
        yield document, written
        if written.extends is None:
            return
        seen.append(path.stem)
        if written.extends in seen:
            raise document.error(
                ("extends",),
                f"'{path.stem}' extends itself through {' → '.join([*seen, written.extends])}",
                value=written.extends,
                fix="break the circle",
            )
        following = path.with_name(f"{written.extends}.yaml")
        if not following.exists():
            names = [item.stem for item in path.parent.glob("*.yaml") if item.name != ROOM_FILE]
            near = get_close_matches(written.extends, names, n=1)
            raise document.error(
                ("extends",),
                f"no scene '{written.extends}' to extend",
                value=written.extends,
                fix=f"did you mean '{near[0]}'?" if near else "create that file or remove the line",
            )
        path = following


def goals_at(
    document: Document, place: Place, desired: Mapping[str, Mapping[str, object]], room: Room
) -> Iterator[tuple[Goal, Place]]:
    """The goals of a `desired` mapping that stands at `place` of a file, each with its own place."""
    for device_id, properties in desired.items():
        path = (*place, device_id)
        device = room.devices.get(device_id)
        if device is None:
            raise _no_device(document, path, device_id, room)
        for key, value in properties.items():
            if isinstance(value, dict) and not _is_content(device, key):
                for part, inner in value.items():
                    yield (
                        _goal(
                            document,
                            (*path, key, part),
                            room,
                            device,
                            f"{key}.{channel_of(device, part, room.outputs)}",
                            inner,
                        ),
                        (*path, key, part),
                    )
            else:
                yield _goal(document, (*path, key), room, device, key, value), (*path, key)


@dataclass(frozen=True, slots=True)
class FileNames:
    """What the words of a condition mean in a room's file; errors stand at `place`."""

    document: Document
    place: Place
    room: Room

    def key(self, name: str) -> PropertyKey:
        """`matrix.route.main` -> (matrix, route.1)."""
        device, prop = self._found(name)
        try:
            device.driver.spec(prop)
        except DeviceError:
            raise _no_property(self.document, self.place, self.room, device, prop) from None
        return device.id, prop

    def goal(self, name: str, written: Value) -> tuple[PropertyKey, Value, float]:
        """The same with its value, as a scene would want it."""
        goal = self.whole(name, written)
        return goal.key, goal.value, goal.tolerance

    def whole(self, name: str, written: object) -> Goal:
        """A goal of one property by its full name."""
        device, prop = self._found(name)
        return _goal(self.document, self.place, self.room, device, prop, written)

    def _found(self, name: str) -> tuple[Device, str]:
        key = property_of(name, self.room.devices, self.room.outputs)
        if key is not None:
            return self.room.devices[key[0]], key[1]
        raise _no_device(self.document, self.place, name.rpartition(".")[0] or name, self.room)


def _no_device(document: Document, path: Place, name: str, room: Room) -> DocumentError:
    near = get_close_matches(name, room.devices, n=1)
    fix = f"did you mean '{near[0]}'?" if near else f"devices: {', '.join(room.devices)}"
    return document.error(path, f"no device '{name}' in room.yaml", value=name, fix=fix)


def _no_property(document: Document, path: Place, room: Room, device: Device, name: str) -> DocumentError:
    base = [item for item in device.driver.properties() if device.driver.spec(item).settable]
    outputs = [output.id for output in room.outputs.values() if output.device == device.id]
    aliases = [f"{item.partition('.')[0]}.{output}" for item in base if "." in item for output in outputs]
    near = get_close_matches(name, [*aliases, *base], n=1)
    shown = ", ".join(sorted({item.partition(".")[0] for item in base}))
    known = f"it has: {shown}" + (f"; outputs: {', '.join(outputs)}" if outputs else "")
    fix = f"did you mean '{near[0]}'?" if near else known
    return document.error(path, f"{device.id} has no property '{name}'", value=name, fix=fix)


def _goal(document: Document, path: Place, room: Room, device: Device, name: str, written: object) -> Goal:
    try:
        spec = device.driver.spec(name)
    except DeviceError:
        raise _no_property(document, path, room, device, name) from None
    value = _named(document, path, room, device, spec, written)
    try:
        checked = device.driver.check(name, value)
    except DeviceError as error:
        inside = tuple(getattr(error, "where", ()))
        fix = getattr(error, "fix", "") or "use one of the allowed values"
        told = f"{device.id}: {error}"
        if isinstance(written, str) and _TOGGLE.fullmatch(written):
            told = f"{device.id}: '{written}' is a toggle or a step, and a scene names states (rule no-toggle)"
            fix = "write the value it should have afterwards"
        raise document.error((*path, *inside), told, value=str(written)[:60], fix=fix) from None
    return Goal(
        device.id,
        name,
        checked,
        spec.tolerance,
        property_label(device, name, room),
        needs=dict(spec.after),
    )


def _is_content(device: Device, name: str) -> bool:
    """A mapping written for such a property is one value, not several channels."""
    return name in device.driver.properties() and device.driver.spec(name).type is ValueType.CONTENT


def _named(document: Document, path: Place, room: Room, device: Device, spec: PropertySpec, written: object) -> Value:
    """A source's or preset's name becomes its number, a document its text; everything else stays as written."""
    if spec.type is ValueType.CONTENT and isinstance(written, dict):
        return json.dumps(written, default=str)
    if spec.capability == "routing" and isinstance(written, str):
        source = room.sources.get(written)
        if source is None or source.device != device.id:
            known = [item.id for item in room.sources.values() if item.device == device.id]
            near = get_close_matches(written, known, n=1)
            raise document.error(
                path,
                f"no source '{written}' on {device.id}",
                value=written,
                fix=f"did you mean '{near[0]}'?" if near else f"sources: {', '.join(known)}",
            )
        return source.input
    if spec.capability == "presets" and isinstance(written, str):
        if written not in device.presets:
            near = get_close_matches(written, device.presets, n=1)
            raise document.error(
                path,
                f"{device.id} has no preset '{written}'",
                value=written,
                fix=f"did you mean '{near[0]}'?" if near else f"presets: {', '.join(device.presets) or 'none'}",
            )
        return device.presets[written]
    if isinstance(written, list) and all(isinstance(part, int) and not isinstance(part, bool) for part in written):
        return tuple(written)
    if isinstance(written, bool | int | float | str):
        return written
    raise document.error(
        path,
        f"a value is a word, a number, true or false, found {type(written).__name__}",
        value=str(written)[:60],
        fix="write it as  property: value",
    )


def _coherent(goals: Mapping[PropertyKey, tuple[Goal, Document, Place]]) -> None:
    for goal, document, where in goals.values():
        for name, value in (goal.needs or {}).items():
            other = goals.get((goal.device, name))
            if other is not None and other[0].value != value:
                raise document.error(
                    where,
                    f"{goal.device}: '{goal.property}' needs {name}: {value}, but this scene sets {name}: {other[0].value}",
                    value=str(goal.value),
                    fix=f"remove one of the two (null is not needed: leave '{goal.property}' out)",
                )


def _linked(goal: Goal, wanted: Mapping[PropertyKey, Goal], rules: Rules) -> Goal:
    """With what must hold before it: what its driver says, and an interlocked contact that this scene opens."""
    after = [(goal.device, name) for name in goal.needs or {} if (goal.device, name) in wanted]
    if goal.value is True:
        after += [key for key in rules.partners(goal.key) if key in wanted and wanted[key].value is False]
    return Goal(goal.device, goal.property, goal.value, goal.tolerance, goal.label, tuple(after), goal.needs)


def condition(document: Document, place: Place, text: str, room: Room, steps: Collection[str] = ()) -> Expression:
    """A condition at `place` of a file; `steps` are those it may ask about."""
    try:
        found = compile_expression(text, FileNames(document, place, room))
    except BadExpression as error:
        raise document.error(place, str(error), value=text[:60], fix=error.fix) from None
    unknown = sorted(found.steps - set(steps))
    if unknown:
        known = (
            f"earlier steps: {', '.join(steps)}"
            if steps
            else "only steps that stand before and have an id can be asked"
        )
        raise document.error(place, f"no earlier step '{unknown[0]}'", value=text[:60], fix=known)
    return found


def seconds(document: Document, place: Place, text: str, shortest: float, longest: float) -> float:
    """A duration as people write it: `60s`, `2m`, `1.5s`."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|min)?", text)
    if found is None:
        raise document.error(place, f"'{text}' is no duration", value=text, fix="write 60s or 2m")
    length = float(found[1]) * (60 if (found[2] or "s").startswith("m") else 1)
    if not shortest <= length <= longest:
        limit = f"{longest / 60:g}m" if longest >= 60 else f"{longest:g}s"
        raise document.error(place, f"'{text}' is out of range", value=text, fix=f"{shortest:g}s to {limit}")
    return length
