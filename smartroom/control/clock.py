"""What time it is, asked in one place: an event loop that has a `wall()` of its own tells another time than the world's, and all on it follows."""

from __future__ import annotations

import time
from asyncio import _get_running_loop
from collections.abc import Callable


def monotonic() -> float:
    """Seconds for measuring and waiting, as the loop's timers count them; never set back."""
    loop = _running()
    return loop.time() if loop is not None else time.monotonic()


def wall() -> float:
    """Seconds (Unix) for people and records."""
    own: Callable[[], float] | None = getattr(_running(), "wall", None)
    return own() if own is not None else time.time()


_running = _get_running_loop  # asked thirty times for each property of a scene, and this one raises nothing
