"""Transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-01)."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from operator import sub

TICK = 0.00025  # s, unit of a receive delta
_REFERENCE = 0.064  # s, unit of the reference time
_MAX_RUN = 0x1FFF
_TWO_BITS = range(12, -1, -2)
_ONE_BIT = range(13, -1, -1)
_STEADY = struct.Struct("!HHLH")
_ALONE = struct.Struct("!HHLLHHLH")
_HEAD = 0x8FCD  # version 2, format 15, type 205
_ALL_SMALL = 0x2000  # a chunk that says: so many packets received, each with a step of one byte
_MAX_PACKETS = 2048  # packets one feedback may speak of; bounds what a stranger can make us do


def build(base: int, count: int, arrivals: Mapping[int, float], number: int) -> tuple[bytes, int]:
    """Feedback body for `count` packets from unwrapped `base`; arrival times in seconds.

    Returns the body (padded to 32 bits) and how many packets it covers: a delta that does
    not fit ends it early, the rest goes into the next one.
    """
    steady = _build_steady(base, count, arrivals, number)
    if steady is not None:
        return steady, count
    start = min((arrivals[i] for i in range(base, base + count) if i in arrivals), default=0.0)
    reference = int(start / _REFERENCE)
    clock = reference * 256  # in ticks of 250 us
    symbols: list[int] = []
    deltas = bytearray()
    for index in range(base, base + count):
        arrival = arrivals.get(index)
        if arrival is None:
            symbols.append(0)
            continue
        delta = round(arrival / TICK) - clock
        if 0 <= delta <= 0xFF:
            symbols.append(1)
            deltas.append(delta)
        elif -0x8000 <= delta <= 0x7FFF:
            symbols.append(2)
            deltas += struct.pack("!h", delta)
        else:
            break
        clock += delta
    covered = len(symbols)
    head = struct.pack("!HH", base & 0xFFFF, covered) + struct.pack("!L", (reference & 0xFFFFFF) << 8 | number & 0xFF)
    body = head + _chunks(symbols) + bytes(deltas)
    return body + bytes(-len(body) % 4), covered


def parse(body: bytes) -> tuple[list[tuple[int, float | None]], int]:
    """(16-bit number, arrival time or None) per packet, and the feedback count; ValueError."""
    if len(body) < 8:
        raise ValueError("transport feedback is cut")
    base, count, word = struct.unpack_from("!HHL", body)
    if count > _MAX_PACKETS:
        raise ValueError("transport feedback for too many packets")
    symbols: list[int] = []
    position = 8
    size = len(body)
    while len(symbols) < count:
        if position + 2 > size:
            raise ValueError("transport feedback chunk is cut")
        chunk = body[position] << 8 | body[position + 1]
        position += 2
        if not chunk & 0x8000:
            run = chunk & _MAX_RUN
            if not run:
                raise ValueError("transport feedback run of length 0")
            symbols += [chunk >> 13] * min(run, count - len(symbols))
        elif chunk & 0x4000:
            symbols += [chunk >> shift & 3 for shift in _TWO_BITS]
        else:
            symbols += [chunk >> shift & 1 for shift in _ONE_BIT]
    clock = (word >> 8) * 256
    packets: list[tuple[int, float | None]] = []
    number = base
    try:
        for symbol in symbols if len(symbols) == count else symbols[:count]:
            if symbol == 1:
                clock += body[position]
                position += 1
                packets.append((number & 0xFFFF, clock * TICK))
            elif symbol == 2:
                delta = body[position] << 8 | body[position + 1]
                clock += delta - 0x10000 if delta & 0x8000 else delta
                position += 2
                packets.append((number & 0xFFFF, clock * TICK))
            else:
                packets.append((number & 0xFFFF, None))
            number += 1
    except IndexError:
        raise ValueError("transport feedback delta is cut") from None
    return packets, word & 0xFF


def _build_steady(base: int, count: int, arrivals: Mapping[int, float], number: int) -> bytes | None:
    """The body where all packets came at short steps; None where they did not."""
    try:
        ticks = [round(arrivals[index] / TICK) for index in range(base, base + count)]
        reference = ticks[0] // 256
        deltas = bytes(map(sub, ticks, [reference * 256, *ticks[:-1]]))
    except (LookupError, ValueError):  # a packet missing, a step that takes two bytes
        return None
    head = _STEADY.pack(base & 0xFFFF, count, (reference & 0xFFFFFF) << 8 | number & 0xFF, _ALL_SMALL | count)
    return head + deltas + bytes(-(10 + count) % 4)


def parse_steady(compound: bytes) -> tuple[int, int, float] | None:
    """First number, count and last arrival of a lone feedback that tells of packets all received at short steps.

    None for every other compound: `parse` reads those. This is what a good path answers, hundreds of times a second.
    """
    size = len(compound)
    if size < 24:
        return None
    head, words, _, _, base, count, word, chunk = _ALONE.unpack_from(compound)
    if head != _HEAD or size != 4 * words + 4 or not count or chunk != _ALL_SMALL | count or size < 22 + count:
        return None
    return base, count, ((word >> 8) * 256 + sum(compound[22 : 22 + count])) * TICK


def _chunks(symbols: list[int]) -> bytes:
    out = bytearray()
    position = 0
    while position < len(symbols):
        symbol = symbols[position]
        run = 1
        while position + run < len(symbols) and symbols[position + run] == symbol and run < _MAX_RUN:
            run += 1
        if run >= 7 or position + run == len(symbols):
            out += struct.pack("!H", symbol << 13 | run)
            position += run
            continue
        group = symbols[position : position + 7]
        word = 0xC000
        for shift, value in zip(range(12, -1, -2), group, strict=False):
            word |= value << shift
        out += struct.pack("!H", word)
        position += len(group)
    return bytes(out)
