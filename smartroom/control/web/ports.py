"""What the web needs of the rest of the process; `app` puts it together."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from smartroom.control.ceremony.ceremonies import Ceremonies
from smartroom.control.conference.meetings import Meetings
from smartroom.control.devices.bench import Bench
from smartroom.control.devices.simulation import Simulation
from smartroom.control.displays.walls import Walls
from smartroom.control.history.eventlog import EventLog
from smartroom.control.identity.people import People
from smartroom.control.logbook import LogBook
from smartroom.control.rundowns.rundowns import Rundowns
from smartroom.control.scenes.desk import Desk
from smartroom.protocol.people import AuditEntry
from smartroom.protocol.state import Rehearsal


class Trail(Protocol):
    """The audit trail."""

    dropped: int

    @property
    def waiting(self) -> int:
        """Rows not yet on disk."""
        ...

    def note(
        self, *, actor: str, kind: str, credential: str, action: str, resource: str, outcome: str, detail: str = ""
    ) -> None:
        """Add a row; never waits."""
        ...

    async def read(self, *, before: int | None = None, limit: int = ...) -> Sequence[AuditEntry]:
        """Newest rows first."""
        ...


class Rehearsing(Protocol):
    """Rehearsals on the pages."""

    async def begin(self, room: str, by: str) -> Rehearsal:
        """A twin of the room beside it; the one that goes on is joined. ProblemError says why there is none."""
        ...

    def end(self, room: str) -> None:
        """The twin is gone, and everything that was done in it."""
        ...


@dataclass(frozen=True, slots=True)
class House:
    """Everything behind the door."""

    desks: Mapping[str, Desk]
    people: People
    trail: Trail
    recent_runs: Callable[[str, int], Awaitable[Sequence[str]]]
    """Finished runs of a room, newest first, as JSON of `protocol.state.Run`."""
    writable: Callable[[], Awaitable[bool]]
    """Whether the records can be written now."""
    gauges: Callable[[], Mapping[str, float]] = dict
    """More figures for /metrics: name -> value."""
    histories: Mapping[str, EventLog] = field(default_factory=dict)
    """Room -> what happened in it."""
    benches: Mapping[str, Bench] = field(default_factory=dict)
    """Room -> its devices from the technician's side."""
    log: LogBook = field(default_factory=LogBook)
    simulation: Simulation | None = None
    """Simulators in the place of hardware; none in a real server."""
    walls: Mapping[str, Walls] = field(default_factory=dict)
    """Room -> its walls."""
    meetings: Meetings | None = None
    """None where no media engine is."""
    rundowns: Mapping[str, Rundowns] = field(default_factory=dict)
    """Room -> its rundowns."""
    ceremonies: Ceremonies | None = None
    rehearsals: Rehearsing | None = None
    """None where no room can be rehearsed."""


@dataclass(frozen=True, slots=True)
class Front:
    """Where and how the door stands."""

    host: str
    port: int
    origins: frozenset[str]
    """What browsers may call us: `https://ruang.example:8443`. Their hosts are the only ones answered to."""
    build: str
    tls: ssl.SSLContext | None = None
    root_certificate: Path | None = None
    """The local root to be downloaded at /trust."""
    dashboards: tuple[str, ...] = field(default=())
    """Origins that may be shown in frames."""

    @property
    def secure(self) -> bool:
        """Whether browsers reach us by https: decides names and flags of cookies."""
        return self.tls is not None or any(origin.startswith("https:") for origin in self.origins)

    @property
    def url(self) -> str:
        """The first origin, for links we hand out."""
        names = sorted(self.origins, key=lambda origin: ("localhost" in origin or "127.0.0.1" in origin, origin))
        return names[0] if names else f"http://localhost:{self.port}"
