"""Patterns with a bounded matching time, judged by the standard library's."""

from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.ascii_matrix.linear import Pattern, PatternError, escape

LETTERS = st.text("ab1 ", max_size=12)


def _patterns() -> st.SearchStrategy[str]:
    atoms = st.sampled_from(["a", "b", "1", " ", ".", r"\d", r"\s", r"\w", "[ab]", "[^a]", "[a-b1]", r"\D"])
    return st.recursive(
        atoms,
        lambda inner: st.one_of(
            st.lists(inner, min_size=1, max_size=3).map("".join),
            st.tuples(inner, inner).map(lambda two: f"(?:{two[0]}|{two[1]})"),
            st.tuples(inner, st.sampled_from(["?", "*", "+", "{2}", "{0,2}", "{1,}", "*?", "??"])).map(
                lambda two: f"(?:{two[0]}){two[1]}"
            ),
        ),
        max_leaves=6,
    )


@given(_patterns(), LETTERS)
def test_a_whole_line_matches_as_the_standard_library_says(pattern: str, line: str) -> None:
    """Whatever the pattern and the line, both agree whether they fit."""
    assert (Pattern(pattern).fullmatch(line) is not None) == (re.fullmatch(pattern, line) is not None)


@given(LETTERS)
def test_groups_hold_what_the_standard_library_says(line: str) -> None:
    """Greedy and lazy parts share a line between them in the same way."""
    for text in (r"(?P<x>a*)(?P<y>.*)", r"(?P<x>.*?)(?P<y>b?.*)", r"(?P<x>\d{0,2})(?:(?P<y>b)|.*)"):
        found, wanted = Pattern(text).fullmatch(line), re.fullmatch(text, line)
        assert found == ({k: v for k, v in wanted.groupdict().items() if v is not None} if wanted else None)


@given(LETTERS)
def test_parts_are_found_from_the_left(line: str) -> None:
    """Several items of one line come in their order."""
    text = r"a(?P<n>\d)?"
    wanted = [{k: v for k, v in found.groupdict().items() if v is not None} for found in re.finditer(text, line)]
    assert list(Pattern(text).finditer(line)) == wanted


@pytest.mark.parametrize("text", [r"(?:a*)*b", r"(?:a|a)*b", r"(?:a+)+(?:a+)+b", r"(?:.*a){20}b", "a*a*a*a*a*a*b"])
def test_patterns_that_stop_other_engines_are_harmless(text: str) -> None:
    """Nested repetitions over a long line of nearly the right thing end at once."""
    assert Pattern(text).fullmatch("a" * 256) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("(a", "missing"),
        ("a)", "too many"),
        ("[a", "too early"),
        ("*a", "nothing to repeat"),
        ("a**", "nothing to repeat"),
        ("a{3,2}", "smaller number first"),
        ("a{x}", "write {3}"),
        ("a{999}", "0 to 64"),
        ("^a$", "leave out"),
        (r"(a)\1", "not known"),
        ("(?=a)", "only"),
        ("(?P<n>a)(?P<n>b)", "stands twice"),
        ("(?P<1>a)", "no group name"),
        ("(?:a{64}){64}", "too long"),
        ("(" * 40 + "a" + ")" * 40, "inside each other"),
        ("[b-a]", "no range"),
        ("→", "latin-1"),
    ],
)
def test_what_is_not_understood_is_said(text: str, why: str) -> None:
    """A bad pattern is refused when it is read, with the reason."""
    with pytest.raises(PatternError, match=re.escape(why)):
        Pattern(text)


@given(st.text("ab.*+?()[]{}|\\^$1 ", max_size=20))
def test_an_escaped_text_matches_itself(text: str) -> None:
    """Any text can be written as a pattern."""
    assert Pattern(escape(text)).fullmatch(text) == {}


@given(st.text("ab(?P<x>)[]{}|\\*+1,", max_size=20))
def test_no_pattern_is_too_strange(text: str) -> None:
    """A pattern is understood or refused; nothing else happens."""
    with contextlib.suppress(PatternError):
        Pattern(text).fullmatch("ab1")
