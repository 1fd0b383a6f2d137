"""`smartroom room new`: a room's folder to start from. Asks nothing; the files say themselves what to change."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

from smartroom.commands.schema import write as write_schemas

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_TAKEN = frozenset({"drivers", "schema"})
_PLACE = "@NAME@"


class BadRoom(Exception):
    """The folder cannot be made; the sentence names the fix."""


def new_room(site: Path, name: str) -> Path:
    """Write the folder and, where they are missing, the schemas for editors; BadRoom when the name will not do or is taken."""
    if _ID.fullmatch(name) is None or name in _TAKEN:
        near = re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-")
        raise BadRoom(f"'{name}' cannot be a room's folder: small letters, digits and -. Fix: {near or 'ruang-rapat'}")
    folder = site / name
    try:
        folder.mkdir(parents=True)
        for template in sorted((resources.files(__package__) / "template").iterdir(), key=lambda item: item.name):
            text = template.read_text(encoding="utf-8").replace(_PLACE, _titled(name))
            (folder / template.name).write_text(text, encoding="utf-8")
        if not (site / "schema").exists():
            write_schemas(site / "schema")
    except FileExistsError:
        raise BadRoom(f"{folder} exists already. Fix: another name, or remove the folder") from None
    except OSError as error:
        raise BadRoom(f"cannot write {folder}: {error.strerror}. Fix: choose another folder with --site") from None
    return folder


def _titled(name: str) -> str:
    """`ruang-rapat-2` -> `Ruang rapat 2`."""
    words = name.replace("-", " ").strip()
    return words[:1].upper() + words[1:]
