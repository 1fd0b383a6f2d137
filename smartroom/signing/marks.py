"""Marks a document of ours carries in its own information dictionary, where every signature covers them."""

from __future__ import annotations

from pyhanko.pdf_utils.reader import PdfFileReader

REHEARSAL = "smartroom-gladi"
"""Keyword of a rehearsal's document: real keys refuse it, and no verdict on it is ever `sah`."""


def is_rehearsal(reader: PdfFileReader) -> bool:
    """Whether the file says that it belongs to a rehearsal. In the first revision already: a later one cannot unsay it."""
    for revision in (0, reader.total_revisions - 1):
        trailer = reader.get_historical_resolver(revision).trailer_view
        try:
            words = str(trailer["/Info"]["/Keywords"])
        except (KeyError, TypeError):
            continue
        if REHEARSAL in words:
            return True
    return False
