"""The verdict on one PDF. Works offline: what it needs lies in the file, in its archived validation data and in the configured roots.

Order of proof. Timestamps are judged from the newest to the oldest, each as at the moment its successor vouches for, the newest as at
now; the signer's certificate as at the oldest moment that held. So an expired certificate stays good as long as somebody renewed the
outer timestamp in time, and a stolen, expired timestamp key proves nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO

from asn1crypto import x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import DiffResult, ModificationLevel
from pyhanko.sign.validation import async_validate_pdf_signature, async_validate_pdf_timestamp
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.settings import KeyUsageConstraints
from pyhanko.sign.validation.status import (
    DocumentTimestampStatus,
    PdfSignatureStatus,
    SignatureCoverageLevel,
    TimestampSignatureStatus,
)

from smartroom.protocol.findings import line, refused, worst
from smartroom.protocol.signing import Level
from smartroom.protocol.verdict import MAX_PDF, Finding, JudgeDocument, SignatureSeen, Verdict
from smartroom.signing import limits
from smartroom.signing.marks import is_rehearsal
from smartroom.signing.verify.evidence import Evidence, Revocation
from smartroom.signing.verify.structure import gap_finding, tail_finding

_USAGE = KeyUsageConstraints(key_usage={"digital_signature", "non_repudiation"}, match_all_key_usages=False)
_PERSONAL = re.compile(r"\d{8,}")
"""NIK (16 digits), NIP (18) and the like never leave this process."""


@dataclass(frozen=True, slots=True)
class _Time:
    """What is proven about when a signature existed."""

    finding: Finding
    proven: datetime | None
    judge_at: datetime


async def judge(pdf: bytes, wish: JudgeDocument) -> Verdict:
    """The verdict; never raises for what stands in the file."""
    now = wish.at or datetime.now(UTC)
    if len(pdf) > MAX_PDF:
        return refused(pdf, Finding.TOO_BIG, now)
    try:
        reader = PdfFileReader(BytesIO(pdf))
        pages = int(reader.root["/Pages"]["/Count"])
        signatures = sorted(reader.embedded_signatures, key=lambda each: _end(each.byte_range))
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001  # a stranger's file: whatever the parser stumbles over, it cannot be read with certainty
        return refused(pdf, Finding.UNREADABLE, now)
    if not 0 <= pages <= limits.MAX_PAGES or len(signatures) > limits.MAX_SIGNATURES:
        return refused(pdf, Finding.TOO_BIG, now)
    if reader.encrypted:
        return refused(pdf, Finding.UNREADABLE, now)
    if not any(_is_signature(each) for each in signatures):
        return refused(pdf, Finding.NO_SIGNATURE, now, pages=pages)
    try:
        evidence = Evidence.gather(wish, reader)
        seen = await _judge_all(pdf, signatures, evidence, now)
        rehearsal = is_rehearsal(reader)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001  # the same: a signature that cannot be taken apart is a broken one
        return refused(pdf, Finding.SIGNATURE_BROKEN, now, pages=pages)
    return Verdict(
        sha256=hashlib.sha256(pdf).hexdigest(),
        size=len(pdf),
        pages=pages,
        judged_at=now,
        intact=worst(each.intact for each in seen),
        known=worst(each.known for each in seen),
        time=worst(each.time for each in seen),
        signatures=seen,
        rehearsal=rehearsal,
    )


async def _judge_all(
    pdf: bytes, signatures: Sequence[EmbeddedPdfSignature], evidence: Evidence, now: datetime
) -> list[SignatureSeen]:
    stamps = [each for each in signatures if not _is_signature(each)]
    damage = tail_finding(pdf, _end(signatures[-1].byte_range))
    names = {each.field_name for each in signatures}
    proof: list[
        tuple[int, datetime, bool]
    ] = []  # where a document timestamp ends, its time, whether its data is archived
    moment = now
    for stamp in reversed(stamps):
        status = await _document_timestamp(stamp, evidence, moment)
        damage = damage or _damage(pdf, stamp, status, names)
        if status.valid and status.intact and status.trusted:
            moment = status.timestamp
            archived = (
                evidence.archived
                and (
                    await async_validate_pdf_timestamp(
                        stamp, evidence.context(moment, Revocation.PROVEN), skip_diff=True
                    )
                ).trusted
            )
            proof.append((_end(stamp.byte_range), moment, archived))
    return [
        await _judge_one(pdf, each, evidence, _outer(proof, each), damage, names, now)
        for each in signatures
        if _is_signature(each)
    ]


async def _judge_one(
    pdf: bytes,
    signature: EmbeddedPdfSignature,
    evidence: Evidence,
    outer: tuple[datetime, bool] | None,
    damage: Finding | None,
    names: set[str],
    now: datetime,
) -> SignatureSeen:
    at = outer[0] if outer else now
    preview = await _signature(signature, evidence, at, at)
    broken = damage or _damage(pdf, signature, preview, names)
    time = await _time(signature, evidence, preview.timestamp_validity, outer, now)
    if broken is None:
        extended = signature.coverage is not SignatureCoverageLevel.ENTIRE_FILE
        intact = line(Finding.EXTENDED if extended else Finding.INTACT)
        known = line(await _known(signature, evidence, time.judge_at, at))
        when = line(time.finding)
    else:
        intact, known, when = line(broken), line(Finding.NOT_JUDGED), line(Finding.NOT_JUDGED)
    certificate = signature.signer_cert
    return SignatureSeen(
        signer=_public(certificate.subject, "common_name"),
        organisation=_public(certificate.subject, "organization_name"),
        issuer=_public(certificate.issuer, "common_name"),
        level=_level(preview.timestamp_validity is not None, outer is not None, evidence),
        claimed_at=signature.self_reported_timestamp,
        stamped_at=time.proven if broken is None else None,
        certificate_sha256=hashlib.sha256(certificate.dump()).hexdigest(),
        certificate_expires=certificate.not_valid_after,
        intact=intact,
        known=known,
        time=when,
    )


async def _time(
    signature: EmbeddedPdfSignature,
    evidence: Evidence,
    stamp: TimestampSignatureStatus | None,
    outer: tuple[datetime, bool] | None,
    now: datetime,
) -> _Time:
    fallback = outer[0] if outer else now
    if stamp is None:
        if outer is None:
            return _Time(Finding.CLAIMED, None, now)
        moment, archived = outer
        return _Time(Finding.GUARANTEED if archived else Finding.STAMPED, moment, moment)
    if not (stamp.intact and stamp.valid):
        return _Time(Finding.STAMP_BROKEN, None, fallback)
    if not stamp.trusted or stamp.timestamp > now:
        return _Time(Finding.STAMP_UNKNOWN, None, fallback)
    moment = stamp.timestamp
    if not evidence.archived:
        return _Time(Finding.STAMPED, moment, moment)
    strict = await _validate(
        signature, evidence, (moment, Revocation.PROVEN), (moment, Revocation.PROVEN), skip_diff=True
    )
    archived = strict.timestamp_validity is not None and strict.timestamp_validity.trusted
    return _Time(Finding.GUARANTEED if archived else Finding.STAMPED, moment, moment)


async def _known(signature: EmbeddedPdfSignature, evidence: Evidence, moment: datetime, stamp_at: datetime) -> Finding:
    """Called only for an intact signature."""
    status = await _signature(signature, evidence, moment, stamp_at, skip_diff=True)
    if not status.trusted:
        return _distrust(status)
    path = status.validation_path
    if path is None:
        return Finding.UNKNOWN_ISSUER
    if evidence.is_test(next(iter(path.iter_certs(include_root=True)))):
        return Finding.TEST_CERTIFICATE
    strict = await _validate(
        signature, evidence, (moment, Revocation.PROVEN), (stamp_at, Revocation.LEFT_OUT), skip_diff=True
    )
    return Finding.KNOWN if strict.trusted else Finding.KNOWN_UNREVOKED_UNPROVEN


def _distrust(status: PdfSignatureStatus) -> Finding:
    if status.revoked:
        return Finding.REVOKED
    problem = getattr(status.trust_problem_indic, "name", "")  # the same names stand in two enumerations
    if problem in {"EXPIRED", "OUT_OF_BOUNDS_NO_POE", "OUT_OF_BOUNDS_NOT_REVOKED"}:
        return Finding.EXPIRED
    if problem == "NOT_YET_VALID":
        return Finding.NOT_YET_VALID
    if problem in {"REVOKED", "REVOKED_NO_POE", "REVOKED_CA_NO_POE"}:
        return Finding.REVOKED
    if problem.startswith("CRYPTO_CONSTRAINTS_FAILURE"):
        return Finding.WEAK
    return Finding.UNKNOWN_ISSUER


def _damage(
    pdf: bytes,
    signature: EmbeddedPdfSignature,
    status: PdfSignatureStatus | DocumentTimestampStatus,
    names: set[str],
) -> Finding | None:
    if not status.intact:
        return Finding.CONTENT_CHANGED
    if not status.valid:
        return Finding.SIGNATURE_BROKEN
    if (hidden := gap_finding(pdf, signature.byte_range)) is not None:
        return hidden
    if status.coverage is None or status.coverage < SignatureCoverageLevel.ENTIRE_REVISION:
        return Finding.NOT_COVERED
    difference = status.diff_result
    if not isinstance(difference, DiffResult):
        return Finding.REVISION_ADDED
    if isinstance(status, PdfSignatureStatus) and not status.docmdp_ok:
        return Finding.REVISION_ADDED
    filled = difference.modification_level > ModificationLevel.LTA_UPDATES
    # Beyond validation data only the signatures of the other signatories may follow.
    return Finding.REVISION_ADDED if filled and not difference.changed_form_fields <= names else None


async def _signature(
    signature: EmbeddedPdfSignature,
    evidence: Evidence,
    moment: datetime,
    stamp_moment: datetime,
    *,
    skip_diff: bool = False,
) -> PdfSignatureStatus:
    """Status with the signer's chain as at one moment, the timestamp's as at another; revoked counts, a missing answer does not."""
    how = stamp_how = Revocation.CONSULTED
    status = await _validate(signature, evidence, (moment, how), (stamp_moment, stamp_how), skip_diff=skip_diff)
    stamp = status.timestamp_validity
    # An answer that has gone stale, or cannot be used, says nothing against the certificate.
    if not status.trusted and not status.revoked:
        how = Revocation.LEFT_OUT
    if stamp is not None and not stamp.trusted and not stamp.revoked:
        stamp_how = Revocation.LEFT_OUT
    if Revocation.LEFT_OUT in {how, stamp_how}:
        status = await _validate(signature, evidence, (moment, how), (stamp_moment, stamp_how), skip_diff=skip_diff)
    return status


async def _validate(
    signature: EmbeddedPdfSignature,
    evidence: Evidence,
    signer: tuple[datetime, Revocation],
    stamp: tuple[datetime, Revocation],
    *,
    skip_diff: bool,
) -> PdfSignatureStatus:
    """`skip_diff`: what was appended later has been looked at already, which is the costly part."""
    return await async_validate_pdf_signature(
        signature,
        signer_validation_context=evidence.context(*signer),
        ts_validation_context=evidence.context(*stamp),
        key_usage_settings=_USAGE,
        skip_diff=skip_diff,
    )


async def _document_timestamp(
    stamp: EmbeddedPdfSignature, evidence: Evidence, moment: datetime
) -> DocumentTimestampStatus:
    status = await async_validate_pdf_timestamp(stamp, evidence.context(moment, Revocation.CONSULTED))
    if not status.trusted and not status.revoked:
        status = await async_validate_pdf_timestamp(stamp, evidence.context(moment, Revocation.LEFT_OUT))
    return status


def _outer(
    proof: Sequence[tuple[int, datetime, bool]], signature: EmbeddedPdfSignature
) -> tuple[datetime, bool] | None:
    """The oldest document timestamp over this signature; `proof` runs from the newest to the oldest."""
    over = [(moment, archived) for end, moment, archived in proof if end > _end(signature.byte_range)]
    return over[-1] if over else None


def _level(stamped: bool, outer: bool, evidence: Evidence) -> Level:
    if outer and evidence.archived:
        return Level.B_LTA
    if stamped and evidence.archived:
        return Level.B_LT
    return Level.B_T if stamped or outer else Level.B_B


def _is_signature(signature: EmbeddedPdfSignature) -> bool:
    return bool(signature.sig_object_type == "/Sig")


def _end(byte_range: Sequence[int]) -> int:
    return int(byte_range[-2]) + int(byte_range[-1])


def _public(name: x509.Name, field: str) -> str:
    value = name.native.get(field, "")
    text = " ".join(value) if isinstance(value, list) else str(value)
    return _PERSONAL.sub("…", text)[:80]
