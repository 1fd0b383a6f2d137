"""The ceremony: what pads, operators and walls say to the server, and the state they see. docs/ceremony.md tells the order of things."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from smartroom.protocol.base import Id, Label, Message, Text
from smartroom.protocol.commands import Press, PressId
from smartroom.protocol.document import DocumentText
from smartroom.protocol.errors import Problem
from smartroom.protocol.people import Account, Password
from smartroom.protocol.signing import CertificateState, Level, Secret, Sha256, SigningCode
from smartroom.protocol.verdict import Verdict

CeremonyId = Annotated[str, Field(pattern=r"^[a-z2-7]{26}$")]
"""Random and not countable: it also stands in the QR code, as `/v/<id>`."""

SourceId = Annotated[str, Field(pattern=r"^[a-z0-9]{8,32}$")]
"""One life of one pad's page; drawn by the page when it opens, so that numbers of batches never meet those of an earlier life."""

FIELD_WIDTH = 10_000
FIELD_HEIGHT = 4_000
"""The signature field in units of ink: the same on every pad and wall, however it is turned, zoomed or resized."""

MAX_REDOS = 2
BATCH_POINTS = 512
"""Points of one batch: two seconds of a 240 Hz pen."""
SIGNATORIES = 6

SignatoryIndex = Annotated[int, Field(ge=0, lt=SIGNATORIES)]
"""Place in the text's list of signatories."""

Attempt = Annotated[int, Field(ge=0, le=MAX_REDOS)]
"""0 for the first, 1 and 2 for redos."""


class CeremonyStage(StrEnum):
    """How far a ceremony is. It never goes back, but from frozen to draft, by the same two persons."""

    DRAFT = "draft"
    """The text can be changed."""
    FROZEN = "frozen"
    """Two persons have confirmed the text; nobody changes it alone."""
    OPEN = "open"
    """The plaque is on the pad; signatories sign in their order."""
    SIGNED = "signed"
    """The last `Selesai`: goresan direkam. The reveal is armed."""
    REVEALED = "revealed"
    ENDED = "ended"
    """Over: the journal is closed. Legal signing may still follow."""
    VOID = "void"
    """BATAL: the text was wrong after ink. Kept; a new number replaces it."""


class Turn(StrEnum):
    """How far one signatory is."""

    WAITING = "waiting"
    SIGNING = "signing"
    DONE = "done"


class Legal(StrEnum):
    """The second of the two states, never mixed with `recorded`."""

    NONE = "none"
    """No sealing key and no signing service is configured, or there is no ink yet."""
    WAITING = "waiting"
    """Menunggu pengesahan."""
    RUNNING = "running"
    """Pengesahan berlangsung: shown to the protocol only."""
    LATER = "later"
    """Pengesahan menyusul: failed, or nobody knows."""
    VALID = "valid"
    """TTE sah: the signatures came back and our own verification passed."""


class PadMode(Message):
    """How the pad suits the person: set by the operator, per signatory."""

    large: bool = False
    """The field fills the pad."""
    left_handed: bool = False
    """Buttons and line mirrored."""
    seated: bool = False
    """The field at the lower edge, within reach from a wheelchair."""
    pen_only: bool = False
    """Ignore touch from the beginning; otherwise from the first pen event on."""


# -- ink --

InkPoint = Annotated[list[Annotated[int, Field(ge=-100_000, le=3_600_000)]], Field(min_length=4, max_length=6)]
"""[x, y, t, pressure] or [x, y, t, pressure, tilt x, tilt y]: units of the field, ms since the attempt began (server time), 0…1000, degrees."""


class InkPiece(Message):
    """Points of one stroke that follow those sent before."""

    stroke: Annotated[int, Field(ge=0, lt=400)]
    """Number of the stroke within the attempt and source."""
    points: Annotated[list[InkPoint], Field(max_length=BATCH_POINTS)]
    end: Literal["", "up", "cancel"] = ""
    """The pen was lifted, or the browser took the pointer away: what was drawn stays."""


class InkBatch(Message):
    """Event `ink` of the leading pad: one batch per frame, numbered without a gap; sent again unchanged until it is acknowledged."""

    ceremony: CeremonyId
    source: SourceId
    signatory: SignatoryIndex
    attempt: Attempt
    number: Annotated[int, Field(ge=1)]
    """From 1 in each attempt of each source."""
    at: float
    """Server time of the newest point's event, as the page reckons it."""
    pieces: Annotated[list[InkPiece], Field(min_length=1, max_length=40)]


class InkTaken(Message):
    """Acknowledgement of `ink`. The pad keeps every batch above `durable`."""

    received: int = 0
    """Last number that was taken of this attempt and source; the next must follow it. Lower than the one sent: send again from here."""
    durable: int = 0
    """Last number that is on the disk."""
    problem: Problem | None = None
    """Refused for good: another pad leads, this attempt is over, or nothing can be kept."""


class InkFlow(Message):
    """Event `ink` to walls, spare pads and operators: the same points, in the same turn."""

    ceremony: CeremonyId
    seq: int
    """Counts all batches of the ceremony from 1; a gap means: ask `GET …/ink?after=`."""
    signatory: int
    attempt: int
    source: str
    at: float
    pieces: list[InkPiece]


class InkDurable(Message):
    """Event `durable` to the pad: its batches up to `number` are on the disk."""

    ceremony: CeremonyId
    signatory: int
    attempt: int
    number: int


class InkStroke(Message):
    """A stroke as a whole."""

    source: str
    stroke: int
    points: list[InkPoint]
    end: Literal["", "up", "cancel"] = ""


class SignatureInk(Message):
    """Ink of one signatory's present attempt."""

    signatory: int
    attempt: int
    began: float
    """Server time that `t` counts from."""
    strokes: list[InkStroke]


class InkSoFar(Message):
    """Answer of `GET …/ink`: all ink up to `seq`; of a batch number `after`, only signatures that have more since."""

    ceremony: CeremonyId
    seq: int
    signatures: list[SignatureInk]


class InkPainted(Message):
    """Event `painted` of a wall, twice a second while ink flows: how late its frames are."""

    seq: int
    lag_ms: Annotated[list[float], Field(max_length=240)]
    """Per painted batch since the last report: frame's server time minus `InkFlow.at`."""


# -- state --


class Approval(Message):
    """Somebody has seen this text and said yes."""

    by: Label
    account: str
    at: float
    digest: Sha256


class SignatoryState(Message):
    """One signatory, as it goes."""

    turn: Turn = Turn.WAITING
    attempt: Attempt = 0
    mode: PadMode = PadMode()
    began: float | None = None
    """Server time at which this attempt was opened: `t` of its points counts from here."""
    strokes: int = 0
    points: int = 0
    pen_up: float | None = None
    """Server time at which the pen was last lifted; `Selesai` is offered two seconds later. None: it is down, or never was."""
    outside: bool = False
    """Ink has left the field; it is fitted in afterwards."""
    done_by: Label = ""
    done_at: float | None = None


class PadState(Message):
    """A pad that is here."""

    source: SourceId
    name: Label
    lead: bool
    """Its ink counts; all others mirror."""
    online: bool
    received: int = 0
    durable: int = 0
    since: float


class Counting(Message):
    """The count-down, driven by the operator: at zero nothing happens by itself."""

    start: Annotated[int, Field(ge=1, le=60)]
    at: float | None
    """Server time at which `start` stands on the walls; none while held."""
    held: int | None = None
    """The figure that stands still."""


class Reveal(Message):
    """The unveiling: every wall begins at the same server time."""

    at: float
    by: Label
    covered: bool = False
    """Tutup kembali, within three seconds."""


class Replay(Message):
    """Signatures drawn again from their points."""

    at: float
    """Server time at which it begins."""
    speed: Annotated[float, Field(ge=0.1, le=20)]
    signatory: int | None = None
    """Only this one; none: all, one after the other."""


class Photo(Message):
    """The group photo."""

    sha256: Sha256
    width: int
    height: int
    at: float


class LegalSignature(Message):
    """One legal signature that is wanted or there."""

    signatory: int | None = None
    """None: the agency's seal."""
    name: Label = ""
    state: Legal = Legal.WAITING
    code: SigningCode | None = None
    """Why it did not come about; `unknown_outcome`: look at the service before anybody tries again."""
    sentence: str = ""
    at: float | None = None


class DocumentStep(StrEnum):
    """Where the document is."""

    NONE = "none"
    DRAWING = "drawing"
    DRAWN = "drawn"
    """Berita Acara with ink and QR; not signed."""
    SEALED = "sealed"
    """At least one signature is in the file."""
    FAILED = "failed"
    """It could not be drawn; `sentence` says why. The ink is safe."""


class DocumentState(Message):
    """The document, and the two states."""

    recorded: bool = False
    """GORESAN DIREKAM: every point is on the disk and `Selesai` was pressed for every signatory."""
    legal: Legal = Legal.NONE
    """TTE: the worst of `signatures`, and valid only after our own verdict."""
    step: DocumentStep = DocumentStep.NONE
    level: Level | None = None
    sha256: Sha256 | None = None
    size: int = 0
    sentence: str = ""
    """For a technician."""
    signatures: list[LegalSignature] = []
    verdict: Verdict | None = None
    upgrade: Literal["", "wanted", "done", "failed"] = ""
    """To long-term data: a failure is amber, not red."""


class CopyState(Message):
    """One copy of the journal."""

    name: Label
    state: Literal["good", "full", "failed", "late"]
    error: str = ""
    room: int | None = None
    """Bytes of reserved space that are left."""


class JournalState(Message):
    """Whether what is promised can be kept."""

    sequence: int = 0
    durable: int = 0
    head: str = ""
    signed: int = 0
    """Record number of the last head that the sealing process has signed; 0: none."""
    copies: list[CopyState] = []
    stopped: bool = False
    """No copy can be written: the ceremony holds, ink stays on the pad."""
    clock_jumped: float | None = None
    """The server's clock was set by so many seconds during the ceremony."""


class InkEcho(Message):
    """From the pen's event to the wall's frame, of the last seconds."""

    p50_ms: float
    p95_ms: float
    frames: int


class Retention(StrEnum):
    """What becomes of pressure and timing when the ceremony is over."""

    OUTLINE = "outline"
    """Only the outline stays; dynamics are removed from our files. The default: they are personal data (UU PDP)."""
    ENCRYPTED = "encrypted"
    """Kept, readable only with a key the city's IT does not hold; needs the signer's written consent."""


class Ceremony(Message):
    """One ceremony as every page sees it."""

    id: CeremonyId
    rehearsal: bool
    """GLADI: visible on every layer, numbered apart, test certificates only, never a record."""
    stage: CeremonyStage
    text: DocumentText
    digest: Sha256
    """SHA-256 of the text: what the two persons compare."""
    revision: int
    """Grows with each change of the draft."""
    wish: Literal["", "freeze", "thaw"] = ""
    """What the first of two persons has asked for."""
    approvals: list[Approval] = []
    signatories: list[SignatoryState] = []
    active: int | None = None
    """Whose turn it is."""
    opened_at: float | None = None
    signed_at: float | None = None
    counting: Counting | None = None
    reveal: Reveal | None = None
    replay: Replay | None = None
    photo: Photo | None = None
    document: DocumentState = DocumentState()
    verify_url: str = ""
    void_reason: str = ""
    replaces: str = ""
    """Number of the document this one replaces."""
    retention: Retention = Retention.OUTLINE
    outlined_at: float | None = None
    """When pressure and timing left our files; from then on ink is an outline, drawn again at one speed."""


class CeremonyState(Message):
    """What stands on a room's stage: the document pages of `/ceremony` follow, by `watch` and patches as in `/room`."""

    room: Id
    version: int
    time: float
    ceremony: Ceremony | None = None
    pads: dict[str, PadState] = {}
    journal: JournalState = JournalState()
    echo: InkEcho | None = None
    walls: int = 0
    """Walls that follow the ink."""


# -- what is asked: presses of `/ceremony` --


class CeremonyPress(Press):
    """Base: which ceremony is meant; one that is no longer on stage is refused."""

    ceremony: CeremonyId


class OpenPlaque(CeremonyPress):
    """`open`: Buka prasasti. The first signatory's turn begins."""


class BeginTurn(CeremonyPress):
    """`turn`: the next signatory. Refused while the one before is not done."""

    signatory: SignatoryIndex


class SetMode(CeremonyPress):
    """`mode`: how the pad suits a signatory; also while nothing is drawn yet."""

    signatory: SignatoryIndex
    mode: PadMode


class FinishTurn(CeremonyPress):
    """`done`: Selesai, by the protocol, not the signer. Answered when it is on the disk. The last one records the whole."""

    signatory: SignatoryIndex
    attempt: Attempt


class RedoTurn(CeremonyPress):
    """`redo`: Ulangi, the whole signature; at most twice, logged."""

    signatory: SignatoryIndex
    attempt: Attempt


class RevealPlaque(CeremonyPress):
    """`reveal`: Resmikan, after holding. Only after the last `Selesai`."""

    held_ms: Annotated[int, Field(ge=800, le=60_000)]


class CoverPlaque(CeremonyPress):
    """`cover`: Tutup kembali, within three seconds."""


class Count(CeremonyPress):
    """`count`: begin at a figure, hold, go on, or end the count-down."""

    do: Literal["begin", "hold", "go", "end"]
    start: Annotated[int, Field(ge=1, le=60)] = 10


class ReplayInk(CeremonyPress):
    """`replay`: draw the signatures again on all walls; speed 0 ends it."""

    speed: Annotated[float, Field(ge=0, le=20)] = 1.0
    signatory: SignatoryIndex | None = None


class TakeLead(CeremonyPress):
    """`take`: this pad goes on where the other ended. By a spare pad for itself, by an operator for any."""

    source: SourceId


class EndCeremony(CeremonyPress):
    """`end`: close the journal. Retention says what becomes of pressure and timing."""

    retention: Retention = Retention.OUTLINE


class VoidCeremony(CeremonyPress):
    """`void`: BATAL. The document is kept and says so; a new number replaces it."""

    reason: Annotated[str, Field(min_length=3, max_length=200)]


class SignLink(CeremonyPress):
    """`sign-link`: a one-use address for the signatory's own phone. Answer: `CeremonyAnswer.link`."""

    signatory: SignatoryIndex


class SignAgain(CeremonyPress):
    """`sign-again`: a person has looked at the service: the signature whose outcome was unknown was not made."""

    signatory: SignatoryIndex | None = None


class JoinPad(Message):
    """`pad`: this page is a pad. Answer: PadWelcome."""

    room: Id
    source: SourceId


class PadWelcome(Message):
    """Where the pad stands."""

    lead: bool
    received: int = 0
    """Of the present attempt and this source."""
    durable: int = 0
    field_width: int = FIELD_WIDTH
    field_height: int = FIELD_HEIGHT


class CeremonyWatching(Message):
    """Answer to `watch`: a snapshot, or the patches since the asked version."""

    protocol: int
    build: str
    time: float
    snapshot: CeremonyState | None = None
    patches: list[dict[str, object]] = []


class CeremonyAnswer(Message):
    """Acknowledgement of presses: `id` when it was done and is on the disk, or the problem."""

    id: PressId | None = None
    link: str = ""
    problem: Problem | None = None


# -- REST --


class NewCeremony(Message):
    """A ceremony to prepare; `template` is where its text begins."""

    rehearsal: bool = False
    template: Id | None = None
    text: DocumentText | None = None
    replaces: CeremonyId | None = None
    """The voided ceremony it stands in for."""


class ChangeText(Message):
    """A new text for a draft. Refused when somebody else has changed it since `revision`."""

    text: DocumentText
    revision: int


class Confirm(Message):
    """One of the two persons says yes to a text, by its digest. With `account`, a second person at the same screen."""

    wish: Literal["freeze", "thaw"]
    digest: Sha256
    account: Account | None = None
    password: Password | None = None


class CeremonySummary(Message):
    """A line of the list."""

    id: CeremonyId
    number: Label
    subject: str
    date: Label
    rehearsal: bool
    stage: CeremonyStage
    on_stage: bool
    created: float
    legal: Legal
    recorded: bool


class CeremonyTemplate(Message):
    """A text to begin with, kept by the room."""

    id: Id
    name: Label
    text: DocumentText


class SaveTemplate(Message):
    """A template's new content."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    text: DocumentText


class EmblemKept(Message):
    """An uploaded emblem; `sha256` goes into the text."""

    sha256: Sha256
    width: int
    height: int


class Readiness(StrEnum):
    """One item of the check before a ceremony."""

    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    """Blocks nothing by itself; the operator sees it before anybody else does."""


class ReadyItem(Message):
    """A line of the pre-check."""

    id: Literal["pads", "walls", "echo", "journal", "disk", "clock", "seal", "certificate", "timestamps", "service"]
    state: Readiness
    text: Text
    detail: str = ""


class JournalReport(Message):
    """What a check of the journal found: `smartroom journal verify` and `GET …/journal`."""

    records: int
    head: str
    closed: bool
    broken: str = ""
    """The first wrong record, in words; empty: whole."""
    broken_at: int | None = None
    unfinished: bool = False
    """An end that was never acknowledged: the server was cut off."""
    heads: int = 0
    """Signed heads that were checked."""
    jumps: list[float] = []
    removed: int = 0
    """Records whose content was taken out, as a later record says."""


# -- private phone page --


class SigningTask(Message):
    """What the phone shows before anybody signs: exactly what, for whom, by which service."""

    ceremony: CeremonyId
    rehearsal: bool
    number: Label
    subject: str
    place: Label
    date: Label
    name: str
    """The signatory whose link this is."""
    title: Label
    document_sha256: Sha256
    pages: int = 2
    service: Literal["key", "remote"]
    """A key of the sealing process, or a remote service."""
    service_name: str = ""
    asks: list[Literal["signer", "passphrase", "totp"]]
    """What has to be entered; `totp` can be requested and replaces the passphrase."""
    state: Legal
    code: SigningCode | None = None
    until: float
    """The link's end, server time."""


class AskCode(Message):
    """Have a one-time code sent to the signer."""

    signer: Secret


class SignTask(Message):
    """The signer signs in person. Nothing of this is kept, logged or journalled."""

    signer: Secret | None = None
    passphrase: Secret | None = None
    totp: Secret | None = None


class SignerState(Message):
    """What the service says about the signer's certificate."""

    state: CertificateState
    said: str = ""


# -- public verification page --


class Verification(Message):
    """What anybody who scans the QR code may know. No personal numbers, nothing that is not on the paper."""

    id: CeremonyId
    state: Literal["draft", "recorded", "valid", "later", "void", "rehearsal"]
    """Frozen and not signed yet; goresan direkam; TTE sah; menyusul; BATAL; GLADI."""
    number: Label
    subject: str
    place: Label
    date: Label
    agency: Label
    signatories: list[Label]
    recorded_at: float | None = None
    revealed_at: float | None = None
    void_reason: str = ""
    sha256: Sha256 | None = None
    size: int = 0
    download: str = ""
    """Path of the file."""
    verdict: Verdict | None = None
