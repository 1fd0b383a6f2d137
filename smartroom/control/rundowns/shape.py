"""What can be asked of a rundown as a device: whether it is open and which cue is next. Firing is no state: no scene can do it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from devices.sdk.document import DocumentError, read_document
from devices.sdk.errors import BadSetting
from devices.sdk.manifest import PropertySpec, ValueType
from devices.sdk.readings import Value
from smartroom.control.devices.inprocess import InProcessShape
from smartroom.control.room.model import Device, Room
from smartroom.control.rundowns.model import KIND, Rundown, rundown_files
from smartroom.protocol.base import Text
from smartroom.protocol.state import ChoiceLabel

SPECS: Final[Mapping[str, PropertySpec]] = {
    "open": PropertySpec(capability="cue", type=ValueType.BOOLEAN, expected_ms=5),
    "next": PropertySpec(capability="cue", type=ValueType.TEXT, expected_ms=5, after={"open": True}),
    "cue": PropertySpec(capability="cue", type=ValueType.TEXT, settable=False),
    "phase": PropertySpec(capability="cue", type=ValueType.TEXT, settable=False),
}
"""Properties of every rundown."""

_NONE = Text(id="Tidak ada", en="None")


class Shelf:
    """Adds a room's rundowns to its devices, each with the same shape from one reading of the files to the next."""

    def __init__(self) -> None:
        self.shapes: dict[str, RundownShape] = {}

    def furnished(self, room: Room, folder: Path) -> Room:
        """The room with a device `rundown.<id>` for each file."""
        found = {f"{KIND}.{path.stem}": self._device(path) for path in rundown_files(folder)}
        return replace(room, devices={**room.devices, **found})

    def _device(self, path: Path) -> Device:
        key = f"{KIND}.{path.stem}"
        shape = self.shapes.setdefault(key, RundownShape())
        name = shape.rundown.name if shape.rundown else _name(path)
        return Device(id=key, name=name, kind=KIND, family=KIND, driver=shape, wire=None, speech=shape)


class RundownShape(InProcessShape):
    """Keeps its place when the file is read again. It has no action: cues are fired by an operator."""

    noun = "rundown"
    specs = SPECS

    def __init__(self) -> None:
        self.rundown: Rundown | None = None

    def judge(self, name: str, spec: PropertySpec, value: Value) -> Value:
        """True or false; a cue of the file."""
        if spec.type is ValueType.BOOLEAN:
            if isinstance(value, bool):
                return value
            raise BadSetting(f"'{name}' cannot be {value!r}; it must be true or false", key=name)
        if isinstance(value, str) and (self.rundown is None or value in self._cues()):
            return value  # while its own file is not read yet, any cue may be meant
        raise BadSetting(f"there is no cue '{value}'; there are: {', '.join(self._cues())}", key=name)

    def words(self, name: str, value: object) -> Text | None:
        """A cue by its name."""
        if name not in ("next", "cue"):
            return None
        cue = self.rundown.cue(str(value)) if self.rundown and value else None
        return cue.name if cue else _NONE

    def choices(self, name: str) -> list[ChoiceLabel]:
        """Every cue."""
        if name != "next" or self.rundown is None:
            return []
        return [ChoiceLabel(value=cue.id, label=cue.name) for cue in self.rundown.cues]

    def _cues(self) -> list[str]:
        return [cue.id for cue in self.rundown.cues] if self.rundown else []


def _name(path: Path) -> Text:
    """The name a file gives itself, before it is judged."""
    with suppress(DocumentError):
        value = read_document(path).value
        name = value.get("name") if isinstance(value, dict) else None
        if isinstance(name, str):
            return Text.of(name)
        if isinstance(name, dict) and isinstance(name.get("id"), str):
            return Text(id=name["id"], en=str(name.get("en", "")))
    return Text.of(path.stem.replace("-", " ").capitalize())
