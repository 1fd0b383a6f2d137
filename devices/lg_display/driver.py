"""LG driver: one value for each question; mute is upside down on the wire."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from devices.lg_display import protocol
from devices.lg_display.protocol import Answer
from devices.sdk import (
    BadSetting,
    Busy,
    Command,
    Desync,
    DeviceError,
    Done,
    Driver,
    Event,
    Failed,
    Frame,
    Framer,
    Frames,
    Manifest,
    NotSupported,
    Query,
    Refused,
    Reported,
    Set,
    Settings,
    Value,
)

WORDS: Final[Mapping[str, str]] = {
    "power": protocol.POWER,
    "input": protocol.INPUT,
    "blank": protocol.SCREEN_MUTE,
    "volume": protocol.VOLUME,
    "mute": protocol.VOLUME_MUTE,
    "signal": protocol.STATUS,
    "temperature": protocol.TEMPERATURE,
    "serial": protocol.SERIAL,
    "firmware": protocol.FIRMWARE,
}
"""Property -> command. Their second letters differ, and those are all that comes back."""
IDENTITY: Final = frozenset({"serial", "firmware"})
"""Asked once for each connection."""
WAIT_S: Final = 1.0
"""NG 03: the set asks for more time; it needs seconds to start."""


class LgDisplay(Driver):
    """One display."""

    def __init__(self, manifest: Manifest, settings: Settings) -> None:
        self._codes = _own_inputs(settings.mapping("inputs"))
        if self._codes:
            spec = manifest.properties["input"].model_copy(update={"values": tuple(self._codes)})
            manifest = manifest.model_copy(update={"properties": {**manifest.properties, "input": spec}})
        super().__init__(manifest, settings)
        self._digits = int(settings.text("id_digits"))
        self._identified: frozenset[str] = frozenset()
        if settings.integer("id") >= 16**self._digits:
            raise BadSetting(f"id {settings.integer('id')} needs id_digits: 3", key="id_digits")

    # -- connection --

    def framer(self) -> Framer:
        """Messages that end with x."""
        return protocol.framer()

    def reset(self) -> None:
        """Another set may stand there now."""
        self._identified = frozenset()

    def snapshot(self) -> tuple[Query, ...]:
        """Power first, since a set in standby may answer nothing else; who it is only once."""
        return tuple(Query(name) for name in WORDS if name not in self._identified)

    def keepalive(self) -> Query:
        """Answered in standby by most sets."""
        return Query("power")

    # -- values to bytes --

    def encode_power(self, *, on: bool) -> Frames:
        """`ka`."""
        return self._frame("power", protocol.hexadecimal(on))

    def query_power(self) -> Frames:
        """`ka`."""
        return self._frame("power")

    def encode_input(self, name: str) -> Frames:
        """`xb`."""
        return self._frame("input", protocol.hexadecimal(self._codes.get(name) or protocol.INPUTS[name]))

    def query_input(self) -> Frames:
        """`xb`."""
        return self._frame("input")

    def encode_blank(self, channel: int | None, *, on: bool) -> Frames:
        """`kd`: 01 hides the picture."""
        del channel
        return self._frame("blank", protocol.hexadecimal(on))

    def query_blank(self, channel: int | None) -> Frames:
        """`kd`."""
        del channel
        return self._frame("blank")

    def encode_volume(self, channel: int | None, percent: float) -> Frames:
        """`kf`: 00 to 64 in hex."""
        del channel
        return self._frame("volume", protocol.hexadecimal(round(percent)))

    def query_volume(self, channel: int | None) -> Frames:
        """`kf`."""
        del channel
        return self._frame("volume")

    def encode_mute(self, channel: int | None, *, on: bool) -> Frames:
        """`ke`: 00 silences, 01 lets it sound."""
        del channel
        return self._frame("mute", protocol.hexadecimal(not on))

    def query_mute(self, channel: int | None) -> Frames:
        """`ke`."""
        del channel
        return self._frame("mute")

    def query_signal(self, channel: int | None) -> Frames:
        """`sv`, whose first data says what is asked."""
        del channel
        return self._frame("signal", f"{protocol.SIGNAL} {protocol.READ}")

    def query_status(self, name: str) -> Frames:
        """`dn`, `fy`, `fz`."""
        return self._frame(name, protocol.READ)

    # -- bytes to values --

    def interpret(self, message: bytes, pending: Command | None) -> Iterable[Event]:
        """Events of one answer. That of a command repeats its value and ends it; any other value is what the set is."""
        answer = protocol.parse(message)
        if answer is None:
            return []
        if answer.set_id != self.settings.integer("id"):
            return [Desync(f"set {answer.set_id} answers instead of {self.settings.integer('id')}")]
        name = next((name for name, word in WORDS.items() if word[1] == answer.word), None)
        asked = pending.property if isinstance(pending, Set | Query) else None
        if name is None:
            return []
        if not answer.accepted:
            return [Failed(_refusal(name, answer))] if name == asked else []
        value = self._value(name, answer.data)
        if value is None:
            return [Failed(Refused(f"the answer '{answer.data}' means nothing for {name}"))] if name == asked else []
        if isinstance(pending, Set) and name == asked and value == _as_told(pending.value):
            return [Done()]
        if name in IDENTITY:
            self._identified |= {name}
        return [Reported(name, value)]

    def _value(self, name: str, data: str) -> Value:
        if name == "signal":
            return protocol.signal(data)
        if name in IDENTITY:
            return data or None
        number = protocol.number(data)
        if number is None:
            return None
        match name:
            case "power":
                return {0: "off", 1: "on"}.get(number)
            case "input":
                own = next((name for name, code in self._codes.items() if code == number), None)
                return own or protocol.input_name(number)
            case "blank":
                return {0: False, 1: True}.get(number)
            case "mute":
                return {0: True, 1: False}.get(number)
            case "volume":
                return float(number) if number <= 100 else None
        return number

    def _frame(self, name: str, data: str = protocol.READ) -> Frames:
        set_id = self.settings.integer("id")
        return (Frame(protocol.command(WORDS[name], set_id, data, digits=self._digits)),)


def _as_told(wanted: Value) -> Value:
    return float(round(wanted)) if isinstance(wanted, int | float) and not isinstance(wanted, bool) else wanted


def _refusal(name: str, answer: Answer) -> DeviceError:
    """NG data: 1 illegal code, 2 unsupported function, 3 wait."""
    code = f"NG{answer.data}"
    match protocol.number(answer.data):
        case 2:
            return NotSupported(f"this set has no such {name} ({code})", device_code=code)
        case 3:
            return Busy(f"the set is not ready for {name} ({code}): in standby or starting", retry_after=WAIT_S)
    return Refused(
        f"the set refuses {name} ({code}); while it plays its own media it takes power only", device_code=code
    )


def _own_inputs(given: Mapping[str, object]) -> dict[str, int]:
    codes: dict[str, int] = {}
    for name, written in given.items():
        code = protocol.number(str(written))
        if code is None or not code:
            raise BadSetting(
                f"inputs: '{name}' is {written!r}, but must be two hex digits of the model's manual, for example a1",
                key="inputs",
            )
        codes[name] = code
    return codes
