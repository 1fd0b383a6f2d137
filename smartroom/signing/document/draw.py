"""From the frozen text and the ink to the PDF."""

from __future__ import annotations

import hashlib
import os
from typing import Any

from smartroom.protocol.document import DrawDocument, Drawn, Language, NotDrawn
from smartroom.signing import marks
from smartroom.signing.document.minutes import draw_minutes
from smartroom.signing.document.plaque import draw_plaque

_LOCALES = {Language.INDONESIAN: "id-ID", Language.ENGLISH: "en-GB"}


def draw(wish: DrawDocument) -> tuple[Drawn | NotDrawn, bytes]:
    """The PDF, or the sentence that says why there is none. The same wish gives the same bytes."""
    text = wish.text
    if text.digest() != wish.frozen:
        return NotDrawn(sentence="the text is not the one that was frozen"), b""
    if len(wish.inks) > len(text.signatories):
        return NotDrawn(sentence="more signatures than signatories"), b""
    if (hashlib.sha256(wish.emblem).hexdigest() if wish.emblem else None) != text.emblem_sha256:
        return NotDrawn(sentence="the emblem is not the one that was frozen"), b""
    # Read by ReportLab: date and file id come from the wish, not from the clock.
    os.environ["SOURCE_DATE_EPOCH"] = str(int(wish.drawn_at.timestamp()))
    from smartroom.signing.document.canvas import Canvas, DoesNotFit, load_picture  # noqa: PLC0415  # after the date is set

    try:
        emblem: Any = load_picture(wish.emblem) if wish.emblem else None
        canvas = Canvas(
            title=f"Berita Acara Peresmian {text.subject}",
            subject=text.number,
            keywords=marks.REHEARSAL if wish.rehearsal else "",
            language=_LOCALES[text.language],
        )
        draw_minutes(canvas, wish, emblem)
        canvas.next_page()
        draw_plaque(canvas, wish, emblem)
        canvas.next_page()
    except DoesNotFit as error:
        return NotDrawn(sentence=str(error)), b""
    pdf = canvas.finish()
    return Drawn(pages=2, sha256=hashlib.sha256(pdf).hexdigest()), pdf
