"""How busy this worker is, and what it gives up when it is too busy: pictures step by step, voices never."""

from __future__ import annotations

from collections import deque
from enum import IntEnum

OVERLOADED = 0.85  # of a core: one more stage
RELIEVED = 0.70  # of a core: a stage less; the gap keeps a stage from undoing itself
HOLD = 10.0  # s a stage is kept at least: as long as its effect takes to be measured
MEMORY = 5  # measurements the cost of a forward is taken from


class Stage(IntEnum):
    """What is given up; each stage keeps what the ones before gave up."""

    NORMAL = 0
    NO_RAISE = 1  # nobody gets a larger layer
    THIN = 2  # cameras lose their highest temporal layer
    NO_THUMBNAILS = 3
    SMALL = 4  # cameras at 360p at most
    NO_CAMERAS = 5  # no new picture is accepted


class CostModel:
    """Predicts load from what is forwarded: what a forward costs here is measured all the time."""

    __slots__ = ("_spent", "load")

    def __init__(self) -> None:
        self.load = 0.0  # of a core
        self._spent: deque[tuple[float, float]] = deque(maxlen=MEMORY)

    @property
    def cost(self) -> float:
        """Seconds of processor time per forwarded packet, everything included; 0 while nothing is forwarded."""
        spent, forwards = (sum(column) for column in zip(*self._spent, strict=True)) if self._spent else (0.0, 0.0)
        return spent / forwards if forwards else 0.0

    def measure(self, spent: float, forwards: float, elapsed: float) -> float:
        """Take in processor seconds and packets of the last `elapsed` seconds; the load now."""
        self._spent.append((spent, forwards))
        self.load = max(spent / elapsed, forwards / elapsed * self.cost)
        return self.load


class Overload:
    """The stage this worker is in; up at each look while too busy, down one by one once relieved."""

    __slots__ = ("_since", "stage")

    def __init__(self) -> None:
        self.stage = Stage.NORMAL
        self._since = float("-inf")

    def look(self, load: float, now: float) -> Stage:
        """Decide again; call it as often as the load is measured."""
        if load > OVERLOADED and self.stage < Stage.NO_CAMERAS:
            self._enter(self.stage + 1, now)
        elif load < RELIEVED and self.stage > Stage.NORMAL and now - self._since >= HOLD:
            self._enter(self.stage - 1, now)
        return self.stage

    def _enter(self, stage: int, now: float) -> None:
        self.stage = Stage(stage)
        self._since = now
