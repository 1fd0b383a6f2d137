"""Kramer Protocol 3000: values to bytes and lines to words, pure. Source: command tables of VP-8x8AK (Table 15), VP-16x18AK, VS-88HN, PL-50, KIT-400 manuals.

A host's line is `#[id@]COMMAND parameters` CR, several commands joined by `|`; a device's is `~id@COMMAND parameters [RESULT]` CR LF.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

PRESETS = 60
ALL_OUTPUTS = 0
"""Stands for `*` in a line about every output."""


@dataclass(frozen=True, slots=True)
class Tied:
    """Outputs show inputs: an acknowledgement (`ok`), an answer, or news; the words alone do not say which."""

    machine: int | None
    verb: str
    ties: tuple[tuple[int, int], ...]
    """(output, input); output ALL_OUTPUTS means every one."""
    ok: bool


@dataclass(frozen=True, slots=True)
class Signal:
    """Whether a picture arrives at an input: an answer, or news of a cable."""

    machine: int | None
    input: int
    on: bool


@dataclass(frozen=True, slots=True)
class Refusal:
    """`ERR003`, with the command it refuses where the device names it."""

    machine: int | None
    verb: str
    code: str


@dataclass(frozen=True, slots=True)
class Said:
    """Any other answer: `MODEL VS-88H2`, `PRST-RCL 3 OK`, and the handshake, whose verb is empty."""

    machine: int | None
    verb: str
    text: str
    ok: bool


Line = Tied | Signal | Refusal | Said


def line(machine: int, *commands: str) -> bytes:
    """A host's line; machine 0 is not addressed."""
    address = f"{machine}@" if machine else ""
    return f"#{address}{'|'.join(commands)}\r".encode("ascii", "replace")


def vid(ties: Mapping[int, int]) -> str:
    """Tie outputs (output -> input) in one command of the old dialect."""
    return "VID " + ",".join(f"{source}>{output}" for output, source in ties.items())


def route(layer: int, output: int, source: int) -> str:
    """Tie one output in the new dialect."""
    return f"ROUTE {layer},{output},{source}"


def read_all_vid() -> str:
    """Ask for every output in the old dialect."""
    return "VID? *"


def read_route(layer: int, output: int) -> str:
    """Ask for one output in the new dialect."""
    return f"ROUTE? {layer},{output}"


def read_signal(source: int) -> str:
    """Ask whether a picture arrives at an input."""
    return f"SIGNAL? {source}"


def login(user: str, password: str) -> str:
    """Log in."""
    return f"LOGIN {user},{password}"


def ties_of(payload: bytes) -> frozenset[tuple[int, int]]:
    """Ties (output, input) a line of ours asks for; their acknowledgements may come one by one."""
    text = payload.decode("ascii", "replace")
    pairs = {(int(found[2]), int(found[1])) for found in _PAIR.finditer(text)}
    return frozenset(pairs | {(int(found[2]), int(found[3])) for found in _ROUTE.finditer(text)})


def lines_of(machine: int, commands: Iterable[str], limit: int) -> list[bytes]:
    """As few lines as the limit of characters allows, commands joined by `|`."""
    lines: list[list[str]] = [[]]
    for command in commands:
        if lines[-1] and len(line(machine, *lines[-1], command)) > limit:
            lines.append([])
        lines[-1].append(command)
    return [line(machine, *joined) for joined in lines if joined]


_LINE = re.compile(r"~(?:(\d{1,3})@)?\s*(.*)", re.DOTALL)
_REFUSAL = re.compile(r"(?:([A-Z][A-Z0-9-]*\??)\b.*?)?\bERR\s?(\d{3})\b.*")
_VERB = re.compile(r"([A-Z][A-Z0-9-]*)\??(?:\s+(.*?))??(?:\s*\b(OK))?", re.IGNORECASE)
_PAIR = re.compile(r"(\d{1,3})>(\d{1,3})")
_PAIRS = re.compile(r"\d{1,3}>(?:\d{1,3}|\*)(?:\s*,\s*\d{1,3}>(?:\d{1,3}|\*))*")
_ROUTE = re.compile(r"ROUTE (\d{1,2}),(\d{1,3}),(\d{1,3})")
_ROUTED = re.compile(r"(\d{1,2})\s*,\s*(\d{1,3}|\*)\s*,\s*(\d{1,3})")
_SIGNAL = re.compile(r"(\d{1,3})\s*,\s*(0|1|ON|OFF)", re.IGNORECASE)
_VIDEO_LAYERS = {1, 12}


def parse(raw: bytes) -> Line | None:
    """The meaning of one line; None when it has none for us (greeting, sound, noise)."""
    found = _LINE.fullmatch(raw.decode("ascii", "replace").strip())
    if found is None or len(raw) > 1024:
        return None
    machine = int(found[1]) if found[1] else None
    text = found[2].strip()
    if text.upper() in {"OK", ""}:
        return Said(machine, "", "", ok=True)
    if refusal := _REFUSAL.fullmatch(text):
        return Refusal(machine, (refusal[1] or "").rstrip("?"), f"ERR{refusal[2]}")
    said = _VERB.fullmatch(text)
    if said is None:
        return None
    verb, rest, ok = said[1].upper(), (said[2] or "").strip(), said[3] is not None
    if verb in {"VID", "AV"}:
        return Tied(machine, verb, _pairs(rest), ok) if _PAIRS.fullmatch(rest) else None
    if verb == "ROUTE":
        routed = _ROUTED.fullmatch(rest)
        if routed is None or int(routed[1]) not in _VIDEO_LAYERS:
            return None
        return Tied(machine, verb, ((_output(routed[2]), int(routed[3])),), ok)
    if verb == "SIGNAL":
        told = _SIGNAL.fullmatch(rest)
        return Signal(machine, int(told[1]), told[2].upper() in {"1", "ON"}) if told else None
    return Said(machine, verb, rest, ok)


def _pairs(text: str) -> tuple[tuple[int, int], ...]:
    pairs = (part.strip().split(">") for part in text.split(","))
    return tuple((_output(output), int(source)) for source, output in pairs)


def _output(text: str) -> int:
    return ALL_OUTPUTS if text == "*" else int(text)
