"""RTP packets as bytes: header, header extensions, RTX and RED (RFC 3550, 8285, 4588, 2198)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from smartroom.media.rtp.layers import Descriptor

HEADER = struct.Struct("!BBHLL")
HEADER_SIZE = 12
MAX_PACKET = 1400  # largest packet forwarded; send slots keep room for the SRTP trailer behind it
ONE_BYTE = 0xBEDE  # RFC 8285 4.2
TWO_BYTE = 0x1000  # RFC 8285 4.3, low four bits are application bits

_EXTENSION = struct.Struct("!HH")
_BOTH = struct.Struct("!BBHLLHH")  # a header without CSRCs, and what begins its extension
_RED_BLOCK = struct.Struct("!L")


@dataclass(slots=True)
class Packet:
    """One decrypted RTP packet, parsed once; offsets point into `data`."""

    data: bytes
    marker: int
    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    profile: int
    elements: int
    start: int
    end: int
    # set by the stream that owns the packet:
    index: int = 0  # unwrapped sequence number
    key: bool = False  # begins a key frame
    frame: Descriptor | None = None

    @property
    def payload(self) -> bytes:
        """The payload without header, extensions and padding."""
        return self.data[self.start : self.end]


def parse(data: bytes) -> Packet:
    """Parse one RTP packet; ValueError when it is not one (RFC 3550 5.1)."""
    size = len(data)
    if size < HEADER_SIZE:
        raise ValueError("RTP packet shorter than its header")
    if data[0] == 0x90 and size >= _BOTH.size:  # as nearly all media comes: read at once
        _, second, sequence, timestamp, ssrc, profile, words = _BOTH.unpack_from(data)
        start = _BOTH.size + 4 * words
        if start > size:
            raise ValueError("RTP header longer than the packet")
        return Packet(data, second & 0x80, second & 0x7F, sequence, timestamp, ssrc, profile, _BOTH.size, start, size)
    first, second, sequence, timestamp, ssrc = HEADER.unpack_from(data)
    if first >> 6 != 2:
        raise ValueError("RTP version is not 2")
    start = HEADER_SIZE + 4 * (first & 0x0F)
    end = size
    profile = elements = 0
    if first & 0x10:
        elements = start + 4
        if elements > size:
            raise ValueError("RTP header extension is cut")
        profile, words = _EXTENSION.unpack_from(data, start)
        start = elements + 4 * words
    if first & 0x20:
        end -= data[-1]
        if not data[-1]:
            raise ValueError("RTP padding of length 0")
    if start > end:
        raise ValueError("RTP header or padding longer than the packet")
    return Packet(data, second & 0x80, second & 0x7F, sequence, timestamp, ssrc, profile, elements, start, end)


def find_extension(packet: Packet, wanted: int) -> tuple[int, int]:
    """Offset and length of the extension element `wanted`; (0, 0) when absent (RFC 8285)."""
    position, end, data = packet.elements, packet.start, packet.data
    if packet.profile == ONE_BYTE:
        while position < end:
            first = data[position]
            position += 1
            identifier = first >> 4
            if not identifier:
                continue
            if identifier == 15:
                break
            length = (first & 0x0F) + 1
            if position + length > end:
                break
            if identifier == wanted:
                return position, length
            position += length
    elif packet.profile & 0xFFF0 == TWO_BYTE:
        while position + 1 < end:
            identifier, length = data[position], data[position + 1]
            if not identifier:
                position += 1
                continue
            position += 2
            if position + length > end:
                break
            if identifier == wanted:
                return position, length
            position += length
    return 0, 0


def extension(packet: Packet, wanted: int) -> bytes | None:
    """The bytes of one extension element, None when absent."""
    offset, length = find_extension(packet, wanted)
    return packet.data[offset : offset + length] if offset else None


def extension_block(elements: list[tuple[int, bytes]]) -> bytes:
    """Elements as an RFC 8285 block, one-byte form where it fits; empty for no element."""
    if not elements:
        return b""
    if all(0 < number < 15 and 1 <= len(value) <= 16 for number, value in elements):
        profile = ONE_BYTE
        body = b"".join(bytes(((number << 4) | (len(value) - 1),)) + value for number, value in elements)
    else:
        profile = TWO_BYTE
        body = b"".join(bytes((number, len(value))) + value for number, value in elements)
    body += bytes(-len(body) % 4)
    return _EXTENSION.pack(profile, len(body) // 4) + body


def build(
    payload: bytes,
    *,
    payload_type: int,
    sequence: int,
    timestamp: int,
    ssrc: int,
    marker: bool = False,
    block: bytes = b"",
) -> bytes:
    """A whole RTP packet from its parts; `block` comes from `extension_block`."""
    first = 0x90 if block else 0x80
    second = (0x80 if marker else 0) | payload_type
    head = HEADER.pack(first, second, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc)
    return head + block + payload


def padding(size: int, *, payload_type: int, sequence: int, timestamp: int, ssrc: int, block: bytes = b"") -> bytes:
    """A packet of `size` (1..255) padding bytes and nothing else, as probes use it."""
    head = HEADER.pack(0xB0 if block else 0xA0, payload_type, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc)
    return head + block + bytes(size - 1) + bytes((size,))


def unwrap_rtx(packet: Packet, *, ssrc: int, payload_type: int) -> Packet:
    """The original packet inside a retransmission (RFC 4588 4); ValueError when it is padding."""
    if packet.end - packet.start < 2:
        raise ValueError("RTX packet without an original")
    data, start = packet.data, packet.start
    sequence = int.from_bytes(data[start : start + 2], "big")
    first = data[0] & ~0x20  # the padding was the retransmission's own
    head = HEADER.pack(first, packet.marker | payload_type, sequence, packet.timestamp, ssrc)
    return parse(head + data[HEADER_SIZE:start] + data[start + 2 : packet.end])


def red_primary(payload: bytes) -> bytes:
    """The primary block of a RED payload, for receivers without RED; ValueError when cut (RFC 2198 3)."""
    return payload[_red_headers(payload)[1] :]


def red_renumber(payload: bytes, number: int) -> bytes:
    """The RED payload with this payload type in every block, as its receiver calls the codec."""
    last, _ = _red_headers(payload)
    out = bytearray(payload)
    for position in range(0, last + 1, 4):
        out[position] = payload[position] & 0x80 | number
    return bytes(out)


def _red_headers(payload: bytes) -> tuple[int, int]:
    """Where the last block header stands, and where its block begins."""
    position = redundant = 0
    while True:
        if position >= len(payload):
            raise ValueError("RED payload is cut")
        if not payload[position] & 0x80:
            break
        if position + 4 > len(payload):
            raise ValueError("RED block header is cut")
        redundant += _RED_BLOCK.unpack_from(payload, position)[0] & 0x3FF
        position += 4
    start = position + 1 + redundant
    if start > len(payload):
        raise ValueError("RED blocks longer than the payload")
    return position, start
