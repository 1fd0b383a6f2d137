"""zigbee2mqtt's messages word by word, and what is none of them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.mqtt import protocol
from devices.sdk.transport.mqtt import chunk, parse_chunk


def test_commands_are_the_documentations() -> None:
    """ON and OFF, brightness up to 254, an empty text to ask."""
    assert json.loads(protocol.switch({"state": True})) == {"state": "ON"}
    assert json.loads(protocol.switch({"state_l1": True, "state_l2": False})) == {"state_l1": "ON", "state_l2": "OFF"}
    assert json.loads(protocol.dim(50)) == {"brightness": 127}
    assert json.loads(protocol.dim(0)) == {"brightness": 1}
    assert json.loads(protocol.ask("state")) == {"state": ""}


def test_states_are_read() -> None:
    """The documentation's example of a bulb."""
    state = protocol.parse_state(b'{"state": "ON", "brightness": 215, "color_temp": 325}')
    assert state is not None
    assert protocol.closed(state, "state") is True
    assert protocol.level(state) == pytest.approx(84.6, abs=0.1)
    assert protocol.closed(state, "state_l1") is None


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"ON",
        b"[1]",
        b"null",
        b"{",
        b"[" * 5000,
        b'{"state": 1, "brightness": "bright"}',
        b'{"brightness": true}',
        b'{"brightness": 300}',
    ],
)
def test_what_tells_nothing_is_nothing(payload: bytes) -> None:
    """Other JSON, broken JSON, JSON nested without end, values of the wrong kind."""
    state = protocol.parse_state(payload) or {}
    assert protocol.closed(state, "state") is None
    assert protocol.level(state) is None


@pytest.mark.parametrize(
    ("payload", "online"),
    [
        (b'{"state":"online"}', True),
        (b'{"state":"offline"}', False),
        (b"online", True),
        (b"offline\n", False),
        (b"", None),
        (b"maybe", None),
        (b'{"state":1}', None),
    ],
)
def test_availability_in_both_forms(payload: bytes, online: bool | None) -> None:
    """As JSON since 1.17, as a word before."""
    assert protocol.online(payload) is online


@given(st.floats(1, 100))
def test_percent_survives_the_lights_steps(percent: float) -> None:
    """Within the tolerance of the property, which is one of 254 steps."""
    assert protocol.level({"brightness": protocol.brightness(percent)}) == pytest.approx(percent, abs=0.4)


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("zigbee2mqtt/lampu", True),
        ("rumah/lantai 1/lampu", True),
        ("", False),
        ("/lampu", False),
        ("a//b", False),
        ("a/#", False),
        ("+/b", False),
        ("a\n/b", False),
    ],
)
def test_topics(text: str, good: bool) -> None:
    """One can publish to a topic without wildcards and empty levels only."""
    assert protocol.is_topic(text) is good


def test_keys_of_the_switches() -> None:
    """One, several, or as the device calls them."""
    assert protocol.state_keys(1, {}) == {1: "state"}
    assert protocol.state_keys(2, {}) == {1: "state_l1", 2: "state_l2"}
    assert protocol.state_keys(2, {"state_left": 1, "state_right": 2}) == {1: "state_left", 2: "state_right"}


@given(st.sampled_from(["PUBLISH", "MESSAGE"]), st.text("abc/ é", min_size=1), st.binary())
def test_chunks_survive(verb: str, subject: str, payload: bytes) -> None:
    """Whatever the payload holds, line feeds too."""
    assert parse_chunk(chunk(verb, subject, payload)) == (verb, subject, payload)
