"""Deadlines under one timer of the loop. Nearly every deadline is called off, so setting one must cost next to nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Patience:
    """Deadlines by whom they belong to (a future); `expire` is called for those that are not forgotten in time."""

    def __init__(self) -> None:
        self._due: dict[object, tuple[float, Callable[[], None]]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def until(self, who: object, at: float, expire: Callable[[], None]) -> None:
        """Call `expire` at `at`, a moment of the loop's clock; a later call for the same one takes the earlier one's place."""
        self._due[who] = (at, expire)
        if self._timer is None or at < self._timer.when():
            self._wind(at)

    def forget(self, who: object) -> None:
        """It ended in time. The timer stays: it looks again when it goes off."""
        self._due.pop(who, None)

    def close(self) -> None:
        """Nobody waits any more."""
        self._due.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wind(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(at, self._ring)

    def _ring(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        while self._due:
            who = min(self._due, key=lambda who: self._due[who][0])
            at, expire = self._due[who]
            if at > now:
                self._wind(at)
                return
            del self._due[who]
            expire()
