"""asyncio for a media worker: packets are taken in right where the loop waits for them.

After a pause every step costs ten times what it costs warm, and between the kernel and a reader asyncio takes a dozen.
"""

from __future__ import annotations

import asyncio
import logging
import select
import selectors
import time
from collections.abc import Callable, Mapping
from contextvars import Context
from functools import partial
from typing import Any, TypeVarTuple

Given = TypeVarTuple("Given")
_Events = list[tuple[selectors.SelectorKey, int]]

log = logging.getLogger(__name__)


class MediaLoop(asyncio.SelectorEventLoop):
    """A loop whose readers are called directly: asyncio wakes up for what they schedule, its timers, and its own transports."""

    def __init__(self) -> None:
        self._direct = _Selector()
        super().__init__(self._direct)

    def add_reader(self, fd: Any, callback: Callable[[*Given], object], *args: *Given) -> None:
        """Call this directly whenever the descriptor `fd` can be read; it has to read, and nothing else may watch `fd`."""
        self._direct.add(fd, partial(callback, *args))

    def remove_reader(self, fd: Any) -> bool:
        """Call nobody any more; False where nobody was called."""
        return self._direct.remove(fd)

    def call_soon(
        self, callback: Callable[[*Given], object], *args: *Given, context: Context | None = None
    ) -> asyncio.Handle:
        """As in every loop."""
        self._direct.scheduled = True
        return super().call_soon(callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*Given], object], *args: *Given, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """As in every loop."""
        self._direct.scheduled = True
        return super().call_at(when, callback, *args, context=context)


class _Selector(selectors.BaseSelector):
    """What asyncio watches is one descriptor of ours (epoll(7): an epoll can be watched); the direct ones are the others."""

    def __init__(self) -> None:
        self.scheduled = False  # the loop has something to do
        self._callbacks: dict[int, Callable[[], object]] = {}
        self._inner = selectors.EpollSelector()
        self._outer = select.epoll()
        self._outer.register(self._inner.fileno(), select.EPOLLIN)

    def add(self, fd: int, callback: Callable[[], object]) -> None:
        self._outer.register(fd, select.EPOLLIN)
        self._callbacks[fd] = callback

    def remove(self, fd: int) -> bool:
        known = self._callbacks.pop(fd, None) is not None
        if known:
            self._outer.unregister(fd)
        return known

    def select(self, timeout: float | None = None) -> _Events:
        self.scheduled = False
        until = None if timeout is None else time.monotonic() + timeout
        wait = timeout
        while True:
            others = False
            for fd, _ in self._outer.poll(None if wait is None else max(0.0, wait)):
                callback = self._callbacks.get(fd)
                if callback is None:
                    others = True
                    continue
                try:
                    callback()
                except Exception:
                    log.exception("a direct reader failed")
            if others:
                return self._inner.select(0)
            if until is not None:
                wait = until - time.monotonic()
            if self.scheduled or (wait is not None and wait <= 0):
                return []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._inner.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._inner.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._inner.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._inner.get_map()

    def close(self) -> None:
        self._outer.close()
        self._inner.close()
