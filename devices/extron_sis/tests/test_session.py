"""Driver against simulator over real sockets and pseudo terminals: faults, and random walks."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from devices.extron_sis.simulator import ExtronSisSimulator
from devices.sdk import (
    Busy,
    LinkState,
    Priority,
    Query,
    ReadingSource,
    Salvo,
    Set,
    Settings,
    Unreachable,
    WrongPassword,
    find_families,
    load_family,
)
from devices.sdk.testing.rig import Rig, rig
from devices.sdk.testing.simulator import Simulator
from devices.sdk.testing.stage import Stage

FAMILY = load_family(find_families()["extron_sis"])
SMALL = {"inputs": 4, "outputs": 3}


@pytest.mark.parametrize("wire", ["tcp", "serial"])
async def test_a_tap_moves_the_matrix(wire: str) -> None:
    """A tie by hand of a person reaches the device and comes back by read-back, over each line."""
    async with rig(FAMILY, wire=wire, settings=SMALL) as one:
        reading = await one.bring("route.2", 4)
        assert one.simulator.snapshot()["route.2"] == 4
    assert reading.verified
    assert reading.source is ReadingSource.QUERY


async def test_a_salvo_arrives_whole() -> None:
    """Three outputs, one command on the wire, one moment."""
    async with rig(FAMILY, settings=SMALL) as one:
        await one.session.execute(Salvo(tuple(Set(f"route.{output}", 4) for output in (1, 2, 3))))
        assert [one.simulator.snapshot()[f"route.{output}"] for output in (1, 2, 3)] == [4, 4, 4]
        assert one.told.sent.count(b"\x1b+Q4*1!4*2!4*3!\r") == 1


async def test_one_answer_serves_all_who_asked_before_it() -> None:
    """Six mutes are told by one answer: those asked before it came cost no question of their own, those asked later do."""
    names = [f"{kind}.{output}" for kind in ("blank", "mute") for output in (1, 2, 3)]
    async with rig(FAMILY, settings=SMALL, timing={"poll_s": 0}) as one:
        asked = len(one.told.sent)
        readings = await asyncio.gather(*(one.session.read(name) for name in names))
        assert one.told.sent[asked:] == [b"\x1bVM\r"]
        assert names == [reading.property for reading in readings]
        one.simulator.state["mute.2"] = True
        assert (await one.session.read("mute.2")).value is True


async def test_a_question_after_a_command_is_asked_on_the_wire() -> None:
    """A reading from before the command is no proof of it: the command and then the question go out."""
    async with rig(FAMILY, settings=SMALL, timing={"poll_s": 0}) as one:
        first = asyncio.create_task(one.session.read("mute.1"))
        await one.session.execute(Set("mute.1", value=True))
        assert (await one.session.read("mute.1")).value is True
        assert one.told.sent[-2:] == [b"1*1Z", b"\x1bVM\r"]
        await first


async def test_the_front_panel_is_known_before_the_poll() -> None:
    """With polling switched off a button at the unit is still known."""
    async with rig(FAMILY, settings=SMALL, timing={"poll_s": 0}) as one:
        one.simulator.front_panel("route.3", 1)
        await one.until(lambda: one.session.reading("route.3").value == 1)  # type: ignore[union-attr]


async def test_a_lying_unit_is_not_believed() -> None:
    """It echoes the tie and keeps its state: the reading says so."""
    async with rig(FAMILY, settings=SMALL, faults="lie") as one:
        await one.session.execute(Set("route.1", 3))
        assert (await one.session.read("route.1")).value == 1


async def test_a_busy_unit_says_so() -> None:
    """E22 becomes Busy: try again."""
    async with rig(FAMILY, settings=SMALL) as one:
        one.simulator.faults.update("nak=1")
        with pytest.raises(Busy):
            await one.session.execute(Set("route.1", 3))


async def test_a_video_only_frame_has_no_volume() -> None:
    """E10 to the volume question: unsupported, everything else is read."""

    def video_only(simulator: Simulator) -> None:
        assert isinstance(simulator, ExtronSisSimulator)
        simulator.knows_volume = False

    async with rig(FAMILY, settings=SMALL, prepare=video_only) as one:
        assert one.session.unsupported == {"volume.1", "volume.2", "volume.3"}
        assert (await one.session.read("mute.2")).value is False


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


async def test_a_silent_unit_is_offline_soon() -> None:
    """The connection stands, nothing is answered: noticed by the poll within a few timeouts."""
    async with rig(FAMILY, settings=SMALL) as one:
        one.simulator.faults.update("silent")
        await one.reach(LinkState.OFFLINE)
        assert "does not answer" in str(one.session.status.error)


async def test_the_password_is_checked_over_a_real_socket() -> None:
    """The right one lets in, a wrong one is REFUSED with the longest back-off."""
    async with rig(FAMILY, settings={**SMALL, "password": "extron"}) as one:
        assert one.session.status.state is LinkState.READY
    async with rig(
        FAMILY, settings={**SMALL, "password": "salah"}, device={**SMALL, "password": "extron"}, ready=False
    ) as one:
        await one.reach(LinkState.REFUSED)
        assert isinstance(one.session.status.error, WrongPassword)


async def test_an_operator_waits_behind_one_poll_at_most() -> None:
    """With slow answers and polling without pause, a press is the next or the second exchange."""
    async with rig(FAMILY, settings=SMALL, timing={"poll_s": 0.001}) as one:
        one.simulator.faults.update("delay=0.02")
        await asyncio.sleep(0.05)
        before = len(one.told.sent)
        await one.session.execute(Set("blank.1", value=True), priority=Priority.SAFETY)
        position = one.told.sent[before:].index(b"1*1B")
    assert position <= 1


def _known(one: Rig) -> dict[str, object]:
    names = one.session.driver.properties()
    return {name: reading.value for name in names if (reading := one.session.reading(name)) is not None}


class Matrix(RuleBasedStateMachine):
    """Whatever is done to it from both ends, what the driver reads is what the unit is."""

    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage(rig(FAMILY, settings=SMALL, timing={"poll_s": 0}))
        self.wanted: dict[str, object] = dict(self.stage.rig.simulator.snapshot())
        self.presets: dict[int, dict[str, object]] = {}

    def teardown(self) -> None:
        """End the session and the unit."""
        self.stage.close()

    async def _set(self, name: str, value: float | bool) -> None:
        await self.stage.rig.session.execute(Set(name, value))
        self.wanted[name] = value

    @rule(output=st.integers(1, 3), source=st.integers(0, 4))
    def tie(self, output: int, source: int) -> None:
        """Tie one output."""
        self.stage.run(self._set(f"route.{output}", source))

    @rule(sources=st.lists(st.integers(0, 4), min_size=3, max_size=3))
    def tie_together(self, sources: list[int]) -> None:
        """Tie all outputs at one moment."""
        sets = tuple(Set(f"route.{output}", source) for output, source in enumerate(sources, start=1))
        self.stage.run(self.stage.rig.session.execute(Salvo(sets)))
        self.wanted |= {item.property: item.value for item in sets}

    @rule(output=st.integers(1, 3), on=st.booleans(), kind=st.sampled_from(["blank", "mute"]))
    def mute(self, output: int, *, on: bool, kind: str) -> None:
        """Mute picture or sound."""
        self.stage.run(self._set(f"{kind}.{output}", on))

    @rule(output=st.integers(1, 3), steps=st.integers(0, 64))
    def turn(self, output: int, steps: int) -> None:
        """Set a volume."""
        self.stage.run(self._set(f"volume.{output}", steps * 100 / 64))

    @rule(output=st.integers(1, 3), source=st.integers(0, 4))
    def by_hand(self, output: int, source: int) -> None:
        """Somebody ties at the front panel."""

        async def press() -> None:
            self.stage.rig.simulator.front_panel(f"route.{output}", source)
            await asyncio.sleep(0)

        self.stage.run(press())
        self.wanted[f"route.{output}"] = source

    @rule(fault=st.sampled_from(["none", "half", "join", "delay=0.005", "duplicate=2"]))
    def weather(self, fault: str) -> None:
        """The line gets better or worse."""
        self.stage.rig.simulator.faults.update(f"none,{fault}")

    @invariant()
    def unit_is_as_wanted(self) -> None:
        """Every command took effect, no other did."""
        assert self.stage.rig.simulator.snapshot() == self.wanted

    @invariant()
    def driver_reads_the_truth(self) -> None:
        """A fresh read of everything equals the unit's state."""

        async def read_all() -> None:
            for query in self.stage.rig.session.driver.snapshot():
                await self.stage.rig.session.read(query.property)

        self.stage.run(read_all())
        assert _known(self.stage.rig) == self.wanted


Matrix.TestCase.settings = settings(
    max_examples=8, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)
test_random_walks_end_in_the_truth = Matrix.TestCase


def test_the_snapshot_asks_for_everything_once() -> None:
    """One question for all mutes, one for all signals, one for each tie and volume, one for the firmware."""
    driver = FAMILY.driver(FAMILY.manifest, Settings(FAMILY.manifest, SMALL))
    assert driver.snapshot() == tuple(
        Query(name)
        for name in (
            "firmware",
            "route.1",
            "route.2",
            "route.3",
            "blank.1",
            "volume.1",
            "volume.2",
            "volume.3",
            "signal.1",
        )
    )
