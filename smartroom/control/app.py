"""Composition root: builds everything, starts it in order and stops it in the opposite order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from devices.sdk.catalog import Family, find_families, load_family
from devices.sdk.document import DocumentError
from smartroom.control.identity.people import People
from smartroom.control.limits import FILE_POLL_S
from smartroom.control.records.records import Records
from smartroom.control.room.files import ROOM_FILE
from smartroom.control.rooms import LiveRoom, RoomRecords, file_problem
from smartroom.control.scenes.desk import Desk
from smartroom.protocol.errors import Problem

_LOG = logging.getLogger(__name__)


class Application:
    """`async with Application(...)`: records open, people loaded, rooms alive. `desks` grows when a broken room's file is mended."""

    def __init__(
        self,
        site: Path,
        data: Path,
        *,
        database: str | None = None,
        addresses: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        self.site = site
        self.data = data
        self.records = Records(data, database)
        self.people = People(self.records.people)
        self.desks: dict[str, Desk] = {}
        self.rooms: dict[str, LiveRoom] = {}
        self.broken: dict[str, Problem] = {}
        """Rooms whose room.yaml cannot be used, and why."""
        self._addresses = addresses or {}
        self._families: Mapping[str, Family] = {
            name: load_family(folder) for name, folder in find_families(site / "drivers").items()
        }
        self._open = AsyncExitStack()
        self._group: asyncio.TaskGroup | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Records, then people, then rooms."""
        async with AsyncExitStack() as opening:
            await opening.enter_async_context(self.records)
            await self.people.load()
            self._task = asyncio.create_task(self._supervise(), name="supervisor")
            opening.push_async_callback(self._stop, self._task)
            self._open = opening.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Rooms, then records."""
        await self._open.aclose()

    @property
    def alive(self) -> bool:
        """False when the root supervisor has ended: nothing is served any more."""
        return self._task is not None and not self._task.done()

    async def _stop(self, task: asyncio.Task[None]) -> None:
        task.cancel()
        await asyncio.wait({task})

    async def _supervise(self) -> None:
        async with asyncio.TaskGroup() as group:
            self._group = group
            while True:
                self._open_rooms(group)
                await asyncio.sleep(FILE_POLL_S)

    def _open_rooms(self, group: asyncio.TaskGroup) -> None:
        """Every folder of the site with a room.yaml is a room; one that is broken is tried again when it was saved."""
        for path in sorted(self.site.glob(f"*/{ROOM_FILE}")):
            name = path.parent.name
            if name in self.rooms:
                continue
            records = RoomRecords(self.records.runs, self.records.standing, self.records.learned)
            try:
                room = LiveRoom(path.parent, self._families, self._addresses.get(name, {}), records)
            except DocumentError as error:
                trouble = file_problem(error)
                if self.broken.get(name) != trouble:
                    _LOG.error("%s", error)
                self.broken[name] = trouble
                continue
            self.broken.pop(name, None)
            self.rooms[name] = room
            self.desks[name] = room.desk
            group.create_task(self._keep(room), name=f"room:{name}")

    async def _keep(self, room: LiveRoom) -> None:
        try:
            await room.run()
        except Exception:  # noqa: BLE001  # one room's bug must not take the others with it
            _LOG.exception("room %s stopped", room.id)
            self.rooms.pop(room.id, None)
            self.desks.pop(room.id, None)
