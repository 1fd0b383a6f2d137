"""Which layer each visible track gets within a budget: slides, stage, pinned, thumbnails; audio is not asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

PAUSED = -1


class Rank(IntEnum):
    """Who is served first."""

    SCREEN = 0
    STAGE = 1
    PINNED = 2
    THUMBNAIL = 3


@dataclass(frozen=True, slots=True)
class Want:
    """One visible track: its rank and the bit/s of its layers, smallest first, as far as its size needs them."""

    key: str
    rank: Rank
    layers: tuple[float, ...]


def allocate(wants: Sequence[Want], budget: float) -> dict[str, int]:
    """Layer index per track, PAUSED where not even the smallest fits; bit/s.

    Every track first gets its smallest layer in order of rank; then one layer is added at a time in the
    same order, so that nobody's second layer costs somebody's first.
    """
    order = sorted(wants, key=lambda want: want.rank)
    chosen = {want.key: PAUSED for want in wants}
    left = budget
    for want in order:
        if want.layers and want.layers[0] <= left:
            chosen[want.key] = 0
            left -= want.layers[0]
    raised = True
    while raised:
        raised = False
        for want in order:
            layer = chosen[want.key]
            if layer == PAUSED or layer + 1 >= len(want.layers):
                continue
            cost = want.layers[layer + 1] - want.layers[layer]
            if cost <= left:
                chosen[want.key] = layer + 1
                left -= cost
                raised = True
    return chosen


def needed(wants: Sequence[Want]) -> float:
    """Bit/s for everything at its largest layer."""
    return sum(want.layers[-1] for want in wants if want.layers)


class Patience:
    """Lowers at once, raises only after a while of room: layers must not flap."""

    __slots__ = ("_since", "_wait")

    def __init__(self, wait: float) -> None:
        self._wait = wait
        self._since: dict[str, float] = {}

    def settle(
        self, current: dict[str, int], tight: dict[str, int], roomy: dict[str, int], now: float, *, hold: bool = False
    ) -> dict[str, int]:
        """`tight` = what fits with reserve, `roomy` = what fits without, `hold` = no layer is added; what to do now."""
        result: dict[str, int] = {}
        for key, most in roomy.items():
            layer = current.get(key)
            if layer is None:
                result[key] = max(min(tight[key], 0) if hold else tight[key], min(most, 0))
            elif most < layer:
                result[key] = most
                self._since.pop(key, None)
            elif tight[key] > layer:
                since = self._since.setdefault(key, now)
                if layer == PAUSED:
                    result[key] = 0 if hold else tight[key]
                    self._since[key] = now
                elif now - since >= self._wait and not hold:
                    result[key] = layer + 1
                    self._since[key] = now
                else:
                    result[key] = layer
            else:
                self._since.pop(key, None)
                result[key] = layer
        for key in self._since.keys() - roomy.keys():
            del self._since[key]
        return result
