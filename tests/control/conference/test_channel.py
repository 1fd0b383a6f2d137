"""Frames between control and workers."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartroom.protocol import channel
from smartroom.protocol import media as say

FRAMES: list[channel.Frame] = [
    channel.Request(id=1, method="OpenRoom", params={"room": "r"}),
    channel.Answer(id=1, result={}),
    channel.Answer(id=2, code="invalid", error="no"),
    channel.Notification(event="Load", params={"cpu": 0.5}),
]


@given(st.lists(st.sampled_from(FRAMES), max_size=8), st.lists(st.integers(1, 60), max_size=40))
def test_frames_survive_any_cutting(frames: list[channel.Frame], cuts: list[int]) -> None:
    """However the stream is cut, the same frames come out."""
    stream = b"".join(map(channel.pack, frames))
    framer = channel.Framer()
    found: list[channel.Frame] = []
    position = 0
    for cut in [*cuts, len(stream)]:
        found += framer.feed(stream[position : position + cut])
        position += cut
    assert found == frames


@given(st.binary(max_size=60))
def test_garbage_breaks_the_channel_and_nothing_else(data: bytes) -> None:
    """What is no frame ends in ChannelBroken."""
    with contextlib.suppress(channel.ChannelBroken):
        list(channel.Framer().feed(data))
    with pytest.raises(channel.ChannelBroken):
        list(channel.Framer().feed(b"\xff" * 5))


def test_every_message_has_one_name() -> None:
    """Requests and notifications are found by their class names."""
    assert all(model.__name__ == name for table in (say.REQUESTS, say.NOTIFICATIONS) for name, model in table.items())
    assert not set(say.REQUESTS) & set(say.NOTIFICATIONS)
