"""What devices can do, as typed Protocols of pure functions: values in, frames out.

A driver declares its capabilities in `driver.yaml` and has the methods of their Protocols; `devices.sdk.driver` turns a `Set` or `Query` of a property
into a call of them. Property names are the same for every maker, so scenes and panels never know a model.

| capability | properties | value |
|---|---|---|
| power | `power` | `on`, `off`; reads also `warming`, `cooling` |
| input | `input` | a name listed under `values` in driver.yaml (`hdmi1`) |
| routing | `route.<output>` | input number, 0 = nothing |
| blank | `blank` or `blank.<output>` | true = no picture |
| mute | `mute` or `mute.<output>` | true = silent |
| volume | `volume` or `volume.<output>` | 0..100 percent |
| freeze | `freeze` | true = picture held |
| presets | `preset` | preset number |
| pan_tilt | `position` | (pan, tilt) in the device's own steps |
| zoom | `zoom` | device's own steps |
| relay | `relay.<channel>` | true = contact closed |
| level | `level` or `level.<channel>` | 0..100 percent (a dimmed light) |
| signal | `signal` or `signal.<input>`, read only | true = a picture arrives |
| status | read-only properties of the family (`lamp_hours`, `fault`) | scalar |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from devices.sdk.commands import Frames


@runtime_checkable
class Power(Protocol):
    """Property `power`."""

    def encode_power(self, *, on: bool) -> Frames:
        """Frames that switch the device on or off."""
        ...

    def query_power(self) -> Frames:
        """Frames that ask for the power state."""
        ...


@runtime_checkable
class InputSelect(Protocol):
    """Property `input`."""

    def encode_input(self, name: str) -> Frames:
        """Frames that show the named input."""
        ...

    def query_input(self) -> Frames:
        """Frames that ask which input is shown."""
        ...


@runtime_checkable
class Routing(Protocol):
    """Properties `route.<output>`."""

    def encode_routes(self, ties: Mapping[int, int]) -> Frames:
        """Frames that tie each output to an input (0 = none); several ties become active at one moment where the device can."""
        ...

    def query_route(self, output: int) -> Frames:
        """Frames that ask which input an output shows."""
        ...


@runtime_checkable
class Blank(Protocol):
    """Property `blank` (`channel` is None) or `blank.<output>`."""

    def encode_blank(self, channel: int | None, *, on: bool) -> Frames:
        """Frames that hide or show the picture."""
        ...

    def query_blank(self, channel: int | None) -> Frames:
        """Frames that ask whether the picture is hidden."""
        ...


@runtime_checkable
class Mute(Protocol):
    """Property `mute` (`channel` is None) or `mute.<output>`."""

    def encode_mute(self, channel: int | None, *, on: bool) -> Frames:
        """Frames that silence the channel or let it sound."""
        ...

    def query_mute(self, channel: int | None) -> Frames:
        """Frames that ask whether the channel is silent."""
        ...


@runtime_checkable
class Volume(Protocol):
    """Property `volume` (`channel` is None) or `volume.<output>`."""

    def encode_volume(self, channel: int | None, percent: float) -> Frames:
        """Frames that set the level, 0..100 percent of the device's own range."""
        ...

    def query_volume(self, channel: int | None) -> Frames:
        """Frames that ask for the level."""
        ...


@runtime_checkable
class Freeze(Protocol):
    """Property `freeze`."""

    def encode_freeze(self, *, on: bool) -> Frames:
        """Frames that hold or release the picture."""
        ...

    def query_freeze(self) -> Frames:
        """Frames that ask whether the picture is held."""
        ...


@runtime_checkable
class Presets(Protocol):
    """Property `preset`; action `store_preset(number)`."""

    def encode_preset(self, number: int) -> Frames:
        """Frames that recall a preset."""
        ...

    def query_preset(self) -> Frames:
        """Frames whose answers tell which preset the device is at (for VISCA: its position)."""
        ...

    def encode_store_preset(self, number: int) -> Frames:
        """Frames that store the present position as a preset."""
        ...


@runtime_checkable
class PanTilt(Protocol):
    """Property `position`; actions `drive(pan, tilt)` with speeds -1..1, and `home()`."""

    def encode_position(self, pan: int, tilt: int) -> Frames:
        """Frames that move the head to an absolute position."""
        ...

    def query_position(self) -> Frames:
        """Frames that ask for the position."""
        ...

    def encode_drive(self, pan: float, tilt: float) -> Frames:
        """Frames that move the head at a speed, -1..1 of its range (right and up positive); 0, 0 stops."""
        ...

    def encode_home(self) -> Frames:
        """Frames that move the head to its home position."""
        ...


@runtime_checkable
class Zoom(Protocol):
    """Property `zoom`; action `drive_zoom(speed)` with -1 (wide) .. 1 (tele)."""

    def encode_zoom(self, steps: int) -> Frames:
        """Frames that set the zoom."""
        ...

    def query_zoom(self) -> Frames:
        """Frames that ask for the zoom."""
        ...

    def encode_drive_zoom(self, speed: float) -> Frames:
        """Frames that zoom at a speed, -1..1; 0 stops."""
        ...


@runtime_checkable
class Relays(Protocol):
    """Properties `relay.<channel>`."""

    def encode_relay(self, channel: int, *, on: bool) -> Frames:
        """Frames that close (on) or open the contact."""
        ...

    def encode_relays(self, states: Mapping[int, bool]) -> Frames:
        """The same for several at one moment, where the device can."""
        ...

    def query_relay(self, channel: int) -> Frames:
        """Frames that ask whether the contact is closed."""
        ...


@runtime_checkable
class Levels(Protocol):
    """Property `level` (`channel` is None) or `level.<channel>`."""

    def encode_level(self, channel: int | None, percent: float) -> Frames:
        """Frames that dim or raise, 0..100 percent of the device's own range."""
        ...

    def query_level(self, channel: int | None) -> Frames:
        """Frames that ask for the level."""
        ...


@runtime_checkable
class Signal(Protocol):
    """Read-only properties `signal` (`channel` is None: what is shown) or `signal.<input>`."""

    def query_signal(self, channel: int | None) -> Frames:
        """Frames that ask whether a picture arrives."""
        ...


@runtime_checkable
class Status(Protocol):
    """Read-only properties that the driver names itself in `driver.yaml`."""

    def query_status(self, name: str) -> Frames:
        """Frames that ask for one read-only property."""
        ...


CAPABILITIES: Mapping[str, type] = {
    "power": Power,
    "input": InputSelect,
    "routing": Routing,
    "blank": Blank,
    "mute": Mute,
    "volume": Volume,
    "freeze": Freeze,
    "presets": Presets,
    "pan_tilt": PanTilt,
    "zoom": Zoom,
    "relay": Relays,
    "level": Levels,
    "signal": Signal,
    "status": Status,
}
"""Capability name in `driver.yaml` -> Protocol."""

IN_PROCESS = frozenset({"content", "cue", "stage", "plaque"})
"""Capabilities of devices that live in the server itself (walls, rundowns, the meeting, the plaque); no driver has them."""
