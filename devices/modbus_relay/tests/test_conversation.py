"""Talks with a board, in both envelopes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from devices.modbus_relay import protocol
from devices.modbus_relay.driver import ModbusRelay
from devices.sdk import (
    Act,
    Address,
    BadSetting,
    Busy,
    DeviceError,
    Failed,
    LinkState,
    NotSupported,
    Query,
    Refused,
    Salvo,
    Set,
    Settings,
    Unreachable,
    load_family,
)
from devices.sdk.testing.conversation import Talk, conversation

FAMILY = load_family(Path(__file__).parent.parent)
ASK = bytes.fromhex("01 01 00 00 00 08 3d cc")
TELL = bytes.fromhex("01 01 01 41 91 b8")


def driver(**settings: object) -> ModbusRelay:
    """A driver with these settings."""
    made = FAMILY.driver(FAMILY.manifest, Settings(FAMILY.manifest, settings))
    assert isinstance(made, ModbusRelay)
    return made


@asynccontextmanager
async def rtu(answer: bytes = TELL, state: LinkState = LinkState.READY) -> AsyncIterator[Talk]:
    """A talk over RTU."""
    async with conversation(driver(framing="rtu"), answers={ASK: answer}, state=state) as talk:
        yield talk


async def test_one_question_reads_the_board() -> None:
    """All relays are known after one exchange."""
    async with rtu() as talk:
        assert talk.told.sent == [ASK]
        told = {reading.property: reading.value for reading in talk.told.readings}
    assert [name for name, closed in told.items() if closed] == ["relay.1", "relay.7"]
    assert len(told) == 8


async def test_a_relay_is_closed_and_then_asked() -> None:
    """The echo ends the command and is no reading."""
    async with rtu() as talk:
        talk.expect(bytes.fromhex("01 05 00 01 ff 00 dd fa"))
        talk.reply(bytes.fromhex("01 05 00 01 ff 00 dd fa"))
        await talk.execute(Set("relay.2", value=True))
        assert talk.session.reading("relay.2").value is False  # type: ignore[union-attr]
        talk.expect(ASK)
        talk.reply(bytes.fromhex("01 01 01 43 10 79"))
        assert await talk.read("relay.2") is True


async def test_neighbours_are_switched_at_one_moment() -> None:
    """All eight in one request of function 15."""
    async with rtu() as talk:
        talk.expect(bytes.fromhex("01 0f 00 00 00 08 01 ff be d5"))
        talk.reply(bytes.fromhex("01 0f 00 00 00 08 54 0d"))
        await talk.execute(Salvo(tuple(Set(f"relay.{number}", value=True) for number in range(1, 9))))


async def test_over_tcp_requests_are_numbered() -> None:
    """An answer with an older number answers nothing any more."""
    numbered = conversation(
        driver(), answers={bytes.fromhex("0001 0000 0006 01 01 0000 0008"): bytes.fromhex("0001 0000 0004 01 01 01 41")}
    )
    async with numbered as talk:
        talk.expect(bytes.fromhex("0002 0000 0006 01 05 0000 0000"))
        talk.reply(bytes.fromhex("0001 0000 0006 01 05 0000 0000") + bytes.fromhex("0002 0000 0003 01 85 04"))
        error = await talk.fails(Set("relay.1", value=False))
        assert isinstance(error, Refused)
        assert error.device_code == "04"


async def test_a_repetition_keeps_its_number() -> None:
    """The answer to the second sending is taken, though the question for life in between had a number of its own."""
    states = "0000 0004 01 01 01 41"
    asked = {
        bytes.fromhex(f"{number} 0000 0006 01 01 0000 0008"): bytes.fromhex(f"{number} {states}")
        for number in ("0001", "0003")
    }
    write = bytes.fromhex("0002 0000 0006 01 05 0000 0000")
    async with conversation(driver(), answers=asked, timing={"reply_timeout_ms": 30}) as talk:
        talk.expect(write)
        talk.expect(write)
        talk.reply(write)
        await talk.execute(Set("relay.1", value=False))


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (1, NotSupported),
        (2, NotSupported),
        (3, Refused),
        (4, Refused),
        (5, Busy),
        (6, Busy),
        (10, Unreachable),
        (11, Unreachable),
    ],
)
def test_each_exception_has_its_meaning(code: int, kind: type[DeviceError]) -> None:
    """Sorted by who can mend it, with the board's code; an exception to what was not asked means nothing."""
    message = protocol.over_rtu(1, bytes([0x85, code]))
    one = driver(framing="rtu")
    (event,) = one.interpret(message, Set("relay.1", value=True))
    assert isinstance(event, Failed)
    assert type(event.error) is kind
    assert f"exception {code:02X}" in str(event.error)
    assert one.interpret(message, Query("relay.1")) == []


async def test_a_board_behind_a_gateway_that_is_gone_is_offline() -> None:
    """The gateway lives and says that the board does not."""
    gone = protocol.over_rtu(1, bytes([0x81, 11]))
    async with rtu(gone, LinkState.OFFLINE) as talk:
        assert "the board behind it does not" in str(talk.session.status.error)


async def test_another_boards_voice_ends_the_connection() -> None:
    """Two boards on one line: nothing can be attributed."""
    async with rtu() as talk:
        epoch = talk.session.epoch
        talk.say(bytes.fromhex("02 05 00 00 ff 00 8c 09"))
        await talk.until(lambda: talk.session.epoch > epoch)
        assert any("board 2" in str(status.error) for status in talk.told.links)


async def test_silence_is_offline() -> None:
    """Wrong address, wrong framing or no board."""
    async with rtu(b"", LinkState.OFFLINE) as talk:
        assert "does not answer" in str(talk.session.status.error)


def test_gaps_are_not_touched() -> None:
    """Relays 1, 2 and 5: two requests, and nothing is said to 3 and 4."""
    sets = (Set("relay.5", value=True), Set("relay.1", value=True), Set("relay.2", value=False))
    frames = driver(framing="rtu").encode(Salvo(sets))
    assert [frame.payload[:-2].hex(" ") for frame in frames] == ["01 0f 00 00 00 02 01 01", "01 05 00 04 ff 00"]


def test_there_is_no_toggle() -> None:
    """Neither a property nor an action, nor a value that would mean one."""
    for command in (Act("toggle", {"channel": 1}), Set("relay.1", "toggle")):
        with pytest.raises(DeviceError):
            driver().encode(command)


@pytest.mark.parametrize("number", [0, 9, "1", True])
def test_a_name_needs_a_relay_of_the_board(number: object) -> None:
    """A channel beyond the board is an error of the configuration that names it."""
    with pytest.raises(BadSetting, match="'back' is"):
        driver(channels={"front": 1, "back": number})


def test_tcp_framing_is_refused_on_a_serial_line() -> None:
    """It would never be answered."""
    with pytest.raises(BadSetting):
        driver(framing="tcp").attach(Address("serial", path="/dev/ttyUSB0"))


def test_a_board_that_counts_from_sixteen() -> None:
    """`first_coil` moves every request."""
    frame = driver(framing="rtu", first_coil=16).encode(Set("relay.1", value=True))[0]
    assert frame.payload[:6].hex(" ") == "01 05 00 10 ff 00"
