"""The database: migrated, checked, refused when it cannot be trusted."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, inspect
from sqlalchemy.schema import CreateTable

from smartroom.control.records.database import FILE, HEAD, Database, RecordsError, database_url
from smartroom.control.records.migrate import head, known, upgrade
from smartroom.control.records.records import Records
from smartroom.control.records.tables import Table

TABLES = {
    "users",
    "sessions",
    "tokens",
    "pairings",
    "audit",
    "runs",
    "scene_owners",
    "written_values",
    "learned",
    "meetings",
    "ceremonies",
}


def shape(connection: Connection) -> dict[str, object]:
    """Columns, keys and indexes of every table, as the database tells them."""
    seen = inspect(connection)
    return {
        name: (
            sorted((column["name"], str(column["type"]), column["nullable"]) for column in seen.get_columns(name)),
            seen.get_pk_constraint(name)["constrained_columns"],
            sorted((key["referred_table"], key["options"].get("ondelete", "")) for key in seen.get_foreign_keys(name)),
            sorted(",".join(str(column) for column in index["column_names"]) for index in seen.get_indexes(name)),
            sorted(",".join(key["column_names"]) for key in seen.get_unique_constraints(name)),
        )
        for name in seen.get_table_names()
        if name != "alembic_version"
    }


def test_the_migrations_lead_to_the_tables_of_the_code() -> None:
    """Migrations from empty and `create_all` give the same database; HEAD is the newest revision."""
    migrated, made = create_engine("sqlite://"), create_engine("sqlite://")
    with migrated.begin() as connection:
        upgrade(connection)
        by_migration = shape(connection)
    with made.begin() as connection:
        Table.metadata.create_all(connection)
        by_code = shape(connection)
    migrated.dispose()
    made.dispose()
    assert set(by_migration) == TABLES
    assert by_migration == by_code
    assert head() == HEAD
    assert known() >= {"0001"}


async def test_a_new_folder_gets_a_database_at_head(tmp_path: Path) -> None:
    """The first start makes the file, rollback journal, FULL, foreign keys on; the second finds nothing to do."""
    for _ in range(2):
        async with Database(database_url(tmp_path)) as database, database.read() as connection:
            for pragma, expected in (("journal_mode", "delete"), ("synchronous", 2), ("foreign_keys", 1)):
                assert expected == (await connection.exec_driver_sql(f"PRAGMA {pragma}")).scalar_one()
            assert (await connection.exec_driver_sql("SELECT version_num FROM alembic_version")).scalar_one() == HEAD


async def test_the_file_is_for_the_server_alone(tmp_path: Path) -> None:
    """0600 from the first byte, an older looser file too, whatever the folder allows."""
    (tmp_path / FILE).touch(0o644)
    async with Records(tmp_path):
        assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


async def test_a_folder_without_rights_is_told(tmp_path: Path) -> None:
    """A file that cannot be opened is named with what to check, by an error and no traceback."""
    (tmp_path / "smartroom.db").mkdir()
    with pytest.raises(RecordsError, match="cannot be opened"):
        async with Records(tmp_path):
            pass


async def test_an_unversioned_database_is_migrated(tmp_path: Path) -> None:
    """A file with other tables and no version goes through the migrations and keeps what it had."""
    with sqlite3.connect(tmp_path / FILE) as plain:
        plain.execute("CREATE TABLE visitors (name TEXT)")
    plain.close()
    async with Database(database_url(tmp_path)) as database, database.read() as connection:
        names = await connection.run_sync(lambda sync: set(inspect(sync).get_table_names()))
    assert names >= TABLES | {"visitors"}


async def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    """A database of a later version is left alone, and the sentence says what to do."""
    async with Database(database_url(tmp_path)):
        pass
    with sqlite3.connect(tmp_path / FILE) as plain:
        plain.execute("UPDATE alembic_version SET version_num = '9999'")
    plain.close()
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(RecordsError, match=r"newer smartroom .*9999"):
        async with Database(database_url(tmp_path)):
            pass
    assert before == (tmp_path / FILE).read_bytes()


async def test_wal_is_refused_on_an_old_sqlite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """WAL code before 3.51.3 can corrupt: such a database is refused with the command that helps."""
    async with Database(database_url(tmp_path)):
        pass
    with sqlite3.connect(tmp_path / FILE) as plain:
        plain.execute("PRAGMA journal_mode=WAL")
    plain.close()
    monkeypatch.setattr("smartroom.control.records.database._SAFE_WAL", (99, 0, 0))
    with pytest.raises(RecordsError, match="journal_mode=DELETE"):
        async with Database(database_url(tmp_path)):
            pass


async def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    """A file that is no database is named, not overwritten."""
    (tmp_path / FILE).write_bytes(b"this is no database at all " * 200)
    with pytest.raises(RecordsError, match="damaged"):
        async with Database(database_url(tmp_path)):
            pass


async def test_a_lock_held_elsewhere_is_an_error_within_five_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program's write lock makes the records unwritable, soon and without an exception; released, they are back."""
    monkeypatch.setattr("smartroom.control.records.database.RECORDS_TIMEOUT_S", 0.2)
    monkeypatch.setattr("smartroom.control.records.database._PROBE_S", 0.0)
    async with Records(tmp_path) as records:
        other = sqlite3.connect(tmp_path / FILE, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        async with asyncio.timeout(5):
            assert not await records.writable()
        other.execute("ROLLBACK")
        other.close()
        assert await records.writable()


async def test_postgres_stays_possible() -> None:
    """No table needs SQLite: every one can be written as PostgreSQL's DDL."""
    dialect = database_url(Path("/nowhere"), "postgresql+asyncpg://u@h/d").get_dialect()()
    written = [str(CreateTable(table).compile(dialect=dialect)) for table in Table.metadata.sorted_tables]
    assert len(TABLES) == len(written)
    assert database_url(Path("/nowhere"), "postgresql+asyncpg://u@h/d").drivername == "postgresql+asyncpg"
