"""Which packets to ask a publisher for again, and when to give up (RFC 4585 6.2.1)."""

from __future__ import annotations

from dataclasses import dataclass

REORDER_WAIT = 0.010  # s; a gap younger than this may be mere reordering
MAX_TRIES = 8
MAX_AGE = 1.0  # s; older pictures are no use
MAX_MISSING = 250  # more than this is an outage: one key frame costs less
MIN_RETRY = 0.020  # s


@dataclass(slots=True)
class _Missing:
    since: float
    asked: float = 0.0
    tries: int = 0


class NackGenerator:
    """The missing packets of one incoming stream; `now` and `rtt` in seconds."""

    __slots__ = ("gave_up", "highest", "missing", "round_trip")

    def __init__(self) -> None:
        self.highest = -1  # the next number after it is no news: whoever counts may set it without a call
        self.missing: dict[int, _Missing] = {}
        self.gave_up = False  # set when packets were given up: ask for a key frame, then clear
        self.round_trip = 0.0  # s from the only request for a packet to its arrival; 0 = none newly measured

    def received(self, index: int, now: float) -> None:
        """Note an arrived packet by its unwrapped number."""
        highest = self.highest
        if index == highest + 1 or highest < 0:
            self.highest = index
            return
        if index <= highest:
            found = self.missing.pop(index, None)
            if found is not None and found.tries == 1:
                self.round_trip = now - found.asked
            return
        if index - highest - 1 + len(self.missing) > MAX_MISSING:
            self.missing.clear()
            self.gave_up = True
        else:
            for lost in range(highest + 1, index):
                self.missing[lost] = _Missing(now)
        self.highest = index

    def due(self, now: float, rtt: float) -> list[int]:
        """Numbers to ask for now; removes those given up."""
        retry = max(MIN_RETRY, 1.5 * rtt)
        ask: list[int] = []
        for index, missing in list(self.missing.items()):
            age = now - missing.since
            if age > MAX_AGE or (missing.tries >= MAX_TRIES and now - missing.asked >= retry):
                del self.missing[index]
                self.gave_up = True
            elif age >= REORDER_WAIT and (not missing.tries or now - missing.asked >= retry):
                missing.asked = now
                missing.tries += 1
                ask.append(index)
        return ask

    def forget(self) -> None:
        """Drop the list, as after a key frame that makes older packets useless."""
        self.missing.clear()
