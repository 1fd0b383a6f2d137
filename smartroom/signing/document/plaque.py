"""Page 2: the plaque, landscape, in stone, metal or weave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smartroom.protocol.document import DrawDocument, PlaqueLook, Signatory
from smartroom.signing.document.ink import Box, outlines
from smartroom.signing.document.words import WORDS

if TYPE_CHECKING:
    from smartroom.signing.document.canvas import Canvas

_WIDTH, _HEIGHT = 841.89, 595.28
_MM = 72 / 25.4


@dataclass(frozen=True, slots=True)
class _Material:
    edge: tuple[str, ...]
    field: tuple[str, ...]
    letters: str
    ink: str
    line: str


_MATERIALS = {
    PlaqueLook.STONE: _Material(
        ("#f6e4b4", "#a97f3d", "#e7c67e", "#80602c"),
        ("#33363b", "#1c1e21", "#292c30"),
        "#ecd9a0",
        "#f4dfa8",
        "#b08d4c",
    ),
    PlaqueLook.METAL: _Material(
        ("#e9eef2", "#8f9aa3", "#dfe5e9", "#6f7a82"),
        ("#f3e3ae", "#d3aa5c", "#ead08f", "#b98f45"),
        "#2c1f08",
        "#1d1405",
        "#6d4f1c",
    ),
    PlaqueLook.WOVEN: _Material(
        ("#5b1420", "#8c2232", "#4a0f19"),
        ("#7a1c2b", "#5b1420", "#6b1826"),
        "#f3dca2",
        "#ffe9b8",
        "#d0a04e",
    ),
}


def draw_plaque(canvas: Canvas, wish: DrawDocument, emblem: Any) -> None:
    """Draw page 2; DoesNotFit when a text needs more than its place."""
    canvas.page((_WIDTH, _HEIGHT))
    words, text, material = WORDS[wish.text.language], wish.text, _MATERIALS[wish.text.look]
    canvas.gradient(Box(0, 0, _WIDTH, _HEIGHT), material.edge)
    inner = Box(9 * _MM, 9 * _MM, _WIDTH - 18 * _MM, _HEIGHT - 18 * _MM)
    canvas.gradient(inner, material.field)
    _ornament(canvas, inner, text.look, material)
    left, width = 40 * _MM, _WIDTH - 80 * _MM
    y = _HEIGHT - 20 * _MM
    if emblem is not None:
        canvas.picture(emblem, Box(_WIDTH / 2 - 12 * _MM, y - 24 * _MM, 24 * _MM, 24 * _MM))
        y -= 27 * _MM
    else:
        y -= 6 * _MM

    def write(line: str, size: float, gap: float, *, bold: bool = False) -> None:
        nonlocal y
        room = Box(left, 78 * _MM, width, max(y - 78 * _MM, 0))
        font = "NotoSerif-Bold" if bold else "NotoSerif"
        used = canvas.paragraph(
            line, room, font=font, size=size, align="center", leading=1.25, colour=material.letters, shrink=0.45
        )
        y -= used + gap * _MM

    if text.agency:
        write(text.agency, 16, 4, bold=True)
    write(text.plaque_heading or words.plaque, 30, 5, bold=True)
    canvas.rule(_WIDTH / 2 - 30 * _MM, y, 60 * _MM, 0.8, material.line)
    y -= 5 * _MM
    write(text.subject, 25, 5, bold=True)
    for line in text.plaque_lines:
        write(line, 14, 1)
    write(words.inaugurated.format(place=text.place, date=text.date), 14, 1)
    write(words.by, 14, 0)
    inks = [*wish.inks, *[None] * (len(text.signatories) - len(wish.inks))]
    share = (_WIDTH - 80 * _MM) / len(text.signatories)
    for place, (signatory, ink) in enumerate(zip(text.signatories, inks, strict=True)):
        box = Box(left + place * share, 18 * _MM, share, 58 * _MM)
        _names(canvas, signatory, box, material)
        if ink is not None:
            canvas.fill(
                outlines(ink, Box(box.x + 4 * _MM, box.y + 17 * _MM, box.width - 8 * _MM, 34 * _MM)), material.ink
            )
    canvas.qr(wish.verify_url, Box(_WIDTH - 36 * _MM, 15 * _MM, 20 * _MM, 20 * _MM))
    if wish.rehearsal:
        canvas.watermark(words.rehearsal, (_WIDTH, _HEIGHT))


def _names(canvas: Canvas, signatory: Signatory, box: Box, material: _Material) -> None:
    title = Box(box.x, box.y + box.height - 7 * _MM, box.width, 7 * _MM)
    canvas.paragraph(signatory.title, title, size=12, align="center", leading=1.2, colour=material.letters, shrink=0.45)
    canvas.rule(box.x + box.width * 0.15, box.y + 14 * _MM, box.width * 0.7, 0.6, material.line)
    name = Box(box.x, box.y + 2 * _MM, box.width, 11 * _MM)
    canvas.paragraph(
        signatory.name,
        name,
        font="NotoSerif-Bold",
        size=14,
        align="center",
        leading=1.2,
        colour=material.letters,
        shrink=0.45,
    )


def _ornament(canvas: Canvas, inner: Box, look: PlaqueLook, material: _Material) -> None:
    inset = 4 * _MM
    box = Box(inner.x + inset, inner.y + inset, inner.width - 2 * inset, inner.height - 2 * inset)
    canvas.frame(box, 1.4, material.line)
    canvas.frame(Box(box.x + 4, box.y + 4, box.width - 8, box.height - 8), 0.5, material.line)
    if look is not PlaqueLook.WOVEN:
        return
    step, half = 9 * _MM, 2.2 * _MM
    diamonds = []
    count = int((box.width - 8) // step)
    start = box.x + (box.width - (count - 1) * step) / 2
    for y in (box.y + 5 * _MM, box.y + box.height - 5 * _MM):
        for number in range(count):
            x = start + number * step
            diamonds.append(((x - half, y), (x, y + half), (x + half, y), (x, y - half)))
    canvas.fill(diamonds, material.line)
