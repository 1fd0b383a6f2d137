"""The gate for strangers' bytes, by property and at its limits."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartroom.control.errors import ProblemError
from smartroom.control.limits import BODY_LIMIT, JSON_DEPTH
from smartroom.control.web.gate import parse, parse_json
from smartroom.protocol.commands import BlankRoom

TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=20,
)


@given(st.binary(max_size=200))
def test_no_bytes_escape(noise: bytes) -> None:
    """Whatever comes, it is a value or a ValueError; a message or a ProblemError."""
    with suppress(ValueError):
        parse_json(noise)
    with pytest.raises(ProblemError):
        parse(BlankRoom, noise)


@given(TREES)
def test_good_json_comes_through(value: object) -> None:
    """What is within the limits is parsed as it was meant."""
    assert parse_json(json.dumps(value)) == value


@pytest.mark.parametrize(
    ("depth", "good"), [(JSON_DEPTH, True), (JSON_DEPTH + 1, False), (200, False), (30_000, False)]
)
@pytest.mark.parametrize("shape", ["[]", "{}"])
def test_depth_at_the_limit_and_above(depth: int, good: bool, shape: str) -> None:
    """32 levels pass, one more does not, and a hundred times more costs no recursion."""
    text = "[" * depth + "1" + "]" * depth if shape == "[]" else '{"a":' * depth + "1" + "}" * depth
    if len(text) > BODY_LIMIT:
        text = text[:BODY_LIMIT]
    if good:
        parse_json(text)
    else:
        with pytest.raises(ValueError, match=r"deep|recursion|nested"):
            parse_json(text)


def test_size_at_the_limit_and_above() -> None:
    """64 KiB pass, one byte more does not."""
    text = '"' + "x" * (BODY_LIMIT - 2) + '"'
    parse_json(text)
    with pytest.raises(ValueError, match="more than"):
        parse_json(text + " ")


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e999", '"\\ud800"', "", "{", "[1,]", "01"])
def test_what_is_no_json_is_refused(text: str) -> None:
    """Python's own additions to JSON, lone surrogates and fragments do not pass."""
    with pytest.raises(ValueError):
        parse_json(text)
