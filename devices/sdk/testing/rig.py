"""A device under test: its simulator, a real session to it over a real line of this machine, and what the session told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

from devices.sdk.address import parse_address
from devices.sdk.catalog import Family
from devices.sdk.commands import Set
from devices.sdk.connection import LinkState, LinkStatus, Traffic
from devices.sdk.errors import DeviceError
from devices.sdk.manifest import Manifest
from devices.sdk.readings import Reading, Value, matches
from devices.sdk.session import Session
from devices.sdk.settings import Settings
from devices.sdk.testing.faults import Faults
from devices.sdk.testing.simulator import Simulator

PATIENCE_S = 10.0
"""Whoever waits longer in a test has failed; nothing here needs a second."""
QUICK: Mapping[str, float] = {"min_gap_ms": 0, "settle_ms": 0, "reply_timeout_ms": 150, "poll_s": 0.3}
"""The pace of a test: simulators need no rest and answer within milliseconds."""
QUICK_LAMPS = "warmup=0.05,cooling=0.05"
"""Not a fault, but what a test has time for."""


class AtOnce(Random):
    """Back-off jitter that waits as little as it may."""

    def uniform(self, a: float, b: float) -> float:
        """A tenth of the way."""
        return a + (b - a) / 10


@dataclass(slots=True)
class Witness:
    """An observer that remembers."""

    links: list[LinkStatus] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    wire: list[Traffic] = field(default_factory=list)
    facts: dict[str, Value] = field(default_factory=dict)

    def reading(self, reading: Reading) -> None:
        """The device told a property."""
        self.readings.append(reading)

    def link(self, status: LinkStatus) -> None:
        """The connection changed."""
        self.links.append(status)

    def traffic(self, traffic: Traffic) -> None:
        """Bytes went over the wire."""
        self.wire.append(traffic)

    def learned(self, key: str, value: Value) -> None:
        """A fact to keep."""
        self.facts[key] = value

    @property
    def states(self) -> list[LinkState]:
        """States of the connection in the order they came."""
        return [status.state for status in self.links]

    @property
    def sent(self) -> list[bytes]:
        """What went out."""
        return [traffic.payload for traffic in self.wire if traffic.direction == "out"]


@dataclass(slots=True)
class Rig:
    """One simulated device under control."""

    simulator: Simulator
    session: Session
    told: Witness
    life: asyncio.Task[None]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something to become true, or for the session to die of a bug."""
        async with asyncio.timeout(PATIENCE_S):
            while not condition():  # two programs without a common event
                if self.life.done():
                    self.life.result()
                await asyncio.sleep(0.002)

    async def reach(self, *states: LinkState) -> None:
        """Wait for one of these states of the connection."""
        await self.until(lambda: self.session.status.state in states)

    def calm(self) -> None:
        """End all faults."""
        self.simulator.faults.clear()
        self.simulator.faults.update(QUICK_LAMPS)

    async def bring(self, name: str, value: Value) -> Reading:
        """Set a property as the server does: send, then ask until the device says so or its patience ends."""
        spec = self.session.driver.spec(name)
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    await self.session.execute(Set(name, value))
                    break
                except DeviceError as error:
                    if not hasattr(error, "retry_after"):
                        raise
                    await asyncio.sleep(0.01)
            while True:
                reading = await self.session.read(name)
                if matches(reading.value, value, spec.tolerance):
                    return reading
                await asyncio.sleep(0.01)


def required(manifest: Manifest) -> dict[str, object]:
    """Something for each setting that must be given."""
    return {
        key: spec.minimum or 1 if spec.example is None else spec.example
        for key, spec in manifest.settings.items()
        if spec.required
    }


def quick(manifest: Manifest, timing: Mapping[str, float] | None = None) -> Manifest:
    """A manifest at the pace of a test."""
    return manifest.model_copy(update={"timing": manifest.timing.model_copy(update={**QUICK, **(timing or {})})})


@asynccontextmanager
async def rig(
    family: Family,
    *,
    wire: str = "tcp",
    faults: str = "",
    settings: Mapping[str, object] | None = None,
    device: Mapping[str, object] | None = None,
    timing: Mapping[str, float] | None = None,
    prepare: Callable[[Simulator], None] = lambda _simulator: None,
    ready: bool = True,
) -> AsyncIterator[Rig]:
    """A simulator and a session to it over `wire` (a scheme of the family).

    `device`: settings of the device where they differ from what room.yaml says. With `ready` it waits until the session is; `faults` begin then.
    """
    manifest = quick(family.manifest, timing)
    ours = Settings(manifest, {**required(manifest), **(settings or {})})
    theirs = Settings(manifest, {**required(manifest), **device}) if device is not None else ours
    async with family.simulator(manifest, theirs) as simulator:
        simulator.speed_up(100)
        simulator.faults.update(QUICK_LAMPS)
        prepare(simulator)
        at = await simulator.serve(wire)
        told = Witness()
        session = Session(family.driver(manifest, ours), parse_address(at, manifest), told, random=AtOnce())
        if not ready:
            simulator.faults.update(faults)
        async with asyncio.TaskGroup() as tasks:
            one = Rig(simulator, session, told, tasks.create_task(session.run()))
            try:
                if ready:
                    await one.reach(LinkState.READY)
                    simulator.faults.update(faults)
                yield one
            finally:
                one.life.cancel()


__all__ = ["QUICK", "AtOnce", "Faults", "Rig", "Witness", "quick", "rig"]
