"""Paths that change, fill up or lose packets."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from itertools import pairwise

import pytest

from smartroom.media import ice
from smartroom.media.rtp import packet as rtp
from smartroom.protocol import media as say
from tests.media.conftest import Room, in_virtual_time, until
from tests.media.relay import Relay
from tests.media.rtcclient import Client, Publisher
from tests.media.test_rooms import picture, simulcast


async def talk(encoder: Publisher, seconds: float) -> None:
    """Audio at its pace."""
    for _ in range(int(seconds * 50)):
        encoder.voice()
        await asyncio.sleep(0.02)


@in_virtual_time
async def test_ice_restart_keeps_keys_and_packets(room: Room) -> None:
    """New credentials on the same transport: packets go on, the old credentials end once the new ones are used."""
    _, (encoder,) = await room.publisher("ana", video=0, audio=1)
    client = await room.subscriber("budi")
    await talk(encoder, 0.3)
    transport = room.router.members["budi"].subscription.transport  # type: ignore[union-attr]
    old = transport.agent.credentials
    fresh = await room.worker.obey(say.Restart(room="r", peer="budi", side=say.Side.SUBSCRIBE))
    assert isinstance(fresh, say.Fragment)
    assert fresh.ufrag in fresh.sdp
    assert fresh.ufrag in fresh.fragment
    client.follow(fresh.ufrag, fresh.password)
    await until(client.validated.is_set)
    before = client.total()
    await talk(encoder, 0.3)
    assert client.total() - before >= 14
    assert transport.agent.previous is None
    client.follow(old.ufrag, old.password)
    await asyncio.sleep(0.1)
    assert not client.validated.is_set()


async def test_media_follows_a_client_to_its_new_address(room: Room) -> None:
    """A phone that changes network is served at its new address after one check, without a handshake."""
    _, (encoder,) = await room.publisher("ana", video=0, audio=1)
    client = await room.subscriber("budi")
    await talk(encoder, 0.3)
    moved = time.monotonic()
    client.move()
    before = client.total()
    await talk(encoder, 0.3)
    assert client.total() - before >= 12
    assert time.monotonic() - moved < 3


@in_virtual_time
async def test_a_silent_peer_gets_no_media_and_is_closed(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without consent media stops, then the transport ends; the room is told why."""
    monkeypatch.setattr("smartroom.media.transport.CONSENT_MUTE", 0.3)
    monkeypatch.setattr("smartroom.media.transport.CONSENT_CLOSE", 1.5)
    assert ice.CONSENT_MUTE < ice.CONSENT_CLOSE
    _, (encoder,) = await room.publisher("ana", video=0, audio=1)
    client = await room.subscriber("budi")
    await talk(encoder, 0.2)
    client._tasks[0].cancel()
    await talk(encoder, 1.4)
    before = client.total()
    await talk(encoder, 0.2)
    assert client.total() == before
    await until(lambda: any(e.reason == "consent" and e.peer == "budi" for e in room.told(say.Connection)))


@pytest.mark.parametrize("loss", [0.05, 0.1, 0.3])
async def test_joining_survives_loss(room: Room, loss: float) -> None:
    """With flights repeated every 100 ms a lossy handshake costs tenths of seconds, not seconds."""
    async with Relay(("127.0.0.1", room.worker.port.number), seed=7) as relay:
        relay.up.loss = relay.down.loss = loss
        relay.up.delay = relay.down.delay = 0.02
        begun = time.monotonic()
        await room.subscriber("budi", via=relay.address)
        assert time.monotonic() - begun < 3


@pytest.mark.parametrize("lost", [1, 2, 4])
async def test_a_lost_handshake_flight_is_repeated_at_once(room: Room, lost: int) -> None:
    """Our flights are lost and the peer waits for its own timer of a second: we repeat after a tenth."""
    client = Client()
    client.repeats_flights = False
    left = lost

    def lose(data: bytes) -> bool:
        nonlocal left
        handshake = 20 <= data[0] < 64
        passes = not handshake or not left
        left -= not passes
        return passes

    client.sent_filter = lose
    answer = await room.worker.obey(say.Publish(room="r", peer="ana", sdp=client.offer()))
    assert isinstance(answer, say.Description)
    begun = time.monotonic()
    await client.connect(answer.sdp)
    assert time.monotonic() - begun < 0.9
    await client.close()


@pytest.mark.parametrize("delay", [0.01, 0.04, 0.1])
@in_virtual_time
async def test_thin_path_loses_video_and_never_audio(room: Room, delay: float) -> None:
    """3 -> 0.8 -> 3 Mbit/s: the layer is down within 2 s and up within 10 s, and no silence is longer than 200 ms."""
    found = await trace(room, settle=6, delay=delay)
    assert found.down <= 2
    assert found.up <= 10
    assert found.gap < 0.2


@in_virtual_time
async def test_a_frame_that_a_thin_path_cannot_take_is_cut_to_its_end(room: Room) -> None:
    """Of a picture far too large the first part goes and nothing after the cut; the next picture goes; no voice is lost."""
    _, (voice,) = await room.publisher("siti", video=0, audio=1)
    _, (encoder,) = await room.publisher("ana")
    client = await room.subscriber("budi", slots=say.Slots(audio=1, video=1, screen=0))
    await room.worker.obey(say.Ceiling(room="r", peer="budi", bitrate=1_000_000))
    frames: dict[int, list[rtp.Packet]] = {}
    voices: list[int] = []

    def hear(packet: rtp.Packet, _: float) -> None:
        if len(packet.payload) == 80:
            voices.append(packet.sequence)
        elif packet.payload[:1] in (b"\x90", b"\x80"):
            frames.setdefault(packet.timestamp, []).append(packet)

    for i in range(200):
        client.on_packet = hear if i == 50 else client.on_packet
        voice.voice()
        encoder.frame(140 if i == 100 else 1, 1000)
        await asyncio.sleep(0.02)
    (cut,) = [packets for packets in frames.values() if len(packets) > 1]
    assert 20 < len(cut) < 140
    numbers = [packet.sequence for packet in cut]
    assert all(after - before & 0xFFFF == 1 for before, after in pairwise(numbers))
    assert not any(packet.marker for packet in cut)
    following = list(frames.values())[list(frames.values()).index(cut) + 1 :]
    assert len(following) > 30
    missing = following[0][0].sequence - numbers[-1] & 0xFFFF
    assert missing > 140 - len(cut), "a gap: it may be asked for when there is room"
    assert len(voices) >= 148
    assert all(after - before & 0xFFFF == 1 for before, after in pairwise(voices))


@dataclass(frozen=True, slots=True)
class Trace:
    """Seconds until the layer went down, until it came back, and the longest silence."""

    down: float
    up: float
    gap: float


async def trace(room: Room, settle: float, delay: float = 0.01) -> Trace:
    """A voice and a camera in three layers through a path that goes 3 -> 0.8 -> 3 Mbit/s."""
    _, (voice,) = await room.publisher("siti", video=0, audio=1)
    _, encoders = await room.publisher("ana", simulcast=True)
    async with Relay(("127.0.0.1", room.worker.port.number)) as relay:
        relay.down.rate = 3e6
        relay.down.delay = relay.up.delay = delay
        client = await room.subscriber("budi", slots=say.Slots(audio=1, video=1, screen=0), via=relay.address)
        stop = asyncio.Event()
        speaking = asyncio.create_task(_speak(voice, stop))
        filming = asyncio.create_task(_film(encoders, stop))
        try:
            await until(lambda: _newest(client) > 1000, 20)
            ssrc = next(s for s, stream in client.received.items() if stream.payloads and len(stream.payloads[0]) == 80)
            client.received[ssrc].longest_gap = 0
            begun = time.monotonic()
            relay.down.rate = 0.8e6
            await until(lambda: _newest(client) < 1000, 10)
            down = time.monotonic() - begun
            await asyncio.sleep(settle)
            begun = time.monotonic()
            relay.down.rate = 3e6
            await until(lambda: _newest(client) > 1000, 30)
            return Trace(down, time.monotonic() - begun, client.received[ssrc].longest_gap)
        finally:
            stop.set()
            await asyncio.gather(speaking, filming)


async def _speak(encoder: Publisher, stop: asyncio.Event) -> None:
    while not stop.is_set():
        encoder.voice()
        await asyncio.sleep(0.02)


async def _film(encoders: list[Publisher], stop: asyncio.Event) -> None:
    """180p at 96, 360p at 400, 720p at 1,320 kbit/s."""
    begun = time.monotonic()
    frame = 0
    while not stop.is_set():
        for encoder in encoders:
            encoder.frame({"q": 2, "h": 4, "f": 6}[encoder.rid], {"q": 200, "h": 500, "f": 1100}[encoder.rid])
        frame += 1
        await asyncio.sleep(max(0.0, begun + frame / 25 - time.monotonic()))


def _newest(client: Client) -> int:
    if not client.received:
        return 0
    return max((len(p) for p in picture(client).payloads[-6:]), default=0)


@in_virtual_time
async def test_a_crowd_of_layers_switches_while_packets_are_lost(room: Room) -> None:
    """Loss on the way out is repaired from the cache within the slot's own numbers."""
    _, encoders = await room.publisher("ana", simulcast=True)
    async with Relay(("127.0.0.1", room.worker.port.number)) as relay:
        client = await room.subscriber("budi", slots=say.Slots(audio=0, video=1, screen=0), via=relay.address)
        await simulcast(encoders, 0.5)
        relay.down.loss = 0.05
        await simulcast(encoders, 1.0)
        numbers = picture(client).sequences
        missing = {n & 0xFFFF for n in range(numbers[0], numbers[0] + 40)} - set(numbers)
        from smartroom.media.rtp import rtcp  # noqa: PLC0415  # one test needs it

        ssrc = next(s for s, stream in client.received.items() if stream is picture(client))
        relay.down.loss = 0
        if missing:
            client.send_rtcp(rtcp.nack(1, ssrc, sorted(missing)))
            await asyncio.sleep(0.2)
            repaired = {
                int.from_bytes(p[:2], "big")
                for s in client.received.values()
                if s is not picture(client)
                for p in s.payloads
            }
            assert missing <= repaired | set(numbers)


@in_virtual_time
async def test_feedback_of_a_calm_path_is_mostly_left_unread_and_of_a_lossy_one_never(room: Room) -> None:
    """What a calm path delivers is known all the same; a loss of a twentieth is measured as what it is."""
    _, (encoder,) = await room.publisher("ana")
    async with Relay(("127.0.0.1", room.worker.port.number)) as relay:
        await room.subscriber("budi", slots=say.Slots(audio=0, video=1, screen=0), via=relay.address)
        path = room.router.members["budi"].subscription
        assert path is not None

        async def film(seconds: float) -> tuple[int, int]:
            read, unread = room.worker.port.counters.rtcp, room.worker.port.counters.calm
            for _ in range(int(seconds * 25)):
                encoder.frame(5, 1000)
                await asyncio.sleep(0.04)
            return room.worker.port.counters.rtcp - read, room.worker.port.counters.calm - unread

        await film(10)
        read, unread = await film(4)
        assert unread > 2 * read
        assert path.estimator.acked == pytest.approx(125 * 8 * 1020, rel=0.1)
        relay.down.loss = 0.05
        await film(2)
        losses = []
        for _ in range(8):
            _, unread = await film(1)
            losses.append(path.estimator.loss)
            assert not unread
        assert sum(losses) / len(losses) == pytest.approx(0.05, rel=0.3)
