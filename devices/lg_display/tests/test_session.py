"""Driver against simulator over real sockets and pseudo terminals: commands, hands, faults, and random walks."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from devices.lg_display.simulator import LgDisplaySimulator
from devices.lg_display.tests.test_conversation import FAMILY
from devices.sdk import Busy, LinkState, NotSupported, ReplyTimeout, Set, Unreachable
from devices.sdk.testing.rig import rig
from devices.sdk.testing.simulator import Simulator
from devices.sdk.testing.stage import Stage


def awake(simulator: Simulator) -> None:
    """Already on when we come."""
    simulator.state["power"] = "on"


def deep_asleep(simulator: Simulator) -> None:
    """A model that says nothing in standby."""
    assert isinstance(simulator, LgDisplaySimulator)
    simulator.tells_in_standby = False


def labelled(simulator: Simulator) -> None:
    """On, and its inputs are called PC."""
    assert isinstance(simulator, LgDisplaySimulator)
    simulator.labelled_pc = True
    awake(simulator)


@pytest.mark.parametrize("wire", ["tcp", "serial"])
async def test_wakes_and_shows(wire: str) -> None:
    """Off, then on, then another input, each known by read-back, over each line."""
    async with rig(FAMILY, wire=wire) as one:
        await one.bring("power", "on")
        await one.bring("input", "displayport1")
        await one.bring("volume", 33)
        truth = one.simulator.snapshot()
    assert (truth["power"], truth["input"], truth["volume"]) == ("on", "displayport1", 33.0)


async def test_inputs_labelled_pc_are_the_same_inputs() -> None:
    """Whatever the set's menu calls its sockets, they are chosen and read by one name."""
    async with rig(FAMILY, prepare=labelled) as one:
        for source in ("hdmi1", "hdmi2", "hdmi3", "displayport1", "dvi", "ops"):
            await one.bring("input", source)
            assert one.simulator.snapshot()["input"] == source


async def test_in_standby_the_rest_waits() -> None:
    """A sleeping set takes nothing but power: busy, and unchanged."""
    async with rig(FAMILY) as one:
        with pytest.raises(Busy):
            await one.session.execute(Set("volume", 3))
        assert one.simulator.snapshot()["volume"] == 20.0


async def test_what_the_model_lacks_is_told() -> None:
    """An input of the list that this model does not have."""
    async with rig(FAMILY, prepare=awake, device={"inputs": {"hdmi1": "90"}}) as one:
        with pytest.raises(NotSupported):
            await one.session.execute(Set("input", "ops"))


async def test_a_set_that_is_mute_in_standby_is_offline_until_it_is_on() -> None:
    """It is not called off: nobody knows. As soon as it answers it is ready."""
    async with rig(FAMILY, prepare=deep_asleep, ready=False, timing={"reply_timeout_ms": 40}) as one:
        await one.reach(LinkState.OFFLINE)
        one.simulator.front_panel("power", "on")
        await one.reach(LinkState.READY)
        assert (await one.session.read("power")).value == "on"


async def test_a_lying_set_is_not_believed() -> None:
    """It acknowledges the volume and keeps its own: the reading says so."""
    async with rig(FAMILY, prepare=awake, faults="lie") as one:
        await one.session.execute(Set("volume", 70))
        assert (await one.session.read("volume")).value == 20.0


async def test_another_id_answers_nothing() -> None:
    """Set 2 does not hear what is said to set 1; nor does one that wants three digits."""
    for device in ({"id": 2}, {"id_digits": "3"}):
        async with rig(FAMILY, device=device, ready=False, timing={"reply_timeout_ms": 40}) as one:
            await one.reach(LinkState.OFFLINE)


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
    """Whatever is done from both ends and to the line, what is read is what the set is."""

    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage(rig(FAMILY, prepare=awake, timing={"poll_s": 0, "reply_timeout_ms": 300}))

    def teardown(self) -> None:
        """End session and set."""
        self.stage.close()

    @property
    def lit(self) -> bool:
        """True while it is on."""
        return self.stage.rig.simulator.state["power"] == "on"

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
        assert self.stage.rig.simulator.state["power"] == power

    @precondition(lambda self: self.lit)
    @rule(source=st.sampled_from(FAMILY.manifest.properties["input"].values))
    def show(self, source: str) -> None:
        """Each input follows."""
        self.stage.run(self._bring("input", source))
        assert self.stage.rig.simulator.state["input"] == source

    @precondition(lambda self: self.lit)
    @rule(volume=st.integers(0, 100))
    def turn(self, volume: int) -> None:
        """Each volume follows."""
        self.stage.run(self._bring("volume", volume))
        assert self.stage.rig.simulator.state["volume"] == volume

    @precondition(lambda self: self.lit)
    @rule(name=st.sampled_from(["blank", "mute"]), on=st.booleans())
    def hide(self, name: str, *, on: bool) -> None:
        """Picture and sound follow."""
        self.stage.run(self._bring(name, on))
        assert self.stage.rig.simulator.state[name] is on

    @rule(source=st.sampled_from(["hdmi1", "webos"]), volume=st.integers(0, 100), power=st.sampled_from(["on", "off"]))
    def by_hand(self, source: str, volume: int, power: str) -> None:
        """Somebody has the remote control."""
        for name, value in (("input", source), ("volume", volume), ("power", power)):
            self.stage.rig.simulator.front_panel(name, value)

    @rule(fault=st.sampled_from(["half", "join", "delay=0.005", "shuffle", "garbage=0.3", "none"]))
    def weather(self, fault: str) -> None:
        """The line gets better or worse. No doubled answers here: an acknowledgement that comes again looks like the answer to the next question."""
        self.stage.rig.calm()
        self.stage.rig.simulator.faults.update(f"warmup=0.01,{fault}" if fault != "none" else "warmup=0.01")

    @invariant()
    def what_is_read_is_true(self) -> None:
        """A fresh read of each property that can be asked now is the set's own state."""

        async def look() -> None:
            one = self.stage.rig
            for name in ("power", *(("input", "volume", "mute", "blank") if self.lit else ())):
                for _ in range(5):
                    try:
                        reading = await one.session.read(name)
                    except (Unreachable, ReplyTimeout):
                        await one.reach(LinkState.READY)
                    else:
                        assert (name, reading.value) == (name, one.simulator.state[name])
                        break
                else:
                    raise AssertionError(f"{name} could not be read")

        self.stage.run(look())


Display.TestCase.settings = settings(
    max_examples=8, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)
test_random_walks_end_in_the_truth = Display.TestCase
