"""Frames between control and a media worker: a length, then JSON; requests, answers, notifications."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, Literal

from pydantic import TypeAdapter

from smartroom.protocol.base import Message

MAX_FRAME = 4 << 20
"""Bytes of one frame; an answer with a large statistics table stays far below."""
HEARTBEAT = 2.0
"""Seconds between two signs of life at most, in both directions."""

_LENGTH = struct.Struct("!L")


class Request(Message):
    """Control asks a worker."""

    type: Literal["request"] = "request"
    id: int
    method: str
    params: dict[str, Any] = {}


class Answer(Message):
    """A worker's answer: a result, or an error sentence with its code."""

    type: Literal["answer"] = "answer"
    id: int
    result: dict[str, Any] | None = None
    code: str = ""
    error: str = ""


class Notification(Message):
    """Something happened; nobody answers."""

    type: Literal["notification"] = "notification"
    event: str
    params: dict[str, Any] = {}


Frame = Request | Answer | Notification
_FRAME: TypeAdapter[Frame] = TypeAdapter(Frame)


class ChannelBroken(ValueError):
    """The other side does not speak this protocol: the channel is of no more use."""


def pack(frame: Frame) -> bytes:
    """A frame as bytes."""
    body = frame.model_dump_json().encode()
    if len(body) > MAX_FRAME:
        raise ChannelBroken("frame too long")
    return _LENGTH.pack(len(body)) + body


ALIVE = pack(Notification(event="Alive"))
"""A worker's sign of life where it has nothing else to say; nobody answers."""


class Framer:
    """Cuts a byte stream into frames; holds at most one unfinished frame."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Frames completed by these bytes; ChannelBroken when they are none."""
        self._buffer += data
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            if length > MAX_FRAME:
                raise ChannelBroken("frame too long")
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[_LENGTH.size : end])
            del self._buffer[:end]
            try:
                yield _FRAME.validate_json(body)
            except ValueError as error:
                raise ChannelBroken(f"frame not understood: {error}") from error
