"""Talks with a matrix, as its manual prints them."""

from __future__ import annotations

import pytest

from devices.extron_sis.driver import ExtronSis
from devices.sdk import (
    Act,
    BadSetting,
    Busy,
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

FAMILY = load_family(find_families()["extron_sis"])
LOGIN = {b"\x1b3CV\r": b"Vrb3\r\n", b"Q": b"1.07\r\n"}
SMALL = {
    **LOGIN,
    b"1%": b"Out01 In01 Vid\r\n",
    b"2%": b"Out02 In02 Vid\r\n",
    b"\x1bVM\r": b"Mut00\r\n",
    b"1V": b"Out01 Vol32\r\n",
    b"2V": b"Out02 Vol32\r\n",
    b"0LS": b"1101\r\n",
}


def matrix(**settings: object) -> ExtronSis:
    """A driver of a 4x2 frame."""
    return ExtronSis(FAMILY.manifest, Settings(FAMILY.manifest, {"inputs": 4, "outputs": 2, **settings}))


async def test_a_tie_is_acknowledged_and_then_read() -> None:
    """The echo ends the command; the reading comes from the question after it."""
    async with conversation(matrix(), answers=SMALL) as talk:
        talk.expect(b"3*2!")
        talk.reply(b"Out02 In03 All\r\n")
        await talk.execute(Set("route.2", 3))
        before = talk.session.reading("route.2")
        talk.expect(b"2%")
        talk.reply(b"Out02 In03 Vid\r\n")
        value = await talk.read("route.2")
    assert before is not None
    assert before.value == 2, "an echo proves nothing"
    assert value == 3


@pytest.mark.parametrize("answer", [b"0101\r\n", b"0,1,0,1\r\n", b"Sig 0 1 0 1\r\n", b"0101000000000000\r\n"])
async def test_one_answer_tells_every_signal(answer: bytes) -> None:
    """As XTP, CrossPoint 450 and SW manuals print it, and from a frame that is not full; too short an answer is none."""
    async with conversation(matrix(), answers=SMALL) as talk:
        assert talk.session.reading("signal.3").value is False  # type: ignore[union-attr]
        talk.expect(b"0LS")
        talk.reply(answer)
        assert await talk.read("signal.2") is True
        assert [talk.session.reading(f"signal.{number}").value for number in (1, 3, 4)] == [False, False, True]  # type: ignore[union-attr]


async def test_a_salvo_is_one_command() -> None:
    """Several ties go out as ESC +Q and end with Qik."""
    async with conversation(matrix(), answers=SMALL) as talk:
        talk.expect(b"\x1b+Q3*1!4*2!\r")
        talk.reply(b"Qik\r\n")
        await talk.execute(Salvo((Set("route.1", 3), Set("route.2", 4))))


async def test_an_echo_of_another_output_is_not_ours() -> None:
    """Somebody at the front panel ties output 1 while we tie output 2: both are told apart."""
    async with conversation(matrix(), answers=SMALL) as talk:
        talk.expect(b"3*2!")
        talk.reply(b"Out01 In04 All\r\n")
        talk.reply(b"Out02 In03 All\r\n")
        await talk.execute(Set("route.2", 3))
        reading = await talk.hears("route.1", 4)
    assert reading.source is ReadingSource.UNSOLICITED


async def test_e12_is_never_success() -> None:
    """A refused tie is an error that carries the unit's own code."""
    async with conversation(matrix(), answers=SMALL) as talk:
        talk.expect(b"3*2!")
        talk.reply(b"E12\r\n")
        error = await talk.fails(Set("route.2", 3))
    assert isinstance(error, Refused)
    assert error.device_code == "E12"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("E01", Refused),
        ("E10", NotSupported),
        ("E13", Refused),
        ("E14", NotSupported),
        ("E17", Busy),
        ("E22", Busy),
        ("E24", ConfigurationError),
        ("E99", Refused),
    ],
)
async def test_each_code_says_who_can_mend_it(code: str, kind: type[Exception]) -> None:
    """Codes become errors sorted by what the reader does next."""
    async with conversation(matrix(), answers=SMALL) as talk:
        talk.expect(b"1*1B")
        talk.reply(code.encode() + b"\r\n")
        assert isinstance(await talk.fails(Set("blank.1", value=True)), kind)


async def test_silence_on_an_unknown_command_leaves_the_link_alone() -> None:
    """A command without answer times out, is sent once more, and the firmware question proves the unit alive."""
    async with conversation(matrix(), answers=SMALL) as talk:
        for _ in range(2):
            talk.expect(b"1*20V")
        error = await talk.fails(Set("volume.1", 31.25))
        assert isinstance(error, ReplyTimeout)
        assert talk.session.status.state is LinkState.READY
        assert talk.session.epoch == 1


async def test_a_silent_property_is_unsupported_and_nothing_else() -> None:
    """A video-only frame answers no volume question: the rest works."""
    answers = {key: value for key, value in SMALL.items() if not key.endswith(b"V")}
    driver = matrix()
    async with conversation(
        driver, answers={**answers, b"1V": b"", b"2V": b""}, timing={"reply_timeout_ms": 30}
    ) as talk:
        assert talk.session.unsupported == {"volume.1", "volume.2"}
        assert talk.session.reading("route.2") is not None


async def test_bare_numbers_mean_what_was_asked() -> None:
    """A unit without verbose mode is read all the same."""
    old = {
        b"\x1b3CV\r": b"E10\r\n",
        b"Q": b"2.01\r\n",
        b"1%": b"04\r\n",
        b"2%": b"00\r\n",
        b"\x1bVM\r": b"31\r\n",
        b"1V": b"64\r\n",
        b"2V": b"16\r\n",
        b"0LS": b"E10\r\n",
    }
    async with conversation(matrix(), answers=old) as talk:
        session = talk.session
        known = {name: reading.value for name in session.driver.properties() if (reading := session.reading(name))}
    assert known == {
        "route.1": 4,
        "route.2": 0,
        "blank.1": True,
        "mute.1": True,
        "blank.2": True,
        "mute.2": False,
        "volume.1": 100.0,
        "volume.2": 25.0,
        "firmware": "2.01",
    }


async def test_a_late_bare_number_is_not_the_next_answer() -> None:
    """What comes after its time is flushed by the firmware question and attributed to nobody."""
    old = {**SMALL, b"\x1b3CV\r": b"E10\r\n", b"Q": b""}
    async with conversation(
        matrix(), answers={**old, b"Q": b"2.01\r\n"}, timing={"retries": 0, "reply_timeout_ms": 60}
    ) as talk:
        talk.expect(b"1%")
        with pytest.raises(ReplyTimeout):
            await talk.read("route.1")
        talk.say(b"04\r\n")
        talk.expect(b"2%")
        talk.reply(b"03\r\n")
        assert await talk.read("route.2") == 3
        reading = talk.session.reading("route.1")
    assert reading is not None
    assert reading.value == 1


async def test_the_password_is_given_when_asked() -> None:
    """Prompt, password, greeting, verbose mode; and no trace shows the password."""
    talks = {**SMALL, b"rahasia\r": b"\r\nLogin Administrator\r\n"}
    driver = matrix(password="rahasia")
    async with conversation(driver, answers=talks, greeting=b"(c) Extron\r\n\r\nPassword:") as talk:
        assert talk.session.status.state is LinkState.READY
        assert b"rahasia" not in b"".join(traffic.payload for traffic in talk.told.wire)


async def test_a_wrong_password_is_a_matter_of_configuration() -> None:
    """The second prompt means no: REFUSED, and the longest back-off."""
    talks = {**SMALL, b"salah\r": b"\r\nPassword:"}
    async with conversation(
        matrix(password="salah"), answers=talks, greeting=b"\r\nPassword:", state=LinkState.REFUSED
    ) as talk:
        assert isinstance(talk.session.status.error, WrongPassword)
        assert talk.session.status.retry_in == 30


async def test_a_missing_password_is_named() -> None:
    """A unit that asks while no password is configured says which setting to write."""
    talks = {**SMALL, b"\x1b3CV\r": b"\r\nPassword:"}
    async with conversation(matrix(), answers=talks, greeting=b"\r\nPassword:", state=LinkState.REFUSED) as talk:
        assert "password: !secret" in str(talk.session.status.error)


async def test_presets_are_saved_and_recalled() -> None:
    """Both are actions and end with the unit's own words."""
    async with conversation(matrix(), answers=SMALL) as talk:
        talk.expect(b"9,")
        talk.reply(b"Spr09\r\n")
        await talk.execute(Act("store_preset", {"number": 9}))
        talk.expect(b"9.")
        talk.reply(b"Rpr09\r\n")
        await talk.execute(Act("recall_preset", {"number": 9}))
        assert isinstance(await talk.fails(Act("recall_preset", {"number": 0})), BadSetting)


async def test_a_front_panel_is_heard() -> None:
    """Mute of all outputs at the unit is known at once, without a question."""
    async with conversation(matrix(), answers=SMALL) as talk:
        talk.say(b"Vmt1\r\n")
        first, second = await talk.hears("blank.1", value=True), await talk.hears("blank.2", value=True)
    assert {first.source, second.source} == {ReadingSource.UNSOLICITED}


def test_an_input_the_frame_lacks_is_refused_before_it_is_sent() -> None:
    """The settings say how big the frame is."""
    with pytest.raises(BadSetting, match="input 5 does not exist"):
        matrix().encode(Set("route.1", 5))


def test_an_output_the_frame_lacks_has_no_property() -> None:
    """`route.3` of a frame with two outputs is unknown."""
    with pytest.raises(NotSupported, match=r"route\.3"):
        matrix().encode(Set("route.3", 1))
