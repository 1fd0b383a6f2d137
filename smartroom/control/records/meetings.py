"""What meetings keep across a restart: their link, their plan, how they ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import delete, insert, or_, select, update

from smartroom.control.conference.ports import MeetingRow
from smartroom.control.records.database import Database
from smartroom.control.records.tables import MeetingTable
from smartroom.protocol.conference import MeetingPhase

_ENDED_KEPT = 200
"""Ended meetings a server holds in memory; older ones stay in the table."""


class MeetingTables:
    """`conference.ports.MeetingRecords` over the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, row: MeetingRow) -> None:
        """Add or change one."""
        values = {**asdict(row), "phase": str(row.phase), "agenda": list(row.agenda), "invited": list(row.invited)}
        async with self._database.write() as connection:
            changed = await connection.execute(
                update(MeetingTable).where(MeetingTable.id == row.id).values(**values)
            )  # fmt: skip
            if changed.rowcount == 0:
                await connection.execute(insert(MeetingTable).values(**values))

    async def load(self) -> Sequence[MeetingRow]:
        """All that are planned or open, and the newest that have ended."""
        ended = (
            select(MeetingTable.id)
            .where(MeetingTable.phase == str(MeetingPhase.ENDED))
            .order_by(MeetingTable.ended.desc())
            .limit(_ENDED_KEPT)
        )
        asked = select(*MeetingTable.__table__.c).where(
            or_(MeetingTable.phase != str(MeetingPhase.ENDED), MeetingTable.id.in_(ended))
        )
        async with self._database.read() as connection:
            return [
                MeetingRow(
                    **{
                        **row._mapping,  # noqa: SLF001  # the library's public way to a row's names
                        "phase": MeetingPhase(row.phase),
                        "agenda": tuple(row.agenda),
                        "invited": tuple(row.invited),
                    }
                )
                for row in await connection.execute(asked)
            ]

    async def remove(self, meeting: str) -> None:
        """Forget a planned one."""
        async with self._database.write() as connection:
            await connection.execute(delete(MeetingTable).where(MeetingTable.id == meeting))
