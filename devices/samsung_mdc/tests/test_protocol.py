"""Packets byte by byte: the maker's examples both ways, and a framer that any split and any noise leave intact."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.samsung_mdc import protocol
from devices.samsung_mdc.protocol import Cmd, Reply, Status

VECTORS = [
    (Cmd.POWER, (), "aa 11 01 00 12"),
    (Cmd.POWER, (1,), "aa 11 01 01 01 14"),
    (Cmd.POWER, (0,), "aa 11 01 01 00 13"),
    (Cmd.INPUT, (0x21,), "aa 14 01 01 21 37"),
    (Cmd.INPUT, (0x23,), "aa 14 01 01 23 39"),
    (Cmd.VOLUME, (20,), "aa 12 01 01 14 28"),
    (Cmd.MUTE, (1,), "aa 13 01 01 01 16"),
    (Cmd.STATUS, (), "aa 00 01 00 01"),
    (Cmd.PANEL, (1,), "aa f9 01 01 01 fc"),
]
ACK_VOLUME = bytes.fromhex("aa ff 01 03 41 12 14 6a")
STATUS = bytes.fromhex("aa ff 01 09 41 00 01 14 00 21 10 00 00 90")


@pytest.mark.parametrize(("number", "values", "wire"), VECTORS)
def test_commands_are_the_makers_bytes(number: Cmd, values: tuple[int, ...], wire: str) -> None:
    """Each command becomes the packet the maker's document writes down."""
    assert protocol.command(number, 1, *values) == bytes.fromhex(wire)


def test_replies_are_read() -> None:
    """An acknowledgement, a refusal and the status are told apart."""
    assert protocol.parse(ACK_VOLUME) == Reply(1, acknowledged=True, command=0x12, values=b"\x14")
    nak = bytes.fromhex("aa ff 01 03 4e 14 01 66")
    assert protocol.parse(nak) == Reply(1, acknowledged=False, command=0x14, values=b"\x01")
    told = protocol.parse(STATUS)
    assert told is not None
    assert protocol.status(told.values) == Status(power=True, volume=20, mute=False, source=0x21)


@pytest.mark.parametrize(
    "wire", ["", "aa ff 01 03 41 12 14 6b", "aa 12 01 01 14 28", "aa ff 01 03 42 12 14 6b", "aa ff 01 04 41 12 14 6b"]
)
def test_what_is_no_reply_is_none(wire: str) -> None:
    """A wrong sum, a command, neither A nor N, a wrong length: no reply."""
    assert protocol.parse(bytes.fromhex(wire)) is None


def test_a_model_without_sound_says_so() -> None:
    """FF for volume and mute is no loudness of 255."""
    assert protocol.status(bytes.fromhex("01 ff ff 21 10 00 00")) == Status(
        power=True, volume=None, mute=None, source=0x21
    )
    assert protocol.status(bytes.fromhex("02 14 00 21")) is None
    assert protocol.status(b"\x01") is None


def test_a_computers_timing_is_the_same_socket() -> None:
    """Codes that can only be read name the socket they stand for; unknown ones keep their number."""
    assert [protocol.input_name(code) for code in (0x21, 0x22, 0x24, 0x6A)] == ["hdmi1", "hdmi1", "hdmi2", "input_6a"]


@pytest.mark.parametrize(
    ("wire", "fault", "signal", "heat"),
    [
        ("00 00 00 00 29 00", "none", True, 41),
        ("01 00 00 01 29 01", "lamp, fan", False, 41),
        ("00 01 02 02 46 02", "temperature", None, 70),
        ("00 00 00 00 29", "none", True, 41),
        ("00 00", None, None, None),
    ],
)
def test_self_test_in_words(wire: str, fault: str | None, signal: bool | None, heat: int | None) -> None:
    """Faults by name; a missing signal is told apart from them, and so is an application that has none."""
    values = bytes.fromhex(wire)
    assert (protocol.faults(values), protocol.signal(values), protocol.temperature(values)) == (fault, signal, heat)


@given(st.lists(st.sampled_from([ACK_VOLUME, STATUS]), min_size=1, max_size=4), st.data())
def test_any_split_gives_the_same_replies(replies: list[bytes], data: st.DataObject) -> None:
    """However the line cuts and joins packets, each comes out once and nothing is thrown away."""
    stream, framer, found = b"".join(replies), protocol.framer(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        found += framer.feed(stream[:size])
        stream = stream[size:]
    assert (found, framer.garbage) == (replies, 0)


@given(st.binary(max_size=90))
def test_noise_hides_no_reply_that_follows_it(noise: bytes) -> None:
    """A reply after noise is found at once, whatever the noise pretended to begin; the buffer stays small."""
    framer = protocol.framer()
    assert framer.feed(noise + STATUS)[-1:] == [STATUS]
    for _ in range(20):
        framer.feed(noise)
    assert len(framer._buffer) <= protocol.MAX_DATA + 5


def test_half_a_reply_is_skipped() -> None:
    """A reply that broke off does not swallow the next one."""
    framer = protocol.framer()
    assert framer.feed(STATUS[:6]) == []
    assert framer.feed(ACK_VOLUME) == [ACK_VOLUME]
    assert framer.garbage == 6
