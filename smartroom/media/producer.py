"""Incoming media: a producer is one track, a stream one SSRC of it (a simulcast layer)."""

from __future__ import annotations

import itertools
import time
from typing import Protocol

from smartroom.media.hotpath import Fan, Layout, Outbox, Row
from smartroom.media.negotiation import URI_LEVEL, URI_ORIENTATION, Incoming
from smartroom.media.rtp import dependency, rtcp
from smartroom.media.rtp.cache import AUDIO_PACKETS, VIDEO_PACKETS, PacketCache
from smartroom.media.rtp.keyframe import KeyframeRequests, begins_keyframe
from smartroom.media.rtp.layers import ALL_LAYERS, LONGEST_VP8, Descriptor, parse_vp8, parse_vp9
from smartroom.media.rtp.nack import NackGenerator
from smartroom.media.rtp.packet import Packet, extension, find_extension
from smartroom.media.rtp.sequence import Unwrapper
from smartroom.media.rtp.speaker import UNKNOWN, Level
from smartroom.media.rtp.thinning import Thinner

ACTIVE_FOR = 1.0  # s since the last packet: longer and the layer counts as not sent
RATE_WINDOW = 1.0  # s
RECENT_KEY = 0.6  # s; a newcomer is given the last key frame from the cache instead of waiting for the throttle
MAX_REPLAY = 300  # packets
NTP_EPOCH = 2208988800  # 1900 to 1970, s

_numbers = itertools.count(1)


class Sink(Protocol):
    """A consumer, as a stream sees it."""

    in_fan: bool

    def row(self) -> Row | None:
        """The fan row while every packet goes to this sink unchanged; None = call `forward`."""

    def forward(self, stream: Stream, packet: Packet, now: float) -> None:
        """One packet for a sink that decides by itself."""

    def padding(self, stream: Stream, index: int) -> None:
        """A packet that is not forwarded: its number is to be closed."""

    def sync(self) -> None:
        """Take over what the fan has sent until now."""


class Stream:
    """One SSRC: statistics, repair, key frames, and the fan to everybody who watches it."""

    __slots__ = (
        "_base", "_careful", "_dependency_id", "_expected_before", "_fan", "_jitter", "_key_timestamp",
        "_level_id", "_orientation_id", "_paused", "_rate_octets", "_rate_since", "_received_before", "_report",
        "_rest", "_straight", "_structure", "_thin", "_thinner", "_transit", "audio", "cache", "clock", "codec",
        "dirty", "fan_index", "fan_octets", "fan_packets", "frame", "key_frames", "key_index", "key_time",
        "last_time", "last_timestamp", "nack", "newest", "number", "octets", "packets", "producer", "rate",
        "requests", "rid", "sinks", "ssrc", "temporal_layers", "unwrapper",
    )  # fmt: skip

    def __init__(self, producer: Producer, rid: str, ssrc: int) -> None:
        audio = producer.kind == "audio"
        self.producer = producer
        self.number = next(_numbers)
        self.rid = rid
        self.ssrc = ssrc
        self.audio = audio
        self.clock = 48000 if audio else 90000
        self.codec = ""
        self.cache = PacketCache(AUDIO_PACKETS if audio else VIDEO_PACKETS)
        self.nack = NackGenerator()
        self.requests = KeyframeRequests()
        self.unwrapper = Unwrapper()
        self.sinks: list[Sink] = []
        self.dirty = False
        self.last_time = float("-inf")
        self.last_timestamp = 0
        self.frame: Descriptor | None = None  # of the newest packet
        self.key_index = -1  # first packet of the newest key frame
        self.key_time = float("-inf")
        self._key_timestamp = -1
        self.temporal_layers = 0  # seen so far
        self.packets = 0  # received
        self.octets = 0  # of payload, handed on
        self.newest = -1  # highest number handed on
        self.fan_packets = self.fan_octets = 0
        self.fan_index = -1  # of the newest packet the fan has sent
        self.rate = 0.0  # bit/s
        self.key_frames = 0
        self._fan = Fan(producer.outbox, urgent=audio)
        self._straight = False
        self._careful: list[Sink] = []
        self._rate_since = 0.0
        self._rate_octets = 0
        self._base = -1
        self._expected_before = self._received_before = 0
        self._transit = 0.0
        self._jitter = 0.0
        self._report = (0, 0.0)
        self._level_id = producer.incoming.extensions.get(URI_LEVEL, 0)
        self._orientation_id = producer.incoming.extensions.get(URI_ORIENTATION, 0)
        self._dependency_id = producer.incoming.extensions.get(dependency.URI, 0)
        self._structure: dependency.Structure | None = None  # of the newest key frame
        self._paused = self._thin = False
        self._thinner: Thinner | None = None
        self._rest: tuple[bytes, Descriptor | None] = b"", None  # descriptor of packets that begin no frame

    def active(self, now: float) -> bool:
        """Whether packets are coming."""
        return not self._paused and now - self.last_time < ACTIVE_FOR

    def pause(self) -> None:
        """Its sender says that nothing more comes; a packet revives it."""
        self._paused = True

    def attach(self, sink: Sink) -> None:
        """Send to this sink from the next packet on."""
        if sink not in self.sinks:
            self.sinks.append(sink)
        self.dirty = True

    def detach(self, sink: Sink) -> None:
        """Stop sending to this sink at once."""
        if sink in self.sinks:
            self._settle(sink)
            self.sinks.remove(sink)
            self._refresh()

    def changed(self) -> None:
        """A sink's row is different now, or its path is gone: nothing old may be sent."""
        self.dirty = True

    def thin(self, *, on: bool) -> None:
        """Leave out the highest temporal layer for everybody, or no longer; nothing without layers."""
        self._thin = on
        if self._thinner is not None:
            self._thinner.limit(self.temporal_layers - 2 if on else ALL_LAYERS)

    def receive(self, packet: Packet, now: float, *, repaired: bool = False) -> None:
        """One packet of this stream, parsed: account for it, keep it, send it on."""
        codec = self.producer.codecs.get(packet.payload_type)
        if codec is None:
            return
        self.dirty = self.dirty or codec != self.codec  # a voice may go from RED to bare Opus at any packet
        self.codec = codec
        before = self.unwrapper.highest
        packet.index = index = self.unwrapper.unwrap(packet.sequence)
        if before >= 0 and not before - 2000 < index < before + 10000:
            self._reset(packet)
            before, index = -1, packet.index
        nack = self.nack
        if index == nack.highest + 1:
            nack.highest = index
        else:
            nack.received(index, now)
        payload = packet.payload
        if payload and not self.audio:
            packet.frame = self._describe(packet, payload, codec)
        if self._thin or self._thinner is not None:
            if not self._keep(packet, newest=index > before):
                self._account(packet, now, repaired=repaired)
                return
            payload = packet.payload
        if not self.cache.put(packet):
            return
        self._account(packet, now, repaired=repaired)
        self._pass_on(packet, payload, now)

    def _pass_on(self, packet: Packet, payload: bytes, now: float) -> None:
        """One packet that stays, to everybody who watches."""
        size = packet.end - packet.start
        self.octets += size
        newest = packet.index > self.newest
        if newest:
            self.newest = packet.index
        if self.dirty:
            self._refresh()
        if not size:
            for sink in self.sinks:
                sink.padding(self, packet.index)
            self.dirty = True
            return
        if self.audio:
            self._hear(packet, now)
        elif packet.frame is None or packet.frame is not self.frame:
            self._look(packet, payload, now)
        if not newest:
            for sink in tuple(self.sinks):
                sink.forward(self, packet, now)
            return
        self.last_timestamp = packet.timestamp
        if self._straight:
            self.fan_packets += 1
            self.fan_octets += size
            self.fan_index = packet.index
            self._send(packet, payload)
        for sink in tuple(self._careful):
            sink.forward(self, packet, now)

    def since_key(self, now: float) -> list[Packet]:
        """Everything from a recent key frame until now, empty when it is old or incomplete."""
        count = self.newest - self.key_index + 1
        if self.key_index < 0 or now - self.key_time > RECENT_KEY or count > MAX_REPLAY:
            return []
        packets = [self.cache.get(index) for index in range(self.key_index, self.key_index + count)]
        whole = [packet for packet in packets if packet is not None]
        return whole if len(whole) == count else []

    def tail(self, packet: Packet, layout: Layout, payload: bytes) -> tuple[int, bytes]:
        """Words of header extension, and what follows the transport-cc number in the copies."""
        level, orientation = layout
        if self.audio:
            at, _ = find_extension(packet, self._level_id) if self._level_id else (0, 0)
            if not at:
                return 1, b"\0" + payload
            element = bytes((level << 4, packet.data[at])) if level else b"\0\0"
            return 2, element + b"\0\0\0" + payload
        at, _ = find_extension(packet, self._orientation_id) if self._orientation_id else (0, 0)
        if not at:
            return 1, b"\0" + payload
        element = bytes((orientation << 4, packet.data[at])) if orientation else b"\0\0"
        return 2, element + b"\0\0\0" + payload

    def report(self, now: float) -> rtcp.Report | None:
        """Reception report block since the last one; None before the first packet (RFC 3550 A.3)."""
        highest = self.unwrapper.highest
        if highest < 0:
            return None
        if self._base < 0:
            self._base = highest
        expected = max(highest - self._base + 1, self.packets)
        interval = expected - self._expected_before
        received = self.packets - self._received_before
        self._expected_before, self._received_before = expected, self.packets
        fraction = max(0, min(255, 256 * (interval - received) // interval)) if interval > 0 else 0
        middle, heard = self._report
        delay = int((now - heard) * 65536) if middle else 0
        return rtcp.Report(
            self.ssrc, fraction, expected - self.packets, highest, int(self._jitter), middle, delay & 0xFFFFFFFF
        )

    def sender_report(self, report: rtcp.SenderReport, now: float) -> None:
        """Keep the publisher's clock for our receiver report."""
        self._report = (rtcp.ntp_middle(report.ntp), now)

    def measure(self, now: float) -> None:
        """Update `rate`; call it every few hundred milliseconds."""
        elapsed = now - self._rate_since
        if elapsed >= RATE_WINDOW:
            rate = 8 * (self.octets - self._rate_octets) / elapsed if self._rate_since else 0.0
            self.rate = (self.rate + rate) / 2 if self.rate else rate  # one key frame makes no larger layer
            self._rate_since, self._rate_octets = now, self.octets

    def _send(self, packet: Packet, payload: bytes) -> None:
        words = 1
        tails: dict[Layout, bytes] = {}
        for layout in self._fan.layouts:
            words, tails[layout] = self.tail(packet, layout, payload)
        whole = self.audio or bool(packet.marker)
        self._fan.add(words, tails, packet.marker, packet.sequence, packet.timestamp, frame=packet.frame, whole=whole)

    def _refresh(self) -> None:
        """Ask every sink whether it goes with the fan; build the fan anew."""
        rows: list[Row] = []
        careful: list[Sink] = []
        for sink in self.sinks:
            self._settle(sink)
            row = sink.row()
            if row is None:
                careful.append(sink)
            else:
                sink.in_fan = True
                rows.append(row)
        self._careful = careful
        self._fan.set_rows(rows)
        self._straight = bool(rows)
        self.dirty = False

    @staticmethod
    def _settle(sink: Sink) -> None:
        if sink.in_fan:
            sink.sync()
            sink.in_fan = False

    def _keep(self, packet: Packet, *, newest: bool) -> bool:
        """Whether the packet stays while overload leaves upper layers out for everybody; its numbers are closed up."""
        if self._thin and self._thinner is None and newest and self.temporal_layers > 1:
            self._thinner = Thinner(packet)
            self.thin(on=True)
        return self._thinner is None or self._thinner.keep(packet)

    def _look(self, packet: Packet, payload: bytes, now: float) -> None:
        frame = packet.frame
        if frame is not None:
            self.temporal_layers = max(self.temporal_layers, frame.temporal + 1)
            if packet.index == self.newest:
                self.frame = frame
        key = frame.key if frame is not None and frame.size else begins_keyframe(self.codec, payload)
        if key and packet.timestamp == self._key_timestamp:
            self.key_index = min(self.key_index, packet.index)  # H.264: parameter sets and picture both begin it
        elif key and packet.index > self.key_index:
            packet.key = True
            self._key_timestamp = packet.timestamp
            self.key_index, self.key_time = packet.index, now
            self.key_frames += 1
            self.requests.arrived()

    def _describe(self, packet: Packet, payload: bytes, codec: str) -> Descriptor | None:
        """What the packet says of its frame; None where nothing is said: then it is forwarded as it is."""
        if codec == "vp8":
            head, rest = self._rest
            if payload[:LONGEST_VP8] != head:
                rest = parse_vp8(payload)
                if not rest.begins:
                    self._rest = payload[:LONGEST_VP8], rest  # the packets behind the first of a frame say the same
            return rest
        if codec == "vp9":
            return parse_vp9(payload)
        told = extension(packet, self._dependency_id) if self._dependency_id else None
        if told is None:
            return None
        try:
            found = dependency.parse(told, self._structure)
        except ValueError:
            return None  # the packet with the structure was lost
        self._structure = found.structure
        return found.frame

    def _account(self, packet: Packet, now: float, *, repaired: bool) -> None:
        self.packets += 1
        self.last_time = now
        self._paused = False
        if repaired:
            return
        transit = now * self.clock - packet.timestamp
        if self._base < 0:
            self._base = packet.index
        else:
            self._jitter += (min(abs(transit - self._transit), self.clock) - self._jitter) / 16
        self._transit = transit

    def _hear(self, packet: Packet, now: float) -> None:
        at, _ = find_extension(packet, self._level_id) if self._level_id else (0, 0)
        self.producer.level.hear(packet.data[at] & 0x7F if at else int(-UNKNOWN), now)

    def _reset(self, packet: Packet) -> None:
        """The publisher began another numbering: every sink starts anew at its next packet."""
        for sink in self.sinks:
            self._settle(sink)
        self.number = next(_numbers)
        self.key_index = self._key_timestamp = self.newest = -1
        self._thinner = None
        self.unwrapper = Unwrapper()
        packet.index = self.unwrapper.unwrap(packet.sequence)
        self.cache = PacketCache(AUDIO_PACKETS if self.audio else VIDEO_PACKETS)
        self.nack = NackGenerator()
        self._base = -1
        self.packets = self._expected_before = self._received_before = 0
        self.dirty = True


class Producer:
    """One published track: its streams by rid, its speech level, whether it is muted."""

    def __init__(self, key: str, peer: str, incoming: Incoming, source: str, outbox: Outbox) -> None:
        self.key = key
        self.peer = peer
        self.kind = incoming.kind
        self.source = source
        self.incoming = incoming
        self.outbox = outbox
        self.codecs = {number: codec.name for number, codec in incoming.codecs.items()}
        self.level = Level()
        self.muted = False
        self.streams: dict[str, Stream] = {}
        self.enabled: tuple[str, ...] = incoming.rids

    @property
    def codec(self) -> str:
        """What is being sent, or the first agreed before anything came."""
        for stream in self.streams.values():
            if stream.codec:
                return stream.codec
        return next(iter(self.codecs.values()), "")

    @property
    def opus(self) -> int:
        """The publisher's payload type of Opus, also inside its RED blocks; -1 when there is none."""
        return next((number for number, name in self.codecs.items() if name == "opus"), -1)

    def stream(self, rid: str, ssrc: int) -> Stream:
        """The stream of this rid, made at its first packet; a new SSRC of a known rid replaces it."""
        found = self.streams.get(rid)
        if found is None or found.ssrc != ssrc:
            made = Stream(self, rid, ssrc)
            if found is not None:
                for sink in tuple(found.sinks):
                    found.detach(sink)
            self.streams[rid] = made
            return made
        return found

    def ladder(self, now: float) -> list[Stream]:
        """Streams that carry packets now, from the smallest to the largest."""
        order = {rid: place for place, rid in enumerate(self.incoming.rids)}
        alive = [stream for stream in self.streams.values() if stream.active(now)]
        return sorted(alive, key=lambda stream: order.get(stream.rid, 0))


def ntp_now() -> int:
    """Wall clock as a 64-bit NTP time."""
    return int((time.time() + NTP_EPOCH) * (1 << 32))
