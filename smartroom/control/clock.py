"""What time it is, asked in one place: an event loop that has a `wall()` of its own tells another time than the world's, and all on it follows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


def monotonic() -> float:
    """Seconds for measuring and waiting, as the loop's timers count them; never set back."""
    loop = _running()
    return loop.time() if loop is not None else time.monotonic()


def wall() -> float:
    """Seconds (Unix) for people and records."""
    own: Callable[[], float] | None = getattr(_running(), "wall", None)
    return own() if own is not None else time.time()


def _running() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
