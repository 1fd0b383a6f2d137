"""Which wall a paired screen belongs to.

Revision ID: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"


def upgrade() -> None:
    """Add the wall to tokens and pairing links."""
    op.add_column("tokens", sa.Column("wall", sa.String(80)))
    op.add_column("pairings", sa.Column("wall", sa.String(80)))
