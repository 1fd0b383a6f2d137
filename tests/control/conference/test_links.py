"""The rungs of a path: down at once, up by trial, overruled by the person."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from smartroom.control.conference import links
from smartroom.control.conference.links import Ladder, within
from smartroom.protocol.conference import Look, SaverMode

REPORTS = st.lists(st.tuples(st.booleans(), st.integers(0, 2_000_000), st.floats(0, 1)), max_size=60)
LOOKS = st.lists(
    st.builds(
        Look,
        track=st.sampled_from(["speaker", "pa.1", "pb.1", "pc.2"]),
        width=st.integers(0, 1280),
        height=st.integers(0, 720),
        rank=st.sampled_from(["stage", "pinned", "thumbnail"]),
    ),
    max_size=9,
)


def walk(ladder: Ladder, reports: list[tuple[bool, int, float]], start: float = 0.0) -> float:
    """Reports two seconds apart; the time after them."""
    for starved, estimate, loss in reports:
        (ladder.paused.add if starved else ladder.paused.discard)("v0")
        ladder.look(estimate, loss, 0.1, start)
        start += 2
    return start


def test_a_wide_path_keeps_everything() -> None:
    """An idle estimate that is low for want of anything to send takes nothing away."""
    ladder = Ladder()
    walk(ladder, [(False, 150_000, 0.0)] * 30)
    assert (ladder.rung, ladder.why) == (links.FULL, "")


def test_one_hiccup_takes_nothing_away() -> None:
    """A single starved report is none; two in a row are."""
    ladder = Ladder()
    now = walk(ladder, [(True, 150_000, 0.0), (False, 900_000, 0.0)])
    assert ladder.rung == links.FULL
    walk(ladder, [(True, 150_000, 0.0)] * 2, now)
    assert (ladder.rung, ladder.why) == (links.SLIDES, "bandwidth")


def test_it_comes_back_by_trial_and_waits_longer_after_each_failure() -> None:
    """Quiet for ten seconds: one rung up. Starved again at once: the next try comes later."""
    ladder = Ladder()
    now = walk(ladder, [(True, 250_000, 0.0)] * 2)
    assert ladder.rung == links.SPEAKER
    now = walk(ladder, [(False, 250_000, 0.0)] * 6, now)
    assert ladder.rung == links.NO_LARGE
    now = walk(ladder, [(True, 250_000, 0.0)] * 2, now)
    assert ladder.rung == links.SPEAKER
    now = walk(ladder, [(False, 250_000, 0.0)] * 8, now)
    assert ladder.rung == links.SPEAKER, "the second try comes after twenty seconds"
    walk(ladder, [(False, 2_000_000, 0.0)] * 60, now)
    assert ladder.rung == links.FULL


def test_a_path_that_came_back_is_judged_anew() -> None:
    """Twenty seconds without a network leave thin sound; back again, everything is tried at once, and the loss of the outage, told twice, takes nothing."""
    ladder = Ladder()
    now = walk(ladder, [(False, 20_000, 0.9)] * 2)
    assert ladder.rung == links.THIN
    assert ladder.anew()
    assert ladder.rung == links.FULL
    now = walk(ladder, [(False, 20_000, 0.9)] * 2, now)
    assert ladder.rung == links.FULL
    walk(ladder, [(False, 20_000, 0.9)], now)
    assert ladder.rung == links.THIN, "a path that stays bad is found out"


def test_the_person_has_the_last_word() -> None:
    """Saving on: one face at most. Listening: sound alone. Off: everything, whatever was measured."""
    ladder = Ladder()
    ladder.choose(SaverMode.ON, listen=False)
    assert (ladder.rung, ladder.why) == (links.SPEAKER, "chosen")
    ladder.choose(SaverMode.AUTO, listen=True)
    assert (ladder.rung, ladder.why) == (links.SOUND, "chosen")
    ladder.choose(SaverMode.AUTO, listen=False)
    now = walk(ladder, [(True, 20_000, 0.5)] * 4)
    assert (ladder.rung, ladder.why) == (links.THIN, "loss")
    ladder.choose(SaverMode.OFF, listen=False)
    walk(ladder, [(True, 20_000, 0.5)] * 4, now)
    assert ladder.rung == links.FULL


@given(REPORTS)
def test_a_rung_falls_far_and_rises_one_at_a_time(reports: list[tuple[bool, int, float]]) -> None:
    """Whatever is reported: up by one, and never while the path starves."""
    ladder, now = Ladder(), 0.0
    for starved, estimate, loss in reports:
        before = ladder.rung
        now = walk(ladder, [(starved, estimate, loss)], now)
        assert before - ladder.rung <= 1
        assert ladder.rung >= before or not (starved or loss > links.LOSSY)
        assert links.FULL <= ladder.rung <= links.THIN


@given(LOOKS, st.integers(0, 5))
def test_a_higher_rung_shows_no_more(looks: list[Look], rung: int) -> None:
    """Slides stay longest; each rung is a part of the one before, and no picture grows."""
    screens = {"pc.2"}
    now, next_ = within(looks, rung, screens), within(looks, rung + 1, screens)
    assert len(next_) <= len(now) <= len(looks)
    assert sum(look.height for look in next_) <= sum(look.height for look in now)
    if rung <= links.SLIDES:
        assert [look for look in now if look.track in screens] == [look for look in looks if look.track in screens]
