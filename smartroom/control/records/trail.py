"""The audit trail: who did what, when, to what, and how it ended. Noting never waits; one task writes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from sqlalchemy import insert, select
from sqlalchemy.exc import SQLAlchemyError

from smartroom.control.limits import AUDIT_BATCH, AUDIT_PAGE, AUDIT_QUEUE, STOP_S
from smartroom.control.records.database import Database
from smartroom.control.records.tables import AuditTable
from smartroom.protocol.people import ActorKind, AuditEntry

log = logging.getLogger(__name__)

_RETRY_S = 1.0
_ID_LETTERS = 16


class Trail:
    """Opened by `async with`; what was noted before the end is written before it ends."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rows: asyncio.Queue[dict[str, object] | None] = asyncio.Queue(AUDIT_QUEUE)
        self._task: asyncio.Task[None] | None = None
        self.dropped = 0

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="audit trail")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._task is not None
        try:
            async with asyncio.timeout(STOP_S):
                await self._rows.put(None)
                await self._task
        except TimeoutError:
            log.warning("audit trail: %d rows could not be written", self._rows.qsize())

    @property
    def waiting(self) -> int:
        """Rows not yet on disk."""
        return self._rows.qsize()

    def note(
        self, *, actor: str, kind: str, credential: str, action: str, resource: str, outcome: str, detail: str = ""
    ) -> None:
        """Add a row. When a thousand wait already it is dropped, counted, and said so once a minute."""
        row: dict[str, object] = {
            "at": time.time(),
            "actor": _clean(actor, 80),
            "kind": kind,
            "credential": credential[:_ID_LETTERS],
            "action": action,
            "resource": _clean(resource, 160),
            "outcome": outcome,
            "detail": _clean(detail, 500),
        }
        try:
            self._rows.put_nowait(row)
        except asyncio.QueueFull:
            if self.dropped % AUDIT_QUEUE == 0:
                log.warning("audit trail: the disk is too slow or full, rows are dropped")
            self.dropped += 1

    async def read(self, *, before: int | None = None, limit: int = AUDIT_PAGE) -> Sequence[AuditEntry]:
        """Newest rows first, below number `before`."""
        asked = select(AuditTable.__table__).order_by(AuditTable.number.desc()).limit(min(limit, AUDIT_PAGE))
        if before is not None:
            asked = asked.where(AuditTable.number < before)
        async with self._database.read() as connection:
            return [
                AuditEntry(
                    number=row.number,
                    at=row.at,
                    actor=row.actor,
                    kind=ActorKind(row.kind),
                    action=row.action,
                    resource=row.resource,
                    outcome=row.outcome,
                    detail=row.detail,
                )
                for row in await connection.execute(asked)
            ]

    async def _run(self) -> None:
        ended = False
        while not ended:
            rows = [await self._rows.get()]
            while len(rows) < AUDIT_BATCH and not self._rows.empty():
                rows.append(self._rows.get_nowait())
            ended = None in rows
            await self._write([row for row in rows if row is not None])

    async def _write(self, rows: list[dict[str, object]]) -> None:
        while rows:
            try:
                async with self._database.write() as connection:
                    await connection.execute(insert(AuditTable), rows)
            except (SQLAlchemyError, TimeoutError, OSError) as error:
                log.warning("audit trail: not written, trying again: %s", error)
                await asyncio.sleep(_RETRY_S)
            else:
                return


def _clean(text: str, length: int) -> str:
    # A lone surrogate in somebody's words must not stop the writer.
    return text[:length].encode("utf-8", "replace").decode("utf-8")
