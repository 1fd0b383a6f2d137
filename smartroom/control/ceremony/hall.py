"""The ceremonies of one room: those that are kept, and the one on stage with its pads and walls."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import quantiles
from types import TracebackType
from typing import Protocol, Self

from smartroom.control import clock
from smartroom.control.ceremony import archive
from smartroom.control.ceremony.aftercare import Aftercare
from smartroom.control.ceremony.desk import DocumentDesk
from smartroom.control.ceremony.draft import FILE, Draft, new_id, write_whole
from smartroom.control.ceremony.ports import Tools
from smartroom.control.ceremony.session import Audience, Session
from smartroom.control.errors import ProblemError, problem
from smartroom.control.limits import CEREMONIES_PER_ROOM, ECHO_FRAMES, STAGE_INTERVAL_S
from smartroom.control.room.ledger import Ledger
from smartroom.protocol.base import Message
from smartroom.protocol.ceremony import (
    Ceremony,
    CeremonyStage,
    CeremonyState,
    CeremonySummary,
    InkDurable,
    InkEcho,
    InkFlow,
    PadState,
)
from smartroom.protocol.document import DocumentText
from smartroom.protocol.errors import ErrorCode

_LOG = logging.getLogger(__name__)

REAL, REHEARSALS = "ceremonies", "rehearsals"
"""Folders of the data folder: nothing that is a rehearsal ever lies beside what counts."""

EMBLEMS = "emblems"
_STAGE_FILE = "on-stage"
_ECHO_S = 10.0


class Face(Protocol):
    """A page of this ceremony on the other side of a socket. Calls never wait."""

    def say(self, event: str, message: Message) -> None:
        """Send one event."""
        ...


@dataclass(slots=True, eq=False)
class Pad:
    """A pad's page."""

    source: str
    device: str
    """Who it is by its pairing: the same tablet after its page was loaded anew."""
    name: str
    face: Face | None
    since: float = field(default_factory=clock.wall)


class Stage(Ledger):
    """What pages follow: `CeremonyState`, one writer."""

    def __init__(self, room: str) -> None:
        super().__init__(room, CeremonyState(room=room, version=0, time=0.0).model_dump(mode="json"))

    @property
    def state(self) -> CeremonyState:
        """The whole state now."""
        return CeremonyState.model_validate(self.document)


class Hall(Audience):
    """`async with`, then `run` until cancelled. What was on stage when the server ended is on stage again, as it was."""

    def __init__(self, room: str, data: Path, tools: Tools) -> None:
        self.room = room
        self.chorus: Callable[[str, InkFlow, str], None] = lambda _room, _flow, _source: None
        """Who brings ink to all pages of the room but the pad it came from."""
        self.moved: Callable[[], None] = lambda: None
        """The plaque of the room, which reports how far the ceremony is."""
        self.effects: Callable[[str, str, float], None] = lambda _room, _what, _at: None
        """Who makes lights and sounds of a decision at a server time."""
        self.stage = Stage(room)
        self.session: Session | None = None
        self.desk: DocumentDesk | None = None
        self.pads: dict[str, Pad] = {}
        self.walls = 0
        self._real = data / REAL / room
        self._rehearsals = data / REHEARSALS / room
        self._tools = tools
        self.aftercare = Aftercare(self.drafts, self._is_on_stage, tools)
        self._open = AsyncExitStack()
        self._dirty = asyncio.Event()
        self._moving = asyncio.Lock()
        self._coming = ""
        """The ceremony that is being brought: nobody else opens it."""
        self._echo: deque[tuple[float, float]] = deque(maxlen=ECHO_FRAMES)

    async def __aenter__(self) -> Self:
        with suppress(OSError, ProblemError, ValueError):
            await self.bring((self._real / _STAGE_FILE).read_text().strip())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._open.aclose()

    async def run(self) -> None:
        """Tell pages what has changed, and take documents further."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._publish_on(), name=f"stage:{self.room}")
            group.create_task(self._documents(), name=f"documents:{self.room}")
            group.create_task(self.aftercare.run(), name=f"aftercare:{self.room}")

    # -- the shelf --

    def folder(self, ceremony: str) -> Path | None:
        """Where a ceremony lies; None when there is none of this id here."""
        for shelf in (self._real, self._rehearsals):
            if ceremony.isalnum() and (shelf / ceremony / FILE).is_file():
                return shelf / ceremony
        return None

    @property
    def shelf(self) -> Path:
        """Where the room's templates and emblems lie."""
        return self._real

    def need_folder(self, ceremony: str) -> Path:
        """The same; raises ProblemError NOT_FOUND."""
        folder = self.folder(ceremony)
        if folder is None:
            raise ProblemError(problem(ErrorCode.NOT_FOUND, "Tidak ada acara ini", "There is no such ceremony"))
        return folder

    def need_free(self) -> None:
        """Raises ProblemError BUSY while somebody signs on stage."""
        if self.session is not None and self.session.story.stage is CeremonyStage.OPEN:
            raise ProblemError(
                problem(ErrorCode.BUSY, "Acara lain sedang berlangsung", "Another ceremony is under way")
            )

    def need_desk(self) -> DocumentDesk:
        """The desk of the document on stage."""
        if self.desk is None:
            raise ProblemError(problem(ErrorCode.STALE, "Tidak ada acara di panggung", "No ceremony is on stage"))
        return self.desk

    def keep_emblem(self, body: bytes) -> str:
        """Keep an emblem by its digest."""
        sha256 = hashlib.sha256(body).hexdigest()
        (self._real / EMBLEMS).mkdir(parents=True, exist_ok=True, mode=0o700)
        write_whole(self._real / EMBLEMS / sha256, body)
        return sha256

    def emblem(self, sha256: str) -> bytes | None:
        """An emblem's bytes; its digest is checked."""
        try:
            body = (self._real / EMBLEMS / sha256).read_bytes()
        except OSError:
            return None
        return body if hashlib.sha256(body).hexdigest() == sha256 else None

    def drafts(self) -> Iterator[tuple[Draft, Path]]:
        """Every ceremony of this room."""
        for shelf in (self._real, self._rehearsals):
            for file in shelf.glob(f"*/{FILE}"):
                with suppress(OSError, ValueError):
                    yield Draft.load(file.parent), file.parent

    def summaries(self) -> list[CeremonySummary]:
        """The newest first; what is not on stage is told as it was last written down."""
        found = [self._summary(draft) for draft, _ in self.drafts()]
        return sorted(found, key=lambda each: each.created, reverse=True)

    def create(self, text: DocumentText, *, rehearsal: bool, replaces: str = "") -> Draft:
        """A new draft."""
        if sum(1 for _ in self.drafts()) >= CEREMONIES_PER_ROOM:
            raise ProblemError(
                problem(
                    ErrorCode.OVERLOADED, "Terlalu banyak acara; arsipkan yang lama", "Too many ceremonies are kept"
                )
            )
        draft = Draft(
            id=new_id(), room=self.room, rehearsal=rehearsal, created=clock.wall(), text=text, replaces=replaces
        )
        draft.save((self._rehearsals if rehearsal else self._real) / draft.id)
        return draft

    async def bring(self, ceremony: str) -> Session:
        """Put a ceremony on stage; the one before leaves, unless it is open."""
        async with self._moving:
            if self.session is not None and self.session.id == ceremony:
                return self.session
            folder = self.need_folder(ceremony)
            self.need_free()
            self._coming = ceremony
            await self.aftercare.release(ceremony)
            session = Session(Draft.load(folder), folder, self._tools, self, self.emblem)
            opened = AsyncExitStack()
            await opened.enter_async_context(session)  # one that cannot be opened leaves the stage as it is
            await self._open.aclose()
            self._open = opened
            self.session, self.desk = session, DocumentDesk(session, self._tools)
            await session.see_again(0.0)
            self._real.mkdir(parents=True, exist_ok=True, mode=0o700)
            (self._real / _STAGE_FILE).write_text(ceremony)
            self.changed()
            await self._lead_if_none()
            return session

    def told(self, ceremony: str) -> Ceremony:
        """A ceremony that is not on stage, as its journal tells."""
        folder = self.need_folder(ceremony)
        draft, story, _ = archive.read(folder)
        session = Session(draft, folder, self._tools, Audience())
        session.story = story
        return session.told()

    def on_stage(self, ceremony: str) -> Session:
        """The session, when it is the one that is meant; raises ProblemError STALE."""
        if self.session is None or self.session.id != ceremony:
            raise ProblemError(
                problem(ErrorCode.STALE, "Acara ini tidak sedang di panggung", "This ceremony is not on stage")
            )
        return self.session

    # -- pads and walls --

    async def join(self, pad: Pad) -> bool:
        """A pad is here; True when it leads. The tablet that led goes on leading when its page was loaded anew."""
        old = self.pads.get(pad.source)
        if old is not None and old.device != pad.device:
            raise ProblemError(problem(ErrorCode.FORBIDDEN, "Bukan tablet ini", "Another pad has this name"))
        self.pads[pad.source] = pad
        for source in [key for key, each in self.pads.items() if each.face is None and each.source != self._lead()][
            :-4
        ]:
            del self.pads[source]
        await self._lead_if_none(pad)
        self.changed()
        return self._lead() == pad.source

    def leave(self, pad: Pad) -> None:
        """A pad's page is gone; its place is kept for it."""
        if self.pads.get(pad.source) is pad:
            pad.face = None
            self.changed()

    async def take(self, source: str, by: str) -> None:
        """A pad takes over."""
        pad = self.pads.get(source)
        if pad is None or pad.face is None:
            raise ProblemError(problem(ErrorCode.NOT_FOUND, "Tablet ini tidak terhubung", "This pad is not here"))
        if self.session is not None:
            await self.session.take_lead(source, pad.name, by)

    def painted(self, lags: list[float]) -> None:
        """A wall says how late its frames were."""
        now = clock.monotonic()
        self._echo += [(now, lag) for lag in lags]
        self.changed()

    # -- what the session tells --

    def changed(self) -> None:
        """Pages hear of it within a tenth of a second."""
        self._dirty.set()
        self.moved()

    def flows(self, flow: InkFlow, source: str) -> None:
        """At once."""
        self.chorus(self.room, flow, source)

    def effect(self, what: str, at: float) -> None:
        """To whoever makes lights and sounds."""
        self.effects(self.room, what, at)

    def durable(self, source: str, durable: InkDurable) -> None:
        """To the pad, if it is here."""
        pad = self.pads.get(source)
        if pad is not None and pad.face is not None:
            pad.face.say("durable", durable)

    # -- inside --

    def _lead(self) -> str | None:
        return self.session.lead if self.session else None

    async def _lead_if_none(self, fresh: Pad | None = None) -> None:
        """The first pad leads, and a tablet whose page was loaded anew goes on."""
        session = self.session
        if session is None or session.story.stage not in (CeremonyStage.FROZEN, CeremonyStage.OPEN):
            return
        lead = self.pads.get(session.lead or "")
        here = [pad for pad in self.pads.values() if pad.face is not None]
        again = fresh is not None and lead is not None and lead.face is None and lead.device == fresh.device
        chosen = fresh if again else here[0] if session.lead is None and here else None
        if chosen is not None:
            with suppress(ProblemError):
                await session.take_lead(chosen.source, chosen.name, chosen.name)

    async def _publish_on(self) -> None:
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            await self._lead_if_none()
            self._publish()
            await asyncio.sleep(STAGE_INTERVAL_S)

    def _publish(self) -> None:
        session = self.session
        told = session.told().model_dump(mode="json") if session else None
        with self.stage.batch():
            before = self.stage.document.get("ceremony")
            if told is None or not isinstance(before, dict) or before["id"] != told["id"]:
                self.stage.put(("ceremony",), told)
            else:
                for key, value in told.items():
                    if value != before.get(key):
                        self.stage.put(("ceremony", key), value)
            self.stage.put(("journal",), session.journal if session else None)
            self.stage.put(("pads",), {source: pad.model_dump(mode="json") for source, pad in self._told_pads()})
            self.stage.put(("walls",), self.walls)
            self.stage.put(("echo",), self._told_echo())

    def _told_pads(self) -> Iterator[tuple[str, PadState]]:
        lead, ink = self._lead(), self.session.progress() if self.session else {}
        for source, pad in self.pads.items():
            received, durable = ink.get(source, (0, 0))
            yield (
                source,
                PadState(
                    source=source,
                    name=pad.name[:80],
                    lead=source == lead,
                    online=pad.face is not None,
                    received=received,
                    durable=durable,
                    since=pad.since,
                ),
            )

    def _told_echo(self) -> InkEcho | None:
        now = clock.monotonic()
        lags = [lag for at, lag in self._echo if now - at < _ECHO_S]
        if len(lags) < 2:
            return None
        cuts = quantiles(lags, n=20, method="inclusive")
        return InkEcho(p50_ms=round(cuts[9], 1), p95_ms=round(cuts[18], 1), frames=len(lags))

    def _summary(self, draft: Draft) -> CeremonySummary:
        live = self.session if self.session is not None and self.session.id == draft.id else None
        text = live.text if live else draft.text
        return CeremonySummary(
            id=draft.id,
            number=text.number,
            subject=text.subject,
            date=text.date,
            rehearsal=draft.rehearsal,
            stage=live.story.stage if live else draft.stage,
            on_stage=live is not None,
            created=draft.created,
            legal=live.story.document.legal if live else draft.legal,
            recorded=live.story.recorded if live else draft.recorded,
        )

    def _is_on_stage(self, ceremony: str) -> bool:
        return ceremony in (self._coming, self.session.id if self.session is not None else "")

    def _has(self, desk: DocumentDesk) -> bool:
        return self.desk is desk

    async def _documents(self) -> None:
        while True:
            desk = self.desk
            if desk is None:
                await asyncio.sleep(STAGE_INTERVAL_S)
                continue
            await desk.run(partial(self._has, desk))
