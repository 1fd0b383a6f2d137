"""What the words of a file mean: devices, outputs, sources and presets by their names become goals; conditions and durations are read."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from devices.sdk.document import Document, DocumentError
from devices.sdk.errors import DeviceError
from devices.sdk.manifest import PropertySpec, ValueType
from devices.sdk.readings import Value
from smartroom.control.room.expressions import BadExpression, Expression, compile_expression
from smartroom.control.room.model import Device, PropertyKey, Room
from smartroom.control.room.names import channel_of, property_of
from smartroom.control.room.rules import Rules
from smartroom.control.room.words import property_label
from smartroom.control.scenes.model import Goal, Place

_TOGGLE = re.compile(r"toggle|[+-]\s*\d+(\.\d+)?\s*%?|up|down|step[ _-]?(up|down)?|next|previous", re.IGNORECASE)
"""Words of those who are used to remote controls."""


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


def coherent(goals: Mapping[PropertyKey, tuple[Goal, Document, Place]]) -> None:
    """DocumentError when two goals contradict: what one needs of its device, the other sets differently."""
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


def linked(goal: Goal, wanted: Mapping[PropertyKey, Goal], rules: Rules) -> Goal:
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
