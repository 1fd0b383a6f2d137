"""Ways in without a password: tokens of programs, and of tablets and walls paired by a one-use link."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from uuid import uuid4

from smartroom.control.errors import ProblemError, problem
from smartroom.control.identity.codes import digest, pairing_code, token_secret
from smartroom.control.identity.ports import PairingRow, PeopleRecords, TokenRow
from smartroom.control.limits import DEVICE_TOKEN_IDLE_S, PAIRING_LIFE_S, TOKEN_MISSES_PER_S
from smartroom.protocol.errors import ErrorCode
from smartroom.protocol.people import ActorKind, Role

_SECONDS_A_DAY = 86_400.0
_SAVE_SEEN_S = 3600.0
_SETTLED_S = 60.0


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token and its secret; this is the only moment the secret exists here."""

    row: TokenRow
    secret: str


@dataclass(frozen=True, slots=True)
class IssuedPairing:
    """A pairing link and its code."""

    row: PairingRow
    code: str


class Tokens:
    """Tokens by digest, in memory, written through; a digest not known here is looked up once, rarely."""

    def __init__(self, records: PeopleRecords) -> None:
        self._records = records
        self._rows: dict[str, TokenRow] = {}
        self._misses = 0.0
        self._missed_at = 0.0

    async def load(self) -> None:
        """Take over what is stored."""
        self._rows = {row.digest: row for row in await self._records.tokens()}

    async def create(
        self,
        name: str,
        role: Role,
        rooms: Sequence[str],
        by: str,
        *,
        days: float | None = None,
        kind: ActorKind = ActorKind.TOKEN,
        wall: str | None = None,
    ) -> IssuedToken:
        """A new token. A screen's ends when it stays away for months, a program's after `days` or never."""
        secret = token_secret()
        now = time.time()
        life = DEVICE_TOKEN_IDLE_S if kind is ActorKind.DEVICE else None if days is None else days * _SECONDS_A_DAY
        row = TokenRow(
            id=uuid4().hex[:12],
            digest=digest(secret),
            kind=str(kind),
            name=name,
            role=role,
            rooms=tuple(rooms),
            created=now,
            created_by=by,
            expires=None if life is None else now + life,
            wall=wall,
        )
        await self._records.save_token(row)
        self._rows[row.digest] = row
        return IssuedToken(row, secret)

    def by_digest(self, key: str) -> TokenRow | None:
        """A token that still holds."""
        row = self._rows.get(key)
        return row if row is not None and not _expired(row) else None

    async def by_secret(self, secret: str) -> TokenRow | None:
        """The same by the secret itself; one added by another program while we run is found, too."""
        key = digest(secret)
        if key in self._rows:
            return self.by_digest(key)
        if not self._may_look():
            return None
        row = await self._records.token(key)
        if row is not None:
            self._rows[key] = row
        return self.by_digest(key)

    async def revoke(self, token_id: str) -> bool:
        """Take a token away; False when there is none."""
        row = self.find(token_id)
        if row is None:
            return False
        self._rows.pop(row.digest, None)
        await self._records.remove_token(token_id)
        return True

    def find(self, token_id: str) -> TokenRow | None:
        """A token by its public id."""
        return next((row for row in self._rows.values() if row.id == token_id), None)

    def touch(self, key: str) -> None:
        """It was used."""
        row = self._rows.get(key)
        if row is not None:
            self._rows[key] = replace(row, last_seen=time.time())

    async def sweep(self) -> None:
        """Drop the ended; write down the use of the others, once an hour each; a screen in use lives on."""
        stored = {row.digest: row for row in await self._records.tokens()}
        for row in list(self._rows.values()):
            known = stored.get(row.digest)
            if _expired(row):
                await self.revoke(row.id)
            elif known is None and row.created < time.time() - _SETTLED_S:
                self._rows.pop(row.digest, None)  # another program revoked it
            elif known is not None and (row.last_seen or 0.0) - (known.last_seen or 0.0) > _SAVE_SEEN_S:
                expires = (row.last_seen or 0.0) + DEVICE_TOKEN_IDLE_S if row.kind == ActorKind.DEVICE else row.expires
                self._rows[row.digest] = replace(row, expires=expires)
                await self._records.save_token(self._rows[row.digest])

    def __iter__(self) -> Iterator[TokenRow]:
        """Tokens that hold."""
        return iter([row for row in self._rows.values() if not _expired(row)])

    async def offer(
        self, name: str, role: Role, rooms: Sequence[str], by: str, *, wall: str | None = None
    ) -> IssuedPairing:
        """A one-use link for a screen; for a wall's own screen, role and room are those of the wall."""
        if wall is not None and (role is not Role.DISPLAY or len(rooms) != 1 or "*" in rooms):
            raise ProblemError(
                problem(
                    ErrorCode.INVALID,
                    "Layar dinding dipasangkan sebagai display di satu ruangan",
                    "A wall is paired as a display of one room",
                    name="wall",
                )
            )
        code = pairing_code()
        row = PairingRow(digest(code), name, role, tuple(rooms), by, time.time() + PAIRING_LIFE_S, wall)
        await self._records.save_pairing(row)
        return IssuedPairing(row, code)

    async def redeem(self, code: str) -> IssuedToken:
        """The screen's token for a link; raises ProblemError NOT_FOUND when it was used, is too old or never was."""
        row = await self._records.take_pairing(digest(code))
        if row is None or row.expires < time.time():
            raise ProblemError(
                problem(
                    ErrorCode.NOT_FOUND,
                    "Tautan pemasangan sudah dipakai atau kedaluwarsa",
                    "The pairing link was used already or is too old",
                    detail=f"a link is good once, for {PAIRING_LIFE_S / 60:.0f} minutes",
                ),
            )
        return await self.create(row.name, row.role, row.rooms, row.created_by, kind=ActorKind.DEVICE, wall=row.wall)

    def walls(self, room: str) -> frozenset[str]:
        """Walls of a room that have a screen of their own."""
        return frozenset(row.wall for row in self if row.wall is not None and room in row.rooms)

    def _may_look(self) -> bool:
        now = time.monotonic()
        self._misses = max(0.0, self._misses - (now - self._missed_at) * TOKEN_MISSES_PER_S)
        self._missed_at = now
        if self._misses >= TOKEN_MISSES_PER_S:
            return False
        self._misses += 1
        return True


def _expired(row: TokenRow) -> bool:
    return row.expires is not None and row.expires < time.time()
