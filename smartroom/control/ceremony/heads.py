"""Signed heads of a journal: whether the sealing process signed them, and what they say about the file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from smartroom.control.ceremony.journal import HEADS
from smartroom.control.chain import Anchor, Examined, Head, examine
from smartroom.protocol.ceremony import JournalReport
from smartroom.protocol.signing import HeadSigned


def signed_heads(found: Examined, beside: Path) -> list[tuple[HeadSigned, str]]:
    """Those that stand in the journal itself, and those of the file beside it; and where each stands."""
    heads = [
        (HeadSigned.model_validate(record.body["signed"]), f"record {record.sequence}")
        for record in found.records
        if record.kind == "head"
    ]
    try:
        lines = beside.read_bytes().splitlines()
    except OSError:
        lines = []
    for line in lines:
        try:
            heads.append((HeadSigned.model_validate_json(line), HEADS))
        except ValueError:
            continue  # a line the power cut in two
    return heads


def holds(signed: HeadSigned) -> bool:
    """Whether the signature is over this statement by the key it names."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415  # a fifth of a second, for checks only
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415

    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signed.public_key))
        key.verify(bytes.fromhex(signed.signature), signed.statement.signed_bytes())
    except (InvalidSignature, ValueError):
        return False
    return True


def check(file: Path, *, key: str | None = None, anchors: Iterable[Anchor] = ()) -> tuple[Examined, JournalReport]:
    """A journal from its first record to its last, against every signed head and anchors from elsewhere.

    `key` is the sealing process's public half, as printed in the Berita Acara; without it the heads must at least agree on one.
    """
    data = file.read_bytes()
    found = examine(data)
    journal = str(found.records[0].body.get("chain", "")) if found.records else ""
    heads = signed_heads(found, file.parent / HEADS)
    bad = [
        f"the signed head at record {signed.statement.sequence} ({where}) is forged"
        for signed, where in heads
        if not holds(signed) or signed.statement.journal != journal or (key is not None and signed.public_key != key)
    ]
    if len({signed.public_key for signed, _ in heads}) > 1 and key is None:
        bad.append("heads are signed by different keys")
    known = [
        Anchor(Head(signed.statement.sequence, signed.statement.head), f"its signed head ({where})")
        for signed, where in heads
    ]
    again = examine(data, [*known, *anchors])
    broken = again.broken
    damage = broken is not None and broken.damage
    return again, JournalReport(
        records=again.head.sequence,
        head=again.head.digest,
        closed=again.closed,
        broken=broken.sentence if broken is not None and damage else bad[0] if bad else "",
        broken_at=broken.sequence if broken is not None and damage else None,
        unfinished=broken is not None and not damage,
        heads=len(heads) - len(bad),
        removed=again.removed,
        jumps=[jump.seconds for jump in again.jumps],
    )
