"""Slots, loudest voices, simulcast layers: who gets what, decided in the worker, without renegotiation."""

from __future__ import annotations

import asyncio
from itertools import groupby, pairwise

import pytest

from smartroom.media import router, subscription
from smartroom.media.allocator import PAUSED, Patience, Rank, Want, allocate
from smartroom.media.rtp.layers import parse_vp8, parse_vp9
from smartroom.media.rtp.packet import extension
from smartroom.protocol import media as say
from tests.media.conftest import Room, in_virtual_time, until
from tests.media.record import HEAD, read
from tests.media.rtcclient import DEPENDENCY, Client, Publisher, Received
from tests.media.rtp.test_layers import described
from tests.media.test_forwarding import continuous, video_of

SIZES = {"q": 200, "h": 500, "f": 1100}


async def simulcast(encoders: list[Publisher], seconds: float, dead: frozenset[str] = frozenset()) -> None:
    """All layers at 50 frames a second."""
    for _ in range(int(seconds * 50)):
        for encoder in encoders:
            if encoder.rid not in dead:
                encoder.frame(2, SIZES[encoder.rid])
        await asyncio.sleep(0.02)


def sizes(client: Client) -> list[int]:
    """Payload sizes of the busiest stream, in order of arrival."""
    return [len(payload) for payload in picture(client).payloads]


def picture(client: Client) -> Received:
    """The stream that carries pictures, not repeats or probes."""
    return max(client.received.values(), key=lambda s: len([p for p in s.payloads if p and p[0] & 0x90 == 0x90]))


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits of seconds become tenths."""
    monkeypatch.setattr(subscription, "RAISE_AFTER", 0.1)
    monkeypatch.setattr(router, "UNWATCHED_FOR", 0.5)


@in_virtual_time
async def test_the_loudest_voices_take_the_slots_and_nobody_hears_himself(room: Room) -> None:
    """Of five speakers the loud ones are forwarded; a quiet one takes a slot when he speaks up."""
    people = [await room.publisher(f"p{i}", video=0, audio=1) for i in range(5)]
    client = await room.subscriber("p0", slots=say.Slots(audio=3, video=0, screen=0))
    levels = [20, 20, 30, 80, 90]
    for step in range(200):
        if step == 100:
            levels[4] = 5
        for (_, (encoder,)), level in zip(people, levels, strict=True):
            encoder.voice(level)
        await asyncio.sleep(0.02)
    slots = {event.slot: event.track for event in room.told(say.Assigned) if event.peer == "p0"}
    assert "p4.0" in slots.values()
    assert "p0.0" not in {event.track for event in room.told(say.Assigned) if event.peer == "p0"}
    assert len(client.received) == 3
    assert all(continuous(stream.sequences) for stream in client.received.values())
    assert room.told(say.Speaker)[-1].track == "p4.0"


@in_virtual_time
async def test_a_forced_voice_keeps_its_slot(room: Room) -> None:
    """The chair is heard however quiet he is."""
    people = [await room.publisher(f"p{i}", video=0, audio=1) for i in range(6)]
    await room.worker.obey(say.ForceAudible(room="r", tracks=["p5.0"]))
    await room.subscriber("visitor", slots=say.Slots(audio=3, video=0, screen=0))
    for _ in range(60):
        for i, (_, (encoder,)) in enumerate(people):
            encoder.voice(20 if i < 5 else 100)
        await asyncio.sleep(0.02)
    assert "p5.0" in room.router.observer.audible


@in_virtual_time
async def test_a_layer_switch_happens_at_a_key_frame_and_breaks_nothing(room: Room, hasty: None) -> None:
    """A thumbnail that becomes the stage changes layer; numbers and picture ids go on without a gap."""
    _, encoders = await room.publisher("ana", simulcast=True)
    client = await room.subscriber("budi", slots=say.Slots(audio=0, video=1, screen=0))
    small = say.Wish(track="ana.0", width=320, height=180)
    large = say.Wish(track="ana.0", width=1280, height=720, rank="stage")
    await room.worker.obey(say.View(room="r", peer="budi", wishes=[small]))
    await simulcast(encoders, 1.0)
    assert set(sizes(client)[-20:]) == {200}
    await room.worker.obey(say.View(room="r", peer="budi", wishes=[large]))
    room.router.members["budi"].subscription.estimator.rate = 20e6  # type: ignore[union-attr]
    await simulcast(encoders, 1.5)
    assert max(sizes(client)[-20:]) > 1000
    stream = max(client.received.values(), key=lambda s: s.packets)
    assert continuous(stream.sequences)
    pictures = [parse_vp8(payload).picture for payload in stream.payloads]
    assert all(0 <= (after - before & 0x7FFF) <= 1 for before, after in pairwise(pictures))
    firsts = [(parse_vp8(after), after) for before, after in pairwise(stream.payloads) if len(before) < len(after)]
    assert firsts
    for descriptor, payload in firsts:
        assert descriptor.begins
        assert not payload[descriptor.size] & 1


@in_virtual_time
async def test_layers_nobody_watches_are_stopped_at_the_publisher(room: Room, hasty: None) -> None:
    """After a while of thumbnails only, the publisher is told to keep one layer; a stage view brings all back."""
    _, encoders = await room.publisher("ana", simulcast=True)
    await room.subscriber("budi", slots=say.Slots(audio=0, video=1, screen=0))
    small = say.Wish(track="ana.0", width=320, height=180)
    await room.worker.obey(say.View(room="r", peer="budi", wishes=[small]))
    await simulcast(encoders, 1.5)
    assert room.told(say.Layers)[-1].rids == ["q"]
    large = say.Wish(track="ana.0", width=1280, height=720)
    await room.worker.obey(say.View(room="r", peer="budi", wishes=[large]))
    await simulcast(encoders, 0.6)
    assert room.told(say.Layers)[-1].rids == ["q", "h", "f"]


@in_virtual_time
async def test_a_layer_that_dies_is_replaced_by_the_next(room: Room, hasty: None) -> None:
    """A publisher that stops its large layer leaves a moving picture."""
    _, encoders = await room.publisher("ana", simulcast=True)
    client = await room.subscriber("budi", slots=say.Slots(audio=0, video=1, screen=0))
    await simulcast(encoders, 0.5)
    room.router.members["budi"].subscription.estimator.rate = 20e6  # type: ignore[union-attr]
    await simulcast(encoders, 1.5)
    assert max(sizes(client)[-20:]) > 1000
    await simulcast(encoders, 2.0, frozenset({"f"}))
    assert 400 < max(sizes(client)[-10:]) < 600
    assert continuous(video_of(client))


async def test_more_cameras_than_slots_leave_some_unseen_and_a_view_chooses(room: Room) -> None:
    """Two slots show two cameras; the view says which; no slot shows oneself."""
    people = [await room.publisher(f"p{i}") for i in range(4)]
    await room.subscriber("p0", slots=say.Slots(audio=0, video=2, screen=0))
    for _ in range(20):
        for _, (encoder,) in people:
            encoder.frame(1)
        await asyncio.sleep(0.01)
    shown = {event.slot: event.track for event in room.told(say.Assigned) if event.peer == "p0"}
    assert len(set(shown.values())) == 2
    assert "p0.0" not in shown.values()
    wishes = [say.Wish(track="p3.0"), say.Wish(track="p2.0")]
    await room.worker.obey(say.View(room="r", peer="p0", wishes=wishes))
    await until(
        lambda: {"p3.0", "p2.0"} <= set({e.slot: e.track for e in room.told(say.Assigned) if e.peer == "p0"}.values())
    )


class Recorded:
    """A browser's recorded frames, sent again and again from the second on: one key frame only."""

    def __init__(self, name: str, encoder: Publisher) -> None:
        self.codec, self._extension, packets = read(name)
        self._encoder = encoder
        self._frames = [list(group) for _, group in groupby(packets, lambda packet: packet.timestamp)]
        self._next = 0
        self._layers: dict[bytes, int] = {}
        for packet, frame in described(name):
            self._layers.setdefault(packet.payload, frame.temporal)

    async def play(self, frames: int) -> None:
        """Send so many frames, fifty a second."""
        for _ in range(frames):
            self._frame()
            await asyncio.sleep(0.02)

    def _frame(self) -> None:
        self._encoder.timestamp += 3000
        packets = self._frames[self._next]
        self._next = self._next % (len(self._frames) - 1) + 1
        for packet in packets:
            told = extension(packet, self._extension) if self._extension else None
            elements = [(DEPENDENCY, told)] if told else []
            last = packet is packets[-1]
            self._encoder.packet(packet.payload + bytes(1000), 96, marker=last, elements=elements)

    def layer(self, payload: bytes) -> int:
        """The temporal layer of a received payload."""
        if self.codec == "vp8":
            return parse_vp8(payload).temporal
        return parse_vp9(payload).temporal if self.codec == "vp9" else self._layers[payload[:HEAD]]


@pytest.mark.parametrize("name", ["vp8-l1t3", "vp9-l1t3", "av1-l1t3", "h264-l1t3"])
@in_virtual_time
async def test_temporal_layers_are_dropped_without_a_gap(room: Room, hasty: None, name: str) -> None:
    """With only base-layer room, upper frames of any codec go; with more they come back; numbers stay continuous."""
    codec = name.partition("-")[0].upper()
    _, (encoder,) = await room.publisher("ana", codec=codec)
    client = await room.subscriber("budi", slots=say.Slots(audio=0, video=1, screen=0))
    film = Recorded(name, encoder)
    await film.play(100)
    ((seat, rungs),) = room.router.members["budi"].subscription.ladders.values()  # type: ignore[union-attr]
    stream = client.received[seat.slot.ssrc]
    await room.worker.obey(say.Ceiling(room="r", peer="budi", bitrate=int(0.75 * rungs[-1].cost)))
    await film.play(150)
    middle = len(stream.payloads)
    await room.worker.obey(say.Ceiling(room="r", peer="budi", bitrate=0))
    await film.play(350)
    layers = [film.layer(payload) for payload in stream.payloads]
    assert set(layers[:20]) == {0, 1, 2}
    assert set(layers[middle - 20 : middle]) == {0}
    assert set(layers[-20:]) == {0, 1, 2}
    assert continuous(stream.sequences)
    assert seat.in_fan


def test_nobody_gets_a_second_layer_before_everybody_has_one() -> None:
    """Slides first, then the stage, then the rest; raises come after all have something."""
    wants = [
        Want("thumb", Rank.THUMBNAIL, (150.0, 500.0)),
        Want("stage", Rank.STAGE, (150.0, 500.0, 1500.0)),
        Want("slides", Rank.SCREEN, (400.0,)),
    ]
    assert allocate(wants, 700) == {"slides": 0, "stage": 0, "thumb": 0}
    assert allocate(wants, 1050) == {"slides": 0, "stage": 1, "thumb": 0}
    assert allocate(wants, 500) == {"slides": 0, "stage": PAUSED, "thumb": PAUSED}
    assert allocate(wants, 0) == {"slides": PAUSED, "stage": PAUSED, "thumb": PAUSED}


def test_layers_go_down_at_once_and_up_after_a_while() -> None:
    """Two seconds of room for a raise, none for a lowering."""
    patience = Patience(2.0)
    assert patience.settle({"a": 0}, {"a": 2}, {"a": 2}, 0.0) == {"a": 0}
    assert patience.settle({"a": 0}, {"a": 2}, {"a": 2}, 1.9) == {"a": 0}
    assert patience.settle({"a": 0}, {"a": 2}, {"a": 2}, 2.0) == {"a": 1}
    assert patience.settle({"a": 2}, {"a": 0}, {"a": 0}, 2.1) == {"a": 0}
    assert patience.settle({"a": 2}, {"a": 1}, {"a": 2}, 2.1) == {"a": 2}


def test_under_overload_a_picture_gets_its_smallest_layer_and_no_more() -> None:
    """New or paused pictures come with one layer, others keep what they have or lose it."""
    patience = Patience(2.0)
    fits = {"new": 2, "paused": 2, "shown": 2, "shrinking": 0}
    for now in (0.0, 10.0):
        current = {"paused": PAUSED, "shown": 1, "shrinking": 1}
        assert patience.settle(current, fits, fits, now, hold=True) == {
            "new": 0,
            "paused": 0,
            "shown": 1,
            "shrinking": 0,
        }
