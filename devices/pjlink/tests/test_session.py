"""Driver and simulator over a real socket: what a room lives through with a projector."""

import asyncio
import time

import pytest

from devices.pjlink.tests.rig import rig
from devices.sdk.commands import Query, Set
from devices.sdk.connection import LinkState
from devices.sdk.errors import Busy, NotSupported, Refused, ReplyTimeout, Unreachable, WrongPassword
from devices.sdk.readings import ReadingSource, Value
from devices.sdk.settings import Settings


@pytest.mark.parametrize(
    "settings", [{}, {"password": "rahasia"}, {"class": "1"}, {"class": "2", "password": "rahasia"}]
)
async def test_everything_is_read_before_ready(settings: dict[str, object]) -> None:
    """When the projector is READY, each property it has was read on this connection and is what the projector is."""
    async with rig(settings=settings) as r:
        r.simulator.front_panel("power", "on")
        r.simulator.front_panel("input", "hdmi2")
        await r.reach(LinkState.READY)
        truth = r.simulator.snapshot()
        if settings.get("class") == "1":
            del truth["freeze"]
        seen = {name: reading for name in truth if (reading := r.session.reading(name))}
        assert truth == {name: reading.value for name, reading in seen.items()}
        assert {(1, ReadingSource.QUERY)} == {(reading.epoch, reading.source) for reading in seen.values()}


async def test_every_settable_property_reaches_its_goal() -> None:
    """Each property follows a command, by the projector's own word."""
    async with rig() as r:
        await r.reach(LinkState.READY)
        for name, value in [("power", "on"), ("input", "hdmi3"), ("input", "internal1"), ("input", "rgb2")]:
            assert await r.bring(name, value) == value
        for name in ("blank", "mute", "freeze"):
            for on in (True, False, True):
                assert await r.bring(name, on) is on
        assert (
            r.simulator.snapshot() | {"power": "on", "input": "rgb2", "blank": True, "mute": True, "freeze": True}
            == r.simulator.snapshot()
        )
        assert await r.bring("power", "off") == "off"


async def test_warm_up_and_cooling_are_told_as_such() -> None:
    """While the lamp warms an input is Busy with a time to try again, power reads warming, then on; while it cools, on is Busy."""
    async with rig("warmup=0.15,cooling=0.15") as r:
        await r.reach(LinkState.READY)
        assert await r.bring("power", "on") == "warming"
        with pytest.raises(Busy) as refusal:
            await r.session.execute(Set("input", "hdmi1"))
        assert refusal.value.retry_after == 5.0
        with pytest.raises(Busy):
            await r.session.execute(Set("power", "off"))
        assert (await r.session.read("input")).value is None
        await r.until(lambda: r.simulator.snapshot()["power"] == "on")
        assert await r.bring("input", "hdmi1") == "hdmi1"
        assert await r.bring("power", "off") == "cooling"
        with pytest.raises(Busy):
            await r.session.execute(Set("power", "on"))
        await r.until(lambda: r.simulator.snapshot()["power"] == "off")
        assert await r.bring("power", "on") == "warming"


async def test_wrong_password_is_a_configuration_error() -> None:
    """A refused password shows REFUSED with the fix and the longest back-off; the password never appears in a trace."""
    async with rig(settings={"password": "tebakan"}, device={"password": "rahasia"}) as r:
        await r.reach(LinkState.REFUSED)
        assert isinstance(r.session.status.error, WrongPassword)
        assert r.session.status.retry_in == 30.0
        with pytest.raises(Unreachable):
            await r.session.execute(Set("power", "on"))
        assert not any(b"tebakan" in payload or len(payload) > 20 for payload in r.told.sent)


async def test_missing_password_names_the_setting() -> None:
    """A projector that asks for a password while room.yaml has none says what to write."""
    async with rig(settings={}, device={"password": "rahasia"}) as r:
        await r.reach(LinkState.REFUSED)
        assert "password: !secret" in str(r.session.status.error)


async def test_digest_is_sent_once_for_each_connection() -> None:
    """Of all lines of a connection only the first carries the digest."""
    async with rig(settings={"password": "rahasia"}) as r:
        await r.reach(LinkState.READY)
        await r.bring("power", "on")
        assert [line.startswith(b"***") for line in r.told.sent] == [True] + [False] * (len(r.told.sent) - 1)


async def test_another_controller_holds_the_only_connection() -> None:
    """A second controller is told why nothing happens, and has its turn when the first leaves."""
    async with rig(timing={"reply_timeout_ms": 50}) as r:
        await r.reach(LinkState.READY)
        r.simulator.clients[0].close()
        _, writer = await asyncio.open_connection(r.session.address.host, r.session.address.port)
        await r.until(lambda: "another controller" in str(r.session.status.error) or bool(writer.is_closing()))
        writer.close()
        await writer.wait_closed()
        await r.reach(LinkState.READY)
        assert r.session.epoch > 1


async def test_missing_input_and_lamp_are_told_apart_from_trouble() -> None:
    """An input or a lamp this projector lacks is not supported; its own failure carries its own word."""
    async with rig(device={"class": "2", "inputs": {"hdmi1": 31}}) as r:
        await r.reach(LinkState.READY)
        await r.bring("power", "on")
        with pytest.raises(NotSupported, match="ERR2"):
            await r.session.execute(Set("input", "hdmi2"))
        await r.bring("power", "off")
        r.simulator.projector.lamp_fails = True
        with pytest.raises(Refused) as refusal:
            await r.session.execute(Set("power", "on"))
        assert refusal.value.device_code == "ERR4"


async def test_front_panel_is_seen_by_the_next_poll() -> None:
    """PJLink says nothing by itself over TCP: a change by hand is read by the poll."""
    async with rig(timing={"poll_s": 0.1}) as r:
        await r.reach(LinkState.READY)
        r.simulator.front_panel("power", "on")
        await r.until(lambda: (found := r.session.reading("power")) is not None and found.value == "on")
        r.simulator.front_panel("fault", "filter warning")
        await r.until(lambda: (found := r.session.reading("fault")) is not None and found.value == "filter warning")


async def test_power_state_is_never_kept_for_ever() -> None:
    """One missed answer does not freeze the power state: the poll asks again."""
    async with rig(timing={"poll_s": 0.1, "reply_timeout_ms": 30}) as r:
        await r.reach(LinkState.READY)
        r.simulator.faults.update("drop_ack=0.3")
        r.simulator.front_panel("power", "on")
        await r.until(lambda: (found := r.session.reading("power")) is not None and found.value == "on")


async def test_silent_projector_goes_offline_and_comes_back() -> None:
    """A projector that stands there and answers nothing is offline after one question and one probe, and back when it answers."""
    async with rig(timing={"poll_s": 0.1, "reply_timeout_ms": 30}) as r:
        await r.reach(LinkState.READY)
        r.simulator.faults.update("silent")
        await r.reach(LinkState.OFFLINE)
        assert isinstance(r.session.status.error, ReplyTimeout)
        r.simulator.faults.clear()
        await r.reach(LinkState.READY)


async def test_power_cut_in_the_middle_of_a_command() -> None:
    """A reboot ends the connection; the command is answered with an error, the state is read anew in a new epoch."""
    async with rig(timing={"reply_timeout_ms": 50}) as r:
        await r.reach(LinkState.READY)
        await r.bring("power", "on")
        epoch = r.session.epoch
        r.simulator.faults.update("warmup=0,reboot=0.1")
        with pytest.raises((Unreachable, ReplyTimeout)):
            await r.session.execute(Set("input", "hdmi2"))
        await r.until(lambda: r.session.status.state is LinkState.READY and r.session.epoch > epoch)
        assert (reading := r.session.reading("power")) is not None
        assert (reading.value, reading.epoch) == ("off", r.session.epoch)


async def test_lie_is_seen_by_the_read_back() -> None:
    """A projector that acknowledges and does nothing is found out by reading."""
    async with rig("warmup=0,lie") as r:
        await r.reach(LinkState.READY)
        assert await r.bring("power", "on") == "off"


@pytest.mark.parametrize(
    "fault", ["half", "join", "duplicate=3", "shuffle", "garbage=0.2", "delay=0.02", "nak=0.2", "flip=0.002"]
)
async def test_spoiled_lines_leave_the_truth(fault: str) -> None:
    """Whatever happens to the bytes, after the fault is gone a read tells what the projector is; nothing is switched twice."""
    async with rig(timing={"poll_s": 0.2, "reply_timeout_ms": 100}) as r:
        await r.reach(LinkState.READY)
        r.simulator.faults.update(fault)
        goals: list[tuple[str, Value]] = [("power", "on"), ("input", "hdmi2"), ("blank", True), ("mute", True)]
        for name, value in goals:
            try:
                await r.session.execute(Set(name, value))
            except (Refused, ReplyTimeout, Unreachable, Busy):
                await r.reach(LinkState.READY)
        r.simulator.faults.clear()
        r.simulator.faults.update("warmup=0,cooling=0")
        await r.reach(LinkState.READY)
        for name in ("power", "input", "blank", "mute"):
            truth = r.simulator.snapshot()
            expected = truth[name] if name == "power" or truth["power"] == "on" else None
            assert (await r.session.read(name)).value == expected


async def test_late_answer_is_not_taken_for_another() -> None:
    """An answer that comes after its time ends no other command: what is read afterwards is true."""
    async with rig(timing={"poll_s": 30, "reply_timeout_ms": 100, "retries": 0}) as r:
        await r.reach(LinkState.READY)
        r.simulator.faults.update("delay=0.15")
        with pytest.raises(ReplyTimeout):
            await r.session.read("power")
        r.simulator.faults.clear()
        r.simulator.faults.update("warmup=0,cooling=0")
        r.simulator.front_panel("power", "on")
        await r.reach(LinkState.READY)
        assert (await r.session.read("power")).value == "on"


async def test_commands_follow_at_the_projectors_pace() -> None:
    """The gap of the manifest stands between any two lines."""
    async with rig(timing={"min_gap_ms": 20}) as r:
        await r.reach(LinkState.READY)
        began = time.monotonic()
        await asyncio.gather(*(r.session.read(name) for name in ("power", "input", "blank", "fault", "name")))
        assert time.monotonic() - began > 0.06
        assert Query("mute") not in r.session.driver.snapshot()


SHARED = {"hold": False, "password": "rahasia"}
BRIEF = {"release_s": 0.03, "poll_s": 0.2}


async def test_idle_close_by_the_projector_is_no_outage() -> None:
    """A projector that hangs up because nobody spoke stays READY; the line is back in a new epoch with everything read anew."""
    async with rig(timing={"poll_s": 0}) as r:
        r.simulator.idle_close_s = 0.05
        await r.reach(LinkState.READY)
        await r.until(lambda: r.session.epoch >= 3)
        assert LinkState.OFFLINE not in r.told.states
        r.simulator.idle_close_s = 30.0
        await r.until(
            lambda: all(
                found.epoch == r.session.epoch for name in ("power", "name") if (found := r.session.reading(name))
            )
        )
        assert await r.bring("power", "on") == "on"
        assert r.session.status.epoch == r.session.epoch


async def test_command_while_the_line_is_taken_up_again() -> None:
    """A command given between the projector's idle close and the new connection is carried out, not refused."""
    async with rig(timing={"poll_s": 0}) as r:
        await r.reach(LinkState.READY)
        for value in ("on", "off", "on"):
            epoch = r.session.epoch
            r.simulator.clients[0].close()
            line = r.session._connection
            await r.until(lambda line=line: r.session._connection is not line)  # type: ignore[misc]  # the loop's own value
            assert await r.bring("power", value) == value
            assert r.session.epoch == epoch + 1
            await r.until(lambda: r.session._whole)
        assert LinkState.OFFLINE not in r.told.states


async def test_shared_projector_is_free_between_exchanges() -> None:
    """With `hold: false` another controller gets its turn, the projector stays READY, and our next command takes the line up again."""
    async with rig(settings=SHARED, timing=BRIEF | {"poll_s": 60}) as r:
        await r.reach(LinkState.READY)
        await r.until(lambda: not r.simulator.clients)
        reader, writer = await asyncio.open_connection(r.session.address.host, r.session.address.port)
        assert (await reader.readuntil(b"\r")).startswith(b"PJLINK 1 ")
        writer.close()
        await writer.wait_closed()
        assert await r.bring("power", "on") == "on"
        assert await r.bring("input", "hdmi2") == "hdmi2"
        assert r.session.epoch == 2
        await r.until(lambda: not r.simulator.clients)
        assert set(r.told.states) == {LinkState.CONNECTING, LinkState.LOGIN, LinkState.READY}


async def test_shared_projector_is_polled_and_its_loss_is_seen() -> None:
    """With `hold: false` each poll is a short visit that sees changes by hand, and finds a projector that is gone."""
    async with rig(settings=SHARED, timing=BRIEF) as r:
        await r.reach(LinkState.READY)
        r.simulator.front_panel("power", "on")
        await r.until(lambda: (found := r.session.reading("power")) is not None and found.value == "on")
        assert r.told.sent.count(b"%1NAME ?\r") == 1
        r.simulator.power_cut(0.3)
        await r.reach(LinkState.OFFLINE)
        with pytest.raises(Unreachable):
            await r.session.execute(Set("power", "on"))
        await r.reach(LinkState.READY)


async def test_password_changed_during_a_rest_is_told() -> None:
    """A command that finds the door locked fails at once, and the device shows REFUSED."""
    async with rig(settings=SHARED, timing=BRIEF | {"poll_s": 60}) as r:
        await r.reach(LinkState.READY)
        await r.until(lambda: not r.simulator.clients)
        r.simulator.settings = Settings(r.simulator.manifest, {"password": "baru"})
        with pytest.raises(Unreachable):
            await r.session.execute(Set("power", "on"))
        await r.reach(LinkState.REFUSED)
