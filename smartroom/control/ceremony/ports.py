"""What a ceremony needs of the rest of the house; `app` binds it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from smartroom.protocol.document import DrawDocument, Drawn, NotDrawn
from smartroom.protocol.signing import Ask, Level, Told
from smartroom.protocol.verdict import Verdict


class Sealing(Protocol):
    """The process that holds the keys. May be gone: ConnectionError."""

    def want(self) -> None:
        """It will be needed soon."""
        ...

    async def ask(self, ask: Ask, blob: bytes = b"") -> tuple[Told, bytes]:
        """The answer and the file beside it."""
        ...


class Confined(Protocol):
    """A fresh process for each request, which holds nothing."""

    async def draw(self, wish: DrawDocument) -> tuple[Drawn | NotDrawn, bytes]:
        """The PDF, or why there is none."""
        ...

    async def judge(self, pdf: bytes) -> Verdict:
        """The verdict, by the trust of this house."""
        ...


class Index(Protocol):
    """The database's index of ceremonies that count. Rehearsals never reach it."""

    async def save(self, row: IndexRow) -> None:
        """Keep what is known of a ceremony now."""
        ...

    async def find(self, ceremony: str) -> IndexRow | None:
        """What was last kept."""
        ...


@dataclass(frozen=True, slots=True)
class IndexRow:
    """A ceremony in the database, with the last head that was signed: a journal put back to an older state is found by it."""

    id: str
    room: str
    number: str
    subject: str
    stage: str
    legal: str
    created: float
    sequence: int
    head: str


@dataclass(frozen=True, slots=True)
class Rules:
    """Settings of `smartroom.toml`, section `ceremony`."""

    seal: str | None = None
    """Key that seals at `Selesai` by itself: the agency's."""
    seal_level: Level = Level.B_LTA
    rehearsal_key: str | None = None
    """Key of rehearsals, in its place."""
    remote: str | None = None
    """Service by which signatories sign on their phones."""
    rehearsal_remote: str | None = None
    signer_keys: tuple[str, ...] = ()
    """Keys of the sealing process, one per signatory in their order, for who signs with a passphrase on the phone."""
    escrow: Path | None = None
    """Certificate of whoever may ever read pressure and timing again; none: they are only removed."""
    escrow_s: float = 157_680_000.0
    """So long are they kept, encrypted."""
    copy: Path | None = None
    """Folder on another medium for the second copy of journals."""
    reserve: int = 64 << 20
    """Bytes kept free for a journal, so that a full disk cannot stop it."""


@dataclass(frozen=True, slots=True)
class Tools:
    """Everything a session is given."""

    sealing: Sealing | None
    confined: Confined
    index: Index | None
    rules: Rules
    verify_url: Callable[[str], str]
    """Id -> the public address in the QR code."""
    told: Callable[[str], None] = field(default=lambda _: None)
