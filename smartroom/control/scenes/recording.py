"""The room as it is, as a scene: what differs from the scene it extends, in the words of its files. Pure; nothing is read or written here."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from devices.sdk.document import to_text
from devices.sdk.errors import DeviceError
from devices.sdk.manifest import PropertySpec, ValueType
from devices.sdk.readings import Value, matches
from smartroom.control.devices.gateway import Fact
from smartroom.control.room.model import Device, PropertyKey, Room
from smartroom.control.room.names import name_of_channel
from smartroom.control.room.words import property_label, value_label
from smartroom.control.scenes.model import Scene
from smartroom.control.scenes.planner import wire_value
from smartroom.protocol.base import Text
from smartroom.protocol.scenes import Recording, RecordLeft, RecordLine

_HEAD = frozenset({"pan_tilt", "zoom"})
"""Where a camera looks; a stored position says it better."""
_NO_HARDWARE = frozenset({"rundown", "stage", "plaque"})
"""What people run in the room is no state of it."""


@dataclass(frozen=True, slots=True)
class Present:
    """What a recording is made from: the room, its scenes, and every property that could stand in a scene."""

    room: Room
    scenes: Mapping[str, Scene]
    facts: Mapping[PropertyKey, Fact]

    def device(self, key: PropertyKey) -> Device:
        """The device of a property."""
        return self.room.devices[key[0]]

    def spec(self, key: PropertyKey) -> PropertySpec:
        """Facts of a property."""
        return self.device(key).driver.spec(key[1])

    def label(self, key: PropertyKey) -> Text:
        """What a property is to people."""
        return property_label(self.device(key), key[1], self.room)

    def said(self, key: PropertyKey, value: Value) -> Text:
        """A value in words."""
        device = self.device(key)
        return value_label(key[1], self.spec(key), wire_value(value), self.room.sources_of(device.id), device)


def recordable(room: Room) -> list[PropertyKey]:
    """Every property a scene can set and the room can read."""
    return [
        (device.id, name)
        for device in room.devices.values()
        if device.kind not in _NO_HARDWARE
        for name in device.driver.properties()
        if (spec := device.driver.spec(name)).settable and spec.capability != "status"
    ]


def propose(present: Present, extends: str | None) -> Recording:
    """What a scene would hold that records the room as it is now and extends another."""
    base = _goals(present.scenes[extends]) if extends is not None else {}
    used = {goal.key for scene in present.scenes.values() for goal in scene.goals}
    lines: list[RecordLine] = []
    left: list[RecordLeft] = []
    same = 0
    for key in recordable(present.room):
        why = _unfit(present, key)
        if why is not None:
            if key in used:
                left.append(RecordLeft(device=key[0], property=key[1], label=present.label(key), why=why))
            continue
        if _told_otherwise(present, key):
            continue
        value = present.facts[key].value
        if key in base and matches(value, base[key], present.spec(key).tolerance):
            same += 1
            continue
        lines.append(
            RecordLine(
                device=key[0],
                property=key[1],
                label=present.label(key),
                value=wire_value(value),
                said=present.said(key, value),
                base_said=present.said(key, base[key]) if key in base else None,
                written=_written_line(present.room, key, value),
                ticked=key in used or key in base,
            )
        )
    return Recording(
        room=present.room.id,
        extends=extends,
        bases=[key for key, scene in present.scenes.items() if scene.hidden or key == extends],
        lines=lines,
        left=left,
        same=same,
    )


def best_base(present: Present) -> str | None:
    """The scene to extend that leaves the shortest file: one that is there to be extended, if the room does not contradict it."""
    candidates: list[str | None] = [None]
    for key, scene in present.scenes.items():
        if scene.hidden and contradiction(present, _goals(scene), _now(present)) is None:
            candidates.append(key)
    return min(candidates, key=lambda key: (sum(line.ticked for line in propose(present, key).lines), key is None))


def contradiction(
    present: Present, base: Mapping[PropertyKey, Value], lines: Mapping[PropertyKey, Value]
) -> tuple[PropertyKey, PropertyKey] | None:
    """A goal of the base that cannot stand beside what is recorded (its input needs power, and the room has none), and that line."""
    merged = {**base, **lines}
    for key in merged:
        for name, needed in present.spec(key).after.items():
            other = (key[0], name)
            if other in merged and not matches(merged[other], needed):
                return key, other
    return None


def text_of(
    room: Room, name: Text, icon: str, extends: str | None, lines: Iterable[tuple[PropertyKey, Value]], head: str
) -> str:
    """The scene's file."""
    desired: dict[str, dict[str, object]] = {}
    for key, value in lines:
        _write(room, key, value, desired.setdefault(key[0], {}))
    body: dict[str, object] = {"name": {"id": name.id, "en": name.en or name.id}, "icon": icon}
    if extends is not None:
        body["extends"] = extends
    return f"{head}{to_text({**body, 'desired': desired}, flow=True)}"


def _now(present: Present) -> dict[PropertyKey, Value]:
    return {key: present.facts[key].value for key in recordable(present.room) if _unfit(present, key) is None}


def _goals(scene: Scene) -> dict[PropertyKey, Value]:
    return {goal.key: goal.value for goal in scene.goals}


def _unfit(present: Present, key: PropertyKey) -> Text | None:
    """Why a property cannot be recorded now."""
    spec, fact = present.spec(key), present.facts.get(key, Fact())
    if not spec.readable:
        return Text(id="tidak dapat dibaca dari alat ini", en="this device cannot be asked for it")
    for name, needed in spec.after.items():
        other = present.facts.get((key[0], name), Fact())
        if other.current and not matches(other.value, needed):
            label = present.label((key[0], name))
            return Text(id=f"{label.id} tidak menyala", en=f"{label.en or label.id} is not on")
    if not fact.current:
        return Text(id="belum terbaca, alat terputus", en="not read, the device is cut off")
    try:
        present.device(key).driver.check(key[1], fact.value)
    except DeviceError:
        return Text(id="sedang berubah, atau bukan nilai yang dapat diatur", en="changing, or no value that can be set")
    return None


def _told_otherwise(present: Present, key: PropertyKey) -> bool:
    """Direction and zoom of a camera that stands at a stored position."""
    spec = present.spec(key)
    preset = (key[0], "preset")
    return spec.capability in _HEAD and preset in present.facts and _unfit(present, preset) is None


def _written_line(room: Room, key: PropertyKey, value: Value) -> str:
    """`matrix.route.main: podium`: the line by the names the file will have."""
    device = room.devices[key[0]]
    base, _, channel = key[1].partition(".")
    place = [key[0], base, *([name_of_channel(device, channel, room.outputs)] if channel else [])]
    text = to_text([_named(room, device, device.driver.spec(key[1]), value)], flow=True).strip()
    return f"{'.'.join(place)}: {text[1:-1] if text.startswith('[') else text.removeprefix('- ')}"


def _write(room: Room, key: PropertyKey, value: Value, into: dict[str, object]) -> None:
    """Put a value where a technician would have written it, by the room's own names."""
    device = room.devices[key[0]]
    base, _, channel = key[1].partition(".")
    spec = device.driver.spec(key[1])
    written = _named(room, device, spec, value)
    if not channel:
        into[base] = written
        return
    part = into.setdefault(base, {})
    assert isinstance(part, dict)
    part[name_of_channel(device, channel, room.outputs)] = written


def _named(room: Room, device: Device, spec: PropertySpec, value: Value) -> object:
    if spec.type is ValueType.CONTENT and isinstance(value, str):
        return json.loads(value)
    if spec.capability == "routing":
        return next((source.id for source in room.sources_of(device.id) if source.input == value), value)
    if spec.capability == "presets":
        return next((name for name, number in device.presets.items() if number == value), value)
    if isinstance(value, float):
        rounded = round(value, 1)
        return int(rounded) if rounded.is_integer() else rounded
    return list(value) if isinstance(value, tuple) else value
