"""One peer connection: ICE-lite, the DTLS handshake of aiortc, the SRTP sessions taken out of it.

The only module that touches private parts of aiortc and pylibsrtp; `check_libraries` names them all.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import aiortc.rtcdtlstransport as dtls
from OpenSSL import SSL
from pylibsrtp import _binding as srtp

from smartroom.media.hotpath import Handle, Scratch, new_cell
from smartroom.media.ice import CONSENT_CLOSE, CONSENT_MUTE, Agent, Credentials, Remote
from smartroom.media.port import Port

HANDSHAKE_LIMIT = 15.0  # s from the first validated address to keys
PATH_LIMIT = 30.0  # s for the first valid check to come
RESEND_EVERY = 0.1  # s; OpenSSL's own timer starts at 1 s and doubles, which loses seconds on radio links
RESEND_AT_MOST = 60
CONFIRM_LIMIT = 1.6  # s to repeat our Finished until the peer shows that it has keys
DATAGRAM = 1200  # bytes of DTLS records per datagram
PACKETS_PER_SECOND = 3000  # per peer, before decryption
NEW_SSRCS = 64  # a peer may begin with: 8 tracks of 3 layers, their repeats and reports
NEW_SSRCS_PER_SECOND = 0.2  # more as time goes: each shared screen brings two

PRIVATE_NAMES = (
    "_ssl",
    "_srtp_profiles",
    "_rx_srtp",
    "_tx_srtp",
    "_set_role",
    "_write_ssl",
    "_recv_next",
    "_setup_srtp",
)
SRTP_NAMES = ("srtp_protect", "srtp_unprotect", "srtp_protect_rtcp", "srtp_unprotect_rtcp")

protect = srtp.lib.srtp_protect
unprotect = srtp.lib.srtp_unprotect
protect_rtcp = srtp.lib.srtp_protect_rtcp
unprotect_rtcp = srtp.lib.srtp_unprotect_rtcp

log = logging.getLogger(__name__)


class State(StrEnum):
    """Life of a transport."""

    NEW = "new"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Hash of a certificate as SDP carries it."""

    algorithm: str
    value: str


class Certificate(dtls.RTCCertificate):
    """A P-256 certificate of this process; never stored."""

    @property
    def fingerprint(self) -> Fingerprint:
        """The sha-256 fingerprint."""
        found = next(f for f in self.getFingerprints() if f.algorithm == "sha-256")
        return Fingerprint(found.algorithm, found.value)

    def _create_ssl_context(self, srtp_profiles: list[Any]) -> Any:
        context = super()._create_ssl_context(srtp_profiles)
        context.set_cipher_list(  # RSA too, for peers that make us the client
            b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:"
            b"ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-CHACHA20-POLY1305"
        )
        return context


def check_libraries() -> None:
    """Refuse to start on a library whose private parts moved; RuntimeError names what is missing."""
    with contextlib.closing(asyncio.new_event_loop()) as loop:
        asyncio.set_event_loop(loop)
        probe = _Dtls(_Ice(lambda _: None), Certificate.generateCertificate())
        asyncio.set_event_loop(None)
    missing = [name for name in PRIVATE_NAMES if not hasattr(probe, name)]
    missing += [name for name in SRTP_NAMES if not hasattr(srtp.lib, name)]
    if missing:
        raise RuntimeError(f"aiortc or pylibsrtp changed: {', '.join(missing)} not found; use the pinned versions")


class Transport:
    """One peer connection of one worker. `run` is its life; `close` ends it, twice is once."""

    __slots__ = (
        "_certificate", "_ending", "_ice", "_muted", "_path", "_port", "_scratch", "_worker", "agent", "budget",
        "bytes_sent", "calm_until", "cell", "clock", "fingerprints", "new_ssrcs", "on_path", "on_rtcp",
        "on_rtp", "on_state", "outbox", "reason", "remote_ufrag", "rx", "sessions", "ssrcs", "state", "tx",
        "unreadable",
    )  # fmt: skip

    def __init__(self, port: Port, worker: int, certificate: Certificate) -> None:
        self.agent = Agent(self, Credentials.fresh(worker))
        self.state = State.NEW
        self.reason = ""
        self.rx: Handle = None
        self.tx: Handle = None
        self.sessions: object = None  # keeps the C memory of rx and tx alive; rows hold it too
        self.cell = new_cell()
        self.budget = PACKETS_PER_SECOND
        self.unreadable = 0
        self.ssrcs: set[int] = set()  # sources whose packets were authentic
        self.new_ssrcs = float(NEW_SSRCS)
        self.calm_until = 0.0  # until then lone transport-cc feedback is left unread
        self.bytes_sent = 0
        self.on_rtp: Callable[[bytes, float], None] = _ignore
        self.on_rtcp: Callable[[bytes, float], None] = _ignore
        self.on_path: Callable[[], None] = _nothing
        self.on_state: Callable[[Transport], None] = _ignore_state
        self.clock = port.clock
        self.outbox = port.outbox
        self.remote_ufrag = ""
        self.fingerprints: list[Fingerprint] = []
        self._ice: _Ice | None = None
        self._port = port
        self._worker = worker
        self._certificate = certificate
        self._path = asyncio.Event()
        self._ending = asyncio.Event()
        self._muted = False
        self._scratch = Scratch(protect, protect_rtcp)
        port.expect(self.agent)

    @property
    def remote(self) -> Remote | None:
        """Where media goes now; None while there is no keyed, consenting path."""
        return self.agent.selected if self.tx is not None and not self._muted else None

    @property
    def fd(self) -> int:
        """Socket of the selected path."""
        remote = self.agent.selected
        return self._port.socket_for(remote).fileno() if remote is not None else -1

    @property
    def fingerprint(self) -> Fingerprint:
        """Our certificate's."""
        return self._certificate.fingerprint

    async def run(self, fingerprints: list[Fingerprint], *, client: bool = False) -> None:
        """Live: wait for a path, shake hands, carry media until closed. Raises nothing but cancellation."""
        ice = _Ice(self._send_dtls)
        link = _Dtls(ice, self._certificate)
        self._ice = ice
        link._srtp_profiles = [dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_SHA1_80]  # noqa: SLF001
        link._set_role("client" if client else "server")  # noqa: SLF001
        try:
            async with asyncio.TaskGroup() as tasks:
                repeats = tasks.create_task(self._repeat(link))
                life = tasks.create_task(self._live(link, fingerprints))
                await self._ending.wait()
                repeats.cancel()
                life.cancel()
        finally:
            await self._finish(link)

    def close(self, reason: str = "closed") -> None:
        """End the connection; the peer is told."""
        if not self._ending.is_set():
            self.reason = reason
            self._ending.set()

    def restart(self) -> Credentials:
        """New ICE credentials on the same keys; the old ones live until the new pair is nominated."""
        fresh = Credentials.fresh(self._worker)
        self._port.ice.restart(self.agent, fresh)
        return fresh

    def send_rtp(self, packet: bytes, now: float, probe: int = 0) -> None:
        """Encrypt and send one packet outside the fan; its transport-cc number is already in it."""
        remote = self.remote
        if remote is not None:
            self.cell[1][self.cell[0] & 2047] = (now, len(packet), probe)
            self.bytes_sent += len(packet)
            self._port.send(self._scratch.rtp(self.tx, packet), remote)

    def send_rtcp(self, compound: bytes) -> None:
        """Encrypt and send one RTCP compound."""
        remote = self.remote
        if remote is not None:
            self._port.send(self._scratch.rtcp(self.tx, compound), remote)

    def tick(self, now: float) -> None:
        """Once a second: refill the packet budget, watch consent (RFC 7675)."""
        self.budget = PACKETS_PER_SECOND
        self.new_ssrcs = min(NEW_SSRCS, self.new_ssrcs + NEW_SSRCS_PER_SECOND)
        if self.state is not State.CONNECTED:
            return
        silent = now - self.agent.checked
        if silent > CONSENT_CLOSE:
            self.close("consent")
        elif (silent > CONSENT_MUTE) != self._muted:
            self._muted = not self._muted
            self.on_path()

    def path_validated(self) -> None:
        """The port found or changed the selected address."""
        self._path.set()
        self.on_path()

    def receive_dtls(self, datagram: bytes) -> None:
        """A DTLS datagram from a validated address."""
        if self._ice is not None:
            self._ice.feed(datagram)

    async def _live(self, link: _Dtls, fingerprints: list[Fingerprint]) -> None:
        try:
            async with asyncio.timeout(PATH_LIMIT):
                await self._path.wait()
            self._set_state(State.CONNECTING)
            wanted = dtls.RTCDtlsParameters([dtls.RTCDtlsFingerprint(f.algorithm, f.value) for f in fingerprints])
            async with asyncio.timeout(HANDSHAKE_LIMIT):
                await link.start(wanted)
        except TimeoutError:
            self.close("timeout")
            return
        if link.state != "connected":
            self.close("dtls")
            return
        self.sessions = (link._rx_srtp, link._tx_srtp)  # noqa: SLF001
        self.rx, self.tx = (session._srtp[0] for session in (link._rx_srtp, link._tx_srtp))  # noqa: SLF001
        self._set_state(State.CONNECTED)
        self.on_path()
        await link.ended.wait()
        self.close("peer")

    async def _repeat(self, link: _Dtls) -> None:
        """Send the last flight again until it was heard: a lost flight costs 100 ms instead of seconds."""
        connected_at = 0.0
        for _ in range(RESEND_AT_MOST):
            await asyncio.sleep(RESEND_EVERY)
            if not link.last_flight:
                await link.spoken.wait()
            if self.state is State.CONNECTED:
                connected_at = connected_at or self._port.clock()
                if self.ssrcs or self._port.clock() - connected_at > CONFIRM_LIMIT:
                    return
            for datagram in link.last_flight:
                self._send_dtls(datagram)

    async def _finish(self, link: _Dtls) -> None:
        """Leave the tables first, tell the peer, drop the sessions last."""
        self.tx = self.rx = None
        self._set_state(State.CLOSED)
        with contextlib.suppress(Exception):
            await link.stop()
        if self._ice is not None:
            self._ice.close()
        self._port.ice.remove(self.agent)
        self.sessions = None

    def _send_dtls(self, datagram: bytes) -> None:
        remote = self.agent.selected
        if remote is None or self._ice is None:
            return
        if not self._ice.heard:  # until the peer speaks DTLS it gets at most three times what it sent
            self._ice.unheard += len(datagram)
            if self._ice.unheard > 3 * self.agent.received:
                return
        self._port.send(datagram, remote)

    def _set_state(self, state: State) -> None:
        if state is not self.state:
            self.state = state
            self.on_state(self)


class _Ice:
    """What RTCDtlsTransport needs of an ICE transport."""

    role = "controlled"

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(33)  # 32 datagrams, newest dropped, and the end
        self._emit = send
        self.heard = False
        self.unheard = 0

    def feed(self, datagram: bytes) -> None:
        self.heard = True
        if self._queue.qsize() < 32:
            self._queue.put_nowait(datagram)

    def close(self) -> None:
        if not self._queue.full():
            self._queue.put_nowait(None)

    async def _recv(self) -> bytes:
        datagram = await self._queue.get()
        if datagram is None:
            raise ConnectionError("closed")
        return datagram

    async def _send(self, datagram: bytes) -> None:
        self._emit(datagram)


class _Dtls(dtls.RTCDtlsTransport):
    """aiortc's handshake; keeps the last flight, in datagrams cut at record borders."""

    def __init__(self, ice: object, certificate: dtls.RTCCertificate) -> None:
        super().__init__(ice, [certificate])  # type: ignore[arg-type]  # what it uses of an ICE transport, _Ice has
        self.last_flight: list[bytes] = []
        self.spoken = asyncio.Event()
        self.ended = asyncio.Event()
        self.on("statechange", self._changed)

    def _changed(self) -> None:
        if self.state in ("closed", "failed"):
            self.ended.set()

    async def _write_ssl(self) -> None:
        output = b""
        while True:
            try:
                output += self._ssl.bio_read(65536)  # type: ignore[union-attr]  # made by start, before any write
            except SSL.Error:
                break
        if output:
            flight = _datagrams(output)
            if self.state != "connected":
                self.last_flight = flight
                self.spoken.set()
            for datagram in flight:
                await self.transport._send(datagram)  # noqa: SLF001


def _datagrams(output: bytes) -> list[bytes]:
    """Whole DTLS records packed into datagrams; a memory BIO keeps no borders."""
    datagrams = [b""]
    position = 0
    while position < len(output):
        end = position + 13 + int.from_bytes(output[position + 11 : position + 13], "big")
        if datagrams[-1] and len(datagrams[-1]) + end - position > DATAGRAM:
            datagrams.append(b"")
        datagrams[-1] += output[position:end]
        position = end
    return datagrams


def _ignore(_data: bytes, _now: float) -> None:
    return


def _nothing() -> None:
    return


def _ignore_state(_transport: Transport) -> None:
    return
