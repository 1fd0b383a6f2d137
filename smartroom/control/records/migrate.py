"""Alembic, started from the package: no ini file, no command line."""

from __future__ import annotations

import logging
from pathlib import Path

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from smartroom.control.records.tables import Table

_FOLDER = Path(__file__).parent / "migrations"


def known() -> frozenset[str]:
    """Revisions this code knows."""
    return frozenset(script.revision for script in _scripts().walk_revisions())


def head() -> str:
    """The newest revision."""
    found = _scripts().get_current_head()
    assert found is not None
    return found


def upgrade(connection: Connection) -> None:
    """Bring the database to the newest revision, inside the caller's transaction: old or new, never between."""
    logging.getLogger("alembic").setLevel(logging.WARNING)
    scripts = _scripts()

    def steps(revision: object, _context: object) -> object:
        return scripts._upgrade_revs("head", revision)  # type: ignore[arg-type]  # noqa: SLF001  # alembic's own recipe for programs

    with EnvironmentContext(Config(), scripts, fn=steps) as environment:
        environment.configure(
            connection=connection, target_metadata=Table.metadata, render_as_batch=True, transactional_ddl=True
        )
        environment.run_migrations()


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(_FOLDER))
