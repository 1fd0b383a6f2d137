"""Contents for walls by HTTP: looked at before anything changes."""

from __future__ import annotations

from devices.sdk.errors import Refused
from smartroom.control.displays.content import BadContent, canonical
from smartroom.control.displays.outside import FrameRefused
from smartroom.control.errors import ProblemError, problem
from smartroom.control.identity.rights import Action
from smartroom.control.web.problems import not_found
from smartroom.control.web.routes import Call, Nothing, route
from smartroom.protocol.base import Text
from smartroom.protocol.displays import CheckContent, ContentChecked, ContentSites
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
)
