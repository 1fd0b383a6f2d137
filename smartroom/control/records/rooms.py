"""What rooms keep across a restart: runs, standing scenes, written values, what was learned of devices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import delete, insert, select, update

from smartroom.control.records.database import Database
from smartroom.control.records.tables import LearnedTable, OwnerTable, RunTable, Table, WrittenTable
from smartroom.control.scenes.ports import StandingScene, UnfinishedRun


class RunTables:
    """`scenes.ports.RunRecords` over the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, run: str, room: str, scene: str, by: str, started: float, snapshot_json: str) -> None:
        """A run was accepted."""
        async with self._database.write() as connection:
            await connection.execute(
                insert(RunTable).values(
                    id=run, room=room, scene=scene, by=by, started=started, snapshot=snapshot_json, dismissed=False
                ),
            )

    async def end(self, run: str, run_json: str) -> None:
        """A run ended."""
        async with self._database.write() as connection:
            await connection.execute(update(RunTable).where(RunTable.id == run).values(run=run_json))

    async def unfinished(self, room: str) -> UnfinishedRun | None:
        """The newest run without an end that nobody dismissed; a finished one after it makes it history."""
        asked = select(RunTable.id, RunTable.scene, RunTable.by, RunTable.started, RunTable.run, RunTable.dismissed)
        async with self._database.read() as connection:
            row = (
                await connection.execute(asked.where(RunTable.room == room).order_by(RunTable.started.desc()).limit(1))
            ).first()
        if row is None or row.run is not None or row.dismissed:
            return None
        return UnfinishedRun(row.id, row.scene, row.by, row.started)

    async def dismiss(self, run: str) -> None:
        """Do not offer it again."""
        async with self._database.write() as connection:
            await connection.execute(update(RunTable).where(RunTable.id == run).values(dismissed=True))

    async def recent(self, room: str, limit: int) -> Sequence[str]:
        """Newest finished runs, as JSON of `protocol.state.Run`."""
        asked = (
            select(RunTable.run)
            .where(RunTable.room == room, RunTable.run.is_not(None))
            .order_by(RunTable.started.desc())
            .limit(limit)
        )
        async with self._database.read() as connection:
            return [text for text in (await connection.execute(asked)).scalars() if text is not None]


class StandingTables:
    """`scenes.ports.StandingRecords` over the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def replace(self, room: str, scenes: Sequence[StandingScene]) -> None:
        """These and no others stand now."""
        async with self._database.write() as connection:
            await connection.execute(delete(OwnerTable).where(OwnerTable.room == room))
            if scenes:
                await connection.execute(
                    insert(OwnerTable),
                    [
                        {"room": room, "scene": standing.scene, "by": standing.by, "since": standing.since}
                        for standing in scenes
                    ],
                )

    async def load(self, room: str) -> Sequence[StandingScene]:
        """Scenes that stood when the server ended, the oldest first."""
        asked = (
            select(OwnerTable.scene, OwnerTable.by, OwnerTable.since)
            .where(OwnerTable.room == room)
            .order_by(OwnerTable.since)
        )
        async with self._database.read() as connection:
            return [StandingScene(row.scene, row.by, row.since) for row in await connection.execute(asked)]


class WrittenTables:
    """Last values written to properties that cannot be read back."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, room: str, device: str, name: str, value_json: str, at: float) -> None:
        """A value was written."""
        key = {"room": room, "device": device, "property": name}
        await _save(self._database, WrittenTable, key, {"value": value_json, "at": at})

    async def load(self, room: str) -> Mapping[tuple[str, str], tuple[str, float]]:
        """(device, property) -> (value as JSON, when)."""
        asked = select(WrittenTable.device, WrittenTable.property, WrittenTable.value, WrittenTable.at).where(
            WrittenTable.room == room
        )
        async with self._database.read() as connection:
            return {(row.device, row.property): (row.value, row.at) for row in await connection.execute(asked)}


class LearnedTables:
    """What was measured of devices."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, room: str, device: str, key: str, value_json: str) -> None:
        """A new measure."""
        await _save(self._database, LearnedTable, {"room": room, "device": device, "key": key}, {"value": value_json})

    async def load(self, room: str) -> Mapping[tuple[str, str], str]:
        """(device, key) -> value as JSON."""
        asked = select(LearnedTable.device, LearnedTable.key, LearnedTable.value).where(LearnedTable.room == room)
        async with self._database.read() as connection:
            return {(row.device, row.key): row.value for row in await connection.execute(asked)}


async def _save(database: Database, table: type[Table], key: Mapping[str, str], values: Mapping[str, object]) -> None:
    here = [table.__table__.c[name] == wanted for name, wanted in key.items()]
    async with database.write() as connection:
        changed = await connection.execute(update(table).where(*here).values(**values))
        if changed.rowcount == 0:
            await connection.execute(insert(table).values(**key, **values))
