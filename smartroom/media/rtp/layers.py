"""Temporal layers: what the descriptor of a packet says of its frame, and which frames may be dropped."""

from __future__ import annotations

from dataclasses import dataclass

ALL_LAYERS = 7  # temporal ids are 0..7 at most (RFC 9628, AV1): nothing is dropped
LONGEST_VP8 = 6  # bytes of a descriptor


@dataclass(slots=True)
class Descriptor:
    """What a packet says of its frame; offsets count from the start of the payload, 0 = absent."""

    size: int  # bytes of the payload the descriptor takes
    begins: bool  # first packet of a frame
    picture: int = -1  # -1 when absent
    picture_offset: int = 0
    picture_bits: int = 0
    tl0: int = -1  # -1 when absent
    tl0_offset: int = 0
    temporal: int = -1  # -1 when absent
    sync: bool = False  # this frame depends on the base layer only: it may be the first of its layer
    up: int = -1  # once this frame is sent, layers up to this one may follow
    dense: bool = False  # receivers expect picture numbers without a gap
    key: bool = False  # first packet of a key frame


class TemporalFilter:
    """Drops the temporal layers above a limit; goes up only where the stream allows."""

    __slots__ = ("_current", "_top", "limit")

    def __init__(self) -> None:
        self.limit = ALL_LAYERS
        self._current = ALL_LAYERS
        self._top = 0  # highest layer seen

    @property
    def open(self) -> bool:
        """True when nothing is dropped."""
        return self._current == self.limit == ALL_LAYERS

    def passes(self, frame: Descriptor) -> bool:
        """Whether the packet of this descriptor is to be sent."""
        temporal = frame.temporal
        if temporal < 0:
            return True
        if not frame.begins:
            return temporal <= self._current
        self._top = max(self._top, temporal)
        if self._current > self.limit:
            self._current = self.limit
        elif frame.sync and temporal <= self.limit and temporal == self._current + 1:
            self._current = temporal  # one by one: what follows in a skipped layer might depend on what was dropped
        if temporal > self._current:
            return False
        self._current = max(self._current, min(frame.up, self.limit))
        if self.limit == ALL_LAYERS and self._current >= self._top:
            self._current = ALL_LAYERS
        return True

    def key(self) -> None:
        """A key frame begins: every layer up to the limit may be sent from here."""
        self._current = self.limit


def parse_vp8(payload: bytes) -> Descriptor:
    """The VP8 payload descriptor; ValueError when it is cut (RFC 7741 4.2)."""
    try:
        return _vp8(payload)
    except IndexError:
        raise ValueError("VP8 descriptor is cut") from None


def parse_vp9(payload: bytes) -> Descriptor:
    """The VP9 payload descriptor; ValueError when it is cut (RFC 9628 4.2)."""
    try:
        return _vp9(payload)
    except IndexError:
        raise ValueError("VP9 descriptor is cut") from None


def shift_picture(data: bytearray | memoryview, start: int, frame: Descriptor, picture: int, tl0: int) -> None:
    """Add to picture id and TL0PICIDX in place, keeping their width; `start` = payload offset."""
    if picture and frame.picture_offset:
        at = start + frame.picture_offset
        if frame.picture_bits == 15:
            value = frame.picture + picture & 0x7FFF | 0x8000
            data[at], data[at + 1] = value >> 8, value & 0xFF
        else:
            data[at] = frame.picture + picture & 0x7F
    if tl0 and frame.tl0_offset:
        data[start + frame.tl0_offset] = frame.tl0 + tl0 & 0xFF


def _vp8(payload: bytes) -> Descriptor:
    first = payload[0]
    begins = first & 0x17 == 0x10  # S set and partition 0
    frame = Descriptor(1, begins, dense=True)
    position = 1
    if first & 0x80:
        bits = payload[1]
        position = 2
        if bits & 0x80:
            position = _picture(payload, position, frame)
        if bits & 0x40:
            frame.tl0_offset = position
            frame.tl0 = payload[position]
            position += 1
        if bits & 0x30:
            if bits & 0x20:
                frame.temporal = payload[position] >> 6
                frame.sync = bool(payload[position] & 0x20)
            position += 1
        if position > len(payload):
            raise ValueError("VP8 descriptor is cut")
    frame.size = position
    frame.key = begins and position < len(payload) and not payload[position] & 1
    return frame


def _vp9(payload: bytes) -> Descriptor:
    first = payload[0]
    position = 1
    frame = Descriptor(1, bool(first & 0x08))
    if first & 0x80:
        position = _picture(payload, position, frame)
    if first & 0x20:
        indices = payload[position]
        position += 1
        frame.temporal = indices >> 5
        frame.begins = frame.begins and not indices & 0x0E  # a picture begins with its lowest spatial layer
        if indices & 0x10:
            frame.up = ALL_LAYERS
        if not first & 0x10:
            frame.tl0_offset = position
            frame.tl0 = payload[position]
            position += 1
    if first & 0x50 == 0x50:  # flexible mode, predicted: up to three references
        for _ in range(3):
            position += 1
            if not payload[position - 1] & 1:
                break
    if first & 0x02:
        position = _vp9_structure(payload, position)
    if position > len(payload):
        raise ValueError("VP9 descriptor is cut")
    frame.size = position
    frame.key = frame.begins and not first & 0x40
    return frame


def _vp9_structure(payload: bytes, position: int) -> int:
    """Where the scalability structure that begins here ends."""
    bits = payload[position]
    position += 1
    if bits & 0x10:
        position += 4 * ((bits >> 5) + 1)
    if bits & 0x08:
        pictures = payload[position]
        position += 1
        for _ in range(pictures):
            position += 1 + (payload[position] >> 2 & 3)
    return position


def _picture(payload: bytes, position: int, frame: Descriptor) -> int:
    """Read a picture id of 7 or 15 bits; the position behind it."""
    frame.picture_offset = position
    if payload[position] & 0x80:
        frame.picture = (payload[position] & 0x7F) << 8 | payload[position + 1]
        frame.picture_bits = 15
        return position + 2
    frame.picture = payload[position]
    frame.picture_bits = 7
    return position + 1
