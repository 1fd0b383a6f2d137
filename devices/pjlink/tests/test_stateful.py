"""Any order of commands, hands, faults and outages over a real socket: the session never ends, and what it reads is what the projector is."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from devices.pjlink.tests.rig import Bench, bench
from devices.sdk import Busy, LinkState, ReplyTimeout, Set, Unreachable, Value

_T = TypeVar("_T")

LIT_ONLY = ("input", "blank", "mute", "freeze")
"""Answered with ERR3 while the lamp is off."""
INPUTS = ("rgb1", "rgb2", "video1", "hdmi1", "hdmi2", "hdmi3", "storage1", "network1", "internal1")
HARMLESS = ("half", "join", "delay=0.005", "duplicate=2", "shuffle", "garbage=0.3")
"""Faults under which every answer still arrives."""


class ProjectorMachine(RuleBasedStateMachine):
    """One projector, one session, and what a room should know of it."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.bench: Bench

    def wait(self, work: Coroutine[object, object, _T]) -> _T:
        """Let the loop run until `work` is done."""
        return self.runner.run(work)

    @initialize(password=st.sampled_from(["", "rahasia"]), hold=st.booleans(), pj_class=st.sampled_from(["auto", "2"]))
    def connect(self, password: str, hold: bool, pj_class: str) -> None:
        """A fresh projector, with or without a password, held or shared."""
        told = {"password": password, "hold": hold, "class": pj_class}
        timing = {"poll_s": 60, "release_s": 0.005, "reply_timeout_ms": 300}
        self.bench = self.wait(self.stack.enter_async_context(bench(settings=told, timing=timing)))

    def teardown(self) -> None:
        """Everything ends without a complaint."""
        self.wait(self.stack.aclose())
        self.runner.close()

    @property
    def lit(self) -> bool:
        """True while the lamp is on."""
        return self.bench.simulator.snapshot()["power"] == "on"

    def bring(self, name: str, value: Value) -> Value:
        """What the projector says after a command; a line that broke is waited for."""

        async def work() -> Value:
            for _ in range(5):
                try:
                    return await self.bench.bring(name, value)
                except (Unreachable, ReplyTimeout):
                    await self.bench.reach(LinkState.READY)
            raise AssertionError("five attempts in a row failed")

        return self.wait(work())

    @rule(power=st.sampled_from(["on", "off"]))
    def switch(self, power: str) -> None:
        """Power follows."""
        assert self.bring("power", power) == power

    @precondition(lambda self: self.lit)
    @rule(source=st.sampled_from(INPUTS))
    def choose(self, source: str) -> None:
        """The input follows while the lamp is on."""
        assert self.bring("input", source) == source

    @precondition(lambda self: self.lit)
    @rule(name=st.sampled_from(["blank", "mute", "freeze"]), on=st.booleans())
    def toggle(self, name: str, on: bool) -> None:
        """Picture, sound and freeze follow, each alone."""
        others = {other: self.bench.simulator.snapshot()[other] for other in LIT_ONLY if other != name}
        assert self.bring(name, on) is on
        assert others == {other: self.bench.simulator.snapshot()[other] for other in others}

    @precondition(lambda self: not self.lit)
    @rule(name=st.sampled_from(LIT_ONLY))
    def refuse(self, name: str) -> None:
        """In standby the rest is Busy, and nothing changes."""

        async def work() -> None:
            for _ in range(5):
                try:
                    await self.bench.session.execute(Set(name, "hdmi2" if name == "input" else True))
                except Busy:
                    return
                except (Unreachable, ReplyTimeout):
                    await self.bench.reach(LinkState.READY)
            raise AssertionError("never refused")

        before = self.bench.simulator.snapshot()
        self.wait(work())
        assert before == self.bench.simulator.snapshot()

    @rule(name=st.sampled_from(["power", *LIT_ONLY]), on=st.booleans())
    def by_hand(self, name: str, on: bool) -> None:
        """Somebody uses the remote control."""
        value: Value = on
        if name == "power":
            value = "on" if on else "off"
        elif name == "input":
            value = "hdmi1" if on else "rgb1"
        if name == "power" or self.lit:
            self.bench.simulator.front_panel(name, value)

    @rule()
    def hang_up(self) -> None:
        """The projector ends the connection."""

        async def work() -> None:
            for client in list(self.bench.simulator.clients):
                client.close()

        self.wait(work())

    @rule()
    def lose_power(self) -> None:
        """Mains off and on."""

        async def work() -> None:
            self.bench.simulator.power_cut(0.01)
            await self.bench.until(lambda: not self.bench.simulator.off)

        self.wait(work())

    @rule(fault=st.sampled_from(["", *HARMLESS]))
    def spoil(self, fault: str) -> None:
        """The line gets a fault, or is mended."""
        self.bench.spoil(fault)

    @invariant()
    def what_is_read_is_true(self) -> None:
        """A fresh read of each property is the projector's own state, or unknown where it does not tell."""

        async def work() -> None:
            for name in ("power", *LIT_ONLY, "lamp_hours"):
                for _ in range(5):
                    try:
                        reading = await self.bench.session.read(name)
                    except (Unreachable, ReplyTimeout):
                        await self.bench.reach(LinkState.READY)
                        continue
                    expected = None if name in LIT_ONLY and not self.lit else self.bench.simulator.snapshot()[name]
                    assert (name, reading.value, reading.epoch) == (name, expected, self.bench.session.epoch)
                    break
                else:
                    raise AssertionError(f"{name} could not be read")

        self.wait(work())


TestProjector = ProjectorMachine.TestCase
TestProjector.__doc__ = "Commands, hands, faults and outages in any order: what is read is what the projector is."
TestProjector.settings = settings(
    max_examples=8, stateful_step_count=15, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
