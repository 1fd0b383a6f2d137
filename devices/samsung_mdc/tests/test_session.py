"""Driver against simulator over real sockets and pseudo terminals: commands, hands, faults, and random walks."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from devices.samsung_mdc.simulator import SamsungMdcSimulator
from devices.samsung_mdc.tests.test_conversation import FAMILY
from devices.sdk import Busy, LinkState, ReplyTimeout, Set, Unreachable
from devices.sdk.testing.rig import rig
from devices.sdk.testing.simulator import Simulator
from devices.sdk.testing.stage import Stage

SHOWN = ("input", "blank", "volume", "mute")


def awake(simulator: Simulator) -> None:
    """Already on when we come."""
    simulator.state["power"] = "on"


@pytest.mark.parametrize("wire", ["tcp", "serial"])
async def test_wakes_and_shows(wire: str) -> None:
    """Off, then on, then another input, each known by read-back, over each line."""
    async with rig(FAMILY, wire=wire) as one:
        await one.bring("power", "on")
        await one.bring("input", "displayport1")
        await one.bring("volume", 33)
        truth = one.simulator.snapshot()
    assert (truth["power"], truth["input"], truth["volume"]) == ("on", "displayport1", 33.0)


async def test_in_standby_the_rest_waits() -> None:
    """A sleeping display takes nothing but power: busy, and unchanged."""
    async with rig(FAMILY) as one:
        with pytest.raises(Busy):
            await one.session.execute(Set("input", "hdmi2"))
        assert one.simulator.snapshot()["input"] == "hdmi1"


async def test_panel_goes_dark_and_the_display_stays_awake() -> None:
    """`blank` is the panel alone: power is untouched."""
    async with rig(FAMILY, prepare=awake) as one:
        await one.bring("blank", value=True)
        assert one.simulator.snapshot()["power"] == "on"


async def test_signal_and_faults_are_seen() -> None:
    """The self-test is polled: a lost source and a broken fan show by themselves."""
    async with rig(FAMILY, prepare=awake) as one:
        assert (await one.session.read("signal")).value is True
        one.simulator.front_panel("signal", value=False)
        one.simulator.front_panel("fault", "fan")
        await one.until(lambda: one.session.reading("fault").value == "fan")  # type: ignore[union-attr]
        assert one.session.reading("signal").value is False  # type: ignore[union-attr]


async def test_a_lying_display_is_not_believed() -> None:
    """It acknowledges the volume and keeps its own: the reading says so, even when each packet comes twice."""
    async with rig(FAMILY, prepare=awake, faults="lie,duplicate=2") as one:
        await one.session.execute(Set("volume", 70))
        assert (await one.session.read("volume")).value == 20.0


async def test_another_number_answers_nothing() -> None:
    """Display 2 does not hear what is said to display 1."""
    async with rig(FAMILY, settings={"id": 1}, device={"id": 2}, ready=False) as one:
        await one.reach(LinkState.OFFLINE)
        assert "does not answer" in str(one.session.status.error)


async def test_mains_cut_in_mid_talk() -> None:
    """Offline, then back in standby with a new epoch: nothing of before is trusted."""
    async with rig(FAMILY, prepare=awake) as one:
        one.simulator.power_cut(0.1)
        await one.reach(LinkState.OFFLINE, LinkState.CONNECTING)
        with pytest.raises(Unreachable):
            await one.session.execute(Set("mute", value=True))
        await one.reach(LinkState.READY)
        reading = await one.session.read("power")
    assert (reading.value, reading.epoch) == ("off", 2)


class Display(RuleBasedStateMachine):
    """Whatever is done from both ends and to the line, what is read is what the display is."""

    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage(rig(FAMILY, prepare=awake, timing={"poll_s": 0, "reply_timeout_ms": 300}))

    def teardown(self) -> None:
        """End session and display."""
        self.stage.close()

    @property
    def simulator(self) -> SamsungMdcSimulator:
        """The display."""
        simulator = self.stage.rig.simulator
        assert isinstance(simulator, SamsungMdcSimulator)
        return simulator

    @property
    def lit(self) -> bool:
        """True while it is on."""
        return self.simulator.state["power"] == "on"

    async def _bring(self, name: str, value: str | float | bool) -> None:
        for _ in range(5):
            try:
                await self.stage.rig.bring(name, value)
            except (Unreachable, ReplyTimeout):
                await self.stage.rig.reach(LinkState.READY)
            else:
                return
        raise AssertionError(f"{name} never became {value}")

    @rule(power=st.sampled_from(["on", "off"]))
    def switch(self, power: str) -> None:
        """Power follows."""
        self.stage.run(self._bring("power", power))
        assert self.simulator.state["power"] == power

    @precondition(lambda self: self.lit)
    @rule(source=st.sampled_from(FAMILY.manifest.properties["input"].values))
    def show(self, source: str) -> None:
        """Each input follows."""
        self.stage.run(self._bring("input", source))
        assert self.simulator.state["input"] == source

    @precondition(lambda self: self.lit)
    @rule(volume=st.integers(0, 100))
    def turn(self, volume: int) -> None:
        """Each volume follows."""
        self.stage.run(self._bring("volume", volume))
        assert self.simulator.state["volume"] == volume

    @precondition(lambda self: self.lit)
    @rule(name=st.sampled_from(["blank", "mute"]), on=st.booleans())
    def hide(self, name: str, *, on: bool) -> None:
        """Picture and sound follow."""
        self.stage.run(self._bring(name, on))
        assert self.simulator.state[name] is on

    @rule(source=st.sampled_from(["hdmi1", "tv"]), volume=st.integers(0, 100), power=st.sampled_from(["on", "off"]))
    def by_hand(self, source: str, volume: int, power: str) -> None:
        """Somebody has the remote control."""
        for name, value in (("input", source), ("volume", volume), ("power", power)):
            self.simulator.front_panel(name, value)

    @rule(fault=st.sampled_from(["half", "join", "delay=0.005", "duplicate=2", "shuffle", "garbage=0.3", "none"]))
    def weather(self, fault: str) -> None:
        """The line gets better or worse."""
        self.stage.rig.calm()
        self.simulator.faults.update("warmup=0.01")
        if fault != "none":
            self.simulator.faults.update(fault)

    @invariant()
    def what_is_read_is_true(self) -> None:
        """A fresh read of each property that can be asked now is the display's own state."""

        async def look() -> None:
            one = self.stage.rig
            for name in ("power", "input", "volume", "mute", *(("blank",) if self.lit else ())):
                for _ in range(5):
                    try:
                        reading = await one.session.read(name)
                    except (Unreachable, ReplyTimeout):
                        await one.reach(LinkState.READY)
                    else:
                        assert (name, reading.value) == (name, self.simulator.state[name])
                        break
                else:
                    raise AssertionError(f"{name} could not be read")

        self.stage.run(look())


Display.TestCase.settings = settings(
    max_examples=8, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)
test_random_walks_end_in_the_truth = Display.TestCase
