"""A ceremony for tests: a text, pens that write, a session over a folder of its own."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from smartroom.control.ceremony.draft import Draft, new_id
from smartroom.control.ceremony.ports import Rules, Sealing, Tools
from smartroom.control.ceremony.session import Audience, Session
from smartroom.control.ceremony.trust import HouseConfined
from smartroom.protocol.ceremony import InkBatch, InkDurable, InkFlow, InkPiece
from smartroom.protocol.document import DocumentText, Signatory

TEXT = DocumentText(
    number="600/1/2026",
    subject="Gedung Pelayanan Terpadu",
    place="Kota Uji",
    date="23 November 2026",
    signatories=[
        Signatory(name="Dr. Siti Rahmawati, M.Si.", title="Wali Kota"),
        Signatory(name="Ir. Budi Santoso", title="Ketua DPRD"),
    ],
    agency="PEMERINTAH KOTA UJI",
)
ALONE = TEXT.model_copy(update={"signatories": TEXT.signatories[:1]})
GLADI = ALONE.model_copy(update={"number": "GLADI-1"})


@dataclass
class Listener(Audience):
    """Remembers what a session tells."""

    ink: list[InkFlow] = field(default_factory=list)
    kept: list[tuple[str, InkDurable]] = field(default_factory=list)
    effects: list[tuple[str, float]] = field(default_factory=list)

    def flows(self, flow: InkFlow, source: str) -> None:
        """Ink."""
        self.ink.append(flow)

    def durable(self, source: str, durable: InkDurable) -> None:
        """On the disk."""
        self.kept.append((source, durable))

    def effect(self, what: str, at: float) -> None:
        """Lights and sounds."""
        self.effects.append((what, at))


@dataclass
class Pen:
    """Writes batches of one source, numbered from 1, three points each."""

    ceremony: str
    source: str = "tabletutama"
    signatory: int = 0
    attempt: int = 0
    number: int = 0
    strokes: int = 0

    def stroke(self, batches: int = 4, *, lift: bool = True) -> Iterator[InkBatch]:
        """One stroke in so many batches."""
        stroke, self.strokes = self.strokes, self.strokes + 1
        for each in range(batches):
            self.number += 1
            points = [
                [
                    1000 + 200 * (each * 3 + point),
                    2000 + int(800 * math.sin(self.number + point)),
                    self.number * 16 + point * 5,
                    300 + 20 * point,
                ]
                for point in range(3)
            ]
            end = "up" if lift and each == batches - 1 else ""
            yield InkBatch.model_validate(
                {
                    "ceremony": self.ceremony,
                    "source": self.source,
                    "signatory": self.signatory,
                    "attempt": self.attempt,
                    "number": self.number,
                    "at": time.time(),
                    "pieces": [{"stroke": stroke, "points": points, "end": end}],
                }
            )


def merged(batch: InkBatch, other: InkBatch) -> InkBatch:
    """Two batches as a pad sends them after it was away: the later one's pieces added, the earlier one's number kept."""
    pieces: list[InkPiece] = [*batch.pieces, *other.pieces]
    return batch.model_copy(update={"pieces": pieces})


@asynccontextmanager
async def session_in(
    folder: Path,
    *,
    text: DocumentText = TEXT,
    rehearsal: bool = False,
    rules: Rules | None = None,
    sealing: Sealing | None = None,
    listener: Listener | None = None,
) -> AsyncIterator[Session]:
    """A session over a folder: new, or what an earlier one left there."""
    try:
        draft = Draft.load(folder)
    except OSError:
        draft = Draft(id=new_id(), room="hall", rehearsal=rehearsal, created=time.time(), text=text)
        draft.save(folder)
    tools = Tools(
        sealing, HouseConfined(folder), None, rules or Rules(reserve=0), lambda key: f"https://kota.example/v/{key}"
    )
    async with Session(draft, folder, tools, listener or Listener()) as session:
        yield session


async def freeze(session: Session) -> None:
    """Two persons."""
    digest = session.text.digest()
    said = {approval.account for approval in session.told().approvals}
    for account, name in (("protokol", "Protokol"), ("host", "Pembawa acara")):
        if account not in said:
            await session.confirm("freeze", digest, account, name)


async def begin(session: Session, source: str = "tabletutama") -> None:
    """Frozen, a pad leads, the plaque is open."""
    await freeze(session)
    await session.take_lead(source, "Tablet utama", "Tablet utama")
    await session.open("Operator")


async def sign(session: Session, pen: Pen, *, by: str = "Protokol") -> None:
    """Two strokes, the rest, and Selesai."""
    for _ in range(2):
        for batch in pen.stroke():
            assert session.ink(batch).received == batch.number
    rest(session)
    await session.done(pen.signatory, pen.attempt, by)


def rest(session: Session) -> None:
    """The pen has been up for two seconds."""
    assert session._pen_up is not None
    session._pen_up -= 2.5


async def until(true: Callable[[], object], limit: float = 10.0) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(limit):
        while not true():
            await asyncio.sleep(0.005)
