"""The publishing side of a transport: which packet belongs to which producer, and the RTCP back."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable

from smartroom.media.negotiation import URI_MID, URI_REPAIRED, URI_RID, URI_TRANSPORT_CC, Incoming
from smartroom.media.producer import Producer, Stream
from smartroom.media.rtp import feedback, rtcp
from smartroom.media.rtp.packet import Packet, extension, find_extension, parse, unwrap_rtx
from smartroom.media.rtp.sequence import Unwrapper
from smartroom.media.transport import Transport

MAX_SSRCS = 32  # per peer: 8 tracks of 3 layers and their repairs
MAX_UNKNOWN = (
    64  # packets of SSRCs that nothing explains, then new ones are refused unread; half is forgotten each second
)
FEEDBACK_EVERY = 0.1  # s
REPAIR_EVERY = 0.011  # s; a gap is asked for when it is 10 ms old
REPORT_EVERY = 1.0  # s
DEFAULT_RTT = 0.1  # s before the first measurement
AUDIO_NACK_RTT = 0.120  # s; above it a repeated audio packet comes too late


class Publication:
    """All producers of one peer connection."""

    __slots__ = (
        "_arrival_numbers", "_arrived", "_extensions", "_feedback_at", "_feedback_number", "_next_feedback",
        "_reduced", "_repairing", "_repairs", "_report_at", "_ssrc", "_streams", "_transport_cc", "_unknown",
        "on_stream", "producers", "rtt", "transport",
    )  # fmt: skip

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.producers: dict[str, Producer] = {}  # by mid
        self.on_stream: Callable[[Producer], None] = _ignore
        self.rtt = DEFAULT_RTT
        self._ssrc = secrets.randbits(32)
        self._streams: dict[int, Stream] = {}
        self._repairs: dict[int, Stream] = {}
        self._unknown = 0
        self._extensions: dict[str, int] = {}
        self._transport_cc = 0
        self._arrived: list[tuple[int, float]] = []  # transport-cc numbers since the last feedback, and when
        self._arrival_numbers = Unwrapper()
        self._next_feedback = -1
        self._feedback_number = 0
        self._feedback_at = self._report_at = 0.0
        self._reduced = False
        self._repairing = False
        transport.on_rtp = self.receive_rtp
        transport.on_rtcp = self.receive_rtcp

    def accept(self, incoming: Incoming, producer: Producer) -> None:
        """Route the packets of a negotiated track; a known mid keeps its producer."""
        self.producers[incoming.mid] = producer
        self._extensions.update(incoming.extensions)
        self._transport_cc = self._extensions.get(URI_TRANSPORT_CC, 0)
        self._reduced = incoming.reduced_rtcp

    def withdraw(self, mid: str) -> Producer | None:
        """Forget a track that is no longer sent."""
        producer = self.producers.pop(mid, None)
        if producer is not None:
            for table in (self._streams, self._repairs):
                for ssrc in [ssrc for ssrc, stream in table.items() if stream.producer is producer]:
                    del table[ssrc]
        return producer

    def receive_rtp(self, data: bytes, now: float) -> None:
        """One decrypted RTP packet; ValueError when malformed."""
        packet = parse(data)
        if self._transport_cc:
            at, length = find_extension(packet, self._transport_cc)
            if length == 2:
                self._arrived.append((data[at] << 8 | data[at + 1], now))
        stream = self._streams.get(packet.ssrc)
        if stream is not None:
            stream.receive(packet, now)
            if stream.nack.missing and not self._repairing:
                self._repairing = True
                asyncio.get_running_loop().call_later(REPAIR_EVERY, self._repair_soon)
            return
        stream = self._repairs.get(packet.ssrc)
        if stream is None:
            stream = self._identify(packet, now)
            if stream is None:
                return
        self._repair(stream, packet, now)

    def receive_rtcp(self, data: bytes, now: float) -> None:
        """One decrypted RTCP compound; ValueError when malformed."""
        for item in rtcp.parse(data):
            if isinstance(item, rtcp.SenderReport):
                stream = self._streams.get(item.ssrc)
                if stream is not None:
                    stream.sender_report(item, now)
            elif isinstance(item, rtcp.Bye):
                for ssrc in item.ssrcs:
                    stream = self._streams.get(ssrc)
                    if stream is not None:
                        stream.pause()

    def request_keyframe(self, stream: Stream, now: float) -> None:
        """Ask the publisher for a key frame of this layer, throttled."""
        if stream.requests.ask(now):
            self._send(rtcp.pli(self._ssrc, stream.ssrc))

    def tick(self, now: float) -> None:
        """Many times a second: owed key frame requests, feedback, reports."""
        for stream in self._streams.values():
            if stream.nack.gave_up:
                stream.nack.gave_up = False
                if not stream.audio and stream.sinks:
                    self.request_keyframe(stream, now)
            if stream.requests.due(now) and stream.sinks:
                self._send(rtcp.pli(self._ssrc, stream.ssrc))
        if self._arrived and now - self._feedback_at >= FEEDBACK_EVERY:
            self._feedback_at = now
            self._send_feedback()
        if now - self._report_at >= REPORT_EVERY:
            self._report_at = now
            self._unknown //= 2
            self._send_report(now)

    def _repair_soon(self) -> None:
        """Ask for what is missing, again and again until nothing is."""
        self._repairing = False
        now = self.transport.clock()
        for stream in self._streams.values():
            if stream.nack.missing:
                numbers = stream.nack.due(now, self.rtt)
                if numbers and not (stream.audio and (stream.codec == "red" or self.rtt > AUDIO_NACK_RTT)):
                    self._send(rtcp.nack(self._ssrc, stream.ssrc, numbers))
                if stream.nack.missing and not self._repairing and self.producers:
                    self._repairing = True
                    asyncio.get_running_loop().call_later(REPAIR_EVERY, self._repair_soon)

    def _identify(self, packet: Packet, now: float) -> Stream | None:
        """Find the track of a new SSRC by rid, mid, description or payload type; None = dealt with."""
        if len(self._streams) + len(self._repairs) >= MAX_SSRCS or self._unknown >= MAX_UNKNOWN:
            self._unknown += 1
            return None
        mid = self._text(packet, URI_MID)
        repaired = self._text(packet, URI_REPAIRED)
        rid = self._text(packet, URI_RID)
        producer = self.producers.get(mid) if mid else self._by_description(packet)
        if producer is None:
            self._unknown += 1
            return None
        incoming = producer.incoming
        if packet.payload_type in incoming.retransmission_of:
            target = incoming.retransmissions.get(packet.ssrc)
            original = self._streams.get(target) if target is not None else producer.streams.get(repaired)
            if original is not None:
                self._repairs[packet.ssrc] = original
            return original
        if packet.payload_type not in producer.codecs or (incoming.rids and rid not in incoming.rids):
            self._unknown += 1
            return None
        stream = producer.stream(rid if incoming.rids else "", packet.ssrc)
        self._streams = {s: kept for s, kept in self._streams.items() if kept in kept.producer.streams.values()}
        self._repairs = {s: kept for s, kept in self._repairs.items() if kept in kept.producer.streams.values()}
        self._streams[packet.ssrc] = stream
        self.on_stream(producer)
        stream.receive(packet, now)
        return None

    def _by_description(self, packet: Packet) -> Producer | None:
        for producer in self.producers.values():
            if packet.ssrc in producer.incoming.sources or packet.ssrc in producer.incoming.retransmissions:
                return producer
        found = [
            producer
            for producer in self.producers.values()
            if packet.payload_type in producer.codecs or packet.payload_type in producer.incoming.retransmission_of
        ]
        return found[0] if len(found) == 1 else None

    def _repair(self, stream: Stream, packet: Packet, now: float) -> None:
        if packet.end - packet.start < 2:
            return  # padding of a bandwidth probe
        number = stream.producer.incoming.retransmission_of.get(packet.payload_type)
        if number is not None:
            original = unwrap_rtx(packet, ssrc=stream.ssrc, payload_type=number)
            stream.receive(original, now, repaired=True)
            if stream.nack.round_trip:
                self.rtt += (stream.nack.round_trip - self.rtt) / 8
                stream.nack.round_trip = 0.0

    def _text(self, packet: Packet, uri: str) -> str:
        number = self._extensions.get(uri, 0)
        value = extension(packet, number) if number else None
        return value.decode("ascii", "replace").rstrip("\0") if value else ""

    def _send_feedback(self) -> None:
        arrivals: dict[int, float] = {}
        unwrap = self._arrival_numbers.unwrap
        for number, now in self._arrived:
            arrivals.setdefault(unwrap(number), now)
        self._arrived.clear()
        end = max(arrivals) + 1
        begin = self._next_feedback if self._next_feedback >= 0 else min(arrivals)
        begin = max(begin, end - 1000)
        while begin < end:
            body, covered = feedback.build(begin, end - begin, arrivals, self._feedback_number)
            if not covered:
                break
            self._feedback_number = self._feedback_number + 1 & 0xFF
            media = next(iter(self._streams), 0)
            self._send(rtcp.transport_feedback(self._ssrc, media, body))
            begin += covered
        self._next_feedback = max(self._next_feedback, end)

    def _send_report(self, now: float) -> None:
        blocks = [block for stream in self._streams.values() if (block := stream.report(now)) is not None]
        for start in range(0, len(blocks), 31):
            part = blocks[start : start + 31]
            self.transport.send_rtcp(
                rtcp.receiver_report(self._ssrc, part) + rtcp.source_description(self._ssrc, "smartroom")
            )

    def _send(self, packet: bytes) -> None:
        if not self._reduced:
            packet = rtcp.receiver_report(self._ssrc) + packet
        self.transport.send_rtcp(packet)


def _ignore(_producer: Producer) -> None:
    return
