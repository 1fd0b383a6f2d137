"""WHIP and WHEP on aiohttp: `routes(engine, authorise)` is mounted by the application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

from aiohttp import web

from smartroom.control.conference import whip
from smartroom.control.conference.engine import MediaEngine
from smartroom.control.conference.whip import Call, Endpoint, IceServer, Kind, Reply, Session

Authorise = Callable[[str | None, Endpoint], bool]
"""Bearer token (None = not sent) and endpoint -> may they?"""
Servers = Callable[[Endpoint], Sequence[IceServer]]
"""TURN servers with fresh credentials for one client."""

_ALLOWED = "Authorization, Content-Type, If-Match"


def routes(engine: MediaEngine, authorise: Authorise, servers: Servers = lambda _: ()) -> web.RouteTableDef:
    """Endpoints `/whip/{room}/{name}` and `/whep/{room}/{name}`, sessions below `/whip/sessions/`."""
    return _Adapter(engine, authorise, servers).table()


def mount(app: web.Application, engine: MediaEngine, authorise: Authorise, servers: Servers = lambda _: ()) -> None:
    """Add the routes, and stop hearing the engine when the application ends."""
    adapter = _Adapter(engine, authorise, servers)
    app.add_routes(adapter.table())

    async def lifetime(_: web.Application) -> AsyncIterator[None]:
        yield
        adapter.sessions.close()

    app.cleanup_ctx.append(lifetime)


class _Adapter:
    def __init__(self, engine: MediaEngine, authorise: Authorise, servers: Servers) -> None:
        self.sessions = whip.Sessions(engine)
        self._authorise = authorise
        self._servers = servers

    def table(self) -> web.RouteTableDef:
        table = web.RouteTableDef()
        for kind in Kind:
            endpoint, session = f"/{kind}/{{room}}/{{name}}", f"/{kind}/sessions/{{session}}"
            for path in (session, endpoint):
                table.options(path)(self._options)
            table.patch(session)(self._patch)
            table.delete(session)(self._delete)
            table.get(session, allow_head=False)(self._nothing)
            table.head(endpoint)(self._head)
            table.get(endpoint, allow_head=False)(self._nothing)
            table.post(endpoint)(self._post)
        return table

    async def _options(self, request: web.Request) -> web.Response:
        headers = {"Access-Control-Allow-Methods": "OPTIONS, GET, HEAD, POST, PATCH, DELETE"}
        headers |= {"Access-Control-Allow-Headers": _ALLOWED, "Access-Control-Max-Age": "600"}
        return _response(self.sessions.options(), headers)

    async def _nothing(self, request: web.Request) -> web.Response:
        return _response(Reply(204))

    async def _head(self, request: web.Request) -> web.Response:
        return _response(Reply(200, {"Content-Type": whip.SDP}))

    async def _post(self, request: web.Request) -> web.Response:
        endpoint = _endpoint(request)
        if not self._authorise(_token(request), endpoint):
            return _unauthorised()
        call = await _call(request)
        servers = tuple(self._servers(endpoint))
        return _response(await self.sessions.create(endpoint, call, f"/{endpoint.kind}/sessions", servers))

    async def _patch(self, request: web.Request) -> web.Response:
        session = self._allowed(request)
        if isinstance(session, web.Response):
            return session
        return _response(await self.sessions.patch(request.match_info["session"], await _call(request)))

    async def _delete(self, request: web.Request) -> web.Response:
        session = self._allowed(request)
        if isinstance(session, web.Response):
            return session
        return _response(await self.sessions.delete(request.match_info["session"], await _call(request)))

    def _allowed(self, request: web.Request) -> Session | web.Response:
        session = self.sessions.get(request.match_info["session"])
        if session is None:
            return _response(whip.problem(404, "unknown session"))
        if not self._authorise(_token(request), session.endpoint):
            return _unauthorised()
        return session


def _endpoint(request: web.Request) -> Endpoint:
    kind = Kind.WHIP if request.path.startswith("/whip/") else Kind.WHEP
    return Endpoint(kind, request.match_info["room"], request.match_info["name"])


def _token(request: web.Request) -> str | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


async def _call(request: web.Request) -> Call:
    body = await request.content.read(whip.MAX_BODY + 1)
    while len(body) <= whip.MAX_BODY and (more := await request.content.read(whip.MAX_BODY + 1 - len(body))):
        body += more
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Call(request.method, headers, body, f"{request.remote} {_token(request)}")


def _unauthorised() -> web.Response:
    return _response(whip.problem(401, "a valid token is required", {"WWW-Authenticate": "Bearer"}))


def _response(reply: Reply, more: dict[str, str] | None = None) -> web.Response:
    headers = {**reply.headers, **(more or {})}
    response = web.Response(status=reply.status, body=reply.body.encode() or None, headers=headers)
    for link in reply.links:
        response.headers.add("Link", link)
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Expose-Headers"] = whip.EXPOSED
    return response
