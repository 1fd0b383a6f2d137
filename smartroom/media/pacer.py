"""Smooths video towards thin paths; a path that cannot take it loses video to the end of the frame."""

from __future__ import annotations

from collections import deque

BURST = 2.5  # times the estimate: key frames go out faster than the mean
DEADLINE = 0.3  # s of queued video, then the rest of the frame is dropped
STEP = 0.005  # s


class Pacer:
    """A leaky bucket for one subscriber; rates in bit/s, times in seconds."""

    __slots__ = ("_at", "_credit", "_queue", "queued", "rate")

    def __init__(self) -> None:
        self.rate = 1e6
        self.queued = 0  # bytes
        self._queue: deque[bytearray] = deque()
        self._credit = 0.0
        self._at = 0.0

    def full(self) -> bool:
        """Whether a new frame would wait too long."""
        return 8 * self.queued > BURST * self.rate * DEADLINE

    def put(self, packet: bytearray) -> None:
        """Queue one packet."""
        self._queue.append(packet)
        self.queued += len(packet)

    def take(self, now: float) -> list[bytearray]:
        """What may be sent now, in order."""
        self._credit = min(
            self._credit + (now - self._at) * BURST * self.rate / 8, BURST * self.rate * 2 * STEP / 8 + 1500
        )
        self._at = now
        out: list[bytearray] = []
        while self._queue and self._credit > 0:
            packet = self._queue.popleft()
            self.queued -= len(packet)
            self._credit -= len(packet)
            out.append(packet)
        return out

    def clear(self) -> list[bytearray]:
        """Everything at once, as when pacing ends."""
        out = list(self._queue)
        self._queue.clear()
        self.queued = 0
        return out
