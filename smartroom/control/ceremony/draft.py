"""What is known of a ceremony before its journal begins: a small file, written whole or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Literal, Self

from pydantic import Field

from smartroom.protocol.base import Id, Message
from smartroom.protocol.ceremony import Approval, CeremonyId, CeremonyStage, Legal
from smartroom.protocol.document import DocumentText

FILE = "ceremony.json"
REHEARSAL = "GLADI"
"""Numbers of rehearsals begin with it, those of real ones never do."""

_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"


def new_id() -> str:
    """130 bits: nobody guesses the address in a QR code, and none tells how many there are."""
    return "".join(secrets.choice(_LETTERS) for _ in range(26))


class Draft(Message):
    """One ceremony's file."""

    id: CeremonyId
    room: Id
    rehearsal: bool
    created: float
    text: DocumentText
    revision: int = 1
    wish: Literal["", "freeze", "thaw"] = ""
    approvals: list[Approval] = Field(default_factory=list)
    replaces: str = ""
    # As it was when this was last written; the journal knows better.
    stage: CeremonyStage = CeremonyStage.DRAFT
    recorded: bool = False
    legal: Legal = Legal.NONE
    due: float | None = 0.0
    """When there is something to do off the stage, server time; None: never again."""

    @classmethod
    def load(cls, folder: Path) -> Self:
        """OSError or ValueError when there is none that can be read."""
        return cls.model_validate_json((folder / FILE).read_bytes())

    def save(self, folder: Path) -> None:
        """Durable on return."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_whole(folder / FILE, self.model_dump_json(indent=1).encode())


def write_whole(path: Path, data: bytes) -> None:
    """A file that is there as a whole, and survives a loss of power, when this returns."""
    fresh = path.with_name(f"{path.name}.new")
    with open(fresh, "wb", opener=_private) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
