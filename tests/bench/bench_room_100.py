"""A room of 100 devices x 3 properties, five scenes in a row: our share of each recall, and how long a plan takes.

As bench_scene_recall: simulators without delay in another process, one set for the floor (the same bytes over raw sockets) and one for the room. A round sends
the floor, then presses five scenes one after the other, each as soon as the one before has ended; each changes all 300 properties and proves each by read-back.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from devices.sdk.catalog import Family
from smartroom.control.devices.gateway import Fact
from smartroom.control.scenes.planner import make_plan, needed
from smartroom.protocol.state import MemberState, RunResult
from tests.bench.bench_scene_recall import Floor, elsewhere, living_room, percentile, quick_family, simulators
from tests.bench.report import Figure, Report

DEVICES = 100
ROUNDS = 20
WARM_UP = 2
VOLUMES = {"rapat": 20, "presentasi": 80, "siaga": 60, "tamu": 30, "malam": 10}
EVEN = {name: (bool(at % 2), bool(at % 2), volume) for at, (name, volume) in enumerate(VOLUMES.items())}
ODD = {f"{name}-2": (not blank, not mute, volume) for name, (blank, mute, volume) in EVEN.items()}
"""The same five the other way round, so that the first of a round differs from the last of the one before."""
PLANS = 50


async def main() -> Report:
    """Alternate floor and five recalls."""
    with tempfile.TemporaryDirectory() as folder:
        async with elsewhere("tests.bench.bench_room_100") as addresses:
            return await measure(Path(folder), quick_family(), addresses)


async def measure(folder: Path, family: Family, addresses: Sequence[dict[str, str]]) -> Report:
    """Run all rounds."""
    floors: list[float] = []
    recalls: list[float] = []
    recall_cpu: list[float] = []
    shares: list[float] = []
    queued: list[float] = []
    missed = 0
    async with living_room(folder, family, addresses[0], EVEN | ODD) as live, Floor(family, addresses[1]) as floor:
        for number in range(ROUNDS + WARM_UP):
            five = ODD if number % 2 else EVEN
            raw = await floor.run(tuple(five.values())[number % len(five)])
            floors.append(raw * 1000)
            for scene in five:
                began, used, waited = time.perf_counter(), time.process_time(), waited_s()
                accepted = live.desk.apply(scene, by="bench", press=f"bench-{number:04}-{scene}")
                report = await live.desk.wait(accepted.run or "")
                took, used, waited = time.perf_counter() - began, time.process_time() - used, waited_s() - waited
                states = {member.state for member in report.run.members.values()}
                if number < WARM_UP:
                    continue
                if report.run.result is not RunResult.ACHIEVED or states != {MemberState.VERIFIED}:
                    missed += 1  # a machine so busy that a device's deadline passes
                    continue
                recalls.append(took * 1000)
                recall_cpu.append(used * 1000)
                shares.append((took - raw) * 1000)
                queued.append(waited * 1000)
        asked = [await timed_plan(live.desk.plan(tuple(EVEN)[number % len(EVEN)])) for number in range(PLANS)]
        described = live.engine.scenes["rapat"]
        shapes = {key: device.driver for key, device in live._room.devices.items()}
        facts = {key: Fact() for key in needed(described.goals)}
        pure: list[float] = []
        for _ in range(PLANS):
            began = time.perf_counter()
            make_plan("hall", described, shapes, facts, base=0, now=time.monotonic(), offline=True)
            pure.append((time.perf_counter() - began) * 1000)
    return Report(
        how=f"{DEVICES} devices x 3 properties, {ROUNDS} rounds of {len(EVEN)} scenes in a row; simulators in another process",
        figures=(
            Figure("floor p50", percentile(floors, 50), "ms"),
            Figure("recall p50", percentile(recalls, 50), "ms"),
            Figure("recall p99", percentile(recalls, 99), "ms"),
            Figure("software share p50", percentile(shares, 50), "ms"),
            Figure("software share p99", percentile(shares, 99), "ms", at_most=100),
            Figure("processor time of a recall, polls included, p50", statistics.median(recall_cpu), "ms"),
            Figure("of the recall p99, waiting for a core that others had", percentile(queued, 99), "ms"),
            Figure("recalls that did not reach every goal", missed, "", at_most=0),
            Figure("plan of 300 properties, p50", statistics.median(pure), "ms", at_most=20),
            Figure("plan as a page asks for it, with fresh readings, p50", statistics.median(asked), "ms"),
        ),
    )


def waited_s() -> float:
    """Seconds this process stood ready while both cores were somebody else's, by the kernel's word."""
    return int(Path("/proc/self/schedstat").read_text().split()[1]) / 1e9


async def timed_plan(plan: object) -> float:
    """Milliseconds of one plan."""
    began = time.perf_counter()
    await plan  # type: ignore[misc]
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    asyncio.run(simulators(DEVICES))
