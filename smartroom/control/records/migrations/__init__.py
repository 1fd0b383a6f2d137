"""Alembic's folder: one file per revision, in `versions/`."""
