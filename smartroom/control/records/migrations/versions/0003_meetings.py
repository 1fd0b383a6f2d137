"""Meetings.

Revision ID: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision: str | None = "0002"


def upgrade() -> None:
    """Add the table of meetings."""
    op.create_table(
        "meetings",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("room", sa.String(64), nullable=False),
        sa.Column("title", sa.String(160), nullable=False),
        sa.Column("phase", sa.String(16), nullable=False),
        sa.Column("code", sa.String(32), nullable=False, unique=True),
        sa.Column("starts", sa.Double(), nullable=False),
        sa.Column("ends", sa.Double(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("created_by", sa.String(80), nullable=False),
        sa.Column("pin", sa.String(16)),
        sa.Column("lobby", sa.Boolean(), nullable=False),
        sa.Column("agenda", sa.JSON(), nullable=False),
        sa.Column("invited", sa.JSON(), nullable=False),
        sa.Column("scene", sa.String(64)),
        sa.Column("opened", sa.Double()),
        sa.Column("ended", sa.Double()),
    )
    op.create_index("ix_meetings_room_starts", "meetings", ["room", "starts"])
