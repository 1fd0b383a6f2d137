"""Pictures of one room: uploads in the data folder, and files in the room's own `pictures/`. Ids are digests of the bytes we kept."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from tempfile import NamedTemporaryFile

from smartroom.control.displays.content.base import BadContent
from smartroom.control.displays.pictures.formats import BadPicture, Clean, cleaned
from smartroom.control.limits import PICTURE_BYTES, PICTURES_PER_ROOM
from smartroom.protocol.displays import Picture

_ID = re.compile(r"^[0-9a-f]{32}$")
_UPLOAD = re.compile(r"^([0-9a-f]{32})-(\d{1,5})x(\d{1,5})\.(?:png|jpg|webp)$")
_ENDINGS = {"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp"}
_TYPES = {ending: kind for kind, ending in _ENDINGS.items()}


class AlbumFull(Exception):
    """No more pictures fit; remove some."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A picture that can be shown."""

    picture: Picture
    media_type: str
    path: Path


class Album:
    """Reads its folders once; `add` and `remove` keep them. Methods that touch the disk are for a thread."""

    def __init__(self, uploads: Path | None, filed: Path) -> None:
        """Without an upload folder (a check of files) any well-formed id counts as uploaded."""
        self._uploads = uploads
        self._filed = filed
        self._kept: dict[str, Kept] = {}
        self._names: dict[str, str] = {}
        self._stamps: dict[Path, tuple[int, int]] = {}
        self.troubles: list[str] = []
        """Files of the room's folder that are no pictures, and why."""
        self._load_uploads()
        self.refresh()

    def __iter__(self) -> Iterator[Picture]:
        """All pictures."""
        return iter([kept.picture for kept in self._kept.values()])

    def find(self, picture: str) -> Kept | None:
        """A picture by its id."""
        return self._kept.get(picture)

    def id_of(self, name: str, where: tuple[str | int, ...] = ()) -> str:
        """Id of a picture named by its file or by its id; BadContent when there is none."""
        if name in self._kept:
            return name
        if name in self._names:
            return self._names[name]
        if self._uploads is None and _ID.match(name):
            return name
        near = get_close_matches(name, self._names, n=1)
        known = ", ".join(self._names) or f"none; put files into {self._filed.name}/ beside the scenes, or upload them"
        fix = f"did you mean '{near[0]}'?" if near else f"pictures: {known}"
        raise BadContent(f"no picture '{name}'", where=where, fix=fix)

    def refresh(self) -> None:
        """Take in files that were put into the room's folder."""
        found: dict[str, str] = {}
        self.troubles = []
        for path in sorted(self._filed.glob("*")) if self._filed.is_dir() else ():
            if path.suffix.lower() not in (*_TYPES, ".jpeg") or path.is_symlink():
                continue
            try:
                found[path.name] = self._file(path)
            except (OSError, BadPicture) as error:
                self.troubles.append(f"{path}: {error}")
        self._names = found

    def add(self, body: bytes, name: str) -> Picture:
        """Keep an upload. Raises BadPicture or AlbumFull; the same picture twice is one."""
        clean = cleaned(body)
        key = _digest(clean.body)
        if key in self._kept:
            return self._kept[key].picture
        if self._uploads is None or len(self._kept) >= PICTURES_PER_ROOM:
            raise AlbumFull(f"{PICTURES_PER_ROOM} pictures are kept already")
        self._uploads.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._uploads / f"{key}-{clean.width}x{clean.height}{_ENDINGS[clean.media_type]}"
        with NamedTemporaryFile(dir=self._uploads, prefix=".", delete=False) as file:
            file.write(clean.body)
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).replace(path)
        return self._keep(Kept(_picture(key, name[:80], clean), clean.media_type, path))

    def remove(self, picture: str) -> bool:
        """Forget an upload; files of the room's folder stay."""
        kept = self._kept.get(picture)
        if kept is None or self._uploads is None or kept.path.parent != self._uploads:
            return False
        kept.path.unlink(missing_ok=True)
        del self._kept[picture]
        return True

    def body(self, kept: Kept) -> bytes:
        """The bytes to show: of an upload as kept, of a filed picture cleaned again."""
        read = kept.path.read_bytes()
        return read if kept.path.parent == self._uploads else cleaned(read).body

    def _file(self, path: Path) -> str:
        status = path.stat()
        stamp = (status.st_mtime_ns, status.st_size)
        known = self._names.get(path.name)
        if known is not None and self._stamps.get(path) == stamp:
            return known
        if status.st_size > PICTURE_BYTES:
            raise BadPicture(f"{status.st_size / 1e6:.1f} MB; at most {PICTURE_BYTES / 1e6:g} MB")
        clean = cleaned(path.read_bytes())
        key = _digest(clean.body)
        self._keep(Kept(_picture(key, path.name, clean, filed=True), clean.media_type, path))
        self._stamps[path] = stamp
        return key

    def _load_uploads(self) -> None:
        if self._uploads is None or not self._uploads.is_dir():
            return
        for path in sorted(self._uploads.iterdir()):
            found = _UPLOAD.match(path.name)  # our own name tells all: nothing is unpacked at a start
            if found is not None:
                size = path.stat().st_size
                picture = Picture(id=found[1], name="", width=int(found[2]), height=int(found[3]), bytes=size)
                self._keep(Kept(picture, _TYPES[path.suffix], path))

    def _keep(self, kept: Kept) -> Picture:
        self._kept[kept.picture.id] = kept
        return kept.picture


def _picture(key: str, name: str, clean: Clean, *, filed: bool = False) -> Picture:
    return Picture(id=key, name=name, width=clean.width, height=clean.height, bytes=len(clean.body), filed=filed)


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:32]
