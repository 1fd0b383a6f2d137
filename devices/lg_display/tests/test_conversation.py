"""Talks from the manual: what goes out, what the set says, what we then know."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from devices.sdk import BadSetting, Busy, DeviceError, LinkState, NotSupported, Refused, Set, Settings, load_family
from devices.sdk.testing.conversation import Talk, conversation

FAMILY = load_family(Path(__file__).parent.parent)
AWAKE = {
    b"ka 01 ff\r": b"a 01 OK01x",
    b"xb 01 ff\r": b"b 01 OKa0x",
    b"kd 01 ff\r": b"d 01 OK00x",
    b"kf 01 ff\r": b"f 01 OK14x",
    b"ke 01 ff\r": b"e 01 OK01x",
    b"sv 01 02 ff\r": b"v 01 OK0201x",
    b"dn 01 ff\r": b"n 01 OK26x",
    b"fy 01 ff\r": b"y 01 OK612SIM000001x",
    b"fz 01 ff\r": b"z 01 NG02x",
}
"""A set whose first HDMI socket is labelled PC, and which does not tell its firmware."""


@asynccontextmanager
async def talk_to(
    answers: Mapping[bytes, bytes] = AWAKE, state: LinkState = LinkState.READY, **settings: object
) -> AsyncIterator[Talk]:
    """A talk with set 1."""
    driver = FAMILY.driver(FAMILY.manifest, Settings(FAMILY.manifest, settings))
    async with conversation(driver, answers=answers, state=state) as talk:
        yield talk


async def test_first_talk_reads_the_set() -> None:
    """Everything is asked once; what it does not know is unsupported."""
    async with talk_to() as talk:
        told = {reading.property: reading.value for reading in talk.told.readings}
        assert talk.session.unsupported == {"firmware"}
    assert told == {
        "power": "on",
        "input": "hdmi1",
        "blank": False,
        "volume": 20.0,
        "mute": False,
        "signal": True,
        "temperature": 38,
        "serial": "612SIM000001",
    }


async def test_mute_is_upside_down() -> None:
    """00 silences; the answer repeats it and is no reading."""
    async with talk_to() as talk:
        talk.expect(b"ke 01 00\r")
        talk.reply(b"e 01 OK00x")
        await talk.execute(Set("mute", value=True))
        assert talk.session.reading("mute").value is False  # type: ignore[union-attr]
        talk.expect(b"ke 01 ff\r")
        talk.reply(b"e 01 OK00x")
        assert await talk.read("mute") is True


async def test_a_socket_is_the_same_under_both_its_codes() -> None:
    """Sent as 91, acknowledged and read as A1: hdmi2."""
    async with talk_to() as talk:
        talk.expect(b"xb 01 91\r")
        talk.reply(b"b 01 OKa1x")
        await talk.execute(Set("input", "hdmi2"))


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(b"f 01 NG01x", Refused), (b"f 01 NG02x", NotSupported), (b"f 01 NG03x", Busy), (b"f 01 NG00x", Refused)],
)
async def test_each_refusal_has_its_meaning(answer: bytes, kind: type[DeviceError]) -> None:
    """1 illegal, 2 unsupported, 3 wait; the code stands in the message."""
    async with talk_to() as talk:
        talk.expect(b"kf 01 1e\r")
        talk.reply(answer)
        error = await talk.fails(Set("volume", 30))
        assert type(error) is kind
        assert answer[5:9].decode() in str(error)


async def test_three_digits() -> None:
    """Sets that count to 1000 are spoken to with three."""
    long = {ask.replace(b" 01 ", b" 001 ", 1): told.replace(b" 01 ", b" 001 ", 1) for ask, told in AWAKE.items()}
    async with talk_to(long, id_digits="3") as talk:
        assert talk.session.reading("power").value == "on"  # type: ignore[union-attr]


async def test_own_inputs_by_name() -> None:
    """The model's own table: sent and read by the room's names."""
    async with talk_to(inputs={"laptop": "a0", "ruang-sebelah": "c3"}) as talk:
        assert talk.session.reading("input").value == "laptop"  # type: ignore[union-attr]
        talk.expect(b"xb 01 c3\r")
        talk.reply(b"b 01 OKc3x")
        await talk.execute(Set("input", "ruang-sebelah"))


async def test_another_sets_voice_ends_the_connection() -> None:
    """Nothing could be attributed any more."""
    async with talk_to() as talk:
        epoch = talk.session.epoch
        talk.say(b"a 02 OK01x")
        await talk.until(lambda: talk.session.epoch > epoch)
        assert any("set 2" in str(status.error) for status in talk.told.links)


async def test_a_late_acknowledgement_ends_nothing_else() -> None:
    """An answer of another word does not end the command that waits."""
    async with talk_to() as talk:
        talk.expect(b"kd 01 01\r")
        talk.reply(b"e 01 OK00xa 01 NG00xd 01 OK01x")
        await talk.execute(Set("blank", value=True))


async def test_silence_is_offline() -> None:
    """Wrong id, wrong number of digits, or a set without its network in standby."""
    async with talk_to(dict.fromkeys(AWAKE, b""), LinkState.OFFLINE) as talk:
        assert "does not answer" in str(talk.session.status.error)


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"id": 0}, "id"),
        ({"id": 300}, "id_digits"),
        ({"inputs": {"laptop": "zz"}}, "inputs"),
        ({"inputs": {"laptop": 0}}, "inputs"),
    ],
)
def test_what_cannot_work_is_refused_when_read(settings: dict[str, object], key: str) -> None:
    """All sets at once, an id too long for its digits, a code that is none."""
    with pytest.raises(BadSetting) as refusal:
        FAMILY.driver(FAMILY.manifest, Settings(FAMILY.manifest, settings))
    assert refusal.value.key == key
