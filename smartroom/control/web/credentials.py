"""Who is asking: a bearer token, or a cookie from one of our own pages."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from aiohttp import web

from smartroom.control.identity.actors import NOBODY, Actor
from smartroom.control.identity.people import People
from smartroom.control.limits import DEVICE_TOKEN_IDLE_S, SESSION_LIFE_S
from smartroom.control.web.ports import Front
from smartroom.control.web.problems import forbidden, unauthenticated

_SAFE = frozenset({"GET", "HEAD"})
_OURS = frozenset({"same-origin", "none"})
_BEARER = "bearer "


def check_origin(front: Front, headers: Mapping[str, str]) -> None:
    """Raise ProblemError FORBIDDEN for a foreign Origin, `null` too, and for a host that is not ours (DNS rebinding)."""
    origin = headers.get("Origin")
    if origin is not None and origin not in front.origins:
        raise forbidden(f"Origin {origin[:100]!r} is not one of ours; add it to the server's names")
    host = headers.get("Host", "")
    if host.casefold() not in {urlsplit(ours).netloc.casefold() for ours in front.origins}:
        raise forbidden(f"Host {host[:100]!r} is not one of ours; add it to the server's names")


async def who(people: People, front: Front, request: web.BaseRequest) -> Actor:
    """The actor of a request; NOBODY when it proves nothing. A wrong token is an error, a stale cookie is not."""
    header = request.headers.get("Authorization")
    if header is not None:
        if not header.casefold().startswith(_BEARER):
            raise unauthenticated("the scheme is Bearer")
        actor = await people.by_token(header[len(_BEARER) :].strip())
        if actor is None:
            raise unauthenticated("the token is wrong, too old or revoked")
        return actor
    if not _from_our_page(request):
        return NOBODY
    session = request.cookies.get(session_cookie(front))
    actor = people.by_cookie(session) if session else None
    if actor is None:
        screen = request.cookies.get(screen_cookie(front))
        actor = await people.by_token(screen) if screen else None
    return actor or NOBODY


def session_cookie(front: Front) -> str:
    """Name of a person's cookie; the prefix makes browsers refuse it from anywhere but this host by https."""
    return "__Host-sid" if front.secure else "sid"


def screen_cookie(front: Front) -> str:
    """Name of a paired screen's cookie."""
    return "__Host-screen" if front.secure else "screen"


def set_session(front: Front, response: web.StreamResponse, secret: str) -> None:
    """Sign a person in."""
    _set(front, response, session_cookie(front), secret, SESSION_LIFE_S)


def set_screen(front: Front, response: web.StreamResponse, secret: str) -> None:
    """Give a screen its token."""
    _set(front, response, screen_cookie(front), secret, DEVICE_TOKEN_IDLE_S)


def drop(front: Front, response: web.StreamResponse, name: str) -> None:
    """Take a cookie away."""
    response.del_cookie(name, path="/", secure=front.secure, httponly=True, samesite="Strict")


def _set(front: Front, response: web.StreamResponse, name: str, secret: str, life_s: float) -> None:
    response.set_cookie(
        name, secret, max_age=int(life_s), path="/", secure=front.secure, httponly=True, samesite="Strict"
    )


def _from_our_page(request: web.BaseRequest) -> bool:
    """Cookies are heard with our Origin; without one only where nothing changes and no other site asks."""
    if request.headers.get("Origin") is not None:
        return True  # checked already
    if request.headers.get("Upgrade") is not None or request.method not in _SAFE:
        return False
    return request.headers.get("Sec-Fetch-Site", "none") in _OURS
