"""All ceremonies of a server: a hall for each room, one sealing process, and what anybody may know by an id."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from smartroom.control.ceremony.desk import DocumentDesk
from smartroom.control.ceremony.hall import REAL, REHEARSALS, Hall
from smartroom.control.ceremony.ports import Confined, Index, Rules, Tools
from smartroom.control.ceremony.sealing import SealingProcess

_LOG = logging.getLogger(__name__)


class Ceremonies:
    """`async with`, then `run` until cancelled; `enter` for each room."""

    def __init__(
        self, data: Path, rules: Rules, confined: Confined, *, signing: Path | None = None, index: Index | None = None
    ) -> None:
        """`signing` is the sealing process's settings; without it ink is recorded and no document is signed."""
        self.halls: dict[str, Hall] = {}
        self._made: dict[str, Hall] = {}
        self.url = ""
        """Where the public reaches this server, for the QR code."""
        self.confined = confined
        self._data = data
        self.sealing = SealingProcess(signing) if signing else None
        self._tools = Tools(self.sealing, confined, index, rules, self.address)
        self._open = AsyncExitStack()
        self._entered: asyncio.Queue[Hall] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._open.aclose()

    def hall(self, room: str) -> Hall:
        """The hall of a room; it comes to life by `enter`."""
        return self._made.setdefault(room, Hall(room, self._data, self._tools))

    def enter(self, room: str) -> None:
        """A room is there: its ceremonies are, too."""
        if room not in self.halls:
            self.halls[room] = hall = self.hall(room)
            self._entered.put_nowait(hall)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            if self.sealing is not None:
                group.create_task(self.sealing.run(), name="sealing process")
            while True:
                hall = await self._entered.get()
                await self._open.enter_async_context(hall)
                group.create_task(self._keep(hall), name=f"ceremonies:{hall.room}")

    def address(self, ceremony: str) -> str:
        """What the QR code leads to."""
        return f"{self.url}/v/{ceremony}"

    def find(self, ceremony: str) -> tuple[str, Path] | None:
        """Room and folder of a ceremony, by its public id."""
        if not ceremony.isalnum():
            return None
        for shelf in (REAL, REHEARSALS):
            for folder in (self._data / shelf).glob(f"*/{ceremony}"):
                return folder.parent.name, folder
        return None

    def desk_of(self, token: str) -> DocumentDesk | None:
        """The desk that gave out a phone's link."""
        desks = (hall.desk for hall in self.halls.values() if hall.desk is not None)
        return next((desk for desk in desks if desk.knows(token)), None)

    async def _keep(self, hall: Hall) -> None:
        while True:
            try:
                await hall.run()
            except Exception:  # noqa: BLE001  # one room's bug must not take the others with it
                _LOG.exception("ceremonies of %s stopped; they go on", hall.room)
            await asyncio.sleep(1.0)
