"""The manual's lines both ways, and a terminator that is a letter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.lg_display import protocol
from devices.lg_display.protocol import Answer


@pytest.mark.parametrize(
    ("word", "set_id", "data", "digits", "wire"),
    [
        ("ka", 1, "01", 2, b"ka 01 01\r"),
        ("ka", 1, "ff", 2, b"ka 01 ff\r"),
        ("xb", 1, "90", 2, b"xb 01 90\r"),
        ("kf", 1, protocol.hexadecimal(20), 2, b"kf 01 14\r"),
        ("ke", 1, "00", 2, b"ke 01 00\r"),
        ("sv", 1, "02 ff", 2, b"sv 01 02 ff\r"),
        ("ka", 26, "01", 2, b"ka 1a 01\r"),
        ("ka", 1000, "01", 3, b"ka 3e8 01\r"),
    ],
)
def test_commands_are_the_manuals_lines(word: str, set_id: int, data: str, digits: int, wire: bytes) -> None:
    """Set id and data in lower-case hex, one space between, CR at the end."""
    assert protocol.command(word, set_id, data, digits=digits) == wire


@pytest.mark.parametrize(
    ("wire", "answer"),
    [
        (b"a 01 OK01", Answer("a", 1, accepted=True, data="01")),
        (b"a 01 NG00", Answer("a", 1, accepted=False, data="00")),
        (b"v 01 OK0201", Answer("v", 1, accepted=True, data="0201")),
        (b"b 1A OK90", Answer("b", 26, accepted=True, data="90")),
        (b"f 3e8 OK14", Answer("f", 1000, accepted=True, data="14")),
        (b"\r\n\x00#a 01 OK01", Answer("a", 1, accepted=True, data="01")),
        (b"y 01 OK612SIM000001", Answer("y", 1, accepted=True, data="612SIM000001")),
    ],
)
def test_answers_are_read(wire: bytes, answer: Answer) -> None:
    """Without the x, whatever noise stands before."""
    assert protocol.parse(wire) == answer


@pytest.mark.parametrize("wire", [b"", b"a 01 01", b"OK", b"a 01 OK01 more", b"a zz OK01", b"ka 01 ff\r"])
def test_what_is_no_answer_is_none(wire: bytes) -> None:
    """Nothing is guessed."""
    assert protocol.parse(wire) is None


def test_values() -> None:
    """Hex of one or two digits; sockets under both their codes; the signal's double data."""
    assert [protocol.number(data) for data in ("A", "14", "64", "", "0x", "123")] == [10, 20, 100, None, None, None]
    assert [protocol.input_name(code) for code in (0x90, 0xA0, 0xD0, 0xE1)] == [
        "hdmi1",
        "hdmi1",
        "displayport1",
        "input_e1",
    ]
    assert [protocol.signal(data) for data in ("0201", "0200", "1007", "")] == [True, False, None, None]


@given(st.lists(st.sampled_from([b"a 01 OK01x", b"f 01 OK14x", b"b 01 NG02x"]), min_size=1, max_size=4), st.data())
def test_any_split_gives_the_same_answers(answers: list[bytes], data: st.DataObject) -> None:
    """The x alone ends an answer; CR never comes."""
    stream, framer, found = b"".join(answers), protocol.framer(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        found += framer.feed(stream[:size])
        stream = stream[size:]
    assert [message + b"x" for message in found] == answers
