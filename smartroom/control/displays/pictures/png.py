"""PNG (W3C PNG Third Edition, section 5): every chunk's length and CRC checked, only chunks that draw are kept."""

from __future__ import annotations

import struct
import zlib

from smartroom.control.displays.pictures.formats import MAX_PIXELS, MAX_SIDE, BadPicture, Clean

MAGIC = b"\x89PNG\r\n\x1a\n"
_KEPT = {b"IHDR", b"PLTE", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"pHYs", b"IDAT", b"IEND"}
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_STEP = 1 << 20


def cleaned(body: bytes) -> Clean:
    """The picture with only what draws; BadPicture when anything does not fit."""
    kept = [MAGIC]
    packed: list[bytes] = []
    header: tuple[int, ...] | None = None
    place = len(MAGIC)
    while True:
        if place + 12 > len(body):
            raise BadPicture("PNG: cut short")
        (length,) = struct.unpack_from(">I", body, place)
        name = body[place + 4 : place + 8]
        end = place + 12 + length
        if end > len(body):
            raise BadPicture("PNG: cut short")
        if zlib.crc32(body[place + 4 : end - 4]) != struct.unpack_from(">I", body, end - 4)[0]:
            raise BadPicture("PNG: a chunk is damaged")
        if header is None:
            header = _header(name, body[place + 8 : end - 4])
        elif name == b"IHDR":
            raise BadPicture("PNG: two headers")
        elif name == b"IDAT":
            packed.append(body[place + 8 : end - 4])
        elif name not in _KEPT and not name[0] & 0x20:
            raise BadPicture("PNG: an unknown chunk that would be needed")
        if name in _KEPT:
            kept.append(body[place:end])
        place = end
        if name == b"IEND":
            break
    _check_pixels(header, packed)
    return Clean("image/png", header[0], header[1], b"".join(kept))


def _header(name: bytes, content: bytes) -> tuple[int, ...]:
    if name != b"IHDR" or len(content) != 13:
        raise BadPicture("PNG: no header")
    width, height, depth, colour, packing, filtering, interlace = struct.unpack(">IIBBBBB", content)
    if depth not in _DEPTHS.get(colour, ()) or packing or filtering or interlace > 1:
        raise BadPicture("PNG: no such kind of picture")
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE) or width * height > MAX_PIXELS:
        raise BadPicture(f"PNG: {width} x {height} pixels are too many")
    return width, height, depth, colour, interlace


def _check_pixels(header: tuple[int, ...], packed: list[bytes]) -> None:
    """Unpack in steps and count: neither a bomb nor half a picture."""
    width, height, depth, colour, interlace = header
    expected = _unpacked(width, height, depth * _CHANNELS[colour], interlaced=bool(interlace))
    unpacker = zlib.decompressobj()
    count = 0
    try:
        for part in packed:
            rest = part
            while rest:
                count += len(unpacker.decompress(rest, _STEP))
                rest = unpacker.unconsumed_tail
                if count > expected:
                    raise BadPicture("PNG: more pixels than its size says")
        count += len(unpacker.flush())
    except zlib.error:
        raise BadPicture("PNG: its pixels cannot be unpacked") from None
    if count != expected:
        raise BadPicture("PNG: fewer pixels than its size says")


def _unpacked(width: int, height: int, bits: int, *, interlaced: bool) -> int:
    if not interlaced:
        return height * (1 + (width * bits + 7) // 8)
    passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    total = 0
    for left, top, across, down in passes:
        columns, rows = (width - left + across - 1) // across, (height - top + down - 1) // down
        total += rows * (1 + (columns * bits + 7) // 8) if columns > 0 and rows > 0 else 0
    return total
