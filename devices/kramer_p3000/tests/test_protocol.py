"""Bytes of the maker's command tables, both ways."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.kramer_p3000 import protocol as p3000
from devices.kramer_p3000.protocol import Refusal, Said, Signal, Tied


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        (p3000.line(0), b"#\r"),
        (p3000.line(2), b"#2@\r"),
        (p3000.line(0, p3000.vid({1: 1, 2: 1, 3: 1})), b"#VID 1>1,1>2,1>3\r"),
        (p3000.line(0, p3000.route(12, 1, 3)), b"#ROUTE 12,1,3\r"),
        (p3000.line(0, p3000.route(1, 1, 2)), b"#ROUTE 1,1,2\r"),
        (p3000.line(0, p3000.read_all_vid()), b"#VID? *\r"),
        (p3000.line(0, p3000.read_route(1, 4)), b"#ROUTE? 1,4\r"),
        (p3000.line(1, "MODEL?", "SN?"), b"#1@MODEL?|SN?\r"),
        (p3000.line(0, p3000.read_signal(1)), b"#SIGNAL? 1\r"),
        (p3000.line(0, p3000.login("Admin", "rahasia")), b"#LOGIN Admin,rahasia\r"),
    ],
)
def test_lines_are_the_makers(made: bytes, wanted: bytes) -> None:
    """Each line is what the maker's tables print."""
    assert made == wanted


@pytest.mark.parametrize(
    ("line", "meaning"),
    [
        (b"~01@ OK\r\n", Said(1, "", "", ok=True)),
        (b"~01@ok\r\n", Said(1, "", "", ok=True)),
        (b"~OK\r\n", Said(None, "", "", ok=True)),
        (b"~01@VID 1>1,1>2,1>3 OK\r\n", Tied(1, "VID", ((1, 1), (2, 1), (3, 1)), ok=True)),
        (b"~01@VID 2>1\r\n", Tied(1, "VID", ((1, 2),), ok=False)),
        (b"~01@VID 0>3 OK\r\n", Tied(1, "VID", ((3, 0),), ok=True)),
        (b"~01@VID 2>*\r\n", Tied(1, "VID", ((0, 2),), ok=False)),
        (b"~01@AV 3>1\r\n", Tied(1, "AV", ((1, 3),), ok=False)),
        (b"~01@ROUTE 12,1,3 OK\r\n", Tied(1, "ROUTE", ((1, 3),), ok=True)),
        (b"~01@ROUTE 1,3,2\r\n", Tied(1, "ROUTE", ((3, 2),), ok=False)),
        (b"~01@ROUTE 2,3,2\r\n", None),
        (b"~01@AUD 3>1\r\n", Said(1, "AUD", "3>1", ok=False)),
        (b"~01@SIGNAL 1,1\r\n", Signal(1, 1, on=True)),
        (b"~01@SIGNAL 3,0\r\n", Signal(1, 3, on=False)),
        (b"~SIGNAL 2,off\r\n", Signal(None, 2, on=False)),
        (b"~01@SIGNAL 2\r\n", None),
        (b"~01@MODEL VS-88H2\r\n", Said(1, "MODEL", "VS-88H2", ok=False)),
        (b"~01@MODEL? VP-8x8AK OK\r\n", Said(1, "MODEL", "VP-8x8AK", ok=True)),
        (b"~01@PRST-RCL 3 OK\r\n", Said(1, "PRST-RCL", "3", ok=True)),
        (b"~01@VID ERR003\r\n", Refusal(1, "VID", "ERR003")),
        (b"~01@VID 9>1 ERR003\r\n", Refusal(1, "VID", "ERR003")),
        (b"~01@ROUTE ERR 003\r\n", Refusal(1, "ROUTE", "ERR003")),
        (b"~01@ERR002\r\n", Refusal(1, "", "ERR002")),
        (b"~01@ ERR 001\r\n", Refusal(1, "", "ERR001")),
        (b"~01@PRST-RCL ERR003\r\n", Refusal(1, "PRST-RCL", "ERR003")),
        (b"Kramer Electronics LTD. , VP-8x8AK\r\n", None),
        (b"\x01\x81\x81\x81", None),
        (b"", None),
    ],
)
def test_lines_mean_what_the_manuals_say(line: bytes, meaning: p3000.Line | None) -> None:
    """Each reply of tables and field drivers is understood; what stands in none of them means nothing."""
    assert p3000.parse(line) == meaning


@given(st.binary(max_size=300))
def test_no_line_is_too_strange(noise: bytes) -> None:
    """Any bytes have a meaning or none; nothing raises."""
    p3000.parse(noise)
    p3000.parse(b"~01@" + noise)


@given(st.dictionaries(st.integers(1, 64), st.integers(0, 64), min_size=1), st.integers(24, 200))
def test_no_line_is_longer_than_the_unit_takes(ties: dict[int, int], limit: int) -> None:
    """Chains are cut where the limit is, and nothing gets lost."""
    commands = [p3000.route(1, output, source) for output, source in ties.items()]
    lines = p3000.lines_of(0, commands, limit)
    assert all(len(line) <= limit for line in lines)
    assert frozenset().union(*(p3000.ties_of(line) for line in lines)) == frozenset(ties.items())
