"""Meetings by HTTP: plan, start, end, the link as a picture, what the link shows a stranger."""

from __future__ import annotations

import io

from aiohttp import web

from smartroom.control.conference.attendance import local, sheet
from smartroom.control.conference.meetings import Meetings
from smartroom.control.conference.ports import MeetingRow
from smartroom.control.identity.rights import Action, Resource
from smartroom.control.web.keys import ACTOR, HOUSE, PAGES
from smartroom.control.web.pages import MEETING
from smartroom.control.web.paper import printed
from smartroom.control.web.ports import House
from smartroom.control.web.presses import check, note
from smartroom.control.web.problems import not_found
from smartroom.control.web.routes import Call, Nothing, page, route
from smartroom.protocol import PROTOCOL_VERSION
from smartroom.protocol.conference import Attendance, ChangeMeeting, Door, Meeting, NewMeeting

_MEETINGS = "/api/v1/rooms/{room}/meetings"
_ONE = _MEETINGS + "/{meeting}"


async def meetings(call: Call[Nothing, Nothing]) -> list[Meeting]:
    """A room's meetings, by their start."""
    found = _meetings(call.house)
    return [found.meeting(row) for row in found.of_room(call.part("room"))]


async def plan(call: Call[NewMeeting, Nothing]) -> Meeting:
    """Plan a meeting: its link works from now on."""
    found = _meetings(call.house)
    row = await found.plan(call.part("room"), call.body, call.actor.name)
    note(call.house, call.actor, Action.MEETING_RUN, f"{row.room}/{row.id}", "planned", row.title)
    return found.meeting(row)


async def change(call: Call[ChangeMeeting, Nothing]) -> Meeting:
    """Change a meeting that has not ended."""
    found, row = _row(call)
    return found.meeting(await found.change(row.id, call.body))


async def forget(call: Call[Nothing, Nothing]) -> None:
    """Take a planned meeting off; its link leads nowhere then."""
    found, row = _row(call)
    await found.forget(row.id)
    note(call.house, call.actor, Action.MEETING_RUN, f"{row.room}/{row.id}", "removed", row.title)


async def start(call: Call[Nothing, Nothing]) -> Meeting:
    """Open a meeting; `busy` while another one is open in the room."""
    found, row = _row(call)
    note(call.house, call.actor, Action.MEETING_RUN, f"{row.room}/{row.id}", "started", row.title)
    return found.meeting(await found.start(row.id))


async def end(call: Call[Nothing, Nothing]) -> Meeting:
    """End a meeting for everybody."""
    found, row = _row(call)
    note(call.house, call.actor, Action.MEETING_RUN, f"{row.room}/{row.id}", "ended", row.title)
    return found.meeting(await found.end(row.id))


async def attendance(call: Call[Nothing, Nothing]) -> Attendance:
    """Who was there when, who was called, who is missing."""
    found, row = _row(call)
    return await found.attendance(row.id)


async def door(call: Call[Nothing, Nothing]) -> Door:
    """What a meeting's link shows a stranger."""
    found = _meetings(call.house)
    return found.door(found.by_code(call.part("code")), PROTOCOL_VERSION, call.front.build)


async def picture(request: web.Request) -> web.StreamResponse:
    """The link as a QR code."""
    import segno  # noqa: PLC0415  # only who shows a link needs a picture of it

    house, room = request.app[HOUSE], request.match_info["room"]
    check(request[ACTOR], Action.MEETING_READ, Resource(room=room))
    found = _meetings(house)
    row = _of(found, room, request.match_info["meeting"])
    out = io.BytesIO()
    segno.make(found.meeting(row).url, error="m").save(
        out, kind="svg", border=2, omitsize=True, xmldecl=False, svgclass=None, lineclass=None
    )
    return web.Response(body=out.getvalue(), content_type="image/svg+xml")


async def spreadsheet(request: web.Request) -> web.StreamResponse:
    """The attendance for a spreadsheet."""
    found = await _attendance(request)
    day = f"{local(found.opened or 0.0, found.timezone):%Y-%m-%d}"
    headers = {"Content-Disposition": f'attachment; filename="daftar-hadir-{day}-{found.meeting}.csv"'}
    return web.Response(text=sheet(found), content_type="text/csv", charset="utf-8", headers=headers)


async def paper(request: web.Request) -> web.StreamResponse:
    """The attendance on paper: a page that prints."""
    return web.Response(text=printed(await _attendance(request)), content_type="text/html", charset="utf-8")


async def guests(request: web.Request) -> web.StreamResponse:
    """The page people join from."""
    return request.app[PAGES].answer(request, MEETING)


TABLE = (
    route("GET", _MEETINGS, Action.MEETING_READ, meetings, answer=Meeting, many=True),
    route("POST", _MEETINGS, Action.MEETING_RUN, plan, body=NewMeeting, answer=Meeting, status=201),
    route("PATCH", _ONE, Action.MEETING_RUN, change, body=ChangeMeeting, answer=Meeting),
    route("DELETE", _ONE, Action.MEETING_RUN, forget),
    route("POST", _ONE + "/start", Action.MEETING_RUN, start, answer=Meeting),
    route("POST", _ONE + "/end", Action.MEETING_RUN, end, answer=Meeting),
    route("GET", _ONE + "/attendance", Action.MEETING_READ, attendance, answer=Attendance),
    route("GET", "/api/v1/meet/{code}", Action.ENTER, door, answer=Door),
    page(_ONE + "/qr.svg", picture, Action.MEETING_READ),
    page(_ONE + "/attendance.csv", spreadsheet, Action.MEETING_READ),
    page("/attendance/{room}/{meeting}", paper, Action.MEETING_READ),
    page("/meet/{code}", guests),
)


async def _attendance(request: web.Request) -> Attendance:
    room = request.match_info["room"]
    check(request[ACTOR], Action.MEETING_READ, Resource(room=room))
    found = _meetings(request.app[HOUSE])
    return await found.attendance(_of(found, room, request.match_info["meeting"]).id)


def _meetings(house: House) -> Meetings:
    if house.meetings is None:
        raise not_found("Server ini tidak melayani rapat", "This server holds no meetings")
    return house.meetings


def _row(call: Call[ChangeMeeting, Nothing] | Call[Nothing, Nothing]) -> tuple[Meetings, MeetingRow]:
    found = _meetings(call.house)
    return found, _of(found, call.part("room"), call.part("meeting"))


def _of(found: Meetings, room: str, meeting: str) -> MeetingRow:
    row = found.row(meeting)
    if row.room != room:
        raise not_found("Rapat tidak ditemukan", "There is no such meeting")
    return row
