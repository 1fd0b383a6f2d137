"""Blackmagic Videohub Ethernet Protocol 2.3 to 2.8: values to blocks and blocks to words, pure. Source: Videohub manuals, "Developer Information".

A block is a title with a colon, lines, and an empty line. Ports are counted from 0 on the wire and from 1 everywhere else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

ROUTING = "VIDEO OUTPUT ROUTING"
LOCKS = "VIDEO OUTPUT LOCKS"
OUTPUT_LABELS = "OUTPUT LABELS"
INPUT_LABELS = "INPUT LABELS"
DEVICE = "VIDEOHUB DEVICE"
LONGEST_BLOCK = 64 * 1024
"""288 labels of a Universal Videohub need a fifth."""


@dataclass(frozen=True, slots=True)
class Routed:
    """Outputs show inputs, both counted from 1."""

    ties: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Locked:
    """Locks of outputs: U nobody's, O ours, L another client's."""

    locks: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Labelled:
    """Labels of outputs or inputs."""

    inputs: bool
    labels: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Device:
    """What the hub is; `present` is `true`, `false` or `needs_update`."""

    present: str
    model: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """ACK or NAK of the oldest unanswered block."""

    ok: bool


Block = Routed | Locked | Labelled | Device | Verdict


def route(ties: Mapping[int, int]) -> bytes:
    """Tie outputs (output -> input) in one request."""
    return _block(ROUTING, *(f"{output - 1} {source - 1}" for output, source in ties.items()))


def ask(title: str) -> bytes:
    """Ask for everything of a title."""
    return _block(title)


def _block(title: str, *lines: str) -> bytes:
    return ("\n".join((f"{title}:", *lines)) + "\n\n").encode()


_TITLE = re.compile(r"[A-Z][A-Z ]{2,40}:")
_PAIR = re.compile(r"(\d{1,3}) (\d{1,3})")
_LOCK = re.compile(r"(\d{1,3}) ([UOLF])")
_LABEL = re.compile(r"(\d{1,3}) (.*)")


def parse(message: bytes) -> tuple[Block, ...]:
    """Blocks of one message; those that are not known, and lines that are not, are passed over as the protocol asks."""
    found: list[Block] = []
    for title, lines in _split(message.decode("utf-8", "replace")):
        block = _read(title, lines)
        if block is not None:
            found.append(block)
    return tuple(found)


def _split(text: str) -> Iterator[tuple[str, list[str]]]:
    """Titles with their lines; after a loss one message may hold the torn rest of another."""
    title, lines = "", list[str]()
    for raw in text.split("\n"):
        line = raw.strip("\r")
        if line in {"ACK", "NAK"}:
            yield line, []
        elif _TITLE.fullmatch(line):
            if title:
                yield title, lines
            title, lines = line[:-1], []
        elif line:
            lines.append(line)
    if title:
        yield title, lines


def _read(title: str, lines: list[str]) -> Block | None:
    match title:
        case "ACK" | "NAK":
            return Verdict(title == "ACK")
        case "VIDEO OUTPUT ROUTING":
            return Routed({int(pair[1]) + 1: int(pair[2]) + 1 for line in lines if (pair := _PAIR.fullmatch(line))})
        case "VIDEO OUTPUT LOCKS":
            return Locked({int(lock[1]) + 1: lock[2] for line in lines if (lock := _LOCK.fullmatch(line))})
        case "OUTPUT LABELS" | "INPUT LABELS":
            labels = {int(label[1]) + 1: label[2] for line in lines if (label := _LABEL.fullmatch(line))}
            return Labelled(title == INPUT_LABELS, labels)
        case "VIDEOHUB DEVICE":
            words = dict(line.split(": ", 1) for line in lines if ": " in line)
            return Device(words.get("Device present", "true"), words.get("Model name", ""))
    return None
