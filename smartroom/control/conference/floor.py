"""A room's side of its meetings: the stage among its devices, the meeting in its state, its cameras turned to whom is called."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace

from devices.sdk.readings import Reading
from smartroom.control.conference.agencies import Roster
from smartroom.control.conference.meetings import Meetings
from smartroom.control.conference.stage import ID, Stage, StageDevice, StageShape, StageStandIn, stage_device
from smartroom.control.devices.gateway import Gateway
from smartroom.control.errors import ProblemError
from smartroom.control.room.model import Room, SeatCamera
from smartroom.control.room.store import Store

_LOG = logging.getLogger(__name__)


class Floor:
    """`run` ends only by cancellation. `furnished` adds the stage to what was read from the files."""

    def __init__(self, meetings: Meetings | None, roster: Callable[[], Roster]) -> None:
        """Without meetings, as in a rehearsal, the stage is a stand-in; agencies are those of the roster all the same."""
        self._meetings = meetings
        self._shape = StageShape(roster)
        self._store: Store | None = None
        self._stage: StageDevice | None = None
        self._moved: Callable[[str], None] = lambda _: None
        self._called: asyncio.Queue[str] = asyncio.Queue(1)
        """The agency a camera shall turn to: the newest alone."""

    def furnished(self, room: Room) -> Room:
        """The room with its stage; a device of that name in room.yaml stays what it is."""
        if ID in room.devices:
            warning = f"room.yaml names a device '{ID}': scenes cannot open meetings. Fix: call it otherwise"
            return replace(room, warnings=(*room.warnings, warning))
        return replace(room, devices={**room.devices, ID: stage_device(self._shape)})

    def describe(self, room: Room, store: Store, gateway: Gateway, moved: Callable[[str], None]) -> None:
        """The room is there: its stage can be asked."""
        self._store, self._moved = store, moved
        if room.devices.get(ID) is None or room.devices[ID].driver is not self._shape:
            return
        if self._stage is None:
            if self._meetings is None:
                self._stage = StageStandIn(self._shape, self._reading)
            else:
                self._stage = Stage(room.id, self._meetings, self._shape, self._reading)
                self._meetings.watch(room.id, self.refresh)
            gateway.register(ID, self._stage)
        store.link(ID, self._stage.status)
        self.refresh()

    def call(self, agency: str) -> None:
        """Turn a camera to an agency's seat, where the room has one; the newest call wins."""
        with suppress(asyncio.QueueEmpty):
            self._called.get_nowait()
        self._called.put_nowait(agency)

    async def run(
        self, seat: Callable[[str], SeatCamera | None], turn: Callable[[SeatCamera], Awaitable[object]]
    ) -> None:
        """Turn cameras, one after the other; one that does not obey is told in the log and on the panel by its own device."""
        while True:
            found = seat(await self._called.get())
            if found is not None:
                try:
                    await turn(found)
                except ProblemError as error:
                    _LOG.warning("%s was not turned to whom is called: %s", found.camera, error)

    def refresh(self) -> None:
        """Something moved in the room's meetings."""
        if self._store is None or self._stage is None:
            return
        with self._store.batch():
            if self._meetings is not None:
                found, planned = self._meetings.in_line(self._store.name)
                self._store.put(("meeting",), found)
                self._store.put(("planned",), [line.model_dump(mode="json") for line in planned])
            self._stage.refresh()

    def _reading(self, reading: Reading) -> None:
        assert self._store is not None
        self._store.reading(ID, reading)
        self._moved(ID)
