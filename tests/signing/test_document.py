"""The Berita Acara and its plaque: the same wish gives the same bytes, the frozen text and nothing else, ink as vectors."""

import hashlib
import math
import zlib
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError
from pyhanko.pdf_utils.reader import PdfFileReader

from smartroom.protocol.document import Drawn, Ink, Language, NotDrawn, PlaqueLook
from smartroom.signing.document.draw import draw
from smartroom.signing.document.ink import Box, outlines
from smartroom.signing.marks import is_rehearsal
from tests.signing.rig import ink, text, wish


def picture(kind: str = "PNG", size: tuple[int, int] = (64, 64)) -> bytes:
    """An emblem."""
    buffer = BytesIO()
    Image.new("RGB", size, "green").save(buffer, kind)
    return buffer.getvalue()


def with_emblem(data: bytes) -> tuple[Drawn | NotDrawn, bytes]:
    """Draw with an emblem that was frozen with the text."""
    written = text(changes={"emblem_sha256": hashlib.sha256(data).hexdigest()})
    return draw(wish(written, emblem=data))


@pytest.mark.parametrize("look", list(PlaqueLook))
@pytest.mark.parametrize("signatories", [1, 2, 3])
@pytest.mark.parametrize("language", list(Language))
def test_every_form_is_drawn_and_repeats(look: PlaqueLook, signatories: int, language: Language) -> None:
    """Each material, language and number of signatories gives two pages, byte for byte the same each time."""
    asked = wish(text(signatories, look, {"language": language}))
    told, pdf = draw(asked)
    assert isinstance(told, Drawn)
    assert draw(asked) == (told, pdf)
    assert int(PdfFileReader(BytesIO(pdf)).root["/Pages"]["/Count"]) == 2


def test_fonts_are_embedded_and_nothing_runs() -> None:
    """Every font has its file inside; there is no script, no action, no attachment and no picture."""
    _, pdf = draw(wish())
    reader = PdfFileReader(BytesIO(pdf))
    for kid in reader.root["/Pages"]["/Kids"]:
        page = kid.get_object()
        fonts = page["/Resources"]["/Font"]
        for name in fonts:
            assert "/FontFile2" in fonts[name]["/FontDescriptor"], name
        assert "/Image" not in str(page["/Resources"].get("/XObject", ""))
    for word in (b"/JavaScript", b"/OpenAction", b"/Launch", b"/EmbeddedFile", b"/URI"):
        assert word not in pdf


def test_another_text_than_the_frozen_one_is_refused() -> None:
    """One changed letter after the freeze, and there is no document."""
    frozen = text()
    asked = wish(text(changes={"place": "Kota Lain"}), frozen=frozen.digest())
    told, pdf = draw(asked)
    assert told == NotDrawn(sentence="the text is not the one that was frozen")
    assert pdf == b""


@given(
    st.sampled_from(["number", "subject", "place", "date", "agency", "plaque_heading"]),
    st.text(min_size=1, max_size=20),
)
def test_every_field_is_part_of_the_digest(field: str, value: str) -> None:
    """No two texts share a digest, whichever field differs."""
    other = text(changes={field: value})
    assert (other.digest() == text().digest()) is (other == text())


def test_a_rehearsal_is_marked_for_eyes_and_programs() -> None:
    """GLADI stands on both pages and in the file's own dictionary; a record has neither."""
    _, real = draw(wish())
    _, rehearsal = draw(wish(rehearsal=True))
    assert is_rehearsal(PdfFileReader(BytesIO(rehearsal)))
    assert not is_rehearsal(PdfFileReader(BytesIO(real)))
    assert rehearsal != real


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"subject": "市民"}, "U+5E02"),
        ({"subject": "a\u202eb"}, "U+202E"),
        ({"paragraphs": ["kata " * 240] * 8}, "too long"),
        ({"subject": "W" * 160}, "too long"),
    ],
)
def test_what_cannot_be_shown_is_said(change: dict[str, object], said: str) -> None:
    """A letter without a shape, a hidden direction mark, and a text longer than the page: a sentence, never a silent cut."""
    told, _ = draw(wish(text(changes=change)))
    assert isinstance(told, NotDrawn)
    assert said in told.sentence


def test_markup_stays_text() -> None:
    """What looks like markup or a picture's address is written as it stands, and nothing is fetched or opened."""
    told, pdf = draw(wish(text(changes={"subject": '<img src="file:///etc/passwd"/> & <b>'})))
    assert isinstance(told, Drawn)
    assert b"root:" not in pdf


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_emblems(kind: str) -> None:
    """PNG and JPEG stand on both pages."""
    told, _ = with_emblem(picture(kind))
    assert isinstance(told, Drawn)


@pytest.mark.parametrize(
    "data", [b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"GIF89a", picture()[:60], b"\x89PNG\r\n\x1a\n"]
)
def test_what_is_no_emblem(data: bytes) -> None:
    """SVG, GIF and broken pictures are refused in one sentence."""
    told, _ = with_emblem(data)
    assert told == NotDrawn(sentence="the emblem is no PNG or JPEG")


def test_an_emblem_that_decodes_to_a_room_full() -> None:
    """A PNG of a few kilobytes that claims 30,000 by 30,000 pixels is refused before it is unpacked."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4)

    header = chunk(b"IHDR", (30000).to_bytes(4) * 2 + bytes([8, 2, 0, 0, 0]))
    bomb = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000000))) + chunk(b"IEND", b"")
    told, _ = with_emblem(bomb)
    assert isinstance(told, NotDrawn)


def test_an_emblem_that_was_not_frozen() -> None:
    """Two people froze a text with no emblem: none is smuggled in."""
    told, _ = draw(wish(emblem=picture()))
    assert told == NotDrawn(sentence="the emblem is not the one that was frozen")


def test_more_ink_than_people() -> None:
    """A signature without a signatory is refused."""
    told, _ = draw(wish(inks=[ink(), ink()]))
    assert isinstance(told, NotDrawn)


def test_before_the_ink_there_are_lines() -> None:
    """Without ink the document is drawn with lines to sign on: the text the two people compare."""
    told, pdf = draw(wish(inks=[]))
    assert isinstance(told, Drawn)
    assert pdf != draw(wish())[1]


numbers = st.floats(-1e4, 1e4, allow_nan=False)
points = st.tuples(numbers, numbers, st.floats(0, 1e5), st.floats(0, 1))


@given(st.lists(st.lists(points, max_size=40), max_size=6))
def test_ink_stays_in_its_box(strokes: list[list[tuple[float, float, float, float]]]) -> None:
    """Whatever was drawn, wherever: finite outlines inside the box, but for the width of the nib."""
    box = Box(100, 200, 300, 100)
    drawn = list(outlines(Ink(width=600, height=200, strokes=strokes), box))
    assert len(drawn) == sum(1 for stroke in strokes if stroke)
    for outline in drawn:
        assert len(outline) >= 8
        for x, y in outline:
            assert math.isfinite(x)
            assert math.isfinite(y)
            assert 100 - 4 <= x <= 400 + 4
            assert 200 - 4 <= y <= 300 + 4


def test_proportions_are_kept() -> None:
    """A circle in the field is a circle on the page, whatever the shape of the box."""
    circle = [(300 + 80 * math.cos(i / 10), 100 + 80 * math.sin(i / 10), 10.0 * i, 0.5) for i in range(63)]
    (outline,) = outlines(Ink(width=600, height=200, strokes=[circle]), Box(0, 0, 500, 500))
    width = max(x for x, _ in outline) - min(x for x, _ in outline)
    height = max(y for _, y in outline) - min(y for _, y in outline)
    assert width == pytest.approx(height, rel=0.02)


def test_pressure_shows() -> None:
    """A stroke pressed harder at its end is wider there; a finger's even pressure is drawn by its speed."""
    pressed = [(10.0 * i, 100.0, 20.0 * i, i / 40) for i in range(41)]
    (outline,) = outlines(Ink(width=600, height=200, strokes=[pressed]), Box(0, 0, 600, 200))

    def width_near(x: float) -> float:
        ys = [point[1] for point in outline if abs(point[0] - x) < 5]
        return max(ys) - min(ys)

    assert width_near(380) > 1.5 * width_near(20)


@pytest.mark.parametrize("bad", [{"width": 0}, {"strokes": [[(math.nan, 0, 0, 0)]]}, {"strokes": [[(0, 0, 0, 2)]]}])
def test_ink_that_is_none(bad: dict[str, object]) -> None:
    """No width, no number, impossible pressure: refused at the door."""
    with pytest.raises(ValidationError):
        Ink.model_validate({"width": 600, "height": 200, "strokes": []} | bad)
