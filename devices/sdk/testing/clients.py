"""The simulator's ends of its lines: TCP connections, pseudo terminals, UDP peers. Callbacks on the loop, no tasks."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from abc import ABC, abstractmethod
from collections.abc import Callable
from random import Random
from typing import Literal

from devices.sdk.errors import DeviceError
from devices.sdk.testing.faults import Faults
from devices.sdk.testing.outbox import Outbox, Timers
from devices.sdk.transport.memory import MemoryTransport

CHUNK = 4096
MAX_UNSENT = 64 * 1024
"""A controller that does not read so much is cut off, as real devices do."""


class Client(ABC):
    """One controller as its device sees it."""

    line: Literal["tcp", "udp", "serial"]
    """What it is connected by."""

    def __init__(self, peer: str, faults: Callable[[], Faults], random: Random) -> None:
        self.peer = peer
        self.closed = False
        self.heard_at = 0.0
        self.on_closed: Callable[[Client], None] = lambda _client: None
        self._timers = Timers()
        self._outbox = Outbox(faults, random, self._timers, self._write_open)

    def send(self, reply: bytes) -> None:
        """Send one whole reply; the simulator's faults may spoil it."""
        if not self.closed:
            self._outbox.put(reply)

    def later(self, seconds: float, callback: Callable[[], None]) -> None:
        """Call once after so many seconds, unless the client is gone by then."""
        if not self.closed:
            self._timers.later(seconds, callback)

    def refuse(self, reply: bytes = b"") -> None:
        """Say why, if anything, and hang up."""
        if reply and not self.closed:
            self._write(reply)
        self.close()

    def close(self) -> None:
        """Hang up."""
        if not self.closed:
            self.closed = True
            self._timers.cancel()
            self._end()
            self.on_closed(self)

    def reset(self) -> None:
        """Hang up rudely: a TCP reset where the line knows one."""
        self.close()

    def _write_open(self, payload: bytes) -> None:
        if not self.closed:
            self._write(payload)

    @abstractmethod
    def _write(self, payload: bytes) -> None: ...

    @abstractmethod
    def _end(self) -> None: ...


class StreamClient(Client):
    """A byte stream on a file descriptor: a TCP connection or the master side of a pseudo terminal."""

    def __init__(
        self,
        peer: str,
        faults: Callable[[], Faults],
        random: Random,
        fd: int,
        received: Callable[[Client, bytes], None],
    ) -> None:
        super().__init__(peer, faults, random)
        self._fd = fd
        self._received = received
        self._unsent = bytearray()
        self._loop = asyncio.get_running_loop()
        os.set_blocking(fd, False)

    def start(self) -> None:
        """Begin to read."""
        if not self.closed:
            self._loop.add_reader(self._fd, self._readable)

    def _readable(self) -> None:
        try:
            chunk = os.read(self._fd, CHUNK)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if chunk:
            self._received(self, chunk)
        else:
            self.close()

    def _write(self, payload: bytes) -> None:
        waiting = bool(self._unsent)
        self._unsent += payload
        if not waiting:
            self._writable()
            if self._unsent and not self.closed:
                self._loop.add_writer(self._fd, self._writable)
        if len(self._unsent) > MAX_UNSENT:
            self.close()

    def _writable(self) -> None:
        try:
            sent = os.write(self._fd, self._unsent)
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        del self._unsent[:sent]
        if not self._unsent:
            self._loop.remove_writer(self._fd)

    def _end(self) -> None:
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        os.close(self._fd)


class TcpClient(StreamClient):
    """A TCP connection."""

    line = "tcp"

    def reset(self) -> None:
        """Hang up with RST."""
        if not self.closed:
            duplicate = socket.socket(fileno=os.dup(self._fd))
            duplicate.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close()
            duplicate.close()


class PtyClient(StreamClient):
    """Whoever opens the other side of a pseudo terminal; never hangs up, since a cable does not."""

    line = "serial"

    def __init__(
        self,
        peer: str,
        faults: Callable[[], Faults],
        random: Random,
        fd: int,
        received: Callable[[Client, bytes], None],
        *,
        held: int,
    ) -> None:
        super().__init__(peer, faults, random, fd, received)
        self._held = (
            held  # our own descriptor of the other side: without it the line would break whenever nobody has it open
        )

    def refuse(self, reply: bytes = b"") -> None:
        """A serial line cannot be refused: only the reply goes out."""
        if reply:
            self.send(reply)

    def _end(self) -> None:
        super()._end()
        os.close(self._held)


class UdpClient(Client):
    """A peer that sent us datagrams."""

    line = "udp"

    def __init__(self, peer: str, faults: Callable[[], Faults], random: Random, write: Callable[[bytes], None]) -> None:
        super().__init__(peer, faults, random)
        self._send = write

    def _write(self, payload: bytes) -> None:
        self._send(payload)

    def _end(self) -> None:
        """Nothing to close: the socket serves all peers."""


class MemoryClient(Client):
    """The far end of a line inside this process. `line` is the kind it stands for."""

    def __init__(
        self,
        peer: str,
        faults: Callable[[], Faults],
        random: Random,
        far: MemoryTransport,
        received: Callable[[Client, bytes], None],
        line: Literal["tcp", "udp", "serial"],
    ) -> None:
        super().__init__(peer, faults, random)
        self.line = line
        self._far = far
        self._received = received
        self._reading: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to read."""
        self._reading = asyncio.get_running_loop().create_task(self._read(), name=f"simulator reads {self.peer}")

    async def _read(self) -> None:
        try:
            while not self.closed:
                self._received(self, await self._far.receive())
        except DeviceError:
            self.close()

    def _write(self, payload: bytes) -> None:
        with contextlib.suppress(DeviceError):  # hung up meanwhile
            self._far.write(payload)

    def _end(self) -> None:
        self._far.close()
        if self._reading is not None and self._reading is not asyncio.current_task():
            self._reading.cancel()
