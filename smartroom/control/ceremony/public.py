"""What anybody may know who scans the QR code: nothing that is not on the paper, and the three lines."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from smartroom.control.ceremony import archive
from smartroom.control.ceremony.draft import Draft
from smartroom.control.ceremony.story import Story
from smartroom.protocol.ceremony import CeremonyStage, DocumentStep, Legal, Verification


def verification(folder: Path) -> Verification | None:
    """What is known of a document; None before its text was frozen: drafts are nobody's business."""
    draft, story, _ = archive.read(folder)
    if story.text is None or story.stage is CeremonyStage.DRAFT:
        return None
    text, document = story.text, story.document
    there = document.step in (DocumentStep.DRAWN, DocumentStep.SEALED)
    return Verification(
        id=draft.id,
        state=_state(draft, story),
        number=text.number,
        subject=text.subject,
        place=text.place,
        date=text.date,
        agency=text.agency,
        signatories=[each.name for each in text.signatories],
        recorded_at=story.signed_at,
        revealed_at=story.reveal.at if story.reveal else None,
        void_reason=story.void_reason,
        sha256=document.sha256 if there else None,
        size=document.size if there else 0,
        download=f"/v/{draft.id}/document.pdf" if there else "",
        verdict=document.verdict if document.verdict and document.verdict.sha256 == document.sha256 else None,
    )


def _state(draft: Draft, story: Story) -> Literal["draft", "recorded", "valid", "later", "void", "rehearsal"]:
    if draft.rehearsal:
        return "rehearsal"
    if story.stage is CeremonyStage.VOID:
        return "void"
    if not story.recorded:
        return "draft"
    legal = story.document.legal
    return "valid" if legal is Legal.VALID else "later" if legal is Legal.LATER else "recorded"
