"""For `alembic` run by hand during development; the server migrates through `records.migrate`."""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine

from smartroom.control.records.tables import Table

engine = create_engine(context.config.get_main_option("sqlalchemy.url", "sqlite://"))
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=Table.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
