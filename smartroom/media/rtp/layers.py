"""Temporal layers: the VP8 payload descriptor and what may be dropped (RFC 7741 4.2)."""

from __future__ import annotations

from dataclasses import dataclass

ALL_LAYERS = 3  # temporal ids are 0..3: nothing is dropped


@dataclass(slots=True)
class Vp8:
    """A VP8 payload descriptor; offsets count from the start of the payload, 0 = absent."""

    size: int
    begins: bool  # first packet of a frame
    picture: int  # -1 when absent
    picture_offset: int
    picture_bits: int
    tl0: int  # -1 when absent
    tl0_offset: int
    temporal: int  # -1 when absent
    sync: bool  # Y: depends on the base layer only, the stream may go up here


def parse_vp8(payload: bytes) -> Vp8:
    """Parse the descriptor; ValueError when the payload is too short for it."""
    try:
        return _parse(payload)
    except IndexError:
        raise ValueError("VP8 descriptor is cut") from None


class TemporalFilter:
    """Drops the temporal layers above a limit; goes up only where the stream allows."""

    __slots__ = ("_current", "limit")

    def __init__(self) -> None:
        self.limit = ALL_LAYERS
        self._current = ALL_LAYERS

    @property
    def open(self) -> bool:
        """True when nothing is dropped."""
        return self._current == self.limit == ALL_LAYERS

    def passes(self, descriptor: Vp8) -> bool:
        """Whether the packet of this descriptor is to be sent."""
        temporal = descriptor.temporal
        if temporal < 0:
            return True
        if descriptor.begins:
            if self._current > self.limit:
                self._current = self.limit
            elif self._current < temporal <= self.limit and descriptor.sync:
                self._current = temporal
        return temporal <= self._current

    def key(self) -> None:
        """A key frame begins: every layer up to the limit may be sent from here."""
        self._current = self.limit


def shift_vp8(data: bytearray | memoryview, start: int, descriptor: Vp8, picture: int, tl0: int) -> None:
    """Add to picture id and TL0PICIDX in place, keeping their width; `start` = payload offset."""
    if picture and descriptor.picture_offset:
        at = start + descriptor.picture_offset
        if descriptor.picture_bits == 15:
            value = descriptor.picture + picture & 0x7FFF | 0x8000
            data[at], data[at + 1] = value >> 8, value & 0xFF
        else:
            data[at] = descriptor.picture + picture & 0x7F
    if tl0 and descriptor.tl0_offset:
        data[start + descriptor.tl0_offset] = descriptor.tl0 + tl0 & 0xFF


def _parse(payload: bytes) -> Vp8:
    first = payload[0]
    begins = first & 0x17 == 0x10  # S set and partition 0
    if not first & 0x80:
        return Vp8(1, begins, -1, 0, 0, -1, 0, -1, sync=False)
    bits = payload[1]
    position = 2
    picture, picture_offset, picture_bits = -1, 0, 0
    if bits & 0x80:
        picture_offset = position
        if payload[position] & 0x80:
            picture = (payload[position] & 0x7F) << 8 | payload[position + 1]
            picture_bits = 15
            position += 2
        else:
            picture = payload[position]
            picture_bits = 7
            position += 1
    tl0, tl0_offset = -1, 0
    if bits & 0x40:
        tl0_offset = position
        tl0 = payload[position]
        position += 1
    temporal, sync = -1, False
    if bits & 0x30:
        if bits & 0x20:
            temporal = payload[position] >> 6
            sync = bool(payload[position] & 0x20)
        position += 1
    if position > len(payload):
        raise ValueError("VP8 descriptor is cut")
    return Vp8(position, begins, picture, picture_offset, picture_bits, tl0, tl0_offset, temporal, sync)
