"""JPEG (ITU-T T.81, annex B): segments walked one by one; of what cameras add only the way up is kept, written anew."""

from __future__ import annotations

import re
import struct

from smartroom.control.displays.pictures.formats import BadPicture, Clean

MAGIC = b"\xff\xd8\xff"
_FRAMES = {0xC0, 0xC1, 0xC2}
"""Baseline, extended and progressive: what browsers draw."""
_TABLES = {0xC4, 0xDB, 0xDD}
_END_OF_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_ORIENTATION = 0x0112


def cleaned(body: bytes) -> Clean:
    """The picture with only what draws; BadPicture when anything does not fit."""
    kept = [b"\xff\xd8"]
    size: tuple[int, int] | None = None
    scans = 0
    place = 2
    while True:
        code, place = _marker(body, place)
        if code == 0xD9:
            break
        (length,) = struct.unpack_from(">H", body, place) if place + 2 <= len(body) else (0,)
        content = body[place + 2 : place + length]
        if length < 2 or len(content) != length - 2:
            raise BadPicture("JPEG: cut short")
        place += length
        if code in _FRAMES:
            if size is not None or len(content) < 6:
                raise BadPicture("JPEG: more than one picture")
            height, width = struct.unpack_from(">HH", content, 1)
            size = (width, height)
        elif code == 0xE1 and content.startswith(b"Exif\0\0") and (way := _way_up(content[6:])) != 1:
            kept.append(_exif(way))
            continue
        elif 0xE0 <= code <= 0xEF or code == 0xFE:
            if code not in (0xE0, 0xEE):  # JFIF and Adobe say how colours are meant
                continue
        elif code == 0xDA:
            if size is None:
                raise BadPicture("JPEG: pixels before their size")
            end = _END_OF_SCAN.search(body, place)
            if end is None:
                raise BadPicture("JPEG: cut short")
            kept.append(_segment(code, content) + body[place : end.start()])
            place = end.start()
            scans += 1
            continue
        elif code not in _TABLES:
            raise BadPicture(f"JPEG: a kind no browser shows (marker {code:02x})")
        kept.append(_segment(code, content))
    if size is None or not scans:
        raise BadPicture("JPEG: no picture in it")
    return Clean("image/jpeg", *size, b"".join(kept) + b"\xff\xd9")


def _marker(body: bytes, place: int) -> tuple[int, int]:
    """The marker at a place and what follows it; any number of fill bytes may stand before."""
    if body[place : place + 1] != b"\xff":
        raise BadPicture("JPEG: cut short" if place >= len(body) else "JPEG: damaged")
    while body[place : place + 1] == b"\xff":
        place += 1
    if place >= len(body):
        raise BadPicture("JPEG: cut short")
    return body[place], place + 1


def _segment(code: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, code, len(content) + 2) + content


def _way_up(tiff: bytes) -> int:
    """Orientation 1..8 of an Exif block; 1 when it says nothing sensible."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None or len(tiff) < 8:
        return 1
    (start,) = struct.unpack_from(order + "I", tiff, 4)
    if start + 2 > len(tiff):
        return 1
    (count,) = struct.unpack_from(order + "H", tiff, start)
    for entry in range(min(count, 64)):
        place = start + 2 + entry * 12
        if place + 12 > len(tiff):
            return 1
        tag, kind, _, value = struct.unpack_from(order + "HHIH", tiff, place)
        if tag == _ORIENTATION:
            return int(value) if kind == 3 and 1 <= value <= 8 else 1
    return 1


def _exif(way: int) -> bytes:
    entry = struct.pack(">HHIHH", _ORIENTATION, 3, 1, way, 0)
    return _segment(0xE1, b"Exif\0\0MM\0*" + struct.pack(">IH", 8, 1) + entry + struct.pack(">I", 0))
