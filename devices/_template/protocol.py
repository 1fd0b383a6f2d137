"""Values to bytes and bytes to values, pure. Name the manual, its page, and keep its words.

The example device takes `01 PWR 1` CR and answers `01 PWR 1` CR; a question is `01 PWR ?`; refusals are `01 ERR 2`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

END = b"\r"
INPUTS = {"hdmi1": "11", "hdmi2": "12", "vga1": "21"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the device: whose, about what, which value."""

    set_id: int
    word: str
    value: str


def command(set_id: int, word: str, value: str | int) -> bytes:
    """Set a word to a value."""
    return f"{set_id:02} {word} {value}".encode("ascii") + END


def question(set_id: int, word: str) -> bytes:
    """Ask for a word's value."""
    return command(set_id, word, "?")


_LINE = re.compile(r"(\d\d) (PWR|INP|VOL|ERR) (\d{1,3})")


def parse(raw: bytes) -> Line | None:
    """A line's meaning; None for noise."""
    found = _LINE.fullmatch(raw.decode("ascii", "replace").strip())
    return Line(int(found[1]), found[2], found[3]) if found else None
