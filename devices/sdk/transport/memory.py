"""A line inside this process, for conversation tests: both ends are Transports, chunks keep their borders."""

from __future__ import annotations

from collections.abc import Callable

from devices.sdk.address import Address
from devices.sdk.errors import Unreachable
from devices.sdk.transport.base import Inbox

_listening: dict[str, Callable[[MemoryTransport], None]] = {}


class MemoryTransport:
    """One end of a line."""

    datagrams = False

    def __init__(self, name: str) -> None:
        self._name = name
        self._inbox = Inbox()
        self._other: MemoryTransport | None = None

    async def send(self, payload: bytes) -> None:
        """Deliver one chunk to the other end."""
        self.write(payload)

    def write(self, payload: bytes) -> None:
        """The same without waiting."""
        if self._other is None:
            raise Unreachable(f"memory://{self._name} is closed")
        if not self._other._inbox.full:  # noqa: SLF001  # two ends of one line
            self._other._inbox.put(payload)  # noqa: SLF001

    async def receive(self) -> bytes:
        """Next chunk of the other end."""
        return await self._inbox.get()

    async def listen(self, hear: Callable[[bytes], None]) -> None:
        """Hand on every chunk."""
        await self._inbox.listen(hear)

    def close(self) -> None:
        """End the line on both sides; idempotent."""
        for end in (self, self._other):
            if end is not None:
                end._inbox.end(Unreachable(f"memory://{self._name} hung up"))  # noqa: SLF001
        if self._other is not None:
            self._other._other = None  # noqa: SLF001
            self._other = None

    def connect(self, other: MemoryTransport) -> None:
        """Make two ends one line."""
        self._other, other._other = other, self


def listen(name: str, accept: Callable[[MemoryTransport], None]) -> Callable[[], None]:
    """Answer `memory://name`: `accept` gets the far end of each new line. Returns what ends it."""
    _listening[name] = accept

    def stop() -> None:
        _listening.pop(name, None)

    return stop


async def open(address: Address) -> MemoryTransport:  # noqa: A001  # every transport module has an async `open`
    """Connect to whoever listens; Unreachable when nobody does."""
    accept = _listening.get(address.path)
    if accept is None:
        raise Unreachable(f"nobody listens at memory://{address.path}")
    near, far = MemoryTransport(address.path), MemoryTransport(address.path)
    near.connect(far)
    accept(far)
    return near
