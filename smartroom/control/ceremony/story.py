"""What has happened in a ceremony, told record by record, and what may happen next. Pure: the same journal, the same story."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from smartroom.control.ceremony.retention import drawn_again
from smartroom.control.ceremony.strokes import Fate, Ink
from smartroom.control.chain import Record
from smartroom.control.errors import ProblemError, problem
from smartroom.protocol.ceremony import (
    MAX_REDOS,
    Approval,
    CeremonyStage,
    DocumentState,
    DocumentStep,
    InkBatch,
    Legal,
    LegalSignature,
    PadMode,
    Photo,
    Retention,
    Reveal,
    SignatoryState,
    Turn,
)
from smartroom.protocol.document import DocumentText
from smartroom.protocol.errors import ErrorCode
from smartroom.protocol.signing import Level, SigningCode
from smartroom.protocol.verdict import Verdict

REST_S = 2.0
"""`Selesai` waits until the pen has been up for so long: nobody records half a name."""

COVER_S = 3.0
"""`Tutup kembali` within this of the unveiling."""


@dataclass(slots=True)
class Signatory:
    """One signatory, as it went."""

    turn: Turn = Turn.WAITING
    attempt: int = 0
    mode: PadMode = field(default_factory=PadMode)
    began: float | None = None
    done_by: str = ""
    done_at: float | None = None


@dataclass(slots=True)
class Story:
    """One ceremony from its freeze on."""

    text: DocumentText | None = None
    approvals: list[Approval] = field(default_factory=list)
    stage: CeremonyStage = CeremonyStage.DRAFT
    signatories: list[Signatory] = field(default_factory=list)
    active: int | None = None
    ink: Ink = field(default_factory=Ink)
    leads: list[str] = field(default_factory=list)
    """Sources that have led, the last one leads."""
    opened_at: float | None = None
    signed_at: float | None = None
    signed_head: str = ""
    """Head of the journal at the last `Selesai`: printed in the document."""
    reveal: Reveal | None = None
    photo: Photo | None = None
    document: DocumentState = field(default_factory=DocumentState)
    files: list[str] = field(default_factory=list)
    """SHA-256 of each version of the document, the newest last."""
    retention: Retention = Retention.OUTLINE
    outlined_at: float | None = None
    """From then on ink is an outline: pressure and timing are not in our files any more."""
    escrow: Mapping[str, Any] | None = None
    """What is kept of them for somebody else's key: `sha256`, `recipient`, `until`."""
    raised_at: float | None = None
    """When the newest timestamp over the whole document was made."""
    void_reason: str = ""
    heads: list[dict[str, Any]] = field(default_factory=list)
    """Signed heads, as `HeadSigned`."""

    def apply(self, record: Record) -> None:
        """Go on by one record; kinds that change nothing here pass."""
        tell = _TELL.get(record.kind)
        if tell is not None:
            tell(self, record)

    # -- what may happen: each raises ProblemError --

    def need(self, *stages: CeremonyStage) -> None:
        """Only in one of these stages."""
        if self.stage not in stages:
            raise _no("Belum atau sudah lewat untuk langkah ini", "Not at this stage", f"the ceremony is {self.stage}")

    def may_turn(self, signatory: int) -> None:
        """Signatories sign in their order."""
        self.need(CeremonyStage.OPEN)
        if self.active is not None or signatory != self._next():
            raise _no("Belum giliran penanda tangan ini", "It is not this signatory's turn", f"active: {self.active}")

    def may_ink(self, batch: InkBatch) -> None:
        """Ink belongs to the present attempt of who signs now, and comes from the pad that leads."""
        if self.stage is not CeremonyStage.OPEN or self.active != batch.signatory:
            raise _no("Bidang tanda tangan sedang terkunci", "The field is locked", f"active: {self.active}")
        if self.signatories[batch.signatory].attempt != batch.attempt:
            raise _no("Tanda tangan ini sudah diulang", "This signature was begun anew", f"attempt {batch.attempt}")
        if self.ink.fate(batch) is Fate.TOO_MUCH:
            raise ProblemError(
                problem(ErrorCode.OVERLOADED, "Tanda tangan terlalu panjang; tekan Ulangi", "The signature is too long")
            )
        if not self.leads or self.leads[-1] != batch.source:
            raise ProblemError(
                problem(ErrorCode.SUPERSEDED, "Tablet lain sedang dipakai menandatangani", "Another pad leads")
            )

    def may_finish(self, signatory: int, attempt: int, pen_up: float | None, now: float) -> None:
        """Something was drawn, and the pen has rested."""
        self._current(signatory, attempt)
        if not self.ink.signatures[signatory].points:
            raise _no("Belum ada goresan", "Nothing has been drawn yet")
        if pen_up is None or now - pen_up < REST_S:
            raise ProblemError(problem(ErrorCode.BUSY, "Pena masih bergerak", "The pen is still moving"))

    def may_redo(self, signatory: int, attempt: int) -> None:
        """At most twice."""
        self._current(signatory, attempt)
        if attempt >= MAX_REDOS:
            raise _no(f"Sudah diulang {MAX_REDOS} kali", f"It was begun anew {MAX_REDOS} times already")

    def may_reveal(self) -> None:
        """Armed only after the last ink; once, or again after it was covered."""
        if self.stage is CeremonyStage.REVEALED and self.reveal is not None and self.reveal.covered:
            return
        if self.stage in (CeremonyStage.DRAFT, CeremonyStage.FROZEN, CeremonyStage.OPEN):
            raise ProblemError(
                problem(
                    ErrorCode.BLOCKED,
                    "Belum bisa diresmikan: tanda tangan belum selesai",
                    "Not armed: not all have signed",
                )
            )
        self.need(CeremonyStage.SIGNED)

    def may_cover(self, now: float) -> None:
        """Within three seconds."""
        self.need(CeremonyStage.REVEALED)
        if self.reveal is None or self.reveal.covered or now > self.reveal.at + COVER_S:
            raise ProblemError(
                problem(ErrorCode.EXPIRED, "Sudah terlambat untuk menutup kembali", "Too late to cover it again")
            )

    def may_thaw(self) -> None:
        """Only before ink; afterwards BATAL and a new number."""
        self.need(CeremonyStage.FROZEN)

    @property
    def all_done(self) -> bool:
        """Everybody has signed."""
        return bool(self.signatories) and all(each.turn is Turn.DONE for each in self.signatories)

    @property
    def recorded(self) -> bool:
        """GORESAN DIREKAM: this story is told from records that are on the disk."""
        return self.signed_at is not None

    def told(self, number: int) -> SignatoryState:
        """A signatory for pages, without what only the session knows."""
        each = self.signatories[number]
        ink = self.ink.signatures.get(number)
        return SignatoryState(
            turn=each.turn,
            attempt=each.attempt,
            mode=each.mode,
            began=each.began,
            strokes=len(ink.strokes) if ink else 0,
            points=ink.points if ink else 0,
            outside=ink.outside if ink else False,
            done_by=each.done_by,
            done_at=each.done_at,
        )

    def _next(self) -> int | None:
        return next((number for number, each in enumerate(self.signatories) if each.turn is not Turn.DONE), None)

    def _current(self, signatory: int, attempt: int) -> None:
        self.need(CeremonyStage.OPEN)
        if self.active != signatory or self.signatories[signatory].attempt != attempt:
            raise ProblemError(
                problem(
                    ErrorCode.STALE, "Giliran sudah berganti", "The turn has changed", detail=f"active: {self.active}"
                )
            )


def _no(indonesian: str, english: str, detail: str = "") -> ProblemError:
    return ProblemError(problem(ErrorCode.BLOCKED, indonesian, english, detail=detail))


# -- how each record changes the story --


def _freeze(story: Story, record: Record) -> None:
    story.text = DocumentText.model_validate(record.body["text"])
    story.approvals = [Approval.model_validate(each) for each in record.body["approvals"]]
    story.stage = CeremonyStage.FROZEN
    story.signatories = [Signatory() for _ in story.text.signatories]


def _thaw(story: Story, _: Record) -> None:
    story.stage = CeremonyStage.DRAFT
    story.approvals = []


def _opened(story: Story, record: Record) -> None:
    story.stage = CeremonyStage.OPEN
    story.opened_at = record.at
    _turn(story, record)


def _turn(story: Story, record: Record) -> None:
    number = record.body["signatory"]
    each = story.signatories[number]
    each.turn, each.attempt, each.began = Turn.SIGNING, record.body["attempt"], record.body["began"]
    story.active = number
    story.ink.begin(number, each.attempt, record.body["began"])


def _mode(story: Story, record: Record) -> None:
    story.signatories[record.body["signatory"]].mode = PadMode.model_validate(record.body["mode"])


def _lead(story: Story, record: Record) -> None:
    if story.active is not None and story.active in story.ink.signatures:
        story.ink.signatures[story.active].settle()
    story.leads.append(record.body["source"])


def _ink(story: Story, record: Record) -> None:
    story.ink.add(InkBatch.model_validate(record.body))


def _done(story: Story, record: Record) -> None:
    each = story.signatories[record.body["signatory"]]
    each.turn, each.done_by, each.done_at = Turn.DONE, record.body["by"], record.at
    story.ink.signatures[record.body["signatory"]].settle()
    story.active = None
    if story.all_done:
        story.stage, story.signed_at, story.signed_head = CeremonyStage.SIGNED, record.at, record.digest
        story.document = story.document.model_copy(update={"recorded": True})


def _reveal(story: Story, record: Record) -> None:
    story.stage = CeremonyStage.REVEALED
    story.reveal = Reveal(at=record.body["at"], by=record.body["by"])


def _cover(story: Story, _: Record) -> None:
    assert story.reveal is not None
    story.reveal = story.reveal.model_copy(update={"covered": True})


def _photo(story: Story, record: Record) -> None:
    story.photo = Photo(
        sha256=record.body["sha256"], width=record.body["width"], height=record.body["height"], at=record.at
    )


def _drawn(story: Story, record: Record) -> None:
    story.files = [record.body["sha256"]]
    wanted = [LegalSignature.model_validate(each) for each in record.body["wanted"]]
    story.document = story.document.model_copy(
        update={
            "step": DocumentStep.DRAWN,
            "sha256": record.body["sha256"],
            "size": record.body["size"],
            "sentence": "",
            "signatures": wanted,
            "legal": Legal.WAITING if wanted else Legal.NONE,
        }
    )


def _asked(story: Story, record: Record) -> None:
    """Until the answer stands here, nobody knows: that is how a restart in between is told."""
    changed = {"state": Legal.RUNNING, "code": SigningCode.UNKNOWN_OUTCOME, "at": record.at, "sentence": "asked"}
    _legal(story, record.body["signatory"], changed)


def _answered(story: Story, record: Record) -> None:
    if "sha256" not in record.body:
        code = SigningCode(record.body["code"])
        _legal(
            story,
            record.body["signatory"],
            {"state": Legal.LATER, "code": code, "sentence": record.body["sentence"], "at": record.at},
        )
        return
    _version(story, record)
    story.document = story.document.model_copy(update={"verdict": None})
    _legal(story, record.body["signatory"], {"state": Legal.VALID, "code": None, "sentence": "", "at": record.at})


def _again(story: Story, record: Record) -> None:
    _legal(story, record.body["signatory"], {"state": Legal.WAITING, "code": None, "sentence": "", "at": record.at})


def _upgraded(story: Story, record: Record) -> None:
    if "sha256" in record.body:
        _version(story, record)
    story.document = story.document.model_copy(
        update={"upgrade": "done" if "sha256" in record.body else "failed", "sentence": record.body.get("sentence", "")}
    )


def _verdict(story: Story, record: Record) -> None:
    story.document = story.document.model_copy(update={"verdict": Verdict.model_validate(record.body["verdict"])})
    _sum_up(story)


def _void(story: Story, record: Record) -> None:
    story.stage, story.void_reason, story.active = CeremonyStage.VOID, record.body["reason"], None


def _ended(story: Story, record: Record) -> None:
    story.stage, story.retention = CeremonyStage.ENDED, Retention(record.body["retention"])


def _outlined(story: Story, record: Record) -> None:
    for each in record.body["outlines"]:
        story.ink.signatures[each["signatory"]] = drawn_again(each)
    story.outlined_at, story.escrow = record.at, record.body.get("escrow")


def _forgotten(story: Story, _: Record) -> None:
    story.escrow = None


def _head(story: Story, record: Record) -> None:
    story.heads.append(dict(record.body["signed"]))


def _version(story: Story, record: Record) -> None:
    story.files.append(record.body["sha256"])
    level = Level(record.body["level"]) if record.body.get("level") else story.document.level
    story.raised_at = record.at if level is Level.B_LTA else None
    story.document = story.document.model_copy(
        update={
            "step": DocumentStep.SEALED,
            "sha256": record.body["sha256"],
            "size": record.body["size"],
            "level": level,
        }
    )


def _legal(story: Story, signatory: int | None, change: Mapping[str, object]) -> None:
    signatures = [
        each.model_copy(update=change) if each.signatory == signatory else each for each in story.document.signatures
    ]
    story.document = story.document.model_copy(update={"signatures": signatures})
    _sum_up(story)


def _sum_up(story: Story) -> None:
    """The worst of the signatures; valid only by our own verdict on the newest file."""
    states = {each.state for each in story.document.signatures}
    if not states:
        legal = Legal.NONE
    elif states == {Legal.VALID}:
        verdict = story.document.verdict  # of an upgraded file's beginning, until the whole is judged
        legal = Legal.RUNNING if verdict is None else Legal.VALID if verdict.passed or _gladi(verdict) else Legal.LATER
    else:
        legal = next(each for each in (Legal.LATER, Legal.RUNNING, Legal.WAITING) if each in states)
    story.document = story.document.model_copy(update={"legal": legal})


def _gladi(verdict: Verdict) -> bool:
    """A rehearsal's document does what it can: the page says GLADI before it says anything else."""
    return verdict.rehearsal and verdict.intact.light == "green"


_TELL: Final[Mapping[str, Callable[[Story, Record], None]]] = {
    "freeze": _freeze,
    "thaw": _thaw,
    "opened": _opened,
    "turn": _turn,
    "mode": _mode,
    "lead": _lead,
    "ink": _ink,
    "done": _done,
    "reveal": _reveal,
    "cover": _cover,
    "photo": _photo,
    "drawn": _drawn,
    "asked": _asked,
    "answered": _answered,
    "again": _again,
    "upgraded": _upgraded,
    "verdict": _verdict,
    "void": _void,
    "ended": _ended,
    "removal": _outlined,
    "forgotten": _forgotten,
    "head": _head,
}
