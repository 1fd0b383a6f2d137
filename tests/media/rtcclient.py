"""A small WebRTC client that neither encodes nor decodes: real ICE, DTLS, SRTP and RTCP, for tests and benches."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import aiortc.rtcdtlstransport as dtls
from pylibsrtp import Error as SrtpError

from smartroom.media import sdp, stun, transport
from smartroom.media.rtp import dependency, feedback, rtcp
from smartroom.media.rtp import packet as rtp
from smartroom.media.rtp.sequence import Unwrapper

RIDS = ("q", "h", "f")
TRANSPORT_CC = 3
LEVEL = 1
RID = 10
MID = 9
DEPENDENCY = 12
CHECK_EVERY = 0.05  # s until the first answer, then every two seconds

dtls_certificate = dtls.RTCCertificate.generateCertificate()


@dataclass
class Received:
    """What arrived on one SSRC."""

    packets: int = 0
    octets: int = 0
    first: float = 0.0
    last: float = 0.0
    longest_gap: float = 0.0
    sequences: list[int] = field(default_factory=list)
    timestamps: list[int] = field(default_factory=list)
    payloads: list[bytes] = field(default_factory=list)
    markers: list[int] = field(default_factory=list)
    types: list[int] = field(default_factory=list)

    def note(self, now: float) -> None:
        """Count one arrival."""
        if self.packets:
            self.longest_gap = max(self.longest_gap, now - self.last)
        else:
            self.first = now
        self.last = now
        self.packets += 1


class Client:
    """One peer connection over one UDP socket."""

    def __init__(self, *, address: str = "127.0.0.1", decrypt: bool = True, answer_feedback: bool = True) -> None:
        self.address = address
        self.decrypt = decrypt
        self.answer_feedback = answer_feedback
        self.ufrag, self.password = secrets.token_hex(4), secrets.token_hex(12)
        self.received: dict[int, Received] = {}
        self.rtcp: list[rtcp.Item] = []
        self.on_packet: Callable[[rtp.Packet, float], None] | None = None
        self.on_rtcp: Callable[[rtcp.Item], None] | None = None
        self.sent_filter: Callable[[bytes], bool] = lambda _: True
        self.accept: Callable[[list[sdp.Codec]], list[sdp.Codec]] = lambda offered: offered
        self.keep = 0  # packets kept whole per SSRC
        self.repeats_flights = True
        self.profiles = [dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_SHA1_80]
        self.connected = asyncio.Event()
        self.ended = asyncio.Event()
        self.round_trip = 0.0
        self._heard = False  # something encrypted came: the other side has finished its handshake
        self._sock: socket.socket | None = None
        self._remote: tuple[str, int] = ("", 0)
        self._remote_ufrag = self._remote_password = ""
        self._queue: asyncio.Queue[bytes] = asyncio.Queue()
        self._validated = asyncio.Event()
        self._link: Any = None
        self._tasks: list[asyncio.Task[None]] = []
        self._arrivals: dict[int, float] = {}
        self._numbers = Unwrapper()
        self._feedback = 0
        self._next = -1
        self._ssrc = secrets.randbits(32)
        self._early: list[tuple[bytes, tuple[str, int], float]] = []
        self.role = "controlling"
        self.controlled = False  # a full-ICE server that offers is the controlling side

    async def open(self) -> None:
        """Bind a socket."""
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
        sock.bind((self.address, 0))
        self._sock = sock
        asyncio.get_running_loop().add_reader(sock.fileno(), self._readable)

    def move(self) -> None:
        """Change the local port, as a phone that leaves the Wi-Fi does."""
        assert self._sock is not None
        old = self._sock
        asyncio.get_running_loop().remove_reader(old.fileno())
        old.close()
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.bind((self.address, 0))
        self._sock = sock
        asyncio.get_running_loop().add_reader(sock.fileno(), self._readable)
        self._check()

    def offer(
        self,
        *,
        video: int = 1,
        audio: int = 0,
        simulcast: bool = False,
        direction: str = "sendonly",
        codec: str = "VP8",
        red: bool = False,
    ) -> str:
        """An offer with so many lines of each kind."""
        session = sdp.Session()
        for i in range(audio + video):
            kind = "audio" if i < audio else "video"
            line = self._line(kind, str(i))
            line.direction = direction
            if kind == "audio":
                line.codecs = [sdp.Codec(111, "opus", 48000, 2, "useinbandfec=1", ("transport-cc",))]
                if red:
                    line.codecs.insert(0, sdp.Codec(63, "red", 48000, 2, "111/111"))
                line.extensions[LEVEL] = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
            else:
                known = ("nack", "nack pli", "ccm fir", "transport-cc", "goog-remb")
                parameters = "packetization-mode=1;profile-level-id=42e01f" if codec == "H264" else ""
                line.codecs = [
                    sdp.Codec(96, codec, 90000, 1, parameters, known),
                    sdp.Codec(97, "rtx", 90000, 1, "apt=96"),
                ]
                if simulcast:
                    line.rids = line.simulcast = list(RIDS)
                    line.rid_direction = "send"
            if direction == "sendonly" and not simulcast:
                line.sources = {1000 + i: "client"}
                if kind == "video":
                    line.sources[2000 + i] = "client"
                    line.retransmissions = {2000 + i: 1000 + i}
            session.media.append(line)
            session.bundle.append(line.mid)
        return sdp.write(session, self.address)

    def answer(self, offer: str) -> str:
        """Accept every slot of a server's offer."""
        offered = sdp.parse(offer)
        session = sdp.Session()
        for media in offered.media:
            line = self._line(media.kind, media.mid)
            line.setup = "active"
            line.direction = "recvonly"
            line.codecs = self.accept(media.codecs)
            line.extensions = media.extensions
            line.reduced_rtcp = media.reduced_rtcp
            session.media.append(line)
            session.bundle.append(media.mid)
        self._remember(offer, offered)
        self.controlled = not offered.ice_lite
        return sdp.write(session, self.address)

    async def connect(self, remote: str = "", limit: float = 10.0) -> None:
        """Check the path and shake hands; `remote` = the other side's description, unless already answered."""
        if remote:
            self._remember(remote, sdp.parse(remote))
        if self._sock is None:
            await self.open()
        self._tasks.append(asyncio.create_task(self._checks()))
        async with asyncio.timeout(limit):
            await self._validated.wait()
            link = transport._Dtls(self, dtls_certificate)
            link._srtp_profiles = list(self.profiles)
            link._set_role("client" if self._remote_setup != "active" else "server")
            self._link = link
            if self.repeats_flights:
                self._tasks.append(asyncio.create_task(self._repeat_flights(link)))
            await link.start(dtls.RTCDtlsParameters([dtls.RTCDtlsFingerprint(*f) for f in self._fingerprints]))
        if link.state != "connected":
            raise ConnectionError(f"DTLS {link.state}")
        self.connected.set()
        for early in self._early:
            self._datagram(*early)
        self._early.clear()
        self._tasks.append(asyncio.create_task(self._reports()))

    async def close(self) -> None:
        """End without a word to the other side but DTLS's."""
        for task in self._tasks:
            task.cancel()
        if self._link is not None:
            with contextlib.suppress(Exception):
                await self._link.stop()
        if self._sock is not None:
            asyncio.get_running_loop().remove_reader(self._sock.fileno())
            self._sock.close()
            self._sock = None
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def send(self, packet: bytes) -> None:
        """One RTP packet."""
        self._emit(self._link._tx_srtp.protect(packet))

    def send_rtcp(self, compound: bytes) -> None:
        """One RTCP compound."""
        self._emit(self._link._tx_srtp.protect_rtcp(compound))

    def send_raw(self, datagram: bytes) -> None:
        """Any bytes from our validated address."""
        self._emit(datagram)

    def follow(self, ufrag: str, password: str) -> None:
        """Use new ICE credentials of the other side from now on."""
        self._remote_ufrag, self._remote_password = ufrag, password
        self._validated.clear()
        self._check()

    @property
    def validated(self) -> asyncio.Event:
        """Set when the other side has answered a check."""
        return self._validated

    def total(self) -> int:
        """Packets received in all."""
        return sum(stream.packets for stream in self.received.values())

    # what RTCDtlsTransport needs of an ICE transport

    async def _recv(self) -> bytes:
        return await self._queue.get()

    async def _send(self, data: bytes) -> None:
        self._emit(data)

    def _line(self, kind: str, mid: str) -> sdp.Media:
        fingerprint = next(f for f in dtls_certificate.getFingerprints() if f.algorithm == "sha-256")
        return sdp.Media(
            kind,
            mid,
            ufrag=self.ufrag,
            password=self.password,
            fingerprints=[(fingerprint.algorithm, fingerprint.value)],
            setup="actpass",
            rtcp_mux=True,
            reduced_rtcp=True,
            extensions={
                TRANSPORT_CC: "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
                MID: "urn:ietf:params:rtp-hdrext:sdes:mid",
                RID: "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
                DEPENDENCY: dependency.URI,
            },
        )

    def _remember(self, text: str, description: sdp.Session) -> None:
        first = next(media for media in description.media if media.port)
        self._remote_ufrag, self._remote_password = first.ufrag, first.password
        self._fingerprints = first.fingerprints
        self._remote_setup = first.setup
        for line in text.splitlines():
            words = line.removeprefix("a=candidate:").split()
            if (
                line.startswith("a=candidate:")
                and words[2].lower() == "udp"
                and (":" in words[4]) == (":" in self.address)
            ):
                self._remote = (words[4], int(words[5]))
                return

    async def _checks(self) -> None:
        while True:
            self._check()
            await asyncio.sleep(2.0 if self._validated.is_set() else CHECK_EVERY)

    def _check(self) -> None:
        username = f"{self._remote_ufrag}:{self.ufrag}".encode()
        attributes = [
            (stun.USERNAME, username),
            (stun.PRIORITY, bytes(4)),
        ]
        if self.controlled:
            attributes.append((stun.ICE_CONTROLLED, bytes(8)))
        else:
            attributes += [(stun.ICE_CONTROLLING, bytes(8)), (stun.USE_CANDIDATE, b"")]
        self._emit(
            stun.build(stun.BINDING_REQUEST, secrets.token_bytes(12), attributes, stun.Key(self._remote_password))
        )

    async def _repeat_flights(self, link: Any) -> None:
        """Browsers repeat DTLS flights after 50 ms; OpenSSL alone would wait a second."""
        for _ in range(100):
            await asyncio.sleep(0.1)
            if link.state == "connected" and self._heard:
                return
            for datagram in link.last_flight:
                self._emit(datagram)

    async def _reports(self) -> None:
        while True:
            await asyncio.sleep(0.05)
            if self.answer_feedback and self._arrivals:
                self._send_feedback()

    def _send_feedback(self) -> None:
        end = max(self._arrivals) + 1
        begin = max(self._next, end - 1000)
        while begin < end:
            body, covered = feedback.build(begin, end - begin, self._arrivals, self._feedback)
            if not covered:
                break
            self._feedback += 1
            media = next(iter(self.received), 0)
            self.send_rtcp(rtcp.transport_feedback(self._ssrc, media, body))
            begin += covered
        self._next = end
        self._arrivals.clear()

    def _readable(self) -> None:
        for _ in range(256):
            try:
                assert self._sock is not None
                data, source = self._sock.recvfrom(2048)
            except (BlockingIOError, ConnectionError):
                return
            self._datagram(data, source[:2], time.monotonic())

    def _datagram(self, data: bytes, source: tuple[str, int], now: float) -> None:
        if not data or not self.sent_filter(data):
            return
        first = data[0]
        if first < 4:
            self._stun(data, source)
        elif 20 <= first < 64:
            self._queue.put_nowait(data)
        elif self._link is None or self._link._rx_srtp is None:
            self._early.append((data, source, now))  # arrived with the last flight, which is still being read
            del self._early[:-64]
        elif 192 <= data[1] <= 223:
            try:
                items = rtcp.parse(self._link._rx_srtp.unprotect_rtcp(data))
            except SrtpError:
                return
            self._heard = True
            for item in items:
                if self.on_rtcp is not None:
                    self.on_rtcp(item)
                else:
                    self.rtcp.append(item)
                    del self.rtcp[:-2000]
        else:
            self._rtp(data, now)

    def _rtp(self, data: bytes, now: float) -> None:
        if self.decrypt:
            try:
                data = self._link._rx_srtp.unprotect(data)
            except SrtpError:
                return
        if data[0] & 0x10 and data[12:14] == b"\xbe\xde" and data[16] == TRANSPORT_CC << 4 | 1:
            index = self._numbers.unwrap(data[17] << 8 | data[18])
            if self._next < 0:
                self._next = index
            self._arrivals[index] = now
        (ssrc,) = struct.unpack_from("!L", data, 8)
        stream = self.received.get(ssrc)
        if stream is None:
            stream = self.received[ssrc] = Received()
        self._heard = True
        stream.note(now)
        stream.octets += len(data)
        if self.decrypt and (self.keep or self.on_packet is not None):
            packet = rtp.parse(data)
            if self.keep and len(stream.sequences) < self.keep:
                stream.sequences.append(packet.sequence)
                stream.timestamps.append(packet.timestamp)
                stream.payloads.append(packet.payload)
                stream.markers.append(packet.marker)
                stream.types.append(packet.payload_type)
            if self.on_packet is not None:
                self.on_packet(packet, now)

    def _stun(self, data: bytes, source: tuple[str, int]) -> None:
        with contextlib.suppress(ValueError):
            message = stun.parse(data)
            if message.kind == stun.BINDING_SUCCESS and message.authentic(stun.Key(self._remote_password)):
                self._remote = source
                self._validated.set()
            elif message.kind == stun.BINDING_REQUEST and message.authentic(stun.Key(self.password)):
                assert self._sock is not None
                self._sock.sendto(stun.success(message, source[0], source[1], stun.Key(self.password)), source)

    def _emit(self, data: bytes) -> None:
        if self._sock is not None and self._remote[1]:
            with contextlib.suppress(BlockingIOError, OSError):
                self._sock.sendto(data, self._remote)


class Publisher:
    """Makes RTP like an encoder: frames of packets, VP8 descriptors, audio levels; answers key frame requests."""

    def __init__(self, client: Client, *, ssrc: int = 1000, rid: str = "", mid: str = "", picture: bool = True) -> None:
        self.client = client
        self.ssrc = ssrc
        self.rid = rid
        self.mid = mid
        self.sequence = secrets.randbits(15)
        self.sequence_total = 0  # packets made
        self.timestamp = secrets.randbits(32)
        self.picture = secrets.randbits(15)
        self.tl0 = 0
        self.key_frames = 0
        self._wants_key = True
        self._with_picture = picture
        self.sent: dict[int, bytes] = {}
        self.transport_cc = iter(range(1 << 40))

    def hear(self, item: rtcp.Item) -> None:
        """Feedback of the server."""
        if isinstance(item, rtcp.KeyframeRequest) and item.media == self.ssrc:
            self._wants_key = True

    def frame(
        self, packets: int = 3, size: int = 1000, *, temporal: int = 0, sync: bool = False, lose: int = -1
    ) -> bool:
        """Send one video frame; `lose` = index of a packet that is lost on the way. True for a key frame."""
        key, self._wants_key = self._wants_key, False
        self.key_frames += key
        self.timestamp = self.timestamp + 3000 & 0xFFFFFFFF
        self.picture = self.picture + 1 & 0x7FFF
        self.tl0 = self.tl0 + (temporal == 0) & 0xFF
        for i in range(packets):
            first = (0x90 if i == 0 else 0x80) if self._with_picture else (0x10 if i == 0 else 0)
            descriptor = bytes((first,))
            if self._with_picture:
                descriptor += bytes(
                    (
                        0xE0,
                        0x80 | self.picture >> 8,
                        self.picture & 0xFF,
                        self.tl0,
                        temporal << 6 | (0x20 if sync else 0),
                    )
                )
            body = bytes((0 if key else 1,)) + time.monotonic_ns().to_bytes(8, "big")
            payload = descriptor + body + bytes(max(0, size - len(descriptor) - len(body)))
            self.packet(payload, 96, marker=i == packets - 1, lost=i == lose)
        return key

    def voice(self, level: int = 30, size: int = 80, *, lost: bool = False) -> None:
        """Send 20 ms of audio with this level (0 loudest, 127 silent)."""
        self.timestamp = self.timestamp + 960 & 0xFFFFFFFF
        payload = time.monotonic_ns().to_bytes(8, "big") + bytes(size - 8)
        self.packet(payload, 111, marker=False, elements=[(LEVEL, bytes((level,)))], lost=lost)

    def packet(
        self, payload: bytes, payload_type: int, *, marker: bool, elements: list[tuple[int, bytes]] | None = None,
        lost: bool = False,
    ) -> None:  # fmt: skip
        """Send one packet."""
        extensions = [(TRANSPORT_CC, (next(self.transport_cc) & 0xFFFF).to_bytes(2, "big")), *(elements or [])]
        if self.mid:
            extensions.append((MID, self.mid.encode()))
        if self.rid:
            extensions.append((RID, self.rid.encode()))
        self.sequence = self.sequence + 1 & 0xFFFF
        self.sequence_total += 1
        data = rtp.build(
            payload, payload_type=payload_type, sequence=self.sequence, timestamp=self.timestamp, ssrc=self.ssrc,
            marker=marker, block=rtp.extension_block(extensions),
        )  # fmt: skip
        self.sent[self.sequence] = data
        if len(self.sent) > 1000:
            del self.sent[next(iter(self.sent))]
        if not lost:
            self.client.send(data)

    def repeat(self, sequence: int, rtx_ssrc: int = 2000, number: int = 1) -> None:
        """Send a packet again by RTX."""
        original = rtp.parse(self.sent[sequence])
        data = rtp.build(
            sequence.to_bytes(2, "big") + original.payload, payload_type=97, sequence=number,
            timestamp=original.timestamp, ssrc=rtx_ssrc, marker=bool(original.marker),
        )  # fmt: skip
        self.client.send(data)
