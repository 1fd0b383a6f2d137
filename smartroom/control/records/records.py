"""All records of one server, opened and closed together."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from smartroom.control.records.database import Database, database_url
from smartroom.control.records.people import PeopleTables
from smartroom.control.records.rooms import LearnedTables, RunTables, StandingTables, WrittenTables
from smartroom.control.records.trail import Trail


class Records:
    """`async with Records(folder)`: migrated, checked, ready. Raises RecordsError with what to do."""

    def __init__(self, folder: Path, url: str | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.database = Database(database_url(folder, url))
        self.people = PeopleTables(self.database)
        self.runs = RunTables(self.database)
        self.standing = StandingTables(self.database)
        self.written = WrittenTables(self.database)
        self.learned = LearnedTables(self.database)
        self.trail = Trail(self.database)
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as opening:
            await opening.enter_async_context(self.database)
            await opening.enter_async_context(self.trail)
            self._open = opening.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._open.aclose()

    async def writable(self) -> bool:
        """Whether a transaction goes through now, and the trail keeps up."""
        return self.trail.dropped == 0 and await self.database.writable()
