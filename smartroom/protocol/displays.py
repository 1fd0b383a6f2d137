"""Walls: what the server tells a wall's page, and what the page says it painted."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from smartroom.protocol.base import Id, Message, Text

ContentText = Annotated[str, Field(max_length=16_384)]
"""A content document as canonical JSON; empty: nothing yet."""


class Painted(Message):
    """What stands on the glass, told after the frame is on screen. The only thing the server believes about a wall."""

    order: int = 0
    """The last order this page carried out, or could not; 0: none on this connection."""
    text: ContentText | None = None
    """The content; null: as last told on this connection."""
    page: Annotated[int, Field(ge=1, le=1000)] = 1
    blank: bool = False
    problem: Annotated[str, Field(max_length=300)] = ""
    """Why the order's content could not be painted; the earlier content still stands."""
    at: float = 0.0
    """Server time of the frame as the page reckons it, seconds (Unix)."""
    late_ms: float | None = None
    """From the agreed moment to the frame; null when no moment was agreed."""
    visible: bool = True
    """False: the browser draws no frames, for its window is covered or minimised."""
    frames: int = 0
    """Frames drawn since the page opened: proof of life for a technician."""
    memory_mb: float | None = None
    asked: int | None = None
    """The question it answers."""


class Hello(Message):
    """First word of a wall's page: what it still shows."""

    protocol: int
    build: Annotated[str, Field(max_length=64)] = ""
    painted: Painted


class Show(Message):
    """Bring the glass to this, at this moment."""

    order: int
    text: ContentText
    page: int
    blank: bool
    at: float
    """Server time at which every wall of the scene changes, seconds (Unix)."""


class Identify(Message):
    """Show the wall's number and name in letters as large as the glass allows."""

    number: int
    name: Text
    seconds: float


class Leave(Message):
    """End this page: another has its place, the server heard nothing of it, or somebody wants it loaded anew."""

    why: Literal["replaced", "silent", "reload"]


class Ask(Message):
    """Say now what stands on the glass."""

    asked: int


class SendPicture(Message):
    """Send a small picture of the glass: somebody looks after this wall."""


class WallLook(Message):
    """How a wall is doing, as its page says, and a picture of its glass."""

    wall: Id
    connected: bool
    since: float
    """Server time since which it is so, seconds (Unix)."""
    heard_at: float | None = None
    painted: Painted | None = None
    """Its last report."""
    picture: str = ""
    """JPEG in base64, drawn by the page from what it shows; empty until one came."""
    picture_at: float | None = None


class WallHere(Message):
    """Answer to `hello`: who this page is."""

    protocol: int
    build: str
    time: float
    room: Id
    wall: Id
    name: Text
    number: int
    """Place of the wall in room.yaml, from 1."""
    timezone: str
    show: Show | None = None
    """What it should show, when it shows nothing: its predecessor's content."""


class WallAnswer(Message):
    """Acknowledgement of `painted`."""

    ok: bool = True


class CheckContent(Message):
    """A content document to be looked at."""

    content: dict[str, object]


class ContentSites(Message):
    """Other sites whose pages walls may show: `https://dasbor.kota.example`."""

    sites: list[str]


class ContentChecked(Message):
    """It can be shown."""

    text: ContentText
    """Its canonical text: what a wall's `content` will read."""
    words: Text
    pages: int


class Picture(Message):
    """An uploaded or filed picture that slides may name."""

    id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    name: str
    width: int
    height: int
    bytes: int
    filed: bool = False
    """A file of the room's own folder: no page can remove it."""
