"""Texts to begin with: one that ships, and those a room keeps."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from smartroom.control import clock
from smartroom.control.ceremony.draft import REHEARSAL, write_whole
from smartroom.control.errors import ProblemError, problem
from smartroom.protocol.base import Message
from smartroom.protocol.ceremony import CeremonyTemplate, SaveTemplate
from smartroom.protocol.document import DocumentText, Signatory
from smartroom.protocol.errors import ErrorCode

FOLDER = "templates"
MOST = 100

_MONTHS = [
    "Januari",
    "Februari",
    "Maret",
    "April",
    "Mei",
    "Juni",
    "Juli",
    "Agustus",
    "September",
    "Oktober",
    "November",
    "Desember",
]

SHIPPED: Final = CeremonyTemplate(
    id="peresmian",
    name="Peresmian",
    text=DocumentText(
        number="",
        subject="Ruang Pusat Kendali Kota",
        place="Kota Uji",
        date="",
        plaque_heading="PRASASTI",
        plaque_lines=["Dengan rahmat Tuhan Yang Maha Esa"],
        signatories=[Signatory(name="Dr. Siti Rahmawati, M.Si.", title="Wali Kota")],
        agency="PEMERINTAH KOTA UJI",
    ),
)


def load_all(shelf: Path) -> list[CeremonyTemplate]:
    """The shipped one, unless a room has its own of that name, and the room's."""
    found = {SHIPPED.id: SHIPPED}
    for file in sorted((shelf / FOLDER).glob("*.json")):
        with suppress(OSError, ValueError):
            template = CeremonyTemplate.model_validate_json(file.read_bytes())
            found[template.id] = template
    return list(found.values())


def begin(shelf: Path, template: str | None, *, rehearsal: bool) -> DocumentText:
    """A template's text, of today, numbered as a rehearsal where it is one."""
    found = next((each for each in load_all(shelf) if template is None or each.id == template), None)
    if found is None:
        raise ProblemError(problem(ErrorCode.NOT_FOUND, "Tidak ada pola ini", "There is no such template"))
    today = datetime.fromtimestamp(clock.wall(), UTC).astimezone()
    date = f"{today.day} {_MONTHS[today.month - 1]} {today.year}"
    number = f"{REHEARSAL}-{today:%Y%m%d-%H%M}" if rehearsal else found.text.number
    return found.text.model_copy(update={"date": date, "number": number})


def save(shelf: Path, template: str, wish: SaveTemplate) -> CeremonyTemplate:
    """Keep it; number and date belong to a ceremony and are left out."""
    kept = CeremonyTemplate(id=template, name=wish.name, text=wish.text.model_copy(update={"number": "", "date": ""}))
    if len(load_all(shelf)) >= MOST:
        raise ProblemError(problem(ErrorCode.OVERLOADED, "Terlalu banyak pola", "Too many templates"))
    (shelf / FOLDER).mkdir(parents=True, exist_ok=True, mode=0o700)
    write_whole(_file(shelf, template), json.dumps(_plain(kept), ensure_ascii=False, indent=1).encode())
    return kept


def drop(shelf: Path, template: str) -> None:
    """Forget it; the shipped one comes back."""
    try:
        _file(shelf, template).unlink()
    except FileNotFoundError:
        raise ProblemError(problem(ErrorCode.NOT_FOUND, "Tidak ada pola ini", "There is no such template")) from None


def _file(shelf: Path, template: str) -> Path:
    checked = CeremonyTemplate.model_validate({"id": template, "name": "-", "text": SHIPPED.text})
    return shelf / FOLDER / f"{checked.id}.json"


def _plain(message: Message) -> object:
    return message.model_dump(mode="json")
