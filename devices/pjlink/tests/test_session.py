"""Driver and simulator over a real socket: what a room lives through with a projector."""

import asyncio

import pytest

from devices.pjlink.simulator import PJLinkSimulator
from devices.pjlink.tests.rig import bench
from devices.sdk import (
    Busy,
    LinkState,
    NotSupported,
    Query,
    ReadingSource,
    Refused,
    ReplyTimeout,
    Set,
    Settings,
    Unreachable,
    Value,
    WrongPassword,
)

SHARED = {"hold": False, "password": "rahasia"}
BRIEF = {"release_s": 0.03, "poll_s": 0.2}


@pytest.mark.parametrize(
    "settings", [{}, {"password": "rahasia"}, {"class": "1"}, {"class": "2", "password": "rahasia"}]
)
async def test_everything_is_read_before_ready(settings: dict[str, object]) -> None:
    """When the projector is READY, each property it has was read on this connection and is what the projector is."""

    def lit(simulator: PJLinkSimulator) -> None:
        simulator.front_panel("power", "on")
        simulator.front_panel("input", "hdmi2")

    async with bench(settings=settings, prepare=lit) as b:
        truth = b.simulator.snapshot()
        if settings.get("class") == "1":
            del truth["freeze"]
        seen = {name: reading for name in truth if (reading := b.session.reading(name))}
        assert truth == {name: reading.value for name, reading in seen.items()}
        assert {(1, ReadingSource.QUERY)} == {(reading.epoch, reading.source) for reading in seen.values()}
        assert Query("mute") not in b.session.driver.snapshot()  # AVMT told both


async def test_every_settable_property_reaches_its_goal() -> None:
    """Each property follows a command, by the projector's own word."""
    async with bench() as b:
        for name, value in [("power", "on"), ("input", "hdmi3"), ("input", "internal1"), ("input", "rgb2")]:
            assert await b.bring(name, value) == value
        for name in ("blank", "mute", "freeze"):
            for on in (True, False, True):
                assert await b.bring(name, on) is on
        goal = {"power": "on", "input": "rgb2", "blank": True, "mute": True, "freeze": True}
        assert b.simulator.snapshot() | goal == b.simulator.snapshot()
        assert await b.bring("power", "off") == "off"


async def test_warm_up_and_cooling_are_told_as_such() -> None:
    """While the lamp warms an input is Busy with a time to try again, power reads warming, then on; while it cools, on is Busy."""
    async with bench(faults="warmup=0.15,cooling=0.15") as b:
        assert await b.bring("power", "on") == "warming"
        with pytest.raises(Busy) as refusal:
            await b.session.execute(Set("input", "hdmi1"))
        assert refusal.value.retry_after == 5.0
        with pytest.raises(Busy):
            await b.session.execute(Set("power", "off"))
        assert (await b.session.read("input")).value is None
        await b.until(lambda: b.simulator.snapshot()["power"] == "on")
        assert await b.bring("input", "hdmi1") == "hdmi1"
        assert await b.bring("power", "off") == "cooling"
        with pytest.raises(Busy):
            await b.session.execute(Set("power", "on"))
        await b.until(lambda: b.simulator.snapshot()["power"] == "off")
        assert await b.bring("power", "on") == "warming"


async def test_wrong_password_is_a_configuration_error() -> None:
    """A refused password shows REFUSED with the fix and the longest back-off; neither password nor digest appears in a trace."""
    async with bench(settings={"password": "tebakan"}, device={"password": "rahasia"}, ready=False) as b:
        await b.reach(LinkState.REFUSED)
        assert isinstance(b.session.status.error, WrongPassword)
        assert b.session.status.retry_in == 30.0
        with pytest.raises(Unreachable):
            await b.session.execute(Set("power", "on"))
        assert b.told.sent == [b"***%1CLSS ?\r"]


async def test_missing_password_names_the_setting() -> None:
    """A projector that asks for a password while room.yaml has none says what to write."""
    async with bench(device={"password": "rahasia"}, ready=False) as b:
        await b.reach(LinkState.REFUSED)
        assert "password: !secret" in str(b.session.status.error)


async def test_digest_is_sent_once_for_each_connection() -> None:
    """Of all lines of a connection only the first carries the digest."""
    async with bench(settings={"password": "rahasia"}) as b:
        await b.bring("power", "on")
        assert [line.startswith(b"***") for line in b.told.sent] == [True] + [False] * (len(b.told.sent) - 1)


async def test_another_controller_holds_the_only_connection() -> None:
    """While another controller is served, the technician reads why nothing happens; afterwards it is our turn."""
    async with bench(timing={"reply_timeout_ms": 50, **BRIEF}, settings={"hold": False}) as b:
        await b.until(lambda: not b.simulator.clients)
        _, writer = await asyncio.open_connection(b.session.address.host, b.session.address.port)
        await b.until(lambda: "another controller" in str(b.session.status.error))
        writer.close()
        await writer.wait_closed()
        await b.reach(LinkState.READY)


async def test_missing_input_and_lamp_are_told_apart_from_trouble() -> None:
    """An input this projector lacks is not supported; its own failure carries its own word."""
    async with bench(device={"class": "2", "inputs": {"hdmi1": 31}}) as b:
        await b.bring("power", "on")
        with pytest.raises(NotSupported, match="ERR2"):
            await b.session.execute(Set("input", "hdmi2"))
        await b.bring("power", "off")
        b.simulator.projector.lamp_fails = True
        with pytest.raises(Refused) as refusal:
            await b.session.execute(Set("power", "on"))
        assert refusal.value.device_code == "ERR4"


async def test_front_panel_is_seen_by_the_next_poll() -> None:
    """PJLink says nothing by itself over TCP: a change by hand is read by the poll."""
    async with bench(timing={"poll_s": 0.1}) as b:
        b.simulator.front_panel("power", "on")
        await b.until(lambda: b.knows("power", "on"))
        b.simulator.front_panel("fault", "filter warning")
        await b.until(lambda: b.knows("fault", "filter warning"))


async def test_power_state_is_never_kept_for_ever() -> None:
    """Missed answers do not freeze the power state: the poll asks again."""
    async with bench(timing={"poll_s": 0.1, "reply_timeout_ms": 30}) as b:
        b.spoil("drop_ack=0.3")
        b.simulator.front_panel("power", "on")
        await b.until(lambda: b.knows("power", "on"))


async def test_silent_projector_goes_offline_and_comes_back() -> None:
    """A projector that stands there and answers nothing is offline after one question and one probe, and back when it answers."""
    async with bench(timing={"poll_s": 0.1, "reply_timeout_ms": 30}) as b:
        b.spoil("silent")
        await b.reach(LinkState.OFFLINE)
        assert isinstance(b.session.status.error, ReplyTimeout)
        b.spoil("")
        await b.reach(LinkState.READY)


async def test_power_cut_in_the_middle_of_a_command() -> None:
    """A reboot ends the connection; the command is answered with an error, the state is read anew in a new epoch."""
    async with bench(timing={"reply_timeout_ms": 50}) as b:
        await b.bring("power", "on")
        epoch = b.session.epoch
        b.spoil("reboot=0.1")
        with pytest.raises((Unreachable, ReplyTimeout)):
            await b.session.execute(Set("input", "hdmi2"))
        await b.until(lambda: b.session.status.state is LinkState.READY and b.session.epoch > epoch)
        assert (reading := b.session.reading("power")) is not None
        assert (reading.value, reading.epoch) == ("off", b.session.epoch)


async def test_lie_is_seen_by_the_read_back() -> None:
    """A projector that acknowledges and does nothing is found out by reading."""
    async with bench() as b:
        b.spoil("lie")
        assert await b.bring("power", "on") == "off"


@pytest.mark.parametrize(
    "fault", ["half", "join", "duplicate=3", "shuffle", "garbage=0.2", "delay=0.02", "nak=0.2", "flip=0.002"]
)
async def test_spoiled_lines_leave_the_truth(fault: str) -> None:
    """Whatever happened to the bytes, when the fault is gone a read tells what the projector is."""
    async with bench(timing={"poll_s": 0.2, "reply_timeout_ms": 100}) as b:
        b.spoil(fault)
        goals: list[tuple[str, Value]] = [("power", "on"), ("input", "hdmi2"), ("blank", True), ("mute", True)]
        for name, value in goals:
            try:
                await b.session.execute(Set(name, value))
            except (Refused, ReplyTimeout, Unreachable, Busy):
                await b.reach(LinkState.READY)
        b.spoil("")
        await b.reach(LinkState.READY)
        for name in ("power", "input", "blank", "mute"):
            truth = b.simulator.snapshot()
            expected = truth[name] if name == "power" or truth["power"] == "on" else None
            assert (await b.session.read(name)).value == expected


async def test_late_answer_is_not_taken_for_another() -> None:
    """An answer that comes after its time ends no other command: what is read afterwards is true."""
    async with bench(timing={"poll_s": 30, "reply_timeout_ms": 100, "retries": 0}) as b:
        b.spoil("delay=0.15")
        with pytest.raises(ReplyTimeout):
            await b.session.read("power")
        b.spoil("")
        b.simulator.front_panel("power", "on")
        assert (await b.session.read("power")).value == "on"


async def test_idle_close_by_the_projector_is_no_outage() -> None:
    """A projector that hangs up because nobody spoke stays READY; the line is back in a new epoch with everything read anew."""

    def impatient(simulator: PJLinkSimulator) -> None:
        simulator.idle_close_s = 0.05

    async with bench(timing={"poll_s": 0}, prepare=impatient) as b:
        await b.until(lambda: b.session.epoch >= 3)
        assert LinkState.OFFLINE not in b.told.states
        b.simulator.idle_close_s = 30.0
        await b.until(
            lambda: all(
                seen.epoch == b.session.epoch for name in ("power", "name") if (seen := b.session.reading(name))
            )
        )
        assert await b.bring("power", "on") == "on"
        assert b.session.status.epoch == b.session.epoch


async def test_command_while_the_line_is_taken_up_again() -> None:
    """A command given between the projector's idle close and the new connection is carried out, not refused."""
    async with bench(timing={"poll_s": 0}) as b:
        for value in ("on", "off", "on"):
            epoch = b.session.epoch
            line = b.session._connection
            b.simulator.clients[0].close()
            await b.until(lambda line=line: b.session._connection is not line)  # type: ignore[misc]  # the loop's own value
            assert await b.bring("power", value) == value
            assert b.session.epoch == epoch + 1
            await b.until(lambda: b.session._whole)
        assert LinkState.OFFLINE not in b.told.states


async def test_shared_projector_is_free_between_exchanges() -> None:
    """With `hold: false` another controller gets its turn, the projector stays READY, and our next command takes the line up again."""
    async with bench(settings=SHARED, timing=BRIEF | {"poll_s": 60}) as b:
        await b.until(lambda: not b.simulator.clients)
        reader, writer = await asyncio.open_connection(b.session.address.host, b.session.address.port)
        assert (await reader.readuntil(b"\r")).startswith(b"PJLINK 1 ")
        writer.close()
        await writer.wait_closed()
        assert await b.bring("power", "on") == "on"
        assert await b.bring("input", "hdmi2") == "hdmi2"
        assert b.session.epoch == 2
        await b.until(lambda: not b.simulator.clients)
        assert set(b.told.states) == {LinkState.CONNECTING, LinkState.LOGIN, LinkState.READY}


async def test_shared_projector_is_polled_and_its_loss_is_seen() -> None:
    """With `hold: false` each poll is a short visit that sees changes by hand, and finds a projector that is gone."""
    async with bench(settings=SHARED, timing=BRIEF) as b:
        b.simulator.front_panel("power", "on")
        await b.until(lambda: b.knows("power", "on"))
        assert b.told.sent.count(b"%1NAME ?\r") == 1
        b.simulator.power_cut(0.3)
        await b.reach(LinkState.OFFLINE)
        with pytest.raises(Unreachable):
            await b.session.execute(Set("power", "on"))
        await b.reach(LinkState.READY)


async def test_password_changed_during_a_rest_is_told() -> None:
    """A command that finds the door locked fails at once, and the device shows REFUSED."""
    async with bench(settings=SHARED, timing=BRIEF | {"poll_s": 60}) as b:
        await b.until(lambda: not b.simulator.clients)
        b.simulator.settings = Settings(b.simulator.manifest, {"password": "baru"})
        with pytest.raises(Unreachable):
            await b.session.execute(Set("power", "on"))
        await b.reach(LinkState.REFUSED)
