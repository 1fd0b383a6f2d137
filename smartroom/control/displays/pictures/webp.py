"""WebP (RFC 9649): the container's chunks walked one by one; a still picture, with its transparency and nothing else."""

from __future__ import annotations

import struct

from smartroom.control.displays.pictures.formats import BadPicture, Clean

_ALPHA = 0x10


def cleaned(body: bytes) -> Clean:
    """The picture with only what draws; BadPicture when anything does not fit."""
    (size,) = struct.unpack_from("<I", body, 4)
    if size + 8 > len(body) or size < 4:
        raise BadPicture("WebP: cut short")
    chunks: dict[bytes, bytes] = {}
    place, end = 12, size + 8
    while place < end:
        if place + 8 > end:
            raise BadPicture("WebP: cut short")
        name, (length,) = body[place : place + 4], struct.unpack_from("<I", body, place + 4)
        content = body[place + 8 : place + 8 + length]
        if place + 8 + length > end:
            raise BadPicture("WebP: cut short")
        if name in (b"ANIM", b"ANMF"):
            raise BadPicture("WebP: a moving picture; slides stand still")
        chunks.setdefault(name, content)
        place += 8 + length + (length & 1)
    width, height = _size(chunks)
    kept = b""
    if b"ALPH" in chunks and b"VP8 " in chunks:
        canvas = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
        kept = _chunk(b"VP8X", bytes([_ALPHA, 0, 0, 0]) + canvas) + _chunk(b"ALPH", chunks[b"ALPH"])
    picture = b"VP8 " if b"VP8 " in chunks else b"VP8L"
    kept += _chunk(picture, chunks[picture])
    return Clean("image/webp", width, height, b"RIFF" + struct.pack("<I", len(kept) + 4) + b"WEBP" + kept)


def _size(chunks: dict[bytes, bytes]) -> tuple[int, int]:
    lossy, lossless = chunks.get(b"VP8 "), chunks.get(b"VP8L")
    if lossy is not None:  # RFC 6386, section 9.1: a key frame's start code, then 14 bits of each side
        if len(lossy) < 10 or lossy[3:6] != b"\x9d\x01\x2a" or lossy[0] & 1:
            raise BadPicture("WebP: no picture in it")
        width, height = struct.unpack_from("<HH", lossy, 6)
        return width & 0x3FFF, height & 0x3FFF
    if lossless is not None:  # RFC 9649, section 3.4: 14 bits of each side, less one
        if len(lossless) < 5 or lossless[0] != 0x2F:
            raise BadPicture("WebP: no picture in it")
        (bits,) = struct.unpack_from("<I", lossless, 1)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    raise BadPicture("WebP: no picture in it")


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + (b"\0" if len(content) & 1 else b"")
