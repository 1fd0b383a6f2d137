"""Bytes of the makers' tables, both ways, for each dialect."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.ascii_matrix import protocol
from devices.ascii_matrix.profile import SHIPPED, Profile, load_profile, shipped
from devices.ascii_matrix.protocol import Shown, Word
from devices.ascii_matrix.shapes import Effect, Meaning

PROFILES = {name: load_profile(SHIPPED / f"{name}.yaml") for name in shipped()}


def hexed(text: str) -> bytes:
    """Bytes as manuals print them."""
    return bytes.fromhex(text)


@pytest.mark.parametrize(
    ("name", "effect", "values", "wanted"),
    [
        ("ptn", Effect.ROUTE, {"source": 1, "outputs": (2,)}, b"1V2."),
        ("ptn", Effect.ROUTE, {"source": 12, "outputs": (16,)}, b"12V16."),
        ("ptn", Effect.ROUTE_MANY, {"source": 3, "outputs": (8, 9, 12)}, b"3V8,9,12."),
        ("ptn", Effect.ROUTE_ALL, {"source": 3}, b"3All."),
        ("ptn", Effect.STRAIGHT, {}, b"All#."),
        ("ptn", Effect.OFF, {"outputs": (5,)}, b"5$."),
        ("ptn", Effect.OFF_ALL, {}, b"All$."),
        ("ptn", Effect.ASK, {"outputs": (2,)}, b"Status2."),
        ("ptn", Effect.ASK_ALL, {}, b"Status."),
        ("ptn", Effect.STORE, {"preset": 7}, b"Save7."),
        ("ptn", Effect.RECALL, {"preset": 5}, b"Recall5."),
        ("ptn_out", Effect.ROUTE, {"source": 4, "outputs": (1,)}, b"OUT01:04."),
        ("ptn_out", Effect.ASK_ALL, {}, b"STA_VIDEO."),
        ("ptn_out", Effect.STORE, {"preset": 7}, b"PresetSave07."),
        ("ekl", Effect.ROUTE, {"source": 1, "outputs": (2,)}, b"01*02!"),
        ("ekl", Effect.ROUTE_ALL, {"source": 1}, b"01*NN!"),
        ("techly", Effect.ROUTE, {"source": 1, "outputs": (2,)}, b"s 1 av 2!"),
        ("techly", Effect.ROUTE_ALL, {"source": 1}, b"s 1 all!"),
        ("techly", Effect.ASK, {"outputs": (1,)}, b"r out 1!"),
        ("techly", Effect.ASK_ALL, {}, b"r all out!"),
        ("wyrestorm", Effect.ROUTE, {"source": 2, "outputs": (6,)}, b"SET SW in2 out6\r\n"),
        ("wyrestorm", Effect.ROUTE_ALL, {"source": 2}, b"SET SW in2 all\r\n"),
        ("wyrestorm", Effect.ASK, {"outputs": (6,)}, b"GET MP out6\r\n"),
        ("a55b", Effect.ROUTE, {"source": 2, "outputs": (1,)}, hexed("A5 5B 02 03 02 00 01 00 00 00 00 00 F8")),
        ("a55b", Effect.ASK, {"outputs": (1,)}, hexed("A5 5B 02 01 01 00 00 00 00 00 00 00 FC")),
    ],
)
def test_commands_are_the_makers(name: str, effect: Effect, values: dict[str, object], wanted: bytes) -> None:
    """Each command is what the maker's table prints, checksum included."""
    assert protocol.say(PROFILES[name], effect, **values) == wanted  # type: ignore[arg-type]  # a table of arguments


@pytest.mark.parametrize(
    ("name", "message", "wanted"),
    [
        ("ptn", b"AV: 01->001", (Shown(1, 1),)),
        ("ptn", b"AV: 02->01", (Shown(1, 2),)),
        ("ptn", b"\nAV: 02->01", (Shown(1, 2),)),
        ("ptn", b"V: 01->001", (Shown(1, 1),)),
        ("ptn", b"V01 -> 002", (Shown(2, 1),)),
        ("ptn", b"AV01 to 02", (Shown(2, 1),)),
        ("ptn", b"AV:OFF->01", (Shown(1, 0),)),
        ("ptn", b"Please Input Your Command :AV: 02->01", (Shown(1, 2),)),
        ("ptn", b"Please Input Your Command :", (Word(Meaning.NOTHING, "Please Input Your Command :"),)),
        ("ptn", b"IR: 02->01", (Word(Meaning.NOTHING, "IR: 02->01"),)),
        ("ptn", b"A: 01->001", (Word(Meaning.NOTHING, "A: 01->001"),)),
        ("ptn", b"01 To All.", (Word(Meaning.DONE, "01 To All."),)),
        ("ptn", b"AV: 01 Closed.", (Word(Meaning.DONE, "AV: 01 Closed."),)),
        ("ptn", b"02 Close", (Word(Meaning.DONE, "02 Close"),)),
        ("ptn", b"All Closed.", (Word(Meaning.DONE, "All Closed."),)),
        ("ptn", b"Switch OK!", (Word(Meaning.DONE, "Switch OK!"),)),
        ("ptn", b"SWITCH OK", (Word(Meaning.DONE, "SWITCH OK"),)),
        ("ptn", b"Channel 1->2 Lock!", (Word(Meaning.REFUSED, "Channel 1->2 Lock!"),)),
        ("ptn", b"System Locked!", ()),
        ("ptn_out", b"Output 01 Switch To In 04!", (Shown(1, 4),)),
        (
            "ptn_out",
            b"Analog Out 01 Switch To Video Out 01!",
            (Word(Meaning.NOTHING, "Analog Out 01 Switch To Video Out 01!"),),
        ),
        ("ptn_out", b"Power ON!", ()),
        ("techly", b"AV 1 -> 2", (Shown(2, 1),)),
        ("techly", b"AV 1 -> 1, AV 3 -> 2, AV 1 -> 3", (Shown(1, 1), Shown(2, 3), Shown(3, 1))),
        ("techly", b"1 to all", (Word(Meaning.DONE, "1 to all"),)),
        ("wyrestorm", b"SWin2 out6", (Shown(6, 2),)),
        ("wyrestorm", b"SW in2 out6", (Shown(6, 2),)),
        ("wyrestorm", b"MP in2 out6", (Shown(6, 2),)),
        ("wyrestorm", b"MPin2 out6", (Shown(6, 2),)),
        ("a55b", hexed("A5 5B 02 01 01 00 03 00 00 00 00 00 F9"), (Shown(1, 3),)),
    ],
)
def test_replies_mean_what_the_makers_say(name: str, message: bytes, wanted: tuple[Shown | Word, ...]) -> None:
    """Each reply of manuals and field clients is understood; what is of no interest means nothing."""
    assert protocol.parse(PROFILES[name], message) == wanted


@given(st.binary(max_size=80), st.sampled_from(sorted(PROFILES)))
def test_no_message_is_too_strange(noise: bytes, name: str) -> None:
    """Any bytes have a meaning or none; nothing raises."""
    framer = protocol.framer(PROFILES[name])
    for message in [*framer.feed(noise), noise]:
        protocol.parse(PROFILES[name], message)


def _noisy() -> st.SearchStrategy[tuple[bytes, int]]:
    return st.tuples(st.binary(max_size=20), st.integers(1, 9))


@given(_noisy(), st.integers(1, 12))
def test_frames_are_found_again_after_noise(noisy: tuple[bytes, int], size: int) -> None:
    """However the stream is cut, and whatever stands before it, a frame with its checksum is found."""
    noise, source = noisy
    profile: Profile = PROFILES["a55b"]
    frame = protocol.say(profile, Effect.ROUTE, source=source, outputs=(1,))
    stream = noise + frame + frame
    framer = protocol.framer(profile)
    found = [message for at in range(0, len(stream), size) for message in framer.feed(stream[at : at + size])]
    assert frame in found


def test_a_frame_with_a_wrong_checksum_is_noise() -> None:
    """MuxLab's example with its last byte changed."""
    framer = protocol.framer(PROFILES["a55b"])
    assert framer.feed(hexed("A5 5B 02 03 02 00 01 00 00 00 00 00 F7")) == []
    assert framer.garbage


@pytest.mark.parametrize(
    ("rule", "frame", "wanted"),
    [
        ("negated_sum", "A5 5B 02 03 02 00 01 00 00 00 00 00", 0xF8),
        ("negated_sum", "A5 5B 01 04 01 00 00 00 00 00 00 00", 0xFA),
        ("negated_sum", "A5 5B 01 04 01 00 FF 00 00 00 00 00", 0xFB),
        ("sum", "AA 11 01 01 01", 0xBE),
        ("xor", "30 41 30 41", 0x00),
    ],
)
def test_checksums_are_the_makers(rule: str, frame: str, wanted: int) -> None:
    """The first three stand in MuxLab's manual."""
    from devices.ascii_matrix.shapes import Checksum  # noqa: PLC0415  # only here

    assert protocol.checksum(Checksum.model_validate({"rule": rule}), hexed(frame)) == wanted
