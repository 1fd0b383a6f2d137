"""Pictures are taken apart and put together again: what draws stays, what tells on somebody or hides behind the end goes."""

from __future__ import annotations

import io
import os
import random
import struct
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from smartroom.control.displays.content.base import BadContent
from smartroom.control.displays.pictures.album import Album
from smartroom.control.displays.pictures.formats import BadPicture, cleaned
from tests.walls import png

FORMATS = [
    ("PNG", "RGB", {}),
    ("PNG", "RGBA", {}),
    ("PNG", "P", {}),
    ("PNG", "L", {}),
    ("PNG", "1", {}),
    ("JPEG", "RGB", {}),
    ("JPEG", "RGB", {"progressive": True}),
    ("JPEG", "L", {}),
    ("JPEG", "CMYK", {}),
    ("WEBP", "RGB", {}),
    ("WEBP", "RGBA", {}),
    ("WEBP", "RGB", {"lossless": True}),
    ("WEBP", "RGBA", {"lossless": True}),
]


def picture(
    kind: str, mode: str, options: Mapping[str, object] | None = None, size: tuple[int, int] = (61, 37)
) -> bytes:
    """A noisy picture as another program writes it."""
    noise = Image.frombytes("RGBA", size, random.Random(1).randbytes(size[0] * size[1] * 4)).convert(mode)
    buffer = io.BytesIO()
    noise.save(buffer, kind, **(options or {}))
    return buffer.getvalue()


@pytest.mark.parametrize(("kind", "mode", "options"), FORMATS)
def test_pixels_stay_the_same(kind: str, mode: str, options: dict[str, object]) -> None:
    """Another program sees the same pixels in what we keep, and the size we say."""
    body = picture(kind, mode, options)
    clean = cleaned(body)
    assert (clean.width, clean.height) == (61, 37)
    before, after = Image.open(io.BytesIO(body)), Image.open(io.BytesIO(clean.body))
    assert after.format == kind
    assert before.convert("RGBA").tobytes() == after.convert("RGBA").tobytes()
    assert cleaned(clean.body).body == clean.body


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_what_cameras_add_goes(kind: str) -> None:
    """Place, time, serial number and comments are gone; which side is up stays."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "RahasiaKamera"
    clean = cleaned(picture(kind, "RGB", {"exif": exif.tobytes()}))
    assert b"RahasiaKamera" not in clean.body
    if kind == "JPEG":
        assert Image.open(io.BytesIO(clean.body)).getexif()[0x0112] == 6


@pytest.mark.parametrize(("kind", "mode", "options"), FORMATS)
def test_nothing_hides_behind_the_end(kind: str, mode: str, options: dict[str, object]) -> None:
    """Bytes after the picture (a script, an archive) are not kept."""
    body = picture(kind, mode, options)
    assert cleaned(body + b"<script>alert(1)</script>PK\x03\x04").body == cleaned(body).body


@pytest.mark.parametrize(("kind", "mode", "options"), FORMATS)
def test_every_cut_is_refused_or_whole(kind: str, mode: str, options: dict[str, object]) -> None:
    """Whatever is missing at the end, the answer is BadPicture; only a PNG or JPEG without its last marker may lack nothing that draws."""
    body = picture(kind, mode, options)
    for length in range(0, len(body) - 2, 7):
        with pytest.raises(BadPicture):
            cleaned(body[:length])


@given(place=st.integers(0, 10_000), value=st.integers(0, 255), which=st.integers(0, len(FORMATS) - 1))
def test_damage_is_refused_or_harmless(place: int, value: int, which: int) -> None:
    """A changed byte gives a picture within bounds or BadPicture, never another error."""
    kind, mode, options = FORMATS[which]
    body = bytearray(picture(kind, mode, options, (17, 11)))
    body[place % len(body)] = value
    with suppress(BadPicture):
        assert cleaned(bytes(body)).width <= 8192


def test_too_many_pixels_are_refused() -> None:
    """By the header, before anything is unpacked."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    body = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    with pytest.raises(BadPicture, match="60000"):
        cleaned(body)


def test_a_bomb_is_not_unpacked() -> None:
    """A small picture that unpacks to a gigabyte is refused at once, with little memory."""
    small = png(8, 8)
    start, end = small.index(b"IDAT"), small.index(b"IEND")
    packed = zlib.compress(bytes(300_000_000), 9)
    chunk = b"IDAT" + packed
    bomb = struct.pack(">I", len(packed)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    with pytest.raises(BadPicture, match="more pixels"):
        cleaned(small[: start - 4] + bomb + small[end - 4 :])


def test_a_moving_picture_is_refused() -> None:
    """Slides stand still."""
    frames = [Image.new("RGB", (8, 8), (shade, 0, 0)) for shade in (0, 90)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "WEBP", save_all=True, append_images=frames[1:])
    with pytest.raises(BadPicture, match="moving"):
        cleaned(buffer.getvalue())


def test_filed_pictures_have_names(tmp_path: Path) -> None:
    """Files of the room's folder are found by name; what is no picture is named with its fault, links are not followed."""
    filed = tmp_path / "pictures"
    filed.mkdir()
    (filed / "denah.png").write_bytes(png())
    (filed / "rusak.jpg").write_bytes(b"\xff\xd8\xff rusak")
    (filed / "jauh.png").symlink_to("/etc/hostname")
    album = Album(tmp_path / "uploads", filed)
    assert len(album.id_of("denah.png")) == 32
    assert any("rusak.jpg" in trouble for trouble in album.troubles)
    with pytest.raises(BadContent, match="jauh"):
        album.id_of("jauh.png")
    (filed / "denah.png").write_bytes(png(10, 10))
    os.utime(filed / "denah.png", ns=(1, 1))
    album.refresh()
    kept = album.find(album.id_of("denah.png"))
    assert kept is not None
    assert kept.picture.width == 10
    assert not album.remove(kept.picture.id), "a file of the technician's folder is not ours to delete"
