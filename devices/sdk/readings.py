"""What the hardware reported."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

Value = bool | int | float | str | tuple[int, ...] | None
"""A property's value: a JSON scalar, or a short tuple of integers (a pan/tilt position)."""


class ReadingSource(StrEnum):
    """How a reading came about."""

    QUERY = "query"
    """We asked and the device answered."""
    UNSOLICITED = "unsolicited"
    """The device told us by itself: a front panel, another controller."""
    DERIVED = "derived"
    """Computed from other readings (a camera preset from its position)."""
    WRITTEN = "written"
    """We wrote it and the device cannot be asked: never shown as reached."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One property of one device as the hardware reported it.

    `at` is in seconds of the monotonic clock; `epoch` counts the connections of the device: a reading of an older epoch is not fresh.
    """

    property: str
    value: Value
    at: float
    epoch: int
    source: ReadingSource = ReadingSource.QUERY

    @builtins.property  # the field of that name hides the builtin
    def verified(self) -> bool:
        """True when the hardware itself reported the value."""
        return self.source is not ReadingSource.WRITTEN


def matches(value: Value, goal: Value, tolerance: float = 0.0) -> bool:
    """Tell whether a reported value reaches a goal; numbers within `tolerance` (same unit) count as equal."""
    if _is_number(value) and _is_number(goal):
        return abs(float(value) - float(goal)) <= tolerance  # type: ignore[arg-type]  # narrowed by _is_number
    if (
        isinstance(value, Sequence)
        and isinstance(goal, Sequence)
        and not isinstance(value, str)
        and not isinstance(goal, str)
    ):
        return len(value) == len(goal) and all(abs(a - b) <= tolerance for a, b in zip(value, goal, strict=True))
    return type(value) is type(goal) and value == goal


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
