"""Talks with a console, as the protocol's document prints them."""

from __future__ import annotations

import pytest

from devices.sdk import (
    Act,
    BadSetting,
    LinkState,
    NotSupported,
    Query,
    ReadingSource,
    ReplyTimeout,
    Set,
    Settings,
    find_families,
    load_family,
)
from devices.sdk.testing.conversation import conversation
from devices.x32_osc import protocol as osc
from devices.x32_osc.driver import X32

FAMILY = load_family(find_families()["x32_osc"])
FADER, ON = "/ch/01/mix/fader", "/ch/01/mix/on"
ANSWERS = {
    osc.pack("/xremote"): b"",
    osc.pack("/info"): osc.pack("/info", "V2.05", "osc-server", "X32", "4.06"),
    osc.pack(FADER): osc.pack(FADER, 0.5),
    osc.pack(ON): osc.pack(ON, 1),
    osc.pack("/main/st/mix/fader"): osc.pack("/main/st/mix/fader", 0.75),
    osc.pack("/main/st/mix/on"): osc.pack("/main/st/mix/on", 0),
    osc.pack("/-show/prepos/current"): osc.pack("/-show/prepos/current", 4),
}


def console(**settings: object) -> X32:
    """A driver of two strips."""
    given = {"channels": {"main": "main", "mimbar": "ch1"}, **settings}
    return X32(FAMILY.manifest, Settings(FAMILY.manifest, given))


async def test_everything_is_read_and_the_subscription_made() -> None:
    """Names of room.yaml, values in percent, ON turned round."""
    async with conversation(console(), answers=ANSWERS) as talk:
        session = talk.session
        known = {name: reading.value for name in session.driver.properties() if (reading := session.reading(name))}
        assert talk.told.sent[0] == osc.pack("/xremote")
    assert known == {
        "volume.main": 75.0,
        "volume.mimbar": 50.0,
        "mute.main": True,
        "mute.mimbar": False,
        "scene": 4,
        "model": "X32",
        "firmware": "4.06",
    }


async def test_a_set_is_followed_by_a_question() -> None:
    """No acknowledgement exists: the answer to the question ends the command and is the reading."""
    async with conversation(console(), answers=ANSWERS) as talk:
        talk.expect(osc.pack(FADER, 0.8))
        talk.expect(osc.pack(FADER))
        talk.reply(osc.pack(FADER, 0.7996))
        await talk.execute(Set("volume.mimbar", 80.0))
        reading = talk.session.reading("volume.mimbar")
    assert reading is not None
    assert (reading.value, reading.source) == (79.96, ReadingSource.QUERY)


async def test_muting_is_switching_off() -> None:
    """`on ,i 0` is mute."""
    async with conversation(console(), answers=ANSWERS) as talk:
        talk.expect(osc.pack(ON, 0))
        talk.expect(osc.pack(ON))
        talk.reply(osc.pack(ON, 0))
        await talk.execute(Set("mute.mimbar", value=True))
        reading = talk.session.reading("mute.mimbar")
    assert reading is not None
    assert reading.value is True


async def test_a_hand_on_the_console_is_heard() -> None:
    """Pushed to subscribers, known at once; other strips and meters are no noise, however many."""
    async with conversation(console(), answers=ANSWERS) as talk:
        for number in range(60):
            talk.say(osc.pack("/ch/20/mix/fader", number / 100))
        talk.say(osc.pack("/main/st/mix/fader", 0.25))
        assert (await talk.hears("volume.main", 25.0)).source is ReadingSource.UNSOLICITED
        assert talk.session.status.state is LinkState.READY
        assert talk.session.counters.garbage == 0


@pytest.mark.parametrize("argument", [float("nan"), 7.5, -1.0, 1])
async def test_what_a_fader_cannot_be_is_not_believed(argument: float) -> None:
    """A flipped bit must not become a volume."""
    async with conversation(console(), answers=ANSWERS) as talk:
        talk.say(osc.pack(FADER, argument))
        talk.say(osc.pack("/main/st/mix/fader", 0.25))
        await talk.hears("volume.main", 25.0)
        reading = talk.session.reading("volume.mimbar")
    assert reading is not None
    assert reading.value == 50.0


async def test_a_silent_strip_is_unsupported_and_nothing_else() -> None:
    """A strip this console lacks: the rest works."""
    answers = {**ANSWERS, osc.pack(FADER): b"", osc.pack(ON): b""}
    async with conversation(console(), answers=answers, timing={"reply_timeout_ms": 30}) as talk:
        assert talk.session.unsupported == {"volume.mimbar", "mute.mimbar"}


async def test_an_unanswered_set_is_a_timeout() -> None:
    """The question is asked again, then its sender is told."""
    async with conversation(console(), answers=ANSWERS, timing={"reply_timeout_ms": 50, "retries": 1}) as talk:
        talk.expect(osc.pack(FADER, 0.8))
        talk.expect(osc.pack(FADER))
        talk.expect(osc.pack(FADER))
        assert isinstance(await talk.fails(Set("volume.mimbar", 80.0)), ReplyTimeout)


async def test_scenes_are_recalled() -> None:
    """An action without answer; X-Air has other addresses and numbers."""
    async with conversation(console(), answers=ANSWERS) as talk:
        talk.expect(osc.pack("/-action/goscene", 3))
        await talk.execute(Act("recall_scene", {"number": 3}))
        await talk.until(lambda: talk.told.sent[-1] == osc.pack("/-action/goscene", 3))
        assert isinstance(await talk.fails(Act("recall_scene", {"number": 100})), BadSetting)
    driver = console(model="xair")
    assert driver.encode(Act("recall_scene", {"number": 64}))[0].payload == osc.pack("/-snap/load", 64)
    assert driver.encode(Query("volume.main"))[0].payload == osc.pack("/lr/mix/fader")


@pytest.mark.parametrize("name", ["volume.ch9", "volume.3", "volume", "gain.main", "route.1"])
def test_what_is_not_named_has_no_property(name: str) -> None:
    """The message lists what is named under `channels`."""
    with pytest.raises(NotSupported, match="main, mimbar"):
        console().encode(Query(name))


def test_without_channels_there_are_main_and_eight() -> None:
    """A console out of the box."""
    driver = X32(FAMILY.manifest, Settings(FAMILY.manifest, {}))
    assert driver.properties()[:3] == ("volume.main", "volume.ch1", "volume.ch2")
    assert len(driver.properties()) == 2 * 9 + 3
