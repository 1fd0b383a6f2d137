"""Ink as numbered batches: each counts once and in order, whatever the network repeats, drops or delays."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from smartroom.control.ceremony.strokes import MOST_POINTS, Fate, Ink, Signature
from smartroom.protocol.ceremony import FIELD_WIDTH, InkBatch
from tests.ceremonies import Pen, merged

KEY = "a" * 26


def batches(count: int) -> list[InkBatch]:
    """Batches of several strokes."""
    pen = Pen(KEY)
    found: list[InkBatch] = []
    while len(found) < count:
        found += pen.stroke(3)
    return found[:count]


def fed(sent: list[InkBatch]) -> Ink:
    """Ink that was given batches as a session gives them."""
    ink = Ink()
    ink.begin(0, 0, 0.0)
    for batch in sent:
        if ink.fate(batch) is Fate.TAKEN:
            ink.add(batch)
    return ink


@given(st.data())
def test_repeats_and_gaps_change_nothing(data: st.DataObject) -> None:
    """Batches sent again, early or late: what was taken is the longest run from the first, each once."""
    sent = batches(12)
    order = data.draw(st.lists(st.integers(0, 11), max_size=60))
    ink = fed([sent[number] for number in order])
    last = 0
    for number in order:
        last += number == last
    assert ink.seq == last
    assert ink.signatures[0].received.get("tabletutama", 0) == last
    assert ink.signatures[0].digest() == fed(sent[:last]).signatures[0].digest()


@given(st.integers(1, 11))
def test_a_batch_that_gathered_while_the_pad_was_away_is_the_same_ink(at: int) -> None:
    """A pad that was offline sends what it has in one batch: the strokes are those of many."""
    sent = batches(12)
    renumbered = [*sent[: at - 1], merged(sent[at - 1], sent[at])]
    renumbered += [batch.model_copy(update={"number": at + 1 + place}) for place, batch in enumerate(sent[at + 1 :])]
    assert fed(renumbered).signatures[0].digest() == fed(sent).signatures[0].digest()


def test_a_spare_pad_goes_on_beside_what_there_is() -> None:
    """A second source begins at 1; its stroke 0 is another one than the first pad's."""
    first, second = Pen(KEY), Pen(KEY, source="tabletcadangan")
    ink = fed([*first.stroke(2, lift=False), *second.stroke(2)])
    assert len(ink.signatures[0].strokes) == 2
    assert ink.signatures[0].pen_down
    ink.signatures[0].settle()
    assert [stroke.end for stroke in ink.signatures[0].strokes.values()] == ["cancel", "up"]


def test_ink_outside_the_field_is_noticed() -> None:
    """Points beyond the field are kept and said."""
    (batch,) = Pen(KEY).stroke(1)
    far = batch.model_copy(
        update={"pieces": [batch.pieces[0].model_copy(update={"points": [[FIELD_WIDTH + 1, 10, 0, 500]]})]}
    )
    assert not fed([batch]).signatures[0].outside
    assert fed([far]).signatures[0].outside


def test_a_signature_has_an_end() -> None:
    """Twenty thousand points are eighty seconds without lifting the pen; more is refused, not cut."""
    signature = Signature(0, 0, 0.0, points=MOST_POINTS - 2)
    (batch,) = Pen(KEY).stroke(1)
    assert signature.fate(batch) is Fate.TOO_MUCH


def test_paper_gets_time_from_the_first_point_and_pressure_from_nought_to_one() -> None:
    """What the document draws: the field's units, milliseconds of each stroke, shares of pressure."""
    drawn = fed(batches(6)).signatures[0].drawn()
    assert drawn is not None
    assert [stroke[0][2] for stroke in drawn.strokes] == [0.0, 0.0]
    assert {point[3] for stroke in drawn.strokes for point in stroke} == {0.3, 0.32, 0.34}
    assert Signature(0, 0, 0.0).drawn() is None
