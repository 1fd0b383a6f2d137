"""Cache, NACK, key frames, VP8 layers."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from smartroom.media.rtp import keyframe, layers
from smartroom.media.rtp.cache import PacketCache
from smartroom.media.rtp.nack import MAX_TRIES, NackGenerator
from smartroom.media.rtp.packet import Packet, build, parse


def packet(index: int, size: int = 10) -> Packet:
    """A packet with an unwrapped number."""
    made = parse(build(bytes(size), payload_type=96, sequence=index, timestamp=0, ssrc=1))
    made.index = index
    return made


@given(st.lists(st.integers(0, 400), max_size=300))
def test_the_cache_never_gives_a_wrong_packet(indexes: list[int]) -> None:
    """Any order, duplicates included: what comes out has the number asked for."""
    cache = PacketCache(64, 4000)
    for index in indexes:
        cache.put(packet(index))
        assert cache.size <= 4000
        assert cache.size == sum(len(found.data) for i in range(401) if (found := cache.get(i)) is not None)
    for index in range(401):
        found = cache.get(index)
        assert found is None or found.index == index


def test_the_cache_tells_a_duplicate() -> None:
    """The second copy of a packet is not new."""
    cache = PacketCache()
    assert cache.put(packet(7))
    assert not cache.put(packet(7))


def test_reordering_is_not_asked_for() -> None:
    """A gap filled within ten milliseconds causes no NACK."""
    nack = NackGenerator()
    nack.received(10, 0.0)
    nack.received(12, 0.001)
    assert nack.due(0.005, 0.02) == []
    nack.received(11, 0.006)
    assert nack.due(0.1, 0.02) == []


def test_a_loss_is_asked_for_again_until_it_is_given_up() -> None:
    """Requests repeat by round trip, at most eight times, then a key frame is wanted."""
    nack = NackGenerator()
    nack.received(10, 0.0)
    nack.received(12, 0.0)
    asked = 0
    for step in range(1, 200):
        asked += len(nack.due(step * 0.01, 0.03))
    assert asked == MAX_TRIES
    assert nack.gave_up
    assert not nack.missing


@given(st.lists(st.integers(0, 600), max_size=200), st.integers(1, 50))
def test_an_arrived_packet_is_never_asked_for(arrivals: list[int], step: int) -> None:
    """Loss, duplicates and reordering: no request names a packet that came."""
    nack = NackGenerator()
    arrived: set[int] = set()
    now = 0.0
    for index in arrivals:
        now += step / 1000
        nack.received(index + 1000, now)
        arrived.add(index + 1000)
        assert not arrived & set(nack.due(now, 0.02))


def test_an_outage_costs_one_key_frame_and_no_list() -> None:
    """Too much missing empties the list and asks for a key frame."""
    nack = NackGenerator()
    nack.received(1, 0.0)
    nack.received(2000, 0.0)
    assert nack.gave_up
    assert not nack.missing


def test_key_frame_requests_are_throttled_and_repeated() -> None:
    """First at once, then two a second at most, and again when nothing came."""
    requests = keyframe.KeyframeRequests()
    assert requests.ask(0.0)
    assert not requests.ask(0.1)
    assert not requests.due(0.4)
    assert requests.due(0.51)
    assert not requests.due(1.2)
    assert requests.due(1.6)
    requests.arrived()
    assert not requests.due(9.0)


def test_key_frames_are_seen_in_every_codec() -> None:
    """The first packet of a key frame is told from others, per codec."""
    vp8_key = bytes((0x90, 0x80, 0x81, 0x23, 0x00, 0x9D))
    assert keyframe.begins_keyframe("vp8", vp8_key)
    assert not keyframe.begins_keyframe("vp8", vp8_key[:4] + b"\x01")
    assert not keyframe.begins_keyframe("vp8", b"\x80" + vp8_key[1:])
    assert keyframe.begins_keyframe("h264", b"\x65")
    assert keyframe.begins_keyframe("h264", b"\x78\x00\x02\x67\x42\x00\x02\x68\x01")
    assert keyframe.begins_keyframe("h264", b"\x7c\x85")
    assert not keyframe.begins_keyframe("h264", b"\x7c\x05")
    assert not keyframe.begins_keyframe("h264", b"\x61")
    assert keyframe.begins_keyframe("vp9", b"\x8c\x01")
    assert not keyframe.begins_keyframe("vp9", b"\xcc\x01")
    assert keyframe.begins_keyframe("av1", b"\x18")
    assert not keyframe.begins_keyframe("opus", b"\x18")


@given(st.binary(max_size=40), st.sampled_from(["vp8", "vp9", "h264", "av1"]))
def test_random_payloads_raise_nothing(payload: bytes, codec: str) -> None:
    """Key frame detection swallows garbage; the VP8 parser refuses it as ValueError."""
    keyframe.begins_keyframe(codec, payload)
    with contextlib.suppress(ValueError):
        layers.parse_vp8(payload)


@given(st.integers(0, 0x7FFF), st.integers(0, 255), st.integers(-40000, 40000), st.integers(-300, 300))
def test_picture_numbers_shift_within_their_width(picture: int, tl0: int, by: int, tl0_by: int) -> None:
    """Shifting keeps width and every other bit."""
    payload = bytes((0x90, 0xE0, 0x80 | picture >> 8, picture & 0xFF, tl0, 0x60, 0x01))
    data = bytearray(b"head" + payload)
    layers.shift_picture(data, 4, layers.parse_vp8(payload), by, tl0_by)
    shifted = layers.parse_vp8(bytes(data[4:]))
    assert shifted.picture == picture + by & 0x7FFF
    assert shifted.tl0 == tl0 + tl0_by & 0xFF
    assert (shifted.temporal, shifted.sync, shifted.begins) == (1, True, True)


def test_temporal_layers_go_down_at_a_frame_and_up_at_a_sync_point() -> None:
    """Nothing is cut inside a frame; going up waits for the Y bit."""

    def frame(temporal: int, *, sync: bool = False, begins: bool = True) -> layers.Descriptor:
        return layers.Descriptor(6, begins, 1, 2, 15, 1, 4, temporal, sync)

    wanted = layers.TemporalFilter()
    wanted.limit = 0
    assert wanted.passes(frame(2, begins=False))
    assert not wanted.passes(frame(2))
    assert wanted.passes(frame(0))
    wanted.limit = layers.ALL_LAYERS
    assert not wanted.passes(frame(2))
    assert not wanted.passes(frame(2, sync=True)), "layer 1 behind it might need what was dropped"
    assert wanted.passes(frame(1, sync=True))
    assert not wanted.passes(frame(2))
    assert wanted.passes(frame(2, sync=True))
    assert wanted.open
