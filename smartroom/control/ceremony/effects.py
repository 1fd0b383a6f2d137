"""Lights, curtain and sound of a decision: the room's own scene, recalled at the server time at which the walls change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from smartroom.control import clock


class Effects:
    """`scenes` says which scene belongs to `reveal` and `cover`; a decision that follows takes the place of one that is still due."""

    def __init__(self, recall: Callable[[str], None]) -> None:
        self.scenes: Mapping[str, str] = {}
        self._recall = recall
        self._due: asyncio.TimerHandle | None = None

    def __call__(self, _room: str, what: str, at: float) -> None:
        """As `Hall.effects`: never waits."""
        if self._due is not None:
            self._due.cancel()
        scene = self.scenes.get(what)
        if scene is not None:
            self._due = asyncio.get_running_loop().call_later(max(0.0, at - clock.wall()), self._recall, scene)
