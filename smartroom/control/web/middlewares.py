"""What every request passes, from the outside in: deliver, guard, identify."""

from __future__ import annotations

import asyncio
import logging
from functools import cache

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from smartroom.control.errors import ProblemError, problem
from smartroom.control.identity.actors import NOBODY
from smartroom.control.limits import RESPONSE_S
from smartroom.control.web.credentials import check_origin, who
from smartroom.control.web.keys import ACTOR, FRONT, HOUSE, METERS, RATES, STRANGERS
from smartroom.control.web.ports import Front
from smartroom.control.web.problems import answer, of_http, rate_limited
from smartroom.control.web.routes import body_limit
from smartroom.protocol.errors import ErrorCode

log = logging.getLogger(__name__)

SOCKET_PATH = "/socket.io/"
_API = "/api/"
_PROBES = frozenset({"/healthz", "/readyz"})
_FILE_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"
_WORKER_POLICY = "default-src 'none'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'"
"""A service worker lives under the policy of its own file, and fetches the shell."""
_NEVER = "geolocation=(), usb=(), serial=(), payment=()"
_NO_DEVICES = f"camera=(), microphone=(), display-capture=(), autoplay=(), {_NEVER}"
_DEVICES = f"camera=(self), microphone=(self), display-capture=(self), autoplay=(self), {_NEVER}"
_MEETINGS = "/meet/"
"""Pages that may ask for camera and microphone."""


@web.middleware
async def deliver(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every error into a Problem, add the headers, and send within a deadline: a client that does not read is cut."""
    try:
        response = await handler(request)
    except ProblemError as error:
        response = answer(error.problem)
    except web.HTTPException as error:
        response = _http_answer(error)
    except (asyncio.CancelledError, ConnectionError):
        raise
    except Exception:  # the last line: a bug answers 500 and goes to the log, the server lives
        log.exception("%s %s failed", request.method, request.path)
        response = answer(problem(ErrorCode.INTERNAL, "Kesalahan pada server", "The server made an error"))
    if response.prepared:
        return response  # a websocket that has ended
    request.app[METERS].answered(response.status)
    _add_headers(request.app[FRONT], request, response)
    try:
        async with asyncio.timeout(RESPONSE_S):
            await response.prepare(request)
            await response.write_eof()
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
        raise ConnectionResetError("the client does not read") from None
    return response


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse other sites, other hosts, packed and oversized bodies before anything is read."""
    if request.path not in _PROBES:
        check_origin(request.app[FRONT], request.headers)
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").casefold() != "identity":
        raise web.HTTPUnsupportedMediaType(reason="send the body unpacked")
    limit = body_limit(request)
    if request.content_length is not None and request.content_length > limit:
        raise web.HTTPRequestEntityTooLarge(max_size=limit, actual_size=request.content_length)
    return await handler(request)


@web.middleware
async def identify(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Say who is asking, and how often they may."""
    request[ACTOR] = NOBODY
    if request.path in _PROBES:
        return await handler(request)
    counted = request.path.startswith(_API)
    strangers, source = request.app[STRANGERS], request.remote or "-"
    try:
        actor = await who(request.app[HOUSE].people, request.app[FRONT], request)
    except ProblemError:
        if not strangers.take(source):
            raise rate_limited() from None
        raise
    if counted and not (request.app[RATES].take(f"{actor.kind}:{actor.id}") if actor.known else strangers.take(source)):
        raise rate_limited()
    request[ACTOR] = actor
    return await handler(request)


ALL = (deliver, guard, identify)


def _http_answer(error: web.HTTPException) -> web.Response:
    """The library's redirections and refusals; what it says in headers stays."""
    redirects = error.status < web.HTTPBadRequest.status_code
    response = web.Response(status=error.status) if redirects else answer(of_http(error), error.status)
    for name in (hdrs.LOCATION, hdrs.ALLOW):
        if name in error.headers:
            response.headers[name] = error.headers[name]
    return response


def _add_headers(front: Front, request: web.Request, response: web.StreamResponse) -> None:
    headers = response.headers
    page = response.content_type == "text/html"
    headers["Content-Security-Policy"] = (
        _page_policy(front) if page else _WORKER_POLICY if request.path == "/sw.js" else _FILE_POLICY
    )
    devices = _DEVICES if page and request.path.startswith(_MEETINGS) else _NO_DEVICES
    headers["Permissions-Policy"] = devices + (", screen-wake-lock=(self), fullscreen=(self)" if page else "")
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "no-referrer"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers["X-Frame-Options"] = "DENY"
    headers.setdefault(hdrs.CACHE_CONTROL, "no-store")
    if front.tls is not None and front.root_certificate is None:
        headers["Strict-Transport-Security"] = "max-age=31536000"
    if response.status >= web.HTTPBadRequest.status_code and request.can_read_body:
        response.force_close()  # what is left of a refused body is not read


@cache
def _page_policy(front: Front) -> str:
    sockets = " ".join(sorted(origin.replace("http", "ws", 1) for origin in front.origins))
    frames = " ".join(front.dashboards) or "'none'"
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
        f"connect-src 'self' {sockets}; font-src 'self'; worker-src 'self'; manifest-src 'self'; frame-src {frames}; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'self'; require-trusted-types-for 'script'"
    )
