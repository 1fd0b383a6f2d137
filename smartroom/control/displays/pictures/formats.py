"""Which picture is this, and is it one? `cleaned` gives back only what draws: no camera's place, no comment, nothing after the end."""

from __future__ import annotations

from dataclasses import dataclass

MAX_SIDE = 8192
"""Pixels; twice a 4K wall, and what every browser's graphics can hold."""
MAX_PIXELS = 40_000_000
"""Of one picture: 160 MB when unpacked."""


class BadPicture(ValueError):
    """The bytes are no picture we show; the message says why."""


@dataclass(frozen=True, slots=True)
class Clean:
    """A picture that was taken apart: type, size in pixels, and the bytes to keep."""

    media_type: str
    width: int
    height: int
    body: bytes


def cleaned(body: bytes) -> Clean:
    """Judge by the bytes, never by a name. Raises BadPicture."""
    from smartroom.control.displays.pictures import jpeg, png, webp  # noqa: PLC0415  # they import this module

    if body.startswith(png.MAGIC):
        found = png.cleaned(body)
    elif body.startswith(jpeg.MAGIC):
        found = jpeg.cleaned(body)
    elif body[:4] == b"RIFF" and body[8:12] == b"WEBP":
        found = webp.cleaned(body)
    else:
        raise BadPicture("neither PNG, JPEG nor WebP")
    if not (0 < found.width <= MAX_SIDE and 0 < found.height <= MAX_SIDE and found.width * found.height <= MAX_PIXELS):
        raise BadPicture(
            f"{found.width} x {found.height} pixels; at most {MAX_SIDE} a side and {MAX_PIXELS / 1e6:g} million together"
        )
    return found
