"""Driver against simulator over real sockets: faults, locks, and random walks with a second controller."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from devices.sdk import LinkState, ReadingSource, Refused, Salvo, Set, Unreachable, find_families, load_family
from devices.sdk.testing.rig import rig
from devices.sdk.testing.stage import Stage

FAMILY = load_family(find_families()["videohub"])
SMALL = {"inputs": 4, "outputs": 3}


async def test_a_tap_moves_the_hub() -> None:
    """A route reaches the device and comes back by read-back."""
    async with rig(FAMILY, settings=SMALL, timing={"poll_s": 0}) as one:
        reading = await one.bring("route.2", 4)
        assert one.simulator.snapshot()["route.2"] == 4
    assert reading.source is ReadingSource.QUERY


async def test_a_big_hub_is_read_whole() -> None:
    """288 by 288, labels of 60 characters: the prelude is longer than any other family's messages."""

    def long_labels(simulator: object) -> None:
        state = getattr(simulator, "state", {})
        state.update({name: "x" * 60 for name in state if name.startswith("label.")})

    async with rig(FAMILY, settings={"inputs": 288, "outputs": 288}, prepare=long_labels) as one:
        await one.until(lambda: one.session.reading("label.288") is not None)
        assert one.session.reading("route.288").value == 288  # type: ignore[union-attr]


async def test_a_salvo_arrives_whole() -> None:
    """Three outputs, one request, one moment."""
    async with rig(FAMILY, settings=SMALL, timing={"poll_s": 0}) as one:
        await one.session.execute(Salvo(tuple(Set(f"route.{output}", 4) for output in (1, 2, 3))))
        assert [one.simulator.snapshot()[f"route.{output}"] for output in (1, 2, 3)] == [4, 4, 4]


async def test_the_front_panel_is_known_before_the_poll() -> None:
    """With polling switched off a button at the hub is still known."""
    async with rig(FAMILY, settings=SMALL, timing={"poll_s": 0}) as one:
        one.simulator.front_panel("route.3", 1)
        await one.until(lambda: one.session.reading("route.3").value == 1)  # type: ignore[union-attr]


async def test_a_lock_at_the_hub_refuses_the_route() -> None:
    """Told before the poll, named in the refusal, lifted when it is lifted."""
    async with rig(FAMILY, settings=SMALL, timing={"poll_s": 0}) as one:
        one.simulator.front_panel("lock.2", "locked")
        await one.until(lambda: one.session.reading("lock.2").value == "locked")  # type: ignore[union-attr]
        with pytest.raises(Refused, match=r"output 2 \(Output 2\) is locked"):
            await one.session.execute(Set("route.2", 4))
        assert one.simulator.snapshot()["route.2"] == 2
        one.simulator.front_panel("lock.2", "unlocked")
        await one.until(lambda: one.session.reading("lock.2").value == "unlocked")  # type: ignore[union-attr]
        await one.bring("route.2", 4)


async def test_a_lying_hub_is_not_believed() -> None:
    """It says ACK and keeps its state: the reading says so."""
    async with rig(FAMILY, settings=SMALL, faults="lie") as one:
        await one.session.execute(Set("route.1", 3))
        assert (await one.session.read("route.1")).value == 1


async def test_power_cut_in_mid_talk() -> None:
    """OFFLINE at once, commands refused at once, back with the defaults and a new epoch."""
    async with rig(FAMILY, settings=SMALL) as one:
        await one.bring("route.1", 4)
        one.simulator.power_cut(0.15)
        await one.reach(LinkState.OFFLINE, LinkState.CONNECTING)
        with pytest.raises(Unreachable):
            await one.session.execute(Set("route.1", 2))
        await one.reach(LinkState.READY)
        reading = one.session.reading("route.1")
    assert reading is not None
    assert (reading.value, reading.epoch) == (1, 2)


class Hub(RuleBasedStateMachine):
    """Whatever is done from both ends, what the driver reads is what the hub is, and locked outputs stay as they are."""

    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage(rig(FAMILY, settings=SMALL, timing={"poll_s": 0}))
        self.wanted = dict(self.stage.rig.simulator.snapshot())

    def teardown(self) -> None:
        """End the session and the hub."""
        self.stage.close()

    def _press(self, name: str, value: int | str) -> None:
        async def press() -> None:
            one = self.stage.rig
            one.simulator.front_panel(name, value)
            await one.until(lambda: (reading := one.session.reading(name)) is not None and reading.value == value)

        self.stage.run(press())
        self.wanted[name] = value

    @rule(ties=st.dictionaries(st.integers(1, 3), st.integers(1, 4), min_size=1))
    def tie(self, ties: dict[int, int]) -> None:
        """Route one output, or several at one moment."""
        sets = tuple(Set(f"route.{output}", source) for output, source in ties.items())
        free = {
            f"route.{output}": source for output, source in ties.items() if self.wanted[f"lock.{output}"] == "unlocked"
        }

        async def send() -> None:
            try:
                await self.stage.rig.session.execute(Salvo(sets) if len(sets) > 1 else sets[0])
            except Refused:
                assert len(free) < len(ties)
            else:
                assert len(free) == len(ties)

        self.stage.run(send())
        self.wanted |= free

    @rule(output=st.integers(1, 3), source=st.integers(1, 4))
    def by_hand(self, output: int, source: int) -> None:
        """Somebody presses buttons at the hub."""
        self._press(f"route.{output}", source)

    @rule(output=st.integers(1, 3), lock=st.sampled_from(["locked", "unlocked"]))
    def lock(self, output: int, lock: str) -> None:
        """Somebody locks or unlocks an output."""
        self._press(f"lock.{output}", lock)

    @rule(fault=st.sampled_from(["none", "half", "join", "delay=0.005"]))
    def weather(self, fault: str) -> None:
        """The line gets better or worse."""
        self.stage.rig.simulator.faults.update(f"none,{fault}")

    @invariant()
    def driver_reads_the_truth(self) -> None:
        """A fresh read of routes and locks equals what was wanted, and so does the hub."""

        async def read_all() -> dict[str, object]:
            session = self.stage.rig.session
            names = [name for name in self.wanted if name.startswith(("route", "lock"))]
            await session.read("route.1")
            await session.read("lock.1")
            await asyncio.sleep(0)
            return {name: reading.value for name in names if (reading := session.reading(name))}

        known = self.stage.run(read_all())
        assert known == {name: value for name, value in self.wanted.items() if name in known}
        assert self.stage.rig.simulator.snapshot() == self.wanted


Hub.TestCase.settings = settings(
    max_examples=8, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)
test_random_walks_end_in_the_truth = Hub.TestCase
