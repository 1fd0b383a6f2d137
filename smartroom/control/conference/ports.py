"""What meetings keep, what they ask of whoever stores it, and whom they tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from smartroom.protocol.base import Message, Text
from smartroom.protocol.conference import MeetingPhase, SeatRole


@dataclass(frozen=True, slots=True)
class MeetingRow:
    """A meeting on record. Times are Unix seconds."""

    id: str
    room: str
    title: str
    phase: MeetingPhase
    code: str
    """What the link carries. Kept as it is: the host shows it again tomorrow, and it opens nothing but this meeting's door."""
    starts: float
    ends: float
    created: float
    created_by: str
    pin: str | None = None
    lobby: bool = True
    agenda: tuple[str, ...] = ()
    invited: tuple[str, ...] = ()
    scene: str | None = None
    opened: float | None = None
    ended: float | None = None


class MeetingRecords(Protocol):
    """Meetings, by id."""

    async def save(self, row: MeetingRow) -> None:
        """Add or change one."""
        ...

    async def load(self) -> Sequence[MeetingRow]:
        """All that are planned or open, and the newest that have ended."""
        ...

    async def remove(self, meeting: str) -> None:
        """Forget a planned one."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """The room a meeting is held in, in words."""

    name: Text
    place: Text | None
    timezone: str
    seats: Mapping[str, Text | None] = field(default_factory=dict)
    """Seats a camera can be turned to; named after their agency where they have no name."""


class Rooms(Protocol):
    """What meetings ask of the rooms they are held in. Calls never wait."""

    def place(self, room: str) -> Place | None:
        """A room in words; None when there is none."""
        ...

    def apply(self, room: str, scene: str, by: str) -> None:
        """Recall a scene."""
        ...

    def recall(self, room: str, agency: str) -> None:
        """Turn a camera to an agency's seat, where the room has one."""
        ...

    def between(self, room: str) -> str | None:
        """The scene that puts the room back between two meetings."""
        ...


@dataclass(frozen=True, slots=True)
class By:
    """Who acts: somebody in a seat, or a panel of the room, which has none."""

    role: SeatRole
    name: str
    person: str | None = None


class Page(Protocol):
    """A page of the meeting on the other side of a socket. Calls never wait."""

    def tell(self, event: str, message: Message) -> None:
        """Say something to it."""
        ...

    def part(self) -> None:
        """Its seat is gone or taken over: it is heard no more."""
        ...


class Crew(Protocol):
    """Who carries out what a session decides about media and the room. Calls never wait and never fail."""

    def mute(self, track: str, *, muted: bool) -> None:
        """Stop or resume forwarding of a track."""
        ...

    def force_audible(self, tracks: Sequence[str]) -> None:
        """Tracks that keep an audio slot whoever speaks."""
        ...

    def drop(self, person: str) -> None:
        """End both connections of somebody."""
        ...

    def deafen(self, person: str) -> None:
        """Somebody inside the room hears the room itself: send them no sound."""
        ...

    def recall(self, agency: str) -> None:
        """Turn the camera to an agency's seat, where the room has one."""
        ...

    def door(self) -> None:
        """What strangers see at the door has changed."""
        ...

    def book(self, kind: str, body: Mapping[str, object]) -> None:
        """A fact for the attendance."""
        ...
