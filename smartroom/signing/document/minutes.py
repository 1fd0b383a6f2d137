"""Page 1: the minutes, with the signatures as they were written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smartroom.protocol.document import DrawDocument, Ink, Signatory
from smartroom.signing.document.ink import Box, outlines
from smartroom.signing.document.words import WORDS, Words

if TYPE_CHECKING:
    from smartroom.signing.document.canvas import Canvas

_WIDTH, _HEIGHT = 595.28, 841.89
_MM = 72 / 25.4
_LEFT, _RIGHT = 25 * _MM, 20 * _MM
_BODY = _WIDTH - _LEFT - _RIGHT
_FOOT = 46 * _MM
_INK = "#15264f"
_GREY = "#5a5f66"
_BLOCK = 40 * _MM
"""Height of one signatory's block."""


def draw_minutes(canvas: Canvas, wish: DrawDocument, emblem: Any) -> None:
    """Draw page 1; DoesNotFit when the text needs more than the page."""
    canvas.page((_WIDTH, _HEIGHT))
    words, text = WORDS[wish.text.language], wish.text
    y = _letterhead(canvas, wish, emblem)
    y -= 8 * _MM
    y -= canvas.paragraph(words.minutes, _under(y), font="NotoSerif-Bold", size=15, align="center") + 1 * _MM
    number = words.number.format(number=text.number)
    y -= canvas.paragraph(number, _under(y), size=10.5, align="center") + 7 * _MM
    rows = (len(text.signatories) + 1) // 2
    floor = _FOOT + rows * _BLOCK
    opening = text.opening or words.opening.format(date=text.date, place=text.place, subject=text.subject)
    for paragraph in (opening, *text.paragraphs, words.closing):
        room = Box(_LEFT, floor + 8 * _MM, _BODY, max(y - floor - 8 * _MM, 0))
        y -= canvas.paragraph(paragraph, room, align="justify", size=10.5, shrink=0.85) + 3 * _MM
    top = max(y - 14 * _MM, floor)
    day = Box(_LEFT + _BODY / 2, top + 2 * _MM, _BODY / 2, 6 * _MM)
    canvas.paragraph(f"{text.place}, {text.date}", day, size=9.5, align="center", shrink=0.6)
    inks = [*wish.inks, *[None] * (len(text.signatories) - len(wish.inks))]
    for place, (signatory, ink) in enumerate(zip(text.signatories, inks, strict=True)):
        alone = place % 2 == 0 and place == len(text.signatories) - 1
        column = _LEFT + _BODY / 2 if place % 2 or alone else _LEFT
        _signature(canvas, signatory, ink, Box(column, top - (place // 2 + 1) * _BLOCK, _BODY / 2, _BLOCK))
    _foot(canvas, wish, words)
    if wish.rehearsal:
        canvas.watermark(words.rehearsal, (_WIDTH, _HEIGHT))


def _letterhead(canvas: Canvas, wish: DrawDocument, emblem: Any) -> float:
    top = _HEIGHT - 15 * _MM
    if emblem is not None:
        canvas.picture(emblem, Box(_LEFT, top - 22 * _MM, 22 * _MM, 22 * _MM))
    box = Box(_LEFT + 24 * _MM, top - 22 * _MM, _BODY - 48 * _MM, 15 * _MM)
    if wish.text.agency:
        canvas.paragraph(
            wish.text.agency, box, font="NotoSerif-Bold", size=14, align="center", shrink=0.6, leading=1.25
        )
    y = top - 24 * _MM
    canvas.rule(_LEFT, y, _BODY, 2)
    canvas.rule(_LEFT, y - 2.6, _BODY, 0.6)
    return y


def _signature(canvas: Canvas, signatory: Signatory, ink: Ink | None, box: Box) -> None:
    inner = Box(box.x + 3 * _MM, box.y, box.width - 6 * _MM, box.height)
    head = Box(inner.x, box.y + box.height - 9 * _MM, inner.width, 9 * _MM)
    title = f"{signatory.title}\n{signatory.organisation}" if signatory.organisation else signatory.title
    canvas.paragraph(title, head, size=9.5, align="center", leading=1.2, shrink=0.6)
    field = Box(inner.x, box.y + 9 * _MM, inner.width, box.height - 19 * _MM)
    if ink is not None and any(ink.strokes):
        canvas.fill(outlines(ink, field), _INK)
    else:
        canvas.rule(field.x + 8 * _MM, field.y + 2 * _MM, field.width - 16 * _MM, 0.5, _GREY)
    name = Box(inner.x, box.y, inner.width, 8 * _MM)
    canvas.paragraph(signatory.name, name, font="NotoSerif-Bold", size=10, align="center", shrink=0.6)


def _foot(canvas: Canvas, wish: DrawDocument, words: Words) -> None:
    canvas.rule(_LEFT, _FOOT - 6 * _MM, _BODY, 0.5, _GREY)
    side = 26 * _MM
    bottom = _FOOT - 8 * _MM - side
    canvas.qr(wish.verify_url, Box(_LEFT, bottom, side, side))
    y = _FOOT - 8 * _MM
    left = _LEFT + side + 4 * _MM
    lines = [
        (f"{words.check}\n{wish.verify_url}", "PlusJakartaSans-Bold", 7.5, "#111111"),
        (words.note, "PlusJakartaSans", 6.6, _GREY),
        (_marks(wish, words), "PlusJakartaSans", 5.6, _GREY),
    ]
    for line, font, size, colour in lines:
        box = Box(left, 5 * _MM, _BODY - side - 4 * _MM, y - 5 * _MM)
        y -= canvas.paragraph(line, box, font=font, size=size, leading=1.3, colour=colour, shrink=0.7) + 1.2 * _MM


def _marks(wish: DrawDocument, words: Words) -> str:
    marks = [f"{words.document} {wish.document}", f"{words.text} {wish.frozen}"]
    if wish.journal_head:
        marks.append(f"{words.journal} {wish.journal_head}")
    if wish.head_key:
        marks.append(f"{words.head_key} {wish.head_key}")
    if wish.rehearsal:
        marks.append(words.rehearsal_note)
    return "\n".join(marks)


def _under(y: float) -> Box:
    return Box(_LEFT, y - 30 * _MM, _BODY, 30 * _MM)
