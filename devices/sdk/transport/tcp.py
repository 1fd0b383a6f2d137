"""TCP with half-open detection: a peer that vanishes without a word is found dead within 5 s."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from devices.sdk.address import Address
from devices.sdk.errors import HungUp, Unreachable
from devices.sdk.transport.base import SEND_LIMIT_S, Inbox, unreachable

if TYPE_CHECKING:
    from ssl import SSLContext

KEEPALIVE_IDLE_S = 2
KEEPALIVE_INTERVAL_S = 1
KEEPALIVE_COUNT = 3
USER_TIMEOUT_MS = 2500
"""With these four a connection to a blackholed peer ends; without them never. The last one counts from the first repetition of unanswered bytes,
0.2 s after they were sent: whoever asks at least every 2 s knows within 5 s (with 4000 ms a projector asked every 1.7 s took 6.0 s, measured)."""


async def open(address: Address) -> TcpTransport:  # noqa: A001  # every transport module has `open`
    """Connect; Unreachable with a reason. The caller sets the deadline."""
    loop = asyncio.get_running_loop()
    try:
        _, protocol = await loop.create_connection(lambda: TcpTransport(address), address.host, address.port)
    except OSError as error:
        raise unreachable(address, error) from error
    return protocol


class TcpTransport(asyncio.Protocol):
    """One TCP connection."""

    datagrams = False

    def __init__(self, address: Address) -> None:
        self._address = address
        self._inbox = Inbox()
        self._writable = asyncio.Event()
        self._writable.set()
        self._transport: asyncio.Transport | None = None
        self._paused = False

    async def send(self, payload: bytes) -> None:
        """Write and wait until the kernel takes it; Unreachable when the connection is gone."""
        if self._transport is None or self._transport.is_closing():
            raise Unreachable(f"{self._address}: the connection is closed")
        self._transport.write(payload)
        if self._writable.is_set():
            return
        try:
            async with asyncio.timeout(SEND_LIMIT_S):
                await self._writable.wait()
        except TimeoutError:
            raise Unreachable(f"{self._address} takes no more bytes") from None

    async def receive(self) -> bytes:
        """Next chunk; Unreachable when the peer hung up."""
        chunk = await self._inbox.get()
        if not self._inbox.full:
            self._resume()
        return chunk

    async def listen(self, hear: Callable[[bytes], None]) -> None:
        """Hand on every chunk; Unreachable when the peer hung up."""
        self._resume()
        await self._inbox.listen(hear)

    async def start_tls(self, context: SSLContext) -> None:
        """Encrypt what follows; Unreachable when the peer cannot agree."""
        if self._transport is None or self._transport.is_closing():
            raise Unreachable(f"{self._address}: the connection is closed")
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(SEND_LIMIT_S):
                secured = await loop.start_tls(self._transport, self, context, server_hostname=self._address.host)
        except OSError as error:  # SSLError and TimeoutError are
            raise Unreachable(f"{self._address}: no encryption agreed on ({str(error) or 'no answer'})") from error
        if secured is None:
            raise Unreachable(f"{self._address} hung up")
        self._transport = secured

    def close(self) -> None:
        """Close at once, unsent bytes are dropped."""
        self._inbox.end(Unreachable(f"{self._address}: closed by us"))
        if self._transport is not None:
            self._transport.abort()

    def _resume(self) -> None:
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Callback of the loop."""
        self._transport = cast("asyncio.Transport", transport)
        tune(self._transport.get_extra_info("socket"))

    def data_received(self, data: bytes) -> None:
        """Callback of the loop."""
        self._inbox.put(data)
        if self._inbox.full and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """Callback of the loop."""
        self._inbox.end(
            unreachable(self._address, exc) if isinstance(exc, OSError) else HungUp(f"{self._address} hung up")
        )
        self._writable.set()

    def pause_writing(self) -> None:
        """Callback of the loop."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Callback of the loop."""
        self._writable.set()


def tune(connection: socket.socket) -> None:
    """Send at once, and notice a dead peer."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVE_COUNT)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
