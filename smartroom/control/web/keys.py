"""Typed places on the aiohttp application and its requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from smartroom.control.identity.actors import Actor
from smartroom.control.web.ports import Front, House
from smartroom.control.web.presses import Presses
from smartroom.control.web.rates import Buckets

if TYPE_CHECKING:
    from smartroom.control.web.metrics import Meters
    from smartroom.control.web.pages import Pages
    from smartroom.control.web.routes import Route

HOUSE = web.AppKey("house", House)
FRONT = web.AppKey("front", Front)
PRESSES = web.AppKey("presses", Presses)
PAGES: web.AppKey[Pages] = web.AppKey("pages")
METERS: web.AppKey[Meters] = web.AppKey("meters")
ROUTES: web.AppKey[dict[tuple[str, str], Route]] = web.AppKey("routes")
RATES = web.AppKey("rates", Buckets)
STRANGERS = web.AppKey("strangers", Buckets)

ACTOR = web.RequestKey("actor", Actor)
