"""What a simulator sends, spoiled as its faults say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random

from devices.sdk.testing.faults import Faults

WINDOW_S = 0.02
"""Replies this close together are joined or shuffled, and pieces of one reply lie this far apart."""
GARBAGE_BYTES = 64


class Timers:
    """Callbacks in the future that end with their owner."""

    def __init__(self) -> None:
        self._handles: set[asyncio.TimerHandle] = set()

    def later(self, seconds: float, callback: Callable[[], None]) -> None:
        """Call once after so many seconds, unless cancelled before."""

        def call() -> None:
            self._handles.discard(handle)
            callback()

        handle = asyncio.get_running_loop().call_later(seconds, call)
        self._handles.add(handle)

    def cancel(self) -> None:
        """Forget all that has not been called yet."""
        for handle in self._handles:
            handle.cancel()
        self._handles.clear()


class Outbox:
    """Passes replies to `write`, late, broken, doubled or not at all."""

    def __init__(
        self, faults: Callable[[], Faults], random: Random, timers: Timers, write: Callable[[bytes], None]
    ) -> None:
        self._faults = faults
        self._random = random
        self._timers = timers
        self._write = write
        self._held: list[bytes] = []
        self._behind: list[bytes] | None = None

    def put(self, reply: bytes) -> None:
        """Send one whole reply through the faults."""
        faults = self._faults()
        if faults.silent or self._random.random() < faults.drop_ack:
            return
        copies = [reply] * faults.duplicate
        if faults.join or faults.shuffle:
            if not self._held:
                self._timers.later(faults.delay + WINDOW_S, self._release)
            self._held += copies
        elif faults.delay:
            self._timers.later(faults.delay, lambda: self._emit_all(copies))
        else:
            self._emit_all(copies)

    def _release(self) -> None:
        held, self._held = self._held, []
        if self._faults().shuffle:
            self._random.shuffle(held)
        self._emit_all([b"".join(held)] if self._faults().join else held)

    def _emit_all(self, replies: list[bytes]) -> None:
        for reply in replies:
            self._emit(reply)

    def _emit(self, reply: bytes) -> None:
        faults, hit = self._faults(), self._random.random
        if hit() < faults.garbage:
            self._line(self._random.randbytes(GARBAGE_BYTES))
        if faults.flip:
            reply = bytes(byte ^ (1 << self._random.randrange(8)) if hit() < faults.flip else byte for byte in reply)
        middle = len(reply) // 2
        if middle and hit() < faults.cut:
            self._line(reply[:middle])
        elif middle and self._behind is None and hit() < faults.half:
            self._line(reply[:middle])
            self._behind = [reply[middle:]]
            self._timers.later(WINDOW_S, self._catch_up)
        else:
            self._line(reply)

    def _line(self, payload: bytes) -> None:
        """Write, but never overtake the second half of an earlier reply: a stream keeps its order."""
        if self._behind is None:
            self._write(payload)
        else:
            self._behind.append(payload)

    def _catch_up(self) -> None:
        behind, self._behind = self._behind or [], None
        for payload in behind:
            self._write(payload)
