"""What identity keeps, and what it asks of whoever stores it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from smartroom.protocol.people import Role


@dataclass(frozen=True, slots=True)
class UserRow:
    """An account. Times are Unix seconds."""

    name: str
    label: str
    password: str
    """argon2id, encoded."""
    role: Role
    rooms: tuple[str, ...]
    created: float
    disabled: bool = False
    last_login: float | None = None


@dataclass(frozen=True, slots=True)
class SessionRow:
    """Somebody signed in. `digest` is SHA-256 of the cookie: a stolen table opens no door."""

    digest: str
    user: str
    created: float
    seen: float
    expires: float
    source: str


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A program's token or a paired screen's."""

    id: str
    digest: str
    kind: str
    name: str
    role: Role
    rooms: tuple[str, ...]
    created: float
    created_by: str
    expires: float | None = None
    last_seen: float | None = None
    wall: str | None = None
    """The wall whose screen it is, in its only room."""


@dataclass(frozen=True, slots=True)
class PairingRow:
    """A link that was handed out and not yet used."""

    digest: str
    name: str
    role: Role
    rooms: tuple[str, ...]
    created_by: str
    expires: float
    wall: str | None = None


class PeopleRecords(Protocol):
    """Accounts, sessions, tokens and pairing links, durable when the call returns."""

    async def users(self) -> Sequence[UserRow]:
        """Every account."""
        ...

    async def user(self, name: str) -> UserRow | None:
        """One account."""
        ...

    async def save_user(self, row: UserRow) -> None:
        """Add or replace an account."""
        ...

    async def remove_user(self, name: str) -> None:
        """Remove an account and its sessions."""
        ...

    async def sessions(self) -> Sequence[SessionRow]:
        """Every session, ended ones too."""
        ...

    async def save_session(self, row: SessionRow) -> None:
        """Add or replace a session."""
        ...

    async def remove_sessions(self, digests: Sequence[str]) -> None:
        """End sessions."""
        ...

    async def tokens(self) -> Sequence[TokenRow]:
        """Every token."""
        ...

    async def token(self, digest: str) -> TokenRow | None:
        """A token by its digest: one may have been added while the server ran."""
        ...

    async def save_token(self, row: TokenRow) -> None:
        """Add or replace a token."""
        ...

    async def remove_token(self, token_id: str) -> None:
        """Revoke a token."""
        ...

    async def save_pairing(self, row: PairingRow) -> None:
        """Add a pairing link."""
        ...

    async def take_pairing(self, digest: str) -> PairingRow | None:
        """Take a link away and return it: of two that ask at once, one gets it."""
        ...
