"""RTCP packets: reports, feedback, key frame requests (RFC 3550 6, 4585, 5104, REMB draft)."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SR, RR, SDES, BYE, RTPFB, PSFB = 200, 201, 202, 203, 205, 206
FB_NACK, FB_TRANSPORT_CC = 1, 15
FB_PLI, FB_FIR, FB_REMB = 1, 4, 15

_REPORT = struct.Struct("!LLLLLL")
_SENDER = struct.Struct("!QLLL")
_PAIR = struct.Struct("!LL")
_MAX_ITEMS = 512  # per compound packet; a datagram cannot honestly hold more


@dataclass(frozen=True, slots=True)
class Report:
    """One report block; `fraction` of 256, jitter in ticks, `lsr` and `dlsr` in 1/65536 s."""

    ssrc: int
    fraction: int
    lost: int
    highest: int
    jitter: int
    lsr: int
    dlsr: int


@dataclass(frozen=True, slots=True)
class SenderReport:
    """SR: the NTP time of an RTP timestamp and what was sent so far."""

    ssrc: int
    ntp: int
    timestamp: int
    packets: int
    octets: int
    reports: tuple[Report, ...] = ()


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    """RR: how well streams arrive."""

    ssrc: int
    reports: tuple[Report, ...] = ()


@dataclass(frozen=True, slots=True)
class Nack:
    """Generic NACK: packets missing at the receiver."""

    sender: int
    media: int
    sequences: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class KeyframeRequest:
    """PLI, or FIR once per entry: a new key frame, please."""

    sender: int
    media: int


@dataclass(frozen=True, slots=True)
class Remb:
    """Receiver estimated maximum bitrate, bits per second."""

    sender: int
    bitrate: int
    ssrcs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TransportFeedback:
    """The body of a transport-cc packet; `feedback.parse` reads it."""

    sender: int
    media: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Bye:
    """Sources that end."""

    ssrcs: tuple[int, ...]


Item = SenderReport | ReceiverReport | Nack | KeyframeRequest | Remb | TransportFeedback | Bye


def parse(data: bytes) -> list[Item]:
    """All known packets of a compound; unknown kinds are skipped; ValueError when malformed."""
    items: list[Item] = []
    position = 0
    while position < len(data):
        if len(data) - position < 4:
            raise ValueError("RTCP header is cut")
        first, kind, words = struct.unpack_from("!BBH", data, position)
        end = position + 4 + 4 * words
        if first >> 6 != 2 or end > len(data):
            raise ValueError("RTCP packet is cut or not version 2")
        body_end = end
        if first & 0x20:
            if not data[end - 1] or data[end - 1] > 4 * words:
                raise ValueError("RTCP padding longer than its packet")
            body_end -= data[end - 1]
        _parse_one(kind, first & 0x1F, data[position + 4 : body_end], items)
        if len(items) > _MAX_ITEMS:
            raise ValueError("too many RTCP items")
        position = end
    return items


def sender_report(
    ssrc: int, ntp: int, timestamp: int, packets: int, octets: int, *, reports: Sequence[Report] = ()
) -> bytes:
    """An SR (RFC 3550 6.4.1)."""
    body = struct.pack("!L", ssrc) + _SENDER.pack(
        ntp, timestamp & 0xFFFFFFFF, packets & 0xFFFFFFFF, octets & 0xFFFFFFFF
    )
    return _pack(SR, len(reports), body + b"".join(map(_report, reports)))


def receiver_report(ssrc: int, reports: Sequence[Report] = ()) -> bytes:
    """An RR, empty where only a compound packet needs its first part (RFC 3550 6.4.2)."""
    return _pack(RR, len(reports), struct.pack("!L", ssrc) + b"".join(map(_report, reports)))


def source_description(ssrc: int, cname: str) -> bytes:
    """An SDES with the CNAME alone (RFC 3550 6.5.1)."""
    text = cname.encode()[:255]
    chunk = struct.pack("!LBB", ssrc, 1, len(text)) + text + b"\0"
    return _pack(SDES, 1, chunk + bytes(-len(chunk) % 4))


def bye(ssrcs: Sequence[int]) -> bytes:
    """A BYE of up to 31 sources (RFC 3550 6.6)."""
    return _pack(BYE, len(ssrcs), struct.pack(f"!{len(ssrcs)}L", *ssrcs))


def nack(sender: int, media: int, sequences: Iterable[int]) -> bytes:
    """A generic NACK; numbers are packed 17 to a block (RFC 4585 6.2.1)."""
    blocks: list[list[int]] = []
    for sequence in sequences:
        low = sequence & 0xFFFF
        if blocks:
            distance = low - blocks[-1][0] & 0xFFFF
            if not distance:
                continue
            if distance <= 16:
                blocks[-1][1] |= 1 << distance - 1
                continue
        blocks.append([low, 0])
    body = b"".join(struct.pack("!HH", first, mask) for first, mask in blocks)
    return _pack(RTPFB, FB_NACK, _PAIR.pack(sender, media) + body)


def pli(sender: int, media: int) -> bytes:
    """A picture loss indication (RFC 4585 6.3.1)."""
    return _pack(PSFB, FB_PLI, _PAIR.pack(sender, media))


def fir(sender: int, media: int, number: int) -> bytes:
    """A full intra request with its command number (RFC 5104 4.3.1)."""
    body = _PAIR.pack(sender, 0) + struct.pack("!LB3x", media, number & 0xFF)
    return _pack(PSFB, FB_FIR, body)


def remb(sender: int, bitrate: int, ssrcs: Sequence[int]) -> bytes:
    """A REMB for these sources, bits per second."""
    exponent = max(0, bitrate.bit_length() - 18)
    head = _PAIR.pack(sender, 0) + b"REMB"
    rate = struct.pack("!L", len(ssrcs) << 24 | exponent << 18 | bitrate >> exponent)
    return _pack(PSFB, FB_REMB, head + rate + struct.pack(f"!{len(ssrcs)}L", *ssrcs))


def transport_feedback(sender: int, media: int, body: bytes) -> bytes:
    """A transport-cc packet around a body made by `feedback.build`."""
    return _pack(RTPFB, FB_TRANSPORT_CC, _PAIR.pack(sender, media) + body)


def ntp_middle(ntp: int) -> int:
    """The middle 32 bits of an NTP time, as LSR carries them."""
    return ntp >> 16 & 0xFFFFFFFF


def _pack(kind: int, count: int, body: bytes) -> bytes:
    return struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body


def _report(report: Report) -> bytes:
    lost = max(-0x800000, min(0x7FFFFF, report.lost)) & 0xFFFFFF
    return _REPORT.pack(
        report.ssrc,
        report.fraction << 24 | lost,
        report.highest & 0xFFFFFFFF,
        report.jitter & 0xFFFFFFFF,
        report.lsr,
        report.dlsr,
    )


def _parse_one(kind: int, count: int, body: bytes, items: list[Item]) -> None:
    try:
        if kind == SR:
            (ssrc,) = struct.unpack_from("!L", body)
            ntp, timestamp, packets, octets = _SENDER.unpack_from(body, 4)
            items.append(SenderReport(ssrc, ntp, timestamp, packets, octets, _reports(body, 24, count)))
        elif kind == RR:
            (ssrc,) = struct.unpack_from("!L", body)
            items.append(ReceiverReport(ssrc, _reports(body, 4, count)))
        elif kind == BYE:
            items.append(Bye(struct.unpack_from(f"!{count}L", body)))
        elif kind == RTPFB:
            _parse_transport(count, body, items)
        elif kind == PSFB:
            _parse_payload(count, body, items)
    except struct.error as error:
        raise ValueError(f"RTCP packet of kind {kind} is cut") from error


def _reports(body: bytes, position: int, count: int) -> tuple[Report, ...]:
    reports: list[Report] = []
    for offset in range(position, position + 24 * count, 24):
        ssrc, loss, highest, jitter, lsr, dlsr = _REPORT.unpack_from(body, offset)
        lost = loss & 0xFFFFFF
        if lost & 0x800000:
            lost -= 1 << 24
        reports.append(Report(ssrc, loss >> 24, lost, highest, jitter, lsr, dlsr))
    return tuple(reports)


def _parse_transport(count: int, body: bytes, items: list[Item]) -> None:
    sender, media = _PAIR.unpack_from(body)
    if count == FB_TRANSPORT_CC:
        items.append(TransportFeedback(sender, media, body[8:]))
    elif count == FB_NACK:
        sequences: list[int] = []
        for offset in range(8, len(body) - 3, 4):
            first, mask = struct.unpack_from("!HH", body, offset)
            sequences.append(first)
            sequences += [first + bit + 1 & 0xFFFF for bit in range(16) if mask >> bit & 1]
        items.append(Nack(sender, media, tuple(sequences)))


def _parse_payload(count: int, body: bytes, items: list[Item]) -> None:
    sender, media = _PAIR.unpack_from(body)
    if count == FB_PLI:
        items.append(KeyframeRequest(sender, media))
    elif count == FB_FIR:
        items += [
            KeyframeRequest(sender, *struct.unpack_from("!L", body, offset)) for offset in range(8, len(body) - 7, 8)
        ]
    elif count == FB_REMB and body[8:12] == b"REMB":
        (rate,) = struct.unpack_from("!L", body, 12)
        ssrcs = struct.unpack_from(f"!{rate >> 24}L", body, 16)
        items.append(Remb(sender, (rate & 0x3FFFF) << (rate >> 18 & 0x3F), ssrcs))
