"""Ink as numbered batches become strokes. Pure: each batch counts once, in its order, whatever the network does."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from smartroom.protocol import document
from smartroom.protocol.ceremony import FIELD_HEIGHT, FIELD_WIDTH, InkBatch, InkPiece, InkStroke, SignatureInk

MOST_POINTS = document.MAX_POINTS
"""Points of one signature: 80 s without lifting a 240 Hz pen."""
MOST_STROKES = 400


class Fate(StrEnum):
    """What becomes of a batch."""

    TAKEN = "taken"
    REPEATED = "repeated"
    """It is here already: acknowledged again, counted once."""
    GAP = "gap"
    """One before it is missing: the pad sends again from there."""
    TOO_MUCH = "too_much"
    """More points or strokes than a signature has."""


@dataclass(slots=True)
class Stroke:
    """From pen down to pen up."""

    source: str
    number: int
    points: list[list[int]] = field(default_factory=list)
    end: Literal["", "up", "cancel"] = ""


@dataclass(slots=True)
class Signature:
    """One attempt of one signatory, from whichever pads."""

    signatory: int
    attempt: int
    began: float
    strokes: dict[tuple[str, int], Stroke] = field(default_factory=dict)
    received: dict[str, int] = field(default_factory=dict)
    """Source -> number of its last batch."""
    points: int = 0
    seq: int = 0
    """Of the ceremony's last batch that belongs to it."""
    outside: bool = False

    def fate(self, batch: InkBatch) -> Fate:
        """What would become of a batch."""
        last = self.received.get(batch.source, 0)
        if batch.number <= last:
            return Fate.REPEATED
        if batch.number > last + 1:
            return Fate.GAP
        fresh = {(batch.source, piece.stroke) for piece in batch.pieces} - self.strokes.keys()
        more = sum(len(piece.points) for piece in batch.pieces)
        if self.points + more > MOST_POINTS or len(self.strokes) + len(fresh) > MOST_STROKES:
            return Fate.TOO_MUCH
        return Fate.TAKEN

    def add(self, batch: InkBatch, seq: int) -> None:
        """Take the batch that follows, which then is the ceremony's `seq`-th."""
        for piece in batch.pieces:
            self._extend(batch.source, piece)
        self.received[batch.source] = batch.number
        self.seq = seq

    def settle(self) -> None:
        """Strokes that wait for an end get one: their pad is gone, what was drawn stays."""
        for stroke in self.strokes.values():
            stroke.end = stroke.end or "cancel"

    @property
    def pen_down(self) -> bool:
        """A stroke is being drawn."""
        return any(not stroke.end for stroke in self.strokes.values())

    def digest(self) -> str:
        """SHA-256 of all strokes: what `Selesai` was said to."""
        strokes = [[stroke.source, stroke.number, stroke.end, stroke.points] for stroke in self.strokes.values()]
        return hashlib.sha256(json.dumps(strokes, separators=(",", ":")).encode()).hexdigest()

    def told(self) -> SignatureInk:
        """For pages."""
        strokes = [
            InkStroke.model_construct(source=each.source, stroke=each.number, points=each.points, end=each.end)
            for each in self.strokes.values()
        ]
        return SignatureInk(signatory=self.signatory, attempt=self.attempt, began=self.began, strokes=strokes)

    def drawn(self) -> document.Ink | None:
        """For the document; None when nothing was drawn."""
        strokes = [list(_paper(stroke)) for stroke in self.strokes.values() if stroke.points]
        return document.Ink(width=FIELD_WIDTH, height=FIELD_HEIGHT, strokes=strokes) if strokes else None

    def _extend(self, source: str, piece: InkPiece) -> None:
        stroke = self.strokes.get((source, piece.stroke))
        if stroke is None:
            for before in self.strokes.values():  # a hand has one pen: a stroke whose end was lost ends here
                if before.source == source:
                    before.end = before.end or "cancel"
            stroke = self.strokes[source, piece.stroke] = Stroke(source, piece.stroke)
        stroke.points += piece.points
        stroke.end = piece.end or stroke.end
        self.points += len(piece.points)
        self.outside = self.outside or any(
            not (0 <= point[0] <= FIELD_WIDTH and 0 <= point[1] <= FIELD_HEIGHT) for point in piece.points
        )


@dataclass(slots=True)
class Ink:
    """All signatures of a ceremony, each in its present attempt."""

    seq: int = 0
    signatures: dict[int, Signature] = field(default_factory=dict)

    def begin(self, signatory: int, attempt: int, began: float) -> None:
        """An empty field: the first attempt or a redo."""
        self.signatures[signatory] = Signature(signatory, attempt, began)

    def fate(self, batch: InkBatch) -> Fate:
        """What would become of a batch; its signature must have begun."""
        return self.signatures[batch.signatory].fate(batch)

    def add(self, batch: InkBatch) -> None:
        """Take the batch that follows."""
        self.seq += 1
        self.signatures[batch.signatory].add(batch, self.seq)

    def since(self, seq: int) -> list[SignatureInk]:
        """Signatures that have changed after a batch."""
        return [each.told() for each in self.signatures.values() if each.seq > seq or seq == 0]


def _paper(stroke: Stroke) -> Iterator[document.Point]:
    """Time counts from the first point, pressure from 0 to 1."""
    start = stroke.points[0][2]
    for point in stroke.points:
        yield float(point[0]), float(point[1]), float(max(point[2] - start, 0)), min(max(point[3], 0), 1000) / 1000
