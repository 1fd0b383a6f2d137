"""Ceremonies by number and state, each with the last head of its journal. The journal is the record; this finds it."""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy import insert, select, update

from smartroom.control.ceremony.ports import IndexRow
from smartroom.control.records.database import Database
from smartroom.control.records.tables import CeremonyTable


class CeremonyTables:
    """`ceremony.ports.Index` over the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, row: IndexRow) -> None:
        """Add or change one."""
        async with self._database.write() as connection:
            changed = await connection.execute(
                update(CeremonyTable).where(CeremonyTable.id == row.id).values(**asdict(row))
            )
            if changed.rowcount == 0:
                await connection.execute(insert(CeremonyTable).values(**asdict(row)))

    async def find(self, ceremony: str) -> IndexRow | None:
        """What was last kept."""
        asked = select(*CeremonyTable.__table__.c).where(CeremonyTable.id == ceremony)
        async with self._database.read() as connection:
            row = (await connection.execute(asked)).first()
        return None if row is None else IndexRow(**row._mapping)  # noqa: SLF001  # the library's public way to a row's names
