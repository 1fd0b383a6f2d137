"""Who was there when: facts on a hash chain, folded into stays, a roll, and the seats people come back to."""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Final

from smartroom.control.chain import Chain, ChainBusy, ChainStopped, Record
from smartroom.protocol.conference import Attendance, Person, Presence, RollCall, RollEntry, RollOutcome, SeatRole

log = logging.getLogger(__name__)

ZONES: Final = {"WIB": 7, "WITA": 8, "WIT": 9}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet would run."""


@dataclass(slots=True)
class Known:
    """Somebody who was seated once: enough to let them come back."""

    person: Person
    seat: str
    """Digest of their secret; empty when they left for good or were sent out."""
    here: bool = True


@dataclass(slots=True)
class Folded:
    """What a chain of a meeting says."""

    stays: list[Presence] = field(default_factory=list)
    known: dict[str, Known] = field(default_factory=dict)
    roll: RollCall | None = None
    alive: float = 0.0
    """When the server last wrote anything."""


def fold(records: Iterable[Record]) -> Folded:
    """Facts in their order, as what they come to. A stay whose end nobody saw is open."""
    found = Folded()
    for record in records:
        if record.kind not in ("open", "resume"):
            found.alive = record.at
        _take(found, record.kind, record.body)
    return found


def _take(found: Folded, kind: str, body: Mapping[str, object]) -> None:
    match kind:
        case "joined":
            person = Person.model_validate(body["person"])
            found.known[person.id] = Known(person, str(body["seat"]))
            found.stays.append(
                Presence(
                    person=person.id, name=person.name, office=person.office, agency=person.agency or "",
                    agency_name=person.agency_name, role=person.role, joined=person.joined,
                )
            )  # fmt: skip
        case "left":
            known = found.known.get(str(body["person"]))
            if known is not None:
                known.here = False
                known.seat = "" if body.get("for_good") else known.seat
                _end_stay(found, known.person.id, float(str(body["at"])))
        case "role":
            known = found.known.get(str(body["person"]))
            if known is not None:
                known.person = known.person.model_copy(update={"role": SeatRole(str(body["role"]))})
        case "roll":
            found.roll = RollCall.model_validate(body)
        case "called" | "marked":
            if found.roll is not None:
                entry = RollEntry.model_validate(body)
                entries = [entry if entry.agency == known.agency else known for known in found.roll.entries]
                current = entry.agency if kind == "called" else found.roll.current
                found.roll = found.roll.model_copy(update={"entries": entries, "current": current})


def _end_stay(found: Folded, person: str, at: float) -> None:
    for index in range(len(found.stays) - 1, -1, -1):
        stay = found.stays[index]
        if stay.person == person and stay.left is None:
            found.stays[index] = stay.model_copy(update={"left": max(stay.joined, at)})
            return


class Book:
    """The chain of one open meeting. A disk that fails stops the book, never the meeting; `kept` says so."""

    def __init__(self, chain: Chain | None) -> None:
        self.records: list[Record] = list(chain.past) if chain is not None else []
        self._chain = chain

    @property
    def kept(self) -> bool:
        """False: what happens now is on no disk."""
        return self._chain is not None and not self._chain.stopped

    @property
    def head(self) -> str:
        """Hash of the last fact."""
        return self._chain.head.digest if self._chain is not None else ""

    def add(self, kind: str, body: Mapping[str, object]) -> None:
        """A fact; on the disk within 50 ms."""
        if self._chain is None or self._chain.stopped:
            return
        try:
            self.records.append(self._chain.append(kind, body))
        except (ChainStopped, ChainBusy) as error:
            log.warning("attendance: %s", error)

    async def close(self, *, ended: bool) -> None:
        """The meeting is over, or the server stops."""
        if self._chain is not None:
            with suppress(ChainStopped):
                if ended:
                    self.records.append(await self._chain.finish({}))
            await self._chain.__aexit__(None, None, None)


def sheet(attendance: Attendance) -> str:
    """As CSV for the spreadsheets of an Indonesian office: semicolons, a mark that says UTF-8, no formula."""
    out = io.StringIO()
    out.write("\ufeff")
    lines = csv.writer(out, delimiter=";")
    lines.writerow(["No", "OPD", "Nama", "Jabatan", "Peran", "Masuk", "Keluar", "Menit", "Panggil hadir"])
    outcomes = {entry.agency: answer(entry, attendance.timezone) for entry in attendance.roll}
    for number, stay in enumerate(attendance.stays, 1):
        minutes = "" if stay.left is None else f"{(stay.left - stay.joined) / 60:.0f}"
        lines.writerow(
            [
                number, _plain(stay.agency_name), _plain(stay.name), _plain(stay.office), stay.role,
                hour(stay.joined, attendance.timezone), "" if stay.left is None else hour(stay.left, attendance.timezone),
                minutes, outcomes.get(stay.agency, ""),
            ]
        )  # fmt: skip
    for agency in attendance.missing:
        lines.writerow(["", _plain(agency.short), "", "", "tidak hadir", "", "", "", outcomes.get(agency.id, "")])
    return out.getvalue()


def answer(entry: RollEntry, zone: str) -> str:
    """What became of a call, in words."""
    match entry.outcome:
        case RollOutcome.PRESENT:
            return f"hadir {hour(entry.answered, zone)}" if entry.answered else "hadir"
        case RollOutcome.ABSENT:
            return "tidak menjawab"
        case _:
            return "belum dipanggil" if entry.called is None else "dipanggil"


def hour(at: float, zone: str) -> str:
    """`09.41` in a zone of the country."""
    return f"{local(at, zone):%H.%M}"


def local(at: float, zone: str) -> datetime:
    """A moment in a zone of the country."""
    return datetime.fromtimestamp(at, timezone(timedelta(hours=ZONES.get(zone, 7))))


def missing(invited: Sequence[str], stays: Iterable[Presence], roll: Iterable[RollEntry]) -> frozenset[str]:
    """Invited agencies of which nobody came, and which did not answer."""
    came = {stay.agency for stay in stays} | {entry.agency for entry in roll if entry.outcome is RollOutcome.PRESENT}
    return frozenset(invited) - came


def _plain(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
