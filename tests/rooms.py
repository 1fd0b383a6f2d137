"""A whole room for tests: real drivers over real sockets to simulators of this process, so that a test can make them fail."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from devices.sdk.catalog import Family, find_families, load_family
from devices.sdk.settings import Settings
from devices.sdk.testing.run import serve
from devices.sdk.testing.simulator import Simulator
from smartroom.control.records.records import Records
from smartroom.control.rooms import LiveRoom, RoomRecords
from smartroom.protocol.commands import ApplyReport
from smartroom.protocol.state import DeviceState, Link, RoomState, SceneState

ROOM = """
name: {id: Ruang Uji, en: Test room}
devices:
  matrix: {driver: extron_sis, at: "tcp://10.0.0.1:23", inputs: 8, outputs: 4}
  projector: {driver: pjlink, at: "tcp://10.0.0.2:4352"}
  camera:
    driver: visca
    at: udp://10.0.0.3:52381
    presets: {wide: {number: 0, pan: 0, tilt: 0, zoom: 0}, podium: {number: 1, pan: 40, tilt: 10, zoom: 256}}
sources: {laptop: matrix.in.1, meeting: matrix.in.2, camera: matrix.in.3}
outputs:
  main: {matrix: matrix.out.1, screen: projector}
  left: {matrix: matrix.out.2}
audio: {volume: matrix.out.1, mute: matrix.out.1}
"""

SCENES = {
    "meeting": """
name: {id: Rapat, en: Meeting}
timeout: 20s
desired:
  projector: {power: on, input: hdmi1}
  matrix: {route: {main: laptop, left: laptop}, volume: {main: 50}}
  camera: {power: on, preset: podium}
""",
    "slides": """
name: {id: Presentasi, en: Slides}
timeout: 20s
desired:
  matrix: {route: {main: meeting, left: meeting}, mute: {main: false}}
""",
    "careful": """
name: {id: Hati-hati, en: Careful}
on_failure: restore
timeout: 20s
desired:
  matrix: {route: {main: meeting, left: camera}, volume: {main: 80}}
  projector: {mute: true}
""",
    "off": """
name: {id: Mati, en: Off}
danger: true
desired:
  projector: {power: off}
  matrix: {mute: {main: true}}
""",
}


@runtime_checkable
class _Quick(Protocol):
    """A simulator whose motors can be made fast."""

    def speed_up(self, pace: float) -> None:
        """So many times faster than a real head."""
        ...


@dataclass(slots=True)
class TestRoom:
    """A live room, its simulators by device id, and its folder."""

    __test__ = False

    live: LiveRoom
    simulators: Mapping[str, Simulator]
    folder: Path
    records: Records

    @property
    def state(self) -> RoomState:
        """The state a page would see."""
        return self.live.store.state

    def device(self, key: str) -> DeviceState:
        """One device as a page sees it."""
        return self.state.devices[key]

    def scene(self, key: str) -> SceneState:
        """One tile as a page sees it."""
        return self.state.scenes[key]

    async def apply(self, scene: str, by: str = "host") -> ApplyReport:
        """Recall a scene and wait for its end."""
        accepted = self.live.desk.apply(scene, by=by, press=f"test-{time.monotonic_ns()}")
        return await self.live.desk.wait(accepted.run or "")

    async def until(self, true: Callable[[], bool], limit: float = 5.0) -> None:
        """Wait until something holds; fails with the claim's name after `limit` seconds."""
        async with asyncio.timeout(limit):
            while not true():
                await asyncio.sleep(0.01)


def write_site(
    folder: Path, room: str = ROOM, scenes: Mapping[str, str] = SCENES, rundowns: Mapping[str, str] | None = None
) -> Path:
    """A site of one room called `hall`; returns the room's folder."""
    hall = folder / "hall"
    hall.mkdir(parents=True, exist_ok=True)
    for key, text in (rundowns or {}).items():
        (hall / "rundowns").mkdir(exist_ok=True)
        (hall / "rundowns" / f"{key}.yaml").write_text(text)
    (hall / "room.yaml").write_text(room)
    for key, text in scenes.items():
        (hall / f"{key}.yaml").write_text(text)
    return hall


def families() -> dict[str, Family]:
    """Families that ship, ready to be used."""
    return {name: load_family(folder) for name, folder in find_families().items()}


@asynccontextmanager
async def simulate(
    settings: Mapping[str, tuple[str, Mapping[str, object]]],
) -> AsyncIterator[tuple[dict[str, Simulator], dict[str, str]]]:
    """Simulators by device id -> (family, settings); yields them with the addresses they serve."""
    known = families()
    simulators: dict[str, Simulator] = {}
    addresses: dict[str, str] = {}
    async with AsyncExitStack() as stack:
        for key, (family, given) in settings.items():
            found = known[family]
            simulator = found.simulator(found.manifest, Settings(found.manifest, given))
            await stack.enter_async_context(simulator)
            scheme = "udp" if family == "visca" else "tcp"
            addresses[key] = next(item for item in await serve(simulator, port=0) if item.startswith(scheme))
            simulators[key] = simulator
            if family == "pjlink":
                simulator.faults.update("warmup=0.3,cooling=0.2")
            if isinstance(simulator, _Quick):
                simulator.speed_up(50)
        yield simulators, addresses


@asynccontextmanager
async def living(
    tmp_path: Path,
    room: str = ROOM,
    scenes: Mapping[str, str] = SCENES,
    *,
    rundowns: Mapping[str, str] | None = None,
    ready: bool = True,
    settings: Mapping[str, Mapping[str, object]] | None = None,
    real: frozenset[str] | set[str] = frozenset(),
    more: Mapping[str, tuple[str, Mapping[str, object]]] | None = None,
) -> AsyncIterator[TestRoom]:
    """The test room, alive and, unless told otherwise, read. `settings` go to simulators; devices in `real` keep the address of the file.

    `more`: simulators of further devices, by id -> (family, settings).
    """
    folder = write_site(tmp_path / "site", room, scenes, rundowns)
    presets = {
        "wide": {"number": 0, "pan": 0, "tilt": 0, "zoom": 0},
        "podium": {"number": 1, "pan": 40, "tilt": 10, "zoom": 256},
    }
    wanted: dict[str, tuple[str, Mapping[str, object]]] = {
        "matrix": ("extron_sis", {"inputs": 8, "outputs": 4}),
        "projector": ("pjlink", {}),
        "camera": ("visca", {"presets": presets}),
        **(more or {}),
    }
    wanted = {
        key: (family, {**given, **(settings or {}).get(key, {})})
        for key, (family, given) in wanted.items()
        if key not in real
    }
    async with simulate(wanted) as (simulators, addresses), Records(tmp_path / "data") as records:
        live = LiveRoom(
            folder,
            families(),
            addresses,
            RoomRecords(records.runs, records.standing, records.learned, tmp_path / "data" / "log" / "hall"),
        )
        found = TestRoom(live, simulators, folder, records)
        task = asyncio.create_task(live.run(), name="room")
        try:
            if ready:
                await found.until(lambda: all(item.link is Link.READY for item in found.state.devices.values()), 10)
            yield found
        finally:
            task.cancel()
            await asyncio.wait({task})
