"""VISCA: values <-> bytes, pure. Sony "VISCA/RS-232C Commands" (EVI-D70, SRG-300H), "VISCA over IP" (SRG, BRC); PTZOptics "VISCA over IP" for bare TCP and UDP.

A packet is `8x body FF` to camera x, `z0 body FF` from it (z = x + 8). Over Sony's UDP it travels behind an 8-byte header with a sequence number.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

END = 0xFF
MAX_PACKET = 16
"""No VISCA packet is longer, terminator included."""
BROADCAST = 0x88
SOCKETS = (1, 2)
"""A camera carries out two commands at a time."""

PAN_SPEEDS = 0x18
TILT_SPEEDS = 0x14
ZOOM_SPEEDS = 7
"""Highest speed steps every maker's table shares; 1 (zoom: 0) is the slowest."""
ZOOM_MAX = 0x7AC0
"""Far end of the digital zoom of the largest tables; 0x4000 is the end of the optical one."""

HOME = bytes.fromhex("01 06 04")
STOP_ZOOM = bytes.fromhex("01 04 07 00")
ASK_POWER = bytes.fromhex("09 04 00")
ASK_POSITION = bytes.fromhex("09 06 12")
ASK_ZOOM = bytes.fromhex("09 04 47")
INTERFACE_CLEAR = bytes.fromhex("88 01 00 01 FF")
ADDRESS_SET = bytes.fromhex("88 30 01 FF")
RESET_SEQUENCE = bytes.fromhex("02 00 00 01 00 00 00 00 01")
"""Sony UDP: the camera counts from the beginning again; the sequence of this message itself is ignored."""


def packet(camera: int, body: bytes) -> bytes:
    """A packet to camera 1..7."""
    return bytes((0x80 | camera, *body, END))


def power(*, on: bool) -> bytes:
    """CAM_Power."""
    return bytes((0x01, 0x04, 0x00, 0x02 if on else 0x03))


def recall(number: int) -> bytes:
    """CAM_Memory Recall; the completion comes when the head has stopped."""
    return bytes((0x01, 0x04, 0x3F, 0x02, number))


def store(number: int) -> bytes:
    """CAM_Memory Set."""
    return bytes((0x01, 0x04, 0x3F, 0x01, number))


def absolute(pan: int, tilt: int) -> bytes:
    """Pan-tiltDrive Absolute at full speed; pan and tilt are signed 16-bit steps."""
    return bytes((0x01, 0x06, 0x02, PAN_SPEEDS, TILT_SPEEDS, *_nibbles(pan), *_nibbles(tilt)))


def drive(pan: float, tilt: float) -> bytes:
    """Pan-tiltDrive at speeds -1..1 of the head's range, right and up positive; 0, 0 stops."""
    across = 0x03 if not pan else 0x02 if pan > 0 else 0x01
    along = 0x03 if not tilt else 0x01 if tilt > 0 else 0x02
    return bytes((0x01, 0x06, 0x01, _speed(pan, PAN_SPEEDS), _speed(tilt, TILT_SPEEDS), across, along))


def zoom(steps: int) -> bytes:
    """CAM_Zoom Direct."""
    return bytes((0x01, 0x04, 0x47, *_nibbles(steps)))


def drive_zoom(speed: float) -> bytes:
    """CAM_Zoom Tele (positive) or Wide (negative) at a speed -1..1; 0 stops."""
    if not speed:
        return STOP_ZOOM
    return bytes((0x01, 0x04, 0x07, (0x20 if speed > 0 else 0x30) | round(abs(speed) * ZOOM_SPEEDS)))


def cancel(socket: int) -> bytes:
    """Command Cancel of what runs in socket 1 or 2."""
    return bytes((0x20 | socket,))


class Trouble(IntEnum):
    """Error codes of `z0 6y code FF`."""

    LENGTH = 0x01
    SYNTAX = 0x02
    BUFFER_FULL = 0x03
    CANCELLED = 0x04
    NO_SOCKET = 0x05
    NOT_EXECUTABLE = 0x41


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """`z0 4y FF`: taken, runs in socket y (0: the camera does not say)."""

    socket: int


@dataclass(frozen=True, slots=True)
class Completed:
    """`z0 5y FF`: what ran in socket y is finished."""

    socket: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """`z0 6y code FF`."""

    socket: int
    code: int


@dataclass(frozen=True, slots=True)
class PowerIs:
    """Answer to CAM_PowerInq; `on` is None for the code of a broken power circuit."""

    on: bool | None


@dataclass(frozen=True, slots=True)
class PositionIs:
    """Answer to Pan-tiltPosInq, signed steps."""

    pan: int
    tilt: int


@dataclass(frozen=True, slots=True)
class ZoomIs:
    """Answer to CAM_ZoomPosInq."""

    steps: int


@dataclass(frozen=True, slots=True)
class NetworkChange:
    """`z0 38 FF`: a camera of the chain was switched on or taken away; addresses are void."""


@dataclass(frozen=True, slots=True)
class AddressAssigned:
    """`88 30 0w FF`: the chain counted itself; `cameras` = w - 1."""

    cameras: int


@dataclass(frozen=True, slots=True)
class Cleared:
    """`88 01 00 01 FF`: IF_Clear went round the chain."""


Reply = Acknowledged | Completed | Refusal | PowerIs | PositionIs | ZoomIs | NetworkChange | AddressAssigned | Cleared


def parse(message: bytes, camera: int) -> Reply | None:
    """Meaning of one packet (without FF) for the client of `camera`; None = not ours, or noise.

    Answers to inquiries are told apart by their length alone: power 1 byte, zoom 4 nibbles, position 4 + 4 nibbles.
    """
    if message[:2] == b"\x88\x30" and len(message) == 3:
        return AddressAssigned(message[2] - 1) if message[2] else None
    if message == INTERFACE_CLEAR[:-1]:
        return Cleared()
    if len(message) == 2 and message[0] in range(0x90, 0x100, 0x10) and message[1] == 0x38:
        return NetworkChange()
    if len(message) < 2 or message[0] != 0x80 + 0x10 * camera:
        return None
    kind, socket, rest = message[1] & 0xF0, message[1] & 0x0F, message[2:]
    match kind, len(rest):
        case 0x40, 0:
            return Acknowledged(socket)
        case 0x50, 0:
            return Completed(socket)
        case 0x60, 1:
            return Refusal(socket, rest[0])
        case 0x50, 1 if rest[0] in {2, 3, 4}:
            return PowerIs({2: True, 3: False}.get(rest[0]))
        case 0x50, 4 if max(rest) < 0x10:
            return ZoomIs(_number(rest))
        case 0x50, 8 if max(rest) < 0x10:
            return PositionIs(_signed(rest[:4]), _signed(rest[4:]))
    return None


class Kind(IntEnum):
    """Message types of Sony's VISCA over IP."""

    COMMAND = 0x0100
    INQUIRY = 0x0110
    REPLY = 0x0111
    SETTING = 0x0120
    CONTROL = 0x0200
    CONTROL_REPLY = 0x0201


SEQUENCE_ABNORMAL = b"\x0f\x01"
MESSAGE_ABNORMAL = b"\x0f\x02"
SEQUENCE_RESET = b"\x01"
SEQUENCE_MODULO = 1 << 32


def datagram(body: bytes, sequence: int) -> bytes:
    """A packet behind Sony's header: type, length, sequence, all big-endian; the body tells an inquiry (`8x 09`) from a command."""
    kind = Kind.INQUIRY if body[1] == 0x09 else Kind.COMMAND
    return struct.pack(">HHI", kind, len(body), sequence % SEQUENCE_MODULO) + body


def is_inquiry(message: bytes) -> bool:
    """Tell whether a datagram of ours asks; everything else changes something."""
    return message[:2] == Kind.INQUIRY.to_bytes(2)


@dataclass(frozen=True, slots=True)
class Datagram:
    """What stood behind and in Sony's header."""

    kind: int
    sequence: int
    payload: bytes


def parse_datagram(message: bytes) -> Datagram | None:
    """Read Sony's header; None when the length in it is not true."""
    if len(message) < 8:
        return None
    kind, length, sequence = struct.unpack_from(">HHI", message)
    return Datagram(kind, sequence, message[8:]) if length == len(message) - 8 else None


class PacketFramer:
    """Packets of a stream for the client of one camera, cut at FF and returned without it; what other cameras of the chain say is passed over.

    A network change (`z0 38 FF`) may break into another reply: it is taken out, and the torn reply is put together again.
    """

    def __init__(self, camera: int) -> None:
        self.garbage = 0
        self._ours = (BROADCAST, 0x80 + 0x10 * camera)
        self._buffer = bytearray()
        self._torn = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        """Packets completed by this chunk; what cannot be one is counted and dropped."""
        *ended, rest = (bytes(self._buffer) + chunk).split(bytes((END,)))
        self._buffer = bytearray(rest)
        if len(self._buffer) > MAX_PACKET:
            self.garbage += len(self._buffer)
            self._buffer.clear()
        return [message for part in ended for message in self._mend(part)]

    def _mend(self, part: bytes) -> list[bytes]:
        torn, self._torn = self._torn, b""
        if torn and part[:1] < b"\x80":
            part = torn + part
        else:
            self.garbage += len(torn)
        if len(part) > 2 and part[-1] == 0x38 and part[-2] >= 0x90 and not part[-2] & 0x0F:
            self._torn = part[:-2]
            return [part[-2:]]
        if len(part) >= MAX_PACKET or part[:1] < b"\x80":
            self.garbage += len(part)
            return []
        return [part] if part[0] in self._ours or part[1:] == b"\x38" else []


def _speed(speed: float, steps: int) -> int:
    return max(1, round(abs(speed) * steps))


def _nibbles(value: int) -> bytes:
    return bytes((value >> shift) & 0x0F for shift in (12, 8, 4, 0))


def _number(nibbles: bytes) -> int:
    number = 0
    for nibble in nibbles:
        number = number << 4 | nibble
    return number


def _signed(nibbles: bytes) -> int:
    return (_number(nibbles) ^ 0x8000) - 0x8000
