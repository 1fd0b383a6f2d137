"""Outgoing media: a consumer is one slot of a subscriber; sources change, its stream never breaks."""

from __future__ import annotations

import itertools
import secrets
from collections import OrderedDict
from typing import Protocol

from smartroom.media.hotpath import Row, compose, extension_head
from smartroom.media.negotiation import URI_LEVEL, URI_ORIENTATION, URI_TRANSPORT_CC, Slot
from smartroom.media.producer import Producer, Stream, ntp_now
from smartroom.media.rtp import rtcp
from smartroom.media.rtp.layers import Descriptor, TemporalFilter, shift_picture
from smartroom.media.rtp.packet import Packet, padding, red_primary, red_renumber
from smartroom.media.rtp.sequence import Rewriter, Segment
from smartroom.media.transport import Transport

MIN_REPEAT = 0.020  # s between two repeats of one packet to one subscriber
REMEMBERED_REPEATS = 512
REPEAT_SHARE = 0.2  # of a slot's bytes may be repeats: a path that loses more needs less video, not more packets
REPEAT_BURST = 64 << 10  # bytes of repeats beyond that, for one bad moment
UNUSED_EXTENSION = 14  # id of the transport-cc element where none was agreed; receivers skip it (RFC 8285 4.2)
FRAME_TICKS = 3000  # 1/30 s of 90 kHz: least step of the clock at a switch of source
_PADDING = 255

_numbers = itertools.count()


class Sender(Protocol):
    """What a consumer needs of its subscription."""

    transport: Transport
    rtt: float

    @property
    def paced(self) -> bool:
        """True while packets are smoothed instead of going straight through the fan."""

    def submit(self, consumer: Consumer, packet: bytearray, now: float, *, end_of_frame: bool) -> bool:
        """Send, now or paced; False when it was dropped."""

    def request_keyframe(self, stream: Stream, now: float) -> None:
        """Ask the publisher of this stream for a key frame."""


class Consumer:
    """One outgoing slot: rewriting, layer choice, retransmission, sender reports."""

    __slots__ = (
        "_clock", "_first", "_layout", "_repeatable", "_repeats", "_rewriter", "_rtx_sequence", "_seen",
        "_sent_at", "_source", "_transport_cc", "dropping", "filter", "in_fan", "loss", "number", "octets",
        "packets", "producer", "repeated", "sender", "slot", "stream", "target",
    )  # fmt: skip

    def __init__(self, sender: Sender, slot: Slot) -> None:
        self.sender = sender
        self.slot = slot
        self.number = next(_numbers)
        self.producer: Producer | None = None
        self.stream: Stream | None = None  # what is being sent
        self.target: Stream | None = None  # what will be sent from its next key frame on
        self.filter = TemporalFilter()
        self.in_fan = False
        self.packets = self.octets = 0
        self.repeated = 0
        self.loss = 0.0
        self._clock = 48000 if slot.kind == "audio" else 90000
        self._rewriter = Rewriter(secrets.randbits(15), secrets.randbits(32))
        self._seen = (0, 0)  # fan counters of the stream when we joined it
        self._source = 0
        self._sent_at = 0.0
        self._rtx_sequence = secrets.randbits(15)
        self._repeats: OrderedDict[int, float] = OrderedDict()
        self._repeatable = float(REPEAT_BURST)  # bytes
        self._layout = (slot.extensions.get(URI_LEVEL, 0), slot.extensions.get(URI_ORIENTATION, 0))
        self._transport_cc = slot.extensions.get(URI_TRANSPORT_CC, UNUSED_EXTENSION)
        self._first = True  # marks the first audio packet after a switch
        self.dropping = False  # video is dropped to the end of the frame

    def show(self, stream: Stream | None, now: float) -> None:
        """Send this stream from its next key frame on (audio: at once); None pauses at once."""
        if stream is (self.target or self.stream):
            return
        if stream is None:
            self._leave(self.target)
            self._leave(self.stream)
            self.stream = self.target = None
            return
        if self.target is not None and self.target is not self.stream:
            self._leave(self.target)
        self.target = None
        if stream is self.stream:
            stream.changed()
            return
        self.target = stream
        if self.stream is not None:
            self.stream.changed()
        stream.attach(self)
        if stream.audio:
            return
        recent = stream.since_key(now) if self._sent_at < stream.key_time else []
        if not recent:
            self.sender.request_keyframe(stream, now)
            return
        self._switch(stream, recent[0], stream.key_time)
        for packet in recent:
            self.forward(stream, packet, now)

    def limit(self, temporal: int) -> None:
        """Send temporal layers up to this one; `ALL_LAYERS` = everything."""
        if self.filter.limit != temporal:
            self.filter.limit = temporal
            if self.stream is not None:
                self.stream.changed()

    def close(self) -> None:
        """Leave every fan."""
        self._leave(self.target)
        self._leave(self.stream)
        self.stream = self.target = None

    def row(self) -> Row | None:
        """Our row of the fan, when every packet of the stream is to be sent unchanged."""
        transport = self.sender.transport
        remote = transport.remote
        stream, segment = self.stream, self._rewriter.current
        if stream is None or segment is None or remote is None or not self._straight(stream):
            return None
        number = self.slot.payload_types[stream.codec]
        self._seen = (stream.fan_packets, stream.fan_octets)
        shift = (segment.picture, segment.tl0) if segment.picture or segment.tl0 else None
        return Row(
            transport.fd,
            remote.raw,
            transport.tx,
            transport.sessions,
            transport.cell,
            number,
            self.slot.ssrc,
            segment.sequence & 0xFFFF,
            segment.timestamp,
            self._layout,
            self._transport_cc,
            shift,
        )

    def sync(self) -> None:
        """Take over what the fan has sent for us."""
        stream = self.stream
        if stream is None:
            return
        sent = stream.fan_packets - self._seen[0]
        if not sent:
            return
        self.packets += sent
        self._count(stream.fan_octets - self._seen[1])
        self._seen = (stream.fan_packets, stream.fan_octets)
        self._sent_at = stream.last_time
        self._rewriter.advance(stream.fan_index, stream.last_timestamp, *_numbers_of(stream.frame))

    def forward(self, stream: Stream, packet: Packet, now: float) -> None:
        """One packet that needs a decision; the fan takes over where none is left."""
        if stream is self.target:
            if not stream.audio and not packet.key:
                return
            self._switch(stream, packet, now)
        elif stream is not self.stream:
            return
        if self.in_fan:
            self.sync()  # a late packet between fan packets
        if self._source != stream.number:
            self._begin(stream, packet, now)
        segment = self._rewriter.place(stream.number, packet.index)
        if segment is None:
            return
        newest = packet.index + segment.sequence > self._rewriter.highest
        if newest and not self._passes(stream, packet):
            return
        self._send(stream, packet, segment, now)
        if newest:
            self._rewriter.advance(packet.index, packet.timestamp, *_numbers_of(packet.frame))
            self._sent_at = now
        if not self.in_fan and self._straight(stream):
            stream.changed()  # ready for the fan

    def padding(self, stream: Stream, index: int) -> None:
        """A padding packet of the publisher: close its number, send nothing."""
        if stream is not self.stream or self._source != stream.number:
            return
        segment = self._rewriter.place(stream.number, index)
        if segment is not None:
            self._rewriter.skip(index)

    def repeat(self, sequences: tuple[int, ...], now: float) -> None:
        """Answer a NACK from the stream's cache, by RTX; each packet once per round trip."""
        stream = self.stream
        if stream is None:
            return
        if self.in_fan:
            self.sync()
        number = self.slot.rtx_types.get(stream.codec)
        if number is None:
            return
        wait = max(MIN_REPEAT, self.sender.rtt)
        for sequence in sequences:
            if now - self._repeats.get(sequence, float("-inf")) < wait:
                continue
            found = self._rewriter.find(sequence)
            packet = stream.cache.get(found[1]) if found and found[0].source == stream.number else None
            if found is None or packet is None or self._repeatable < 0:
                continue
            self._repeatable -= packet.end - packet.start
            self._repeats[sequence] = now
            self._repeats.move_to_end(sequence)
            if len(self._repeats) > REMEMBERED_REPEATS:
                self._repeats.popitem(last=False)
            self._send_rtx(stream, packet, found[0], number, now=now, probe=0)
            self.repeated += 1

    def probe(self, size: int, cluster: int, now: float) -> int:
        """Send about `size` bytes of repeated or padding packets for the estimator; bytes sent."""
        stream = self.stream
        number = self.slot.rtx_types.get(stream.codec) if stream is not None else None
        number = number or next(iter(self.slot.rtx_types.values()), None)
        if number is None or self.sender.transport.remote is None:
            return 0
        if self.in_fan:
            self.sync()
        sent = 0
        index = self._rewriter.highest
        segment = self._rewriter.current
        for back in range(64):
            if sent >= size or segment is None or stream is None:
                break
            packet = stream.cache.get(index - back - segment.sequence)
            if packet is None or index - back < segment.first or packet.end - packet.start < 500:
                continue
            self._send_rtx(stream, packet, segment, number, now=now, probe=cluster)
            sent += packet.end - packet.start
        while sent < size:
            self._rtx_sequence += 1
            head = extension_head(self.slot.rtx_ssrc, 1, self._transport_cc)[4:]
            block = head + self._number() + b"\0"
            packet_bytes = padding(
                _PADDING, payload_type=number, sequence=self._rtx_sequence, timestamp=0,
                ssrc=self.slot.rtx_ssrc, block=block,
            )  # fmt: skip
            self.sender.transport.send_rtp(packet_bytes, now, cluster)
            sent += _PADDING
        return sent

    def sender_report(self, now: float) -> bytes | None:
        """SR of what this slot sent, None while it sends nothing (RFC 3550 6.4.1)."""
        stream = self.stream
        if self.in_fan:
            self.sync()
        segment = self._rewriter.current
        if stream is None or segment is None or not self.packets or now - self._sent_at > 5:
            return None
        elapsed = int((now - stream.last_time) * self._clock)
        timestamp = stream.last_timestamp + segment.timestamp + elapsed
        return rtcp.sender_report(
            self.slot.ssrc, ntp_now(), timestamp, self.packets, self.octets
        ) + rtcp.source_description(self.slot.ssrc, "smartroom")

    def _count(self, octets: int) -> None:
        self.octets += octets
        self._repeatable = min(REPEAT_BURST, self._repeatable + REPEAT_SHARE * octets)

    def _leave(self, stream: Stream | None) -> None:
        if stream is not None:
            stream.detach(self)

    def _switch(self, stream: Stream, packet: Packet, now: float) -> None:
        before = self.stream
        self.stream, self.target = stream, None
        if before is not None and before is not stream:
            self.stream = before
            before.detach(self)
            self.stream = stream
        self._begin(stream, packet, now)

    def _begin(self, stream: Stream, packet: Packet, now: float) -> None:
        least = FRAME_TICKS if not stream.audio else 960
        elapsed = max(least, round((now - self._sent_at) * self._clock)) if self._sent_at else least
        picture, tl0 = _numbers_of(packet.frame)
        self._rewriter.switch(stream.number, packet.index, packet.timestamp, elapsed, picture=picture, tl0=tl0)
        self._source = stream.number
        self._first = True
        self.filter.key()

    def _straight(self, stream: Stream) -> bool:
        """Whether packets of this stream go to the subscriber without a decision, so that the fan may take them."""
        return not (
            self.target is not None or self._first or self.sender.paced or not self.filter.open
            or self._source != stream.number or stream.codec not in self.slot.payload_types
            or self._renumbers_red(stream)
        )  # fmt: skip

    def _renumbers_red(self, stream: Stream) -> bool:
        """Whether this subscriber calls Opus by another number than the publisher does inside RED."""
        return stream.codec == "red" and self.slot.payload_types.get("opus") != stream.producer.opus

    def _passes(self, stream: Stream, packet: Packet) -> bool:
        frame = packet.frame
        if frame is None or self.filter.open:
            return True
        if packet.key:
            self.filter.key()
        if self.filter.passes(frame):
            return True
        self._rewriter.skip(packet.index, new_frame=frame.begins and frame.dense)
        return False

    def _send(self, stream: Stream, packet: Packet, segment: Segment, now: float) -> None:
        payload = packet.data[packet.start : packet.end]
        number = self.slot.payload_types.get(stream.codec)
        if stream.codec == "red":
            if number is None:
                number = self.slot.payload_types.get("opus")
                payload = red_primary(payload)
            elif self._renumbers_red(stream):
                payload = red_renumber(payload, self.slot.payload_types["opus"])
        if number is None:
            return
        words, tail = stream.tail(packet, self._layout, payload)
        marker = 0x80 if stream.audio and self._first else packet.marker
        self._first = False
        head = extension_head(self.slot.ssrc, words, self._transport_cc)
        out = compose(
            marker | number, packet.sequence + segment.sequence, packet.timestamp + segment.timestamp, head, tail
        )
        _shift(out, 16 + 4 * words, packet, segment)
        if self.sender.submit(self, out, now, end_of_frame=bool(packet.marker)):
            self.packets += 1
            self._count(len(payload))

    def _send_rtx(
        self, stream: Stream, packet: Packet, segment: Segment, number: int, *, now: float, probe: int
    ) -> None:
        payload = packet.data[packet.start : packet.end]
        words, tail = stream.tail(packet, self._layout, payload)
        at = 4 * words - 3  # tail begins behind the 19 fixed bytes
        original = (packet.sequence + segment.sequence & 0xFFFF).to_bytes(2, "big")
        self._rtx_sequence += 1
        transport = self.sender.transport
        transport.cell[0] = transport.cell[0] + 1 & 0xFFFF
        out = compose(
            packet.marker | number,
            self._rtx_sequence,
            packet.timestamp + segment.timestamp,
            extension_head(self.slot.rtx_ssrc, words, self._transport_cc),
            tail[:at] + original + payload,
            number=transport.cell[0],
        )
        _shift(out, 18 + 4 * words, packet, segment)
        transport.send_rtp(bytes(out), now, probe)

    def _number(self) -> bytes:
        cell = self.sender.transport.cell
        cell[0] = cell[0] + 1 & 0xFFFF
        return int(cell[0]).to_bytes(2, "big")


def _numbers_of(frame: Descriptor | None) -> tuple[int, int]:
    """Picture id and TL0PICIDX, -1 where there is none."""
    return (frame.picture, frame.tl0) if frame is not None else (-1, -1)


def _shift(out: bytearray, start: int, packet: Packet, segment: Segment) -> None:
    if packet.frame is not None and (segment.picture or segment.tl0):
        shift_picture(out, start, packet.frame, segment.picture, segment.tl0)
