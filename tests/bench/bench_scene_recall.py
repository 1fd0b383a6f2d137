"""Recall of a scene over 20 devices x 3 properties: our share of the time, beside the same bytes over raw sockets.

Simulators without delay live in another process, one set for the floor and one for the room. Each round sends the floor (per device the same three commands
and three questions, one after the other, devices side by side, over sockets opened before), then recalls a scene that changes all 60 properties and proves
each by read-back, the snapshot on disk included.
"""

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

from devices.sdk.catalog import Family, find_families, load_family
from devices.sdk.commands import Query, Set
from devices.sdk.settings import Settings
from devices.sdk.testing.run import serve
from smartroom.control.garbage import QuietCollector, spare_collections
from smartroom.control.limits import FILE_POLL_S
from smartroom.control.records.records import Records
from smartroom.control.rooms import LiveRoom, RoomRecords
from smartroom.protocol.state import Link, MemberState, RunResult
from tests.bench.report import Figure, Report

DEVICES = 20
ROUNDS = 200
WARM_UP = 10
FAMILY = "extron_sis"
SCENES = {"first": (False, False, 20), "second": (True, True, 80)}
PROPERTIES = ("blank.1", "mute.1", "volume.1")


async def main() -> Report:
    """Alternate floor and recall, report percentiles of both and of their difference."""
    family = quick_family()
    with tempfile.TemporaryDirectory() as folder:
        async with elsewhere("tests.bench.bench_scene_recall") as addresses:
            return await measure(Path(folder), family, addresses)


@asynccontextmanager
async def elsewhere(module: str) -> AsyncIterator[list[dict[str, str]]]:
    """The two sets of simulators that `python -m module` serves, in a process of their own; yields where they are."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module), stdout=asyncio.subprocess.PIPE, limit=1 << 20
    )
    assert process.stdout is not None
    try:
        yield json.loads(await process.stdout.readline())
    finally:
        process.terminate()
        await process.wait()


async def measure(folder: Path, family: Family, addresses: Sequence[dict[str, str]]) -> Report:
    """Run all rounds against two sets of simulators."""
    floors: list[float] = []
    recalls: list[float] = []
    async with living_room(folder, family, addresses[0]) as live, Floor(family, addresses[1]) as floor:
        for number in range(ROUNDS + WARM_UP):
            scene = tuple(SCENES)[number % 2]
            raw = await floor.run(SCENES[scene])
            began = time.perf_counter()
            accepted = live.desk.apply(scene, by="bench", press=f"bench-{number:08}")
            report = await live.desk.wait(accepted.run or "")
            took = time.perf_counter() - began
            if number >= WARM_UP:
                states = {member.state for member in report.run.members.values()}
                if report.run.result is not RunResult.ACHIEVED or states != {MemberState.VERIFIED}:
                    raise RuntimeError(f"recall {number}: {report.run.result}, members {states}")
                floors.append(raw * 1000)
                recalls.append(took * 1000)
    share = [recall - raw for recall, raw in zip(recalls, floors, strict=True)]
    return Report(
        how=f"{DEVICES} devices x {len(PROPERTIES)} properties, {ROUNDS} recalls alternating with the floor; simulators in another process",
        figures=(
            Figure("floor p50", percentile(floors, 50), "ms"),
            Figure("floor p99", percentile(floors, 99), "ms"),
            Figure("recall p50", percentile(recalls, 50), "ms"),
            Figure("recall p99", percentile(recalls, 99), "ms"),
            Figure("software share p50", percentile(share, 50), "ms"),
            Figure("software share p99", percentile(share, 99), "ms", at_most=50),
            Figure("software share / floor, medians", percentile(share, 50) / percentile(floors, 50), "x", at_most=5),
        ),
    )


def quick_family() -> Family:
    """The matrix family without the pauses a real unit needs: they would hide our own share."""
    family = load_family(find_families()[FAMILY])
    timing = family.manifest.timing.model_copy(update={"min_gap_ms": 0, "settle_ms": 0})
    return Family(family.folder, family.manifest.model_copy(update={"timing": timing}))


@asynccontextmanager
async def living_room(
    folder: Path,
    family: Family,
    addresses: dict[str, str],
    scenes: Mapping[str, tuple[bool, bool, int]] = SCENES,
    *,
    refused: str = "",
) -> AsyncIterator[LiveRoom]:
    """The room as the server has it, with its records and its log on disk. `refused`: a device that is asked for what it refuses, under `restore`."""
    hall = folder / "hall"
    hall.mkdir()
    lines = [f"  {key}: {{driver: {FAMILY}, at: '{at}', inputs: 4, outputs: 2}}" for key, at in addresses.items()]
    (hall / "room.yaml").write_text("name: Bench\ndevices:\n" + "\n".join(lines) + "\n")
    for scene, (blank, mute, volume) in scenes.items():
        goals = f"{{blank: {{1: {str(blank).lower()}}}, mute: {{1: {str(mute).lower()}}}, volume: {{1: {volume}}}}}"
        wanted = dict.fromkeys(addresses, goals)
        head = f"name: {scene}\n"
        if refused:
            head += "on_failure: restore\n"
            wanted[refused] = f"{goals[:-1]}, route: {{1: 99}}}}"
        lines = [f"  {key}: {text}\n" for key, text in wanted.items()]
        (hall / f"{scene}.yaml").write_text(f"{head}desired:\n{''.join(lines)}")
    async with Records(folder / "records") as records:
        live = LiveRoom(
            hall, {FAMILY: family}, {}, RoomRecords(records.runs, records.standing, records.learned, folder / "log")
        )
        task = asyncio.create_task(live.run())
        try:
            async with asyncio.timeout(30):
                while any(device.link is not Link.READY for device in live.store.state.devices.values()):
                    await asyncio.sleep(0.05)
            spare_collections()  # as the server does when it has started
            collecting = asyncio.create_task(collect_when_quiet(live))
            yield live
            collecting.cancel()
        finally:
            task.cancel()
            await asyncio.wait({task})


async def collect_when_quiet(live: LiveRoom) -> None:
    """As the server does every second."""
    collector = QuietCollector()
    while True:
        await asyncio.sleep(FILE_POLL_S)
        collector.look(quiet=not live.engine.busy)


class Floor:
    """The same bytes over raw sockets, nothing else."""

    def __init__(self, family: Family, addresses: dict[str, str]) -> None:
        self._driver = family.driver(family.manifest, Settings(family.manifest, {"inputs": 4, "outputs": 2}))
        self._addresses = addresses
        self._streams: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def __aenter__(self) -> Self:
        """Connect."""
        for at in self._addresses.values():
            host, _, port = at.removeprefix("tcp://").rpartition(":")
            self._streams.append(await asyncio.open_connection(host, int(port)))
        await asyncio.sleep(0.2)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Hang up."""
        for stream in self._streams:
            stream[1].close()

    async def run(self, values: Sequence[bool | int]) -> float:
        """Seconds from the first byte to the last answer."""
        commands = [Set(name, value) for name, value in zip(PROPERTIES, values, strict=True)] + [
            Query(name) for name in PROPERTIES
        ]
        frames = [frame.payload for command in commands for frame in self._driver.encode(command)]
        for reader, _ in self._streams:
            await _drained(reader)
        began = time.perf_counter()
        await asyncio.gather(*(self._talk(reader, writer, frames) for reader, writer in self._streams))
        return time.perf_counter() - began

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, frames: list[bytes]) -> None:
        for frame in frames:
            writer.write(frame)
            await reader.readuntil(b"\r\n")


async def _drained(reader: asyncio.StreamReader) -> None:
    try:
        async with asyncio.timeout(0.01):
            while await reader.read(65536):
                pass
    except TimeoutError:
        pass


def percentile(values: Sequence[float], percent: int) -> float:
    """The value below which so many percent lie."""
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


async def simulators(devices: int) -> None:
    """Two sets of simulators, their addresses on standard output; until the process is ended."""
    family = load_family(find_families()[FAMILY])
    addresses: list[dict[str, str]] = [{}, {}]
    for number in range(2 * devices):
        simulator = family.simulator(family.manifest, Settings(family.manifest, {"inputs": 4, "outputs": 2}))
        addresses[number // devices][f"matrix-{number % devices:02}"] = (await serve(simulator, port=0))[0]
    print(json.dumps(addresses), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(simulators(DEVICES))
