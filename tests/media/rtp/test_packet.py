"""RTP parsing and building."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartroom.media.rtp import packet as rtp

ELEMENTS = st.lists(
    st.tuples(st.integers(1, 14), st.binary(min_size=1, max_size=16)),
    max_size=5,
    unique_by=lambda element: element[0],
)


@given(ELEMENTS, st.binary(max_size=300), st.integers(0, 0xFFFF), st.booleans())
def test_what_is_built_is_parsed(
    elements: list[tuple[int, bytes]], payload: bytes, sequence: int, marker: bool
) -> None:
    """Header, extensions and payload survive a round trip."""
    data = rtp.build(
        payload,
        payload_type=96,
        sequence=sequence,
        timestamp=7,
        ssrc=9,
        marker=marker,
        block=rtp.extension_block(elements),
    )
    parsed = rtp.parse(data)
    assert parsed.payload == payload
    assert (parsed.sequence, bool(parsed.marker), parsed.payload_type) == (sequence, marker, 96)
    for number, value in elements:
        assert rtp.extension(parsed, number) == value


def test_a_long_element_selects_the_two_byte_form() -> None:
    """An element above sixteen bytes is written and found in the two-byte form."""
    block = rtp.extension_block([(3, bytes(40)), (20, b"x")])
    parsed = rtp.parse(rtp.build(b"p", payload_type=1, sequence=1, timestamp=1, ssrc=1, block=block))
    assert rtp.extension(parsed, 20) == b"x"
    assert rtp.extension(parsed, 3) == bytes(40)


@given(st.binary(max_size=80))
def test_random_bytes_raise_only_value_error(data: bytes) -> None:
    """Garbage is refused as ValueError and by nothing else."""
    for candidate in (data, b"\x90" + data, b"\xb3" + data):
        with contextlib.suppress(ValueError):
            parsed = rtp.parse(candidate)
            rtp.extension(parsed, 3)
            rtp.red_primary(parsed.payload)
            rtp.red_renumber(parsed.payload, 109)
            rtp.unwrap_rtx(parsed, ssrc=1, payload_type=96)


def test_a_retransmission_gives_back_the_original() -> None:
    """RTX carries the number in front of the payload; header extensions stay."""
    block = rtp.extension_block([(4, b"q")])
    carried = rtp.build(b"\x12\x34" + b"frame", payload_type=97, sequence=1, timestamp=5, ssrc=2, block=block)
    original = rtp.unwrap_rtx(rtp.parse(carried), ssrc=77, payload_type=96)
    assert (original.sequence, original.ssrc, original.payload_type) == (0x1234, 77, 96)
    assert original.payload == b"frame"
    assert rtp.extension(original, 4) == b"q"


def test_red_is_stripped_to_its_primary_block() -> None:
    """The last block is the primary one, whatever redundancy comes before."""
    redundant = b"old"
    header = bytes((0x80 | 111, 0, 0, len(redundant))) + bytes((111,))
    assert rtp.red_primary(header + redundant + b"new") == b"new"
    with pytest.raises(ValueError, match="RED"):
        rtp.red_primary(header)


@given(st.lists(st.tuples(st.integers(0, 127), st.binary(max_size=40)), max_size=3), st.binary(max_size=40))
def test_red_blocks_get_another_number_and_nothing_else(blocks: list[tuple[int, bytes]], primary: bytes) -> None:
    """Renumbering changes each block's payload type; block sizes, times and bytes stay."""
    head = b"".join(bytes((0x80 | number, 15, len(data) >> 8, len(data))) for number, data in blocks)
    body = b"".join(data for _, data in blocks) + primary
    renumbered = b"".join(bytes((0x80 | 109, 15, len(data) >> 8, len(data))) for _, data in blocks)
    assert rtp.red_renumber(head + bytes((111,)) + body, 109) == renumbered + bytes((109,)) + body
    assert rtp.red_primary(head + bytes((111,)) + body) == primary


def test_padding_is_not_payload() -> None:
    """A probe packet parses as empty payload."""
    parsed = rtp.parse(rtp.padding(200, payload_type=97, sequence=1, timestamp=1, ssrc=1))
    assert parsed.payload == b""
