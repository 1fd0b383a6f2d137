"""What our pages are drawn with: ReportLab, two embedded fonts, and a few shapes. ReportLab is imported here only."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import segno
from PIL import Image
from reportlab.lib.colors import Color, HexColor
from reportlab.lib.enums import TA_CENTER, TA_JUSTIFY, TA_LEFT
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import FILL_NON_ZERO
from reportlab.pdfgen.canvas import Canvas as ReportlabCanvas
from reportlab.platypus import Paragraph

from smartroom.signing import limits
from smartroom.signing.document.ink import Box, Outline

A4 = (595.28, 841.89)
MM = 72 / 25.4

SERIF, SERIF_BOLD, SANS, SANS_BOLD = "NotoSerif", "NotoSerif-Bold", "PlusJakartaSans", "PlusJakartaSans-Bold"
_FILES = {
    SERIF: "NotoSerif-Regular.ttf",
    SERIF_BOLD: "NotoSerif-Bold.ttf",
    SANS: "PlusJakartaSans-Regular.ttf",
    SANS_BOLD: "PlusJakartaSans-Bold.ttf",
}
_ALIGN = {"left": TA_LEFT, "center": TA_CENTER, "justify": TA_JUSTIFY}


class DoesNotFit(ValueError):
    """A text is longer than its place, or holds a letter our fonts do not have."""


class Canvas:
    """One PDF being drawn; coordinates in points from the lower left corner."""

    def __init__(self, *, title: str, subject: str, keywords: str, language: str) -> None:
        for name, file in _FILES.items():
            pdfmetrics.registerFont(TTFont(name, Path(__file__).parent / "fonts" / file))
        self._buffer = BytesIO()
        self._canvas: Any = ReportlabCanvas(
            self._buffer,
            pagesize=A4,
            pageCompression=1,
            pdfVersion=(1, 7),
            lang=language,
            initialFontName=SERIF,  # otherwise every page names a font that is not embedded
        )
        self._canvas.setTitle(title)
        self._canvas.setSubject(subject)
        self._canvas.setKeywords(keywords)
        self._canvas.setCreator("smartroom")
        self._canvas.setProducer("smartroom")

    def page(self, size: tuple[float, float]) -> None:
        """Size of the page drawn now."""
        self._canvas.setPageSize(size)

    def next_page(self) -> None:
        """Finish the page."""
        self._canvas.showPage()

    def finish(self) -> bytes:
        """The PDF."""
        self._canvas.save()
        return self._buffer.getvalue()

    def paragraph(
        self,
        text: str,
        box: Box,
        *,
        font: str = SERIF,
        size: float = 11,
        leading: float = 1.45,
        align: str = "left",
        colour: str = "#111111",
        shrink: float = 1.0,
    ) -> float:
        """Text wrapped into the top of a box; gives the height used. `shrink` is the smallest share of the size allowed."""
        _check_letters(text, font)
        scale = 1.0
        while True:
            points = size * scale
            style = ParagraphStyle(
                "",
                fontName=font,
                fontSize=points,
                leading=points * leading,
                alignment=_ALIGN[align],
                textColor=HexColor(colour),
            )
            body = Paragraph(escape(text).replace("\n", "<br/>"), style)
            _, height = body.wrap(box.width, box.height)
            if height <= box.height and body.minWidth() <= box.width:
                break
            scale -= 0.05
            if scale < shrink - 1e-9:
                raise DoesNotFit(f"too long for its place: {text[:40]}")
        body.drawOn(self._canvas, box.x, box.y + box.height - height)
        return float(height)

    def rule(self, x: float, y: float, width: float, thickness: float, colour: str = "#111111") -> None:
        """A horizontal line."""
        self._canvas.setStrokeColor(HexColor(colour))
        self._canvas.setLineWidth(thickness)
        self._canvas.line(x, y, x + width, y)

    def frame(self, box: Box, thickness: float, colour: str, radius: float = 0) -> None:
        """A rectangle's edge."""
        self._canvas.setStrokeColor(HexColor(colour))
        self._canvas.setLineWidth(thickness)
        self._canvas.roundRect(box.x, box.y, box.width, box.height, radius, stroke=1, fill=0)

    def gradient(self, box: Box, colours: Iterable[str], *, slanted: bool = True) -> None:
        """A box filled with colours from the upper left to the lower right."""
        chosen = [HexColor(colour) for colour in colours]
        canvas = self._canvas
        canvas.saveState()
        path = canvas.beginPath()
        path.rect(box.x, box.y, box.width, box.height)
        canvas.clipPath(path, stroke=0, fill=0)
        right = box.x + (box.width if slanted else 0)
        stops = [number / (len(chosen) - 1) for number in range(len(chosen))]
        canvas.linearGradient(box.x, box.y + box.height, right, box.y, chosen, stops, extend=True)
        canvas.restoreState()

    def fill(self, shapes: Iterable[Outline], colour: str) -> None:
        """Closed outlines filled as one shape."""
        path = self._canvas.beginPath()
        for shape in shapes:
            path.moveTo(*shape[0])
            for point in shape[1:]:
                path.lineTo(*point)
            path.close()
        self._canvas.setFillColor(HexColor(colour))
        self._canvas.drawPath(path, stroke=0, fill=1, fillMode=FILL_NON_ZERO)

    def watermark(self, word: str, size: tuple[float, float]) -> None:
        """A large word over the whole page, slanted, that one can read through."""
        canvas = self._canvas
        canvas.saveState()
        canvas.translate(size[0] / 2, size[1] / 2)
        canvas.rotate(35)
        canvas.setFillColor(Color(0.75, 0.05, 0.05, alpha=0.16))
        canvas.setFont(SANS_BOLD, 150)
        canvas.drawCentredString(0, -50, word)
        canvas.restoreState()

    def picture(self, image: Image.Image, box: Box) -> None:
        """A picture fitted into a box, its proportions kept."""
        self._canvas.drawImage(
            ImageReader(image), box.x, box.y, box.width, box.height, preserveAspectRatio=True, anchor="c", mask="auto"
        )

    def qr(self, text: str, box: Box) -> None:
        """A QR code as vector squares with its quiet zone, level M, on white."""
        matrix = [list(row) for row in segno.make(text, error="m", micro=False).matrix]
        side = len(matrix) + 8
        unit = box.width / side
        self.fill([_rectangle(box.x, box.y, box.width, box.width)], "#ffffff")
        squares = []
        for row, modules in enumerate(matrix):
            top = box.y + box.width - (row + 4) * unit
            for start, length in _runs(modules):
                squares.append(_rectangle(box.x + (start + 4) * unit, top - unit, length * unit, unit))
        self.fill(squares, "#000000")


def load_picture(data: bytes) -> Image.Image:
    """A PNG or JPEG decoded; DoesNotFit when it is none, or decodes to too much."""
    try:
        image = Image.open(BytesIO(data), formats=("PNG", "JPEG"))
        small = image.width * image.height <= limits.MAX_EMBLEM_PIXELS
        decoded = image.convert("RGBA") if small else None
    except Exception as error:  # a decoder's failures are of many kinds; all mean the same
        raise DoesNotFit("the emblem is no PNG or JPEG") from error
    if decoded is None:
        raise DoesNotFit("the emblem has too many pixels")
    return decoded


def _check_letters(text: str, font: str) -> None:
    known = pdfmetrics.getFont(font).face.charToGlyph
    for letter in text:
        if letter != "\n" and ord(letter) not in known:
            raise DoesNotFit(f"our fonts have no letter for U+{ord(letter):04X}")


def _rectangle(x: float, y: float, width: float, height: float) -> Outline:
    return ((x, y), (x + width, y), (x + width, y + height), (x, y + height))


def _runs(modules: list[int]) -> Iterable[tuple[int, int]]:
    start: int | None = None
    for column, module in enumerate([*modules, 0]):
        if module and start is None:
            start = column
        elif not module and start is not None:
            yield start, column - start
            start = None
