"""Bodies of WHIP requests, as strangers may send them, and what refusals look like."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartroom.control.conference import whip as pure
from smartroom.control.conference.engine import EngineError


@given(
    st.text(max_size=300),
    st.lists(st.sampled_from(["a=ice-ufrag:abcd", "a=ice-pwd:", "m=audio 9 X 0", "a=candidate:1", "\r\n"])),
)
def test_random_bodies_raise_only_value_error(text: str, lines: list[str]) -> None:
    """A fragment is read or refused; an offer is judged in words."""
    for body in (text, "\r\n".join(lines), "\r\n".join([*lines, text])):
        with contextlib.suppress(ValueError):
            pure.read_fragment(body)
        assert isinstance(pure.check_offer(body), str)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("invalid", 400),
        ("unacceptable", 422),
        ("not_live", 409),
        ("not_found", 409),
        ("overloaded", 503),
        ("lost", 503),
    ],
)
def test_every_refusal_of_the_engine_has_its_status(code: str, status: int) -> None:
    """What may be tried again says when."""
    reply = pure._engine_problem(EngineError(code, "because"))
    assert reply.status == status
    assert ("Retry-After" in reply.headers) == (status in (409, 503))
