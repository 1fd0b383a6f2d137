"""Requests and responses byte by byte, in both envelopes, and framers that noise and splits leave intact."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.modbus_relay import protocol
from devices.modbus_relay.protocol import Answer

RTU = [
    (protocol.write_coil(0, on=True), "01 05 00 00 ff 00 8c 3a"),
    (protocol.write_coil(0, on=False), "01 05 00 00 00 00 cd ca"),
    (protocol.read_coils(0, 8), "01 01 00 00 00 08 3d cc"),
    (protocol.write_coils(0, [True] * 8), "01 0f 00 00 00 08 01 ff be d5"),
]
STATES = bytes.fromhex("01 01 01 41 91 b8")
"""A maker's own example: relays 1 and 7 are closed."""
REFUSAL = bytes.fromhex("01 85 02 c3 51")
ECHO = bytes.fromhex("01 05 00 00 ff 00 8c 3a")


@pytest.mark.parametrize(("pdu", "wire"), RTU)
def test_requests_are_the_makers_bytes(pdu: bytes, wire: str) -> None:
    """Each request with address and CRC as the maker writes it."""
    assert protocol.over_rtu(1, pdu) == bytes.fromhex(wire)


def test_the_header_of_tcp() -> None:
    """The specification's example of an MBAP header: transaction, protocol 0, length, unit."""
    packet = protocol.over_tcp(1, protocol.read_coils(0, 8), 0x1501)
    assert packet == bytes.fromhex("15 01 00 00 00 06 01 01 00 00 00 08")


def test_responses_are_read() -> None:
    """States, echo and refusal in both envelopes."""
    states = protocol.parse_rtu(STATES)
    assert states == Answer(None, 1, 1, b"\x01\x41")
    assert protocol.coils(states.body, 8) == [True, False, False, False, False, False, True, False]
    assert protocol.parse_rtu(REFUSAL).exception == 2
    assert protocol.parse_tcp(bytes.fromhex("00 07 00 00 00 03 01 85 02")) == Answer(7, 1, 0x85, b"\x02")
    assert protocol.parse_tcp(bytes.fromhex("00 07 00 00 00 03 01 85 02")).exception == 2


@pytest.mark.parametrize(("body", "count"), [(b"\x01\x41", 9), (b"\x02\x41", 8), (b"", 8), (b"\x01\x41\x00", 8)])
def test_states_of_another_board_size_are_none(body: bytes, count: int) -> None:
    """An answer that holds more or fewer relays than the board has is not cut to fit."""
    assert protocol.coils(body, count) is None


@given(st.lists(st.booleans(), min_size=1, max_size=64))
def test_states_survive_packing(states: list[bool]) -> None:
    """What function 15 packs, function 01 would unpack."""
    request = protocol.write_coils(0, states)
    assert protocol.coils(request[5:], len(states)) == states


@given(st.lists(st.sampled_from([STATES, REFUSAL, ECHO]), min_size=1, max_size=4), st.data())
def test_any_split_of_rtu_gives_the_same_responses(responses: list[bytes], data: st.DataObject) -> None:
    """A serial server joins and splits at will."""
    stream, framer, found = b"".join(responses), protocol.rtu_framer(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        found += framer.feed(stream[:size])
        stream = stream[size:]
    assert (found, framer.garbage) == (responses, 0)


@given(st.binary(max_size=80))
def test_noise_hides_no_response_that_follows_it(noise: bytes) -> None:
    """Over RTU a response after noise is found at once; in both envelopes the buffer stays small."""
    framer = protocol.rtu_framer()
    assert framer.feed(noise + STATES)[-1:] == [STATES]
    for either in (framer, protocol.tcp_framer()):
        for _ in range(20):
            either.feed(noise)
        assert len(either._buffer) <= 300


def test_a_wrong_crc_is_no_response() -> None:
    """One wrong bit and the frame is skipped, the next one is not."""
    framer = protocol.rtu_framer()
    assert framer.feed(bytes.fromhex("01 05 00 00 ff 00 8c 3b") + STATES) == [STATES]
    assert framer.garbage == 8
