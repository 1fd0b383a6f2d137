"""A projector and a session to it, over a real socket of this machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from devices.pjlink.driver import PJLink
from devices.pjlink.simulator import PJLinkSimulator
from devices.sdk.address import parse_address
from devices.sdk.commands import Set
from devices.sdk.connection import LinkState, LinkStatus, Traffic
from devices.sdk.manifest import Manifest, load_manifest
from devices.sdk.readings import Reading, Value
from devices.sdk.session import Session
from devices.sdk.settings import Settings
from devices.sdk.testing.faults import Faults

PATIENCE_S = 10.0
"""A test that waits longer than this has failed; nothing here needs a second."""
QUICK: Mapping[str, float] = {"min_gap_ms": 0, "reply_timeout_ms": 300, "poll_s": 0.5}


class AtOnce(Random):
    """Jitter that never waits."""

    def uniform(self, a: float, b: float) -> float:
        """The lower end."""
        del b
        return a


@dataclass(slots=True)
class Witness:
    """Remembers what a session told."""

    links: list[LinkStatus] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    wire: list[Traffic] = field(default_factory=list)

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
        """A fact to keep: this family has none."""

    @property
    def states(self) -> list[LinkState]:
        """States in the order they came."""
        return [status.state for status in self.links]

    @property
    def sent(self) -> list[bytes]:
        """What went out."""
        return [traffic.payload for traffic in self.wire if traffic.direction == "out"]


@dataclass(slots=True)
class Rig:
    """A simulated projector, the session that drives it, and what the session told."""

    simulator: PJLinkSimulator
    session: Session
    told: Witness

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until the session or the projector has come so far."""
        async with asyncio.timeout(PATIENCE_S):
            while not condition():  # states of two programs, no common event
                await asyncio.sleep(0.002)

    async def reach(self, state: LinkState) -> None:
        """Wait for a state of the connection."""
        await self.until(lambda: self.session.status.state is state)

    async def bring(self, name: str, value: Value) -> Value:
        """Set a property and return what the projector then says of it."""
        await self.session.execute(Set(name, value))
        return (await self.session.read(name)).value


def quick_manifest(timing: Mapping[str, float] | None = None) -> Manifest:
    """The family's manifest at the pace of a test."""
    manifest = load_manifest(Path(__file__).parent.parent / "driver.yaml")
    return manifest.model_copy(update={"timing": manifest.timing.model_copy(update={**QUICK, **(timing or {})})})


@asynccontextmanager
async def rig(
    faults: str = "warmup=0,cooling=0",
    *,
    settings: Mapping[str, object] | None = None,
    device: Mapping[str, object] | None = None,
    timing: Mapping[str, float] | None = None,
) -> AsyncIterator[Rig]:
    """A running simulator and a running session. `device`: settings of the projector where they differ from what room.yaml says."""
    manifest = quick_manifest(timing)
    ours = Settings(manifest, settings or {})
    theirs = Settings(manifest, device) if device is not None else ours
    async with PJLinkSimulator(manifest, theirs, faults=Faults.parse(faults)) as simulator:
        address = parse_address(f"tcp://127.0.0.1:{await simulator.serve_tcp()}", manifest)
        told = Witness()
        session = Session(PJLink(manifest, ours), address, told, random=AtOnce())
        task = asyncio.create_task(session.run())
        try:
            yield Rig(simulator, session, told)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
