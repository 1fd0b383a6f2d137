"""Walls by HTTP: contents looked at before anything changes, and a look at a wall's glass."""

from __future__ import annotations

import asyncio

from aiohttp import hdrs, web

from devices.sdk.errors import Refused
from smartroom.control.displays.content import BadContent, canonical
from smartroom.control.displays.outside import FrameRefused
from smartroom.control.displays.pictures.formats import BadPicture, cleaned
from smartroom.control.displays.wall import Wall
from smartroom.control.errors import ProblemError, problem
from smartroom.control.identity.rights import Action, Resource
from smartroom.control.limits import WALL_PICTURE_BYTES
from smartroom.control.web import presses
from smartroom.control.web.api.pictures import picture_body
from smartroom.control.web.gate import invalid
from smartroom.control.web.keys import ACTOR, HOUSE
from smartroom.control.web.problems import forbidden, not_found
from smartroom.control.web.routes import Call, Nothing, page, route
from smartroom.protocol.base import Text
from smartroom.protocol.displays import CheckContent, ContentChecked, ContentSites, WallLook
from smartroom.protocol.errors import ErrorCode

_REFUSALS = {
    "not_listed": (
        "Situs ini belum diizinkan di layar",
        "This site is not allowed on walls yet",
        Text(
            id="Minta administrator menambahkannya ke SMARTROOM_DASHBOARDS",
            en="Ask the administrator to add it to SMARTROOM_DASHBOARDS",
        ),
    ),
    "forbidden": ("Alamat ini tidak boleh dibuka dari server", "The server may not open this address", None),
    "unreachable": (
        "Situs ini tidak bisa dihubungi",
        "This site cannot be reached",
        Text(id="Periksa alamat dan jaringan", en="Check the address and the network"),
    ),
    "refuses": (
        "Situs ini menolak ditampilkan di dalam layar",
        "This site refuses to be shown in a frame",
        Text(
            id="Minta pengelola situs mengizinkan alamat server ini (frame-ancestors)",
            en="Ask the site's owner to allow this server's address (frame-ancestors)",
        ),
    ),
}


async def check(call: Call[CheckContent, Nothing]) -> ContentChecked:
    """Whether a content can be shown, and how it reads; nothing changes on any wall."""
    walls = call.house.walls.get(call.part("room"))
    if walls is None:
        raise not_found("Tidak ada ruangan ini", "There is no such room")
    try:
        content = await walls.checked(call.body.content)
        return ContentChecked(text=canonical(content), words=content.words(), pages=content.pages())
    except BadContent as error:
        fix = Text.of(error.fix) if error.fix else None
        where = ".".join(map(str, error.where)) or None
        raise ProblemError(
            problem(
                ErrorCode.INVALID,
                "Isi tayangan belum benar",
                "The content is not right yet",
                detail=str(error),
                name=where,
                fix=fix,
            )
        ) from None
    except Refused as error:
        why = error.why if isinstance(error, FrameRefused) else "unreachable"
        indonesian, english, fix = _REFUSALS[why]
        raise ProblemError(
            problem(ErrorCode.INVALID, indonesian, english, detail=str(error), name="url", fix=fix)
        ) from None


async def sites(call: Call[Nothing, Nothing]) -> ContentSites:
    """Sites that the administrator allows on walls."""
    return ContentSites(sites=list(call.front.dashboards))


async def look(call: Call[Nothing, Nothing]) -> WallLook:
    """How a wall is doing, with a picture of its glass; its page is asked for a new one."""
    wall, key = _wall(call.request)
    await wall.look()
    return wall.seen(key)


async def pictured(request: web.Request) -> web.StreamResponse:
    """A wall's own page sends the picture it was asked for."""
    actor = request[ACTOR]
    presses.check(actor, Action.ROOM_SEE, Resource(room=request.match_info["room"]))
    wall, key = _wall(request)
    if actor.wall != key:
        raise forbidden(f"a picture of {key} comes from its own screen")
    if not wall.expects_picture:
        raise forbidden("nobody asked for a picture")
    body = await picture_body(request, WALL_PICTURE_BYTES)
    try:
        found = await asyncio.to_thread(cleaned, body)
    except BadPicture as error:
        raise invalid(f"no picture of a wall: {error}") from None
    if found.media_type != "image/jpeg":
        raise invalid("a picture of a wall is a JPEG")
    wall.pictured(found.body)
    return web.Response(status=204)


def _wall(request: web.Request) -> tuple[Wall, str]:
    key = f"wall.{request.match_info['wall']}"
    walls = request.app[HOUSE].walls.get(request.match_info["room"])
    wall = walls.find(key) if walls is not None else None
    if wall is None:
        raise not_found("Tidak ada layar ini", "There is no such wall")
    return wall, key


TABLE = (
    route("GET", "/api/v1/rooms/{room}/contents/sites", Action.CONTROL_SET, sites, answer=ContentSites),
    route(
        "POST",
        "/api/v1/rooms/{room}/contents/check",
        Action.CONTROL_SET,
        check,
        answer=ContentChecked,
        body=CheckContent,
    ),
    route("GET", "/api/v1/rooms/{room}/walls/{wall}/look", Action.BENCH_READ, look, answer=WallLook),
    page(
        "/api/v1/rooms/{room}/walls/{wall}/picture",
        pictured,
        Action.ROOM_SEE,
        method=hdrs.METH_PUT,
        limit=WALL_PICTURE_BYTES,
    ),
)
