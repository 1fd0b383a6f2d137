"""Talks with matrices, as their manuals and field drivers print them."""

from __future__ import annotations

import pytest

from devices.kramer_p3000.driver import KramerP3000
from devices.sdk import (
    Act,
    BadSetting,
    ConfigurationError,
    LinkState,
    NotSupported,
    ReadingSource,
    Refused,
    ReplyTimeout,
    Salvo,
    Set,
    Settings,
    WrongPassword,
    find_families,
    load_family,
)
from devices.sdk.testing.conversation import conversation

FAMILY = load_family(find_families()["kramer_p3000"])
HELLO = {b"#\r": b"~01@ OK\r\n", b"#MODEL?\r": b"~01@MODEL VS-88H2\r\n"} | {
    b"#SIGNAL? %d\r" % number: b"~01@SIGNAL ERR002\r\n" for number in range(1, 5)
}
OLD = {**HELLO, b"#VID? *\r": b"~01@VID 1>1,2>2\r\n"}
NEW = {**HELLO, b"#ROUTE? 1,1\r": b"~01@ROUTE 1,1,1\r\n", b"#ROUTE? 1,2\r": b"~01@ROUTE 1,2,2\r\n"}


def matrix(dialect: str = "vid", **settings: object) -> KramerP3000:
    """A driver of a 4x2 matrix."""
    given = {"dialect": dialect, "inputs": 4, "outputs": 2, **settings}
    return KramerP3000(FAMILY.manifest, Settings(FAMILY.manifest, given))


async def test_a_tie_of_the_old_dialect() -> None:
    """Acknowledged by its echo and OK, known only after the question, which tells every output."""
    async with conversation(matrix(), answers=OLD) as talk:
        talk.expect(b"#VID 3>2\r")
        talk.reply(b"~01@VID 3>2 OK\r\n")
        await talk.execute(Set("route.2", 3))
        before = talk.session.reading("route.2")
        talk.expect(b"#VID? *\r")
        talk.reply(b"~01@VID 1>1,3>2\r\n")
        value = await talk.read("route.2")
    assert before is not None
    assert before.value == 2, "an echo proves nothing"
    assert value == 3


async def test_a_tie_of_the_new_dialect() -> None:
    """The answer carries no OK; the news after it is a reading."""
    async with conversation(matrix("route"), answers=NEW) as talk:
        talk.expect(b"#ROUTE 1,2,3\r")
        talk.reply(b"~01@ROUTE 1,2,3\r\n~01@ROUTE 1,2,3\r\n")
        await talk.execute(Set("route.2", 3))
        reading = await talk.hears("route.2", 3)
    assert reading.source is ReadingSource.UNSOLICITED


async def test_several_ties_are_one_line() -> None:
    """A list in the old dialect."""
    async with conversation(matrix(), answers=OLD) as talk:
        talk.expect(b"#VID 3>1,4>2\r")
        talk.reply(b"~01@VID 3>1,4>2 OK\r\n")
        await talk.execute(Salvo((Set("route.1", 3), Set("route.2", 4))))


async def test_a_chain_is_done_when_every_command_of_it_is() -> None:
    """New dialect: one line, two acknowledgements; news of another output between them is told apart."""
    async with conversation(matrix("route"), answers=NEW) as talk:
        talk.expect(b"#ROUTE 1,1,3|ROUTE 1,2,4\r")
        talk.reply(b"~01@ROUTE 1,1,3\r\n")
        talk.reply(b"~01@ROUTE 1,2,1\r\n")
        talk.reply(b"~01@ROUTE 1,2,4\r\n")
        await talk.execute(Salvo((Set("route.1", 3), Set("route.2", 4))))
        assert any(item.property == "route.2" and item.value == 1 for item in talk.told.readings)


async def test_a_chain_with_one_refusal_has_failed() -> None:
    """The first command was carried out, the second refused: the whole is refused, and a reading will tell."""
    async with conversation(matrix("route"), answers=NEW) as talk:
        talk.expect(b"#ROUTE 1,1,3|ROUTE 1,2,4\r")
        talk.reply(b"~01@ROUTE 1,1,3\r\n~01@ROUTE ERR003\r\n")
        error = await talk.fails(Salvo((Set("route.1", 3), Set("route.2", 4))))
    assert isinstance(error, Refused)


async def test_a_long_list_goes_out_in_lines_of_64_characters() -> None:
    """Old units take no more; every line is acknowledged."""
    answers = {**HELLO, b"#VID? *\r": b"~01@VID " + b",".join(b"1>%d" % output for output in range(1, 17)) + b"\r\n"}
    async with conversation(matrix(outputs=16), answers=answers) as talk:
        first = b",".join(b"4>%d" % output for output in range(1, 14))
        talk.expect(b"#VID " + first + b"\r")
        talk.reply(b"~01@VID " + first + b" OK\r\n")
        talk.expect(b"#VID 4>14,4>15,4>16\r")
        talk.reply(b"~01@VID 4>14,4>15,4>16 OK\r\n")
        await talk.execute(Salvo(tuple(Set(f"route.{output}", 4) for output in range(1, 17))))
        assert all(len(sent) <= 64 for sent in talk.told.sent)


async def test_news_is_no_answer() -> None:
    """While we ask for all outputs somebody switches one: the news is kept, the answer is waited for."""
    async with conversation(matrix(), answers=OLD) as talk:
        talk.expect(b"#VID? *\r")
        talk.reply(b"~01@VID 4>1\r\n")
        talk.reply(b"~01@VID 4>1,2>2\r\n")
        assert await talk.read("route.1") == 4
        sources = [item.source for item in talk.told.readings if item.property == "route.1"]
    assert sources[-2:] == [ReadingSource.UNSOLICITED, ReadingSource.QUERY]


async def test_a_late_acknowledgement_is_no_reading() -> None:
    """`OK` after its time says what was asked, not what is."""
    async with conversation(matrix(), answers=OLD) as talk:
        talk.say(b"~01@VID 4>1 OK\r\n~01@MODEL VS-88\r\n")
        await talk.hears("model", "VS-88")
        reading = talk.session.reading("route.1")
    assert reading is not None
    assert reading.value == 1


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"~01@VID ERR001\r\n", Refused),
        (b"~01@ERR002\r\n", NotSupported),
        (b"~01@VID ERR 003\r\n", Refused),
        (b"~01@VID ERR004\r\n", ConfigurationError),
        (b"~01@VID ERR077\r\n", Refused),
    ],
)
async def test_each_code_says_who_can_mend_it(answer: bytes, kind: type[Exception]) -> None:
    """Codes become errors sorted by what the reader does next."""
    async with conversation(matrix(), answers=OLD) as talk:
        talk.expect(b"#VID 3>2\r")
        talk.reply(answer)
        assert isinstance(await talk.fails(Set("route.2", 3)), kind)


async def test_a_refusal_of_another_command_is_not_ours() -> None:
    """An error that names MODEL does not end a tie."""
    async with conversation(matrix(), answers=OLD) as talk:
        talk.expect(b"#VID 3>2\r")
        talk.reply(b"~01@MODEL ERR002\r\n~01@VID 3>2 OK\r\n")
        await talk.execute(Set("route.2", 3))


async def test_no_picture_is_zero_or_one_more_than_there_are() -> None:
    """Which one is a setting; the property is 0 in both."""
    async with conversation(matrix(), answers=OLD) as talk:
        talk.expect(b"#VID 0>2\r")
        talk.reply(b"~01@VID 0>2 OK\r\n")
        await talk.execute(Set("route.2", 0))
    answers = {**HELLO, b"#VID? *\r": b"~01@VID 1>1,5>2\r\n"}
    async with conversation(matrix(nothing="after_last"), answers=answers) as talk:
        reading = talk.session.reading("route.2")
        talk.expect(b"#VID 5>1\r")
        talk.reply(b"~01@VID 5>1 OK\r\n")
        await talk.execute(Set("route.1", 0))
    assert reading is not None
    assert reading.value == 0


async def test_the_login_is_given_and_never_traced() -> None:
    """User and password go first; traces show neither."""
    answers = {**OLD, b"#LOGIN Admin,rahasia\r": b"~01@LOGIN Admin,rahasia OK\r\n"}
    async with conversation(matrix(password="rahasia"), answers=answers) as talk:
        assert talk.session.status.state is LinkState.READY
        assert b"rahasia" not in b"".join(traffic.payload for traffic in talk.told.wire)


async def test_a_wrong_password_is_a_matter_of_configuration() -> None:
    """ERR004 to the login: REFUSED, and the longest back-off."""
    answers = {**OLD, b"#LOGIN Admin,salah\r": b"~01@LOGIN ERR004\r\n"}
    async with conversation(matrix(password="salah"), answers=answers, state=LinkState.REFUSED) as talk:
        assert isinstance(talk.session.status.error, WrongPassword)


async def test_a_unit_of_another_protocol_is_named() -> None:
    """It talks, but not Protocol 3000: the message says what to look at."""
    async with conversation(
        matrix(), answers={b"#\r": b"".join(b"noise %d\r\n" % n for n in range(9))}, state=LinkState.OFFLINE
    ) as talk:
        assert "Protocol 3000" in str(talk.session.status.error)


async def test_another_machine_on_the_line_is_not_ours() -> None:
    """With a machine number lines of other units mean nothing."""
    answers = {key.replace(b"#", b"#2@"): value.replace(b"~01", b"~02") for key, value in OLD.items()}
    async with conversation(matrix(machine=2), answers=answers) as talk:
        talk.expect(b"#2@VID 3>2\r")
        talk.reply(b"~01@VID 3>2 OK\r\n~02@VID ERR003\r\n")
        assert isinstance(await talk.fails(Set("route.2", 3)), Refused)


async def test_silence_is_a_timeout_while_the_unit_lives() -> None:
    """Sent twice, then its model proves it alive."""
    async with conversation(matrix(), answers=OLD) as talk:
        talk.expect(b"#VID 3>2\r")
        talk.expect(b"#VID 3>2\r")
        assert isinstance(await talk.fails(Set("route.2", 3)), ReplyTimeout)
        assert talk.session.status.state is LinkState.READY


async def test_a_cable_that_is_pulled_is_news() -> None:
    """VS-44DT manual: asked for, and told after every change; a model that knows no SIGNAL has none."""
    answers = OLD | {b"#SIGNAL? %d\r" % number: b"~01@SIGNAL %d,1\r\n" % number for number in range(1, 5)}
    async with conversation(matrix(), answers=answers) as talk:
        assert await talk.read("signal.2") is True
        talk.say(b"~01@SIGNAL 2,0\r\n")
        assert (await talk.hears("signal.2", False)).source is ReadingSource.UNSOLICITED
    async with conversation(matrix(), answers=OLD) as talk:
        assert talk.session.unsupported >= {"signal.1", "signal.2"}
        assert talk.session.status.state is LinkState.READY


async def test_presets_are_saved_and_recalled() -> None:
    """Both are actions and end with the unit's own words."""
    async with conversation(matrix(), answers=OLD) as talk:
        talk.expect(b"#PRST-STO 3\r")
        talk.reply(b"~01@PRST-STO 3 OK\r\n")
        await talk.execute(Act("store_preset", {"number": 3}))
        talk.expect(b"#PRST-RCL 3\r")
        talk.reply(b"~01@PRST-RCL 3 OK\r\n")
        await talk.execute(Act("recall_preset", {"number": 3}))
        assert isinstance(await talk.fails(Act("recall_preset", {"number": 61})), BadSetting)


def test_an_input_the_matrix_lacks_is_refused_before_it_is_sent() -> None:
    """The settings say how big it is."""
    with pytest.raises(BadSetting, match="input 5 does not exist"):
        matrix().encode(Set("route.1", 5))
