"""How much a path carries: transport-cc delay gradient, loss and probes (GCC, draft-ietf-rmcat-gcc-02)."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from enum import Enum

START = 1_000_000  # bit/s before the first feedback
MINIMUM = 64_000  # bit/s: audio always fits
MAXIMUM = 50_000_000
GROUP = 0.005  # s, packets sent within it are one group
WINDOW = 20  # groups in the trend line
BACKOFF = 0.85
LOSS_HIGH, LOSS_LOW = 0.10, 0.02
REBASE = 60_000.0  # ms of running sums before they start anew
LEAST_THRESHOLD = 6.0  # ms
QUEUE = 25.0  # ms of queueing before a rising delay counts: a busy host is no full path
PERSIST = 0.060  # s of arrival time a rise must last: after a stall of the receiver everything arrives at once
LEAK = 0.05  # ms per group by which the least delay is forgotten: clocks drift, paths change
CALM = 5.0  # ms of queueing below which whole feedbacks are one group: no decision hangs on a finer look
CALM_SPAN = 0.2  # s of calm sending taken in at once
CALM_STEP = 0.020  # s between the groups it is remembered as
MODEST = 0.7  # of the estimate is being sent at most
DELIVERED = 0.9  # of what is sent: above it the application is the limit, not the path


class Usage(Enum):
    """What the delay says about the path."""

    NORMAL = 0
    OVER = 1
    UNDER = 2


Sample = tuple[float, float | None, int, int]
"""One packet of a feedback: send time, arrival (None = lost), bytes, probe cluster (0 = none)."""
_Calm = tuple[float, float, float, int, int]
"""First and last send time, last arrival, packets, bytes."""


class TrendLine:
    """Slope of the one-way delay over the newest packet groups, with an adaptive threshold."""

    __slots__ = (
        "_accumulated",
        "_base",
        "_closed",
        "_floor",
        "_last",
        "_over_since",
        "_points",
        "_rested",
        "_smoothed",
        "_sums",
        "_threshold",
        "_updated",
        "group",
        "usage",
    )

    def __init__(self) -> None:
        self._points: deque[tuple[float, float]] = deque()
        self._sums = (0.0, 0.0, 0.0, 0.0)  # of x, y, x*x, x*y over the points
        self._rested = False  # the line is flat, its points are still to be set
        self.group = (-1.0, -1.0, -1.0)  # the open one: first sent, last sent, last arrived
        self._closed = (0.0, 0.0)  # last sent and arrived of the group before
        self._accumulated = 0.0
        self._smoothed = 0.0
        self._floor = 0.0
        self._base = 0.0
        self._last = 0.0
        self._threshold = 12.5  # ms
        self._updated = 0.0
        self._over_since = -1.0
        self.usage = Usage.NORMAL

    def close(self, sent: float, arrived: float) -> None:
        """A group of packets is complete: the last send time and the last arrival in it, seconds."""
        if self._rested:
            self._flatten()
        before_sent, before_arrived = self._closed
        self._closed = (sent, arrived)
        if not before_arrived:
            self._base = arrived
            return
        sent_delta = sent - before_sent
        self._accumulated += 1000 * (arrived - before_arrived - sent_delta)
        self._floor = min(self._floor + LEAK, self._accumulated)
        self._smoothed = 0.9 * self._smoothed + 0.1 * self._accumulated
        x, y = 1000 * (arrived - self._base), self._smoothed
        sx, sy, sxx, sxy = self._sums
        self._points.append((x, y))
        sx, sy, sxx, sxy = sx + x, sy + y, sxx + x * x, sxy + x * y
        if len(self._points) > WINDOW:
            x, y = self._points.popleft()
            sx, sy, sxx, sxy = sx - x, sy - y, sxx - x * x, sxy - x * y
        self._sums = (sx, sy, sxx, sxy)
        if x > REBASE:
            self._rebase()
        if len(self._points) == WINDOW:
            below = sxx - sx * sx / WINDOW
            self._judge((sxy - sx * sy / WINDOW) / below if below > 0 else 0.0, arrived, sent_delta)

    def rest(self, sent: float, arrived: float) -> None:
        """A calm time ended with these: the same as closing many groups without a trend."""
        before_sent, before_arrived = self._closed
        span = sent - before_sent
        self._closed = (sent, arrived)
        self._accumulated += 1000 * (arrived - before_arrived - span)
        self._floor = min(self._floor + LEAK * span / CALM_STEP, self._accumulated)
        self._updated = arrived
        self._threshold = LEAST_THRESHOLD
        self._rested = True

    def _flatten(self) -> None:
        """Draw the line of a calm time, for what comes now to be judged against."""
        self._rested = False
        self._smoothed = y = self._accumulated
        self._base = self._closed[1] - WINDOW * CALM_STEP
        self._last = 0.0
        self._over_since = -1.0
        self._set_points([(1000 * CALM_STEP * (i + 1), y) for i in range(WINDOW)])

    def queue(self, sent: float, arrived: float) -> float:
        """Milliseconds of queueing that a packet tells of; infinite before the first group."""
        before_sent, before_arrived = self._closed
        if not before_arrived:
            return float("inf")
        return self._accumulated + 1000 * (arrived - before_arrived - sent + before_sent) - self._floor

    def _rebase(self) -> None:
        """Keep the running sums small, so that no precision is lost over hours."""
        shift = self._points[0][0]
        self._base += shift / 1000
        self._set_points([(x - shift, y) for x, y in self._points])

    def _set_points(self, points: Sequence[tuple[float, float]]) -> None:
        self._points = deque(points)
        self._sums = (
            sum(x for x, _ in points),
            sum(y for _, y in points),
            sum(x * x for x, _ in points),
            sum(x * y for x, y in points),
        )

    def _judge(self, slope: float, now: float, sent_delta: float) -> None:
        trend = slope * WINDOW * 4.0 * 3  # the gain of the reference implementation
        queue = self._accumulated - self._floor
        if trend > self._threshold and queue > QUEUE:
            if self._over_since < 0:
                self._over_since = now - sent_delta / 2
            elif now - self._over_since >= PERSIST and (slope >= self._last or queue > 2 * QUEUE):
                self.usage = Usage.OVER
        else:
            self._over_since = -1.0
            self.usage = Usage.UNDER if trend < -self._threshold else Usage.NORMAL
        self._last = slope
        distance = abs(trend) - self._threshold
        elapsed = min(0.1, now - self._updated) if self._updated else 0.0
        if distance < 15:
            gain = 0.039 if distance < 0 else 0.0087
            self._threshold = min(600.0, max(LEAST_THRESHOLD, self._threshold + gain * distance * 1000 * elapsed))
        self._updated = now


class Estimator:
    """Bits per second one path carries towards a subscriber; all times in seconds."""

    __slots__ = (
        "_calm", "_capacity", "_delivered", "_lost", "_missing", "_offered", "_probes", "_total", "_trend",
        "_updated", "acked", "last_decrease", "loss", "rate", "sent",
    )  # fmt: skip

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
        self._total = self._missing = 0
        self._capacity = 0.0  # delivered rate at the last overuse; 0 = unknown
        self._calm: _Calm | None = None  # feedbacks of a calm path, not yet taken in

    @property
    def overused(self) -> bool:
        """True while the delay grows: no probing now."""
        return self._trend.usage is Usage.OVER

    def feedback(self, samples: Sequence[Sample], now: float) -> None:
        """Take one feedback in."""
        if not samples:
            return
        if self._calm is not None:
            self._take_calm(self._calm, now)
        lost = offered = delivered = 0
        trend = self._trend
        first, last_sent, last_arrived = trend.group
        for sample in samples:  # runs for every packet of every subscriber: no calls but for whole groups
            sent, arrived, size, probe = sample
            offered += size
            if arrived is None:
                lost += 1
                continue
            delivered += size
            if sent - first > GROUP:
                if first >= 0:
                    trend.close(last_sent, last_arrived)
                first = last_sent = sent
                last_arrived = arrived
            else:
                last_sent = max(last_sent, sent)
                last_arrived = max(last_arrived, arrived)
            if probe:
                self._probes.setdefault(probe, []).append(sample)
        trend.group = (first, last_sent, last_arrived)
        if not delivered:
            last_sent = max(sample[0] for sample in samples)
        self.sent = self._offered.add(last_sent, offered)
        if delivered:
            self.acked = self._delivered.add(last_arrived, delivered)
        self._count_loss(len(samples), lost, now)
        self._adapt(now)
        if self._probes:
            self._finish_probes(now)

    def steady(self, sent: tuple[float, float], arrived: float, count: int, size: int, now: float) -> bool:
        """Take in a feedback without loss: first and last sent, last arrived; packets and bytes.

        False when it wants a closer look, packet by packet: something queues, or a probe is out.
        """
        trend = self._trend
        first, last = sent
        if self._probes or trend.usage is not Usage.NORMAL or trend.queue(last, arrived) > CALM:
            return False
        calm = self._calm
        if calm is not None:
            first, count, size = calm[0], count + calm[3], size + calm[4]
        self._calm = calm = (first, last, arrived, count, size)
        if last - first >= CALM_SPAN:
            self._take_calm(calm, now)
        return True

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

    def _take_calm(self, calm: _Calm, now: float) -> None:
        """What came on a calm path is one group of packets."""
        self._calm = None
        _, last, arrived, count, size = calm
        trend = self._trend
        trend.rest(last, arrived)
        trend.group = (-1.0, -1.0, -1.0)
        self.sent = self._offered.add(last, size)
        self.acked = self._delivered.add(arrived, size)
        self._count_loss(count, 0, now)
        self._adapt(now)

    def _count_loss(self, total: int, lost: int, now: float) -> None:
        self._lost.append((now, total, lost))
        self._total += total
        self._missing += lost
        while now - self._lost[0][0] > 1.0:
            _, total, lost = self._lost.popleft()
            self._total -= total
            self._missing -= lost
        self.loss = self._missing / self._total if self._total >= 20 else 0.0

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
                step = self.rate * (1.08**elapsed - 1) + 10_000 * elapsed
            ceiling = max(self.rate, 1.5 * self.acked + 10_000)
            self.rate = min(self.rate + step, ceiling, MAXIMUM)

    def _finish_probes(self, now: float) -> None:
        """A cluster tells the rate at which its packets came out of the path."""
        for cluster, samples in list(self._probes.items()):
            newest = max(arrived or 0.0 for _, arrived, _, _ in samples)
            if len(samples) < 5:
                if now - samples[0][0] > 1.0:
                    del self._probes[cluster]
                continue
            oldest = min(arrived or newest for _, arrived, _, _ in samples)
            first = min(sample[0] for sample in samples)
            last = max(sample[0] for sample in samples)
            total = 8 * sum(sample[2] for sample in samples[1:])
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
    """Bit/s over about the newest half second, fed once per feedback."""

    __slots__ = ("_bytes", "_entries")

    def __init__(self) -> None:
        self._entries: deque[tuple[float, int]] = deque()
        self._bytes = 0

    def add(self, at: float, size: int) -> float:
        entries = self._entries
        entries.append((at, size))
        self._bytes += size
        while at - entries[0][0] > 0.5 and len(entries) > 2:
            self._bytes -= entries.popleft()[1]
        first, early = entries[0]
        span = at - first  # the bytes of the first entry came before its time
        return 8 * (self._bytes - early) / span if span > 0.1 else 8 * self._bytes / 0.15
