"""A display: power, input, volume. Sockets, queues, time and retries are the session's; here is only what is particular to the protocol."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from devices.sdk import (
    Busy,
    Command,
    DeviceError,
    Done,
    Driver,
    Event,
    Failed,
    Frame,
    Framer,
    Frames,
    NotSupported,
    Query,
    Refused,
    Reported,
    Set,
    TerminatorFramer,
    Value,
)

from . import protocol

_PROPERTIES = {"PWR": "power", "INP": "input", "VOL": "volume"}
_INPUTS = {code: name for name, code in protocol.INPUTS.items()}


class Display(Driver):
    """A display that speaks lines."""

    def framer(self) -> Framer:
        """Lines that end with CR."""
        return TerminatorFramer(b"\r", b"\n", limit=64)

    def interpret(self, message: bytes, pending: Command | None) -> Iterable[Event]:
        """An answer to our question is a reading; the echo of our command only ends it; anything else is news."""
        line = protocol.parse(message)
        if line is None or line.set_id != self._id:
            return []
        if line.word == "ERR":
            return [Failed(_refusal(line.value))] if pending is not None else []
        name = _PROPERTIES[line.word]
        value = _value(line.word, line.value)
        if value is None:
            return []
        if isinstance(pending, Set) and pending.property == name and self._same(name, pending.value, value):
            return [Done()]
        return [Reported(name, value)]

    def keepalive(self) -> Query:
        """Answered in every state."""
        return Query("power")

    def encode_power(self, *, on: bool) -> Frames:
        """Switch on or off."""
        return (Frame(protocol.command(self._id, "PWR", int(on))),)

    def query_power(self) -> Frames:
        """Ask whether it is on."""
        return (Frame(protocol.question(self._id, "PWR")),)

    def encode_input(self, name: str) -> Frames:
        """Show an input."""
        return (Frame(protocol.command(self._id, "INP", protocol.INPUTS[name])),)

    def query_input(self) -> Frames:
        """Ask which input is shown."""
        return (Frame(protocol.question(self._id, "INP")),)

    def encode_volume(self, channel: int | None, percent: float) -> Frames:
        """Set the volume."""
        del channel
        return (Frame(protocol.command(self._id, "VOL", round(percent))),)

    def query_volume(self, channel: int | None) -> Frames:
        """Ask how loud it is."""
        del channel
        return (Frame(protocol.question(self._id, "VOL")),)

    @property
    def _id(self) -> int:
        return self.settings.integer("id")

    @staticmethod
    def _same(name: str, wanted: Value, told: Value) -> bool:
        return round(cast("float", wanted)) == told if name == "volume" else wanted == told


def _value(word: str, text: str) -> Value:
    if word == "PWR":
        return {"0": "off", "1": "on"}.get(text)
    if word == "INP":
        return _INPUTS.get(text)
    return float(text) if int(text) <= 100 else None


def _refusal(code: str) -> DeviceError:
    if code == "1":
        return NotSupported("command not known", device_code="ERR 1")
    if code == "3":
        return Busy("not possible in standby")
    return Refused("value refused", device_code=f"ERR {code}")
