"""What may be asked of a device, and the frames it becomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from types import MappingProxyType

from devices.sdk.readings import Value

_NOTHING: Mapping[str, Value] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Set:
    """Bring one property to a value. Idempotent: sending it twice changes nothing more."""

    property: str
    value: Value


@dataclass(frozen=True, slots=True)
class Salvo:
    """Several sets that the device itself applies at one moment (Extron `+Q`)."""

    sets: tuple[Set, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """Ask for one property."""

    property: str


@dataclass(frozen=True, slots=True)
class Act:
    """Something that is no state: drive a camera head, store a preset. Never part of a scene's desired state."""

    name: str
    arguments: Mapping[str, Value] = field(default_factory=lambda: _NOTHING)


Command = Set | Salvo | Query | Act


@dataclass(frozen=True, slots=True)
class Frame:
    """Bytes for the wire. `on_wire` names fields that are fixed only when it is sent (a sequence number, a PJLink digest)."""

    payload: bytes
    on_wire: tuple[str, ...] = ()
    answered: bool = True
    """False where the device says nothing to it: it is done when it is sent, and only a reading can tell more."""


Frames = tuple[Frame, ...]


class Priority(IntEnum):
    """Order in a device's queue; a lower number goes first."""

    SAFETY = 0
    """Mute, blank, stop, emergency: never behind anything else."""
    OPERATOR = 1
    SCENE = 2
    POLL = 3
