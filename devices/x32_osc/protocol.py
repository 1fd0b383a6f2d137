"""Open Sound Control 1.0 messages as the consoles use them: packing and unpacking, pure.

An address, a type tag and arguments, texts ended by NUL, everything padded to multiples of four bytes, numbers big-endian.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

MAX_ARGUMENTS = 64
STEPS = 1023
"""Faders have 1024 positions."""

Argument = int | float | str | bytes


@dataclass(frozen=True, slots=True)
class Message:
    """An OSC message."""

    address: str
    arguments: tuple[Argument, ...] = ()


def pack(address: str, *arguments: float | str) -> bytes:
    """A message; without arguments it asks. The consoles take it without type tag then."""
    if not arguments:
        return _padded(address)
    tags = "," + "".join(
        "i" if isinstance(item, int) else "f" if isinstance(item, float) else "s" for item in arguments
    )
    values = b"".join(
        struct.pack(">i", item)
        if isinstance(item, int)
        else struct.pack(">f", item)
        if isinstance(item, float)
        else _padded(item)
        for item in arguments
    )
    return _padded(address) + _padded(tags) + values


def unpack(datagram: bytes) -> Message | None:
    """A message; None for anything else (bundles, noise)."""
    try:
        address, at = _text(datagram, 0)
        if not address.startswith("/") or not address.isprintable():
            return None
        if at >= len(datagram):
            return Message(address)
        tags, at = _text(datagram, at)
        if not tags.startswith(",") or len(tags) > MAX_ARGUMENTS:
            return None
        arguments: list[Argument] = []
        for tag in tags[1:]:
            argument, at = _argument(datagram, at, tag)
            arguments.append(argument)
    except (ValueError, struct.error):
        return None
    return Message(address, tuple(arguments))


def _padded(text: str) -> bytes:
    raw = text.encode("latin-1", "replace") + b"\0"
    return raw + b"\0" * (-len(raw) % 4)


def _text(datagram: bytes, at: int) -> tuple[str, int]:
    end = datagram.index(b"\0", at)
    return datagram[at:end].decode("latin-1"), (end // 4 + 1) * 4


def _argument(datagram: bytes, at: int, tag: str) -> tuple[Argument, int]:
    match tag:
        case "i":
            return int(struct.unpack_from(">i", datagram, at)[0]), at + 4
        case "f":
            return float(struct.unpack_from(">f", datagram, at)[0]), at + 4
        case "s":
            return _text(datagram, at)
        case "b":
            size = struct.unpack_from(">I", datagram, at)[0]
            if size > len(datagram) - at - 4:
                raise ValueError("a blob is longer than its datagram")
            return datagram[at + 4 : at + 4 + size], at + 4 + (size + 3) // 4 * 4
    raise ValueError(f"unknown type tag {tag}")
