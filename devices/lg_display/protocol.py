"""LG's RS-232C words <-> values. Pure: no socket, no clock.

Source: chapter "Controlling the multiple product" of LG's owner's manuals (49SH7DB page 40, 55LS55A items 49-53, 32VS10MS items 04-05).
A command is `<command1><command2> <set id> <data>` CR; the answer is `<command2> <set id> OK<data>x` or `...NG<data>x`: it ends with the letter x, not with CR.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from devices.sdk import TerminatorFramer

READ: Final = "ff"
"""As data: tell the present value."""
MAX_ANSWER: Final = 64
"""The longest answer we ask for is a serial number of some 13 characters."""

POWER: Final = "ka"
INPUT: Final = "xb"
SCREEN_MUTE: Final = "kd"
VOLUME_MUTE: Final = "ke"
VOLUME: Final = "kf"
TEMPERATURE: Final = "dn"
STATUS: Final = "sv"
SERIAL: Final = "fy"
FIRMWARE: Final = "fz"
SIGNAL: Final = "02"
"""First data of STATUS: whether there is a signal."""

INPUTS: Final[Mapping[str, int]] = {
    "hdmi1": 0x90,
    "hdmi2": 0x91,
    "hdmi3": 0xC2,
    "displayport1": 0xC0,
    "dvi": 0x70,
    "vga": 0x60,
    "ops": 0x98,
    "hdbaset": 0xC3,
    "av": 0x20,
    "component": 0x40,
    "webos": 0xE0,
}
"""What is sent; the manual of the model decides which of them exist."""
_ALSO: Final[Mapping[int, str]] = {
    0xA0: "hdmi1",
    0xA1: "hdmi2",
    0xD2: "hdmi3",
    0xD0: "displayport1",
    0x80: "dvi",
    0xA8: "ops",
    0xD3: "hdbaset",
}
"""The same sockets labelled as PC (or DTV) in the set's menu, as they are read."""
_NAMES: Final[Mapping[int, str]] = {**_ALSO, **{code: name for name, code in INPUTS.items()}}

_ANSWER: Final = re.compile(rb"([a-z]) ([0-9a-f]{1,3}) (OK|NG)([0-9A-Za-z.]{0,32})\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """An acknowledgement. `word` is the second letter of the command: the first one does not come back."""

    word: str
    set_id: int
    accepted: bool
    data: str


def framer() -> TerminatorFramer:
    """Messages that end with the letter x."""
    return TerminatorFramer(b"x", limit=MAX_ANSWER)


def command(word: str, set_id: int, data: str, *, digits: int = 2) -> bytes:
    """One command with its CR: `ka 01 01`."""
    return f"{word} {set_id:0{digits}x} {data}\r".encode("ascii")


def parse(message: bytes) -> Answer | None:
    """An answer without its x, noise before it skipped; None when it is none."""
    found = _ANSWER.search(message.strip())
    if found is None:
        return None
    word, set_id, verdict, data = (part.decode("ascii") for part in found.groups())
    return Answer(word.lower(), int(set_id, 16), verdict.upper() == "OK", data)


def number(data: str) -> int | None:
    """A value of one or two hex digits."""
    return int(data, 16) if re.fullmatch(r"[0-9a-fA-F]{1,2}", data) else None


def hexadecimal(value: int) -> str:
    """A value as data: lower case, two digits."""
    return f"{value:02x}"


def input_name(code: int) -> str:
    """Name of an input's code; `input_e1` for one without a name here."""
    return _NAMES.get(code, f"input_{code:02x}")


def signal(data: str) -> bool | None:
    """The answer to STATUS 02: its number again, then 00 or 01."""
    return {"0200": False, "0201": True}.get(data)
