"""A rig for code that is not asynchronous: hypothesis state machines."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

from devices.sdk.testing.rig import Rig

_T = TypeVar("_T")


class Stage:
    """Holds a rig open on an event loop of its own; `run` lets time pass there."""

    def __init__(self, opening: AbstractAsyncContextManager[Rig]) -> None:
        self._runner = asyncio.Runner()
        self._opening = opening
        self._opened: asyncio.Future[Rig] | None = None
        self._ended: asyncio.Event | None = None
        self._life: asyncio.Task[None] | None = None
        self.rig = self._runner.run(self._open())

    def run(self, step: Coroutine[object, object, _T]) -> _T:
        """Carry out one step and return what it gives."""
        return self._runner.run(step)

    def close(self) -> None:
        """End the rig and its loop."""
        self._runner.run(self._close())
        self._runner.close()

    async def _open(self) -> Rig:
        self._opened = asyncio.get_running_loop().create_future()
        self._ended = asyncio.Event()
        self._life = asyncio.create_task(self._hold(self._opened, self._ended))
        return await self._opened

    async def _hold(self, opened: asyncio.Future[Rig], ended: asyncio.Event) -> None:
        """One task from beginning to end, as a TaskGroup wants it."""
        try:
            async with self._opening as one:
                opened.set_result(one)
                await ended.wait()
        except BaseException as error:
            if not opened.done():
                opened.set_exception(error)
            raise

    async def _close(self) -> None:
        assert self._ended is not None
        assert self._life is not None
        self._ended.set()
        await self._life
