"""The server: one aiohttp application, its sockets, its tasks. `async with WebServer(house, front)` and it answers."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from aiohttp import web

from smartroom.control.limits import (
    BODY_LIMIT,
    PEOPLE_SWEEP_S,
    REQUEST_HEAD_S,
    REQUESTS_BURST,
    REQUESTS_PER_S,
    STOP_S,
    STRANGERS_BURST,
    STRANGERS_PER_S,
)
from smartroom.control.web import middlewares
from smartroom.control.web.api import ceremonies as ceremonies_api
from smartroom.control.web.api import house as house_api
from smartroom.control.web.api import meetings as meetings_api
from smartroom.control.web.api import people as people_api
from smartroom.control.web.api import pictures as pictures_api
from smartroom.control.web.api import public as public_api
from smartroom.control.web.api import rehearsal as rehearsal_api
from smartroom.control.web.api import rooms as rooms_api
from smartroom.control.web.api import technician as technician_api
from smartroom.control.web.api import trust as trust_api
from smartroom.control.web.api import walls as walls_api
from smartroom.control.web.ceremony import CeremonyNamespace
from smartroom.control.web.keys import FRONT, HOUSE, METERS, PAGES, PRESSES, RATES, STRANGERS
from smartroom.control.web.meeting import MeetingNamespace
from smartroom.control.web.metrics import Meters
from smartroom.control.web.pages import Pages
from smartroom.control.web.ports import Front, House
from smartroom.control.web.presses import Presses
from smartroom.control.web.rates import Buckets
from smartroom.control.web.room import RoomNamespace
from smartroom.control.web.routes import install, page
from smartroom.control.web.sockets import Sockets
from smartroom.control.web.technician import TechnicianNamespace
from smartroom.control.web.wall import WallNamespace

log = logging.getLogger(__name__)

_BACKLOG = 1024


class WebServer:
    """Listens from the moment the block is entered until it is left; then every connection is cut."""

    def __init__(self, house: House, front: Front, pages: Pages | None = None) -> None:
        self.meters = Meters()
        self.sockets = Sockets(self.meters, [])
        presses = Presses(house)
        self.rooms = RoomNamespace(house, front, presses, self.meters, self.sockets)
        self.sockets.register_namespace(self.rooms)
        self.technicians = TechnicianNamespace(house, front, self.meters, self.sockets)
        self.sockets.register_namespace(self.technicians)
        self.walls = WallNamespace(house, front, self.meters, self.sockets)
        self.sockets.register_namespace(self.walls)
        self.meetings = MeetingNamespace(house, front, self.meters, self.sockets)
        self.sockets.register_namespace(self.meetings)
        self.ceremonies = CeremonyNamespace(house, front, self.meters, self.sockets)
        self.sockets.register_namespace(self.ceremonies)
        self.meters.gauges.update(
            {
                "sockets": lambda: float(len(self.sockets.engine.sockets)),
                "pages": lambda: float(self.rooms.pages),
                "walls": lambda: float(len(self.walls.visitors)),
                "pages_watching": lambda: float(self.rooms.feed.watchers),
                "socket_bytes_held": lambda: float(sum(outbox.held for outbox in self.sockets.outboxes.values())),
            },
        )
        self.app = create_server(house, front, self.sockets, self.meters, presses, pages or Pages())
        self._house = house
        self._front = front
        self._open = AsyncExitStack()
        self._tasks: list[asyncio.Task[None]] = []
        self.port = front.port
        """The port that is really listened on: `front.port`, or the one the system chose for 0."""

    async def __aenter__(self) -> Self:
        runner = web.AppRunner(
            self.app,
            handle_signals=False,
            access_log=None,
            # The library's only clock on an unfinished request head; its default is an hour.
            keepalive_timeout=REQUEST_HEAD_S,
            auto_decompress=False,
            lingering_time=1.0,
            shutdown_timeout=STOP_S,
        )
        async with AsyncExitStack() as opening:
            group = await opening.enter_async_context(asyncio.TaskGroup())
            opening.callback(self._end_tasks)
            self.sockets.engine.group = group
            await runner.setup()
            opening.push_async_callback(runner.cleanup)
            opening.callback(self._cut_sockets)
            assert runner.server is not None
            listener = await asyncio.get_running_loop().create_server(
                runner.server,
                self._front.host,
                self._front.port,
                ssl=self._front.tls,
                ssl_handshake_timeout=REQUEST_HEAD_S if self._front.tls else None,
                backlog=_BACKLOG,
                reuse_address=True,
            )
            opening.callback(listener.close)
            self.port = listener.sockets[0].getsockname()[1]
            self._tasks = [
                group.create_task(self.rooms.run(), name="web: rights of pages"),
                group.create_task(self.walls.run(), name="web: rights of walls"),
                group.create_task(self.rooms.feed.run(), name="web: patches"),
                group.create_task(self.meetings.run(), name="web: rights in meetings"),
                group.create_task(self.meetings.feed.run(), name="web: patches of meetings"),
                group.create_task(self.ceremonies.run(), name="web: rights in ceremonies"),
                group.create_task(self.ceremonies.feed.run(), name="web: patches of ceremonies"),
                group.create_task(self.technicians.run(), name="web: technicians"),
                group.create_task(self.meters.probe(), name="web: loop lag"),
                group.create_task(self._sweep(), name="web: ended sessions"),
            ]
            self._open = opening.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None or isinstance(error, asyncio.CancelledError):
            await self._open.__aexit__(
                kind, error, trace
            )  # a task that failed has cancelled us: its error comes out here
        else:
            await self._open.aclose()  # the caller's own error stays as it is

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(PEOPLE_SWEEP_S)
            try:
                await self._house.people.sweep()
            except Exception:  # a full disk must not end the server; the next sweep tries again
                log.exception("ended sessions could not be removed")

    def _cut_sockets(self) -> None:
        for outbox in self.sockets.outboxes.values():
            if outbox.link is not None:
                outbox.link.cut("stop")

    def _end_tasks(self) -> None:
        self.sockets.engine.group = None
        for task in (*self._tasks, *self.sockets.engine.tasks):
            task.cancel()


def create_server(
    house: House, front: Front, sockets: Sockets, meters: Meters, presses: Presses, pages: Pages
) -> web.Application:
    """The application: middlewares, state, the table of routes."""
    app = web.Application(middlewares=middlewares.ALL, client_max_size=BODY_LIMIT)
    app[HOUSE] = house
    app[FRONT] = front
    app[METERS] = meters
    app[PRESSES] = presses
    app[PAGES] = pages
    app[RATES] = Buckets(REQUESTS_PER_S, REQUESTS_BURST)
    app[STRANGERS] = Buckets(STRANGERS_PER_S, STRANGERS_BURST)
    install(
        app,
        (
            *rooms_api.TABLE,
            *rehearsal_api.TABLE,
            *people_api.TABLE,
            *meetings_api.TABLE,
            *ceremonies_api.TABLE,
            *public_api.TABLE,
            *pictures_api.TABLE,
            *walls_api.TABLE,
            *technician_api.TABLE,
            *trust_api.TABLE,
            *house_api.TABLE,
            page(middlewares.SOCKET_PATH, sockets.admit),
        ),
    )
    return app
