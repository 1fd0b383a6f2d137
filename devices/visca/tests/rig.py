"""A real session and a simulated camera, joined by a real socket or pseudo terminal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import cast

from devices.sdk.catalog import find_families, load_family
from devices.sdk.connection import LinkState
from devices.sdk.errors import Desynchronised, NotSupported, Retryable, Superseded, Unreachable
from devices.sdk.readings import Reading, Value
from devices.sdk.testing import rig as sdk
from devices.sdk.testing.simulator import Simulator
from devices.visca.simulator import Quirk, ViscaSimulator

FAMILY = load_family(find_families()["visca"])
WIRES = ("tcp", "udp", "bare-udp", "serial")
PRESETS = {"podium": {"number": 1, "pan": -400, "tilt": 30, "zoom": 8192}, "seats": 2}


class Camera:
    """One camera under control."""

    def __init__(self, one: sdk.Rig) -> None:
        self.session = one.session
        self.camera = cast("ViscaSimulator", one.simulator)
        self.told = one.told
        self.until = one.until
        self._one = one

    async def ready(self) -> None:
        """Wait until the session is ready."""
        await self._one.reach(LinkState.READY)

    def still(self) -> bool:
        """True when no motor runs."""
        return self.camera.head.remaining(self.camera.head.ALL) == 0

    async def reads(self, name: str, value: Value) -> Reading:
        """Ask until the camera answers so; returns that reading."""
        async with asyncio.timeout(sdk.PATIENCE_S):
            while True:
                try:
                    reading = await self.session.read(name)  # a question each time
                except Unreachable:  # the chain was numbered again while it was asked
                    await asyncio.sleep(0.02)
                    continue
                if reading.value == value:
                    return reading
                await asyncio.sleep(0.01)

    async def insist(self, attempt: Callable[[], Awaitable[object]]) -> None:
        """Try again as the gateway does, while trying again may help."""
        async with asyncio.timeout(sdk.PATIENCE_S):
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
) -> AsyncIterator[Camera]:
    """A camera on `wire`, ready to be asked; motors run `pace` times faster than real ones."""

    def prepare(simulator: Simulator) -> None:
        camera = cast("ViscaSimulator", simulator)
        camera.speed_up(pace)
        camera.quirks.update(quirks)

    bare = {"header": "none"} if wire == "bare-udp" else {}
    async with sdk.rig(
        FAMILY,
        wire=wire.removeprefix("bare-"),
        faults=faults,
        settings={"presets": PRESETS, **bare, **(settings or {})},
        prepare=prepare,
    ) as one:
        yield Camera(one)
