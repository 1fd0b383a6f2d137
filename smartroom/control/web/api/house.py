"""The server itself by HTTP: audit trail, description of the API, health, figures, pages."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from aiohttp import web
from pydantic import Field

from smartroom.control.identity.rights import HOUSE as WHOLE
from smartroom.control.identity.rights import Action
from smartroom.control.limits import AUDIT_PAGE
from smartroom.control.web import metrics, openapi
from smartroom.control.web.keys import ACTOR, FRONT, HOUSE, METERS, PAGES, ROUTES
from smartroom.control.web.pages import CEREMONY, LOGIN, MEETING, PAD, PANEL, TECHNICIAN, WALL
from smartroom.control.web.presses import check
from smartroom.control.web.routes import Call, Nothing, Reply, page, route
from smartroom.protocol.base import Message
from smartroom.protocol.people import AuditEntry


class Before(Message):
    """Rows below a number, so many."""

    before: int | None = None
    limit: Annotated[int, Field(ge=1, le=AUDIT_PAGE)] = 100


async def audit(call: Call[Nothing, Before]) -> Reply:
    """The audit trail, newest first."""
    return Reply(await call.house.trail.read(before=call.query.before, limit=call.query.limit))


async def describe(request: web.Request) -> web.Response:
    """The API in OpenAPI 3.1."""
    return web.Response(
        body=openapi.document(tuple(request.app[ROUTES].values()), request.app[FRONT]), content_type="application/json"
    )


async def healthz(_request: web.Request) -> web.Response:
    """The loop lives."""
    return web.json_response({"status": "ok"})


async def readyz(request: web.Request) -> web.Response:
    """The records can be written and the rooms are loaded."""
    house = request.app[HOUSE]
    checks = {"records": await house.writable(), "rooms": bool(house.desks)}
    ready = all(checks.values())
    return web.json_response({"status": "ready" if ready else "not ready", **checks}, status=200 if ready else 503)


async def figures(request: web.Request) -> web.Response:
    """Figures for Prometheus: to this machine itself, or to whoever may read the server's state."""
    if not _from_here(request):
        check(request[ACTOR], Action.STATUS_READ, WHOLE)
    return web.Response(
        text=metrics.text(request.app[METERS], request.app[HOUSE]),
        headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
    )


async def home(request: web.Request) -> web.StreamResponse:
    """The panel; who is not signed in signs in first."""
    return _for_the_known(request, PANEL)


async def panel(request: web.Request) -> web.StreamResponse:
    """The panel of a room."""
    return _for_the_known(request, PANEL)


async def wall(request: web.Request) -> web.StreamResponse:
    """A wall's page; a browser that is not yet its screen is told by the page itself."""
    return request.app[PAGES].answer(request, WALL)


async def in_meetings(request: web.Request) -> web.StreamResponse:
    """The page that is a room's camera, microphone and loudspeakers in meetings."""
    return _for_the_known(request, MEETING)


async def ceremony(request: web.Request) -> web.StreamResponse:
    """The operator's page of a ceremony."""
    return _for_the_known(request, CEREMONY)


async def pad(request: web.Request) -> web.StreamResponse:
    """The pad; a browser that is not yet one is told by the page itself."""
    return request.app[PAGES].answer(request, PAD)


async def technician(request: web.Request) -> web.StreamResponse:
    """The technician's page; what it shows asks for the rights."""
    return _for_the_known(request, TECHNICIAN)


async def entrance(request: web.Request) -> web.StreamResponse:
    """Sign in, set up, pair: one page, told apart by its path."""
    return request.app[PAGES].answer(request, LOGIN)


async def built(request: web.Request) -> web.StreamResponse:
    """A built file at the top: manifest, service worker, icons."""
    return request.app[PAGES].answer(request, request.match_info["file"])


async def asset(request: web.Request) -> web.StreamResponse:
    """A built file under /assets/."""
    return request.app[PAGES].answer(request, f"assets/{request.match_info['file']}")


TABLE = (
    route("GET", "/api/v1/audit", Action.AUDIT_READ, audit, query=Before, answer=AuditEntry, many=True),
    page("/api/v1/openapi.json", describe),
    page("/healthz", healthz),
    page("/readyz", readyz),
    page("/metrics", figures),
    page("/", home),
    page("/panel/{room}", panel),
    page("/wall/{wall}", wall),
    page("/meet/room/{room}", in_meetings),
    page("/ceremony", ceremony),
    page("/ceremony/{room}", ceremony),
    page("/pad", pad),
    page("/pad/{room}", pad),
    page("/technician", technician),
    page("/technician/{room}", technician),
    page("/login", entrance),
    page("/setup", entrance),
    page("/pair/{code}", entrance),
    page("/assets/{file:[A-Za-z0-9._/-]+}", asset),
    page("/{file:[a-z0-9-]+\\.(?:webmanifest|js|css|png|svg|ico|txt|webp)}", built),
)


def _for_the_known(request: web.Request, name: str) -> web.StreamResponse:
    if request[ACTOR].known:
        return request.app[PAGES].answer(request, name)
    if request.app[HOUSE].people.set_up_needed:
        raise web.HTTPSeeOther("/setup")
    raise web.HTTPSeeOther("/login" if request.path == "/" else f"/login?next={request.path}")


def _from_here(request: web.Request) -> bool:
    try:
        return ipaddress.ip_address(request.remote or "").is_loopback and "X-Forwarded-For" not in request.headers
    except ValueError:
        return False
