"""Driver against simulator over real datagrams: loss, subscriptions, and random walks."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from devices.sdk import Act, LinkState, ReadingSource, Set, Unreachable, find_families, load_family
from devices.sdk.testing.rig import rig
from devices.sdk.testing.stage import Stage
from devices.x32_osc.simulator import STEPS

FAMILY = load_family(find_families()["x32_osc"])
SMALL = {"channels": {"main": "main", "mimbar": "ch1"}}


def kept(percent: float) -> float:
    """What a console makes of a percentage: one of 1024 positions."""
    return round(round(percent / 100 * STEPS) / STEPS * 100, 3)


@pytest.mark.parametrize("model", ["x32", "xair"])
async def test_a_tap_moves_the_fader(model: str) -> None:
    """A volume reaches the console and comes back by read-back, within one of its steps."""
    async with rig(FAMILY, wire="udp", settings={**SMALL, "model": model}) as one:
        reading = await one.bring("volume.mimbar", 33.3)
        assert one.simulator.snapshot()["volume.mimbar"] == kept(33.3)
    assert reading.source is ReadingSource.QUERY
    assert reading.value != 33.3


async def test_a_hand_on_the_console_is_known_before_the_poll() -> None:
    """With polling switched off a fader moved by hand is still known: /xremote was sent when connecting."""
    async with rig(FAMILY, wire="udp", settings=SMALL, timing={"poll_s": 0}) as one:
        one.simulator.front_panel("mute.main", value=True)
        await one.until(lambda: one.session.reading("mute.main").value is True)  # type: ignore[union-attr]


async def test_the_subscription_is_renewed_by_the_poll() -> None:
    """The console forgets it after 10 s of its clock; a round of the poll later it tells again."""
    now = [0.0]
    async with rig(FAMILY, wire="udp", settings=SMALL, timing={"poll_s": 0.1}) as one:
        one.simulator.clock = lambda: now[0]
        before = one.told.sent.count(b"/xremote\0\0\0\0")
        await one.until(lambda: one.told.sent.count(b"/xremote\0\0\0\0") > before + 1)
        now[0] = 9.0
        one.simulator.front_panel("volume.main", kept(10))
        await one.until(lambda: one.session.reading("volume.main").value == kept(10))  # type: ignore[union-attr]


async def test_a_lost_set_is_seen() -> None:
    """Nobody acknowledges, but the reading differs."""
    async with rig(FAMILY, wire="udp", settings=SMALL, faults="nak=1") as one:
        await one.session.execute(Set("volume.main", 10.0))
        assert (await one.session.read("volume.main")).value == kept(50)


async def test_questions_survive_loss() -> None:
    """A quarter of all datagrams lost: asked again, the truth comes through."""
    async with rig(FAMILY, wire="udp", settings=SMALL, timing={"reply_timeout_ms": 30, "retries": 9}) as one:
        one.simulator.faults.update("drop_ack=0.25")
        for percent in (10.0, 20.0, 30.0):
            await one.session.execute(Set("volume.main", percent))
            assert one.simulator.snapshot()["volume.main"] == kept(percent)


async def test_scenes_are_recalled_and_read() -> None:
    """The console's own number tells which one is present."""
    async with rig(FAMILY, wire="udp", settings=SMALL) as one:
        await one.session.execute(Act("recall_scene", {"number": 7}))
        assert (await one.session.read("scene")).value == 7


async def test_a_silent_console_is_offline_soon() -> None:
    """UDP knows no connection: noticed by questions without answer, and back when it answers again."""
    async with rig(FAMILY, wire="udp", settings=SMALL, timing={"reply_timeout_ms": 50, "poll_s": 0.1}) as one:
        one.simulator.faults.update("silent")
        await one.reach(LinkState.OFFLINE, LinkState.CONNECTING)
        with pytest.raises(Unreachable):
            await one.session.execute(Set("volume.main", 20.0))
        one.calm()
        await one.reach(LinkState.READY)


class Console(RuleBasedStateMachine):
    """Whatever is moved from both ends, what the driver reads is what the console is."""

    stage: Stage | None = None

    @initialize(model=st.sampled_from(["x32", "xair"]))
    def power_on(self, model: str) -> None:
        """A model."""
        self.stage = Stage(rig(FAMILY, wire="udp", settings={**SMALL, "model": model}, timing={"poll_s": 0}))
        self.wanted = dict(self.stage.rig.simulator.snapshot())

    def teardown(self) -> None:
        """End the session and the console."""
        if self.stage is not None:
            self.stage.close()

    @rule(name=st.sampled_from(["main", "mimbar"]), percent=st.floats(0, 100))
    def move(self, name: str, percent: float) -> None:
        """Move a fader."""
        assert self.stage is not None
        self.stage.run(self.stage.rig.session.execute(Set(f"volume.{name}", percent)))
        self.wanted[f"volume.{name}"] = kept(percent)

    @rule(name=st.sampled_from(["main", "mimbar"]), on=st.booleans())
    def mute(self, name: str, *, on: bool) -> None:
        """Mute a strip."""
        assert self.stage is not None
        self.stage.run(self.stage.rig.session.execute(Set(f"mute.{name}", on)))
        self.wanted[f"mute.{name}"] = on

    @rule(name=st.sampled_from(["main", "mimbar"]), percent=st.integers(0, 100))
    def by_hand(self, name: str, percent: int) -> None:
        """Somebody moves a fader at the console."""
        stage = self.stage
        assert stage is not None

        async def press() -> None:
            stage.rig.simulator.front_panel(f"volume.{name}", kept(percent))
            await asyncio.sleep(0)

        stage.run(press())
        self.wanted[f"volume.{name}"] = kept(percent)

    @rule(fault=st.sampled_from(["none", "delay=0.005", "duplicate=2", "garbage=0.5"]))
    def weather(self, fault: str) -> None:
        """The line gets better or worse."""
        assert self.stage is not None
        self.stage.rig.simulator.faults.update(f"none,{fault}")

    @invariant()
    def driver_reads_the_truth(self) -> None:
        """A fresh read of everything equals what was wanted, and so does the console."""
        stage = self.stage
        if stage is None:
            return

        async def read_all() -> dict[str, object]:
            names = [name for name in stage.rig.session.driver.properties() if name in self.wanted]
            return {name: (await stage.rig.session.read(name)).value for name in names}

        known = stage.run(read_all())
        assert stage.rig.simulator.snapshot() == self.wanted
        for name, value in known.items():
            assert value == (
                pytest.approx(self.wanted[name], abs=0.002) if name.startswith("volume") else self.wanted[name]
            )


Console.TestCase.settings = settings(
    max_examples=8, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)
test_random_walks_end_in_the_truth = Console.TestCase
