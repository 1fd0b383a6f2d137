"""Driver against simulator over a real socket: commands, hands, the radio, logins, and random walks."""

from __future__ import annotations

from typing import cast

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from devices.mqtt.simulator import MqttSimulator
from devices.mqtt.tests.test_conversation import FAMILY
from devices.sdk import LinkState, ReadingSource, ReplyTimeout, Set, Unreachable, WrongPassword
from devices.sdk.testing.rig import Rig, rig
from devices.sdk.testing.stage import Stage

WALL_SWITCH = {"topic": "rumah/saklar", "relays": 2, "channels": {"state_left": 1, "state_right": 2}}


def lamp_of(one: Rig) -> MqttSimulator:
    """The device's own side."""
    return cast("MqttSimulator", one.simulator)


async def test_a_light_is_switched_and_dimmed() -> None:
    """Known by what the device tells; dimming lights it."""
    async with rig(FAMILY, wire="mqtt") as one:
        await one.bring("level", 40)
        assert one.simulator.snapshot()["relay.1"] is True
        await one.bring("relay.1", value=False)
        assert lamp_of(one).lamp.state() == {"state": "OFF", "brightness": 102}


async def test_a_wall_switch_with_its_own_keys() -> None:
    """Left and right, each alone."""
    async with rig(FAMILY, wire="mqtt", settings=WALL_SWITCH) as one:
        await one.bring("relay.2", value=True)
        assert lamp_of(one).lamp.switches == {"state_left": False, "state_right": True}


async def test_a_hand_on_the_switch_is_known_at_once() -> None:
    """Without any poll."""
    async with rig(FAMILY, wire="mqtt", timing={"poll_s": 0}) as one:
        one.simulator.front_panel("relay.1", value=True)
        await one.until(lambda: one.session.reading("relay.1").value is True)  # type: ignore[union-attr]
        assert one.session.reading("relay.1").source is ReadingSource.UNSOLICITED  # type: ignore[union-attr]


async def test_a_plug_without_brightness_has_no_level() -> None:
    """Asked for it, zigbee2mqtt says nothing: unsupported, the rest works."""
    async with rig(FAMILY, wire="mqtt", device={"dimmable": False}) as one:
        assert one.session.unsupported == {"level"}
        await one.bring("relay.1", value=True)


async def test_a_lie_is_not_believed() -> None:
    """The bridge says ON before the device; the device, asked, says OFF."""
    async with rig(FAMILY, wire="mqtt", faults="lie", timing={"poll_s": 0}) as one:
        await one.session.execute(Set("relay.1", value=True))
        assert (await one.session.read("relay.1")).value is False


async def test_an_unplugged_device_is_offline_until_it_is_back() -> None:
    """By its availability, with the reason; back without anybody's help."""
    async with rig(FAMILY, wire="mqtt") as one:
        one.simulator.front_panel("available", value=False)
        await one.reach(LinkState.OFFLINE)
        assert "is offline" in str(one.session.status.error)
        with pytest.raises(Unreachable):
            await one.session.execute(Set("relay.1", value=True))
        one.simulator.front_panel("available", value=True)
        await one.reach(LinkState.READY)
        assert (await one.session.read("available")).value is True


async def test_a_device_that_stops_answering_is_offline() -> None:
    """Also where zigbee2mqtt watches nobody's availability."""
    async with rig(FAMILY, wire="mqtt") as one:
        lamp_of(one).lamp.radio = False
        lamp_of(one).retained.clear()
        await one.reach(LinkState.OFFLINE)


async def test_the_brokers_login() -> None:
    """The right password lets in, a wrong one is REFUSED and named."""
    login = {"username": "ruang", "password": "rahasia"}
    async with rig(FAMILY, wire="mqtt", settings=login) as one:
        assert one.session.status.state is LinkState.READY
    async with rig(FAMILY, wire="mqtt", settings={**login, "password": "salah"}, device=login, ready=False) as one:
        await one.reach(LinkState.REFUSED)
        assert isinstance(one.session.status.error, WrongPassword)
        assert "salah" not in str(one.session.status.error)


async def test_the_broker_restarts() -> None:
    """Offline, then back with a new epoch and everything read again."""
    async with rig(FAMILY, wire="mqtt") as one:
        await one.bring("relay.1", value=True)
        one.simulator.power_cut(0.1)
        await one.reach(LinkState.OFFLINE, LinkState.CONNECTING)
        await one.reach(LinkState.READY)
        reading = await one.session.read("relay.1")
    assert (reading.value, reading.epoch) == (False, one.session.epoch)


class Light(RuleBasedStateMachine):
    """Whatever is done from both ends, what is read is what the light is."""

    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage(rig(FAMILY, wire="mqtt", timing={"poll_s": 0, "reply_timeout_ms": 300}))

    def teardown(self) -> None:
        """End session and broker."""
        self.stage.close()

    async def _bring(self, name: str, value: float | bool) -> None:
        for _ in range(5):
            try:
                await self.stage.rig.bring(name, value)
            except (Unreachable, ReplyTimeout):
                await self.stage.rig.reach(LinkState.READY)
            else:
                return
        raise AssertionError(f"{name} never became {value}")

    @rule(on=st.booleans())
    def switch(self, *, on: bool) -> None:
        """On or off."""
        self.stage.run(self._bring("relay.1", on))
        assert self.stage.rig.simulator.snapshot()["relay.1"] is on

    @rule(percent=st.integers(1, 100))
    def dim(self, percent: int) -> None:
        """To each level; that lights it."""
        self.stage.run(self._bring("level", percent))
        truth = self.stage.rig.simulator.snapshot()
        assert truth["level"] == pytest.approx(percent, abs=0.4)
        assert truth["relay.1"] is True

    @rule(on=st.booleans(), percent=st.integers(1, 100))
    def by_hand(self, *, on: bool, percent: int) -> None:
        """A hand on the switch and the dimmer."""

        async def press() -> None:
            self.stage.rig.simulator.front_panel("level", percent)
            self.stage.rig.simulator.front_panel("relay.1", on)

        self.stage.run(press())

    @rule()
    def broker_restarts(self) -> None:
        """Everybody has to come back."""

        async def cut() -> None:
            epoch = self.stage.rig.session.epoch
            self.stage.rig.simulator.power_cut(0.01)
            one = self.stage.rig
            await one.until(lambda: one.session.epoch > epoch and one.session.status.state is LinkState.READY)

        self.stage.run(cut())

    @rule(fault=st.sampled_from(["half", "join", "delay=0.005", "none"]))
    def weather(self, fault: str) -> None:
        """The line gets better or worse; TCP keeps its order."""
        self.stage.rig.simulator.faults.update(f"none,{fault}")

    @invariant()
    def what_is_read_is_true(self) -> None:
        """A fresh read of each property is the light's own state."""

        async def look() -> None:
            one = self.stage.rig
            for name in ("relay.1", "level", "available"):
                for _ in range(5):
                    try:
                        reading = await one.session.read(name)
                    except (Unreachable, ReplyTimeout):
                        await one.reach(LinkState.READY)
                    else:
                        assert (name, reading.value) == (name, one.simulator.snapshot()[name])
                        break
                else:
                    raise AssertionError(f"{name} could not be read")

        self.stage.run(look())


Light.TestCase.settings = settings(
    max_examples=6, stateful_step_count=10, deadline=None, suppress_health_check=list(HealthCheck)
)
test_random_walks_end_in_the_truth = Light.TestCase
