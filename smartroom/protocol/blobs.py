"""Frames of a message with one file beside it: two lengths, JSON, bytes. What control and the signing processes speak."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Protocol

from smartroom.protocol.base import Message

MAX_MESSAGE = 8 << 20
"""Bytes of the JSON part: a request to draw carries all ink points and an emblem."""
MAX_BLOB = 64 << 20
"""Bytes of the file part: an evidence PDF with pictures; BSrE itself stops far below."""

LENGTHS = struct.Struct("!LL")


class FrameBroken(ValueError):
    """The other side does not speak this protocol: the connection is of no more use."""


class Source(Protocol):
    """Where frames come from; `asyncio.StreamReader` is one."""

    async def readexactly(self, n: int) -> bytes:
        """Exactly `n` bytes, or IncompleteReadError."""
        ...


@dataclass(frozen=True, slots=True)
class RawFrame:
    """One frame, its message not yet parsed."""

    message: bytes
    blob: bytes = b""


def pack(message: Message | bytes, blob: bytes = b"") -> bytes:
    """A frame as bytes; FrameBroken when it is too long to be read at the other end."""
    body = message if isinstance(message, bytes) else message.model_dump_json().encode()
    if len(body) > MAX_MESSAGE or len(blob) > MAX_BLOB:
        raise FrameBroken("frame too long")
    return LENGTHS.pack(len(body), len(blob)) + body + blob


async def read(source: Source) -> RawFrame:
    """The next frame; FrameBroken on lengths out of bounds, IncompleteReadError at the end of the stream."""
    message, blob = split(await source.readexactly(LENGTHS.size))
    return RawFrame(await source.readexactly(message), await source.readexactly(blob))


def unpack(data: bytes) -> RawFrame:
    """A frame that is here as a whole; FrameBroken unless it is exactly one."""
    if len(data) < LENGTHS.size:
        raise FrameBroken("frame cut short")
    message, blob = split(data[: LENGTHS.size])
    if len(data) != LENGTHS.size + message + blob:
        raise FrameBroken("frame cut short or followed by something")
    return RawFrame(data[LENGTHS.size : LENGTHS.size + message], data[LENGTHS.size + message :])


def split(lengths: bytes) -> tuple[int, int]:
    """Lengths of message and file; FrameBroken beyond the bounds."""
    message, blob = LENGTHS.unpack(lengths)
    if message > MAX_MESSAGE or blob > MAX_BLOB:
        raise FrameBroken("frame too long")
    return message, blob
