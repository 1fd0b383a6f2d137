"""Base of all shipped simulators: a device that speaks its real wire bytes over real sockets and pseudo terminals, with faults on demand."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
import tty
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Literal, Self

from devices.sdk.manifest import Manifest
from devices.sdk.readings import Value
from devices.sdk.settings import Settings
from devices.sdk.testing.clients import Client, MemoryClient, PtyClient, StreamClient, TcpClient, UdpClient
from devices.sdk.testing.faults import Faults
from devices.sdk.testing.outbox import Timers
from devices.sdk.transport.memory import MemoryTransport, listen

Line = Literal["tcp", "udp", "serial"]

MAX_PEERS = 64
"""UDP peers remembered; the oldest is forgotten."""
MAX_DATAGRAM = 2048


class Simulator(ABC):
    """A simulated device. Subclasses read and write the wire; sockets, clients and faults are here.

    `state` holds the truth in property names. Change it with `change`, which honours the fault `lie`; ask `naks()` before carrying out a command.
    """

    max_clients: int | None = None
    """How many clients the device serves at a time; None = as many as come."""

    def __init__(
        self,
        manifest: Manifest,
        settings: Settings,
        *,
        faults: Faults | None = None,
        clock: Callable[[], float] = time.monotonic,
        seed: int = 0,
    ) -> None:
        self.manifest = manifest
        self.settings = settings
        self.faults = faults or Faults()
        self.clock = clock
        self.random = Random(seed)  # noqa: S311  # chance, not secrecy
        self.clients: list[Client] = []
        self.state: dict[str, Value] = {}
        self.off = False
        self._timers = Timers()
        self._outage = Timers()
        self._listeners: list[socket.socket] = []
        self._bound: list[tuple[str, int]] = []
        self._datagrams: dict[socket.socket, dict[tuple[str, int], Client]] = {}
        self._lines: list[PtyClient] = []
        self._links: list[Path] = []
        self._inside: dict[str, tuple[Line, Callable[[], None]]] = {}
        self.boot()

    # -- to be written by each simulator --

    @abstractmethod
    def defaults(self) -> dict[str, Value]:
        """State after power on, in property names."""

    @abstractmethod
    def received(self, client: Client, chunk: bytes) -> None:
        """Bytes of a controller as they came: any piece of a stream, or one datagram."""

    def connected(self, client: Client) -> None:
        """A controller came: greet it, or `client.refuse(...)`. Over serial and UDP called once for each line or peer."""

    def disconnected(self, client: Client) -> None:
        """A controller is gone."""

    def announce(self, name: str, value: Value) -> None:
        """Tell all clients what a real device tells when `name` was changed by hand."""

    def boot(self) -> None:
        """Power on: take the default state. Extended by simulators that hold more."""
        self.state = self.defaults()

    def booted(self) -> None:
        """Power is back after a cut and the sockets listen again."""

    def speed_up(self, pace: float) -> None:
        """Let motors and lamps run so many times faster, for tests; nothing to do where a device is quick."""

    # -- for subclasses and tests --

    def change(self, name: str, value: Value) -> None:
        """Change the state, unless the device lies."""
        if not self.faults.lie:
            self.state[name] = value

    def naks(self) -> bool:
        """True when the next command is to be refused (fault `nak`)."""
        return self._hit(self.faults.nak)

    def later(self, seconds: float, callback: Callable[[], None]) -> None:
        """Call once after so many seconds, unless power is cut before (a lamp warming up)."""
        self._timers.later(seconds, callback)

    def broadcast(self, payload: bytes, *, but: Client | None = None) -> None:
        """Send unasked to every client, perhaps except the one that caused it."""
        for client in list(self.clients):
            if client is not but:
                client.send(payload)

    def snapshot(self) -> dict[str, Value]:
        """The true state in property names, without the wire."""
        return dict(self.state)

    def front_panel(self, name: str, value: Value) -> None:
        """Change a property as if by hand at the device, with the message a real one sends; ValueError for an unknown name."""
        if name not in self.state:
            raise ValueError(f"this device has no property '{name}'; it has: {', '.join(self.state)}")
        self.state[name] = value
        self.announce(name, value)

    def power_cut(self, seconds: float) -> None:
        """Drop all clients, refuse for so long, come back with defaults."""
        self.off = True
        self._timers.cancel()
        for listener in self._listeners:
            self._loop.remove_reader(listener)
            listener.close()
        self._listeners.clear()
        for line, stop in self._inside.values():
            if line == "tcp":  # a datagram goes out whether anybody is there or not, a cable stays plugged in
                stop()
        for client in list(self.clients):
            if isinstance(client, MemoryClient) and client.line != "tcp":
                self.disconnected(client)
            elif not isinstance(client, PtyClient):
                client.reset()
        self._outage.cancel()
        self._outage.later(seconds, self._power_back)

    # -- serving --

    async def serve(self, scheme: str, host: str = "127.0.0.1", port: int = 0) -> str:
        """Open what a scheme needs; returns the address as room.yaml takes it."""
        if scheme == "serial":
            return f"serial://{await self.serve_pty()}"
        bound = await (self.serve_udp(host, port) if scheme == "udp" else self.serve_tcp(host, port))
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{bound}"

    async def serve_tcp(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen; returns the bound port."""
        address = await self._resolve(host, port, socket.SOCK_STREAM)
        bound = self._listen(*address)
        self._bound.append((address[0], bound))
        return bound

    async def serve_udp(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Take datagrams; returns the bound port."""
        host, port = await self._resolve(host, port, socket.SOCK_DGRAM)
        udp = socket.socket(_family(host), socket.SOCK_DGRAM)
        udp.setblocking(False)
        udp.bind((host, port))
        self._datagrams[udp] = {}
        self._loop.add_reader(udp, self._datagram, udp)
        return int(udp.getsockname()[1])

    async def serve_pty(self, link: Path | None = None) -> str:
        """Open a pseudo terminal; returns its path, or `link` made to point at it."""
        master, other = os.openpty()
        tty.setraw(other)
        name = os.ttyname(other)
        line = PtyClient(name, lambda: self.faults, self.random, master, self._incoming, held=other)
        line.on_closed = self._gone
        self._lines.append(line)
        self._welcome(line)
        if link is None:
            return name
        _point(link, name)
        self._links.append(link)
        return str(link)

    def serve_memory(self, name: str, line: Line) -> str:
        """Answer inside this process, as the kind of line it stands for; no socket is opened."""
        self._listen_inside(name, line)
        return f"memory://{name}"

    async def close(self) -> None:
        """End everything; idempotent."""
        self._timers.cancel()
        self._outage.cancel()
        for _, stop in self._inside.values():
            stop()
        for listener in [*self._listeners, *self._datagrams]:
            self._loop.remove_reader(listener)
            listener.close()
        self._listeners.clear()
        self._datagrams.clear()
        for client in list(self.clients):
            client.close()
        for link in self._links:
            link.unlink(missing_ok=True)
        self._links.clear()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def _loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    async def _resolve(self, host: str, port: int, kind: socket.SocketKind) -> tuple[str, int]:
        found = await self._loop.getaddrinfo(host, port, type=kind, flags=socket.AI_PASSIVE)
        address = found[0][4]
        return str(address[0]), int(address[1])

    def _listen(self, host: str, port: int) -> int:
        listener = socket.create_server((host, port), family=_family(host))
        listener.setblocking(False)
        self._listeners.append(listener)
        self._loop.add_reader(listener, self._accept, listener)
        return int(listener.getsockname()[1])

    def _accept(self, listener: socket.socket) -> None:
        try:
            connection, peer = listener.accept()
        except OSError:  # gone again before we looked
            return
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client = TcpClient(
            f"{peer[0]}:{peer[1]}", lambda: self.faults, self.random, connection.detach(), self._incoming
        )
        client.on_closed = self._gone
        if self._full():
            self.refused(client)
            client.close()
        else:
            self._welcome(client)

    def _listen_inside(self, name: str, line: Line) -> None:
        def accept(far: MemoryTransport) -> None:
            client = MemoryClient(name, lambda: self.faults, self.random, far, self._incoming, line)
            client.on_closed = self._gone
            if line == "tcp" and self._full():
                self.refused(client)
                client.close()
            else:
                self._welcome(client)

        self._inside[name] = (line, listen(name, accept, datagrams=line == "udp"))

    def _full(self) -> bool:
        """One client more would be too many."""
        limits = [limit for limit in (self.max_clients, self.faults.refuse_clients) if limit is not None]
        return bool(limits) and len([c for c in self.clients if c.line != "serial"]) >= min(limits)

    def refused(self, client: Client) -> None:
        """One client too many: it is hung up after this; overridden where the device says why (Extron E26)."""

    def _welcome(self, client: Client) -> None:
        self.clients.append(client)
        if isinstance(client, StreamClient | MemoryClient):
            client.start()
        self._watch_idle(client)
        self.connected(client)

    def _gone(self, client: Client) -> None:
        if client in self.clients:
            self.clients.remove(client)
            self.disconnected(client)

    def _datagram(self, udp: socket.socket) -> None:
        try:
            chunk, peer = udp.recvfrom(MAX_DATAGRAM)
        except OSError:  # an ICMP error of an earlier reply: UDP goes on
            return
        peers = self._datagrams[udp]
        if peer not in peers:
            if self.faults.refuse_clients is not None and len(peers) >= self.faults.refuse_clients:
                return
            if len(peers) >= MAX_PEERS:
                peers[next(iter(peers))].close()
            client = UdpClient(
                f"{peer[0]}:{peer[1]}", lambda: self.faults, self.random, lambda payload: _send_to(udp, payload, peer)
            )

            def forget(gone: Client) -> None:
                if peers.get(peer) is gone:
                    del peers[peer]
                self._gone(gone)

            client.on_closed = forget
            peers[peer] = client
            self._welcome(client)
        self._incoming(peers[peer], chunk)

    def _incoming(self, client: Client, chunk: bytes) -> None:
        if self.off:
            return
        faults = self.faults
        self._watch_idle(client)
        if faults.front_panel:
            (name, value), faults.front_panel = faults.front_panel, None
            with contextlib.suppress(ValueError):  # a name this device lacks: nobody can press it
                self.front_panel(name, value)
        if faults.reboot:
            seconds, faults.reboot = faults.reboot, 0.0
            self.power_cut(seconds)
        elif self._hit(faults.reset):
            client.reset()
        elif not faults.silent and not self._hit(faults.drop):
            self.received(client, chunk)

    def _watch_idle(self, client: Client) -> None:
        client.heard_at = self._loop.time()
        limit = self.faults.idle_close
        if limit:
            client.later(limit, lambda: client.close() if self._loop.time() - client.heard_at >= limit * 0.99 else None)

    def _power_back(self) -> None:
        self.off = False
        self.boot()
        for host, port in self._bound:
            self._listen(host, port)
        for name, (line, _) in list(self._inside.items()):
            if line == "tcp":
                self._listen_inside(name, line)
        for client in self.clients:
            if isinstance(client, MemoryClient):
                self.connected(client)
        self.booted()

    def _hit(self, chance: float) -> bool:
        return chance > 0 and self.random.random() < chance


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _send_to(udp: socket.socket, payload: bytes, peer: tuple[str, int]) -> None:
    with contextlib.suppress(OSError):  # a datagram may get lost
        udp.sendto(payload, peer)


def _point(link: Path, target: str) -> None:
    if link.is_symlink():
        link.unlink()
    link.symlink_to(target)
