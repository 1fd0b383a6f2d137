"""The subscribing side of a transport: its slots, its feedback, its share of the path."""

from __future__ import annotations

import asyncio
import itertools
import math
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from smartroom.media.allocator import PAUSED, Patience, Want, allocate, needed
from smartroom.media.consumer import Consumer
from smartroom.media.hotpath import HISTORY
from smartroom.media.negotiation import URI_TRANSPORT_CC, Slot
from smartroom.media.pacer import STEP, Pacer
from smartroom.media.producer import Stream
from smartroom.media.rtp import feedback, rtcp
from smartroom.media.rtp.bandwidth import Estimator
from smartroom.media.slowness import Slowness
from smartroom.media.transport import Transport

PACED_BELOW = 2_000_000  # bit/s; above it packets go straight through
PACED_AGAIN_BELOW = 1_700_000  # bit/s; the gap keeps rows from being rebuilt back and forth
RESERVE = 0.9  # of the estimate is given to media
KEEP = 1.25  # times the estimate before what is shown is lowered: one hiccup of a busy host must not blank a picture
RAISE_AFTER = 2.0  # s of room before a layer is added
AMPLE = 1.3  # times what is wanted: with less known to fit, probes go on, for nothing else raises an idle estimate
AUDIO_SHARE = 50_000  # bit/s set aside per audio slot in use
PROBE_EVERY = 2.0  # s between probes while more is wanted
PROBE_LIMIT = 8_000_000  # bit/s; nobody needs a faster probe in a meeting
PROBE_SPAN = 0.030  # s of one cluster
FIRST_PROBE = 3_000_000  # bit/s, at the first picture
FIRST_PROBES = 2  # made whatever is wanted
CALM = 0.300  # s; in each such span one feedback of a path that tells of no queue is read, all paths' at once: warm, it costs a third
STALE = 5.0  # s; feedback about older packets speaks of numbers used again since
MAX_NACKED = 300  # numbers answered per RTCP compound
REPORT_EVERY = 1.0  # s
TRIAL = 2.0  # s after the first picture in which FIRST_PROBE counts as available: the estimate is still a guess

_clusters = itertools.count(1)
_size = itemgetter(1)


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of a track's ladder: a stream, its bit/s, and the highest temporal layer sent of it."""

    stream: Stream
    cost: float
    temporal: int


class Subscription:
    """All slots of one subscriber connection and the estimate they share."""

    __slots__ = (
        "_asked", "_audio", "_bursted", "_by_ssrc", "_enough", "_keyframe", "_middle", "_paced", "_pacer",
        "_patience", "_probe_steps", "_probed", "_reported", "_ssrc", "_timer", "_told", "_transport_cc",
        "_trial_until", "ceiling", "chosen", "consumers", "dropped", "estimator", "hold", "ladders", "loss",
        "on_ready", "on_slow", "ready", "rtt", "slowness", "transport", "wants",
    )  # fmt: skip

    def __init__(self, transport: Transport, keyframe: Callable[[Stream, float], None]) -> None:
        self.transport = transport
        self.consumers: list[Consumer] = []
        self.estimator = Estimator()
        self.rtt = 0.05
        self.loss = 0.0
        self.wants: list[Want] = []
        self.ladders: dict[str, tuple[Consumer, list[Rung]]] = {}
        self.chosen: dict[str, int] = {}
        self.ready = False  # the path has keys: what is sent arrives
        self.on_ready: Callable[[], None] = _nothing
        self.dropped = 0  # video packets a thin path did not get
        self.hold = False  # overload: no layer is added
        self.slowness = Slowness()
        self.on_slow: Callable[[str], None] = _ignore
        self.ceiling = float("inf")  # bit/s set by control, for a site that shares one radio
        self._ssrc = secrets.randbits(32)
        self._keyframe = keyframe
        self._by_ssrc: dict[int, Consumer] = {}
        self._transport_cc = False
        self._pacer = Pacer()
        self._timer: asyncio.TimerHandle | None = None
        self._patience = Patience(RAISE_AFTER)
        self._reported = 0.0
        self._probed = self._bursted = float("-inf")  # when the newest probe began, and went on
        self._probe_steps = 0
        self._middle: dict[int, float] = {}  # LSR -> time, for the round trip
        self._paced = False
        self._trial_until = 0.0
        self._audio = 0  # bit/s set aside for voices
        self._enough = math.inf  # bit/s for all that is shown, where everything is shown at its largest
        self._asked = 0  # packets asked for again
        self._told = -1  # first number the newest feedback did not speak of; -1 = the path is not calm
        transport.on_rtcp = self.receive_rtcp
        transport.on_path = self._path_changed

    @property
    def paced(self) -> bool:
        """True while packets take the careful way."""
        return self._paced

    @property
    def available(self) -> float:
        """Bit/s for media now."""
        return min(self.estimator.rate, self.ceiling)

    @property
    def _lacking(self) -> bool:
        """Whether more is wanted than is known to fit."""
        return AMPLE * (needed(self.wants) + self._audio) > RESERVE * self.estimator.rate

    def settle(self, slots: list[Slot]) -> None:
        """Open a consumer per accepted slot; slots already open stay."""
        known = {consumer.slot.ssrc for consumer in self.consumers}
        for slot in slots:
            if slot.ssrc in known:
                continue
            consumer = Consumer(self, slot)
            self.consumers.append(consumer)
            self._by_ssrc[slot.ssrc] = self._by_ssrc[slot.rtx_ssrc] = consumer
            if URI_TRANSPORT_CC in slot.extensions:
                self._transport_cc = True
        self._paced = self._transport_cc

    def close(self) -> None:
        """Leave every fan; nothing is sent any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for consumer in self.consumers:
            consumer.close()
        self.consumers.clear()
        self._by_ssrc.clear()

    def submit(self, consumer: Consumer, packet: bytearray, now: float, *, end_of_frame: bool) -> bool:
        """Send, now or paced; video of a thin path is dropped to the end of the frame, audio never."""
        if consumer.slot.kind == "audio" or not self._paced:
            self._emit(packet, now)
            return True
        if consumer.dropping or self._pacer.full():
            consumer.dropping = not end_of_frame
            self.dropped += 1
            return False
        self._pacer.put(packet)
        self._pump()
        return True

    def request_keyframe(self, stream: Stream, now: float) -> None:
        """Ask the publisher of this stream for a key frame."""
        self._keyframe(stream, now)

    def receive_rtcp(self, data: bytes, now: float) -> None:
        """Feedback of the subscriber; ValueError when malformed."""
        if self._steady(data, now):
            return  # nine of ten packets
        budget = MAX_NACKED
        for item in rtcp.parse(data):
            if isinstance(item, rtcp.Nack):
                consumer = self._by_ssrc.get(item.media)
                self._asked += len(item.sequences)
                if consumer is not None and budget > 0:
                    consumer.repeat(item.sequences[:budget], now)
                    budget -= len(item.sequences)
            elif isinstance(item, rtcp.KeyframeRequest):
                consumer = self._by_ssrc.get(item.media)
                stream = consumer and (consumer.target or consumer.stream)
                if stream and not stream.audio:
                    self._keyframe(stream, now)
            elif isinstance(item, rtcp.TransportFeedback):
                self._feedback(item.body, now)
            elif isinstance(item, rtcp.ReceiverReport | rtcp.SenderReport):
                self._reports(item.reports, now)
            elif isinstance(item, rtcp.Remb) and not self._transport_cc:
                self.estimator.cap(item.bitrate)

    def tick(self, now: float) -> bool:
        """Several times a second: sender reports, the choice of layers, probes; True when the choice changed."""
        if now - self._reported >= REPORT_EVERY:
            self._reported = now
            self._follow(now)
            for consumer in self.consumers:
                report = consumer.sender_report(now)
                if report is not None:
                    self._middle[rtcp.ntp_middle(int.from_bytes(report[8:16], "big"))] = now
                    self.transport.send_rtcp(report)
            while len(self._middle) > 4 * max(1, len(self.consumers)):
                del self._middle[next(iter(self._middle))]
        if RESERVE * self.available >= AMPLE * self._enough and self._probe_steps >= FIRST_PROBES and not self._paced:
            return False  # everything is shown, and there is room for more
        self._pace()
        self._probe(now)
        before = self.chosen
        self.choose(now)
        return self.chosen != before

    def choose(self, now: float) -> None:
        """Decide the layer of every visible track within the estimate; pictures change at key frames."""
        audio = self._audio = sum(
            AUDIO_SHARE for c in self.consumers if c.slot.kind == "audio" and c.stream is not None
        )
        wants = _one_small(self.wants) if self.slowness.sign else self.wants
        if self._transport_cc or self.loss > 0.1:
            if self.wants and not self._trial_until:
                self._trial_until = now + TRIAL
            most = max(self.available, min(FIRST_PROBE, self.ceiling) if now < self._trial_until else 0.0)
            roomy = allocate(wants, max(0.0, KEEP * most - audio))
            tight = allocate(wants, max(0.0, RESERVE * most - audio))
        else:
            roomy = tight = allocate(wants, self.ceiling)
        self.chosen = chosen = self._patience.settle(self.chosen, tight, roomy, now, hold=self.hold)
        for key, (consumer, rungs) in self.ladders.items():
            step = chosen.get(key, PAUSED)
            if step == PAUSED or not rungs:
                consumer.show(None, now)
            else:
                rung = rungs[min(step, len(rungs) - 1)]
                consumer.limit(rung.temporal)
                consumer.show(rung.stream, now)
        full = not self.slowness.sign and all(chosen[want.key] == len(want.layers) - 1 for want in wants)
        self._enough = needed(wants) + audio if full else math.inf

    def _follow(self, now: float) -> None:
        """Judge whether this subscriber follows; one that does not is told."""
        least = min((want.layers[0] for want in self.wants if want.layers), default=0.0)
        changed = self.slowness.look(
            now,
            starved=RESERVE * self.available - self._audio < least,
            sent=sum(consumer.packets for consumer in self.consumers),
            asked=self._asked,
            rtt=self.rtt,
        )
        if changed:
            self._enough = math.inf
            self.on_slow(self.slowness.sign)

    def _probe(self, now: float) -> None:
        """Ask the path for more, where more would be used."""
        first = self._probe_steps < FIRST_PROBES and now - self._probed > 0.1
        later = self._lacking and now - self._probed > PROBE_EVERY and now - self.estimator.last_decrease > PROBE_EVERY
        if not (first or later) or not self._transport_cc or self.transport.remote is None:
            return
        video = [c for c in self.consumers if c.slot.rtx_types]
        carrier = next((c for c in video if c.stream is not None), video[0] if video and self.wants else None)
        if carrier is None or self.estimator.overused or self.estimator.loss > 0.02:
            return
        self._probed = now
        self.transport.calm_until = 0.0
        rate = 2.0 * self.estimator.rate
        if first:
            rate = max(rate, FIRST_PROBE)
            self._probe_steps += 1
        rate = min(rate, PROBE_LIMIT)
        if rate <= self.estimator.rate:
            return
        self._burst(carrier, next(_clusters), rate, 6)

    def _burst(self, carrier: Consumer, cluster: int, rate: float, left: int) -> None:
        """One sixth of a cluster now, the rest in steps: the rate is what is measured."""
        self._bursted = self.transport.clock()
        carrier.probe(int(rate * PROBE_SPAN / 8 / 6), cluster, self._bursted)
        if left > 1 and self.consumers:
            asyncio.get_running_loop().call_later(PROBE_SPAN / 6, self._burst, carrier, cluster, rate, left - 1)

    def _feedback(self, body: bytes, now: float) -> None:
        history: list[Any] = self.transport.cell[1]
        packets, _ = feedback.parse(body)
        samples = [
            (stamp[0], arrived, stamp[1], stamp[2])
            for number, arrived in packets
            if (stamp := history[number & 2047]) is not None
        ]
        if samples and now - samples[0][0] > STALE:
            return
        if samples:
            self.estimator.feedback(samples, now)
            self._pace()

    def _steady(self, compound: bytes, now: float) -> bool:
        """Take in a feedback of a good path at once; False when it has to be read packet by packet.

        After it, feedback is left unread for a moment, unless something was lost within the last second or more is wanted than
        is known to fit; what that spoke of counts as arrived when the path is good afterwards.
        """
        found = feedback.parse_steady(compound)
        told, self._told = self._told, -1
        self.transport.calm_until = 0.0
        if found is None:
            return False
        base, count, arrived = found
        end = base + count
        unread = base - told & 0xFFFF
        if told >= 0 and unread + count < HISTORY:
            base, count = base - unread, count + unread
        at = base & HISTORY - 1
        stamps = self.transport.cell[1][at : at + count]
        if None in stamps or len(stamps) < count:  # unknown, or around the end of the ring
            return False
        first, last = stamps[0][0], stamps[-1][0]
        if now - first > STALE or (first <= self._bursted and last >= self._probed):
            return False
        if not self.estimator.steady((first, last), arrived, count, sum(map(_size, stamps)), now):
            return False
        if not (self.estimator.loss or self._lacking):
            self._told = end & 0xFFFF
            self.transport.calm_until = (now // CALM + 1) * CALM
        return True

    def _reports(self, reports: tuple[rtcp.Report, ...], now: float) -> None:
        for report in reports:
            consumer = self._by_ssrc.get(report.ssrc)
            if consumer is None or report.ssrc != consumer.slot.ssrc:
                continue
            consumer.loss = report.fraction / 256
            sent = self._middle.get(report.lsr)
            if sent is not None:
                self.rtt += 0.2 * (max(0.001, now - sent - report.dlsr / 65536) - self.rtt)
        losses = [c.loss for c in self.consumers if c.stream is not None]
        self.loss = max(losses, default=0.0)
        if not self._transport_cc and reports:
            self.estimator.report_loss(self.loss, now)

    def _pace(self) -> None:
        limit = PACED_BELOW if self._paced else PACED_AGAIN_BELOW
        paced = self._transport_cc and self.available < limit
        self._pacer.rate = self.available
        if paced != self._paced:
            self._paced = paced
            self._changed()
            if not paced:
                now = self.transport.clock()
                for packet in self._pacer.clear():
                    self._emit(packet, now)

    def _pump(self) -> None:
        now = self.transport.clock()
        for packet in self._pacer.take(now):
            self._emit(packet, now)
        if self._pacer.queued and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(STEP, self._again)

    def _again(self) -> None:
        self._timer = None
        self._pump()

    def _emit(self, packet: bytearray, now: float) -> None:
        cell = self.transport.cell
        cell[0] = number = cell[0] + 1 & 0xFFFF
        packet[17], packet[18] = number >> 8, number & 0xFF
        self.transport.send_rtp(bytes(packet), now)

    def _path_changed(self) -> None:
        self._changed()
        if self.transport.remote is not None and not self.ready:
            self.ready = True
            self.on_ready()

    def _changed(self) -> None:
        for consumer in self.consumers:
            if consumer.stream is not None:
                consumer.stream.changed()


def _one_small(wants: list[Want]) -> list[Want]:
    """The smallest layer of the picture that is served first."""
    first = min((want for want in wants if want.layers), key=lambda want: want.rank, default=None)
    return [] if first is None else [Want(first.key, first.rank, first.layers[:1])]


def _nothing() -> None:
    return


def _ignore(_: str) -> None:
    return
