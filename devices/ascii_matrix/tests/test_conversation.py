"""Talks with matrices, as their manuals and field clients print them."""

from __future__ import annotations

from pathlib import Path

import pytest

from devices.ascii_matrix.driver import AsciiMatrix
from devices.sdk import (
    Act,
    BadSetting,
    Busy,
    LinkState,
    NotSupported,
    Query,
    ReadingSource,
    Refused,
    ReplyTimeout,
    Salvo,
    Set,
    Settings,
    find_families,
    load_family,
)
from devices.sdk.testing.conversation import conversation

FAMILY = load_family(find_families()["ascii_matrix"])
PTN = {b"Status1.": b"AV: 01->01\r\nIR: 01->01\r", b"Status2.": b"AV: 02->02\r\nIR: 02->02\r"}
TECHLY = {b"r out 1!": b"AV 1 -> 1\r\n", b"r out 2!": b"AV 2 -> 2\r\n"}
A55B = {
    bytes.fromhex("A5 5B 02 01 01 00 00 00 00 00 00 00 FC"): bytes.fromhex("A5 5B 02 01 01 00 01 00 00 00 00 00 FB"),
    bytes.fromhex("A5 5B 02 01 02 00 00 00 00 00 00 00 FB"): bytes.fromhex("A5 5B 02 01 02 00 02 00 00 00 00 00 F9"),
}


def matrix(profile: str, **settings: object) -> AsciiMatrix:
    """A driver of a 4x2 matrix of one dialect."""
    return AsciiMatrix(
        FAMILY.manifest, Settings(FAMILY.manifest, {"profile": profile, "inputs": 4, "outputs": 2, **settings})
    )


async def test_a_tie_is_acknowledged_and_then_read() -> None:
    """The echo ends the command; the reading comes from the question after it."""
    async with conversation(matrix("ptn"), answers=PTN) as talk:
        talk.expect(b"3V2.")
        talk.reply(b"AV: 03->002\r\n")
        await talk.execute(Set("route.2", 3))
        before = talk.session.reading("route.2")
        talk.expect(b"Status2.")
        talk.reply(b"AV: 03->02\r\nIR: 02->02\r")
        value = await talk.read("route.2")
    assert before is not None
    assert before.value == 2, "an echo proves nothing"
    assert value == 3


async def test_a_bare_ok_ends_a_tie() -> None:
    """After somebody sent /:MessageOff; the matrix says only that."""
    async with conversation(matrix("ptn"), answers=PTN) as talk:
        talk.expect(b"3V2.")
        talk.reply(b"Switch OK!\r\n")
        await talk.execute(Set("route.2", 3))


async def test_an_output_is_switched_off_and_read_as_such() -> None:
    """Input 0 closes an output; the field's `AV:OFF->02` reads as 0."""
    async with conversation(matrix("ptn"), answers=PTN) as talk:
        talk.expect(b"2$.")
        talk.reply(b"AV: 02 Closed.\r\n")
        await talk.execute(Set("route.2", 0))
        talk.expect(b"Status2.")
        talk.reply(b"AV:OFF->02\r\nIR:OFF->02\r")
        assert await talk.read("route.2") == 0


async def test_one_input_to_all_outputs_is_one_command() -> None:
    """A salvo of all outputs uses the matrix's own word for it."""
    async with conversation(matrix("ptn"), answers=PTN) as talk:
        talk.expect(b"3All.")
        talk.reply(b"03 To All.\r\n")
        await talk.execute(Salvo((Set("route.1", 3), Set("route.2", 3))))


async def test_one_input_to_several_outputs_is_one_command() -> None:
    """Outputs with the same input go together, the other one by itself."""
    answers = {**PTN, b"Status3.": b"AV: 03->03\r", b"Status4.": b"AV: 04->04\r"}
    async with conversation(matrix("ptn", outputs=4), answers=answers) as talk:
        talk.expect(b"3V1,2.")
        talk.reply(b"AV: 03->1,2\r\n")
        talk.expect(b"1V4.")
        talk.reply(b"AV: 01->004\r\n")
        await talk.execute(Salvo((Set("route.1", 3), Set("route.2", 3), Set("route.4", 1))))


async def test_an_echo_of_another_output_is_not_ours() -> None:
    """Somebody switches output 1 by hand while we switch output 2: both are told apart."""
    async with conversation(matrix("ptn"), answers=PTN) as talk:
        talk.expect(b"3V2.")
        talk.reply(b"AV: 04->001\r\n")
        talk.reply(b"AV: 03->002\r\n")
        await talk.execute(Set("route.2", 3))
        reading = await talk.hears("route.1", 4)
    assert reading.source is ReadingSource.UNSOLICITED


async def test_a_locked_channel_is_refused_in_the_units_own_words() -> None:
    """What the matrix says is the code a technician sees."""
    async with conversation(matrix("ptn"), answers=PTN) as talk:
        talk.expect(b"3V2.")
        talk.reply(b"Channel 3->2 Lock!\r\n")
        error = await talk.fails(Set("route.2", 3))
    assert isinstance(error, Refused)
    assert error.device_code == "Channel 3->2 Lock!"


async def test_silence_is_a_timeout_while_the_matrix_lives() -> None:
    """Sent twice, then the first answered question proves it alive."""
    async with conversation(matrix("techly"), answers=TECHLY) as talk:
        talk.expect(b"s 3 av 2!")
        talk.expect(b"s 3 av 2!")
        assert isinstance(await talk.fails(Set("route.2", 3)), ReplyTimeout)
        assert talk.session.status.state is LinkState.READY


async def test_presets_are_kept_where_the_dialect_knows_them() -> None:
    """PTN saves and recalls; Techly says it cannot before anything is sent."""
    async with conversation(matrix("ptn"), answers=PTN) as talk:
        talk.expect(b"Save7.")
        talk.reply(b"Save To F7\r\n")
        await talk.execute(Act("store_preset", {"number": 7}))
        talk.expect(b"Recall7.")
        talk.reply(b"Recall From F7\r\n")
        await talk.execute(Act("recall_preset", {"number": 7}))
    async with conversation(matrix("techly"), answers=TECHLY) as talk:
        assert isinstance(await talk.fails(Act("recall_preset", {"number": 7})), NotSupported)


async def test_without_read_back_nothing_is_verified() -> None:
    """EKL's boxes say nothing: the command is done when it is sent, and its reading is marked as only written."""
    async with conversation(matrix("ekl")) as talk:
        talk.expect(b"01*02!")
        await talk.execute(Set("route.2", 1))
        reading = talk.session.reading("route.2")
        assert reading is not None
        assert (reading.value, reading.source, reading.verified) == (1, ReadingSource.WRITTEN, False)
        assert isinstance(await talk.fails(Query("route.2")), NotSupported)


async def test_several_ties_without_read_back_are_each_only_written(tmp_path: Path) -> None:
    """A dialect with a word for several outputs and none for asking: one command, and a reading for each tie that nobody confirmed."""
    path = tmp_path / "mute.yaml"
    path.write_text(
        'title: Mute\nsource: nobody\nwire: {commands_end: ["!"]}\n'
        'commands:\n  route: {send: "{in}*{out}!"}\n  route_many: {send: "{in}*{outs:+}!"}\n'
    )
    async with conversation(matrix(str(path))) as talk:
        talk.expect(b"4*1+2!")
        await talk.execute(Salvo((Set("route.1", 4), Set("route.2", 4))))
        readings = [talk.session.reading(name) for name in ("route.1", "route.2")]
    assert [(reading.value, reading.verified) for reading in readings if reading] == [(4, False), (4, False)]


async def test_newer_firmware_tells_all_outputs_when_asked_for_one() -> None:
    """`STA_VIDEO.` answers line by line: the line of the output that was asked for is the answer, the others are news."""
    lines = b"Output 01 Switch To In 01!\r\nOutput 02 Switch To In 03!\r\n"
    async with conversation(matrix("ptn_out"), answers={b"STA_VIDEO.": lines}) as talk:
        talk.expect(b"STA_VIDEO.")
        talk.reply(lines)
        assert await talk.read("route.2") == 3
        sources = {item.property: item.source for item in talk.told.readings[-2:]}
    assert sources == {"route.1": ReadingSource.UNSOLICITED, "route.2": ReadingSource.QUERY}


async def test_an_echo_from_a_mute_matrix_does_no_harm() -> None:
    """Some of them repeat what they hear, for ever: no reading, and the connection stays."""
    async with conversation(matrix("ekl")) as talk:
        for _ in range(40):
            talk.say(b"01*02!\r\n")
        await talk.until(lambda: talk.session.counters.received >= 40)
        assert talk.session.status.state is LinkState.READY
        assert talk.session.reading("route.2") is None


async def test_frames_are_switched_without_an_answer_and_then_read() -> None:
    """MuxLab's 500442 does not answer a switch: done when sent, verified by the question."""
    async with conversation(matrix("a55b"), answers=A55B) as talk:
        talk.expect(bytes.fromhex("A5 5B 02 03 02 00 01 00 00 00 00 00 F8"))
        await talk.execute(Set("route.1", 2))
        talk.expect(bytes.fromhex("A5 5B 02 01 01 00 00 00 00 00 00 00 FC"))
        talk.reply(bytes.fromhex("A5 5B 02 01 01 00 02 00 00 00 00 00 FA"))
        assert await talk.read("route.1") == 2


@pytest.mark.parametrize(
    ("profile", "value", "why"),
    [("ptn", 5, "input 5 does not exist"), ("techly", 0, "cannot be switched off")],
)
def test_what_the_matrix_cannot_is_refused_before_it_is_sent(profile: str, value: int, why: str) -> None:
    """The settings say how big it is, the profile what it can."""
    with pytest.raises(BadSetting, match=why):
        matrix(profile).encode(Set("route.1", value))


def test_several_ties_at_once_need_a_word_for_it() -> None:
    """Without `route_many` a scene's outputs go one after the other, and the planner is told so."""
    with pytest.raises(NotSupported, match="cannot set these together"):
        matrix("wyrestorm").encode(Salvo((Set("route.1", 1), Set("route.2", 1))))


def test_busy_is_not_no() -> None:
    """A dialect's word for busy becomes an error that is tried again."""
    from devices.ascii_matrix.driver import _answer  # noqa: PLC0415  # no shipped dialect has such a word
    from devices.ascii_matrix.protocol import Word  # noqa: PLC0415
    from devices.ascii_matrix.shapes import Meaning  # noqa: PLC0415

    (event,) = _answer(Word(Meaning.BUSY, "BUSY"), Set("route.1", 1))
    assert isinstance(getattr(event, "error", None), Busy)
