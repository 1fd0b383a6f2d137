"""What a session promises, shown by talks with a toy."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from random import Random

import pytest

from devices.sdk import (
    Address,
    BadSetting,
    LinkState,
    LinkStatus,
    Priority,
    Query,
    ReadingSource,
    Refused,
    ReplyTimeout,
    Session,
    Set,
    Superseded,
    Unreachable,
    Value,
)
from devices.sdk.connection import MAX_BAD_FRAMES
from devices.sdk.session import BACKOFF_LONGEST_S, backoff
from devices.sdk.testing.conversation import conversation
from devices.sdk.testing.rig import AtOnce, Witness
from tests.devices.sdk.toy import ANSWERS, HOME, Toy

ON, OFF = Set("power", "on"), Set("power", "off")


async def test_a_retry_sends_the_same_bytes() -> None:
    """No answer, the line is alive: the command goes out once more, exactly as before."""
    async with conversation(Toy(), answers=ANSWERS, timing={"reply_timeout_ms": 40}) as talk:
        talk.expect(b"P1\n")
        talk.expect(b"P1\n")
        talk.reply(b"ok\n")
        await talk.execute(ON)
        assert talk.told.sent[-3:] == [b"P1\n", b"P?\n", b"P1\n"]


async def test_a_refusal_is_not_tried_again() -> None:
    """The device said no: once."""
    async with conversation(Toy(), answers=ANSWERS) as talk:
        talk.expect(b"P1\n")
        talk.reply(b"no\n")
        error = await talk.fails(ON)
    assert isinstance(error, Refused)


async def test_one_unanswered_command_at_a_time() -> None:
    """The second goes out after the first is answered, and safety overtakes what waits."""
    async with conversation(Toy(), answers=ANSWERS, timing={"reply_timeout_ms": 2000}) as talk:
        session = talk.session
        talk.expect(b"P1\n")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(session.execute(ON))
            await asyncio.sleep(0)
            tasks.create_task(session.execute(Set("freeze", value=True), priority=Priority.SCENE))
            tasks.create_task(session.execute(Set("mute", value=True), priority=Priority.SAFETY))
            await asyncio.sleep(0.02)
            assert talk.told.sent[-1] == b"P1\n"
            talk.expect(b"M1\n")
            talk.reply(b"ok\n")
            talk.expect(b"F1\n")
            talk.reply(b"ok\n")
            talk.say(b"ok\n")
        assert talk.told.sent[-3:] == [b"P1\n", b"M1\n", b"F1\n"]


async def test_the_newer_command_of_a_name_wins() -> None:
    """Three waiting drives of one name become one; the others are told Superseded."""
    async with conversation(Toy(), answers=ANSWERS, timing={"reply_timeout_ms": 2000}) as talk:
        talk.expect(b"M1\n")
        talk.expect(b"P1\n")
        talk.reply(b"ok\n")
        session = talk.session
        blocker = asyncio.create_task(session.execute(Set("mute", value=True)))
        await asyncio.sleep(0)
        drives = [asyncio.create_task(session.execute(command, name="drive")) for command in (OFF, OFF, ON)]
        await asyncio.sleep(0.01)
        talk.say(b"ok\n")
        results = await asyncio.gather(blocker, *drives, return_exceptions=True)
    assert results[0] is None
    assert [type(result) for result in results[1:]] == [Superseded, Superseded, type(None)]


async def test_a_caller_who_leaves_takes_the_command_along() -> None:
    """A command whose caller was cancelled while it waited is never sent."""
    async with conversation(Toy(), answers=ANSWERS, timing={"reply_timeout_ms": 2000}) as talk:
        talk.expect(b"M1\n")
        first = asyncio.create_task(talk.session.execute(Set("mute", value=True)))
        second = asyncio.create_task(talk.session.execute(ON))
        await asyncio.sleep(0.01)
        second.cancel()
        await asyncio.sleep(0)
        talk.say(b"ok\n")
        await first
        assert b"P1\n" not in talk.told.sent


async def test_nothing_is_queued_offline() -> None:
    """Not READY: refused at once, and nothing is sent after the return."""
    async with conversation(Toy(), answers=ANSWERS) as talk:
        talk.hang_up()
        await talk.until(lambda: talk.session.status.state is not LinkState.READY)
        with pytest.raises(Unreachable):
            await talk.session.execute(ON)
        await talk.until(lambda: talk.session.status.state is LinkState.READY)
        assert b"P1\n" not in talk.told.sent


async def test_a_wrong_value_is_refused_before_the_link_is_looked_at() -> None:
    """What cannot be said needs no device to be refused."""
    session = Session(Toy(), Address("memory", path="nobody"), Witness())
    with pytest.raises(BadSetting):
        await session.execute(Set("power", "perhaps"))


async def test_accepted_frees_the_line_but_not_the_socket() -> None:
    """While a motion runs questions pass, the next motion waits for its end."""
    async with conversation(Toy(), answers={**ANSWERS, b"M?\n": b"M=0\n"}) as talk:
        talk.expect(b"H\n")
        talk.reply(b"ack\n")
        await talk.execute(HOME)
        assert await talk.read("mute") is False
        talk.expect(b"P1\n")
        talk.reply(b"ok\n")
        waiting = asyncio.create_task(talk.session.execute(ON))
        await asyncio.sleep(0.01)
        assert talk.told.sent[-1] == b"M?\n"
        talk.say(b"done\n")
        await waiting


async def test_done_is_waited_for_when_asked() -> None:
    """With wait_done the command ends when the motion does, also when both stand in one chunk."""
    async with conversation(Toy(), answers=ANSWERS) as talk:
        talk.expect(b"H\n")
        talk.reply(b"ack\ndone\n")
        await talk.execute(HOME, wait_done=True)
        talk.expect(b"H\n")
        talk.reply(b"ack\n")
        moving = asyncio.create_task(talk.session.execute(HOME, wait_done=True))
        await asyncio.sleep(0.01)
        assert not moving.done()
        talk.say(b"done\n")
        await moving


async def test_what_cannot_be_read_is_written_and_says_so() -> None:
    """A property without read-back has a reading that is never verified."""
    async with conversation(Toy(), answers=ANSWERS) as talk:
        talk.expect(b"F1\n")
        talk.reply(b"ok\n")
        await talk.execute(Set("freeze", value=True))
        reading = talk.session.reading("freeze")
    assert reading is not None
    assert reading.source is ReadingSource.WRITTEN
    assert not reading.verified


async def test_a_silent_device_is_cut_after_the_second_silence() -> None:
    """The command and the proof of life both unanswered: the connection ends, the caller knows at once."""
    async with conversation(Toy(), answers=ANSWERS, timing={"reply_timeout_ms": 40}) as talk:
        talk._answers.clear()
        talk.expect(b"P1\n")
        talk.expect(b"P?\n")
        assert isinstance(await talk.fails(ON), ReplyTimeout)
        assert talk.told.states[-1] in {LinkState.OFFLINE, LinkState.READY, LinkState.CONNECTING}
        talk._answers |= ANSWERS
        await talk.until(lambda: talk.session.epoch == 2)


async def test_twenty_meaningless_messages_begin_anew() -> None:
    """Noise is counted, a good message forgives it, too much of it opens the line again."""
    async with conversation(Toy(), answers=ANSWERS) as talk:
        talk.say(b"?\n" * (MAX_BAD_FRAMES - 1))
        talk.say(b"P=1\n")
        await talk.hears("power", "on")
        talk.say(b"?\n" * (MAX_BAD_FRAMES - 1))
        await asyncio.sleep(0.01)
        assert talk.session.epoch == 1
        talk.say(b"?\n")
        await talk.until(lambda: talk.session.epoch == 2)


async def test_a_drivers_bug_does_not_end_the_session(caplog: pytest.LogCaptureFixture) -> None:
    """Logged once with its traceback; the connection goes on."""
    caplog.set_level(logging.INFO, "devices.sdk.connection")
    driver = Toy()
    async with conversation(driver, answers=ANSWERS) as talk:
        driver.broken = True
        talk.say(b"P=1\nP=0\n")
        await asyncio.sleep(0.01)
        driver.broken = False
        talk.say(b"P=1\n")
        await talk.hears("power", "on")
    assert caplog.text.count("driver failed") == 1


async def test_an_observers_bug_is_its_own(caplog: pytest.LogCaptureFixture) -> None:
    """Logged once, whatever it does."""

    class Bad(Witness):
        def link(self, status: LinkStatus) -> None:
            raise RuntimeError("observer")

        def learned(self, key: str, value: Value) -> None:
            raise RuntimeError("observer")

    session = Session(Toy(), Address("memory", path="nobody"), Bad())
    task = asyncio.create_task(session.run())
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert caplog.text.count("an observer of a device failed") == 1
    assert session.status.state is LinkState.STOPPED


async def test_loud_once_then_quiet(caplog: pytest.LogCaptureFixture) -> None:
    """The first failure is a WARNING, later ones are DEBUG, the return is one INFO."""
    caplog.set_level(logging.DEBUG, "devices.sdk.session")
    async with conversation(Toy(), answers=ANSWERS) as talk:
        for times in (1, 2, 3):
            talk.hang_up()
            await talk.until(partial(_back, talk.session, times + 1))
    levels = [record.levelno for record in caplog.records if record.name == "devices.sdk.session"]
    assert levels == [logging.WARNING, logging.INFO] * 3
    caplog.clear()
    session = Session(Toy(), Address("memory", path="nobody"), Witness(), random=AtOnce())
    task = asyncio.create_task(session.run())
    await asyncio.sleep(0.2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert [record.levelno for record in caplog.records].count(logging.WARNING) == 1
    assert logging.DEBUG in [record.levelno for record in caplog.records]


def _back(session: Session, epoch: int) -> bool:
    return session.epoch == epoch and session.status.state is LinkState.READY


def test_back_off_grows_and_stays_in_reach() -> None:
    """Full jitter below 0.5 s at first, below 30 s for ever; a device away for 20 s is looked for within 5 s."""
    random = Random(7)
    assert max(backoff(0.0, random) for _ in range(200)) <= 0.5
    assert max(backoff(20.0, random) for _ in range(200)) <= 5.0
    far = [backoff(100_000.0, random) for _ in range(400)]
    assert 25 < max(far) <= BACKOFF_LONGEST_S
    assert min(far) < 3


async def test_identical_questions_share_one_answer() -> None:
    """Ten panels that read at one moment cost one exchange more than the one on the line."""
    async with conversation(Toy(), answers=ANSWERS) as talk:
        before = talk.told.sent.count(b"P?\n")
        await asyncio.gather(*(talk.session.read("power") for _ in range(10)))
        assert talk.told.sent.count(b"P?\n") - before <= 2


def test_the_snapshot_of_the_toy_is_one_question() -> None:
    """The talks above rely on it."""
    assert Toy().snapshot() == (Query("power"),)
