"""X32, M32 and X-Air: faders and mutes by names of one's own. The console acknowledges nothing, so each set is followed by a question."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

from devices.sdk import (
    BadSetting,
    Command,
    DatagramFramer,
    Done,
    Driver,
    Event,
    Frame,
    Framer,
    Frames,
    Manifest,
    NotSupported,
    PropertySpec,
    Query,
    ReadingSource,
    Reported,
    Set,
    Settings,
    Value,
)
from devices.x32_osc import protocol as osc
from devices.x32_osc.strips import SCENES, addresses

_OF_NO_INTEREST = Reported("", None)
"""A console tells everything that moves; a message that is well formed is not noise, even when no property is meant."""


class X32(Driver):
    """A console. Properties carry the names of `channels`; inside they are numbered."""

    def __init__(self, manifest: Manifest, settings: Settings) -> None:
        super().__init__(manifest, settings)
        strips = addresses(settings)
        self._names = tuple(strips)
        self._strips = tuple(strips.values())
        self._scene, self._recall, self._first, self._last = SCENES[settings.text("model")]
        self._properties = {f"{strip}/fader": f"volume.{name}" for name, strip in strips.items()}
        self._properties |= {f"{strip}/on": f"mute.{name}" for name, strip in strips.items()}
        self._properties[self._scene] = "scene"

    def framer(self) -> Framer:
        """Datagrams."""
        return DatagramFramer()

    def properties(self) -> tuple[str, ...]:
        """Fader and mute of each named strip, and what the console says of itself."""
        strips = tuple(f"{kind}.{name}" for kind in ("volume", "mute") for name in self._names)
        return (*strips, "scene", "model", "firmware")

    def spec(self, name: str) -> PropertySpec:
        """Spec of a property by its name, or by the strip's number."""
        kind, dot, channel = name.partition(".")
        known = channel in self._names or (channel.isdecimal() and 1 <= int(channel) <= len(self._names))
        spec = self.manifest.spec(name) if bool(dot) == (kind in ("volume", "mute")) else None
        if spec is None or (dot and not known):
            raise NotSupported(
                f"{self.manifest.family} has no property '{name}'; named under channels: {', '.join(self._names)}"
            )
        return spec

    def encode(self, command: Command) -> Frames:
        """Frames of a command; strips are numbered by their place under `channels`."""
        if isinstance(command, Set | Query):
            command = replace(command, property=self._numbered(command.property))
        return super().encode(command)

    def interpret(self, message: bytes, pending: Command | None) -> Iterable[Event]:
        """Events of one datagram: an answer, or what somebody moved."""
        said = osc.unpack(message)
        if said is None:
            return []
        if said.address == "/info":
            return self._info(said)
        name = self._properties.get(said.address)
        value = _value(name, said.arguments[0]) if name and said.arguments else None
        if name is None or value is None:
            return [_OF_NO_INTEREST]
        if isinstance(pending, Set) and pending.property == name:
            return [Reported(name, value, ReadingSource.QUERY), Done()]
        return [Reported(name, value)]

    def keepalive(self) -> Query:
        """The model: the one answer that looks like no other. Asking for it also renews the subscription."""
        return Query("model")

    def snapshot(self) -> tuple[Query, ...]:
        """Everything; the model's answer tells the firmware too."""
        return (Query("model"), *(Query(name) for name in self.properties() if name not in ("model", "firmware")))

    # -- capabilities --

    def encode_volume(self, channel: int | None, percent: float) -> Frames:
        """Move a fader and ask where it is."""
        return self._set(channel, "fader", percent / 100)

    def query_volume(self, channel: int | None) -> Frames:
        """Ask where a fader is."""
        return (Frame(osc.pack(self._address(channel, "fader"))),)

    def encode_mute(self, channel: int | None, *, on: bool) -> Frames:
        """Switch a strip's ON, which is the opposite of mute, and ask for it."""
        return self._set(channel, "on", int(not on))

    def query_mute(self, channel: int | None) -> Frames:
        """Ask for a strip's ON."""
        return (Frame(osc.pack(self._address(channel, "on"))),)

    def query_status(self, name: str) -> Frames:
        """Present scene; or who the console is, which renews the subscription on the way."""
        if name == "scene":
            return (Frame(osc.pack(self._scene)),)
        return (Frame(osc.pack("/xremote"), answered=False), Frame(osc.pack("/info")))

    def encode_action(self, name: str, arguments: Mapping[str, Value]) -> Frames:
        """Recall a scene and ask which one is present."""
        if name != "recall_scene":
            return super().encode_action(name, arguments)
        number = arguments["number"]
        if not isinstance(number, int) or not self._first <= number <= self._last:
            raise BadSetting(f"scene {number} does not exist; there are {self._first} to {self._last}", key="number")
        return (Frame(osc.pack(self._recall, number), answered=False),)

    # -- names, numbers, addresses --

    def _numbered(self, name: str) -> str:
        kind, _, channel = name.partition(".")
        return f"{kind}.{self._names.index(channel) + 1}" if channel in self._names else name

    def _address(self, channel: int | None, word: str) -> str:
        return f"{self._strips[(channel or 1) - 1]}/{word}"

    def _set(self, channel: int | None, word: str, value: float) -> Frames:
        address = self._address(channel, word)
        return (Frame(osc.pack(address, value), answered=False), Frame(osc.pack(address)))

    @staticmethod
    def _info(said: osc.Message) -> list[Event]:
        """Server version, server name, model, firmware."""
        texts = [text for text in said.arguments if isinstance(text, str)]
        if len(texts) < 4:
            return [_OF_NO_INTEREST]
        return [Reported("model", texts[2]), Reported("firmware", texts[3])]


def _value(name: str, argument: osc.Argument) -> Value:
    """A property's value; None for what the console cannot mean."""
    if name == "scene":
        return argument if isinstance(argument, int) else None
    if name.startswith("mute."):
        return argument == 0 if argument in (0, 1) and isinstance(argument, int) else None
    if isinstance(argument, float) and math.isfinite(argument) and -0.001 <= argument <= 1.001:
        return min(100.0, max(0.0, round(argument * 100, 3)))
    return None
