"""Cutting a byte stream into whole messages. No I/O, no exceptions on garbage, never more than a bounded buffer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

MAX_BUFFER = 4096
"""No message of any supported protocol is longer; more without a terminator is noise."""


class Framer(Protocol):
    """Turns chunks of any size into whole messages."""

    garbage: int
    """Bytes thrown away so far because they belonged to no message."""

    def feed(self, chunk: bytes) -> list[bytes]:
        """Messages completed by this chunk, without their terminator."""
        ...


class TerminatorFramer:
    r"""Messages that end with one of several terminators (`\r\n`, `\r`, `\xff`). Empty messages are dropped; NUL bytes are dropped where `strip_nul`."""

    def __init__(
        self, *terminators: bytes, limit: int = MAX_BUFFER, keep_terminator: bool = False, strip_nul: bool = False
    ) -> None:
        self.garbage = 0
        self._terminators: Sequence[bytes] = sorted(terminators, key=len, reverse=True)
        self._limit = limit
        self._keep = keep_terminator
        self._strip_nul = strip_nul
        self._buffer = bytearray()

    def feed(self, chunk: bytes) -> list[bytes]:
        """Messages completed by this chunk."""
        self._buffer += chunk.replace(b"\0", b"") if self._strip_nul else chunk
        messages: list[bytes] = []
        while (cut := self._first_cut()) is not None:
            end, after = cut
            message = bytes(self._buffer[: after if self._keep else end])
            del self._buffer[:after]
            if len(message) > self._limit:
                self.garbage += len(message)
            elif message:
                messages.append(message)
        if (
            len(self._buffer) > self._limit
        ):  # no terminator for so long: noise; keep the tail, a message may start there
            self.garbage += len(self._buffer)
            self._buffer.clear()
        return messages

    def _first_cut(self) -> tuple[int, int] | None:
        best: tuple[int, int] | None = None
        for terminator in self._terminators:
            at = self._buffer.find(terminator)
            if at >= 0 and (best is None or at < best[0]):
                best = (at, at + len(terminator))
        return best


class PacketFramer:
    """Packets that tell their own length: the earliest one that is whole and valid; what stands before it was noise.

    `length` gets the bytes from a place on: the whole length of the packet that may begin there, 0 where more bytes are needed to tell, None where none begins.
    """

    def __init__(self, length: Callable[[bytes], int | None], valid: Callable[[bytes], bool]) -> None:
        self.garbage = 0
        self._length = length
        self._valid = valid
        self._buffer = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        """Packets completed by this chunk."""
        self._buffer += chunk
        packets: list[bytes] = []
        while True:
            packet, start = self._next()
            self.garbage += start
            self._buffer = self._buffer[start + len(packet) :]
            if not packet:
                return packets
            packets.append(packet)

    def _next(self) -> tuple[bytes, int]:
        """The next packet and how much noise stands before it; without one, noise up to where one may have begun."""
        hopeful = len(self._buffer)
        for at in range(len(self._buffer)):
            rest = self._buffer[at:]
            length = self._length(rest)
            if length is None:
                continue
            if 0 < length <= len(rest):
                if self._valid(rest[:length]):
                    return rest[:length], at
            elif len(rest) <= MAX_BUFFER:
                hopeful = min(hopeful, at)
        return b"", hopeful


class DatagramFramer:
    """Each chunk is one message (UDP)."""

    def __init__(self, *, limit: int = MAX_BUFFER) -> None:
        self.garbage = 0
        self._limit = limit

    def feed(self, chunk: bytes) -> list[bytes]:
        """The chunk itself, when it is not oversized."""
        if not chunk or len(chunk) > self._limit:
            self.garbage += len(chunk)
            return []
        return [chunk]
