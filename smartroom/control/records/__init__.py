"""The records: SQLAlchemy over SQLite, or PostgreSQL by URL. Bound by app alone."""
