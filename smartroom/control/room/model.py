"""A room as its files describe it. Nothing here changes after loading; a saved file makes a new Room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from devices.sdk.address import Address
from devices.sdk.catalog import Family
from devices.sdk.driver import Driver
from smartroom.protocol.base import Text
from smartroom.protocol.errors import Problem
from smartroom.protocol.state import AudioControl, Output, Source

PropertyKey = tuple[str, str]
"""(device, property): what a scene owns, a reading tells and a run reaches."""


@dataclass(frozen=True, slots=True)
class Device:
    """One device of a room. `driver` is pure and shared with planning; `problem` says why it cannot be connected (a missing secret)."""

    id: str
    name: Text
    family: Family
    driver: Driver
    address: Address
    presets: Mapping[str, int]
    labels: Mapping[str, Text]
    fingerprint: str
    """Changes when the device must be connected anew."""
    problem: Problem | None = None
    simulated: bool = False


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
    warnings: tuple[str, ...] = field(default=())

    def outputs_of(self, device: str) -> list[Output]:
        """Outputs of the room that are a port of this device."""
        return [output for output in self.outputs.values() if output.device == device]

    def sources_of(self, device: str) -> list[Source]:
        """Sources of the room that are a port of this device."""
        return [source for source in self.sources.values() if source.device == device]
