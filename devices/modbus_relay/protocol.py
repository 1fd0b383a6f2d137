"""Modbus coils <-> bytes, over Modbus/TCP and RTU. Pure: no socket, no clock.

Source: "MODBUS Application Protocol Specification" V1.1b3 (functions 01, 05, 15 in sections 6.1, 6.5, 6.11; exceptions in section 7), "MODBUS over Serial Line"
V1.02 (RTU frame and CRC, section 2.5.1), "MODBUS Messaging on TCP/IP" V1.0b (MBAP header, section 3.1.3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from devices.sdk import PacketFramer

EXCEPTION: Final = 0x80
"""Added to the function in a refusal."""
MBAP_BYTES: Final = 7
MAX_PDU: Final = 253
ON: Final = 0xFF00
OFF: Final = 0x0000


class Function(IntEnum):
    """What we say. 05 with the value 5500, the toggle of some boards, is not said at all: it cannot be repeated safely."""

    READ_COILS = 1
    WRITE_COIL = 5
    WRITE_COILS = 15


EXCEPTIONS: Final[Mapping[int, str]] = {
    1: "it does not know this function",
    2: "it has no such relay",
    3: "it does not take this value",
    4: "it reports a failure of its own",
    5: "it took the command and needs long",
    6: "it is busy",
    8: "its memory failed",
    10: "the gateway has no way to it",
    11: "the gateway answers, the board behind it does not",
}
"""Section 7."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response without its envelope."""

    transaction: int | None
    """None over RTU, which numbers nothing."""
    unit: int
    function: int
    body: bytes

    @property
    def exception(self) -> int | None:
        """Code of a refusal."""
        return self.body[0] if self.function & EXCEPTION and self.body else None


def read_coils(first: int, count: int) -> bytes:
    """Request of function 01."""
    return bytes([Function.READ_COILS]) + first.to_bytes(2, "big") + count.to_bytes(2, "big")


def write_coil(coil: int, *, on: bool) -> bytes:
    """Request of function 05; its response is the same bytes."""
    return bytes([Function.WRITE_COIL]) + coil.to_bytes(2, "big") + (ON if on else OFF).to_bytes(2, "big")


def write_coils(first: int, states: Sequence[bool]) -> bytes:
    """Request of function 15; its response is the first five bytes."""
    packed = sum(1 << index for index, on in enumerate(states) if on).to_bytes((len(states) + 7) // 8, "little")
    head = bytes([Function.WRITE_COILS]) + first.to_bytes(2, "big") + len(states).to_bytes(2, "big")
    return head + bytes([len(packed)]) + packed


def coils(body: bytes, count: int) -> list[bool] | None:
    """States in a response to function 01, without its function; None when it holds another number of them."""
    if len(body) != 1 + (count + 7) // 8 or body[0] != len(body) - 1:
        return None
    packed = int.from_bytes(body[1:], "little")
    return [bool(packed >> index & 1) for index in range(count)]


def over_tcp(unit: int, pdu: bytes, transaction: int = 0) -> bytes:
    """Request or response with its MBAP header."""
    return transaction.to_bytes(2, "big") + b"\0\0" + (len(pdu) + 1).to_bytes(2, "big") + bytes([unit]) + pdu


def over_rtu(unit: int, pdu: bytes) -> bytes:
    """Request or response with address and CRC."""
    frame = bytes([unit]) + pdu
    return frame + crc(frame)


def parse_tcp(packet: bytes) -> Answer:
    """A whole packet of the TCP framer."""
    return Answer(int.from_bytes(packet[:2], "big"), packet[6], packet[7], packet[8:])


def parse_rtu(packet: bytes) -> Answer:
    """A whole packet of the RTU framer."""
    return Answer(None, packet[0], packet[1], packet[2:-2])


def tcp_framer() -> PacketFramer:
    """Responses with an MBAP header; TCP itself has seen to their bits."""
    return PacketFramer(_tcp_length, lambda _packet: True)


def rtu_framer() -> PacketFramer:
    """Responses to our three functions, and refusals, by length and CRC: serial servers keep no silence between frames."""
    return PacketFramer(_rtu_length, is_rtu)


def is_tcp(packet: bytes) -> bool:
    """True for one whole packet."""
    return len(packet) > MBAP_BYTES and _tcp_length(packet) == len(packet)


def is_rtu(packet: bytes) -> bool:
    """True when the CRC is right."""
    return len(packet) >= 5 and packet[-2:] == crc(packet[:-2])


def crc(frame: bytes) -> bytes:
    """CRC-16 of the RTU frame, low byte first."""
    value = 0xFFFF
    for byte in frame:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return value.to_bytes(2, "little")


def _tcp_length(head: bytes) -> int | None:
    if any(head[2:4]) or any(head[4:5]):
        return None
    if len(head) < MBAP_BYTES + 1:
        return 0
    length = int.from_bytes(head[4:6], "big")
    known = head[7] & ~EXCEPTION in set(Function)
    return 6 + length if 3 <= length <= MAX_PDU + 1 and known else None


def _rtu_length(head: bytes) -> int | None:
    if len(head) < 3:
        return 0 if len(head) < 2 or head[1] & ~EXCEPTION in set(Function) else None
    match head[1]:
        case Function.READ_COILS:
            return 5 + head[2]
        case Function.WRITE_COIL | Function.WRITE_COILS:
            return 8
    return 5 if head[1] & ~EXCEPTION in set(Function) else None
