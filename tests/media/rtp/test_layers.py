"""Layers as real encoders describe them, and which pictures may be left out."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smartroom.media.rtp import dependency, keyframe, packet
from smartroom.media.rtp.layers import ALL_LAYERS, Descriptor, TemporalFilter, parse_vp8, parse_vp9
from smartroom.media.rtp.thinning import Thinner
from tests.media.record import read

FLAT = ["vp8-l1t3", "vp9-l1t3", "av1-l1t3", "h264-l1t3"]
L1T3_DISTANCES = ((), (4,), (2,), (1,), (1,))  # what a frame of each template of Chromium's L1T3 refers back to


def described(name: str) -> list[tuple[packet.Packet, Descriptor]]:
    """The packets of a recorded set with what they say."""
    codec, number, packets = read(name)
    found: list[tuple[packet.Packet, Descriptor]] = []
    structure: dependency.Structure | None = None
    for one in packets:
        if codec == "vp8":
            found.append((one, parse_vp8(one.payload)))
        elif codec == "vp9":
            found.append((one, parse_vp9(one.payload)))
        else:
            told = dependency.parse(packet.extension(one, number) or b"", structure)
            structure = told.structure
            found.append((one, told.frame))
    return found


@pytest.mark.parametrize("name", FLAT)
def test_a_browsers_layers_are_told(name: str) -> None:
    """Chromium's L1T3 comes as 0 2 1 2, each frame begins once, the first is the only key frame."""
    codec, _, _ = read(name)
    found = described(name)
    frames = [frame for _, frame in found if frame.begins]
    assert [frame.temporal for frame in frames][:8] == [0, 2, 1, 2, 0, 2, 1, 2][: len(frames)] or codec == "vp8"
    assert {frame.temporal for frame in frames} == {0, 1, 2}
    timestamps = {one.timestamp for one, _ in found}
    assert len(frames) == len(timestamps)
    keys = [one.timestamp for one, _ in found if keyframe.begins_keyframe(codec, one.payload)]
    assert set(keys) == {found[0][0].timestamp}


def test_spatial_layers_are_one_picture() -> None:
    """The three spatial layers of VP9 L3T3 share picture and temporal layer; the picture begins with the lowest."""
    found = described("vp9-l3t3_key")
    by_picture: dict[int, list[Descriptor]] = {}
    for _, frame in found:
        by_picture.setdefault(frame.picture, []).append(frame)
    for frames in by_picture.values():
        assert [frame.begins for frame in frames].count(True) == 1
        assert len({frame.temporal for frame in frames}) == 1
    assert any(len(frames) >= 3 for frames in by_picture.values())


def references(name: str) -> list[tuple[Descriptor, int, set[int]]]:
    """Frames of a recorded set: what they say, their number, and the numbers they refer to."""
    found: list[tuple[Descriptor, int, set[int]]] = []
    for one, frame in described(name):
        if not frame.begins:
            continue
        if name.startswith("vp9"):
            payload = one.payload
            distances: tuple[int, ...] = ()
            for byte in payload[4:7] if payload[0] & 0x50 == 0x50 else b"":  # P_DIFF and N of flexible mode
                distances += (byte >> 1,)
                if not byte & 1:
                    break
            found.append((frame, frame.picture, {frame.picture - distance for distance in distances}))
        else:
            _, number, _ = read(name)
            told = packet.extension(one, number) or b""
            count = told[1] << 8 | told[2]
            found.append((frame, count, {count - distance for distance in L1T3_DISTANCES[told[0] & 0x3F]}))
    return found


@pytest.mark.parametrize("name", ["vp9-l1t3", "av1-l1t3", "h264-l1t3"])
@given(limits=st.lists(st.integers(0, 3), min_size=60, max_size=60))
def test_no_sent_picture_refers_to_a_dropped_one(name: str, limits: list[int]) -> None:
    """Whatever is allowed when: what is sent can be decoded, the base layer always goes, nothing above the limit does."""
    wanted = TemporalFilter()
    sent: set[int] = set()
    before = ALL_LAYERS
    for (frame, number, refers), limit in zip(references(name), limits, strict=False):
        wanted.limit = limit if limit < 3 else ALL_LAYERS
        passes = wanted.passes(frame)
        if passes:
            assert refers <= sent
            assert frame.temporal <= max(wanted.limit, 0)
            sent.add(number)
        assert passes or frame.temporal > 0
        assert passes or frame.temporal > min(wanted.limit, before), "nothing allowed all along is dropped"
        before = wanted.limit if frame.temporal == 0 else min(before, wanted.limit)


def test_everything_goes_again_once_the_highest_layer_is_back() -> None:
    """A filter that was lowered and opened again ends open, so that the fast path takes over."""
    wanted = TemporalFilter()
    wanted.limit = 0
    frames = [frame for _, frame in described("vp8-l1t3") if frame.begins]
    assert {frame.temporal for frame in frames if wanted.passes(frame)} == {0}
    wanted.limit = ALL_LAYERS
    for frame in frames:
        wanted.passes(frame)
    assert wanted.open


@given(
    st.lists(
        st.tuples(st.sampled_from(["come", "come", "come", "lose", "again", "late"]), st.integers(1, 12)), max_size=120
    ),
    st.integers(0, 9),
)
@example([("come", 1)] * 9 + [("again", 4), ("again", 6), ("late", 2), ("late", 7)], 0)
def test_a_thinned_stream_has_one_number_for_each_packet(arrivals: list[tuple[str, int]], lowered: int) -> None:
    """Loss, repeats and late packets around left-out frames: no two packets share a number, and all keep their order."""
    codec, _, packets = read("vp8-l1t3")
    assert codec == "vp8"
    thinner: Thinner | None = None
    numbers: dict[int, int] = {}  # as it came -> as it went
    seen: list[int] = []
    highest = 0
    for step, (what, back) in enumerate(arrivals):
        if what == "lose":
            highest += back
            continue
        if what == "come" or not seen:
            highest += 1
            place = highest
        else:
            place = seen[-min(back, len(seen))] if what == "again" else max(1, highest - back)
        seen.append(place)
        one = packet.parse(packets[1 + place % (len(packets) - 1)].data)
        one.index, one.sequence, one.frame = 70000 + place, 70000 + place & 0xFFFF, parse_vp8(one.payload)
        one.frame.begins = True  # every packet a frame: the hardest case
        if thinner is None:
            thinner = Thinner(one)
        thinner.limit(0 if step >= lowered else ALL_LAYERS)
        if not thinner.keep(one):
            continue
        assert numbers.setdefault(place, one.index) == one.index
        assert one.sequence == one.index & 0xFFFF
    kept = sorted(numbers.items())
    assert [out for _, out in kept] == sorted({out for _, out in kept})
    assert all(out <= 70000 + place for place, out in kept)


class Bits:
    """Writes what `dependency` reads."""

    def __init__(self) -> None:
        self.text = ""

    def put(self, value: int, width: int) -> None:
        """A number of so many bits."""
        self.text += f"{value:0{width}b}" if width else ""

    def put_below(self, value: int, limit: int) -> None:
        """A number below `limit`."""
        width = limit.bit_length()
        short = (1 << width) - limit
        if value < short:
            self.put(value, width - 1)
        else:
            self.put(value + short >> 1, width - 1)
            self.put(value + short & 1, 1)

    def bytes(self) -> bytes:
        """Padded to whole bytes."""
        text = self.text + "0" * (-len(self.text) % 8)
        return int(text or "0", 2).to_bytes(len(text) // 8, "big")


@given(st.data())
def test_a_structure_survives_being_written(data: st.DataObject) -> None:
    """Any layers, indications, references, chains, resolutions and custom fields: read as they were meant."""
    draw = data.draw
    offset, targets = draw(st.integers(0, 63)), draw(st.integers(1, 8))
    steps = draw(st.lists(st.integers(0, 1), max_size=7))
    layers = [(0, 0)]
    for step in steps:
        layers.append((0, layers[-1][1] + step))
    chains = draw(st.integers(0, targets))
    bits = Bits()
    custom, active = draw(st.booleans()), draw(st.booleans())
    bits.put(0x10 | active << 3 | custom << 2, 5)
    bits.put(offset, 6)
    bits.put(targets - 1, 5)
    for step in steps:
        bits.put(step, 2)
    bits.put(3, 2)
    table = [[draw(st.integers(0, 3)) for _ in range(targets)] for _ in layers]
    for row in table:
        for value in row:
            bits.put(value, 2)
    for _ in layers:
        for distance in draw(st.lists(st.integers(0, 15), max_size=3)):
            bits.put(16 | distance, 5)
        bits.put(0, 1)
    bits.put_below(chains, targets + 1)
    if chains:
        for _ in range(targets):
            bits.put_below(draw(st.integers(0, chains - 1)), chains)
        for _ in range(chains * len(layers)):
            bits.put(draw(st.integers(0, 15)), 4)
    sized = draw(st.booleans())
    bits.put(sized, 1)
    if sized:
        bits.put(0x013F00B3, 32)
    if active:
        bits.put(1, targets)
    template = draw(st.integers(0, len(layers) - 1))
    indications = table[template]
    if custom:
        indications = [draw(st.integers(0, 3)) for _ in range(targets)]
        for value in indications:
            bits.put(value, 2)
    number = draw(st.integers(0, 0xFFFF))
    head = bytes((0x80 | (template + offset) % 64,)) + number.to_bytes(2, "big")
    found = dependency.parse(head + bits.bytes(), None)
    assert found.structure.templates == tuple(
        dependency.Template(*layer, tuple(row)) for layer, row in zip(layers, table, strict=True)
    )
    assert (found.number, found.frame.begins, found.frame.temporal) == (number, True, layers[template][1])
    switches = [found.structure.reach[i] for i, value in enumerate(indications) if value == 2]
    assert found.frame.up == max(switches, default=-1)
    again = dependency.parse(head, found.structure)
    assert again.frame.temporal == found.frame.temporal


@given(st.binary(max_size=60), st.booleans())
def test_random_descriptors_raise_only_value_error(data: bytes, begun: bool) -> None:
    """Garbage in place of a descriptor is refused as ValueError and by nothing else."""
    known = dependency.parse(bytes.fromhex("800001800214eaa860414d1410208426"), None).structure if begun else None
    for candidate in (data, b"\x80\0\1\x80" + data):
        with contextlib.suppress(ValueError):
            dependency.parse(candidate, known)
    for candidate in (data, b"\xff" + data, b"\x2a" + data):
        with contextlib.suppress(ValueError):
            parse_vp9(candidate)


def test_a_frame_without_its_structure_is_refused() -> None:
    """Before the key frame, or with a template of another structure, nothing is guessed."""
    with pytest.raises(ValueError, match="without a structure"):
        dependency.parse(b"\xc3\0\2", None)
    known = dependency.parse(bytes.fromhex("800001800214eaa860414d1410208426"), None).structure
    with pytest.raises(ValueError, match="unknown dependency template"):
        dependency.parse(b"\xc9\0\2", known)
