"""Who is signed in: server-side sessions, held in memory, written through."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from smartroom.control.identity.codes import digest, session_secret
from smartroom.control.identity.ports import PeopleRecords, SessionRow
from smartroom.control.limits import SESSION_IDLE_S, SESSION_LIFE_S, SESSIONS_PER_USER

_ID_LETTERS = 16


@dataclass(slots=True)
class _Live:
    row: SessionRow
    # Monotonic, so that a jump of the wall clock signs nobody out.
    seen: float
    ends: float
    unsaved: bool = False


class Sessions:
    """Sessions by the digest of their cookie. Asking is a dictionary look-up: no database stands before a press."""

    def __init__(self, records: PeopleRecords) -> None:
        self._records = records
        self._live: dict[str, _Live] = {}

    async def load(self) -> None:
        """Take over what an earlier process left."""
        now, clock = time.time(), time.monotonic()
        for row in await self._records.sessions():
            self._live[row.digest] = _Live(row, clock - max(0.0, now - row.seen), clock + (row.expires - now))

    async def open(self, user: str, source: str) -> str:
        """A new session; returns the cookie's secret. The oldest of too many ends."""
        secret = session_secret()
        now, clock = time.time(), time.monotonic()
        row = SessionRow(digest(secret), user, now, now, now + SESSION_LIFE_S, source)
        await self._records.save_session(row)
        own = sorted((live.row.created, key) for key, live in self._live.items() if live.row.user == user)
        await self.end(*(key for _, key in own[: max(0, len(own) + 1 - SESSIONS_PER_USER)]))
        self._live[row.digest] = _Live(row, clock, clock + SESSION_LIFE_S)
        return secret

    def user(self, key: str) -> str | None:
        """Account of a live session by its digest."""
        live = self._live.get(key)
        if live is None or not _lives(live):
            return None
        return live.row.user

    def touch(self, key: str) -> None:
        """Somebody did something: the idle time begins anew."""
        live = self._live.get(key)
        if live is not None:
            live.seen = time.monotonic()
            live.unsaved = True

    async def end(self, *keys: str) -> None:
        """End sessions, at once here and then in the records."""
        gone = [key for key in keys if self._live.pop(key, None) is not None]
        if gone:
            await self._records.remove_sessions(gone)

    async def end_user(self, user: str) -> None:
        """End every session of an account."""
        await self.end(*(key for key, live in self._live.items() if live.row.user == user))

    async def sweep(self) -> None:
        """Drop what has ended, write down when the others were last seen."""
        await self.end(*(key for key, live in self._live.items() if not _lives(live)))
        now, clock = time.time(), time.monotonic()
        for live in [live for live in self._live.values() if live.unsaved]:
            live.unsaved = False
            live.row = replace(live.row, seen=now - (clock - live.seen))
            await self._records.save_session(live.row)

    def find(self, session_id: str) -> SessionRow | None:
        """A live session by its public id."""
        return next((row for row in self if public_id(row.digest) == session_id), None)

    def __iter__(self) -> Iterator[SessionRow]:
        """Live sessions."""
        now, clock = time.time(), time.monotonic()
        for live in list(self._live.values()):
            if _lives(live):
                yield replace(live.row, seen=now - (clock - live.seen))


def public_id(key: str) -> str:
    """What lists and revocation use: part of the digest, from which no cookie follows."""
    return key[:_ID_LETTERS]


def _lives(live: _Live) -> bool:
    clock = time.monotonic()
    return clock < live.ends and clock - live.seen < SESSION_IDLE_S
