"""Accounts, sessions, tokens and pairing links: `identity.ports.PeopleRecords` over the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from smartroom.control.identity.ports import PairingRow, SessionRow, TokenRow, UserRow
from smartroom.control.records.database import Database
from smartroom.control.records.tables import PairingTable, SessionTable, Table, TokenTable, UserTable
from smartroom.protocol.people import Role


class PeopleTables:
    """Durable when a call returns."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def users(self) -> Sequence[UserRow]:
        """Every account."""
        async with self._database.read() as connection:
            return [_user(row) for row in await connection.execute(select(UserTable.__table__))]

    async def user(self, name: str) -> UserRow | None:
        """One account."""
        async with self._database.read() as connection:
            row = (await connection.execute(select(UserTable.__table__).where(UserTable.name == name))).first()
            return _user(row) if row else None

    async def save_user(self, row: UserRow) -> None:
        """Add or replace an account."""
        await self._save(UserTable, "name", asdict(row))

    async def remove_user(self, name: str) -> None:
        """Remove an account; its sessions go with it."""
        async with self._database.write() as connection:
            await connection.execute(delete(UserTable).where(UserTable.name == name))

    async def sessions(self) -> Sequence[SessionRow]:
        """Every session."""
        async with self._database.read() as connection:
            return [SessionRow(**row._mapping) for row in await connection.execute(select(SessionTable.__table__))]  # noqa: SLF001  # SQLAlchemy's public name

    async def save_session(self, row: SessionRow) -> None:
        """Add or replace a session."""
        try:
            await self._save(SessionTable, "digest", asdict(row))
        except IntegrityError:
            return  # the account was removed a moment ago: there is nothing to keep

    async def remove_sessions(self, digests: Sequence[str]) -> None:
        """End sessions."""
        async with self._database.write() as connection:
            await connection.execute(delete(SessionTable).where(SessionTable.digest.in_(digests)))

    async def tokens(self) -> Sequence[TokenRow]:
        """Every token."""
        async with self._database.read() as connection:
            return [_token(row) for row in await connection.execute(select(TokenTable.__table__))]

    async def token(self, digest: str) -> TokenRow | None:
        """One token."""
        async with self._database.read() as connection:
            row = (await connection.execute(select(TokenTable.__table__).where(TokenTable.digest == digest))).first()
            return _token(row) if row else None

    async def save_token(self, row: TokenRow) -> None:
        """Add or replace a token."""
        await self._save(TokenTable, "id", asdict(row))

    async def remove_token(self, token_id: str) -> None:
        """Revoke a token."""
        async with self._database.write() as connection:
            await connection.execute(delete(TokenTable).where(TokenTable.id == token_id))

    async def save_pairing(self, row: PairingRow) -> None:
        """Add a pairing link."""
        await self._save(PairingTable, "digest", asdict(row))

    async def take_pairing(self, digest: str) -> PairingRow | None:
        """Take a link away: of two that ask at once, one gets the row."""
        async with self._database.write() as connection:
            row = (
                await connection.execute(select(PairingTable.__table__).where(PairingTable.digest == digest))
            ).first()
            if row is None:
                return None
            gone = await connection.execute(delete(PairingTable).where(PairingTable.digest == digest))
            return _pairing(row) if gone.rowcount == 1 else None

    async def _save(self, table: type[Table], key: str, values: dict[str, object]) -> None:
        # Update, else insert: an upsert is spelled differently by every database, and there is one writer.
        async with self._database.write() as connection:
            changed = await connection.execute(
                update(table).where(table.__table__.c[key] == values[key]).values(**values)
            )
            if changed.rowcount == 0:
                await connection.execute(insert(table).values(**values))


def _user(row: Row[tuple[object, ...]]) -> UserRow:
    fields = dict(row._mapping)  # noqa: SLF001
    return UserRow(**{**fields, "role": Role(fields["role"]), "rooms": tuple(fields["rooms"])})


def _token(row: Row[tuple[object, ...]]) -> TokenRow:
    fields = dict(row._mapping)  # noqa: SLF001
    return TokenRow(**{**fields, "role": Role(fields["role"]), "rooms": tuple(fields["rooms"])})


def _pairing(row: Row[tuple[object, ...]]) -> PairingRow:
    fields = dict(row._mapping)  # noqa: SLF001
    return PairingRow(**{**fields, "role": Role(fields["role"]), "rooms": tuple(fields["rooms"])})
