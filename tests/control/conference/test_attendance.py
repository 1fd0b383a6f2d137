"""Who was there when: kept on a chain, whatever ends, and told without harm."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from smartroom.control.conference.attendance import sheet
from smartroom.control.web.paper import printed
from smartroom.protocol.base import Text
from smartroom.protocol.conference import Agency, Attendance, Presence, RollEntry, RollOutcome, SeatRole
from tests.meetings import house

HOSTILE = [
    '<img src=x onerror="alert(1)">',
    "<script>alert(1)</script>",
    '"><svg onload=alert(1)>',
    "javascript:alert(1)",
    "&lt;b&gt;",
    "{{7*7}}${7*7}",
    "Dr. H. X, S.T., M.M.",
]


def told(*stays: Presence, **parts: object) -> Attendance:
    """An attendance of a meeting in Uji."""
    base = {"meeting": "mabcdefghi", "title": "Rapat", "room_name": Text.of("Ruang"), "timezone": "WIB", "opened": 0.0}
    return Attendance.model_validate({**base, "stays": list(stays), **parts})


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stays_text_on_paper(name: str) -> None:
    """No tag of a guest's reaches the page; what was typed is read as typed."""
    stay = Presence(person="p", name=name, agency_name=name, office=name, role=SeatRole.PARTICIPANT, joined=0.0)
    page = printed(told(stay, title=name, missing=[Agency(id="a", name=name, short="a", rank=1, group="g")]))
    for opening in ("<img", "<script", "<svg", "<b>"):
        assert opening not in page
    assert page.count("<td>") == 6


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+1", "-1", "@x", "\tx"])
def test_no_formula_reaches_a_spreadsheet(name: str) -> None:
    """A name that a spreadsheet would run is marked as text."""
    stay = Presence(person="p", name=name, role=SeatRole.PARTICIPANT, joined=0.0, left=90.0)
    rows = list(csv.reader(io.StringIO(sheet(told(stay)).removeprefix("\ufeff")), delimiter=";"))
    assert rows[1][2] == "'" + name
    assert rows[1][5:8] == ["07.00", "07.01", "2"]


def test_the_sheet_names_who_is_missing_and_who_answered() -> None:
    """Invited agencies without anybody stand at the end; the roll's answer stands beside the agency."""
    entry = RollEntry(agency="bappeda", name="Bappeda", called=60.0, answered=120.0, outcome=RollOutcome.PRESENT)
    stay = Presence(person="p", name="X", agency="bappeda", agency_name="Bappeda", role=SeatRole.HOST, joined=0.0)
    absent = Agency(id="dinkes", name="Dinas Kesehatan", short="Dinkes", rank=2, group="opd")
    rows = sheet(told(stay, roll=[entry], missing=[absent])).splitlines()
    assert rows[1].endswith("hadir 07.02")
    assert rows[2].split(";")[1] == "Dinkes"


async def test_attendance_and_seats_survive_a_restart(tmp_path: Path) -> None:
    """The server stops in mid-meeting and starts again: the link leads in, a page is who it was, its stay has no gap, and the
    role given before still holds; what was over is on the chain, which is intact.
    """
    async with house(tmp_path) as before:
        meeting = await before.meeting(invited=["bappeda", "diskominfo"], lobby=True)
        panel = await before.panel()
        guest = await before.guest(meeting, "Kepala Bappeda", agency="bappeda")
        gone = await before.guest(meeting, "Camat A", agency="camat-a")
        await panel.act("admit", everybody=True)
        await gone.until(lambda: not gone.waits)
        await panel.act("role", person=guest.person, role="co_host")
        await gone.act("quit")
        await panel.act("roll-start", agencies=["bappeda"])
        await guest.act("here")
    async with house(tmp_path) as after:
        again = await after.page({"meeting": meeting.code})
        await again.join(meeting=meeting.code, name="x", seat=guest.secret)
        assert (again.me().name, again.me().role) == ("Kepala Bappeda", SeatRole.CO_HOST)
        assert again.state.roll is not None
        assert again.state.roll.entries[0].outcome is RollOutcome.PRESENT
        late = await after.guest(meeting, "Camat A", seat=gone.secret)
        assert late.waits, "who left for good knocks again"
        async with after.http() as http:
            await http.post(f"/api/v1/rooms/hall/meetings/{meeting.id}/end")
            async with http.get(f"/api/v1/rooms/hall/meetings/{meeting.id}/attendance") as answer:
                found = Attendance.model_validate(await answer.json())
            async with http.get(f"/attendance/hall/{meeting.id}") as answer:
                assert answer.status == 200
                assert "Kepala Bappeda" in await answer.text()
    assert [(stay.name, stay.left is not None) for stay in found.stays] == [("Kepala Bappeda", True), ("Camat A", True)]
    assert [agency.id for agency in found.missing] == ["diskominfo"]
    assert found.intact


async def test_a_broken_chain_is_said(tmp_path: Path) -> None:
    """A byte changed in the file of an ended meeting: the list is shown, and that it is not intact."""
    async with house(tmp_path) as place:
        meeting = await place.meeting()
        await (await place.guest(meeting, "Kepala Bappeda")).act("quit")
        await place.application.meetings.end(meeting.id)
        file = tmp_path / "data" / "attendance" / meeting.id
        file.write_bytes(file.read_bytes().replace(b"Kepala Bappeda", b"Kepala Diskomi"))
        found = await place.application.meetings.attendance(meeting.id)
    assert not found.intact
