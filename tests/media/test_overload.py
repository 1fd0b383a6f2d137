"""A worker with too much to do gives up pictures in five stages, and a subscriber that cannot follow most of them; voices go on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from itertools import pairwise

import pytest

from smartroom.media import overload
from smartroom.media.overload import CostModel, Overload, Stage
from smartroom.media.rtp import rtcp
from smartroom.media.rtp.layers import parse_vp8
from smartroom.media.slowness import BETTER_FOR, STARVED_FOR, WINDOW, Slowness
from smartroom.media.worker import Refused
from smartroom.protocol import media as say
from tests.media.conftest import Room, in_virtual_time
from tests.media.relay import Relay
from tests.media.rtcclient import Client, Publisher
from tests.media.test_forwarding import continuous
from tests.media.test_rooms import picture, simulcast, sizes

LARGE = say.Wish(track="ana.0", width=1280, height=720, rank="stage")


class Pressed(Overload):
    """Stays in its stage whatever is measured: the machine of a test may be busy."""

    def look(self, load: float, now: float) -> Stage:
        """The same stage."""
        return self.stage


def press(room: Room, stage: Stage) -> None:
    """Put the worker into a stage, as its own measurements would."""
    room.worker.overload = Pressed()
    room.worker.overload.stage = stage
    room.worker.look_at_load(0, 2, room.worker.port.clock())


def unbind(room: Room, peer: str, client: Client) -> None:
    """A path without limits, of which nothing more is heard."""
    client.answer_feedback = False
    room.router.members[peer].subscription.estimator.rate = 20e6  # type: ignore[union-attr]


def test_the_cost_of_a_forward_predicts_the_load() -> None:
    """Twice the packets are twice the load at once, though the processor was measured over the whole memory."""
    costs = CostModel()
    for _ in range(5):
        costs.measure(spent=0.2, forwards=20_000, elapsed=2)
    assert costs.cost == pytest.approx(10e-6)
    assert costs.measure(spent=0.3, forwards=40_000, elapsed=2) == pytest.approx(
        40_000 / 2 * 1.3 / 140_000 * 1.0, rel=0.2
    )
    assert CostModel().measure(spent=1.8, forwards=0, elapsed=2) == pytest.approx(0.9), "garbage costs too"


def test_stages_come_at_each_look_and_go_slowly_fifteen_percent_below() -> None:
    """Above 85 % one stage more each time; between 70 and 85 % nothing; below, one less each ten seconds."""
    worker = Overload()
    stages = [worker.look(0.86, now=2.0 * i) for i in range(7)]
    assert stages == [1, 2, 3, 4, 5, 5, 5]
    assert worker.look(0.71, now=60) == Stage.NO_CAMERAS
    assert worker.look(0.69, now=60) == Stage.SMALL
    assert worker.look(0.69, now=69) == Stage.SMALL
    assert worker.look(0.69, now=70) == Stage.NO_THUMBNAILS
    assert worker.look(0.84, now=90) == Stage.NO_THUMBNAILS
    assert [worker.look(0.1, now=100 + 10 * i) for i in range(4)] == [2, 1, 0, 0]


@in_virtual_time
async def test_a_busy_worker_goes_through_its_stages_and_tells(room: Room) -> None:
    """What the worker measures of itself decides; control hears load, cost and stage, every room follows."""
    await room.worker.obey(say.OpenRoom(room="other"))
    for _ in range(3):
        room.worker.look_at_load(1.9, 2, room.worker.port.clock())
    assert [load.stage for load in room.told(say.Load)] == [1, 2, 3]
    assert room.told(say.Load)[-1].load == pytest.approx(0.95)
    assert {router.stage for router in room.worker.rooms.values()} == {Stage.NO_THUMBNAILS}
    for i in range(4):
        room.worker.look_at_load(0.1, 2, room.worker.port.clock() + overload.HOLD * (i + 1))
    assert {router.stage for router in room.worker.rooms.values()} == {Stage.NORMAL}


@in_virtual_time
async def test_stage_1_no_layer_is_added(room: Room) -> None:
    """With all the room in the world a picture keeps its layer, and a new one gets its smallest."""
    _, encoders = await room.publisher("ana", simulcast=True)
    client = await room.subscriber("budi", slots=say.Slots(audio=0, video=1, screen=0))
    await room.worker.obey(say.View(room="r", peer="budi", wishes=[LARGE]))
    press(room, Stage.NO_RAISE)
    unbind(room, "budi", client)
    await simulcast(encoders, 4)
    assert set(sizes(client)) == {200}
    press(room, Stage.NORMAL)
    await simulcast(encoders, 5)
    assert max(sizes(client)[-20:]) > 1000


@in_virtual_time
async def test_stage_2_upper_temporal_layers_of_cameras_go(room: Room) -> None:
    """Every subscriber loses the highest temporal layer, without a gap in numbers or pictures, and gets it back."""
    _, (encoder,) = await room.publisher("ana")
    clients = [await room.subscriber(f"s{i}", slots=say.Slots(audio=0, video=1, screen=0)) for i in range(2)]
    for i, client in enumerate(clients):
        unbind(room, f"s{i}", client)

    async def film(frames: Iterable[int], *, lose: int = 1000) -> None:
        for i in frames:
            encoder.frame(3, 300, temporal=(0, 2, 1, 2)[i % 4], sync=bool(i % 4), lose=1 if i == lose else -1)
            await asyncio.sleep(0.02)

    await film(range(-80, 100))  # until both have the whole picture
    press(room, Stage.THIN)
    await film(range(100, 200), lose=140)
    lost = [item for item in encoder.client.rtcp if isinstance(item, rtcp.Nack)]
    encoder.repeat(lost[-1].sequences[0])
    await film(range(200, 210))
    thinned = len(picture(clients[0]).payloads)
    press(room, Stage.NORMAL)
    await film(range(212, 300))
    for client in clients:
        stream = picture(client)
        frames = [parse_vp8(payload) for payload in stream.payloads]
        assert {frame.temporal for frame in frames[:100]} == {0, 1, 2}
        assert {frame.temporal for frame in frames[thinned - 60 : thinned]} == {0, 1}
        assert {frame.temporal for frame in frames[-60:]} == {0, 1, 2}
        numbers = sorted(stream.sequences, key=lambda number: number - stream.sequences[0] & 0xFFFF)
        assert continuous(numbers)
        pictures = sorted({frame.picture - frames[0].picture & 0x7FFF for frame in frames})
        assert pictures == list(range(len(pictures)))
    reports = [item.reports for item in encoder.client.rtcp if isinstance(item, rtcp.ReceiverReport)]
    assert not any(block.lost for block in reports[-1]), "what is left out is no loss"


@in_virtual_time
async def test_stage_3_thumbnails_pause_and_say_why(room: Room) -> None:
    """A thumbnail is paused for overload, the stage and a voice go on; afterwards the thumbnail is back."""
    _, (voice, thumbnail) = await room.publisher("ana", audio=1)
    _, (speaker,) = await room.publisher("siti")
    client = await room.subscriber("budi", slots=say.Slots(audio=1, video=2, screen=0))
    wishes = [say.Wish(track="siti.0", height=360, rank="stage"), say.Wish(track="ana.1")]
    await room.worker.obey(say.View(room="r", peer="budi", wishes=wishes))

    async def go_on(seconds: float) -> dict[str, int]:
        before = {track: count(client, room, track) for track in ("ana.0", "ana.1", "siti.0")}
        for _ in range(int(seconds * 50)):
            voice.voice()
            thumbnail.frame(1, 300)
            speaker.frame(1, 300)
            await asyncio.sleep(0.02)
        return {track: count(client, room, track) - packets for track, packets in before.items()}

    await go_on(1)
    press(room, Stage.NO_THUMBNAILS)
    await go_on(0.5)
    grown = await go_on(1)
    assert grown["ana.1"] == 0
    assert min(grown["ana.0"], grown["siti.0"]) >= 45
    facts = {event.track: event.reason for event in room.told(say.Assigned) if event.peer == "budi"}
    assert facts == {"ana.0": "", "ana.1": "overload", "siti.0": ""}
    press(room, Stage.NORMAL)
    await go_on(1)
    assert (await go_on(1))["ana.1"] >= 45
    assert room.told(say.Assigned)[-1].reason == ""


def count(client: Client, room: Room, track: str) -> int:
    """Packets a client has of a track."""
    seats = room.router.members["budi"].subscription.consumers  # type: ignore[union-attr]
    return sum(
        client.received[s.slot.ssrc].packets
        for s in seats
        if s.producer and s.producer.key == track and s.slot.ssrc in client.received
    )


@in_virtual_time
async def test_stage_4_the_speaker_shrinks_and_slides_do_not(room: Room) -> None:
    """Cameras end at the middle layer, whoever asks for more, and their publishers are told; a shared screen stays."""
    _, encoders = await room.publisher("ana", simulcast=True)
    _, slides = await room.publisher("siti", simulcast=True)
    room.router.producers["siti.0"].source = say.Source.SCREEN
    client = await room.subscriber("budi", slots=say.Slots(audio=0, video=1, screen=1))
    shared = say.Wish(track="siti.0", width=1280, height=720, rank="stage")
    await room.worker.obey(say.View(room="r", peer="budi", wishes=[LARGE, shared]))
    unbind(room, "budi", client)
    await simulcast([*encoders, *slides], 7)
    assert largest(client, room) == {"ana.0": 1100, "siti.0": 1100}
    press(room, Stage.SMALL)
    await simulcast([*encoders, *slides], 7)
    assert largest(client, room) == {"ana.0": 500, "siti.0": 1100}
    assert {event.track: event.rids for event in room.told(say.Layers)} == {"ana.0": ["q", "h"]}


def largest(client: Client, room: Room) -> dict[str, int]:
    """The largest of the newest payloads of each track."""
    seats = room.router.members["budi"].seats
    return {key: max(map(len, client.received[seat.slot.ssrc].payloads[-6:])) for key, seat in seats.items()}


async def test_stage_5_new_cameras_are_refused_and_voices_are_not(room: Room) -> None:
    """A new camera hears `overloaded`; a voice may come, and who is in keeps what he has through a renegotiation."""
    client, _ = await room.publisher("ana", audio=1)
    press(room, Stage.NO_CAMERAS)
    with pytest.raises(Refused) as refused:
        await room.worker.obey(say.Publish(room="r", peer="eve", sdp=Client().offer(audio=1)))
    assert refused.value.code == "overloaded"
    await room.publisher("siti", video=0, audio=1)
    await room.worker.obey(say.Publish(room="r", peer="ana", sdp=client.offer(audio=1)))
    await room.subscriber("budi")
    press(room, Stage.SMALL)
    await room.publisher("eve", audio=1)


def follow(
    slowness: Slowness, begin: float, seconds: float, sent: tuple[int, int], *, starved: bool = False, rtt: float = 0.1
) -> list[tuple[float, str]]:
    """Look four times a second while so many packets a second are sent and asked for again; changes with their time."""
    changes = []
    for i in range(int(seconds * 4)):
        now = begin + i / 4
        if slowness.look(now, starved=starved, sent=int(sent[0] * now), asked=int(sent[1] * now), rtt=rtt):
            changes.append((now - begin, slowness.sign))
    return changes


def test_a_slow_receiver_is_known_by_three_signs() -> None:
    """Nothing fits for ten seconds, a fifth is asked for again, or the round trip is above 1.5 s; less is no sign."""
    assert follow(Slowness(), 0, 30, (100, 19)) == []
    assert follow(Slowness(), 0, STARVED_FOR, (100, 0), starved=True) == []
    assert follow(Slowness(), 0, 30, (100, 0), starved=True) == [(STARVED_FOR, "bandwidth")]
    assert follow(Slowness(), 0, 30, (100, 25))[0][1] == "loss"
    assert follow(Slowness(), 0, 30, (100, 0), rtt=1.6) == [(WINDOW, "delay")]
    assert follow(Slowness(), 0, 30, (5, 4)) == [], "a few packets prove nothing"
    again = Slowness()
    follow(again, 0, 20, (100, 0), rtt=1.6)
    assert follow(again, 20, 30, (100, 0)) == [(BETTER_FOR, "")]


@in_virtual_time
async def test_a_slow_receiver_gets_voices_and_one_small_picture_and_is_told(room: Room) -> None:
    """A subscriber that loses a third of everything: all pictures but one pause, that one is small, the voice goes on."""
    _, (voice,) = await room.publisher("siti", video=0, audio=1)
    _, one = await room.publisher("ana", simulcast=True)
    _, two = await room.publisher("citra", simulcast=True)
    async with Relay(("127.0.0.1", room.worker.port.number)) as relay:
        client = await room.subscriber("budi", slots=say.Slots(audio=1, video=2, screen=0), via=relay.address)
        wishes = [LARGE, say.Wish(track="citra.0", height=360)]
        await room.worker.obey(say.View(room="r", peer="budi", wishes=wishes))
        asking = asyncio.create_task(ask_again(client))
        await go_on(voice, [*one, *two], 3)
        relay.down.loss = 0.33
        await go_on(voice, [*one, *two], 12)
        (told,) = room.told(say.Slow)
        assert (told.peer, told.sign) == ("budi", "loss")
        await go_on(voice, [*one, *two], 1)
        shown = {track: seat for track, (seat, _) in room.router.members["budi"].subscription.ladders.items()}  # type: ignore[union-attr]
        assert [
            stream.rid for stream in room.router.producers["ana.0"].streams.values() if stream is shown["ana.0"].stream
        ] == ["q"]
        assert shown["citra.0"].stream is None
        relay.down.loss = 0
        heard = max(
            stream.packets for stream in client.received.values() if stream.payloads and len(stream.payloads[0]) == 80
        )
        await go_on(voice, [*one, *two], 20)
        assert room.told(say.Slow)[-1].sign == ""
        assert shown["citra.0"].stream is not None
        assert heard > 0.5 * 16 * 50
        asking.cancel()


async def ask_again(client: Client) -> None:
    """What a browser does: ask for every gap, once."""
    seen: dict[int, int] = {}
    while True:
        await asyncio.sleep(0.05)
        for ssrc, stream in client.received.items():
            gaps = pairwise(stream.sequences[seen.get(ssrc, 0) :])
            seen[ssrc] = max(0, len(stream.sequences) - 1)
            steps = [(before, after - before & 0xFFFF) for before, after in gaps]
            lost = [before + i & 0xFFFF for before, step in steps if step < 100 for i in range(1, step)]
            if lost:
                client.send_rtcp(rtcp.nack(1, ssrc, lost))


async def go_on(voice: Publisher, encoders: list[Publisher], seconds: float) -> None:
    """A voice and two cameras, 25 pictures a second."""
    for i in range(int(seconds * 50)):
        voice.voice()
        if i % 2:
            for encoder in encoders:
                encoder.frame(2, {"q": 200, "h": 500, "f": 1100}[encoder.rid])
        await asyncio.sleep(0.02)
