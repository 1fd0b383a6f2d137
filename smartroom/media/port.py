"""The one UDP port of a worker: demultiplexes datagrams and lets only validated peers past (RFC 7983)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, Self

from smartroom.media.hotpath import BURST, Crypt, Handle, Outbox, Receiver, address_of, ffi
from smartroom.media.ice import Agent, IceLite, Remote
from smartroom.media.rtp.packet import HEADER, MAX_PACKET

SOCKET_BUFFER = 4 << 20  # bytes: a burst of key frames to a whole room
PACKETS_PER_DRAIN = 256  # then timers and the channel get their turn
MAX_DATAGRAM = 1500
GATHER = (
    0.0003  # s to let the rest of a burst arrive, as network cards do: a frame's packets cost half when taken together
)
GATHERS = 3  # waits per drain, each only while something came in the one before

BURSTS = 16  # 1024 datagrams of feedback, or of checks, per look
BUSY = 2  # times that packets come between two looks: then checks wait for the next packet

# A classic BPF program: which socket of the port group gets a datagram. 1 for a lone transport-cc feedback, 2 for STUN, else 0.
_FEEDBACK = 0x8FCD  # version 2, format 15, type 205: stands in the clear, SRTCP encrypts from the ninth byte on
_STEER = (
    (0x28, 0, 0, 0),  # load the first two bytes; a shorter datagram ends the program with 0
    (0x15, 2, 0, _FEEDBACK),  # equal: two further
    (0x35, 2, 0, 0x0400),  # not below: two further
    (0x06, 0, 0, 2),
    (0x06, 0, 0, 1),
    (0x06, 0, 0, 0),
)
_SO_ATTACH_REUSEPORT_CBPF = 51

log = logging.getLogger(__name__)


class Link(Protocol):
    """What the port needs of a transport."""

    rx: Handle
    budget: int
    unreadable: int
    ssrcs: set[int]
    new_ssrcs: float
    calm_until: float
    on_rtp: Callable[[bytes, float], None]
    on_rtcp: Callable[[bytes, float], None]
    """What takes a decrypted packet."""

    def path_validated(self) -> None:
        """The selected address was found or changed."""

    def receive_dtls(self, datagram: bytes) -> None:
        """A DTLS record from a validated address."""


@dataclass(slots=True)
class Counters:
    """Datagrams by what became of them."""

    received: int = 0
    stun: int = 0
    dtls: int = 0
    rtp: int = 0
    rtcp: int = 0
    stranger: int = 0  # not from a validated address
    malformed: int = 0
    over_budget: int = 0
    new_ssrc: int = 0  # one more source than a peer may have
    calm: int = 0  # feedback left unread: the path was calm a moment ago
    unreadable: int = 0  # authentication failed or replayed
    errors: int = 0
    extra: dict[str, int] = field(default_factory=dict)


class Port:
    """Sockets of every configured address on one port number; `async with` binds and closes them."""

    __slots__ = (
        "_by_family", "_checks", "_drains", "_feedback", "_prompt", "_sockets", "_turn", "_unprotect",
        "_unprotect_rtcp", "addresses", "clock", "counters", "ice", "number", "on_awake", "outbox",
    )  # fmt: skip

    def __init__(
        self,
        addresses: Sequence[str],
        number: int,
        protect: Crypt,
        unprotect: tuple[Crypt, Crypt],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.ice = IceLite()
        self.counters = Counters()
        self.clock = clock
        self.on_awake: Callable[[float], None] = _ignore
        self.outbox = Outbox(protect, self._now)
        self.number = number
        self.addresses = tuple(addresses)
        self._unprotect, self._unprotect_rtcp = unprotect
        self._turn = False  # datagrams are being taken in: what is sent waits for the end
        self._sockets: list[socket.socket] = []
        self._feedback: list[tuple[Receiver, socket.socket]] = []
        self._checks: list[tuple[Receiver, socket.socket]] = []
        self._drains = 0  # since the last look
        self._prompt = True  # a check wakes us
        self._by_family: dict[int, socket.socket] = {}

    async def __aenter__(self) -> Self:
        """Bind; OSError when an address or the port is not free."""
        loop = asyncio.get_running_loop()
        try:
            for address in self.addresses:
                sock = self._bind(address)
                loop.add_reader(sock.fileno(), self._drain, Receiver(sock), sock)
                self._steer(sock)
        except OSError:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close every socket."""
        loop = asyncio.get_running_loop()
        for sock in self._sockets:
            loop.remove_reader(sock.fileno())
            sock.close()
        self._sockets.clear()
        self._feedback.clear()
        self._checks.clear()
        self._by_family.clear()

    def socket_for(self, remote: Remote) -> socket.socket:
        """The socket that reaches this address."""
        return self._by_family[remote.family]

    def send(self, data: bytes, remote: Remote) -> None:
        """One datagram, at the end of the turn; what the kernel does not take is lost, as on any network."""
        if self._turn:
            self.outbox.post(self._by_family[remote.family].fileno(), remote.raw, data)
            return
        with contextlib.suppress(OSError):
            self._by_family[remote.family].sendto(data, (remote.host, remote.port))

    def look(self, now: float) -> None:
        """Several times a second: take in the feedback that came meanwhile. It wakes nobody up, and together it costs half.

        Checks wake nobody either while packets come all the time, unless somebody is to come: each waking costs as much as its
        answer.
        """
        self._take(self._feedback, now, feedback=True)
        self._take(self._checks, now)
        busy, self._drains = self._drains >= BUSY, 0
        self._set_prompt(on=not busy or bool(self.ice.awaited))

    def expect(self, agent: Agent) -> None:
        """Somebody is to come: answer his checks, at once."""
        self.ice.add(agent)
        self._set_prompt(on=True)

    def _now(self) -> float:
        return self.clock()  # which tests replace

    def _bind(self, address: str) -> socket.socket:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM)
        self._sockets.append(sock)
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((address, self.number))
        self.number = sock.getsockname()[1]  # port 0: the first address chooses for all
        self._by_family.setdefault(family, sock)
        return sock

    def _steer(self, sock: socket.socket) -> None:
        """Have the kernel put lone feedback and STUN into sockets of their own; one that cannot leaves all in one."""
        apart = [socket.socket(sock.family, socket.SOCK_DGRAM) for _ in range(2)]
        program = ffi.new("char[]", b"".join(struct.pack("=HBBI", *step) for step in _STEER))
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # only now: nobody else was on this port
            for other in apart:  # the kernel counts them in this order
                other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                if sock.family == socket.AF_INET6:
                    other.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                other.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER)
                other.bind(sock.getsockname())
            steering = struct.pack("@HP", len(_STEER), address_of(program))
            sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_REUSEPORT_CBPF, steering)
        except OSError as error:
            log.info("feedback and checks are taken in with everything else: %s", error)
            for other in apart:
                other.close()
            return
        self._sockets += apart
        feedback, checks = ((Receiver(other), sock) for other in apart)  # answers go out with everything else
        self._feedback.append(feedback)
        self._checks.append(checks)
        asyncio.get_running_loop().add_reader(checks[0].fd, self._answer)

    def _set_prompt(self, *, on: bool) -> None:
        """Whether a check wakes us."""
        if on == self._prompt:
            return
        self._prompt = on
        loop = asyncio.get_running_loop()
        for receiver, _ in self._checks:
            if on:
                loop.add_reader(receiver.fd, self._answer)
            else:
                loop.remove_reader(receiver.fd)

    def _take(self, group: list[tuple[Receiver, socket.socket]], now: float, *, feedback: bool = False) -> None:
        """Take in what these have received; each with the socket that answers."""
        for receiver, sock in group:
            for _ in range(BURSTS):
                count = receiver.read()
                self.counters.received += count
                self._dispatch(receiver, sock, count, now, feedback=feedback)
                if count < BURST:
                    break

    def _drain(self, receiver: Receiver, sock: socket.socket) -> None:
        left, waits, waited = PACKETS_PER_DRAIN, GATHERS, False
        self._drains += 1
        self._turn = True
        try:
            self._take(self._checks, self.clock())  # first: who has moved is known before what he sends
            while left > 0:
                count = receiver.read()
                if count:
                    left -= count
                    waited = False
                    self.counters.received += count
                    self._dispatch(receiver, sock, count, self.clock())
                    if count < BURST and not self.outbox.open:
                        return
                elif waits and not waited and self.outbox.open:
                    waits -= 1
                    waited = True
                    time.sleep(GATHER)
                else:
                    return
        finally:
            self._end_turn()

    def _answer(self) -> None:
        """Checks came, and hardly anything else comes."""
        self._turn = True
        try:
            self._take(self._checks, self.clock())
        finally:
            self._end_turn()

    def _end_turn(self) -> None:
        self.outbox.flush()
        self.on_awake(self.clock())
        self.outbox.flush()
        self._turn = False

    def _dispatch(
        self, receiver: Receiver, sock: socket.socket, count: int, now: float, *, feedback: bool = False
    ) -> None:
        """Take in what `receiver` has read; `feedback` = nothing else is in it."""
        counters = self.counters
        agents = self.ice.agents
        for view, name, pointer, length in receiver.slots[:count]:
            source = name.tobytes()
            agent = agents.get(source)
            if feedback and agent is not None and now < self._link(agent).calm_until:
                counters.calm += 1
                continue
            size = length[0]
            first, second, _, sender, ssrc = HEADER.unpack_from(view)  # of a short one, what was there before
            if not 128 <= first < 192 or not size:
                self._control(first if size else 255, bytes(view[:size]), source, sock, now)
                continue
            if agent is None:
                counters.stranger += 1
                continue
            link = self._link(agent)
            if not 12 <= size <= MAX_PACKET or link.rx is None:
                counters.malformed += 1
                continue
            link.budget -= 1
            if link.budget < 0:
                counters.over_budget += 1
                continue
            control = 192 <= second <= 223
            ssrc = sender if control else ssrc
            if ssrc not in link.ssrcs and link.new_ssrcs < 1:  # libsrtp keeps and searches a list of all it has seen
                counters.new_ssrc += 1
                continue
            try:
                if (self._unprotect_rtcp if control else self._unprotect)(link.rx, pointer, length):
                    counters.unreadable += 1
                    link.unreadable += 1
                    continue
                if ssrc not in link.ssrcs:
                    link.ssrcs.add(ssrc)
                    link.new_ssrcs -= 1
                if control:
                    counters.rtcp += 1
                    link.on_rtcp(bytes(view[: length[0]]), now)
                else:
                    counters.rtp += 1
                    link.on_rtp(bytes(view[: length[0]]), now)
            except ValueError:
                counters.malformed += 1
            except Exception:
                counters.errors += 1
                log.exception("dropped a packet that could not be processed")

    def _control(self, first: int, data: bytes, source: bytes, sock: socket.socket, now: float) -> None:
        """STUN and DTLS: rare, so clarity comes before speed."""
        try:
            self._take_control(first, data, source, sock, now)
        except Exception:
            self.counters.errors += 1
            log.exception("dropped a datagram that could not be processed")

    def _take_control(self, first: int, data: bytes, source: bytes, sock: socket.socket, now: float) -> None:
        if first < 4:
            self.counters.stun += 1
            reply = self.ice.answer(data, source, now)
            if reply is not None:
                self.outbox.post(sock.fileno(), source, reply)
                if not self._turn:
                    self.outbox.flush()
        elif 20 <= first < 64:
            agent = self.ice.agents.get(source)
            if agent is None:
                self.counters.stranger += 1
            elif 13 <= len(data) <= MAX_DATAGRAM:
                self.counters.dtls += 1
                self._link(agent).receive_dtls(data)
            else:
                self.counters.malformed += 1
        else:
            self.counters.malformed += 1

    @staticmethod
    def _link(agent: Agent) -> Link:
        return agent.owner  # type: ignore[return-value]  # every owner on a port is a transport


def _ignore(_now: float) -> None:
    return
