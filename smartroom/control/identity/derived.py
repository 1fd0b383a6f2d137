"""Tokens somebody makes for a program of their own: no more rights than theirs, for minutes. Held in memory alone: a restart ends them all."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import uuid4

from smartroom.control.errors import ProblemError, problem
from smartroom.control.identity.actors import Actor
from smartroom.control.identity.codes import digest, token_secret
from smartroom.control.identity.ports import TokenRow
from smartroom.control.identity.tokens import IssuedToken
from smartroom.control.limits import DERIVED_LIFE_S, DERIVED_PER_AUTHOR
from smartroom.protocol.errors import ErrorCode
from smartroom.protocol.people import ActorKind, Role

_NAME = 80


@dataclass(frozen=True, slots=True)
class _Given:
    row: TokenRow
    author: Actor
    ends: float
    """Monotonic, so that a jump of the wall clock prolongs nothing."""


class Derived:
    """Derived tokens by digest. Whether the author still has the rights, `People` asks at each use."""

    def __init__(self) -> None:
        self._given: dict[str, _Given] = {}

    def create(self, author: Actor, name: str, role: Role, rooms: Sequence[str], seconds: float) -> IssuedToken:
        """A new one, named after program and author; the rights are checked by whoever calls. RATE_LIMITED when the author has many."""
        self._drop_ended()
        if sum(given.author.credential == author.credential for given in self._given.values()) >= DERIVED_PER_AUTHOR:
            raise ProblemError(
                problem(ErrorCode.RATE_LIMITED, "Terlalu banyak skrip berjalan", "Too many scripts are running")
            )
        life = min(seconds, DERIVED_LIFE_S)
        secret, now = token_secret(), time.time()
        row = TokenRow(
            id=uuid4().hex[:12],
            digest=digest(secret),
            kind=str(ActorKind.TOKEN),
            name=f"{name} ({author.name})"[:_NAME],
            role=role,
            rooms=tuple(rooms),
            created=now,
            created_by=author.name,
            expires=now + life,
        )
        self._given[row.digest] = _Given(row, author, time.monotonic() + life)
        return IssuedToken(row, secret)

    def find(self, key: str) -> tuple[TokenRow, Actor] | None:
        """A token that has not ended, and its author as of its making."""
        given = self._given.get(key)
        if given is None or given.ends <= time.monotonic():
            return None
        return given.row, given.author

    def end(self, key: str) -> None:
        """End one by its digest; again is nothing."""
        self._given.pop(key, None)

    def __iter__(self) -> Iterator[TokenRow]:
        """Tokens that hold."""
        self._drop_ended()
        return iter([given.row for given in self._given.values()])

    def _drop_ended(self) -> None:
        now = time.monotonic()
        self._given = {key: given for key, given in self._given.items() if given.ends > now}
