"""What can honestly be said about a PDF: three lines, each green, amber or red with one sentence."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from smartroom.protocol.base import Label, Message, Text
from smartroom.protocol.signing import Level, Sha256

MAX_PDF = 32 << 20
"""Bytes of a file that is judged; ours have 60 kB, with pictures some MB."""

EXIT_MEMORY = 3
"""Exit status of the confined process when its memory did not suffice."""


class Light(StrEnum):
    """Colour of a line."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"


class Finding(StrEnum):
    """Why a line has its colour. Each belongs to one line."""

    # isi utuh
    INTACT = "intact"
    EXTENDED = "extended"
    """Unchanged; validation data or timestamps were added, as allowed."""
    NO_SIGNATURE = "no_signature"
    CONTENT_CHANGED = "content_changed"
    """A signed byte is not what was signed."""
    SIGNATURE_BROKEN = "signature_broken"
    REVISION_ADDED = "revision_added"
    """Something else than validation data was appended after signing."""
    NOT_COVERED = "not_covered"
    """A signature leaves bytes of its file out."""
    PADDING_USED = "padding_used"
    """Bytes hidden beside a signature, where only zeros may stand."""
    UNREADABLE = "unreadable"
    """No PDF, or one that cannot be read with certainty."""
    TOO_BIG = "too_big"
    TOO_COSTLY = "too_costly"
    """Reading it went past the limits of time or memory."""
    # penanda tangan dikenal
    KNOWN = "known"
    KNOWN_UNREVOKED_UNPROVEN = "known_unrevoked_unproven"
    """Known; no archived proof that the certificate was not revoked."""
    TEST_CERTIFICATE = "test_certificate"
    UNKNOWN_ISSUER = "unknown_issuer"
    REVOKED = "revoked"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    WEAK = "weak"
    """An algorithm that is no longer accepted."""
    NOT_JUDGED = "not_judged"
    """Nothing can be said, because an earlier line is red."""
    # waktu terjamin
    GUARANTEED = "guaranteed"
    STAMPED = "stamped"
    """Timestamped, without archived data for later."""
    CLAIMED = "claimed"
    """Only the signer's own clock says so."""
    STAMP_BROKEN = "stamp_broken"
    STAMP_UNKNOWN = "stamp_unknown"
    """A timestamp of an authority nobody here knows."""


class VerdictLine(Message):
    """One of the three."""

    light: Light
    finding: Finding
    text: Text


class SignatureSeen(Message):
    """One signature of the file. Names only; personal numbers are struck out."""

    signer: Label
    organisation: Label = ""
    issuer: Label
    level: Level
    claimed_at: datetime | None = None
    stamped_at: datetime | None = None
    """Earliest time a timestamp authority vouches for."""
    certificate_sha256: Sha256
    certificate_expires: datetime
    intact: VerdictLine
    known: VerdictLine
    time: VerdictLine


class Verdict(Message):
    """Verdict on one file: each line is the worst of its signatures."""

    tell: Literal["verdict"] = "verdict"
    sha256: Sha256
    size: int
    pages: int = 0
    judged_at: datetime
    intact: VerdictLine
    known: VerdictLine
    time: VerdictLine
    signatures: list[SignatureSeen] = []
    rehearsal: bool = False
    """The file says of itself that it is a rehearsal's."""

    @property
    def passed(self) -> bool:
        """Whether this may be called `TTE sah`: unchanged, signer known by a real certificate, no broken timestamp, no rehearsal."""
        known = self.known.light is Light.GREEN or self.known.finding is Finding.KNOWN_UNREVOKED_UNPROVEN
        stamp = self.time.finding not in {Finding.STAMP_BROKEN, Finding.STAMP_UNKNOWN}
        return self.intact.light is Light.GREEN and known and stamp and not self.rehearsal


class JudgeDocument(Message):
    """Judge the PDF beside it. Answer: Verdict."""

    ask: Literal["judge"] = "judge"
    roots: Annotated[list[str], Field(max_length=50)]
    """Trusted roots, PEM."""
    test_roots: Annotated[list[str], Field(max_length=10)] = []
    """Roots of rehearsals: their signers are known, and never green."""
    intermediates: Annotated[list[str], Field(max_length=200)] = []
    at: datetime | None = None
    """Judge as at this moment; none = now."""
