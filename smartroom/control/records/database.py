"""One database, one writer. The only place that knows which database it is."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import URL, delete, event, inspect, make_url, text
from sqlalchemy.exc import DatabaseError, DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from smartroom.control.limits import RECORDS_TIMEOUT_S
from smartroom.control.records.tables import PairingTable, Table

log = logging.getLogger(__name__)

FILE = "smartroom.db"
HEAD = "0004"
"""Newest migration; kept here so that a start need not import alembic to find that there is nothing to do."""

_SAFE_WAL = (3, 51, 3)
_PROBE_S = 1.0


class RecordsError(Exception):
    """The records cannot be used; the sentence says what to do."""


class Database:
    """Opened by `async with`; migrated first when it is older than the code."""

    def __init__(self, url: URL) -> None:
        self.url = url
        self.engine: AsyncEngine = _engine(url)
        self._writer = asyncio.Lock()
        self._probed = False
        self._probed_at = -_PROBE_S

    async def __aenter__(self) -> Self:
        try:
            revision = await self._revision()
            if revision != HEAD:
                await self._migrate(revision)
            await self._check()
        except BaseException:
            await self.engine.dispose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.engine.dispose()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection to read with."""
        async with self.engine.connect() as connection:
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction, durable when the block ends. Raises TimeoutError when the writer is busy for too long."""
        async with asyncio.timeout(RECORDS_TIMEOUT_S * 2):
            await self._writer.acquire()
        try:
            async with self.engine.begin() as connection:
                yield connection
        finally:
            self._writer.release()

    async def writable(self) -> bool:
        """True when a transaction can be begun and committed; asked more often than once a second, the last answer."""
        if time.monotonic() - self._probed_at < _PROBE_S:
            return self._probed
        try:
            async with asyncio.timeout(RECORDS_TIMEOUT_S), self.write() as connection:
                await connection.execute(delete(PairingTable).where(PairingTable.expires < time.time()))
            self._probed = True
        except (SQLAlchemyError, TimeoutError, OSError) as error:
            log.warning("the records cannot be written: %s", error)
            self._probed = False
        self._probed_at = time.monotonic()
        return self._probed

    async def _revision(self) -> str | None:
        try:
            async with self.engine.connect() as connection:
                if not await connection.run_sync(lambda plain: inspect(plain).has_table("alembic_version")):
                    return None
                row = (await connection.execute(text("SELECT version_num FROM alembic_version"))).first()
        except (DBAPIError, OSError) as error:
            cause = getattr(error, "orig", error)
            damaged = type(error) is DatabaseError
            what = "is damaged" if damaged else "cannot be opened"
            fix = (
                "set it aside and start again, or restore a backup"
                if damaged
                else "check its rights and that the disk is there"
            )
            raise RecordsError(f"{self._where()} {what} ({cause}); {fix}") from error
        return str(row[0]) if row else None

    async def _migrate(self, revision: str | None) -> None:
        if revision is None and await self._empty():
            await self._create()
            return
        # alembic costs a third of a second: imported only when there is something to do.
        from smartroom.control.records.migrate import known, upgrade  # noqa: PLC0415

        if revision is not None and revision not in known():
            raise RecordsError(
                f"{self._where()} was written by a newer smartroom (revision {revision}, this one knows up to {HEAD}); "
                "start that version, or restore a backup made before the upgrade",
            )
        log.info("records: revision %s -> %s", revision or "empty", HEAD)
        async with self.engine.begin() as connection:
            await connection.run_sync(upgrade)

    async def _empty(self) -> bool:
        async with self.engine.connect() as connection:
            return not await connection.run_sync(lambda plain: inspect(plain).get_table_names())

    async def _create(self) -> None:
        """A new database begins at the newest revision; a test proves that the migrations lead to the same tables."""
        async with self.engine.begin() as connection:
            await connection.run_sync(Table.metadata.create_all)
            await connection.execute(
                text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
            )
            await connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})

    async def _check(self) -> None:
        if self.url.get_backend_name() != "sqlite":
            return
        async with self.engine.connect() as connection:
            mode = str((await connection.execute(text("PRAGMA journal_mode"))).scalar_one())
            version = tuple(
                int(part)
                for part in str((await connection.execute(text("SELECT sqlite_version()"))).scalar_one()).split(".")
            )
        if mode == "wal" and version < _SAFE_WAL:
            raise RecordsError(
                f"{self._where()} is in WAL mode, which SQLite {'.'.join(map(str, version))} can corrupt; "
                'run: sqlite3 FILE "PRAGMA journal_mode=DELETE"',
            )

    def _where(self) -> str:
        return self.url.render_as_string(hide_password=True)


def database_url(folder: Path, url: str | None = None) -> URL:
    """SQLite in the data folder, or what the settings say (`postgresql+asyncpg://…`)."""
    return make_url(url) if url else URL.create("sqlite+aiosqlite", database=str(folder / FILE))


def _engine(url: URL) -> AsyncEngine:
    if url.get_backend_name() != "sqlite":
        return create_async_engine(url, pool_pre_ping=True)
    engine = create_async_engine(
        url,
        connect_args={"timeout": RECORDS_TIMEOUT_S},
        pool_size=2,
        max_overflow=2,
    )
    event.listen(engine.sync_engine, "connect", _sqlite_connected)
    event.listen(engine.sync_engine, "begin", _sqlite_begin)
    return engine


def _sqlite_connected(connection: sqlite3.Connection, _record: object) -> None:
    # We begin transactions ourselves: the driver's own rule would not cover DDL.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("foreign_keys=ON", "synchronous=FULL", "trusted_schema=OFF", "mmap_size=0"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _sqlite_begin(connection: object) -> None:
    connection.exec_driver_sql("BEGIN")  # type: ignore[attr-defined]
