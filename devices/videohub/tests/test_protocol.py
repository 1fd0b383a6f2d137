"""Blocks of the maker's developer information, both ways."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.videohub import protocol as hub
from devices.videohub.protocol import Device, Labelled, Locked, Routed, Verdict


def test_the_manuals_example_of_a_route() -> None:
    """Output port 8 to input port 3 is `7 2`: counted from 0 on the wire."""
    assert hub.route({8: 3}) == b"VIDEO OUTPUT ROUTING:\n7 2\n\n"


def test_many_routes_are_one_block() -> None:
    """One request with several lines."""
    assert hub.route({1: 5, 16: 1}) == b"VIDEO OUTPUT ROUTING:\n0 4\n15 0\n\n"


def test_a_title_without_lines_asks() -> None:
    """Requesting a status dump."""
    assert hub.ask(hub.LOCKS) == b"VIDEO OUTPUT LOCKS:\n\n"


@pytest.mark.parametrize(
    ("message", "blocks"),
    [
        (b"ACK", (Verdict(True),)),
        (b"NAK", (Verdict(False),)),
        (b"VIDEO OUTPUT ROUTING:\n0 4\n1 15", (Routed({1: 5, 2: 16}),)),
        (b"VIDEO OUTPUT ROUTING:\n0 4\nnew in 3.0\n1 x", (Routed({1: 5}),)),
        (b"VIDEO OUTPUT LOCKS:\n0 U\n1 O\n2 L", (Locked({1: "U", 2: "O", 3: "L"}),)),
        (b"OUTPUT LABELS:\n7 New output 8 label\n10 ", (Labelled(False, {8: "New output 8 label", 11: ""}),)),
        ("INPUT LABELS:\n0 Kamera depan é".encode(), (Labelled(True, {1: "Kamera depan é"}),)),
        (
            b"VIDEOHUB DEVICE:\nDevice present: true\nModel name: Blackmagic Smart Videohub\nVideo inputs: 16",
            (Device("true", "Blackmagic Smart Videohub"),),
        ),
        (b"VIDEOHUB DEVICE:\nDevice present: false", (Device("false", ""),)),
        (b"PROTOCOL PREAMBLE:\nVersion: 2.8", ()),
        (b"END PRELUDE:", ()),
        (b"SERIAL PORT LOCKS:\n5 U", ()),
        (b"CONFIGURATION:\nTake Mode: true", ()),
        (b"VIDEO OUTPUT ROUTING:\n0 4\n1 1ACK", (Routed({1: 5}),)),
        (b"VIDEO OUTPUT ROUTING:\n0 4\nVIDEO OUTPUT LOCKS:\n0 L", (Routed({1: 5}), Locked({1: "L"}))),
        (b"", ()),
    ],
)
def test_blocks_mean_what_the_manual_says(message: bytes, blocks: tuple[hub.Block, ...]) -> None:
    """Known blocks are understood; unknown ones and unknown lines are passed over."""
    assert hub.parse(message) == blocks


@given(st.binary(max_size=300))
def test_no_message_is_too_strange(noise: bytes) -> None:
    """Any bytes have a meaning or none; nothing raises."""
    hub.parse(noise)
    hub.parse(b"VIDEO OUTPUT ROUTING:\n" + noise)


@given(st.dictionaries(st.integers(1, 288), st.integers(1, 288), min_size=1))
def test_routes_survive_the_way_over_the_wire(ties: dict[int, int]) -> None:
    """What one end says the other end understands, whatever the numbers."""
    assert hub.parse(hub.route(ties).strip()) == (Routed(ties),)
