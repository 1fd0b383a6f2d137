"""How much a path carries: transport-cc delay gradient, loss and probes (GCC, draft-ietf-rmcat-gcc-02)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum

START = 1_000_000  # bit/s before the first feedback
MINIMUM = 64_000  # bit/s: audio always fits
MAXIMUM = 50_000_000
GROUP = 0.005  # s, packets sent within it are one group
WINDOW = 20  # groups in the trend line
BACKOFF = 0.85
LOSS_HIGH, LOSS_LOW = 0.10, 0.02
QUEUE = 25.0  # ms of queueing before a rising delay counts: a busy host is no full path
LEAK = 0.05  # ms per group by which the least delay is forgotten: clocks drift, paths change
MODEST = 0.7  # of the estimate is being sent at most
DELIVERED = 0.9  # of what is sent: above it the application is the limit, not the path


class Usage(Enum):
    """What the delay says about the path."""

    NORMAL = 0
    OVER = 1
    UNDER = 2


@dataclass(frozen=True, slots=True)
class Sample:
    """One packet of a feedback: send time, arrival (None = lost), bytes, probe cluster (0 = none)."""

    sent: float
    arrived: float | None
    size: int
    probe: int = 0


class TrendLine:
    """Slope of the one-way delay over the newest packet groups, with an adaptive threshold."""

    __slots__ = (
        "_accumulated",
        "_base",
        "_floor",
        "_group",
        "_last",
        "_over_since",
        "_points",
        "_previous",
        "_smoothed",
        "_threshold",
        "_updated",
        "usage",
    )

    def __init__(self) -> None:
        self._points: deque[tuple[float, float]] = deque(maxlen=WINDOW)
        self._group: tuple[float, float, float] | None = None  # first sent, last sent, last arrived
        self._previous: tuple[float, float] | None = None
        self._accumulated = 0.0
        self._smoothed = 0.0
        self._floor = 0.0
        self._base = 0.0
        self._last = 0.0
        self._threshold = 12.5  # ms
        self._updated = 0.0
        self._over_since = -1.0
        self.usage = Usage.NORMAL

    def add(self, sent: float, arrived: float) -> None:
        """One delivered packet, in the order of sending; seconds."""
        group = self._group
        if group is None:
            self._group = (sent, sent, arrived)
            self._base = arrived
        elif sent - group[0] <= GROUP:
            self._group = (group[0], max(sent, group[1]), max(arrived, group[2]))
        else:
            self._close(group)
            self._group = (sent, sent, arrived)

    def _close(self, group: tuple[float, float, float]) -> None:
        sent, arrived = group[1], group[2]
        if self._previous is not None:
            sent_delta = sent - self._previous[0]
            gradient = 1000 * (arrived - self._previous[1] - sent_delta)
            self._accumulated += gradient
            self._floor = min(self._floor + LEAK, self._accumulated)
            self._smoothed = 0.9 * self._smoothed + 0.1 * self._accumulated
            self._points.append((1000 * (arrived - self._base), self._smoothed))
            if len(self._points) == WINDOW:
                self._judge(arrived, sent_delta)
        self._previous = (sent, arrived)

    def _judge(self, now: float, sent_delta: float) -> None:
        mean_x = sum(x for x, _ in self._points) / WINDOW
        mean_y = sum(y for _, y in self._points) / WINDOW
        below = sum((x - mean_x) ** 2 for x, _ in self._points)
        above = sum((x - mean_x) * (y - mean_y) for x, y in self._points)
        slope = above / below if below else 0.0
        trend = slope * WINDOW * 4.0 * 3  # the gain of the reference implementation
        if trend > self._threshold and self._accumulated - self._floor > QUEUE:
            if self._over_since < 0:
                self._over_since = now - sent_delta / 2
            elif now - self._over_since >= 0.010 and slope >= self._last:
                self.usage = Usage.OVER
        else:
            self._over_since = -1.0
            self.usage = Usage.UNDER if trend < -self._threshold else Usage.NORMAL
        self._last = slope
        distance = abs(trend) - self._threshold
        elapsed = min(0.1, now - self._updated) if self._updated else 0.0
        if distance < 15:
            gain = 0.039 if distance < 0 else 0.0087
            self._threshold += gain * distance * 1000 * elapsed
            self._threshold = min(600.0, max(6.0, self._threshold))
        self._updated = now


class Estimator:
    """Bits per second one path carries towards a subscriber; all times in seconds."""

    def __init__(self, start: int = START) -> None:
        self.rate = float(start)
        self.acked = 0.0  # bit/s delivered lately
        self.sent = 0.0  # bit/s sent in the same time
        self.loss = 0.0  # of the newest feedbacks, 0..1
        self.last_decrease = float("-inf")
        self._trend = TrendLine()
        self._delivered = _Meter()
        self._offered = _Meter()
        self._updated = 0.0
        self._probes: dict[int, list[Sample]] = {}
        self._lost: deque[tuple[float, int, int]] = deque()
        self._capacity = 0.0  # delivered rate at the last overuse; 0 = unknown

    @property
    def overused(self) -> bool:
        """True while the delay grows: no probing now."""
        return self._trend.usage is Usage.OVER

    def feedback(self, samples: list[Sample], now: float) -> None:
        """Take one feedback in."""
        lost = 0
        for sample in samples:
            self._offered.add(sample.sent, sample.size)
            if sample.arrived is None:
                lost += 1
                continue
            self._trend.add(sample.sent, sample.arrived)
            self._delivered.add(sample.arrived, sample.size)
            if sample.probe:
                self._probes.setdefault(sample.probe, []).append(sample)
        self.acked, self.sent = self._delivered.rate, self._offered.rate
        self._count_loss(len(samples), lost, now)
        self._adapt(now)
        self._finish_probes(now)

    def report_loss(self, fraction: float, now: float) -> None:
        """Loss of a receiver report, for peers without transport-cc."""
        self.loss = fraction
        if fraction > LOSS_HIGH:
            self._decrease(self.rate * (1 - 0.5 * fraction), now)
        elif fraction < LOSS_LOW:
            self.rate = min(MAXIMUM, self.rate * 1.08)

    def cap(self, bitrate: int) -> None:
        """A REMB: an upper bound."""
        self.rate = max(MINIMUM, min(self.rate, float(bitrate)))

    def _count_loss(self, total: int, lost: int, now: float) -> None:
        self._lost.append((now, total, lost))
        while now - self._lost[0][0] > 1.0:
            self._lost.popleft()
        count = sum(entry[1] for entry in self._lost)
        self.loss = sum(entry[2] for entry in self._lost) / count if count >= 20 else 0.0

    def _adapt(self, now: float) -> None:
        elapsed = min(1.0, now - self._updated) if self._updated else 0.0
        self._updated = now
        since = now - self.last_decrease
        if self._trend.usage is Usage.OVER:
            if since > 0.3 and self.acked:
                if self.acked > DELIVERED * self.sent and self.sent < MODEST * self.rate:
                    self._decrease(max(BACKOFF * self.rate, min(self.rate, self.acked)), now)
                else:
                    self._capacity = self.acked
                    self._decrease(min(self.rate, BACKOFF * self.acked), now)
        elif self.loss > LOSS_HIGH:
            if since > 0.5:
                self._decrease(self.rate * (1 - 0.5 * self.loss), now)
        elif self._trend.usage is Usage.NORMAL and self.loss < LOSS_LOW:
            if self._capacity and self.rate > 0.9 * self._capacity:
                if self.rate > 1.2 * self._capacity:
                    self._capacity = 0.0  # the path has grown
                step = max(4_000.0, 0.02 * self.rate) * elapsed * 2
            else:
                step = self.rate * (1.08**elapsed - 1) + 1_000
            ceiling = max(self.rate, 1.5 * self.acked + 10_000)
            self.rate = min(self.rate + step, ceiling, MAXIMUM)

    def _finish_probes(self, now: float) -> None:
        """A cluster tells the rate at which its packets came out of the path."""
        for cluster, samples in list(self._probes.items()):
            newest = max(sample.arrived or 0.0 for sample in samples)
            if len(samples) < 5:
                if now - samples[0].sent > 1.0:
                    del self._probes[cluster]
                continue
            oldest = min(sample.arrived or newest for sample in samples)
            first = min(sample.sent for sample in samples)
            last = max(sample.sent for sample in samples)
            total = 8 * sum(sample.size for sample in samples[1:])
            received = total / max(newest - oldest, 0.001)
            sent = total / max(last - first, 0.001)
            if self._trend.usage is not Usage.OVER and self.loss < LOSS_LOW:
                measured = min(received, sent)
                if received < 0.9 * sent:
                    measured = BACKOFF * received
                if measured > self.rate:
                    self.rate = min(measured, MAXIMUM)
                    self._capacity = 0.0
            if now - first > 0.5:
                del self._probes[cluster]

    def _decrease(self, rate: float, now: float) -> None:
        self.rate = max(float(MINIMUM), rate)
        self.last_decrease = now


class _Meter:
    """Bit/s over the newest half second."""

    __slots__ = ("_bytes", "_entries")

    def __init__(self) -> None:
        self._entries: deque[tuple[float, int]] = deque()
        self._bytes = 0

    def add(self, at: float, size: int) -> None:
        self._entries.append((at, size))
        self._bytes += size
        while at - self._entries[0][0] > 0.5:
            self._bytes -= self._entries.popleft()[1]

    @property
    def rate(self) -> float:
        if not self._entries:
            return 0.0
        return 8 * self._bytes / max(0.15, self._entries[-1][0] - self._entries[0][0])
