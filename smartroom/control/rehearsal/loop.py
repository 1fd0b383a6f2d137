"""An event loop whose time jumps to the next timer as soon as nothing else is to be done: forty minutes pass in seconds, in the same order.

Nothing sleeps: between two timers no time passes at all. So the same beginning leads to the same events, however busy the machine is.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, TypeVar, TypeVarTuple

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")

_TICK_S = 1e-6

PATIENCE_S = 5.0
"""Real seconds to wait for another thread when no timer is left; then nothing will ever happen again."""


class Stuck(RuntimeError):
    """Everything waits for something that nobody will do."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """`time()` is virtual; `wall()` counts on from the moment it is given (Unix seconds)."""

    def __init__(self, wall: float) -> None:
        self._now = 0.0
        self._wall = wall
        super().__init__(_Jumping(self))

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._now

    def wall(self) -> float:
        """What people would read off its clock."""
        return self._wall + self._now

    def call_later(
        self,
        delay: float,
        callback: Callable[[*_Ts], object],
        *args: *_Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """As in the world no timer takes no time at all: a motor that asks again when it should have arrived would ask for ever."""
        return super().call_later(max(delay, _TICK_S) if delay > 0 else delay, callback, *args, context=context)

    def jump(self, seconds: float) -> None:
        """Nothing happens for so long."""
        self._now += seconds


class _Jumping(selectors.DefaultSelector):
    """Looks whether anything is ready; if not, time has passed."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is not None:
            self._loop.jump(timeout)
            return []
        ready = super().select(PATIENCE_S)
        if not ready:
            raise Stuck("nothing is left to happen: a task waits for something that nobody will do")
        return ready


def run_virtual(main: Coroutine[Any, Any, _T], wall: float) -> _T:
    """`asyncio.run` on virtual time."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(wall)) as runner:
        return runner.run(main)
