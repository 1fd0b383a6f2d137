"""Framing: split anywhere, survive anything, stay small."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from devices.sdk import DatagramFramer, TerminatorFramer
from devices.sdk.framing import MAX_BUFFER

LINES = st.lists(
    st.binary(min_size=1, max_size=30).map(
        lambda raw: raw.replace(b"\r", b"a").replace(b"\n", b"b").replace(b"\0", b"c")
    ),
    max_size=8,
)


@given(LINES, st.lists(st.integers(0, 300), max_size=12))
def test_where_a_stream_is_cut_does_not_matter(lines: list[bytes], cuts: list[int]) -> None:
    """Any cutting of the same bytes gives the same messages."""
    stream = b"".join(line + b"\r\n" for line in lines)
    framer, messages, at = TerminatorFramer(b"\r\n"), [], 0
    for cut in [*sorted(cut for cut in cuts if cut < len(stream)), len(stream)]:
        messages += framer.feed(stream[at:cut])
        at = max(at, cut)
    assert messages == lines


@given(st.lists(st.binary(max_size=3000), max_size=12))
def test_noise_neither_raises_nor_grows(chunks: list[bytes]) -> None:
    """Whatever comes, what is kept stays below the bound."""
    framer = TerminatorFramer(b"\xff", keep_terminator=True)
    for chunk in chunks:
        for message in framer.feed(chunk):
            assert message.endswith(b"\xff")
        assert len(framer._buffer) <= MAX_BUFFER


def test_back_in_step_within_one_frame_after_noise() -> None:
    """64 bytes of noise cost at most the message they run into."""
    framer = TerminatorFramer(b"\r\n")
    assert framer.feed(bytes(range(32, 96)) + b"lost\r\nfound\r\n")[-1] == b"found"


def test_an_endless_line_is_thrown_away_and_counted() -> None:
    """A peer that never ends its line cannot fill the memory."""
    framer = TerminatorFramer(b"\n", limit=16)
    assert not framer.feed(b"x" * 40)
    assert framer.garbage == 40
    assert framer.feed(b"ok\n") == [b"ok"]


def test_nul_bytes_are_dropped_where_asked() -> None:
    """Some projectors embed them."""
    assert TerminatorFramer(b"\r", strip_nul=True).feed(b"\0%1POWR=\0OK\r") == [b"%1POWR=OK"]


def test_a_datagram_is_a_message() -> None:
    """Oversized and empty ones are none."""
    framer = DatagramFramer(limit=8)
    assert framer.feed(b"12345678") == [b"12345678"]
    assert not framer.feed(b"123456789")
    assert not framer.feed(b"")
    assert framer.garbage == 9
