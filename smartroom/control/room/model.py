"""A room as its files describe it. Nothing here changes after loading; a saved file makes a new Room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from devices.sdk.address import Address
from devices.sdk.commands import Command, Frames
from devices.sdk.driver import Driver
from devices.sdk.manifest import PropertySpec
from devices.sdk.readings import Value
from smartroom.control.room.rules import Rules
from smartroom.protocol.base import Text
from smartroom.protocol.errors import Problem
from smartroom.protocol.state import AudioControl, ChoiceLabel, Output, Source

PropertyKey = tuple[str, str]
"""(device, property): what a scene owns, a reading tells and a run reaches."""


class Shape(Protocol):
    """What a device can be asked, without any I/O. A `Driver` has it; so has a wall or a stage of this process."""

    def properties(self) -> tuple[str, ...]:
        """Concrete property names."""
        ...

    def spec(self, name: str) -> PropertySpec:
        """Facts of one property."""
        ...

    def check(self, name: str, value: Value) -> Value:
        """The canonical value, or BadSetting."""
        ...

    def encode(self, command: Command) -> Frames:
        """Exact frames of a command; none for a device without a wire."""
        ...


class Speech(Protocol):
    """Words for values that are documents, known to the device alone."""

    def words(self, name: str, value: object) -> Text | None:
        """A value in words."""
        ...

    def choices(self, name: str) -> list[ChoiceLabel]:
        """Values worth offering."""
        ...


@dataclass(frozen=True, slots=True)
class Wire:
    """How a device outside is reached."""

    driver: Driver
    address: Address


@dataclass(frozen=True, slots=True)
class Device:
    """One device of a room. `driver` is pure and shared with planning; `problem` says why it cannot be connected (a missing secret)."""

    id: str
    name: Text
    kind: str
    family: str
    driver: Shape
    wire: Wire | None
    """None: a device of this process, registered by whoever keeps it."""
    presets: Mapping[str, int] = field(default_factory=dict)
    labels: Mapping[str, Text] = field(default_factory=dict)
    channels: Mapping[str, Text] = field(default_factory=dict)
    """What hangs on its ports, by the port's name in properties: {"1": Depan}."""
    actions: tuple[str, ...] = ()
    fingerprint: str = ""
    """Changes when the device must be connected anew."""
    problem: Problem | None = None
    simulated: bool = False
    speech: Speech | None = None

    @property
    def address(self) -> str:
        """Where it is, for people."""
        return str(self.wire.address) if self.wire else f"/{self.id.replace('.', '/', 1)}"


@dataclass(frozen=True, slots=True)
class SeatCamera:
    """Which camera sees a seat, and how."""

    camera: str
    preset: int
    name: Text | None = None
    """None: the agency's."""


@dataclass(frozen=True, slots=True)
class MeetingPlaces:
    """What a room has for meetings."""

    between: str | None = None
    """Scene recalled when one meeting is handed over to the next."""
    seats: Mapping[str, SeatCamera] = field(default_factory=dict)
    """Agency, or a seat of the room's own name -> where it is seen."""


@dataclass(frozen=True, slots=True)
class Room:
    """A room: devices, what can be shown where, and what the fixed controls act on."""

    id: str
    name: Text
    place: Text | None
    timezone: str
    devices: Mapping[str, Device]
    sources: Mapping[str, Source]
    outputs: Mapping[str, Output]
    cameras: tuple[str, ...]
    volume: AudioControl | None = None
    mute: AudioControl | None = None
    walls: Mapping[str, Text] = field(default_factory=dict)
    """Walls the room names, by id without the kind: `left` is device `wall.left`."""
    meetings: MeetingPlaces = field(default_factory=MeetingPlaces)
    ceremony: Mapping[str, str] = field(default_factory=dict)
    """`reveal`, `cover` -> the scene that makes its lights and sounds."""
    rules: Rules = field(default_factory=Rules)
    """Limits of wear and safety."""
    warnings: tuple[str, ...] = field(default=())
    order: int = 0
    """Place among the rooms of a site; the first is the one that opens."""

    def outputs_of(self, device: str) -> list[Output]:
        """Outputs of the room that are a port of this device."""
        return [output for output in self.outputs.values() if output.device == device]

    def sources_of(self, device: str) -> list[Source]:
        """Sources of the room that are a port of this device."""
        return [source for source in self.sources.values() if source.device == device]
