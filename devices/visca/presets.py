"""Which preset a head is at. VISCA cannot be asked for it, so the position of each preset is learnt and compared."""

from __future__ import annotations

from collections.abc import Mapping

from devices.sdk.driver import Reported
from devices.sdk.errors import BadSetting
from devices.sdk.readings import ReadingSource, matches
from devices.sdk.settings import Settings

Place = tuple[int, int, int]
"""Pan, tilt and zoom in the camera's own steps."""

PROPERTY = "preset"
HIGHEST = 127
_AXES = ("pan", "tilt", "zoom")


class Presets:
    """Names and positions of presets, and what the last recall promises."""

    def __init__(self, settings: Settings) -> None:
        self.names: dict[str, int] = {}
        self._places: dict[int, Place] = {}
        self._tolerance = (settings.integer("position_tolerance"), settings.integer("zoom_tolerance"))
        self._recalled: int | None = None
        self._arrived = False
        self._seen: Place | None = None
        for name, entry in settings.mapping("presets").items():
            number, place = _entry(name, entry)
            self.names[name] = number
            if place:
                self._places[number] = place

    def learn(self, number: int, place: Place) -> None:
        """The head was at `place` when the preset was stored; this beats a position written in room.yaml."""
        self._places[number] = place

    def going_to(self, number: int) -> None:
        """A recall was taken by the camera."""
        self._recalled, self._arrived, self._seen = number, False, None

    def arrived(self, number: int) -> None:
        """The camera said that the recall is complete."""
        self.going_to(number)
        self._arrived = True

    def moved(self) -> None:
        """Something else moved the head: the last recall promises nothing any more."""
        self._recalled, self._arrived, self._seen = None, False, None

    def at(self, place: Place) -> Reported:
        """What a head at `place` is said to show.

        DERIVED when a known position matches (None: at no known preset). WRITTEN, never verified, while the head stays where a recall
        with unknown position has brought it.
        """
        found = [number for number, known in self._places.items() if self._same(known, place)]
        if found:
            return Reported(PROPERTY, self._recalled if self._recalled in found else min(found), ReadingSource.DERIVED)
        if self._arrived and self._recalled is not None and self._recalled not in self._places:
            self._seen = self._seen or place
            if self._same(self._seen, place):
                return Reported(PROPERTY, self._recalled, ReadingSource.WRITTEN)
        return Reported(PROPERTY, None, ReadingSource.DERIVED)

    def _same(self, one: Place, other: Place) -> bool:
        steps, zoom = self._tolerance
        return matches(one[:2], other[:2], steps) and matches(one[2], other[2], zoom)


def _entry(name: str, entry: object) -> tuple[int, Place | None]:
    """Number, or number and place, of one entry of the setting `presets`."""
    fields: Mapping[object, object] = entry if isinstance(entry, Mapping) else {"number": entry}
    number = fields.get("number")
    if not _whole(number, 0, HIGHEST) or set(fields) not in ({"number"}, {"number", *_AXES}):
        message = f"preset '{name}' is {entry!r}; write a number 0..{HIGHEST}, or {{number: 1, pan: -400, tilt: 30, zoom: 8192}}"
        raise BadSetting(message, key="presets")
    if len(fields) == 1:
        return int(str(number)), None
    for axis in _AXES:
        if not _whole(fields[axis], -0x8000, 0x7FFF):
            message = f"preset '{name}': {axis} is {fields[axis]!r}, but must be a whole number of steps"
            raise BadSetting(message, key="presets")
    pan, tilt, zoom = (int(str(fields[axis])) for axis in _AXES)
    return int(str(number)), (pan, tilt, zoom)


def _whole(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
