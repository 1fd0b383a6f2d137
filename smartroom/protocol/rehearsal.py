"""What a rehearsal tells: the same words a real run or rundown tells, and what was sent, byte by byte."""

from __future__ import annotations

from typing import Literal

from smartroom.protocol.base import Id, Message, Text
from smartroom.protocol.commands import ApplyReport
from smartroom.protocol.rundowns import CueDeed, CueEntry, CueShape

_TWIN = "-gladi"


def twin_of(room: str) -> str:
    """The id of the room that stands in for this one in a rehearsal on the pages."""
    return room + _TWIN


def original_of(room: str) -> str:
    """The room that a twin stands in for; any other room is its own."""
    return room.removesuffix(_TWIN)


class Deed(Message):
    """One press of the rehearsal's operator, in seconds from the opening: the log that can be replayed."""

    at: float
    do: CueDeed
    cue: Id | None = None
    force: bool = False
    refused: Text | None = None
    """Why it was not taken."""


class Sent(Message):
    """Bytes that would have gone to a device."""

    at: float
    device: Id
    hex: str
    why: str
    """`scene`, `operator`, `poll`, `login` …"""


class RehearsalReport(Message):
    """How a rehearsal went."""

    room: Id
    kind: Literal["scene", "rundown"]
    name: Id
    title: Text
    seed: int = 0
    faults: dict[str, str] = {}
    seeded: int = 0
    """Properties that began as the real room read."""
    virtual_s: float
    """How long it would have taken."""
    real_s: float
    """How long it took."""
    achieved: bool
    report: ApplyReport | None = None
    """Of a scene."""
    cues: list[CueShape] = []
    entries: list[CueEntry] = []
    """Of a rundown; times are seconds from its opening."""
    deeds: list[Deed] = []
    sent: list[Sent] = []
    """Every command; questions of polls are counted only."""
    polls: int = 0
    digest: str
    """SHA-256 over every byte sent, polls too, with its moment and device."""
