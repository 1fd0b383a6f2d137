"""Faults a simulator can be told to have, each switchable while it runs.

Written as `delay=2,drop=0.1,garbage,front_panel=route.1:3`; a name without `=` takes the fault's own default.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from difflib import get_close_matches

from devices.sdk.readings import Value


@dataclass(slots=True)
class Faults:
    """Present faults of one simulator. Chances are 0..1, times are seconds; everything off by default."""

    delay: float = 0.0
    """Seconds each reply is late."""
    drop: float = 0.0
    """Chance that a command is lost before the device sees it."""
    drop_ack: float = 0.0
    """Chance that the device acts but its reply is lost."""
    nak: float = 0.0
    """Chance that the device refuses a command with its own word for busy or error."""
    half: float = 0.0
    """Chance that a reply arrives in two pieces, 20 ms apart."""
    cut: float = 0.0
    """Chance that a reply ends in its middle and the rest never comes."""
    join: bool = False
    """Replies of 20 ms arrive as one chunk."""
    duplicate: int = 1
    """How often each reply is sent."""
    shuffle: bool = False
    """Replies of 20 ms arrive in any order."""
    garbage: float = 0.0
    """Chance that 64 random bytes go out before a reply."""
    lie: bool = False
    """The device acknowledges and keeps its state."""
    reboot: float = 0.0
    """The next command finds the device rebooting for so many seconds; happens once."""
    reset: float = 0.0
    """Chance that a command is answered by a connection reset."""
    idle_close: float = 0.0
    """Seconds without a command after which the device hangs up."""
    silent: bool = False
    """The connection stands, nothing is ever answered."""
    warmup: float | None = None
    """Seconds from power on to ready, where the device has a lamp; the family's own time by default."""
    cooling: float | None = None
    """Seconds from power off to off, where the device has a lamp; the family's own time by default."""
    refuse_clients: int | None = None
    """Clients beyond this number are refused; 0 refuses everybody."""
    flip: float = 0.0
    """Chance, for each byte sent, that one of its bits is wrong."""
    front_panel: tuple[str, Value] | None = None
    """`name:value`: somebody changes a property by hand when the next command comes; happens once."""

    @classmethod
    def parse(cls, text: str) -> Faults:
        """Faults from `delay=2,drop=0.1,lie`; ValueError names what is wrong and what exists."""
        faults = cls()
        faults.update(text)
        return faults

    def update(self, text: str) -> None:
        """Switch the named faults, keep the others; `none` switches everything off, `lie=off` one."""
        for word in filter(None, (part.strip() for part in text.split(","))):
            name, equals, given = word.partition("=")
            if word == "none":
                self.clear()
            elif name not in _BARE:
                near = get_close_matches(name, _BARE, n=1)
                hint = f"; did you mean '{near[0]}'?" if near else ""
                raise ValueError(f"unknown fault '{name}'{hint}; known: {', '.join(_BARE)}")
            elif given == "off":
                setattr(self, name, _OFF[name])
            else:
                setattr(self, name, _parsed(name, given if equals else _BARE[name]))

    def clear(self) -> None:
        """Switch everything off."""
        for name, value in _OFF.items():
            setattr(self, name, value)

    def describe(self) -> str:
        """The faults that are on, in the form `parse` takes; `none` when there are none."""
        return (
            ",".join(_word(name, getattr(self, name)) for name, off in _OFF.items() if getattr(self, name) != off)
            or "none"
        )


_OFF = {field.name: field.default for field in fields(Faults)}

_BARE = {
    "delay": "1",
    "drop": "0.1",
    "drop_ack": "0.1",
    "nak": "0.2",
    "half": "1",
    "cut": "0.1",
    "join": "on",
    "duplicate": "2",
    "shuffle": "on",
    "garbage": "0.2",
    "lie": "on",
    "reboot": "20",
    "reset": "0.1",
    "idle_close": "30",
    "silent": "on",
    "warmup": "40",
    "cooling": "20",
    "refuse_clients": "0",
    "flip": "0.01",
    "front_panel": "",
}
"""Every fault, and what it means without `=`."""

_CHANCES = {"drop", "drop_ack", "nak", "half", "cut", "garbage", "reset", "flip"}
_SWITCHES = {"join", "shuffle", "lie", "silent"}
_COUNTS = {"duplicate": 1, "refuse_clients": 0}


def parse_value(text: str) -> Value:
    """A value typed by a person: true/false, a number, `1/2` for a position, otherwise text."""
    if text in {"true", "false"}:
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    parts = text.split("/")
    if len(parts) > 1 and all(part.lstrip("-").isdigit() for part in parts):
        return tuple(int(part) for part in parts)
    return text


def _parsed(name: str, text: str) -> object:
    if name == "front_panel":
        prop, colon, value = text.partition(":")
        if not colon or not prop:
            raise ValueError("front_panel needs name:value, for example front_panel=route.1:3")
        return prop, parse_value(value)
    if name in _SWITCHES:
        if text not in {"on", "1", "true"}:
            raise ValueError(f"'{name}' is a switch: {name} or {name}=off, not '{text}'")
        return True
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"'{name}' needs a number, not '{text}'") from None
    if name in _CHANCES and not 0 <= number <= 1:
        raise ValueError(f"'{name}' is a chance from 0 to 1, not {text}")
    if name in _COUNTS:
        if number != int(number) or not _COUNTS[name] <= number <= 1000:
            raise ValueError(f"'{name}' is a whole number from {_COUNTS[name]}, not {text}")
        return int(number)
    if not 0 <= number <= 86400:
        raise ValueError(f"'{name}' is in seconds, 0 to 86400, not {text}")
    return number


def _word(name: str, value: object) -> str:
    if value is True:
        return name
    if isinstance(value, tuple):
        shown = (
            "/".join(map(str, value[1]))
            if isinstance(value[1], tuple)
            else str(value[1]).lower()
            if isinstance(value[1], bool)
            else value[1]
        )
        return f"{name}={value[0]}:{shown}"
    return f"{name}={value:g}" if isinstance(value, int | float) else f"{name}={value}"
