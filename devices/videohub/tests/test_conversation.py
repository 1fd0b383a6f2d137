"""Talks with a hub, as its manual prints them."""

from __future__ import annotations

import pytest

from devices.sdk import (
    BadSetting,
    LinkState,
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
from devices.videohub.driver import Videohub

FAMILY = load_family(find_families()["videohub"])
DEVICE = b"VIDEOHUB DEVICE:\nDevice present: true\nModel name: Blackmagic Smart Videohub\n\n"
PRELUDE = (
    b"PROTOCOL PREAMBLE:\nVersion: 2.8\n\n"
    + DEVICE
    + (
        b"INPUT LABELS:\n0 Podium\n1 Kamera\n\nOUTPUT LABELS:\n0 Layar utama\n1 Layar kiri\n\n"
        b"VIDEO OUTPUT LOCKS:\n0 U\n1 U\n\nVIDEO OUTPUT ROUTING:\n0 0\n1 1\n\nCONFIGURATION:\nTake Mode: true\n\nEND PRELUDE:\n\n"
    )
)
ROUTES = b"VIDEO OUTPUT ROUTING:\n\n"
ANSWERS = {
    b"VIDEOHUB DEVICE:\n\n": b"ACK\n\n" + DEVICE,
    ROUTES: b"ACK\n\nVIDEO OUTPUT ROUTING:\n0 0\n1 1\n\n",
    b"VIDEO OUTPUT LOCKS:\n\n": b"ACK\n\nVIDEO OUTPUT LOCKS:\n0 U\n1 U\n\n",
}


def router() -> Videohub:
    """A driver of a 4x2 hub."""
    return Videohub(FAMILY.manifest, Settings(FAMILY.manifest, {"inputs": 4, "outputs": 2}))


async def test_the_prelude_tells_everything() -> None:
    """Labels are known without a question."""
    async with conversation(router(), answers=ANSWERS, greeting=PRELUDE) as talk:
        session = talk.session
        known = {name: reading.value for name in session.driver.properties() if (reading := session.reading(name))}
    assert known == {
        "route.1": 1,
        "route.2": 2,
        "lock.1": "unlocked",
        "lock.2": "unlocked",
        "label.1": "Layar utama",
        "label.2": "Layar kiri",
        "input_label.1": "Podium",
        "input_label.2": "Kamera",
        "model": "Blackmagic Smart Videohub",
    }


async def test_a_route_is_acknowledged_and_then_read() -> None:
    """ACK ends the command, the pushed block is a reading, the question confirms it."""
    async with conversation(router(), answers=ANSWERS, greeting=PRELUDE) as talk:
        talk.expect(b"VIDEO OUTPUT ROUTING:\n1 2\n\n")
        talk.reply(b"ACK\n\n")
        await talk.execute(Set("route.2", 3))
        before = talk.session.reading("route.2")
        assert before is not None
        assert before.value == 2, "an ACK proves nothing"
        talk.say(b"VIDEO OUTPUT ROUTING:\n1 2\n\n")
        assert (await talk.hears("route.2", 3)).source is ReadingSource.UNSOLICITED
        talk.expect(ROUTES)
        talk.reply(b"ACK\n\nVIDEO OUTPUT ROUTING:\n0 0\n1 2\n\n")
        assert await talk.read("route.2") == 3


async def test_the_block_may_come_before_its_ack() -> None:
    """The question is not over until both are there, so the ACK cannot be taken for the next command's."""
    async with conversation(router(), answers=ANSWERS, greeting=PRELUDE) as talk:
        talk.expect(ROUTES)
        talk.reply(b"VIDEO OUTPUT ROUTING:\n0 3\n1 1\n\n")
        talk.reply(b"ACK\n\n")
        assert await talk.read("route.1") == 4
        assert talk.session.counters.stray == 0


async def test_news_of_another_output_is_no_answer() -> None:
    """Between our question and its answer somebody switches output 2."""
    async with conversation(router(), answers=ANSWERS, greeting=PRELUDE) as talk:
        talk.expect(ROUTES)
        talk.reply(b"ACK\n\nVIDEO OUTPUT ROUTING:\n1 3\n\n")
        talk.reply(b"VIDEO OUTPUT ROUTING:\n0 2\n1 3\n\n")
        assert await talk.read("route.1") == 3


async def test_many_routes_are_one_request() -> None:
    """A salvo is one block with a line for each output."""
    async with conversation(router(), answers=ANSWERS, greeting=PRELUDE) as talk:
        talk.expect(b"VIDEO OUTPUT ROUTING:\n0 3\n1 3\n\n")
        talk.reply(b"ACK\n\nVIDEO OUTPUT ROUTING:\n0 3\n1 3\n\n")
        await talk.execute(Salvo((Set("route.1", 4), Set("route.2", 4))))


async def test_a_locked_output_is_refused_by_name() -> None:
    """The hub says ACK and does nothing; the driver knows the lock and says whose output it is."""
    async with conversation(router(), answers=ANSWERS, greeting=PRELUDE) as talk:
        talk.say(b"VIDEO OUTPUT LOCKS:\n1 L\n\n")
        await talk.hears("lock.2", "locked")
        talk.expect(b"VIDEO OUTPUT ROUTING:\n0 2\n1 2\n\n")
        talk.reply(b"ACK\n\nVIDEO OUTPUT ROUTING:\n0 2\n\n")
        error = await talk.fails(Salvo((Set("route.1", 3), Set("route.2", 3))))
        assert isinstance(error, Refused)
        assert "output 2 (Layar kiri) is locked by another controller" in str(error)
        assert error.device_code == "L"


async def test_our_own_lock_is_none() -> None:
    """O is ours: the route goes through."""
    async with conversation(router(), answers=ANSWERS, greeting=PRELUDE) as talk:
        talk.say(b"VIDEO OUTPUT LOCKS:\n1 O\n\n")
        await talk.hears("lock.2", "ours")
        talk.expect(b"VIDEO OUTPUT ROUTING:\n1 2\n\n")
        talk.reply(b"ACK\n\n")
        await talk.execute(Set("route.2", 3))


async def test_nak_is_a_refusal() -> None:
    """With the hint what to look at."""
    async with conversation(router(), answers=ANSWERS, greeting=PRELUDE) as talk:
        talk.expect(b"VIDEO OUTPUT ROUTING:\n1 2\n\n")
        talk.reply(b"NAK\n\n")
        error = await talk.fails(Set("route.2", 3))
        assert isinstance(error, Refused)
        assert error.device_code == "NAK"


async def test_silence_is_a_timeout_while_the_hub_lives() -> None:
    """Sent twice, then the model proves it alive; a late ACK ends nothing."""
    async with conversation(router(), answers=ANSWERS, greeting=PRELUDE) as talk:
        talk.expect(b"VIDEO OUTPUT ROUTING:\n1 2\n\n")
        talk.expect(b"VIDEO OUTPUT ROUTING:\n1 2\n\n")
        assert isinstance(await talk.fails(Set("route.2", 3)), ReplyTimeout)
        talk.say(b"ACK\n\n")
        assert talk.session.status.state is LinkState.READY


@pytest.mark.parametrize(("present", "model"), [(b"false", "no device"), (b"needs_update", "needs update")])
async def test_a_server_without_a_hub_says_so(present: bytes, model: str) -> None:
    """Videohub Server runs, the hub is not plugged in: connected, and the model says why nothing works."""
    answers = {
        b"VIDEOHUB DEVICE:\n\n": b"ACK\n\nVIDEOHUB DEVICE:\nDevice present: " + present + b"\n\n",
        ROUTES: b"NAK\n\n",
        b"VIDEO OUTPUT LOCKS:\n\n": b"NAK\n\n",
    }
    async with conversation(router(), answers=answers) as talk:
        reading = talk.session.reading("model")
    assert reading is not None
    assert reading.value == model


@pytest.mark.parametrize(("value", "why"), [(5, "input 5 does not exist"), (0, "cannot be 0")])
def test_what_the_hub_cannot_is_refused_before_it_is_sent(value: int, why: str) -> None:
    """The settings say how big it is; an output always shows something."""
    with pytest.raises(BadSetting, match=why):
        router().encode(Set("route.1", value))
