"""Watches a room without touching it: who speaks."""

from __future__ import annotations

from smartroom.media.producer import Producer
from smartroom.media.rtp.speaker import FLOOR, HOLD, Loudest

LOUDEST = 4  # one more than a subscriber has audio slots: nobody hears himself
SPEAKING = -50.0  # dBov; quieter is not called speech


class Observer:
    """The loudest producers of a room and the one that is called the speaker."""

    def __init__(self) -> None:
        self.forced: frozenset[str] = frozenset()
        self.speaker = ""
        self._since = float("-inf")
        self._loudest = Loudest(LOUDEST)

    @property
    def audible(self) -> tuple[str, ...]:
        """Keys of the producers that get audio slots."""
        return self._loudest.keys

    def update(self, producers: list[Producer], now: float) -> tuple[bool, bool]:
        """Decide again; (audible set changed, speaker changed)."""
        levels = {p.key: FLOOR if p.muted else p.level.value(now) for p in producers if p.kind == "audio"}
        changed = self._loudest.update(levels, now, self.forced)
        best = max(self._loudest.keys, key=lambda key: levels.get(key, FLOOR), default="")
        before = self.speaker
        gone = before not in levels
        louder = best and levels[best] > SPEAKING and levels[best] > levels.get(before, FLOOR) + 3
        if best != before and (gone or (louder and now - self._since >= HOLD)):
            self.speaker = best
            self._since = now
        return changed, self.speaker != before
