"""One publisher, many subscribers: what is sent arrives once, in order, under constant names."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest

from smartroom.media import consumer
from smartroom.media.rtp import packet as rtp
from smartroom.media.rtp import rtcp
from smartroom.media.rtp.layers import parse_vp8
from smartroom.protocol import media as say
from tests.media.conftest import Room, in_virtual_time, until
from tests.media.rtcclient import Client


def video_of(client: Client) -> list[int]:
    """Sequence numbers of the stream with most packets."""
    return max(client.received.values(), key=lambda stream: stream.packets).sequences


def continuous(sequences: list[int]) -> bool:
    """Every number follows the one before."""
    return all(after - before & 0xFFFF == 1 for before, after in pairwise(sequences))


@in_virtual_time
async def test_every_subscriber_gets_every_packet_once(room: Room) -> None:
    """IPv4 and IPv6 subscribers receive all packets of a publisher, numbered without a gap."""
    _, (encoder,) = await room.publisher("ana")
    subscribers = [await room.subscriber(f"s{i}", address=("127.0.0.1", "::1")[i % 2]) for i in range(4)]
    for _ in range(60):
        encoder.frame()
        await asyncio.sleep(0.01)
    await until(lambda: all(len(video_of(client)) >= 180 for client in subscribers))
    for client in subscribers:
        assert continuous(video_of(client))
        assert len(video_of(client)) == 180


@pytest.mark.parametrize(("age", "requests"), [(0.1, 0), (0.8, 1)])
@in_virtual_time
async def test_a_subscriber_that_comes_late_starts_with_a_key_frame_at_once(
    room: Room, age: float, requests: int
) -> None:
    """A recent key frame comes from the cache with all that followed; an old one is asked for anew."""
    _, (encoder,) = await room.publisher("ana")
    for _ in range(int(age / 0.01)):
        encoder.frame()
        await asyncio.sleep(0.01)
    before = encoder.key_frames
    client = await room.subscriber("budi")
    for _ in range(20):
        encoder.frame()
        await asyncio.sleep(0.01)
    assert encoder.key_frames == before + requests
    first = next(stream.payloads[0] for stream in client.received.values() if stream.payloads and stream.payloads[0])
    descriptor = parse_vp8(first)
    assert descriptor.begins
    assert not first[descriptor.size] & 1
    assert continuous(video_of(client))


@in_virtual_time
async def test_reports_flow_in_both_directions(room: Room) -> None:
    """The publisher is told of its loss, the subscriber of sender time and counts."""
    publisher, (encoder,) = await room.publisher("ana")
    client = await room.subscriber("budi")
    for i in range(130):
        encoder.frame(lose=1 if i == 100 else -1)
        await asyncio.sleep(0.01)
    reports = [item for item in publisher.rtcp if isinstance(item, rtcp.ReceiverReport) and item.reports]
    assert reports
    senders = [item for item in client.rtcp if isinstance(item, rtcp.SenderReport)]
    assert senders
    assert senders[-1].ssrc in client.received
    assert 0 < senders[-1].packets <= client.received[senders[-1].ssrc].packets
    assert any(isinstance(item, rtcp.TransportFeedback) for item in publisher.rtcp)


async def test_a_packet_lost_on_the_way_in_is_asked_for_and_handed_on(room: Room) -> None:
    """A gap causes a NACK, the RTX answer fills it, and subscribers get the packet under its own number."""
    publisher, (encoder,) = await room.publisher("ana")
    client = await room.subscriber("budi")
    for i in range(30):
        encoder.frame(lose=1 if i == 20 else -1)
        await asyncio.sleep(0.01)
    lost = next(item for item in publisher.rtcp if isinstance(item, rtcp.Nack))
    encoder.repeat(lost.sequences[0])
    await until(lambda: len(set(video_of(client))) == 90)
    assert continuous(sorted(video_of(client), key=lambda s: s - video_of(client)[0] & 0xFFFF))


async def test_a_packet_lost_on_the_way_out_is_repeated_once_per_round_trip(room: Room) -> None:
    """A NACK of a subscriber is answered from the cache by RTX with the original number in front."""
    _, (encoder,) = await room.publisher("ana")
    client = await room.subscriber("budi")
    for _ in range(20):
        encoder.frame()
        await asyncio.sleep(0.01)
    await until(lambda: len(video_of(client)) == 60)
    ssrc = max(client.received, key=lambda key: client.received[key].packets)
    number = client.received[ssrc].sequences[30]
    before = {key: stream.packets for key, stream in client.received.items()}
    repeats: list[rtp.Packet] = []
    client.on_packet = lambda packet, _: repeats.append(packet) if packet.ssrc != ssrc else None
    for _ in range(5):
        client.send_rtcp(rtcp.nack(1, ssrc, [number]))
    await until(lambda: repeats)
    await asyncio.sleep(0.03)
    answers = [packet for packet in repeats if packet.payload[:2] == number.to_bytes(2, "big")]
    assert len(answers) == 1
    assert answers[0].payload[2:] == client.received[ssrc].payloads[30]
    assert before


@pytest.mark.parametrize("request_of", [rtcp.pli, lambda sender, media: rtcp.fir(sender, media, 7)], ids=["PLI", "FIR"])
@in_virtual_time
async def test_key_frame_requests_of_a_crowd_become_one(room: Room, request_of: Callable[[int, int], bytes]) -> None:
    """Ten requests at once, of either kind, reach the publisher as at most two."""
    _, (encoder,) = await room.publisher("ana")
    clients = [await room.subscriber(f"s{i}") for i in range(3)]
    for _ in range(20):
        encoder.frame()
        await asyncio.sleep(0.01)
    before = encoder.key_frames
    for client in clients:
        ssrc = max(client.received, key=lambda key: client.received[key].packets)
        for _ in range(4):
            client.send_rtcp(request_of(1, ssrc))
    for _ in range(60):
        encoder.frame()
        await asyncio.sleep(0.01)
    assert 1 <= encoder.key_frames - before <= 2


@in_virtual_time
async def test_repeats_are_a_share_of_what_is_sent(room: Room) -> None:
    """A subscriber that asks for everything again gets a fifth of it beside one burst: repeats must not fill the path."""
    _, (encoder,) = await room.publisher("ana")
    client = await room.subscriber("budi", slots=say.Slots(audio=0, video=1, screen=0))
    seat = room.router.members["budi"].subscription.consumers[0]  # type: ignore[union-attr]
    repeated = 0

    def count(packet: rtp.Packet, _: float) -> None:
        nonlocal repeated
        if packet.ssrc == seat.slot.rtx_ssrc and len(packet.payload) > 900 and asking:
            repeated += len(packet.payload)

    client.on_packet = count
    asking = False
    before = 0
    for i in range(500):
        encoder.frame()
        await asyncio.sleep(0.02)
        if i == 100:
            asking, before = True, seat.octets
        if asking:
            client.send_rtcp(rtcp.nack(1, seat.slot.ssrc, client.received[seat.slot.ssrc].sequences[-3:]))
    sent = seat.octets - before
    assert 0.15 * sent < repeated < 0.2 * sent + consumer.REPEAT_BURST + 2000


@in_virtual_time
async def test_the_round_trip_of_a_publisher_is_learnt_from_its_repeats(room: Room) -> None:
    """A far publisher is asked again after its own round trip, not after that of a near one."""
    publisher, (encoder,) = await room.publisher("ana")
    publication = room.router.members["ana"].publication
    assert publication is not None
    await room.subscriber("budi")
    for i in range(400):
        encoder.frame(lose=1 if i % 20 == 10 else -1)
        asked = [item for item in publisher.rtcp if isinstance(item, rtcp.Nack)]
        publisher.rtcp.clear()
        for item in asked:
            asyncio.get_running_loop().call_later(0.04, encoder.repeat, item.sequences[0], 2000, i)
        await asyncio.sleep(0.02)
    assert publication.rtt == pytest.approx(0.05, abs=0.02)


@in_virtual_time
async def test_a_goodbye_ends_a_picture_at_once(room: Room) -> None:
    """BYE pauses the track: its slot says so without waiting; a packet brings it back."""
    _, (encoder,) = await room.publisher("ana")
    await room.subscriber("budi", slots=say.Slots(audio=0, video=1, screen=0))
    for _ in range(50):
        encoder.frame()
        await asyncio.sleep(0.02)
    encoder.client.send_rtcp(rtcp.bye([encoder.ssrc]))
    await asyncio.sleep(0.4)
    assert room.told(say.Assigned)[-1].reason == "off"
    for _ in range(50):
        encoder.frame()
        await asyncio.sleep(0.02)
    assert room.told(say.Assigned)[-1].reason == ""


@pytest.mark.parametrize("codec", ["H264", "VP9", "AV1"])
async def test_codecs_pass_through(room: Room, codec: str) -> None:
    """What the engine cannot decode it forwards unchanged, beginning at a key frame."""
    _, (encoder,) = await room.publisher("ana", codec=codec)
    client = await room.subscriber("budi")
    key = {"H264": b"\x65", "VP9": b"\x8c\x01", "AV1": b"\x18"}[codec]
    delta = {"H264": b"\x61", "VP9": b"\xcc\x01", "AV1": b"\x10"}[codec]
    for i in range(20):
        encoder.timestamp += 3000
        encoder.packet((delta if i % 5 else key) + bytes(500), 96, marker=True)
        await asyncio.sleep(0.01)
    await until(lambda: client.total() > 10)
    first = next(stream.payloads[0] for stream in client.received.values() if stream.payloads)
    assert first.startswith(key)


@in_virtual_time
async def test_redundant_audio_is_passed_on_or_stripped_for_each_subscriber(room: Room) -> None:
    """RED goes unchanged to who has it, with other numbers to who calls Opus otherwise, and as bare Opus to the rest."""
    publisher, (encoder,) = await room.publisher("ana", video=0, audio=1, red=True)
    slots = say.Slots(audio=1, video=0, screen=0)
    having = await room.subscriber("having", slots=slots)
    without = await room.subscriber(
        "without", slots=slots, accept=lambda offered: [c for c in offered if c.name != "red"]
    )
    numbering = await room.subscriber(
        "numbering",
        slots=slots,
        accept=lambda offered: [
            replace(c, payload_type=c.payload_type - (2 if c.name == "opus" else 0)) for c in offered
        ],
    )
    for member in room.router.members.values():
        if member.subscription is not None:
            member.subscription.estimator.rate = 20e6  # a wide path: the fan takes over
    await asyncio.sleep(0.5)
    sent: list[bytes] = []
    for i in range(31):
        encoder.timestamp += 960
        red = bytes((0x80 | 111, 960 >> 6, (960 & 0x3F) << 2, 3, 111)) + b"OLD" + b"NEW%d" % i
        bare = i % 10 == 9  # as Chromium does while it sends comfort noise
        sent.append(b"bare" if bare else red)
        encoder.packet(sent[-1], 111 if bare else 63, marker=False)
        await asyncio.sleep(0.01)
    (voice,) = room.router.producers["ana.0"].streams.values()
    assert [sink.in_fan for sink in voice.sinks] == [True, False, False]
    heard: dict[str, list[tuple[int, bytes]]] = {}
    for name, client in (("having", having), ("without", without), ("numbering", numbering)):
        (stream,) = client.received.values()
        assert continuous(stream.sequences)
        heard[name] = list(zip(stream.types, stream.payloads, strict=True))
    assert heard["having"] == [(111 if payload == b"bare" else 63, payload) for payload in sent]
    assert heard["without"] == [(111, payload.removeprefix(payload[:5] + b"OLD")) for payload in sent]
    renumbered = [payload.replace(b"\xef", b"\xed").replace(b"\x6f", b"\x6d") for payload in sent]
    assert heard["numbering"] == [
        (109 if p == b"bare" else 63, p if p == b"bare" else r) for p, r in zip(sent, renumbered, strict=True)
    ]
    assert not any(isinstance(item, rtcp.Nack) for item in publisher.rtcp)


async def test_a_lost_packet_is_not_asked_for_where_the_next_carries_it(room: Room) -> None:
    """With RED a lost voice packet is in its successor; without, it is asked for."""
    for red in (True, False):
        publisher, (encoder,) = await room.publisher(f"red {red}", video=0, audio=1, red=red)
        for i in range(20):
            encoder.timestamp += 960
            encoder.packet(bytes((111,)) + b"voice", 63 if red else 111, marker=False, lost=i == 10)
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.03)
        assert any(isinstance(item, rtcp.Nack) for item in publisher.rtcp) != red


async def test_a_publisher_that_starts_anew_is_followed(room: Room) -> None:
    """An encoder that restarts its numbers leaves the outgoing stream continuous."""
    _, (encoder,) = await room.publisher("ana")
    client = await room.subscriber("budi")
    for i in range(40):
        if i == 20:
            encoder.sequence = encoder.sequence + 30000 & 0xFFFF
            encoder._wants_key = True
        encoder.frame()
        await asyncio.sleep(0.01)
    await until(lambda: len(video_of(client)) == 120)
    assert continuous(video_of(client))


async def test_padding_is_swallowed_and_leaves_no_gap(room: Room) -> None:
    """Padding probes of a publisher are never forwarded; their numbers are closed."""
    _, (encoder,) = await room.publisher("ana")
    client = await room.subscriber("budi")
    for i in range(40):
        encoder.frame()
        if i % 4 == 3:
            encoder.sequence = encoder.sequence + 1 & 0xFFFF
            encoder.client.send(
                rtp.padding(100, payload_type=96, sequence=encoder.sequence, timestamp=encoder.timestamp, ssrc=1000)
            )
        await asyncio.sleep(0.01)
    await until(lambda: len(video_of(client)) == 120)
    assert continuous(video_of(client))


async def test_a_muted_track_is_not_forwarded(room: Room) -> None:
    """Mute stops packets at once, unmute brings them back."""
    _, (encoder,) = await room.publisher("ana", video=0, audio=1)
    client = await room.subscriber("budi")
    heard = 0
    for i in range(60):
        if i == 20:
            await room.worker.obey(say.Mute(room="r", track="ana.0", muted=True))
        if i == 40:
            heard = client.total()
            await room.worker.obey(say.Mute(room="r", track="ana.0", muted=False))
        encoder.voice()
        await asyncio.sleep(0.005)
    assert heard <= 21
    assert client.total() > heard + 15
    assert continuous(video_of(client))
