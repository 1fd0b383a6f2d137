"""Waking a machine: datagrams go out to a broadcast address and are never answered; whether it is awake is asked of a TCP port.

`wake://10.20.0.30:3389?via=10.20.0.255`: port 3389 of 10.20.0.30 is open while it is on. Without a port nothing can be asked. `via` (255.255.255.255) is where
datagrams go, `:9` unless told otherwise. What is sent goes out as it is, save `PROBE`, which is answered by `OPEN`, `REFUSED` or `SILENT`.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from devices.sdk.address import Address
from devices.sdk.errors import BadSetting, Unreachable
from devices.sdk.transport.base import Inbox, unreachable

PROBE = b"probe"
OPEN = b"open"
REFUSED = b"refused"
"""Somebody is there and does not listen: still starting, or another port."""
SILENT = b"silent"
"""Nobody answers: asleep, or the cable, or a firewall."""
DISCARD_PORT = 9
PROBE_LIMIT_S = 1.0
"""A machine on the same network that listens answers within milliseconds; its queue may hold a press back for so long."""


async def open(address: Address) -> WakeTransport:  # noqa: A001  # every transport module has `open`
    """Ready to send; nobody is asked yet. BadSetting when `via` is no IPv4 address."""
    host, _, port = address.options.get("via", "255.255.255.255").partition(":")
    if not (port or str(DISCARD_PORT)).isdecimal() or not 0 < int(port or DISCARD_PORT) < 65536:
        raise BadSetting(f"via={host}:{port}: a port lies between 1 and 65535", key="at")
    try:
        socket.inet_pton(socket.AF_INET, host)
    except OSError:
        raise BadSetting(f"via={host} must be a broadcast address, for example via=10.20.0.255", key="at") from None
    return WakeTransport(address, (host, int(port or DISCARD_PORT)))


class WakeTransport:
    """One sleeping machine. There is no connection that could be lost."""

    datagrams = True

    def __init__(self, address: Address, via: tuple[str, int]) -> None:
        self._address = address
        self._via = via
        self._inbox = Inbox()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        self._socket.setblocking(False)

    async def send(self, payload: bytes) -> None:
        """Broadcast, or probe and have the answer ready; Unreachable when this machine itself has no network."""
        if payload == PROBE:
            self._inbox.put(await self._probe())
            return
        try:
            self._socket.sendto(payload, self._via)
        except OSError as error:
            raise unreachable(self._address, error) from error

    async def receive(self) -> bytes:
        """Answer of the next probe."""
        return await self._inbox.get()

    async def listen(self, hear: Callable[[bytes], None]) -> None:
        """Hand on every answer."""
        await self._inbox.listen(hear)

    def close(self) -> None:
        """Idempotent."""
        self._inbox.end(Unreachable(f"{self._address}: closed by us"))
        self._socket.close()

    async def _probe(self) -> bytes:
        try:
            async with asyncio.timeout(PROBE_LIMIT_S):
                _, writer = await asyncio.open_connection(self._address.host, self._address.port)
        except ConnectionRefusedError:
            return REFUSED
        except OSError:  # TimeoutError is one
            return SILENT
        writer.transport.abort()
        return OPEN
