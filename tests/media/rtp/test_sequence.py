"""Sequence numbers: wrapping, loss, reordering, duplicates, switches."""

from hypothesis import given
from hypothesis import strategies as st

from smartroom.media.rtp.sequence import Rewriter, Unwrapper, near


@given(st.integers(0, 0xFFFF), st.lists(st.integers(-200, 800), max_size=200))
def test_unwrapping_follows_any_walk_below_half_a_wrap(first: int, steps: list[int]) -> None:
    """A stream that jumps less than half the number space is unwrapped exactly."""
    unwrapper = Unwrapper()
    start = unwrapper.unwrap(first)
    true = highest = 0
    for step in steps:
        true = max(highest + step, 0)
        assert unwrapper.unwrap(first + true & 0xFFFF) == start + true
        highest = max(highest, true)


@given(st.integers(0, 1 << 40), st.integers(-30000, 30000))
def test_near_finds_the_number_beside_the_reference(reference: int, distance: int) -> None:
    """The low sixteen bits and a reference give back the whole number."""
    assert near(reference + distance & 0xFFFF, reference) == reference + distance


@given(
    st.integers(0, 0x7FFF),
    st.lists(
        st.tuples(
            st.sampled_from(["send", "send", "send", "lose", "drop", "switch", "late", "repeat"]),
            st.integers(1, 40),
        ),
        max_size=300,
    ),
)
def test_no_outgoing_number_is_used_for_two_packets(first: int, actions: list[tuple[str, int]]) -> None:
    """Whatever is lost, dropped, late, repeated or switched: one number, one packet, one way back."""
    rewriter = Rewriter(first, 0)
    source, index = 1, 5000
    rewriter.switch(source, index, 0, 1)
    used: dict[int, tuple[int, int]] = {}
    kept: list[tuple[int, int]] = []

    def send(packet: tuple[int, int]) -> None:
        segment = rewriter.place(*packet)
        if segment is None:
            return
        out = packet[1] + segment.sequence
        assert used.setdefault(out, packet) == packet
        if out > rewriter.highest:  # the newest, though others of its source may have been lost before it
            rewriter.advance(packet[1], packet[1] * 3000)
            found = rewriter.find(out & 0xFFFF)
            assert found is not None
            assert (found[0].source, found[1]) == packet

    for action, amount in actions:
        if action == "send":
            send((source, index))
            kept.append((source, index))
            index += 1
        elif action == "lose":
            kept += [(source, index + i) for i in range(amount)]
            index += amount
        elif action == "drop":
            rewriter.skip(index)
            kept.append((source, index))
            index += 1
        elif action == "switch":
            source, index = source + 1, amount * 7
            rewriter.switch(source, index, amount, amount)
        elif kept and action in ("late", "repeat"):
            send(kept[-min(amount, len(kept))])


def test_dropped_packets_leave_no_gap_and_lost_ones_do() -> None:
    """A drop closes its gap, a loss stays one, so that the receiver asks for it."""
    rewriter = Rewriter(100, 0)
    rewriter.switch(1, 10, 0, 1)
    out = []
    for index in (10, 11, 14, 15):
        segment = rewriter.place(1, index)
        assert segment is not None
        out.append(index + segment.sequence & 0xFFFF)
        rewriter.advance(index, 0)
        if index == 11:
            rewriter.skip(12)
    assert out == [100, 101, 103, 104]


def test_a_late_copy_of_a_dropped_packet_is_refused() -> None:
    """The number of a dropped packet belongs to its successor; the late copy has none."""
    rewriter = Rewriter(0, 0)
    rewriter.switch(1, 10, 0, 1)
    rewriter.advance(10, 0)
    rewriter.skip(11)
    assert rewriter.place(1, 11) is None
    assert rewriter.place(1, 12) is not None


def test_a_switch_keeps_time_and_picture_numbers_growing() -> None:
    """After a switch the timestamp moves by the elapsed time and the picture id by one."""
    rewriter = Rewriter(0, 9000)
    rewriter.switch(1, 50, 1_000_000, 1, picture=70, tl0=9)
    rewriter.advance(50, 1_000_000, 70, 9)
    segment = rewriter.switch(2, 900, 5, 3000, picture=3, tl0=200)
    assert (5 + segment.timestamp) & 0xFFFFFFFF == 9000 + 3000
    assert 3 + segment.picture == 71
    assert 200 + segment.tl0 == 10
    assert 900 + segment.sequence == rewriter.highest + 1
