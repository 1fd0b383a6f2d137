"""A signature's strokes as filled outlines. Pure geometry; the ink is true vector at any zoom, never a picture."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from smartroom.protocol.document import Ink, Point

NIB = 0.011
"""Full width of the pen as a share of the field's width: a 1 mm nib on a 90 mm line."""
_THINNEST = 0.35
"""Share of the full width at no pressure."""
_FAST = 1.6
"""Field widths per second at which a stroke without pressure is thinnest."""
_MAX_STEP = 0.6
"""Change of width per full width travelled: a pen does not swell at once."""


@dataclass(frozen=True, slots=True)
class Box:
    """Where the ink goes on the page; points, growing up, from the lower left corner."""

    x: float
    y: float
    width: float
    height: float


Outline = tuple[tuple[float, float], ...]


def outlines(ink: Ink, box: Box) -> Iterator[Outline]:
    """One closed outline per stroke, fitted into the box with its proportions kept; ink outside its field is fitted too."""
    strokes = [stroke for stroke in ink.strokes if stroke]
    if not strokes:
        return
    xs = [0.0, ink.width, *(point[0] for stroke in strokes for point in stroke)]
    ys = [0.0, ink.height, *(point[1] for stroke in strokes for point in stroke)]
    left, top = min(xs), min(ys)
    wide, high = max(xs) - left, max(ys) - top
    scale = min(box.width / wide, box.height / high)
    x = box.x + (box.width - wide * scale) / 2
    y = box.y + (box.height + high * scale) / 2
    nib = ink.width * NIB
    for stroke in strokes:
        yield tuple((x + (px - left) * scale, y - (py - top) * scale) for px, py in _outline(stroke, nib, ink.width))


def _outline(stroke: Sequence[Point], nib: float, field: float) -> list[tuple[float, float]]:
    points = _distinct(stroke)
    widths = _widths(points, nib, field)
    if len(points) == 1:
        return _cap(points[0][:2], 0.0, widths[0] / 2, turn=2 * math.pi)
    left: list[tuple[float, float]] = []
    right: list[tuple[float, float]] = []
    headings = _headings(points)
    for (x, y, *_), width, heading in zip(points, widths, headings, strict=True):
        dx, dy = math.sin(heading) * width / 2, -math.cos(heading) * width / 2
        left.append((x + dx, y + dy))
        right.append((x - dx, y - dy))
    end = _cap(points[-1][:2], headings[-1] - math.pi / 2, widths[-1] / 2, turn=math.pi)
    start = _cap(points[0][:2], headings[0] + math.pi / 2, widths[0] / 2, turn=math.pi)
    return [*left, *end, *reversed(right), *start]


def _distinct(stroke: Sequence[Point]) -> list[Point]:
    kept = [stroke[0]]
    for point in stroke[1:]:
        if math.dist(point[:2], kept[-1][:2]) > 1e-6:
            kept.append(point)
    return kept


def _widths(points: Sequence[Point], nib: float, field: float) -> list[float]:
    pressures = {point[3] for point in points}
    if len(pressures) > 1:
        wanted = [_THINNEST + (1 - _THINNEST) * point[3] for point in points]
    else:  # a finger: 0.5 throughout, so speed has to say how the hand moved
        wanted = [0.75]
        for before, point in itertools.pairwise(points):
            seconds = max((point[2] - before[2]) / 1000, 1e-3)
            speed = math.dist(before[:2], point[:2]) / field / seconds
            wanted.append(1 - (1 - _THINNEST) * min(speed / _FAST, 1.0))
    widths = [wanted[0] * nib]
    for (before, point), share in zip(itertools.pairwise(points), wanted[1:], strict=True):
        most = math.dist(before[:2], point[:2]) * _MAX_STEP
        widths.append(widths[-1] + max(-most, min(most, share * nib - widths[-1])))
    return widths


def _headings(points: Sequence[Point]) -> list[float]:
    found = []
    for number in range(len(points)):
        before, after = points[max(number - 1, 0)], points[min(number + 1, len(points) - 1)]
        found.append(math.atan2(after[1] - before[1], after[0] - before[0]))
    return found


def _cap(centre: Sequence[float], start: float, radius: float, *, turn: float) -> list[tuple[float, float]]:
    steps = 8 if turn < 4 else 16
    angles = (start + turn * step / steps for step in range(1, steps))
    return [(centre[0] + radius * math.cos(angle), centre[1] + radius * math.sin(angle)) for angle in angles]
