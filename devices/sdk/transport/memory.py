"""A line inside this process, for conversation tests and rehearsals: both ends are Transports, chunks keep their borders."""

from __future__ import annotations

import ssl
from collections.abc import Callable

from devices.sdk.address import Address
from devices.sdk.errors import Unreachable
from devices.sdk.transport.base import Inbox

_listening: dict[str, tuple[Callable[[MemoryTransport], None], bool]] = {}


class MemoryTransport:
    """One end of a line."""

    def __init__(self, name: str, *, datagrams: bool = False) -> None:
        self.datagrams = datagrams
        self._name = name
        self._inbox = Inbox()
        self._other: MemoryTransport | None = None
        self._secured: _Secured | None = None

    async def send(self, payload: bytes) -> None:
        """Deliver one chunk to the other end."""
        self.write(payload if self._secured is None else self._secured.seal(payload))

    def write(self, payload: bytes) -> None:
        """The same without waiting."""
        if self._other is None:
            raise Unreachable(f"memory://{self._name} is closed")
        if not self._other._inbox.full:  # noqa: SLF001  # two ends of one line
            self._other._inbox.put(payload)  # noqa: SLF001

    async def receive(self) -> bytes:
        """Next chunk of the other end."""
        while True:
            chunk = await self._inbox.get()
            if self._secured is None:
                return chunk
            if plain := self._secured.unseal(chunk):
                return plain

    async def listen(self, hear: Callable[[bytes], None]) -> None:
        """Hand on every chunk."""
        secured = self._secured
        await self._inbox.listen(hear if secured is None else lambda chunk: _heard(hear, secured.unseal(chunk)))

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """Encrypt what follows; Unreachable when the other end cannot agree."""
        secured = _Secured(context)
        try:
            while not secured.agreed():
                if waiting := secured.waiting():
                    self.write(waiting)
                secured.hear(await self._inbox.get())
            if waiting := secured.waiting():
                self.write(waiting)
        except ssl.SSLError as error:
            raise Unreachable(f"memory://{self._name}: no encryption agreed on ({error})") from error
        self._secured = secured

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


class _Secured:
    """TLS without a socket, from the side that begins."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out)

    def agreed(self) -> bool:
        """Whether the handshake is over."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def hear(self, ciphertext: bytes) -> None:
        """Bytes of the other end."""
        self._in.write(ciphertext)

    def waiting(self) -> bytes:
        """What has to be sent."""
        return self._out.read()

    def seal(self, plain: bytes) -> bytes:
        """Ciphertext of what is sent."""
        self._tls.write(plain)
        return self._out.read()

    def unseal(self, ciphertext: bytes) -> bytes:
        """What it says; nothing while a record is not whole."""
        self._in.write(ciphertext)
        plain = b""
        try:
            while part := self._tls.read(4096):
                plain += part
        except ssl.SSLWantReadError:
            pass
        return plain


def _heard(hear: Callable[[bytes], None], plain: bytes) -> None:
    if plain:
        hear(plain)


def listen(name: str, accept: Callable[[MemoryTransport], None], *, datagrams: bool = False) -> Callable[[], None]:
    """Answer `memory://name`: `accept` gets the far end of each new line. Returns what ends it."""
    _listening[name] = (accept, datagrams)

    def stop() -> None:
        _listening.pop(name, None)

    return stop


async def open(address: Address) -> MemoryTransport:  # noqa: A001  # every transport module has an async `open`
    """Connect to whoever listens; Unreachable when nobody does."""
    found = _listening.get(address.path)
    if found is None:
        raise Unreachable(f"nobody listens at memory://{address.path}")
    accept, datagrams = found
    near, far = MemoryTransport(address.path, datagrams=datagrams), MemoryTransport(address.path, datagrams=datagrams)
    near.connect(far)
    accept(far)
    return near
