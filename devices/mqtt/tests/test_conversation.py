"""Talks with a device behind a broker: what is published, what it says, what we then know."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from devices.sdk import BadSetting, LinkState, ReplyTimeout, Salvo, Set, Settings, Unreachable, load_family
from devices.sdk.testing.conversation import Talk, conversation
from devices.sdk.transport.mqtt import chunk

FAMILY = load_family(Path(__file__).parent.parent)
TOPIC = "zigbee2mqtt/lampu"


def ask(key: str) -> bytes:
    """What asks the device."""
    return chunk("PUBLISH", f"{TOPIC}/get", json.dumps({key: ""}))


def order(**wanted: object) -> bytes:
    """What tells it."""
    return chunk("PUBLISH", f"{TOPIC}/set", json.dumps(wanted))


def state(verb: str = "MESSAGE", **told: object) -> bytes:
    """What it tells."""
    return chunk(verb, TOPIC, json.dumps(told))


ON_AND_BRIGHT = state(state="ON", brightness=254, linkquality=90)
AVAILABILITY = chunk("SUBSCRIBE", f"{TOPIC}/availability")
ONLINE = chunk("RETAINED", f"{TOPIC}/availability", '{"state":"online"}')
OFFLINE = chunk("MESSAGE", f"{TOPIC}/availability", '{"state":"offline"}')
ANSWERS = {
    chunk("CONNECT", ""): b"",
    chunk("SUBSCRIBE", TOPIC): b"",
    AVAILABILITY: ONLINE,
    ask("state"): ON_AND_BRIGHT,
    ask("brightness"): ON_AND_BRIGHT,
}


@asynccontextmanager
async def talk_to(
    answers: Mapping[bytes, bytes] = ANSWERS, link: LinkState = LinkState.READY, **settings: object
) -> AsyncIterator[Talk]:
    """A talk with the device."""
    driver = FAMILY.driver(FAMILY.manifest, Settings(FAMILY.manifest, {"topic": TOPIC, **settings}))
    # A line in memory stays silent where a chunk is empty.
    async with conversation(driver, answers=answers, state=link) as talk:
        yield talk


async def test_first_talk_listens_and_asks() -> None:
    """Log in, subscribe twice, ask for switch and brightness, ask the broker what it keeps."""
    async with talk_to() as talk:
        assert talk.told.sent == [
            chunk("CONNECT", ""),
            chunk("SUBSCRIBE", TOPIC),
            AVAILABILITY,
            ask("state"),
            ask("brightness"),
            AVAILABILITY,
        ]
        told = {reading.property: reading.value for reading in talk.told.readings}
    assert told == {"relay.1": True, "level": 100.0, "available": True}


async def test_the_bridges_word_is_no_reading() -> None:
    """zigbee2mqtt repeats what was asked for at once; only what the device tells later counts."""
    async with talk_to() as talk:
        talk.expect(order(state="OFF"))
        talk.reply(state(state="OFF", brightness=254))
        await talk.execute(Set("relay.1", value=False))
        assert talk.session.reading("relay.1").value is True  # type: ignore[union-attr]
        talk.say(state(state="OFF", brightness=254))
        assert (await talk.hears("relay.1", value=False)).source == "unsolicited"


async def test_what_the_device_contradicts_is_not_done() -> None:
    """It tells another state than the one asked for: the command goes unanswered, the truth is known."""
    async with talk_to() as talk:
        for _ in range(2):
            talk.expect(order(brightness=127))
            talk.reply(state(state="ON", brightness=3))
        assert isinstance(await talk.fails(Set("level", 50)), ReplyTimeout)
        levels = [reading.value for reading in talk.told.readings if reading.property == "level"]
        assert levels.count(3 * 100 / 254) == 2
        assert 50.0 not in levels


async def test_several_switches_travel_together() -> None:
    """One message, done when all of them are told."""
    two = {
        **ANSWERS,
        ask("state_l1"): state(state_l1="OFF", state_l2="OFF"),
        ask("state_l2"): state(state_l1="OFF", state_l2="OFF"),
    }
    async with talk_to(two, relays=2, dimmable=False) as talk:
        talk.expect(order(state_l1="ON", state_l2="ON"))
        talk.reply(state(state_l1="ON", state_l2="OFF"))
        talk.reply(state(state_l1="ON", state_l2="ON"))
        await talk.execute(Salvo((Set("relay.1", value=True), Set("relay.2", value=True))))


async def test_a_retained_state_is_of_another_day() -> None:
    """What the broker kept is not what the device is: it is asked."""
    async with talk_to({**ANSWERS, chunk("SUBSCRIBE", TOPIC): state("RETAINED", state="OFF")}) as talk:
        assert not any(reading.property == "relay.1" and reading.value is False for reading in talk.told.readings)


async def test_an_unplugged_device_is_offline_and_says_why() -> None:
    """Told while we wait for it, it ends the connection; nothing is sent into the void."""
    async with talk_to() as talk:
        talk.say(OFFLINE)
        await talk.hears("available", value=False)
        talk.expect(order(state="OFF"))
        talk.reply(OFFLINE)
        assert isinstance(await talk.fails(Set("relay.1", value=False)), Unreachable)
    async with talk_to({**ANSWERS, AVAILABILITY: OFFLINE}, LinkState.OFFLINE) as talk:
        assert "says that zigbee2mqtt/lampu is offline" in str(talk.session.status.error)


async def test_other_messages_mean_only_that_it_is_there() -> None:
    """A state without anything of ours: alive."""
    async with talk_to() as talk:
        talk.say(OFFLINE)
        await talk.hears("available", value=False)
        talk.say(state(linkquality=3))
        await talk.hears("available", value=True)
        talk.say(chunk("MESSAGE", "zigbee2mqtt/lain", '{"state":"OFF"}'))
        assert talk.session.reading("relay.1").value is True  # type: ignore[union-attr]


async def test_the_password_is_in_no_trace() -> None:
    """It is sent at login and shown as stars."""
    secret = {**ANSWERS, chunk("CONNECT", "ruang", "rahasia"): b""}
    async with talk_to(secret, username="ruang", password="rahasia") as talk:
        assert talk.told.sent[0] == b"CONNECT ruang\n***"


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"topic": "zigbee2mqtt/+"}, "topic"),
        ({"topic": ""}, "topic"),
        ({"topic": TOPIC, "channels": {"state_left": 2}}, "channels"),
        ({}, "topic"),
    ],
)
def test_what_cannot_work_is_refused_when_read(settings: dict[str, object], key: str) -> None:
    """A wildcard, no topic, a switch the device lacks."""
    with pytest.raises(BadSetting) as refusal:
        FAMILY.driver(FAMILY.manifest, Settings(FAMILY.manifest, settings))
    assert refusal.value.key == key


def test_a_plain_plug_has_no_level() -> None:
    """`dimmable: false` leaves the property out."""
    driver = FAMILY.driver(FAMILY.manifest, Settings(FAMILY.manifest, {"topic": TOPIC, "dimmable": False}))
    assert driver.properties() == ("relay.1", "available")
