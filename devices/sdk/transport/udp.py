"""UDP: each datagram is a chunk. `?local=52381` binds a local port, shared by all devices that ask for the same one.

Some Sony cameras answer to port 52381 of the sender instead of its source port; then one local socket serves all of them, told apart by peer address.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from devices.sdk.address import Address
from devices.sdk.errors import BadSetting, PortInUse, Unreachable
from devices.sdk.transport.base import Inbox, unreachable


async def open(address: Address) -> UdpTransport:  # noqa: A001  # every transport module has `open`
    """Open; the peer is not asked, so a dead one is noticed by silence only."""
    loop = asyncio.get_running_loop()
    local = address.options.get("local", "")
    if local and not (local.isascii() and local.isdigit() and 0 < int(local) < 65536):
        raise BadSetting(f"local={local} is not a port; for example ?local=52381", key="at")
    try:
        peer = (await loop.getaddrinfo(address.host, address.port, type=2))[0][4]
        socket = await _shared(int(local), ":" in str(peer[0])) if local else await _alone(peer)
    except OSError as error:
        raise unreachable(address, error) from error
    transport = UdpTransport(address, (str(peer[0]), int(peer[1])), socket)
    socket.join(transport)
    return transport


class UdpTransport:
    """Datagrams to and from one peer."""

    datagrams = True

    def __init__(self, address: Address, peer: tuple[str, int], socket: _Socket) -> None:
        self.peer = peer
        self.inbox = Inbox()
        self._address = address
        self._socket = socket

    async def send(self, payload: bytes) -> None:
        """Send one datagram; nobody says whether it arrives."""
        self._socket.send(payload, self.peer)

    async def receive(self) -> bytes:
        """Next datagram of this peer."""
        return await self.inbox.get()

    async def listen(self, hear: Callable[[bytes], None]) -> None:
        """Hand on every datagram."""
        await self.inbox.listen(hear)

    def close(self) -> None:
        """Stop; the socket goes with its last user."""
        self.inbox.end(Unreachable(f"{self._address}: closed by us"))
        self._socket.leave(self)


class _Socket(asyncio.DatagramProtocol):
    """A local socket and the transports that use it."""

    def __init__(self, key: tuple[int, int, bool] | None = None) -> None:
        self._key = key
        self._users: list[UdpTransport] = []
        self._transport: asyncio.DatagramTransport | None = None

    def join(self, user: UdpTransport) -> None:
        self._users.append(user)

    def leave(self, user: UdpTransport) -> None:
        if user in self._users:
            self._users.remove(user)
        if not self._users and self._transport is not None:
            self._transport.close()
            if self._key is not None and _sockets.get(self._key) is self:
                del _sockets[self._key]

    def send(self, payload: bytes, peer: tuple[str, int]) -> None:
        if self._transport is None or self._transport.is_closing():
            raise Unreachable("the local socket is closed")
        self._transport.sendto(payload, peer if self._key is not None else None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        user = self._user(addr[0], addr[1])
        if (
            user is not None and not user.inbox.full
        ):  # a flood is dropped here: the newest datagrams, as a full socket buffer would
            user.inbox.put(data)

    def error_received(self, exc: Exception) -> None:
        """An ICMP refusal: the device's port is closed."""
        if self._key is None and isinstance(exc, ConnectionRefusedError):
            for user in self._users:
                user.inbox.end(
                    Unreachable(
                        f"udp://{user.peer[0]}:{user.peer[1]} refuses datagrams: is the device's service switched on?"
                    )
                )

    def _user(self, host: str, port: int) -> UdpTransport | None:
        if self._key is None:
            return self._users[0] if self._users else None
        same_host = [user for user in self._users if user.peer[0] == host]
        return next((user for user in same_host if user.peer[1] == port), same_host[0] if len(same_host) == 1 else None)


_sockets: dict[tuple[int, int, bool], _Socket] = {}
"""Shared sockets of this process: (event loop, local port, IPv6)."""


async def _alone(peer: tuple[object, ...]) -> _Socket:
    loop = asyncio.get_running_loop()
    _, socket = await loop.create_datagram_endpoint(_Socket, remote_addr=(str(peer[0]), cast("int", peer[1])))
    return socket


async def _shared(port: int, ipv6: bool) -> _Socket:
    key = (id(asyncio.get_running_loop()), port, ipv6)
    if key not in _sockets:
        try:
            _, socket = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: _Socket(key), local_addr=("::" if ipv6 else "0.0.0.0", port)
            )
        except OSError as error:
            raise PortInUse(f"local UDP port {port} is taken by another program ({error.strerror})") from error
        _sockets.setdefault(key, socket)
    return _sockets[key]
