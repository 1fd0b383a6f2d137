"""Files of a room's log: one per day or per so many records, each a chain of its own that names the end of the one before."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from smartroom.control.chain import Examined, Head, Record, examine
from smartroom.control.chain.record import read
from smartroom.control.history.chronicle import Chronicle

SUFFIX = ".log"
_NAME = re.compile(r"\d{4}-\d\d-\d\d-\d{2,4}")


def pages(folder: Path) -> list[Path]:
    """Pages of a room's log, oldest first."""
    found = (path for path in folder.glob(f"*{SUFFIX}") if _NAME.fullmatch(path.stem))
    return sorted(found, key=lambda path: order(path.stem))


def order(name: str) -> tuple[str, int]:
    """A page's place among the others: day, and number on that day."""
    day, _, number = name.rpartition("-")
    return day, int(number) if number.isdigit() else 0


def day_of(at: float, offset_h: int) -> str:
    """The room's own date."""
    return f"{datetime.fromtimestamp(at + offset_h * 3600, UTC):%Y-%m-%d}"


def next_page(folder: Path, day: str) -> Path:
    """The file that follows on a day; a clock that was set back does not put it before one that stands."""
    newest = max((order(path.stem) for path in pages(folder)), default=("", 0))
    day = max(day, newest[0])
    return folder / f"{day}-{newest[1] + 1 if newest[0] == day else 1:02}{SUFFIX}"


def told(page: Path, until: float = math.inf) -> Chronicle:
    """A page, read as far as it is whole, or as far as a moment; whether it is unaltered, `verify` tells."""
    chronicle = Chronicle(page.stem)
    for record in records(page):
        chronicle.add(record, until)
    return chronicle


def records(page: Path) -> Iterator[Record]:
    """Records of a page, without judging them; ends at the first that cannot be read."""
    with page.open("rb") as file:
        for line in file:
            try:
                yield read(line)
            except ValueError:
                return


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `verify` found of one page."""

    page: str
    records: int
    head: Head
    broken: str = ""
    """Empty when nothing is wrong."""
    torn: bool = False
    """An unfinished end that nobody was told is saved: no damage."""


def verify(folder: Path, known: Iterable[tuple[str, Head]] = ()) -> Iterator[Verdict]:
    """Follow the whole log, page by page: every hash, and that each page goes on where the one before ended.

    `known`: heads noted elsewhere (page, head), which must still stand.
    """
    noted = list(known)
    before: tuple[str, Head] | None = None
    for page in pages(folder):
        found = examine(page.read_bytes())
        broken = found.broken.sentence if found.damaged and found.broken is not None else ""
        broken = broken or _joint(found, before) or _noted(page.stem, found, noted)
        yield Verdict(page.stem, found.head.sequence, found.head, broken, found.broken is not None and not broken)
        before = (page.stem, found.head)
    names = {page.stem for page in pages(folder)}
    for name, head in noted:
        if name not in names:
            yield Verdict(name, 0, head, "this page is known from elsewhere and is not here")


def _joint(found: Examined, before: tuple[str, Head] | None) -> str:
    """Whether a page's first own record names the end of the page before."""
    first = next((record for record in found.records if record.kind == "page"), None)
    if first is None:
        return "" if len(found.records) <= 1 else "it does not say what the room was at its beginning"
    said = first.body.get("previous")
    if said is None:
        return "" if before is None else f"it says that no page stands before it, but {before[0]} does"
    if not isinstance(said, dict):
        return "it does not name the page before"
    if before is None:
        return f"the page before it, {said.get('page')}, is missing"
    if said.get("page") != before[0]:
        return f"it goes on from {said.get('page')}, but {before[0]} stands before it"
    if said.get("sequence") != before[1].sequence or said.get("digest") != before[1].digest:
        return f"{before[0]} does not end where this page says it did: records were cut off, added or replaced"
    return ""


def _noted(name: str, found: Examined, noted: Iterable[tuple[str, Head]]) -> str:
    for page, head in noted:
        if page != name:
            continue
        if head.sequence > len(found.records):
            return f"record {head.sequence} is known from elsewhere, but it ends at {len(found.records)}"
        there = found.at(head.sequence)
        if there is not None and there.digest != head.digest:
            return f"record {head.sequence} is not the one known from elsewhere: hashes were computed anew"
    return ""
