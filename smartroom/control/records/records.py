"""All records of one server, opened and closed together."""

from __future__ import annotations

import os
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from smartroom.control.records.ceremonies import CeremonyTables
from smartroom.control.records.database import FILE, Database, RecordsError, database_url
from smartroom.control.records.meetings import MeetingTables
from smartroom.control.records.people import PeopleTables
from smartroom.control.records.rooms import LearnedTables, RunTables, StandingTables, WrittenTables
from smartroom.control.records.trail import Trail


class Records:
    """`async with Records(folder)`: migrated, checked, ready. Raises RecordsError with what to do."""

    def __init__(self, folder: Path, url: str | None = None) -> None:
        self._file = folder / FILE if url is None else None
        self.database = Database(database_url(folder, url))
        self.people = PeopleTables(self.database)
        self.runs = RunTables(self.database)
        self.standing = StandingTables(self.database)
        self.written = WrittenTables(self.database)
        self.learned = LearnedTables(self.database)
        self.meetings = MeetingTables(self.database)
        self.ceremonies = CeremonyTables(self.database)
        self.trail = Trail(self.database)
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        if self._file is not None:
            _for_us_alone(self._file)
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


def _for_us_alone(file: Path) -> None:
    """Password hashes lie in it: nobody else on this machine reads it, whatever the folder allows. The journal takes over the mode."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
        file.chmod(0o600)
    except OSError as error:
        raise RecordsError(
            f"{file} cannot be opened ({error.strerror}); check its rights and that the disk is there"
        ) from error
