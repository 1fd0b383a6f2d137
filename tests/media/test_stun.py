"""STUN parsing and building."""

import contextlib

import pytest
from aioice import stun as aioice_stun
from hypothesis import given
from hypothesis import strategies as st

from smartroom.media import stun

PASSWORD = b"p" * 24
KEY = stun.Key(PASSWORD.decode())


def request(password: bytes = PASSWORD, **attributes: object) -> aioice_stun.Message:
    """A binding request as another implementation writes it."""
    message = aioice_stun.Message(aioice_stun.Method.BINDING, aioice_stun.Class.REQUEST)
    message.attributes["USERNAME"] = "w0abc:peer"
    message.attributes["PRIORITY"] = 1
    message.attributes.update({name.replace("_", "-"): value for name, value in attributes.items()})
    message.add_message_integrity(password)
    return message


def test_a_request_of_another_implementation_is_understood() -> None:
    """User name, integrity and USE-CANDIDATE are read as aioice meant them."""
    parsed = stun.parse(bytes(request(USE_CANDIDATE=None)))
    assert parsed.username == "w0abc:peer"
    assert parsed.authentic(KEY)
    assert not parsed.authentic(stun.Key("q" * 24))
    assert stun.USE_CANDIDATE in parsed.attributes
    assert not parsed.unknown


@pytest.mark.parametrize(("host", "port"), [("192.0.2.7", 5000), ("2001:db8::5", 65535)])
def test_the_answer_tells_the_reflexive_address(host: str, port: int) -> None:
    """Aioice reads the XOR-MAPPED-ADDRESS and accepts the integrity of our answer."""
    asked = request()
    answer = aioice_stun.parse_message(stun.success(stun.parse(bytes(asked)), host, port, KEY))
    assert answer.attributes["XOR-MAPPED-ADDRESS"] == (host, port)
    assert answer.check_message_integrity(PASSWORD)
    assert answer.transaction_id == asked.transaction_id


def test_unknown_required_attributes_are_named() -> None:
    """A 420 lists the attribute that was not understood."""
    parsed = stun.parse(bytes(request(REALM="x")))
    assert parsed.unknown == [0x0014]
    refused = stun.parse(stun.error(parsed, 420, "Unknown Attribute", KEY))
    assert refused.attributes[stun.UNKNOWN_ATTRIBUTES] == b"\x00\x14"


@given(st.binary(max_size=100), st.integers(0, 99), st.binary(min_size=1, max_size=4))
def test_random_bytes_raise_only_value_error(data: bytes, position: int, noise: bytes) -> None:
    """Garbage and damaged messages are refused as ValueError and by nothing else."""
    damaged = bytearray(bytes(request()))
    damaged[position % len(damaged) : position % len(damaged) + len(noise)] = noise
    whole = b"\x00\x01" + len(data).to_bytes(2, "big") + b"\x21\x12\xa4\x42" + bytes(12) + data
    for candidate in (data, bytes(damaged), whole):
        with contextlib.suppress(ValueError):
            parsed = stun.parse(candidate)
            parsed.authentic(KEY)
            assert isinstance(parsed.username, str)
            assert isinstance(parsed.unknown, list)


def test_one_wrong_bit_breaks_authenticity() -> None:
    """Integrity covers everything before it."""
    good = bytes(request())
    for position in range(20, 36):
        bad = bytearray(good)
        bad[position] ^= 1
        with contextlib.suppress(ValueError):
            assert not stun.parse(bytes(bad)).authentic(KEY)
