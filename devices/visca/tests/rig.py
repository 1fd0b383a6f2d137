"""A real session and a simulated camera, joined by a real socket or pseudo terminal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from devices.sdk.address import parse_address
from devices.sdk.catalog import find_families, load_family
from devices.sdk.connection import LinkState, LinkStatus, Traffic
from devices.sdk.errors import Desynchronised, NotSupported, Retryable, Superseded
from devices.sdk.manifest import Timing
from devices.sdk.readings import Reading, Value
from devices.sdk.session import Session
from devices.sdk.settings import Settings
from devices.sdk.testing.faults import Faults
from devices.visca.driver import ViscaDriver
from devices.visca.simulator import Quirk, ViscaSimulator

FAMILY = load_family(find_families()["visca"])
WIRES = ("tcp", "udp", "bare-udp", "pty")
TIMING = Timing(min_gap_ms=0, reply_timeout_ms=150, poll_s=0.2, retries=2, max_executing=2)
PRESETS = {"podium": {"number": 1, "pan": -400, "tilt": 30, "zoom": 8192}, "seats": 2}
PATIENCE_S = 5.0


@dataclass
class Watcher:
    """Remembers what the session tells."""

    readings: list[Reading] = field(default_factory=list)
    links: list[LinkStatus] = field(default_factory=list)
    facts: dict[str, Value] = field(default_factory=dict)
    sent: list[bytes] = field(default_factory=list)

    def reading(self, reading: Reading) -> None:
        """A property was told."""
        self.readings.append(reading)

    def link(self, status: LinkStatus) -> None:
        """The connection changed."""
        self.links.append(status)

    def learned(self, key: str, value: Value) -> None:
        """A fact to keep."""
        self.facts[key] = value

    def traffic(self, traffic: Traffic) -> None:
        """Bytes went by."""
        if traffic.direction == "out":
            self.sent.append(traffic.payload)


@dataclass
class Rig:
    """One camera under control."""

    session: Session
    camera: ViscaSimulator
    watcher: Watcher

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait for something to become true, seconds at most."""
        async with asyncio.timeout(PATIENCE_S):
            while not true():  # the simulated motors have no event
                await asyncio.sleep(0.005)

    async def ready(self) -> None:
        """Wait until the session is ready."""
        await self.until(lambda: self.session.status.state is LinkState.READY)

    async def reads(self, name: str, value: Value) -> Reading:
        """Ask until the camera answers so; returns that reading."""
        async with asyncio.timeout(PATIENCE_S):
            while (reading := await self.session.read(name)).value != value:  # a question each time
                await asyncio.sleep(0.01)
        return reading

    async def insist(self, attempt: Callable[[], Awaitable[object]]) -> None:
        """Try again as the gateway does, while trying again may help."""
        async with asyncio.timeout(PATIENCE_S * 2):
            while True:
                try:
                    await attempt()
                except (Retryable, Superseded, Desynchronised, NotSupported):  # a flipped bit can say anything
                    await asyncio.sleep(0.02)
                else:
                    return


@asynccontextmanager
async def rig(
    wire: str,
    *,
    faults: str = "",
    quirks: tuple[Quirk, ...] = (),
    pace: float = 100,
    settings: Mapping[str, object] | None = None,
    at: str = "",
) -> AsyncIterator[Rig]:
    """A camera on `wire`, ready to be asked; motors run `pace` times faster than real ones."""
    manifest = FAMILY.manifest.model_copy(update={"timing": TIMING})
    checked = Settings(
        manifest, {"presets": PRESETS, **({"header": "none"} if wire == "bare-udp" else {}), **(settings or {})}
    )
    async with ViscaSimulator(manifest, checked) as camera:
        camera.speed_up(pace)
        camera.quirks.update(quirks)
        if wire == "pty":
            where = f"serial://{await camera.serve_pty()}"
        elif wire == "tcp":
            where = f"tcp://127.0.0.1:{await camera.serve_tcp()}"
        else:
            where = f"udp://127.0.0.1:{await camera.serve_udp()}{at}"
        watcher = Watcher()
        session = Session(ViscaDriver(manifest, checked), parse_address(where, manifest), watcher)
        async with asyncio.TaskGroup() as tasks:
            life = tasks.create_task(session.run())
            one = Rig(session, camera, watcher)
            try:
                await one.ready()
                camera.faults.update(faults) if faults else None
                yield one
            finally:
                life.cancel()


__all__ = ["Faults", "Quirk", "Rig", "Watcher", "rig"]
