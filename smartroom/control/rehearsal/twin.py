"""The twin of a room: the same files, the families' own simulators inside this process, stand-ins for walls, and records that forget.

It has no address of any hardware: every device of the twin is reached by `memory://`, and nothing else is ever given to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from devices.sdk.catalog import Family
from devices.sdk.connection import Traffic
from devices.sdk.readings import Value
from devices.sdk.testing.faults import Faults
from devices.sdk.testing.simulator import Simulator
from smartroom.control import clock
from smartroom.control.displays.stand_in import StandIn
from smartroom.control.limits import REHEARSAL_READY_S
from smartroom.control.room.files import load_room
from smartroom.control.room.model import Device
from smartroom.control.room.secrets import NoSecrets
from smartroom.control.rooms import LiveRoom, RoomRecords, TwinOf, WallPlace
from smartroom.control.scenes.ports import StandingScene, UnfinishedRun
from smartroom.protocol.state import Link, RoomState

_LINES: Mapping[str, Literal["tcp", "udp", "serial"]] = {"udp": "udp", "wake": "udp", "serial": "serial"}
_QUICK = 10_000.0
"""While a simulator takes over how its device stands, motors and lamps need no time."""


@dataclass(frozen=True, slots=True)
class Original:
    """The room that is rehearsed."""

    folder: Path
    families: Mapping[str, Family]
    readings: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    """Device -> property -> how it stands now; what is missing is as after power on."""


def readings_of(state: RoomState) -> dict[str, dict[str, Value]]:
    """How the real room stands; what was not read on this connection is left out."""
    found: dict[str, dict[str, Value]] = {}
    for key, device in state.devices.items():
        for name, reading in device.properties.items():
            if reading.fresh and reading.value is not None:
                value = tuple(reading.value) if isinstance(reading.value, list) else reading.value
                found.setdefault(key, {})[name] = value
    return found


class Forgets:
    """Records of a rehearsal: it asks for nothing old and keeps nothing new."""

    async def begin(self, run: str, room: str, scene: str, by: str, started: float, snapshot_json: str) -> None:
        """Nothing is kept."""

    async def end(self, run: str, run_json: str) -> None:
        """Nothing is kept."""

    async def unfinished(self, room: str) -> UnfinishedRun | None:
        """Nothing is left over."""
        return None

    async def dismiss(self, run: str) -> None:
        """Nothing is kept."""

    async def recent(self, room: str, limit: int) -> Sequence[str]:
        """Nothing was kept."""
        return ()


class _ForgetsStanding:
    async def replace(self, room: str, scenes: Sequence[StandingScene]) -> None:
        """Nothing is kept."""

    async def load(self, room: str) -> Sequence[StandingScene]:
        """Nothing stood."""
        return ()


class _ForgetsLearned:
    async def save(self, room: str, device: str, key: str, value_json: str) -> None:
        """Nothing is kept."""

    async def load(self, room: str) -> Mapping[tuple[str, str], str]:
        """Nothing was learnt."""
        return {}


class Twin:
    """A living twin: `live` is the room, `simulators` its devices by id. Made by `twinned`."""

    def __init__(self, live: LiveRoom, simulators: Mapping[str, Simulator]) -> None:
        self.live = live
        self.simulators = simulators

    def fault(self, device: str, faults: str) -> None:
        """Switch faults of one device. KeyError for an unknown device, ValueError for an unknown fault."""
        self.simulators[device].faults.update(faults)

    async def connected(self) -> None:
        """Wait until every device that will answer has; one with a fault may never."""
        devices = [key for key, device in self.live.store.state.devices.items() if device.link is not Link.READY]
        with suppress(TimeoutError):
            async with asyncio.timeout(REHEARSAL_READY_S):
                for device in devices:
                    await self.live.gateway.returned(device)


@asynccontextmanager
async def twinned(
    original: Original,
    name: str,
    *,
    seed: int = 0,
    wire: Callable[[str, Traffic], None] | None = None,
    watches_files: bool = True,
    faults: Mapping[str, str] | None = None,
    polls: float = 1.0,
) -> AsyncIterator[Twin]:
    """Bring the twin to life and end it. `faults` are there from the first connection on; `polls`: so many times less often than real devices."""
    families = {key: _patient(family, polls) for key, family in original.families.items()}
    room = load_room(original.folder, families, NoSecrets())
    simulators: dict[str, Simulator] = {}
    addresses: dict[str, str] = {}
    for key, device in room.devices.items():
        if device.wire is None:
            continue
        simulator = simulators[key] = _simulator(device, families[device.family], seed)
        line = _LINES.get(device.wire.address.scheme, "tcp")
        addresses[key] = simulator.serve_memory(f"{name}/{key}", line)
    try:
        for key, simulator in simulators.items():
            await take_over(simulator, original.readings.get(key, {}))
            simulator.faults.update((faults or {}).get(key, ""))
        live = LiveRoom(
            original.folder,
            families,
            addresses,
            RoomRecords(Forgets(), _ForgetsStanding(), _ForgetsLearned()),
            WallPlace(),
            twin=TwinOf(name, seed, wire, watches_files),
        )
        failure: Exception | None = None
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(live.run(), name=f"rehearsal:{name}")]
            for key in room.walls:
                wall = live.walls.find(f"wall.{key}")
                assert wall is not None
                tasks.append(group.create_task(StandIn(wall).run(), name=f"rehearsal:{name}:wall.{key}"))
            try:
                yield Twin(live, simulators)
            except Exception as error:  # noqa: BLE001  # the caller's own: the group would wrap it
                failure = error
            finally:
                for task in tasks:
                    task.cancel()
        if failure is not None:
            raise failure
    finally:
        for simulator in simulators.values():
            await simulator.close()


async def take_over(simulator: Simulator, readings: Mapping[str, Value]) -> None:
    """Let a simulator stand as its device stands: power first, what a hand cannot bring about stays as after power on."""
    simulator.speed_up(_QUICK)
    simulator.faults.update("warmup=0,cooling=0")
    names = sorted(readings, key=lambda name: (name.partition(".")[0] != "power", name))
    for _ in range(2):  # an input cannot be chosen before the power is there
        for name in names:
            value = readings[name]
            with suppress(ValueError, KeyError):
                simulator.front_panel(name, value)
        await asyncio.sleep(0.02)
    simulator.faults.clear()
    simulator.speed_up(1.0)


def _patient(family: Family, times: float) -> Family:
    """A family that asks less often: in a rehearsal nobody walks up to a device and presses a button."""
    timing = family.manifest.timing
    slower = timing.model_copy(update={"poll_s": timing.poll_s * times})
    return replace(family, manifest=family.manifest.model_copy(update={"timing": slower}))


def _simulator(device: Device, family: Family, seed: int) -> Simulator:
    assert device.wire is not None
    number = seed + sum(ord(letter) for letter in device.id)
    return family.simulator(
        family.manifest, device.wire.driver.settings, faults=Faults(), clock=clock.monotonic, seed=number
    )
