"""What happened in a room, as its event log tells it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from smartroom.protocol.base import Id, Label, Message, Text, Value
from smartroom.protocol.state import Cause, Run


class EventKind(StrEnum):
    """Sorts of events, for filters."""

    RUN = "run"
    """A scene was run, tried again, or taken back."""
    HAND = "hand"
    """Somebody did something on a page or by a program."""
    CHANGE = "change"
    """A device changed by itself: front panel, restart, or unseen."""
    LINK = "link"
    """A device went or came back."""
    SYSTEM = "system"
    """The server started or stopped, files were read."""


class SentFrame(Message):
    """Bytes that went to a device, secrets masked."""

    at: float
    device: Id
    text: str
    """Readable: `1*3!`."""
    hex: str


class HistoryEntry(Message):
    """One thing that happened."""

    id: str
    """Page of the log and number of the event: `2026-11-27-01.123`."""
    at: float
    kind: EventKind
    by: Label = ""
    text: Text
    device: str | None = None
    property: str | None = None
    cause: Cause | None = None
    before: Value = None
    value: Value = None
    ms: int | None = None
    """How long it took."""
    run: Run | None = None
    """Without a result: the server ended before it did."""
    sent: list[SentFrame] = []


class History(Message):
    """Newest first. `older`: ask again with `before` = the last entry's id (or this one, when none was found on these pages)."""

    entries: list[HistoryEntry]
    older: str | None = None


class HistoryQuery(Message):
    """Which entries. Everything may be left out."""

    kind: str = ""
    """Kinds, separated by commas: `run,hand`."""
    device: str = ""
    scene: str = ""
    by: Annotated[str, Field(max_length=80)] = ""
    """A part of the name."""
    before: str = ""
    limit: Annotated[int, Field(ge=1, le=200)] = 50
