"""What a session needs of a byte transport, and the one place that chooses it by address."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from devices.sdk.address import Address
from devices.sdk.errors import BadSetting, DeviceError, Unreachable

if TYPE_CHECKING:
    from ssl import SSLContext

MAX_UNREAD = 64 * 1024
"""Bytes held for a reader that is late; no supported device has so much to say."""
SEND_LIMIT_S = 4.0
"""A peer that takes no bytes for so long is gone: no less than TCP_USER_TIMEOUT allows."""


class Transport(Protocol):
    """One open line to a device. Used once: after `close` a new one is opened."""

    datagrams: bool
    """True when each chunk is one whole message that may get lost (UDP)."""

    async def send(self, payload: bytes) -> None:
        """Write; Unreachable when the line is gone."""
        ...

    async def receive(self) -> bytes:
        """Next chunk as it came; Unreachable when the line is gone."""
        ...

    async def listen(self, hear: Callable[[bytes], None]) -> None:
        """Hand on every chunk the moment it comes, until the line is gone: Unreachable says why."""
        ...

    def close(self) -> None:
        """Give the line back at once; idempotent."""
        ...


@runtime_checkable
class Securable(Protocol):
    """A line that can be encrypted in the middle of a talk."""

    async def start_tls(self, context: SSLContext) -> None:
        """Shake hands; Unreachable when that fails."""
        ...


class Inbox:
    """Chunks between a transport's callbacks and its one reader. Bounded: `full` asks the transport to stop reading or to drop."""

    def __init__(self, limit: int = MAX_UNREAD) -> None:
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._limit = limit
        self._error: DeviceError | None = None
        self._changed = asyncio.Event()
        self._hear: Callable[[bytes], None] | None = None
        self._ended: asyncio.Future[None] | None = None

    @property
    def full(self) -> bool:
        """True when no more should be put in."""
        return self._size >= self._limit

    def put(self, chunk: bytes) -> None:
        """Add a chunk, or hand it on where somebody listens."""
        if self._hear is None:
            self._chunks.append(chunk)
            self._size += len(chunk)
            self._changed.set()
            return
        try:
            self._hear(chunk)
        except Exception as bug:  # noqa: BLE001  # it ends the listener, not the loop's callback we are in
            self._stop(bug)

    def end(self, error: DeviceError) -> None:
        """No more will come; chunks already here are still delivered. The first reason stays."""
        self._error = self._error or error
        self._changed.set()
        self._stop(self._error)

    async def listen(self, hear: Callable[[bytes], None]) -> None:
        """Hand on every chunk, those already here first; raises the reason why there are no more."""
        while self._chunks:
            hear(await self.get())
        if self._error is not None:
            raise self._error
        self._hear, self._ended = hear, asyncio.get_running_loop().create_future()
        try:
            await self._ended
        finally:
            self._hear = self._ended = None

    async def get(self) -> bytes:
        """Next chunk, or the reason why there will be none."""
        while not self._chunks:
            if self._error is not None:
                raise self._error
            self._changed.clear()
            await self._changed.wait()
        chunk = self._chunks.popleft()
        self._size -= len(chunk)
        return chunk

    def _stop(self, error: Exception) -> None:
        if self._ended is not None and not self._ended.done():
            self._hear = None
            self._ended.set_exception(error)
            self._ended.exception()  # seen: the listener may be leaving at this very moment


async def open_transport(address: Address) -> Transport:
    """Open the line an address names; Unreachable, PortInUse or BadSetting."""
    match address.scheme:
        case "tcp":
            from devices.sdk.transport import tcp  # noqa: PLC0415  # each transport is loaded when first used

            return await tcp.open(address)
        case "udp":
            from devices.sdk.transport import udp  # noqa: PLC0415

            return await udp.open(address)
        case "serial":
            from devices.sdk.transport import serial  # noqa: PLC0415

            return await serial.open(address)
        case "wake":
            from devices.sdk.transport import wake  # noqa: PLC0415

            return await wake.open(address)
        case "mqtt":
            from devices.sdk.transport import mqtt  # noqa: PLC0415

            return await mqtt.open(address)
        case "memory":
            from devices.sdk.transport import memory  # noqa: PLC0415

            return await memory.open(address)
    raise BadSetting(f"unknown scheme '{address.scheme}'", key="at")


def unreachable(address: Address, error: OSError) -> Unreachable:
    """What an operating system's refusal means to a technician."""
    if isinstance(error, ConnectionRefusedError):
        return Unreachable(f"{address} refuses connections: is this the right port, is the service switched on?")
    if isinstance(error, TimeoutError):
        return Unreachable(f"{address} does not answer: cable, power, address?")
    if isinstance(error, ConnectionResetError):
        return Unreachable(f"{address} reset the connection")
    return Unreachable(f"{address}: {error.strerror or error}")
