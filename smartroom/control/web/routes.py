"""The table of routes: what can be asked by HTTP, as which action, in which words. What is not in it is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar, cast

from aiohttp import hdrs, web
from pydantic import TypeAdapter
from pydantic_core import to_json

from smartroom.control.identity.actors import Actor
from smartroom.control.identity.rights import Action, Resource
from smartroom.control.limits import BODY_LIMIT, REQUEST_BODY_S
from smartroom.control.web import credentials
from smartroom.control.web.gate import from_query, invalid, parse
from smartroom.control.web.keys import ACTOR, FRONT, HOUSE, PRESSES, ROUTES
from smartroom.control.web.ports import Front, House
from smartroom.control.web.presses import Presses, check
from smartroom.control.web.problems import not_found
from smartroom.protocol.base import Id, Message

_ID: TypeAdapter[str] = TypeAdapter(Id)
_Body = TypeVar("_Body", bound=Message)
_Query = TypeVar("_Query", bound=Message)
_UNREADABLE = 415


class Nothing(Message):
    """No body, no query."""


@dataclass(frozen=True, slots=True)
class Call(Generic[_Body, _Query]):
    """One request, parsed and allowed."""

    request: web.Request
    house: House
    front: Front
    presses: Presses
    actor: Actor
    body: _Body
    query: _Query

    def part(self, name: str) -> str:
        """A part of the path."""
        return self.request.match_info[name]

    @property
    def source(self) -> str:
        """Address the request came from."""
        return self.request.remote or "-"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that also changes cookies."""

    body: Message | Sequence[Message] | None
    session: str | None = None
    screen: str | None = None
    sign_out: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """One line of the table."""

    method: str
    path: str
    action: Action
    summary: str
    run: Callable[[Call[Message, Message]], Awaitable[object]]
    answer: type[Message] | None = None
    many: bool = False
    """The answer is a list of `answer`."""
    body: type[Message] = Nothing
    query: type[Message] = Nothing
    status: int = 200
    late: bool = False
    """The handler itself asks `may`, with the resource it finds."""
    page: bool = False
    """No JSON: answers with its own response, and stands in no description of the API."""
    tags: tuple[str, ...] = field(default=())
    limit: int = BODY_LIMIT
    """Bytes of a body; a page above BODY_LIMIT reads and counts it itself."""


def route(
    method: str,
    path: str,
    action: Action,
    run: Callable[[Call[_Body, _Query]], Awaitable[object]],
    *,
    answer: type[Message] | None = None,
    many: bool = False,
    body: type[_Body] | None = None,
    query: type[_Query] | None = None,
    status: int = 200,
    late: bool = False,
    limit: int = BODY_LIMIT,
) -> Route:
    """A line of the API; its summary is the first sentence of the handler's docstring."""
    return Route(
        method=method,
        path=path,
        action=action,
        summary=(run.__doc__ or "").strip().partition("\n")[0],
        run=cast("Callable[[Call[Message, Message]], Awaitable[object]]", run),
        answer=answer,
        many=many,
        body=body or Nothing,
        query=query or Nothing,
        status=status,
        late=late,
        limit=limit,
        tags=(path.removeprefix("/api/v1/").partition("/")[0],),
    )


def page(
    path: str,
    run: Callable[[web.Request], Awaitable[web.StreamResponse]],
    action: Action = Action.ENTER,
    *,
    method: str = hdrs.METH_GET,
    limit: int = BODY_LIMIT,
) -> Route:
    """A line for something that is no JSON."""
    return Route(
        method=method,
        path=path,
        action=action,
        summary="",
        run=lambda call: run(call.request),
        page=True,
        late=True,
        limit=limit,
    )


def body_limit(request: web.Request) -> int:
    """Bytes a request's body may have, by its line."""
    resource = request.match_info.route.resource
    line = request.app[ROUTES].get((request.method, resource.canonical if resource else ""))
    return line.limit if line is not None else BODY_LIMIT


def install(app: web.Application, table: Iterable[Route]) -> None:
    """Put the table on the application: the only way a path gets there."""
    listed: dict[tuple[str, str], Route] = {}
    for line in table:
        added = app.router.add_route(line.method, line.path, answer_call)
        assert added.resource is not None
        listed[line.method, added.resource.canonical] = line
    app[ROUTES] = listed


async def answer_call(request: web.Request) -> web.StreamResponse:
    """The one handler: find the line, ask `may`, parse, run, answer."""
    line = _line(request)
    if line.page:
        return cast("web.StreamResponse", await line.run(_call(request, Nothing(), Nothing())))
    actor = request[ACTOR]
    room = request.match_info.get("room")
    if room is not None:
        _check_id(room)
    if not line.late:
        check(actor, line.action, Resource(room=room))
    query = from_query(line.query, request.query.items())
    body = await _body(request, line.body, line.limit)
    found = await line.run(_call(request, body, query))
    reply = found if isinstance(found, Reply) else Reply(cast("Message | Sequence[Message] | None", found))
    return _response(request, line, reply)


def _line(request: web.Request) -> Route:
    resource = request.match_info.route.resource
    line = request.app[ROUTES].get((request.method, resource.canonical if resource else ""))
    if line is None:
        raise not_found("Alamat ini tidak ada dalam daftar", "This address is not in the table of routes")
    return line


def _call(request: web.Request, body: Message, query: Message) -> Call[Message, Message]:
    app = request.app
    return Call(request, app[HOUSE], app[FRONT], app[PRESSES], request[ACTOR], body, query)


def _check_id(room: str) -> None:
    try:
        _ID.validate_python(room)
    except ValueError:
        raise not_found("Tidak ada ruangan ini", "There is no such room") from None


async def _body(request: web.Request, model: type[Message], limit: int) -> Message:
    if model is Nothing:
        return Nothing()
    if request.content_length is not None and request.content_length > limit:
        raise web.HTTPRequestEntityTooLarge(max_size=limit, actual_size=request.content_length)
    try:
        async with asyncio.timeout(REQUEST_BODY_S):
            text = await request.clone(client_max_size=limit).read()
    except TimeoutError:
        raise invalid(f"the body took longer than {REQUEST_BODY_S:.0f} s") from None
    if text and request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(reason="send application/json")
    return parse(model, text or b"{}", limit)


def _response(request: web.Request, line: Route, reply: Reply) -> web.Response:
    empty = reply.body is None
    body = None if empty else to_json(reply.body)
    response = web.Response(status=204 if empty else line.status, body=body, content_type="application/json")
    front = request.app[FRONT]
    if reply.session is not None:
        credentials.set_session(front, response, reply.session)
    if reply.screen is not None:
        credentials.set_screen(front, response, reply.screen)
    if reply.sign_out:
        credentials.drop(front, response, credentials.session_cookie(front))
        credentials.drop(front, response, credentials.screen_cookie(front))
    return response
