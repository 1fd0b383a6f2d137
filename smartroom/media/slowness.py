"""A subscriber that cannot follow gets voices and one small picture, and is told so."""

from __future__ import annotations

from collections import deque

STARVED_FOR = 10.0  # s in which not one picture fits
NACKED = 0.20  # of what was sent is asked for again
ROUND_TRIP = 1.5  # s
WINDOW = 5.0  # s over which requests are counted, and for which a bad round trip must last
LEAST_PACKETS = 50  # in the window; fewer say nothing
BETTER_FOR = 10.0  # s without a sign until pictures come back


class Slowness:
    """Watches one subscriber; `sign` names what is wrong, empty while it follows."""

    __slots__ = ("_counts", "_fine_since", "_late_since", "_starved_since", "sign")

    def __init__(self) -> None:
        self.sign = ""
        self._starved_since = self._late_since = float("inf")
        self._fine_since = float("inf")
        self._counts: deque[tuple[float, int, int]] = deque()

    def look(self, now: float, *, starved: bool, sent: int, asked: int, rtt: float) -> bool:
        """Take in totals of packets sent and asked for again; True when `sign` has changed."""
        self._starved_since = min(self._starved_since, now) if starved else float("inf")
        self._late_since = min(self._late_since, now) if rtt > ROUND_TRIP else float("inf")
        self._counts.append((now, sent, asked))
        while now - self._counts[0][0] > WINDOW:
            self._counts.popleft()
        before, sign = self.sign, self._find(now)
        if sign:
            self._fine_since = float("inf")
            self.sign = self.sign or sign
        elif self.sign:
            self._fine_since = min(self._fine_since, now)
            if now - self._fine_since >= BETTER_FOR:
                self.sign = ""
        return self.sign != before

    def _find(self, now: float) -> str:
        if now - self._starved_since >= STARVED_FOR:
            return "bandwidth"
        _, sent_before, asked_before = self._counts[0]
        _, sent, asked = self._counts[-1]
        if sent - sent_before >= LEAST_PACKETS and asked - asked_before > NACKED * (sent - sent_before):
            return "loss"
        return "delay" if now - self._late_since >= WINDOW else ""
