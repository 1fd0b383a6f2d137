"""One ceremony that lives: ink at once to everybody and soon to the disk, decisions to the disk before anything follows from them."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self

from smartroom.control import clock
from smartroom.control.ceremony.draft import REHEARSAL, Draft, write_whole
from smartroom.control.ceremony.journal import JOURNAL, Journal
from smartroom.control.ceremony.ports import IndexRow, Tools
from smartroom.control.ceremony.retention import check_escrow
from smartroom.control.ceremony.story import Story
from smartroom.control.ceremony.strokes import Fate
from smartroom.control.chain import Anchor, ChainBusy, ChainDamaged, ChainStopped, Head, Record
from smartroom.control.errors import ProblemError, problem
from smartroom.control.limits import REVEAL_LEAD_S
from smartroom.protocol.base import Text
from smartroom.protocol.ceremony import (
    Approval,
    Ceremony,
    CeremonyStage,
    Counting,
    DocumentStep,
    InkBatch,
    InkDurable,
    InkFlow,
    InkTaken,
    JournalState,
    PadMode,
    Replay,
    Retention,
)
from smartroom.protocol.document import DocumentText
from smartroom.protocol.errors import ErrorCode

_LOG = logging.getLogger(__name__)

EMBLEM = "emblem"
"""The emblem that was frozen with the text, in the ceremony's folder."""

_SIGNED: Final = frozenset({"freeze", "thaw", "done", "reveal", "ended", "void", "verdict"})
"""Decisions whose head is signed; of `done` the last one."""


class Audience:
    """Whom a session tells; the room's stage overrides it. Calls never wait."""

    def changed(self) -> None:
        """Something pages show is different."""

    def flows(self, flow: InkFlow, source: str) -> None:
        """Ink, to everybody but the pad it came from."""

    def durable(self, source: str, durable: InkDurable) -> None:
        """To that pad: so far it is on the disk."""

    def effect(self, what: str, at: float) -> None:
        """A decision is made: lights and sounds of it begin at this server time."""


class Session:
    """`async with`: the journal, if there is one, is read and open. Everything that decides raises ProblemError when it may not be."""

    def __init__(
        self,
        draft: Draft,
        folder: Path,
        tools: Tools,
        audience: Audience,
        emblem: Callable[[str], bytes | None] = lambda _: None,
    ) -> None:
        """`emblem` finds an uploaded one by its digest."""
        self.draft = draft
        self.folder = folder
        self.story = Story()
        self.counting: Counting | None = None
        self.replay: Replay | None = None
        self.wake = asyncio.Event()
        """Set when the document may go a step further."""
        self._tools = tools
        self._audience = audience
        self._emblem = emblem
        self._journal: Journal | None = None
        self._open = AsyncExitStack()
        self._deciding = asyncio.Lock()
        self._keeping = asyncio.Lock()
        self._pen_up: float | None = None
        self._pending: deque[tuple[int, InkBatch]] = deque()
        self._kept: dict[tuple[int, int, str], int] = {}
        self._signing: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """ProblemError DEGRADED when the journal is damaged: nothing of it is touched."""
        if self._tools.sealing is not None:
            self._tools.sealing.want()
        if (self.folder / JOURNAL).exists():
            await self._open_journal()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in tuple(self._signing):
            task.cancel()
        if self._signing:
            await asyncio.wait(self._signing)
        await self._open.aclose()

    @property
    def id(self) -> str:
        """Its id, and its document's."""
        return self.draft.id

    @property
    def rehearsal(self) -> bool:
        """GLADI."""
        return self.draft.rehearsal

    @property
    def text(self) -> DocumentText:
        """The text, frozen or not."""
        frozen = self.story.text if self.story.stage is not CeremonyStage.DRAFT else None
        return frozen or self.draft.text

    @property
    def _wish(self) -> Literal["", "freeze", "thaw"]:
        """What one of two persons has asked for; a wish that came true while the server was killed is none any more."""
        may = {CeremonyStage.DRAFT: "freeze", CeremonyStage.FROZEN: "thaw"}
        return self.draft.wish if self.draft.wish == may.get(self.story.stage) else ""

    @property
    def journal(self) -> JournalState:
        """Whether what is promised can be kept."""
        return self._journal.state if self._journal else JournalState()

    @property
    def lead(self) -> str | None:
        """Source of the pad that leads."""
        return self.story.leads[-1] if self.story.leads else None

    def told(self) -> Ceremony:
        """For pages."""
        story = self.story
        signatories = [story.told(number) for number in range(len(story.signatories))]
        if story.active is not None:
            signatories[story.active] = signatories[story.active].model_copy(update={"pen_up": self._pen_up})
        return Ceremony.model_construct(
            id=self.id,
            rehearsal=self.rehearsal,
            stage=story.stage,
            text=self.text,
            digest=self.text.digest(),
            revision=self.draft.revision,
            wish=self._wish,
            approvals=self.draft.approvals if self._wish else story.approvals,
            signatories=signatories,
            active=story.active,
            opened_at=story.opened_at,
            signed_at=story.signed_at,
            counting=self.counting,
            reveal=story.reveal,
            replay=self.replay,
            photo=story.photo,
            document=story.document,
            verify_url=self._tools.verify_url(self.id),
            void_reason=story.void_reason,
            replaces=self.draft.replaces,
            retention=story.retention,
            outlined_at=story.outlined_at,
        )

    # -- the text and the two persons --

    async def change(self, text: DocumentText, revision: int) -> None:
        """A new text of the draft; what somebody had confirmed is no longer confirmed."""
        self.story.need(CeremonyStage.DRAFT)
        if revision != self.draft.revision:
            raise ProblemError(
                problem(
                    ErrorCode.STALE, "Naskah sudah diubah orang lain; muat ulang", "Somebody else has changed the text"
                )
            )
        self._check_number(text)
        await self._keep(text=text, revision=revision + 1, wish="", approvals=[])

    async def confirm(self, wish: str, digest: str, account: str, name: str) -> None:
        """One of two persons says yes. The second, another one, makes it so."""
        self.story.need(CeremonyStage.DRAFT if wish == "freeze" else CeremonyStage.FROZEN)
        if digest != self.text.digest():
            raise ProblemError(problem(ErrorCode.STALE, "Bukan naskah yang sekarang", "Not the present text"))
        if wish == "freeze":
            await self._complete()
        approval = Approval(by=name, account=account, at=clock.wall(), digest=digest)
        first = self.draft.approvals if self._wish == wish else []
        if any(each.account == account for each in first):
            raise ProblemError(
                problem(
                    ErrorCode.FORBIDDEN,
                    "Orang kedua harus orang lain",
                    "The second person must be another one",
                    fix=Text(id="Minta orang lain masuk dan menyetujui", en="Have somebody else sign in and confirm"),
                )
            )
        if not first:
            await self._keep(wish=wish, approvals=[approval])
            return
        both = [each.model_dump(mode="json") for each in (*first, approval)]
        if self._journal is None:
            await self._open_journal()
        body: dict[str, Any] = {"approvals": both}
        if wish == "freeze":
            body |= {"text": self.text.model_dump(mode="json"), "digest": digest, "rehearsal": self.rehearsal}
        await self._decide(wish, body)
        await self._keep(wish="", approvals=[])

    # -- the stage --

    async def open(self, by: str) -> None:
        """Buka prasasti, and the first signatory's turn."""
        async with self._checked(lambda: self.story.need(CeremonyStage.FROZEN)):
            await self._settle("opened", self._turn(0, 0, by))

    async def turn(self, signatory: int, by: str) -> None:
        """The next signatory."""
        async with self._checked(lambda: self.story.may_turn(signatory)):
            await self._settle("turn", self._turn(signatory, 0, by))

    async def mode(self, signatory: int, mode: PadMode, by: str) -> None:
        """How the pad suits the person."""

        def check() -> None:
            self.story.need(CeremonyStage.FROZEN, CeremonyStage.OPEN)
            if signatory >= len(self.story.signatories):
                raise ProblemError(problem(ErrorCode.NOT_FOUND, "Tidak ada penanda tangan ini", "No such signatory"))

        async with self._checked(check):
            await self._settle("mode", {"signatory": signatory, "mode": mode.model_dump(), "by": by})

    async def take_lead(self, source: str, name: str, by: str) -> None:
        """This pad goes on; strokes of the one before end where they are, and stay."""
        if source == self.lead:
            return
        async with self._checked(lambda: self.story.need(CeremonyStage.FROZEN, CeremonyStage.OPEN)):
            await self._settle("lead", {"source": source, "name": name, "by": by})
            self._pen_up = clock.wall()

    def ink(self, batch: InkBatch) -> InkTaken:
        """Points of the leading pad: to everybody in this turn, to the disk within 50 ms. Never waits."""
        try:
            self.story.may_ink(batch)
            if self.story.ink.fate(batch) is Fate.TAKEN and not self._deciding.locked():
                self._take(batch)
        except ProblemError as error:
            return self._acknowledged(batch, error)
        return self._acknowledged(batch)

    async def done(self, signatory: int, attempt: int, by: str) -> None:
        """Selesai. The last one records the whole, and the document is made."""

        def check() -> None:
            self.story.may_finish(signatory, attempt, self._pen_up, clock.wall())

        async with self._checked(check):
            ink = self.story.ink.signatures[signatory]
            body = {"signatory": signatory, "attempt": attempt, "by": by, "ink": ink.digest(), "points": ink.points}
            await self._settle("done", body)

    async def redo(self, signatory: int, attempt: int, by: str) -> None:
        """Ulangi: an empty field; the old ink stays in the journal."""
        async with self._checked(lambda: self.story.may_redo(signatory, attempt)):
            await self._settle("turn", self._turn(signatory, attempt + 1, by))

    async def reveal(self, held_ms: int, by: str) -> None:
        """Resmikan: all walls, lights and sounds begin at one server time."""
        async with self._checked(self.story.may_reveal):
            at = round(clock.wall() + REVEAL_LEAD_S, 3)
            await self._settle("reveal", {"by": by, "at": at, "held_ms": held_ms})
            self._audience.effect("reveal", at)

    async def cover(self, by: str) -> None:
        """Tutup kembali."""
        async with self._checked(lambda: self.story.may_cover(clock.wall())):
            await self._settle("cover", {"by": by})
            self._audience.effect("cover", clock.wall())

    async def photo(self, picture: bytes, sha256: str, size: tuple[int, int], by: str) -> None:
        """The group photo; a new one takes its place."""
        stages = (CeremonyStage.SIGNED, CeremonyStage.REVEALED, CeremonyStage.ENDED)
        async with self._checked(lambda: self.story.need(*stages)):
            await asyncio.to_thread(write_whole, self.folder / f"photo-{sha256[:16]}", picture)
            await self._settle("photo", {"sha256": sha256, "width": size[0], "height": size[1], "by": by})

    async def end(self, retention: Retention, by: str) -> None:
        """It is over; what is still open of the legal signatures goes on."""
        if retention is Retention.ENCRYPTED:
            await asyncio.to_thread(check_escrow, self._tools.rules.escrow)
        async with self._checked(lambda: self.story.need(CeremonyStage.SIGNED, CeremonyStage.REVEALED)):
            await self._settle("ended", {"by": by, "retention": str(retention)})

    async def void(self, reason: str, by: str) -> None:
        """BATAL: after ink, when the text was wrong."""
        stages = (CeremonyStage.OPEN, CeremonyStage.SIGNED, CeremonyStage.REVEALED, CeremonyStage.ENDED)
        async with self._checked(lambda: self.story.need(*stages)):
            await self._settle("void", {"by": by, "reason": reason})

    def count(self, do: str, start: int, by: str) -> None:
        """The count-down, by the operator's hand: at zero nothing happens by itself."""
        now, counting = clock.wall(), self.counting
        if do == "begin":
            self.counting = Counting(start=start, at=now)
        elif do == "end":
            self.counting = None
        elif counting is not None and do == "hold" and counting.at is not None:
            figure = max(0, counting.start - int(now - counting.at))
            self.counting = Counting(start=counting.start, at=None, held=figure)
        elif counting is not None and do == "go" and counting.held is not None:
            self.counting = Counting(start=max(1, counting.held), at=now)
        self._cue("count", {"do": do, "start": start, "by": by})

    def play(self, speed: float, signatory: int | None, by: str) -> None:
        """Draw the signatures again; speed 0 ends it."""
        now = clock.wall()
        self.replay = Replay(at=round(now + REVEAL_LEAD_S / 3, 3), speed=speed, signatory=signatory) if speed else None
        self._cue("replay", {"speed": speed, "signatory": signatory, "by": by})

    # -- for the document's desk --

    def not_drawn(self, sentence: str) -> None:
        """Why there is no document yet; the ink is safe."""
        changed = {"step": DocumentStep.FAILED, "sentence": sentence[:200]}
        self.story.document = self.story.document.model_copy(update=changed)
        self._audience.changed()

    def progress(self) -> dict[str, tuple[int, int]]:
        """Source -> batches received and on the disk, of the present attempt."""
        active = self.story.active
        signature = self.story.ink.signatures.get(active) if active is not None else None
        if signature is None:
            return {}
        key = signature.signatory, signature.attempt
        return {source: (number, self._kept.get((*key, source), 0)) for source, number in signature.received.items()}

    async def forget(self, body: Mapping[str, Any]) -> None:
        """Pressure and timing of all ink leave the journal; the outline in `body` stays."""
        async with self._deciding:
            try:
                record = await self._need_journal().remove("ink", body)
            except (ChainStopped, ChainBusy) as error:
                raise _stopped(error) from error
            self._happened(record)

    async def see_again(self, at: float | None) -> None:
        """When there is something to do once it has left the stage."""
        await self._keep(due=at)

    async def record(self, kind: str, body: Mapping[str, Any]) -> None:
        """A step of the document: on the disk, then told."""
        async with self._deciding:
            await self._settle(kind, body)

    # -- inside --

    @asynccontextmanager
    async def _checked(self, check: Callable[[], None]) -> AsyncIterator[None]:
        """One decision after the other; while one is on its way to the disk no ink is taken, the pad sends it again."""
        async with self._deciding:
            check()
            yield

    async def _decide(self, kind: str, body: Mapping[str, Any]) -> None:
        async with self._deciding:
            await self._settle(kind, body)

    async def _settle(self, kind: str, body: Mapping[str, Any]) -> None:
        journal = self._need_journal()
        try:
            record = await journal.decide(kind, body)
        except (ChainStopped, ChainBusy) as error:
            raise _stopped(error) from error
        self._happened(record)

    def _cue(self, what: str, body: Mapping[str, Any]) -> None:
        if self._journal is not None:
            with suppress(ChainStopped, ChainBusy):  # nothing is promised of a cue
                self._journal.note("cue", {"what": what, **body})
        self._audience.changed()

    def _happened(self, record: Record) -> None:
        self.story.apply(record)
        if record.kind in ("opened", "turn"):
            self._pen_up = None
        if record.kind in _SIGNED and (record.kind != "done" or self.story.all_done):
            task = asyncio.create_task(self._sign(record), name=f"head of {self.id}")
            self._signing.add(task)
            task.add_done_callback(self._signing.discard)
        self.wake.set()
        self._audience.changed()

    async def _sign(self, record: Record) -> None:
        """Have the head signed and the database know it. The stage does not wait; a failure is in the journal's state."""
        journal = self._need_journal()
        story = self.story
        try:
            await self._keep(stage=story.stage, recorded=story.recorded, legal=story.document.legal)
            signed = await journal.sign(record)
            await self._index(signed.head if signed else record.head)
        except (ChainStopped, OSError) as error:
            _LOG.error("ceremony %s: head %d: %s", self.id, record.sequence, error)
        self._audience.changed()

    async def _index(self, head: Head) -> None:
        if self._tools.index is None or self.rehearsal:
            return
        text = self.text
        await self._tools.index.save(
            IndexRow(
                id=self.id,
                room=self.draft.room,
                number=text.number,
                subject=text.subject,
                stage=str(self.story.stage),
                legal=str(self.story.document.legal),
                created=self.draft.created,
                sequence=head.sequence,
                head=head.digest,
            )
        )

    def _take(self, batch: InkBatch) -> None:
        journal = self._need_journal()
        try:
            record = journal.note("ink", batch.model_dump(mode="json"))
        except ChainBusy:
            return  # not received: the pad keeps it and sends it again
        except ChainStopped as error:
            raise _stopped(error) from error
        self.story.ink.add(batch)
        signature = self.story.ink.signatures[batch.signatory]
        self._pen_up = None if signature.pen_down else clock.wall()
        self._pending.append((record.sequence, batch))
        flow = InkFlow.model_construct(
            ceremony=self.id,
            seq=self.story.ink.seq,
            signatory=batch.signatory,
            attempt=batch.attempt,
            source=batch.source,
            at=batch.at,
            pieces=batch.pieces,
        )
        self._audience.flows(flow, batch.source)

    def _acknowledged(self, batch: InkBatch, error: ProblemError | None = None) -> InkTaken:
        signature = self.story.ink.signatures.get(batch.signatory)
        known = signature is not None and signature.attempt == batch.attempt
        received = signature.received.get(batch.source, 0) if signature is not None and known else 0
        durable = self._kept.get((batch.signatory, batch.attempt, batch.source), 0)
        return InkTaken(received=received, durable=durable, problem=error.problem if error else None)

    def _news(self) -> None:
        """Something is on the disk now, or a copy of the journal is not what it was."""
        durable = self._journal.durable if self._journal else 0
        kept: dict[tuple[int, int, str], int] = {}
        while self._pending and self._pending[0][0] <= durable:
            _, batch = self._pending.popleft()
            kept[batch.signatory, batch.attempt, batch.source] = batch.number
        self._kept |= kept
        for (signatory, attempt, source), number in kept.items():
            told = InkDurable(ceremony=self.id, signatory=signatory, attempt=attempt, number=number)
            self._audience.durable(source, told)
        self._audience.changed()

    async def _open_journal(self) -> None:
        row = await self._tools.index.find(self.id) if self._tools.index and not self.rehearsal else None
        anchors = [Anchor(Head(row.sequence, row.head), "the database")] if row and row.sequence else []
        journal = Journal(
            self.id,
            self.folder,
            copy=self._tools.rules.copy,
            reserve=self._tools.rules.reserve,
            sealing=self._tools.sealing,
            anchors=anchors,
            news=self._news,
        )
        try:
            await self._open.enter_async_context(journal)
        except (ChainDamaged, ChainStopped) as error:
            raise ProblemError(
                problem(
                    ErrorCode.DEGRADED,
                    "Jurnal acara rusak; tidak ada yang diubah",
                    "The journal of the ceremony is damaged; nothing was touched",
                    detail=str(error),
                    fix=Text(id="Jalankan: smartroom journal verify", en="Run: smartroom journal verify"),
                )
            ) from error
        self._journal = journal
        for record in journal.past:
            self.story.apply(record)
            if record.kind == "head":
                journal.told(record.body["signed"]["statement"]["sequence"])
        for signature in self.story.ink.signatures.values():
            for source, number in signature.received.items():
                self._kept[signature.signatory, signature.attempt, source] = number
        journal.chain.past = ()
        self._pen_up = clock.wall()
        self.wake.set()

    def _need_journal(self) -> Journal:
        if self._journal is None:
            raise ProblemError(problem(ErrorCode.BLOCKED, "Naskah belum dibekukan", "The text is not frozen yet"))
        return self._journal

    def _turn(self, signatory: int, attempt: int, by: str) -> dict[str, Any]:
        return {"signatory": signatory, "attempt": attempt, "began": round(clock.wall(), 3), "by": by}

    async def _complete(self) -> None:
        """Nothing is read aloud that is missing; the emblem goes into the ceremony's own folder."""
        text = self.text
        self._check_number(text)
        missing = [name for name in ("number", "subject", "place", "date") if not getattr(text, name).strip()]
        missing += [f"signatories.{at}.title" for at, each in enumerate(text.signatories) if not each.title.strip()]
        emblem = self._emblem(text.emblem_sha256) if text.emblem_sha256 else None
        if text.emblem_sha256 and emblem is None:
            missing.append("emblem")
        if missing:
            raise ProblemError(
                problem(
                    ErrorCode.INVALID,
                    "Naskah belum lengkap",
                    "The text is not complete",
                    detail=", ".join(missing),
                    name=missing[0],
                )
            )
        if emblem is not None:
            await asyncio.to_thread(write_whole, self.folder / EMBLEM, emblem)

    def _check_number(self, text: DocumentText) -> None:
        """A rehearsal's number can never be taken for a real one's, nor the other way round."""
        if text.number.upper().startswith(REHEARSAL) is not self.rehearsal:
            raise ProblemError(
                problem(
                    ErrorCode.INVALID,
                    f"Nomor gladi diawali {REHEARSAL}, nomor acara sebenarnya tidak",
                    f"A rehearsal's number begins with {REHEARSAL}, a real one's does not",
                    name="number",
                )
            )

    async def _keep(self, **changes: object) -> None:
        async with self._keeping:
            self.draft = self.draft.model_copy(update=changes)
            await asyncio.to_thread(self.draft.save, self.folder)
        self._audience.changed()


def _stopped(error: Exception) -> ProblemError:
    if isinstance(error, ChainBusy):
        return ProblemError(problem(ErrorCode.BUSY, "Penyimpanan sedang tertinggal", "The disk is behind"))
    return ProblemError(
        problem(
            ErrorCode.DEGRADED,
            "Jurnal tidak bisa ditulis; keputusan ini belum berlaku",
            "The journal cannot be written; this decision has no effect",
            detail=str(error),
        )
    )
