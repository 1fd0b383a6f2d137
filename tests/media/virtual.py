"""A loop on virtual time: sockets are real, sleeping costs nothing, and a busy machine changes no result.

Whenever no datagram waits and nothing else is to be done, the clock jumps to the next timer. So work takes no time at all,
and what a test measures is what the engine decided, not how fast this machine is.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar
from unittest import mock

T = TypeVar("T")


class VirtualLoop(asyncio.SelectorEventLoop):
    """Its clock starts at the real one's time and then moves by timers alone."""

    def __init__(self) -> None:
        self._now = time.monotonic()
        super().__init__(_Jumping(self._pass))

    def time(self) -> float:
        """Virtual seconds."""
        return self._now

    def _pass(self, seconds: float) -> None:
        self._now += seconds


class _Jumping(selectors.DefaultSelector):
    """Never waits for a timer: tells that the time has passed."""

    def __init__(self, passed: Callable[[float], None]) -> None:
        super().__init__()
        self._passed = passed

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(None if timeout is None else 0)
        if not ready and timeout:
            self._passed(timeout)
        return ready


def run(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine on virtual time; `time.monotonic` follows it."""
    with (
        asyncio.Runner(loop_factory=VirtualLoop) as runner,
        mock.patch.object(time, "monotonic", runner.get_loop().time),
    ):
        return runner.run(main())
