"""Driver against simulator over real sockets and pseudo terminals, for each dialect: read-back, faults, random walks."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from devices.ascii_matrix.profile import shipped
from devices.sdk import (
    Act,
    Family,
    LinkState,
    ReadingSource,
    Refused,
    Salvo,
    Set,
    Unreachable,
    find_families,
    load_family,
)
from devices.sdk.testing.conformance import check_behaviour
from devices.sdk.testing.rig import rig
from devices.sdk.testing.stage import Stage

FAMILY = load_family(find_families()["ascii_matrix"])
READABLE = [name for name in shipped() if name != "ekl"]


def size(profile: str) -> dict[str, object]:
    """A 4x3 matrix of a dialect."""
    return {"profile": profile, "inputs": 4, "outputs": 3}


def speaking(profile: str) -> Family:
    """The family as if this dialect were its default."""
    spec = FAMILY.manifest.settings["profile"].model_copy(update={"default": profile})
    return Family(
        FAMILY.folder, FAMILY.manifest.model_copy(update={"settings": {**FAMILY.manifest.settings, "profile": spec}})
    )


@pytest.mark.parametrize("profile", [name for name in shipped() if name != "ptn"])
async def test_each_dialect_keeps_the_promises_of_all_drivers(profile: str) -> None:
    """Read-back over each line, every fault survived, lies not believed, buttons noticed; ptn is checked as the family's default."""
    assert await check_behaviour(speaking(profile)) == []


@pytest.mark.parametrize("wire", ["tcp", "serial"])
@pytest.mark.parametrize("profile", READABLE)
async def test_a_tap_moves_the_matrix(profile: str, wire: str) -> None:
    """A tie reaches the device and comes back by read-back."""
    async with rig(FAMILY, wire=wire, settings=size(profile)) as one:
        reading = await one.bring("route.2", 4)
        assert one.simulator.snapshot()["route.2"] == 4
    assert reading.verified  # asked, or told by the device before it was asked


async def test_what_cannot_be_read_is_never_verified() -> None:
    """The tie arrives, the reading says that nobody confirmed it, and it stays so."""
    async with rig(FAMILY, settings=size("ekl")) as one:
        await one.session.execute(Set("route.2", 4))
        await one.until(lambda: one.simulator.snapshot()["route.2"] == 4)
        reading = one.session.reading("route.2")
        assert reading is not None
        assert not reading.verified
        assert {item.source for item in one.told.readings} == {ReadingSource.WRITTEN}


async def test_a_salvo_arrives_whole() -> None:
    """One input to two outputs: one command on the wire."""
    async with rig(FAMILY, settings=size("ptn")) as one:
        await one.session.execute(Salvo((Set("route.1", 4), Set("route.3", 4))))
        assert one.simulator.snapshot() == {"route.1": 4, "route.2": 2, "route.3": 4}
        assert one.told.sent.count(b"4V1,3.") == 1


async def test_a_button_is_known_before_the_poll_where_the_matrix_tells() -> None:
    """With polling switched off a button at the matrix is still known."""
    async with rig(FAMILY, settings=size("ptn"), timing={"poll_s": 0}) as one:
        one.simulator.front_panel("route.3", 1)
        await one.until(lambda: one.session.reading("route.3").value == 1)  # type: ignore[union-attr]


async def test_a_lying_matrix_is_not_believed() -> None:
    """It echoes the tie and keeps its state: the reading says so."""
    async with rig(FAMILY, settings=size("techly"), faults="lie") as one:
        await one.session.execute(Set("route.1", 3))
        assert (await one.session.read("route.1")).value == 1


async def test_a_refusal_is_told() -> None:
    """In the dialect's own words."""
    async with rig(FAMILY, settings=size("ptn"), faults="nak=1") as one:
        with pytest.raises(Refused):
            await one.session.execute(Set("route.1", 3))


async def test_presets_bring_ties_back() -> None:
    """Saved in the matrix, recalled, and known by reading."""
    async with rig(FAMILY, settings=size("ptn")) as one:
        await one.session.execute(Act("store_preset", {"number": 3}))
        await one.bring("route.1", 4)
        await one.session.execute(Act("recall_preset", {"number": 3}))
        assert (await one.session.read("route.1")).value == 1


async def test_power_cut_in_mid_talk() -> None:
    """OFFLINE at once, commands refused at once, back with the defaults and a new epoch."""
    async with rig(FAMILY, settings=size("a55b")) as one:
        await one.bring("route.1", 4)
        one.simulator.power_cut(0.15)
        await one.reach(LinkState.OFFLINE, LinkState.CONNECTING)
        with pytest.raises(Unreachable):
            await one.session.execute(Set("route.1", 2))
        await one.reach(LinkState.READY)
        reading = one.session.reading("route.1")
    assert reading is not None
    assert (reading.value, reading.epoch) == (1, 2)


class Matrix(RuleBasedStateMachine):
    """Whatever the dialect and whatever is done from both ends, what the driver reads is what the matrix is."""

    stage: Stage | None = None

    @initialize(profile=st.sampled_from(READABLE), wire=st.sampled_from(["tcp", "serial"]))
    def power_on(self, profile: str, wire: str) -> None:
        """A dialect and a line."""
        self.stage = Stage(rig(FAMILY, wire=wire, settings=size(profile), timing={"poll_s": 0}))
        self.wanted = dict(self.stage.rig.simulator.snapshot())

    def teardown(self) -> None:
        """End the session and the matrix."""
        if self.stage is not None:
            self.stage.close()

    @rule(output=st.integers(1, 3), source=st.integers(0, 4))
    def tie(self, output: int, source: int) -> None:
        """Tie one output, or switch it off where the dialect can."""
        assert self.stage is not None
        if source or "off" in self.stage.rig.session.driver.profile.commands:  # type: ignore[attr-defined]
            self.stage.run(self.stage.rig.session.execute(Set(f"route.{output}", source)))
            self.wanted[f"route.{output}"] = source

    @rule(sources=st.lists(st.integers(1, 4), min_size=3, max_size=3))
    def tie_together(self, sources: list[int]) -> None:
        """Tie all outputs in one command where the dialect has one."""
        assert self.stage is not None
        if self.stage.rig.session.driver.spec("route.1").salvo:
            sets = tuple(Set(f"route.{output}", source) for output, source in enumerate(sources, start=1))
            self.stage.run(self.stage.rig.session.execute(Salvo(sets)))
            self.wanted |= {item.property: item.value for item in sets}

    @rule(output=st.integers(1, 3), source=st.integers(1, 4))
    def by_hand(self, output: int, source: int) -> None:
        """Somebody presses buttons at the matrix."""
        stage = self.stage
        assert stage is not None

        async def press() -> None:
            stage.rig.simulator.front_panel(f"route.{output}", source)
            await asyncio.sleep(0)

        stage.run(press())
        self.wanted[f"route.{output}"] = source

    @rule(fault=st.sampled_from(["none", "half", "join", "delay=0.005", "duplicate=2"]))
    def weather(self, fault: str) -> None:
        """The line gets better or worse."""
        assert self.stage is not None
        self.stage.rig.simulator.faults.update(f"none,{fault}")

    @invariant()
    def driver_reads_the_truth(self) -> None:
        """A fresh read of everything equals what was wanted, and so does the matrix."""
        stage = self.stage
        if stage is None:
            return

        async def read_all() -> dict[str, object]:
            return {name: (await stage.rig.session.read(name)).value for name in stage.rig.session.driver.properties()}

        assert stage.run(read_all()) == self.wanted
        assert stage.rig.simulator.snapshot() == self.wanted


Matrix.TestCase.settings = settings(
    max_examples=10, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)
test_random_walks_end_in_the_truth = Matrix.TestCase
