"""Bodies of WHIP requests, as strangers may send them."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from smartroom.control.conference import whip as pure


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
