"""The Berita Acara Peresmian and its plaque: the text two people freeze, the ink, and the wish to draw them."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from smartroom.protocol.base import Label, Message
from smartroom.protocol.signing import Sha256

Line = Annotated[str, Field(max_length=160)]
Paragraph = Annotated[str, Field(max_length=1200)]
Coordinate = Annotated[float, Field(ge=-1e5, le=1e5, allow_inf_nan=False)]

MAX_EMBLEM = 1 << 20
MAX_POINTS = 20_000
"""Points of one signature: 80 s without lifting a 240 Hz pen."""


class PlaqueLook(StrEnum):
    """What the plaque is made of."""

    STONE = "stone"
    METAL = "metal"
    WOVEN = "woven"


class Language(StrEnum):
    """Language of the fixed words of the document."""

    INDONESIAN = "id"
    ENGLISH = "en"


class Signatory(Message):
    """Who signs, as it stands on paper. No personal number."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    title: Label
    organisation: Label = ""


class DocumentText(Message):
    """Everything that is read aloud and frozen before the ceremony."""

    number: Label
    """Number of the minutes: a rehearsal's has a range of its own."""
    subject: Line
    """What is inaugurated."""
    place: Label
    date: Label
    """As written on the plaque: `23 November 2026`."""
    opening: Paragraph = ""
    """First paragraph of the minutes; empty = the usual sentence."""
    paragraphs: Annotated[list[Paragraph], Field(max_length=8)] = []
    plaque_heading: Line = ""
    plaque_lines: Annotated[list[Line], Field(max_length=8)] = []
    signatories: Annotated[list[Signatory], Field(min_length=1, max_length=6)]
    """In the order they sign."""
    agency: Label = ""
    """Over the heading: `PEMERINTAH KOTA …`."""
    look: PlaqueLook = PlaqueLook.STONE
    language: Language = Language.INDONESIAN
    emblem_sha256: Sha256 | None = None

    def digest(self) -> str:
        """SHA-256 of the text as hex: what the two people compare, and what the drawing must match."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


Point = tuple[Coordinate, Coordinate, Coordinate, Annotated[float, Field(ge=0, le=1)]]
"""x, y in the field's units, t in ms from the first point, pressure 0…1."""


class Ink(Message):
    """A signature as strokes inside its field; coordinates grow right and down."""

    width: Annotated[float, Field(gt=0, le=1e5)]
    height: Annotated[float, Field(gt=0, le=1e5)]
    strokes: Annotated[list[Annotated[list[Point], Field(max_length=MAX_POINTS)]], Field(max_length=400)]


class DrawDocument(Message):
    """Draw both pages. Answer: Drawn, and the PDF. The same request gives the same bytes."""

    ask: Literal["draw"] = "draw"
    document: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
    """Random id; not countable."""
    text: DocumentText
    frozen: Sha256
    """Digest of the text the two people have seen; another text is refused."""
    inks: Annotated[list[Ink | None], Field(max_length=6)] = []
    """In the order of the signatories; none = a line to sign on."""
    emblem: Annotated[bytes, Field(max_length=MAX_EMBLEM)] | None = None
    """PNG or JPEG."""
    verify_url: Annotated[str, Field(pattern=r"^https?://[^\s]{1,200}$")]
    """Printed, and in the QR code."""
    drawn_at: datetime
    journal_head: Sha256 | None = None
    """Head of the ceremony's journal when `Selesai` was pressed: the seal then covers the journal too."""
    head_key: Sha256 | None = None
    rehearsal: bool = False
    """Watermark on every page, and a mark that keeps real keys away."""

    model_config = Message.model_config | {"ser_json_bytes": "base64", "val_json_bytes": "base64"}


class Drawn(Message):
    """The PDF lies beside this answer."""

    tell: Literal["drawn"] = "drawn"
    pages: int
    sha256: Sha256


class NotDrawn(Message):
    """Why there is no PDF."""

    tell: Literal["not-drawn"] = "not-drawn"
    sentence: str
