"""A document with one writer: changes go in, numbered patches come out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from smartroom.control import clock
from smartroom.control.limits import PATCH_HISTORY
from smartroom.protocol.base import Message
from smartroom.protocol.state import Change, Patch

_Changed = tuple[tuple[str, ...], object]
"""A path and its value now."""


class _Step(NamedTuple):
    """What a patch will say, once somebody asks: most are never asked for one by one."""

    version: int
    time: float
    changes: list[_Changed]


class Ledger:
    """State as plain JSON under one name. Everybody else sends commands or watches patches."""

    def __init__(self, name: str, document: dict[str, object]) -> None:
        self.name = name
        # Begins with the clock: a page that remembers a version of the server's last life must not find it in this one's history.
        self.version = int(clock.wall() * 1000)
        self._document = document
        self._steps: deque[_Step] = deque(maxlen=PATCH_HISTORY)
        self._watchers: list[Callable[[], None]] = []
        self._pending: list[_Changed] | None = None

    @property
    def document(self) -> dict[str, object]:
        """The whole state now, with its version."""
        return {**self._document, "version": self.version, "time": clock.wall()}

    def since(self, version: int) -> list[Patch] | None:
        """Patches after `version`; None when they are no longer kept or the version is not ours."""
        if version == self.version:
            return []
        if version > self.version or not self._steps or version < self._steps[0].version - 1:
            return None
        return [self._patch(step) for step in self._steps if step.version > version]

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back after every change until the returned function is called; `since` tells what changed."""
        self._watchers.append(callback)
        return lambda: self._watchers.remove(callback) if callback in self._watchers else None

    @property
    def newest(self) -> Sequence[tuple[tuple[str, ...], object]]:
        """What the last step changed, paths and values: a watcher is called for each step."""
        return self._steps[-1].changes if self._steps else ()

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Changes made inside become one patch."""
        if self._pending is not None:
            yield
            return
        self._pending = []
        try:
            yield
        finally:
            changes, self._pending = self._pending, None
            if changes:
                self._publish(changes)

    def put(self, path: Iterable[str], value: Message | object) -> None:
        """Set one place of the state; None removes a dictionary's key. Nothing happens when it already holds the value."""
        keys = tuple(path)
        plain = value.model_dump(mode="json") if isinstance(value, Message) else value
        parent: dict[str, object] = self._document
        for key in keys[:-1]:
            child = parent.get(key)
            if not isinstance(child, dict):
                message = f"no place {'.'.join(keys)} in {self.name}'s state"
                raise KeyError(message)
            parent = child
        if parent.get(keys[-1]) == plain:
            return
        parent[keys[-1]] = plain
        if plain is None:
            del parent[keys[-1]]
        if self._pending is not None:
            self._pending.append((keys, plain))
        else:
            self._publish([(keys, plain)])

    def _publish(self, changes: list[_Changed]) -> None:
        self.version += 1
        self._steps.append(_Step(self.version, clock.wall(), changes))
        for watcher in tuple(self._watchers):
            watcher()

    def _patch(self, step: _Step) -> Patch:
        changes = [Change(path=list(path), value=value) for path, value in step.changes]
        return Patch(room=self.name, version=step.version, time=step.time, changes=changes)
