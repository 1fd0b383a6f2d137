"""Who is asking: one value that every route and every event carries."""

from __future__ import annotations

from dataclasses import dataclass

from smartroom.protocol.people import ActorKind, Role
from smartroom.protocol.rehearsal import original_of

EVERY_ROOM = "*"


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody, as proved by a session, a paired screen or a token."""

    kind: ActorKind
    id: str
    name: str
    role: Role
    rooms: frozenset[str]
    credential: str = ""
    """Id of the session or token it came with: the audit trail names it, the secret itself is nowhere."""
    wall: str | None = None
    """The wall whose screen this is; nobody else speaks for it."""

    derived: bool = False
    """A program of somebody's: it moves what its author may move, and hands on nothing."""

    def enters(self, room: str) -> bool:
        """Whether this actor's rights hold in the room; a twin is as open as its original."""
        return EVERY_ROOM in self.rooms or original_of(room) in self.rooms

    @property
    def known(self) -> bool:
        """False for somebody who has proved nothing."""
        return self.kind is not ActorKind.NOBODY


NOBODY = Actor(ActorKind.NOBODY, "", "", Role.GUEST, frozenset())
SERVER = Actor(ActorKind.NOBODY, "server", "server", Role.GUEST, frozenset())
"""The server's own deeds in the audit trail; it never asks `may`."""
