"""PJLink words <-> values. Pure: no socket, no clock.

Source: JBMIA "PJLink Specifications", class 1 version 1.04 (2013) and class 2 version 2.00 (2017); section numbers below are those of class 2.
A command is `%<class><BODY> <parameter>` CR, its reply `%<class><BODY>=<parameter>` CR (sections 2.1, 2.2).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from devices.sdk import TerminatorFramer

MAX_MESSAGE: Final = 256
"""Section 2.2: a reply has at most 136 characters; some units pad it."""

POWER_STATES: Final[Mapping[str, str]] = {"0": "off", "1": "on", "2": "cooling", "3": "warming"}
"""Section 4.2."""
INPUT_GROUPS: Final[Mapping[str, str]] = {
    "rgb": "1",
    "video": "2",
    "hdmi": "3",
    "storage": "4",
    "network": "5",
    "internal": "6",
}
"""Section 4.3, first character; the standard says "digital" where a room says HDMI."""
FAULT_PLACES: Final = ("fan", "lamp", "temperature", "cover", "filter", "other")
"""Section 4.7: one digit each, in this order."""

_NUMBERS: Final = "123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""Second character of an input; letters from class 2 on."""
_REPLY: Final = re.compile(rb"%([12])([A-Z0-9]{4})=(.{0,128})\Z", re.IGNORECASE | re.DOTALL)
_GREETING: Final = re.compile(rb"PJLINK (?:(0)|1 ([0-9A-F]{8})|(ERRA))\Z", re.IGNORECASE)
_DIGEST: Final = re.compile(rb"^[0-9a-f]{32}%")
_INPUT_NAME: Final = re.compile(r"([a-z]+)([1-9][0-9]?)")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer or a notification: they have the same form."""

    pj_class: int
    body: str
    parameter: str

    @property
    def error(self) -> str:
        """`ERR1` .. `ERR4`, or nothing."""
        word = self.parameter.upper()
        return word if word in {"ERR1", "ERR2", "ERR3", "ERR4"} else ""

    @property
    def acknowledged(self) -> bool:
        """True when the projector took a set command."""
        return self.parameter.upper() == "OK"


@dataclass(frozen=True, slots=True)
class Greeting:
    """What the projector says first (section 5). `salt` is empty when it asks for no password."""

    salt: bytes = b""
    refused: bool = False
    """True for `PJLINK ERRA`: the digest was wrong."""


def framer() -> TerminatorFramer:
    """Messages end with CR; a LF after it and NUL padding are seen in the field and dropped."""
    return TerminatorFramer(b"\r\n", b"\r", limit=MAX_MESSAGE, strip_nul=True)


def command(body: str, parameter: str = "?", *, pj_class: int = 1) -> bytes:
    """One command line, with its CR."""
    return f"%{pj_class}{body} {parameter}\r".encode("ascii")


def parse_reply(message: bytes) -> Reply | None:
    """A reply without its CR, noise before it skipped; None when it is none."""
    found = _REPLY.search(message.rstrip())
    if found is None:
        return None
    pj_class, body, parameter = found.groups()
    return Reply(int(pj_class), body.decode("ascii").upper(), parameter.decode("utf-8", "replace").strip())


def parse_greeting(message: bytes) -> Greeting | None:
    """A greeting without its CR, noise before it skipped; None when it is none."""
    found = _GREETING.search(message.rstrip())
    return None if found is None else Greeting(found[2] or b"", refused=found[3] is not None)


def digest(salt: bytes, password: str) -> bytes:
    """32 hex digits that stand before the first command of a connection (section 5.1)."""
    return hashlib.md5(salt + password.encode("utf-8"), usedforsecurity=False).hexdigest().encode("ascii")


def without_digest(payload: bytes) -> bytes:
    """A command line as a trace may show it."""
    return _DIGEST.sub(b"***%", payload)


def input_code(name: str) -> str | None:
    """Two characters of an input: `hdmi2` -> `32`, `rgb10` -> `1A` (class 2); None when there is no such name."""
    found = _INPUT_NAME.fullmatch(name)
    if found is None or found[1] not in INPUT_GROUPS or int(found[2]) > len(_NUMBERS):
        return None
    return INPUT_GROUPS[found[1]] + _NUMBERS[int(found[2]) - 1]


def input_name(code: str) -> str | None:
    """Name of an input's two characters: `32` -> `hdmi2`; None when it is no input."""
    code = code.upper()
    if not is_input_code(code):
        return None
    group = next(name for name, first in INPUT_GROUPS.items() if first == code[0])
    return f"{group}{_NUMBERS.index(code[1]) + 1}"


def is_input_code(code: str) -> bool:
    """True for `11` .. `6Z`."""
    return re.fullmatch(r"[1-6][1-9A-Z]", code) is not None


def input_class(code: str) -> int:
    """Lowest class that knows an input: letters and internal sources came with class 2 (section 4.3)."""
    return 1 if code[0] != "6" and code[1].isdigit() else 2


def mutes(parameter: str) -> tuple[bool, bool] | None:
    """(picture hidden, sound silent) of an AVMT answer (section 4.6)."""
    return {"11": (True, False), "21": (False, True), "31": (True, True), "30": (False, False)}.get(parameter)


def faults(parameter: str) -> str | None:
    """An ERST answer in words: `none`, or `lamp error, filter warning` with errors first (section 4.7)."""
    if re.fullmatch(r"[012]{6}", parameter) is None:
        return None
    named = list(zip(FAULT_PLACES, parameter, strict=True))
    words = [f"{place} error" for place, digit in named if digit == "2"] + [
        f"{place} warning" for place, digit in named if digit == "1"
    ]
    return ", ".join(words) or "none"


def lamp_hours(parameter: str) -> int | None:
    """Hours of the oldest lamp in a LAMP answer, `<hours> <lit>` for each of up to eight (section 4.8)."""
    if re.fullmatch(r"\d{1,5} [01](?: \d{1,5} [01]){0,7}", parameter, re.ASCII) is None:
        return None
    return max(int(hours) for hours in parameter.split(" ")[::2])
