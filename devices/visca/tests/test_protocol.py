"""Byte vectors: makers' manuals and captures of field clients."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.visca import protocol as visca


@pytest.mark.parametrize(
    ("body", "wire"),
    [
        (visca.power(on=True), "81 01 04 00 02 FF"),
        (visca.power(on=False), "81 01 04 00 03 FF"),
        (visca.recall(3), "81 01 04 3F 02 03 FF"),
        (visca.store(0x7F), "81 01 04 3F 01 7F FF"),
        (visca.HOME, "81 01 06 04 FF"),
        (visca.drive(1, 0), "81 01 06 01 18 01 02 03 FF"),
        (visca.drive(-0.5, 1), "81 01 06 01 0C 14 01 01 FF"),
        (visca.drive(0.01, -0.01), "81 01 06 01 01 01 02 02 FF"),
        (visca.drive(0, 0), "81 01 06 01 01 01 03 03 FF"),
        (visca.absolute(-0x4111, 0x1234), "81 01 06 02 18 14 0B 0E 0E 0F 01 02 03 04 FF"),
        (visca.zoom(0x4000), "81 01 04 47 04 00 00 00 FF"),
        (visca.drive_zoom(1), "81 01 04 07 27 FF"),
        (visca.drive_zoom(-0.1), "81 01 04 07 31 FF"),
        (visca.drive_zoom(0), "81 01 04 07 00 FF"),
        (visca.ASK_POWER, "81 09 04 00 FF"),
        (visca.ASK_POSITION, "81 09 06 12 FF"),
        (visca.ASK_ZOOM, "81 09 04 47 FF"),
        (visca.cancel(2), "81 22 FF"),
    ],
)
def test_packet(body: bytes, wire: str) -> None:
    """Each command is the byte row of the maker's table."""
    assert bytes.fromhex(wire) == visca.packet(1, body)


def test_packet_of_a_chain() -> None:
    """Camera 7 of a chain is addressed with 87."""
    assert bytes.fromhex("87 01 06 04 FF") == visca.packet(7, visca.HOME)


@pytest.mark.parametrize(
    ("wire", "reply"),
    [
        ("90 41", visca.Acknowledged(1)),
        ("90 40", visca.Acknowledged(0)),
        ("90 52", visca.Completed(2)),
        ("90 50", visca.Completed(0)),
        ("90 60 03", visca.Refusal(0, visca.Trouble.BUFFER_FULL)),
        ("90 61 04", visca.Refusal(1, visca.Trouble.CANCELLED)),
        ("90 62 41", visca.Refusal(2, visca.Trouble.NOT_EXECUTABLE)),
        ("90 50 02", visca.PowerIs(on=True)),
        ("90 50 03", visca.PowerIs(on=False)),
        ("90 50 04", visca.PowerIs(on=None)),
        ("90 50 0B 0E 0E 0F 01 02 03 04", visca.PositionIs(0xBEEF - 0x10000, 0x1234)),
        ("90 50 04 00 00 00", visca.ZoomIs(0x4000)),
        ("90 38", visca.NetworkChange()),
        ("F0 38", visca.NetworkChange()),
        ("88 30 04", visca.AddressAssigned(3)),
        ("88 01 00 01", visca.Cleared()),
        ("A0 41", None),
        ("90 50 00 01 05 13 01 02 02", None),
        ("90 50 1B 0E 0E 0F", None),
        ("90", None),
        ("", None),
    ],
)
def test_parse(wire: str, reply: visca.Reply | None) -> None:
    """Each reply has one meaning, and what belongs to nobody has none."""
    assert visca.parse(bytes.fromhex(wire), 1) == reply


@given(st.binary(max_size=20), st.integers(1, 7))
def test_parse_survives_anything(message: bytes, camera: int) -> None:
    """No bytes from outside raise."""
    visca.parse(message, camera)
    visca.parse_datagram(message)


def test_sony_header() -> None:
    """Home with sequence 2, and the position inquiry with its own type, as field clients send them."""
    home = visca.datagram(visca.packet(1, visca.HOME), 2)
    assert bytes.fromhex("01 00 00 05 00 00 00 02 81 01 06 04 FF") == home
    ask = visca.datagram(visca.packet(1, visca.ASK_POSITION), 0x01020304)
    assert bytes.fromhex("01 10 00 05 01 02 03 04 81 09 06 12 FF") == ask
    recall = visca.datagram(visca.packet(1, visca.recall(3)), 7)
    assert bytes.fromhex("01 00 00 07 00 00 00 07 81 01 04 3f 02 03 ff") == recall


def test_sony_reply() -> None:
    """The acknowledgement of that home; a datagram whose length lies is none."""
    ack = bytes.fromhex("01 11 00 03 00 00 00 02 90 40 FF")
    assert visca.Datagram(visca.Kind.REPLY, 2, b"\x90\x40\xff") == visca.parse_datagram(ack)
    assert visca.parse_datagram(ack[:-1]) is None


def test_sequence_wraps() -> None:
    """The number after FFFFFFFF is 0."""
    assert visca.datagram(visca.packet(1, visca.HOME), 1 << 32)[4:8] == b"\0\0\0\0"


@given(st.integers(-0x8000, 0x7FFF), st.integers(-0x8000, 0x7FFF))
def test_position_round_trip(pan: int, tilt: int) -> None:
    """What an absolute drive says, a position inquiry of a head that arrived says back."""
    steps = visca.absolute(pan, tilt)[5:]
    assert visca.PositionIs(pan, tilt) == visca.parse(b"\x90\x50" + steps, 1)


TALK = bytes.fromhex("90 41 FF 90 51 FF 90 50 0B 0E 0E 0F 01 02 03 04 FF 90 50 02 FF")
PACKETS = [bytes.fromhex(part) for part in ("90 41", "90 51", "90 50 0B 0E 0E 0F 01 02 03 04", "90 50 02")]


@given(st.sets(st.integers(1, len(TALK) - 1)))
def test_framing_at_every_byte(cuts: set[int]) -> None:
    """However a serial server joins and splits the stream, the packets are the same."""
    framer = visca.PacketFramer(1)
    edges = [0, *sorted(cuts), len(TALK)]
    found = [packet for at, to in pairwise(edges) for packet in framer.feed(TALK[at:to])]
    assert found == PACKETS
    assert framer.garbage == 0


def test_network_change_inside_a_reply() -> None:
    """A network change that breaks into a reply is heard, and the reply is put together again."""
    framer = visca.PacketFramer(1)
    assert [bytes.fromhex("90 38"), PACKETS[2]] == framer.feed(
        bytes.fromhex("90 50 0B 0E 90 38 FF 0E 0F 01 02 03 04 FF"),
    )


def test_other_cameras_are_passed_over() -> None:
    """On a chain the client of camera 2 hears camera 2, broadcasts and network changes, and nothing is garbage."""
    framer = visca.PacketFramer(2)
    heard = framer.feed(bytes.fromhex("90 41 FF A0 41 FF 88 30 04 FF B0 38 FF C0 50 02 FF"))
    assert [bytes.fromhex("A0 41"), bytes.fromhex("88 30 04"), bytes.fromhex("B0 38")] == heard
    assert framer.garbage == 0


@given(st.lists(st.binary(max_size=64), max_size=40))
def test_framer_is_bounded(chunks: list[bytes]) -> None:
    """Garbage never raises and never makes the buffer grow beyond a packet."""
    framer = visca.PacketFramer(1)
    for chunk in chunks:
        framer.feed(chunk)
        assert len(framer._buffer) <= visca.MAX_PACKET
        assert len(framer._torn) <= visca.MAX_PACKET
