"""Passwords: argon2id in a thread, few at a time, slower after wrong tries."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from smartroom.control.errors import ProblemError, problem
from smartroom.control.limits import (
    HASHES_AT_ONCE,
    HASHES_WAITING,
    LOGIN_DELAY_MAX_S,
    LOGIN_FREE_TRIES,
    LOGIN_MEMORY,
    LOGIN_MEMORY_S,
    LOGIN_SOURCE_TRIES,
    PASSWORD_MIN,
)
from smartroom.protocol.errors import ErrorCode

if TYPE_CHECKING:
    from argon2 import PasswordHasher

_Result = TypeVar("_Result")
_COMMON = ("password", "katasandi", "123456", "qwerty", "smartroom", "administrator", "rahasia", "indonesia")


class Passwords:
    """Hash and verify; few at once, because hashing can be an attack."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(HASHES_AT_ONCE)
        self._waiting = 0

    async def hash(self, password: str, account: str = "") -> str:
        """argon2id of a new password; raises ProblemError INVALID when it is too weak."""
        check_strength(password, account)
        return await self._in_turn(lambda: _hasher().hash(password))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Is it the password? An account that does not exist takes as long as one that does."""
        return await self._in_turn(lambda: _matches(stored, password))

    async def _in_turn(self, work: Callable[[], _Result]) -> _Result:
        if self._waiting >= HASHES_WAITING:
            raise ProblemError(
                problem(ErrorCode.OVERLOADED, "Terlalu banyak yang masuk bersamaan", "Too many people sign in at once")
            )
        self._waiting += 1
        try:
            async with self._slots:
                return await asyncio.to_thread(work)
        finally:
            self._waiting -= 1


def check_strength(password: str, account: str = "") -> None:
    """Raise ProblemError INVALID with the rule that is broken: length, the account's own name, a common word, one repeated letter."""
    bare = password.casefold().replace(" ", "")
    if len(password) < PASSWORD_MIN:
        raise _weak(f"Kata sandi minimal {PASSWORD_MIN} huruf", f"A password has at least {PASSWORD_MIN} characters")
    if account and account in bare:
        raise _weak("Kata sandi memuat nama akun", "The password contains the account's name")
    for word in _COMMON:
        if word in bare and len(bare.replace(word, "")) < PASSWORD_MIN // 2:
            raise _weak("Kata sandi terlalu umum", "The password is too common")
    if len(set(bare)) < PASSWORD_MIN // 3:
        raise _weak("Kata sandi terlalu mudah", "The password repeats too few characters")


@dataclass(slots=True)
class _Tries:
    wrong: int
    last: float


class Slowdown:
    """Wrong tries per (account, source) and per source. Nobody is locked out of a session that lives; only new tries wait."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tries: OrderedDict[tuple[str, str], _Tries] = OrderedDict()

    def wait_s(self, account: str, source: str) -> float:
        """Seconds until the next try is heard; 0 now."""
        return max(self._left((account, source), LOGIN_FREE_TRIES), self._left(("", source), LOGIN_SOURCE_TRIES))

    def wrong(self, account: str, source: str) -> None:
        """Count a wrong try."""
        for key in ((account, source), ("", source)):
            tries = self._fresh(key)
            count = tries.wrong + 1 if tries else 1
            self._tries[key] = _Tries(count, self._clock())
            self._tries.move_to_end(key)
        while len(self._tries) > LOGIN_MEMORY:
            self._tries.popitem(last=False)

    def right(self, account: str, source: str) -> None:
        """Forget this account's wrong tries from here."""
        self._tries.pop((account, source), None)

    def _left(self, key: tuple[str, str], free: int) -> float:
        tries = self._fresh(key)
        if tries is None or tries.wrong < free:
            return 0.0
        delay = min(LOGIN_DELAY_MAX_S, 2.0 ** min(tries.wrong - free, 10))
        return max(0.0, tries.last + delay - self._clock())

    def _fresh(self, key: tuple[str, str]) -> _Tries | None:
        tries = self._tries.get(key)
        return tries if tries is not None and self._clock() - tries.last < LOGIN_MEMORY_S else None


def _weak(indonesian: str, english: str) -> ProblemError:
    return ProblemError(problem(ErrorCode.INVALID, indonesian, english, name="password"))


@cache
def _hasher() -> PasswordHasher:
    # Imported at the first sign-in: a start should not pay for it.
    from argon2 import PasswordHasher  # noqa: PLC0415

    # OWASP's first choice: 19 MiB, two passes, one lane; 30-50 ms on a small server.
    return PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


@cache
def _nobodys_hash() -> str:
    return _hasher().hash("an account that does not exist")


def _matches(stored: str | None, password: str) -> bool:
    from argon2.exceptions import InvalidHashError, VerificationError  # noqa: PLC0415

    try:
        _hasher().verify(stored or _nobodys_hash(), password)
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None
