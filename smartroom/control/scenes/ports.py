"""What scenes keep across a restart, as the storage they need; `app.py` binds it to the records. Payloads are JSON text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class UnfinishedRun:
    """A run that has a beginning and no end."""

    run: str
    scene: str
    by: str
    started: float


@dataclass(frozen=True, slots=True)
class StandingScene:
    """A scene that was recalled and not taken over since."""

    scene: str
    by: str
    since: float


class RunRecords(Protocol):
    """Beginnings and ends of runs."""

    async def begin(self, run: str, room: str, scene: str, by: str, started: float, snapshot_json: str) -> None:
        """A run was accepted; the snapshot is what its properties were before the first byte."""
        ...

    async def end(self, run: str, run_json: str) -> None:
        """A run ended."""
        ...

    async def unfinished(self, room: str) -> UnfinishedRun | None:
        """The newest run without an end that nobody dismissed."""
        ...

    async def dismiss(self, run: str) -> None:
        """Do not offer it again."""
        ...

    async def recent(self, room: str, limit: int) -> Sequence[str]:
        """Newest finished runs, as the JSON of `protocol.state.Run`."""
        ...


class StandingRecords(Protocol):
    """Which scenes stand in a room."""

    async def replace(self, room: str, scenes: Sequence[StandingScene]) -> None:
        """These and no others stand now."""
        ...

    async def load(self, room: str) -> Sequence[StandingScene]:
        """Scenes that stood when the server ended."""
        ...
