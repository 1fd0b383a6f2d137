"""MDC bytes <-> values. Pure: no socket, no clock.

Source: Samsung "Multiple Display Control Protocol" version 15.0 (2020-11-06), commands by their number there, and the MDC chapter of every professional
display's user manual (PM49F, UD55A: packet, ACK and NAK).
A command is `AA cmd id length data.. sum`, its reply `AA FF id length 'A'|'N' cmd data.. sum`; the sum is that of all bytes between, modulo 256.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from devices.sdk import PacketFramer

HEADER: Final = 0xAA
REPLY: Final = 0xFF
ACK: Final = ord("A")
NAK: Final = ord("N")
MAX_DATA: Final = 80
"""The longest reply we ask for is a model name; a longer length byte is noise."""
SHORTEST: Final = 7
"""Header, reply, id, length, 'A', command, sum."""
_FIXED: Final = 5
"""Bytes of a packet beside its data."""
NO_AUDIO: Final = 0xFF
"""Volume and mute of a model without sound (command 00)."""


TLS_START: Final = b"MDCSTART<<TLS>>"
"""What a display says first where its secured protocol is on; then TLS, then the four digits of the PIN."""
PIN_ACCEPTED: Final = b"MDCAUTH<<PASS>>"
_PIN_REFUSED: Final = re.compile(rb"MDCAUTH<<FAIL:((?:0x)?[0-9A-Fa-f]{4})>>")
_BLOCKED: Final = 2
"""Too many wrong PINs; 1 is one wrong one."""
_LONGEST_WORD: Final = 24
_WORD: Final = re.compile(rb"MDC(START|AUTH)<<[A-Za-z0-9:]{1,12}>>")


class Cmd(IntEnum):
    """Commands used here."""

    STATUS = 0x00
    SERIAL = 0x0B
    ERRORS = 0x0D
    FIRMWARE = 0x0E
    POWER = 0x11
    VOLUME = 0x12
    MUTE = 0x13
    INPUT = 0x14
    MODEL = 0x8A
    PANEL = 0xF9


INPUTS: Final[Mapping[str, int]] = {
    "hdmi1": 0x21,
    "hdmi2": 0x23,
    "hdmi3": 0x31,
    "hdmi4": 0x33,
    "displayport1": 0x25,
    "displayport2": 0x26,
    "displayport3": 0x27,
    "dvi": 0x18,
    "pc": 0x14,
    "hdbaset": 0x55,
    "tv": 0x40,
    "av": 0x0C,
    "component": 0x08,
    "ops": 0x50,
    "magicinfo": 0x20,
    "usb": 0x62,
    "browser": 0x65,
    "whiteboard": 0x64,
}
"""Command 14. Not every model has every socket: it answers NAK then."""
_READ_ONLY: Final[Mapping[int, str]] = {
    0x1F: "dvi",
    0x22: "hdmi1",
    0x24: "hdmi2",
    0x32: "hdmi3",
    0x34: "hdmi4",
    0x30: "tv",
    0x60: "magicinfo",
}
"""Reported for the same sockets when a computer's timing is seen there, and by older models; cannot be set."""
_INPUT_NAMES: Final[Mapping[int, str]] = {**_READ_ONLY, **{code: name for name, code in INPUTS.items()}}
FAULTS: Final = ("lamp", "temperature", "brightness sensor", "no signal", "", "fan")
"""Bytes of an ERRORS reply in their order; the fifth is the temperature, older models have no sixth."""
_SIGNAL_BYTE: Final = 3
_TEMPERATURE_BYTE: Final = 4


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of the display."""

    display_id: int
    acknowledged: bool
    command: int
    values: bytes
    """After the command; for a NAK the error code."""


@dataclass(frozen=True, slots=True)
class Status:
    """What command 00 tells at once. None: this model has no sound."""

    power: bool
    volume: int | None
    mute: bool | None
    source: int


def framer() -> PacketFramer:
    """Replies by their length byte and their sum, and the words of the secured protocol."""
    return PacketFramer(_length, lambda packet: is_word(packet) or checksum(packet[1:-1]) == packet[-1])


def is_word(message: bytes) -> bool:
    """True for a word of the secured protocol."""
    return _WORD.fullmatch(message) is not None


def pin_blocked(word: bytes) -> bool:
    """True when the display takes no PIN any more."""
    found = _PIN_REFUSED.fullmatch(word)
    return found is not None and int(found[1], 16) == _BLOCKED


def checksum(payload: bytes) -> int:
    """Sum of the bytes between header and sum."""
    return sum(payload) % 256


def command(number: int, display_id: int, *values: int) -> bytes:
    """One command packet; without values it asks."""
    payload = bytes((number, display_id, len(values), *values))
    return bytes((HEADER, *payload, checksum(payload)))


def parse(message: bytes) -> Reply | None:
    """A whole reply; None when it is none."""
    if len(message) < SHORTEST or message[0] != HEADER or message[1] != REPLY:
        return None
    if len(message) != message[3] + _FIXED or checksum(message[1:-1]) != message[-1] or message[4] not in {ACK, NAK}:
        return None
    return Reply(message[2], message[4] == ACK, message[5], bytes(message[6:-1]))


def status(values: bytes) -> Status | None:
    """A STATUS reply (command 00): power, volume, mute, input, aspect and more that does not concern us."""
    if len(values) < 4 or values[0] > 1 or not (values[1] <= 100 or values[1] == NO_AUDIO):
        return None
    silent = values[1] == NO_AUDIO or values[2] == NO_AUDIO
    return Status(values[0] == 1, None if silent else values[1], None if silent else values[2] == 1, values[3])


def input_name(code: int) -> str:
    """Name of a source code; `input_6a` for one without a name here."""
    return _INPUT_NAMES.get(code, f"input_{code:02x}")


def faults(values: bytes) -> str | None:
    """An ERRORS reply in words: `none`, or `lamp, fan`. A missing signal is no fault of the display. None when it is no such reply."""
    if len(values) <= _TEMPERATURE_BYTE:
        return None
    words = [
        name
        for index, (name, byte) in enumerate(zip(FAULTS, values, strict=False))
        if byte == 1 and index not in {_SIGNAL_BYTE, _TEMPERATURE_BYTE}
    ]
    return ", ".join(words) or "none"


def signal(values: bytes) -> bool | None:
    """Whether the shown input has a signal, from an ERRORS reply; None where the display does not tell (its own applications)."""
    return {0: True, 1: False}.get(values[_SIGNAL_BYTE]) if len(values) > _TEMPERATURE_BYTE else None


def temperature(values: bytes) -> int | None:
    """Degrees Celsius, from an ERRORS reply."""
    return values[_TEMPERATURE_BYTE] if len(values) > _TEMPERATURE_BYTE else None


def text(values: bytes) -> str:
    """A name, padded with NUL or spaces."""
    return values.split(b"\0")[0].decode("utf-8", "replace").strip()


def _length(head: bytes) -> int | None:
    if head[:3] == b"MDC"[: len(head)]:
        end = head.find(b">>", 0, _LONGEST_WORD)
        return end + 2 if end > 0 else 0 if len(head) < _LONGEST_WORD else None
    if head[0] != HEADER or head[1:2] not in {b"", b"\xff"}:
        return None
    if len(head) < 4:
        return 0
    return head[3] + _FIXED if 2 <= head[3] <= MAX_DATA else None
