"""Rules of wear and safety that a room's file sets, beside those every room has. Which scene breaks one, `scenes/rules` finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from devices.sdk.readings import Value

if TYPE_CHECKING:
    from smartroom.control.room.model import PropertyKey


@dataclass(frozen=True, slots=True)
class Interlock:
    """Contacts of which never two are closed; after one opens, so many seconds pass before another closes."""

    relays: tuple[PropertyKey, ...]
    pause_s: float


@dataclass(frozen=True, slots=True)
class LampTimes:
    """Shortest times a lamp stays on and off."""

    on_s: float
    off_s: float


@dataclass(frozen=True, slots=True)
class SoundLimit:
    """How loud a zone may be, and by how much it may become louder at once."""

    at_most: float
    step: float | None


@dataclass(frozen=True, slots=True)
class Recording:
    """While something is recorded or sent out, what feeds it stays as it is."""

    when: Mapping[PropertyKey, Value]
    keep: tuple[PropertyKey, ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """All of a room."""

    interlocks: tuple[Interlock, ...] = ()
    lamps: Mapping[PropertyKey, LampTimes] = field(default_factory=dict)
    sounds: Mapping[PropertyKey, SoundLimit] = field(default_factory=dict)
    recordings: tuple[Recording, ...] = ()
    rates: Mapping[PropertyKey, int] = field(default_factory=dict)
    """Switchings a minute; other relays have the general limit."""
    eeprom: frozenset[PropertyKey] = frozenset()
    """Properties the device stores in a memory that wears."""

    def partners(self, key: PropertyKey) -> Mapping[PropertyKey, float]:
        """Contacts that must be open while this one is closed, and the pause after they opened."""
        found: dict[PropertyKey, float] = {}
        for interlock in self.interlocks:
            if key in interlock.relays:
                found |= {other: interlock.pause_s for other in interlock.relays if other != key}
        return found

    def locked_with(self, keys: Sequence[PropertyKey]) -> list[tuple[PropertyKey, ...]]:
        """Contacts of every interlock that holds one of these, always in the same order."""
        return sorted(tuple(lock.relays) for lock in self.interlocks if not set(keys).isdisjoint(lock.relays))


# -- the file --


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class InterlockFile(_Part):
    """`{relays: [layar.relay.naik, layar.relay.turun], pause: 2s}`."""

    relays: Annotated[list[str], Field(min_length=2, max_length=8)]
    pause: str = "1s"


class LampFile(_Part):
    """`projector: {on: 5m, off: 2m}`."""

    on: str = "0s"
    off: str = "0s"


class SoundFile(_Part):
    """`main: {at_most: 80, step: 20}`."""

    at_most: Annotated[float, Field(ge=0, le=100)]
    step: Annotated[float, Field(gt=0, le=100)] | None = None


class RecordingFile(_Part):
    """`{while: {perekam.power: on}, keep: [kamera.power, matrix.route.main]}`."""

    when: Annotated[dict[str, object], Field(alias="while", min_length=1)]
    keep: Annotated[list[str], Field(min_length=1, max_length=100)]


class RulesFile(_Part):
    """Key `rules` of room.yaml."""

    interlock: Annotated[list[InterlockFile], Field(max_length=32)] = []
    lamp_minimum: Annotated[dict[str, LampFile], Field(alias="lamp-minimum", max_length=64)] = {}
    sound_limit: Annotated[dict[str, SoundFile], Field(alias="sound-limit", max_length=64)] = {}
    recording: Annotated[list[RecordingFile], Field(max_length=32)] = []
    relay_rate: Annotated[dict[str, Annotated[int, Field(ge=1, le=600)]], Field(alias="relay-rate", max_length=64)] = {}
    eeprom: Annotated[list[str], Field(max_length=100)] = []
