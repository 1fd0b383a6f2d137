"""Talks as the standard tells them, and as projectors in the field hold them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from devices.pjlink.driver import PJLink
from devices.pjlink.tests.rig import MANIFEST
from devices.sdk import Busy, LinkState, Query, Refused, Set, Settings, WrongPassword
from devices.sdk.testing.conversation import Talk, conversation

LIT = {
    b"%1POWR ?\r": b"%1POWR=1\r",
    b"%1INPT ?\r": b"%1INPT=31\r",
    b"%1AVMT ?\r": b"%1AVMT=30\r",
    b"%1ERST ?\r": b"%1ERST=000000\r",
    b"%1LAMP ?\r": b"%1LAMP=2504 1 1203 1\r",
    b"%1NAME ?\r": b"%1NAME=Aula\r",
    b"%1INF1 ?\r": b"%1INF1=Epson\r",
    b"%1INF2 ?\r": b"%1INF2=EB-L200\r",
    b"%1CLSS ?\r": b"%1CLSS=1\r",
}
"""A class 1 projector that shows its first HDMI socket."""


@asynccontextmanager
async def talk_to(
    answers: Mapping[bytes, bytes] = LIT,
    greeting: bytes = b"PJLINK 0\r",
    state: LinkState = LinkState.READY,
    **settings: str,
) -> AsyncIterator[Talk]:
    """A talk with a projector that answers so."""
    async with conversation(
        PJLink(MANIFEST, Settings(MANIFEST, settings)), answers=answers, greeting=greeting, state=state
    ) as talk:
        yield talk


async def test_first_talk_reads_the_whole_projector() -> None:
    """After the greeting everything is asked once; class 2 words are not said to a class 1 projector."""
    async with talk_to() as talk:
        assert [line for line in talk.told.sent if line.startswith(b"%2")] == []
        told = {reading.property: reading.value for reading in talk.told.readings}
        assert told == {
            "power": "on",
            "input": "hdmi1",
            "blank": False,
            "mute": False,
            "fault": "none",
            "lamp_hours": 2504,
            "name": "Aula",
            "maker": "Epson",
            "model": "EB-L200",
            "class": 1,
        }


async def test_digest_of_the_standard_opens_the_door() -> None:
    """Salt 498e4a67 and password JBMIAProjectorLink give the digest of the standard, before the first command only."""
    digest = b"5d8409bc1c3fa39749434aa3a5c38682"
    async with talk_to(
        LIT | {digest + b"%1CLSS ?\r": b"%1CLSS=1\r"}, b"PJLINK 1 498e4a67\r", password="JBMIAProjectorLink"
    ) as talk:
        talk.expect(b"%1POWR 0\r")
        talk.reply(b"%1POWR=OK\r")
        await talk.execute(Set("power", "off"))


async def test_wrong_password_is_told_by_name() -> None:
    """ERRA in answer to the first command is a wrong password."""
    wrong = {b"5d8409bc1c3fa39749434aa3a5c38682%1CLSS ?\r": b"PJLINK ERRA\r"}
    async with talk_to(wrong, b"PJLINK 1 498e4a67\r", LinkState.REFUSED, password="JBMIAProjectorLink") as talk:
        assert isinstance(talk.session.status.error, WrongPassword)


async def test_input_during_warm_up_waits() -> None:
    """ERR3 to an input is Busy; the same words succeed when the lamp is on."""
    async with talk_to() as talk:
        talk.expect(b"%1INPT 32\r")
        talk.reply(b"%1INPT=ERR3\r")
        assert isinstance(await talk.fails(Set("input", "hdmi2")), Busy)
        talk.expect(b"%1INPT 32\r")
        talk.reply(b"%1INPT=OK\r")
        await talk.execute(Set("input", "hdmi2"))
        talk.expect(b"%1INPT ?\r")
        talk.reply(b"%1INPT=32\r")
        assert await talk.read("input") == "hdmi2"


async def test_nul_padding_and_link_messages_disturb_nothing() -> None:
    """Bytes that some projectors put between the lines change no answer."""
    padded = {line: b"\0\0" + answer + b"\n\0\0" for line, answer in LIT.items()} | {
        b"%1POWR ?\r": b"%2LKUP=02:53:4D:52:00:01\r%1POWR=1\r\0"
    }
    async with talk_to(padded, b"PJLINK 0\r\0\0\0\0") as talk:
        assert await talk.read("power") == "on"
        assert await talk.read("input") == "hdmi1"


async def test_unsolicited_class_2_words_are_readings() -> None:
    """A line nobody asked for is believed: power and input as class 2 notifies them."""
    async with talk_to() as talk:
        talk.say(b"%2POWR=2\r%2INPT=3A\r")
        assert (await talk.hears("power", "cooling")).source == "unsolicited"
        assert (await talk.hears("input", "hdmi10")).source == "unsolicited"


async def test_answer_that_means_nothing_is_a_refusal() -> None:
    """A power state outside the standard is told as such, at once."""
    async with talk_to() as talk:
        talk.expect(b"%1POWR ?\r")
        talk.reply(b"%1POWR=7\r")
        error = await talk.fails(Query("power"))
        assert isinstance(error, Refused)
        assert "'7' to POWR" in str(error)
