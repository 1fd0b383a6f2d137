"""Driver against simulator over real sockets and pseudo terminals, in both dialects: faults, and random walks."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from devices.sdk import (
    Act,
    Family,
    LinkState,
    NotSupported,
    ReadingSource,
    Refused,
    Salvo,
    Set,
    Unreachable,
    WrongPassword,
    find_families,
    load_family,
)
from devices.sdk.testing.conformance import check_behaviour
from devices.sdk.testing.rig import rig
from devices.sdk.testing.stage import Stage

FAMILY = load_family(find_families()["kramer_p3000"])
DIALECTS = ["vid", "route"]


def size(dialect: str, **more: object) -> dict[str, object]:
    """A 4x3 matrix of a dialect."""
    return {"dialect": dialect, "inputs": 4, "outputs": 3, **more}


async def test_the_new_dialect_keeps_the_promises_of_all_drivers() -> None:
    """The old one is checked as the family's default."""
    spec = FAMILY.manifest.settings["dialect"].model_copy(update={"default": "route"})
    manifest = FAMILY.manifest.model_copy(update={"settings": {**FAMILY.manifest.settings, "dialect": spec}})
    assert await check_behaviour(Family(FAMILY.folder, manifest)) == []


@pytest.mark.parametrize("wire", ["tcp", "serial"])
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_tap_moves_the_matrix(dialect: str, wire: str) -> None:
    """A tie reaches the device and comes back by read-back."""
    async with rig(FAMILY, wire=wire, settings=size(dialect), timing={"poll_s": 0}) as one:
        reading = await one.bring("route.2", 4)
        assert one.simulator.snapshot()["route.2"] == 4
    assert reading.source is ReadingSource.QUERY


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_salvo_arrives_whole(dialect: str) -> None:
    """Three outputs, one line on the wire."""
    async with rig(FAMILY, settings=size(dialect), timing={"poll_s": 0}) as one:
        before = len(one.told.sent)
        await one.session.execute(Salvo(tuple(Set(f"route.{output}", 4) for output in (1, 2, 3))))
        assert len(one.told.sent) == before + 1
        assert [one.simulator.snapshot()[f"route.{output}"] for output in (1, 2, 3)] == [4, 4, 4]


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_the_front_panel_is_known_before_the_poll(dialect: str) -> None:
    """With polling switched off a button at the unit is still known."""
    async with rig(FAMILY, settings=size(dialect), timing={"poll_s": 0}) as one:
        one.simulator.front_panel("route.3", 1)
        await one.until(lambda: one.session.reading("route.3").value == 1)  # type: ignore[union-attr]


async def test_the_wrong_dialect_says_so() -> None:
    """ERR002 to the question: not supported, with the hint."""
    async with rig(FAMILY, settings=size("route"), device=size("vid")) as one:
        assert one.session.unsupported >= {"route.1"}
        with pytest.raises(NotSupported, match="dialect"):
            await one.session.execute(Set("route.1", 2))


async def test_a_lying_unit_is_not_believed() -> None:
    """It echoes the tie and keeps its state: the reading says so."""
    async with rig(FAMILY, settings=size("vid"), faults="lie") as one:
        await one.session.execute(Set("route.1", 3))
        assert (await one.session.read("route.1")).value == 1


async def test_a_refusal_is_told() -> None:
    """With the unit's own code."""
    async with rig(FAMILY, settings=size("vid"), faults="nak=1") as one:
        with pytest.raises(Refused, match="ERR003"):
            await one.session.execute(Set("route.1", 3))


async def test_the_password_is_checked_over_a_real_socket() -> None:
    """The right one lets in; a wrong one and none are named."""
    async with rig(FAMILY, settings=size("vid", password="kramer")) as one:
        assert one.session.status.state is LinkState.READY
    theirs = size("vid", password="kramer")
    async with rig(FAMILY, settings=size("vid", password="salah"), device=theirs, ready=False) as one:
        await one.reach(LinkState.REFUSED)
        assert isinstance(one.session.status.error, WrongPassword)


async def test_presets_bring_ties_back() -> None:
    """Saved in the unit, recalled, and known by reading."""
    async with rig(FAMILY, settings=size("route")) as one:
        await one.session.execute(Act("store_preset", {"number": 3}))
        await one.bring("route.1", 4)
        await one.session.execute(Act("recall_preset", {"number": 3}))
        assert (await one.session.read("route.1")).value == 1


async def test_power_cut_in_mid_talk() -> None:
    """OFFLINE at once, commands refused at once, back with the defaults and a new epoch."""
    async with rig(FAMILY, settings=size("vid")) as one:
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
    """Whatever the dialect and whatever is done from both ends, what the driver reads is what the unit is."""

    stage: Stage | None = None

    @initialize(
        dialect=st.sampled_from(DIALECTS),
        nothing=st.sampled_from(["zero", "after_last"]),
        limit=st.sampled_from([24, 64]),
    )
    def power_on(self, dialect: str, nothing: str, limit: int) -> None:
        """A model."""
        given = size(dialect, nothing=nothing, line_limit=limit)
        self.stage = Stage(rig(FAMILY, settings=given, timing={"poll_s": 0}))
        self.wanted = dict(self.stage.rig.simulator.snapshot())

    def teardown(self) -> None:
        """End the session and the unit."""
        if self.stage is not None:
            self.stage.close()

    @rule(output=st.integers(1, 3), source=st.integers(0, 4))
    def tie(self, output: int, source: int) -> None:
        """Tie one output."""
        assert self.stage is not None
        self.stage.run(self.stage.rig.session.execute(Set(f"route.{output}", source)))
        self.wanted[f"route.{output}"] = source

    @rule(sources=st.lists(st.integers(0, 4), min_size=3, max_size=3))
    def tie_together(self, sources: list[int]) -> None:
        """Tie all outputs at one moment."""
        assert self.stage is not None
        sets = tuple(Set(f"route.{output}", source) for output, source in enumerate(sources, start=1))
        self.stage.run(self.stage.rig.session.execute(Salvo(sets)))
        self.wanted |= {item.property: item.value for item in sets}

    @rule(output=st.integers(1, 3), source=st.integers(0, 4))
    def by_hand(self, output: int, source: int) -> None:
        """Somebody ties at the front panel."""
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
        """A fresh read of everything equals what was wanted, and so does the unit."""
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
