"""The attendance as a page that prints: no script, every word of a guest escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from smartroom.control.conference.attendance import answer, hour, local
from smartroom.protocol.conference import Attendance, Presence

_MONTHS = (
    ["Januari", "Februari", "Maret", "April", "Mei", "Juni", "Juli", "Agustus", "September", "Oktober", "November", "Desember"]
)  # fmt: skip
_TO = "\N{EN DASH}"
_DAYS = ["Senin", "Selasa", "Rabu", "Kamis", "Jumat", "Sabtu", "Minggu"]


def printed(found: Attendance) -> str:
    """`Daftar hadir`, A4 upright."""
    zone = found.timezone
    stays = [
        [str(number), first.agency_name, first.name, first.office, _times(theirs, zone), ""]
        for number, (first, theirs) in enumerate(_by_person(found.stays), 1)
    ]
    roll = [[str(number), entry.name, answer(entry, zone)] for number, entry in enumerate(found.roll, 1)]
    parts = [
        f"<h1>Daftar hadir</h1><h2>{escape(found.title)}</h2>",
        f'<p class="where">{escape(found.room_name.id)} · {_when(found)}</p>',
        _table(("No", "OPD", "Nama", "Jabatan", "Hadir", "Tanda tangan"), stays, "people")
        if stays
        else '<p class="none">Belum ada yang hadir.</p>',
    ]
    if roll:
        parts.append("<h3>Panggil hadir</h3>" + _table(("No", "OPD", "Jawaban"), roll, "roll"))
    if found.missing:
        names = ", ".join(escape(agency.name) for agency in found.missing)
        parts.append(f"<h3>Diundang, tidak hadir</h3><p>{names}</p>")
    proof = (
        f"{found.records} catatan berantai, ujung <code>{found.head[:16]}</code>"
        if found.intact
        else "Rantai catatan tidak utuh: tunjukkan kepada teknisi"
    )
    parts.append(f'<p class="proof">{proof}</p>')
    return (
        '<!doctype html><html lang="id"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<title>Daftar hadir · {escape(found.title)}</title><link rel="stylesheet" href="/attendance.css"></head>'
        f"<body><main>{''.join(parts)}</main></body></html>"
    )


def _by_person(stays: Sequence[Presence]) -> list[tuple[Presence, list[Presence]]]:
    """One line for each person, with all their stays."""
    found: dict[str, list[Presence]] = {}
    for stay in stays:
        found.setdefault(stay.person, []).append(stay)
    return [(theirs[0], theirs) for theirs in found.values()]


def _times(stays: Sequence[Presence], zone: str) -> str:
    return ", ".join(
        f"{hour(stay.joined, zone)}{_TO}{'…' if stay.left is None else hour(stay.left, zone)}" for stay in stays
    )  # fmt: skip


def _when(found: Attendance) -> str:
    if found.opened is None:
        return "belum dimulai"
    at = local(found.opened, found.timezone)
    ended = f"{_TO}{hour(found.ended, found.timezone)}" if found.ended is not None else ""
    day = f"{_DAYS[at.weekday()]}, {at.day} {_MONTHS[at.month - 1]} {at.year}"
    return f"{day} pukul {at:%H.%M}{ended} {escape(found.timezone)}"


def _table(heads: Iterable[str], rows: Iterable[Sequence[str]], kind: str) -> str:
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<table class="{kind}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
