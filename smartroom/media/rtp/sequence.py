"""Sequence numbers that wrap, and the rewriting that keeps one outgoing stream continuous."""

from __future__ import annotations

from dataclasses import dataclass

HISTORY = 32  # base changes kept, so that late packets and NACKs find the mapping of their time
_HALF = 1 << 15
_START = 1 << 16  # unwrapped numbers start above one wrap, so that early reordering stays positive


class Unwrapper:
    """16-bit sequence numbers to numbers that only grow (48 bits are enough for years)."""

    __slots__ = ("highest",)

    def __init__(self) -> None:
        self.highest = -1

    def unwrap(self, sequence: int) -> int:
        """The number nearest to the highest one seen; remembers the highest."""
        highest = self.highest
        if highest < 0:
            self.highest = _START + sequence
            return self.highest
        index = highest + ((sequence - highest + _HALF) & 0xFFFF) - _HALF
        if index > highest:
            self.highest = index
        return index


def near(sequence: int, reference: int) -> int:
    """The unwrapped number with these low 16 bits that lies nearest to `reference`."""
    return reference + ((sequence - reference + _HALF) & 0xFFFF) - _HALF


@dataclass(frozen=True, slots=True)
class Segment:
    """One constant mapping from a source to the outgoing stream; all fields but `first` are added."""

    first: int  # first outgoing number of this segment
    source: int
    sequence: int
    timestamp: int
    picture: int = 0
    tl0: int = 0


class Rewriter:
    """Many sources, one outgoing stream: numbers grow by one, never used twice, gaps stay gaps.

    Two packets never get one number: under AEAD a number used twice with other bytes gives away
    the authentication key. A late packet whose number now belongs to a newer one is refused.
    """

    __slots__ = ("_highest", "_last_picture", "_last_timestamp", "_last_tl0", "_segments")

    def __init__(self, first_sequence: int, first_timestamp: int) -> None:
        self._highest = _START + first_sequence - 1
        self._last_timestamp = first_timestamp
        self._last_picture = -1
        self._last_tl0 = -1
        self._segments: list[Segment] = []

    @classmethod
    def unchanged(cls, index: int, timestamp: int, source: int = 0) -> Rewriter:
        """One that changes nothing from `index` on, until something is skipped."""
        made = cls(index - _START, timestamp)
        made.switch(source, index, timestamp, 0)
        return made

    @property
    def current(self) -> Segment | None:
        """The newest mapping; None before the first source."""
        return self._segments[-1] if self._segments else None

    @property
    def highest(self) -> int:
        """The highest outgoing number used or skipped."""
        return self._highest

    def switch(
        self, source: int, index: int, timestamp: int, elapsed: int, *, picture: int = -1, tl0: int = -1
    ) -> Segment:
        """Start another source at `index`; `elapsed` ticks since the last packet sent, at least 1."""
        first = self._highest + 1
        since = max(1, elapsed) if self._segments else 0
        shift = self._last_timestamp + since - timestamp
        segment = Segment(
            first,
            source,
            first - index,
            shift & 0xFFFFFFFF,
            self._last_picture + 1 - picture if min(picture, self._last_picture) >= 0 else 0,
            self._last_tl0 + 1 - tl0 if min(tl0, self._last_tl0) >= 0 else 0,
        )
        self._push(segment)
        return segment

    def place(self, source: int, index: int) -> Segment | None:
        """The mapping valid at `index`; None when it has no number of its own any more."""
        limit = None
        for segment in reversed(self._segments):
            out = index + segment.sequence
            if out >= segment.first and segment.source == source:
                return segment if limit is None or out < limit else None
            limit = segment.first
        return None

    def advance(self, index: int, timestamp: int, picture: int = -1, tl0: int = -1) -> None:
        """Tell that the current segment has carried `index`; late ones change nothing."""
        segment = self._segments[-1]
        out = index + segment.sequence
        if out > self._highest:
            self._highest = out
            self._last_timestamp = timestamp + segment.timestamp & 0xFFFFFFFF
            if picture >= 0:
                self._last_picture = picture + segment.picture
                self._last_tl0 = tl0 + segment.tl0 if tl0 >= 0 else -1

    def skip(self, index: int, *, new_frame: bool = False) -> None:
        """Close the gap of a packet dropped on purpose; `new_frame` closes a picture number too."""
        segment = self._segments[-1]
        out = index + segment.sequence
        if out <= self._highest:
            return  # late: its number was already given up as lost
        shift = segment.sequence - 1
        self._highest = out - 1
        self._push(
            Segment(
                out,
                segment.source,
                shift,
                segment.timestamp,
                segment.picture - new_frame,
                segment.tl0,
            )
        )

    def find(self, sequence: int) -> tuple[Segment, int] | None:
        """Segment and incoming number behind an outgoing 16-bit number, for NACKs."""
        out = near(sequence, self._highest)
        if out > self._highest:
            return None
        for segment in reversed(self._segments):
            if out >= segment.first:
                return segment, out - segment.sequence
        return None

    def _push(self, segment: Segment) -> None:
        if self._segments and self._segments[-1].first == segment.first:
            self._segments.pop()  # it never carried a packet
        self._segments.append(segment)
        del self._segments[:-HISTORY]
