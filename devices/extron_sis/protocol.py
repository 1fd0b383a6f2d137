"""Extron Simple Instruction Set: values to bytes and lines to words. Pure; sources: Extron CrossPoint 300, CrossPoint 450 Plus, MVX and SMX manuals.

Most commands end with their own last character; those that begin with ESC end with CR. Replies end with CR LF.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

VOLUME_STEPS = 64
"""Output volume runs from 0 (silent) to 64 (0 dB)."""
PRESETS = 32
"""Global presets; number 0 is the present configuration and cannot be saved or recalled."""
PROMPT = b"Password:"
READ_FIRMWARE = b"Q"
READ_SIGNALS = b"0LS"
READ_MUTES = b"\x1bVM\r"
VERBOSE = b"\x1b3CV\r"
"""Mode 3: says unasked what was changed elsewhere, and tags answers so that they cannot be mixed up."""


@dataclass(frozen=True, slots=True)
class Tied:
    """An output shows an input; `plane` is All, Vid, RGB or Aud. Without output: every one."""

    output: int | None
    source: int
    plane: str


@dataclass(frozen=True, slots=True)
class Muted:
    """Picture (`video`) or sound of an output is muted. Without output: of every one."""

    output: int | None
    video: bool
    on: bool


@dataclass(frozen=True, slots=True)
class MuteTable:
    """For each output: bit 0 = picture muted, bit 1 = sound muted."""

    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class VolumeSet:
    """Volume of an output in steps."""

    output: int
    steps: int


@dataclass(frozen=True, slots=True)
class Signals:
    """For each input: whether a picture arrives."""

    values: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Preset:
    """A global preset was saved or recalled."""

    number: int
    saved: bool


@dataclass(frozen=True, slots=True)
class Firmware:
    """Answer to `Q`."""

    version: str


@dataclass(frozen=True, slots=True)
class Bare:
    """A number without a tag, as units answer that do not know verbose mode 3: means what was asked."""

    digits: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """`E12` and the like."""

    code: str


@dataclass(frozen=True, slots=True)
class Word:
    """`Qik` (ties made together), `Vrb3`, `Password:`, `Login …`: said by their first word."""

    text: str


Line = Tied | Muted | MuteTable | VolumeSet | Signals | Preset | Firmware | Bare | Refusal | Word


def tie(source: int, output: int) -> bytes:
    """Tie picture and sound of an input to an output; input 0 unties."""
    return b"%d*%d!" % (source, output)


def ties_together(ties: Mapping[int, int]) -> bytes:
    """Tie several outputs (output -> input) so that all become active at one moment."""
    return b"\x1b+Q" + b"".join(tie(source, output) for output, source in ties.items()) + b"\r"


def read_tie(output: int) -> bytes:
    """Ask which input's picture an output shows."""
    return b"%d%%" % output


def mute_video(output: int, *, on: bool) -> bytes:
    """Hide or show the picture of an output."""
    return b"%d*%dB" % (output, on)


def mute_audio(output: int, *, on: bool) -> bytes:
    """Silence an output or let it sound."""
    return b"%d*%dZ" % (output, on)


def set_volume(output: int, steps: int) -> bytes:
    """Set the volume of an output, 0..64."""
    return b"%d*%dV" % (output, steps)


def read_volume(output: int) -> bytes:
    """Ask for the volume of an output."""
    return b"%dV" % output


def save_preset(number: int) -> bytes:
    """Save the present ties as a global preset."""
    return b"%d," % number


def recall_preset(number: int) -> bytes:
    """Recall a global preset."""
    return b"%d." % number


def steps_of(percent: float) -> int:
    """Volume in the unit's steps."""
    return round(percent * VOLUME_STEPS / 100)


def percent_of(steps: int) -> float:
    """Volume in percent of the unit's range."""
    return steps * 100 / VOLUME_STEPS


_TELNET = re.compile(rb"\xff[\xfb-\xfe].", re.DOTALL)
_TIED = re.compile(r"(?:Out(\d{1,3}) )?In(\d{1,3}) (All|Vid|RGB|Aud)")
_MUTED = re.compile(r"(Vmt|Amt)(?:(\d{1,3})\*)?([01])")
_MUTES = re.compile(r"(?:Mut([0-3]+)|([0-3]+)Mut)")
_VOLUME = re.compile(r"Out(\d{1,3}) Vol(\d{1,3})")
_SIGNALS = re.compile(r"(?:Sig ?([01](?:[ ,*]?[01])*)|([01](?:[ ,*][01])+))")
_PRESET = re.compile(r"(Spr|Rpr)(\d{1,3})")
_FIRMWARE = re.compile(r"(?:Ver\d\d\*)?(\d{1,3}\.\d\d(?:\.\d{4})?)")
_BARE = re.compile(r"\d{1,128}")
_REFUSAL = re.compile(r"E\d\d")
_WORD = re.compile(r"(Qik|Vrb[0-3]|Password:|Login (?:Administrator|User))")


def parse(raw: bytes) -> Line | None:
    """The meaning of one line; None when it has none for us (banner, clock, noise)."""
    line = _TELNET.sub(b"", raw).decode("ascii", "replace").replace("•", " ").strip()
    if found := _TIED.fullmatch(line):
        return Tied(int(found[1]) if found[1] else None, int(found[2]), found[3])
    if found := _MUTED.fullmatch(line):
        return Muted(int(found[2]) if found[2] else None, found[1] == "Vmt", found[3] == "1")
    if found := _MUTES.fullmatch(line):
        return MuteTable(tuple(map(int, found[1] or found[2])))
    if found := _VOLUME.fullmatch(line):
        return VolumeSet(int(found[1]), int(found[2]))
    if found := _SIGNALS.fullmatch(line):
        return Signals(tuple(value == "1" for value in found[1] or found[2] if value in "01"))
    if found := _PRESET.fullmatch(line):
        return Preset(int(found[2]), found[1] == "Spr")
    if found := _FIRMWARE.fullmatch(line):
        return Firmware(found[1])
    if _BARE.fullmatch(line) and line.isascii():
        return Bare(line)
    if _REFUSAL.fullmatch(line):
        return Refusal(line)
    found = _WORD.fullmatch(line)
    return Word(found[1]) if found else None
