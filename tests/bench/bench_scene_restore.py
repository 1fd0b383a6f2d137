"""From a failure to the room put back, every value proved, over the wire floor of the same run.

20 devices x 3 properties; one device refuses one more property, so each recall fails and is put back (`on_failure: restore`). The clock starts when the last
property was settled, the failed one among them, and stops when the last value was read back as it was before. Each round sends the floor first: per device the
same three commands and three questions, one after the other, devices side by side, over sockets opened before. Simulators without delay, in another process.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from devices.sdk.catalog import Family
from smartroom.protocol.state import MemberState, Restored, Run, RunResult
from tests.bench.bench_scene_recall import Floor, elsewhere, living_room, percentile, quick_family
from tests.bench.report import Figure, Report

ROUNDS = 100
WARM_UP = 5
CHANGED = (True, True, 80)
REFUSED = "matrix-07"


async def main() -> Report:
    """Alternate floor and failing recall."""
    family = quick_family()
    with tempfile.TemporaryDirectory() as folder:
        async with elsewhere("tests.bench.bench_scene_recall") as addresses:
            return await measure(Path(folder), family, addresses)


async def measure(folder: Path, family: Family, addresses: Sequence[dict[str, str]]) -> Report:
    """Run all rounds against two sets of simulators."""
    floors: list[float] = []
    restores: list[float] = []
    scenes = {"fails": CHANGED}
    async with (
        living_room(folder, family, addresses[0], scenes, refused=REFUSED) as live,
        Floor(family, addresses[1]) as floor,
    ):
        for number in range(ROUNDS + WARM_UP):
            raw = await floor.run(CHANGED)
            accepted = live.desk.apply("fails", by="bench", press=f"bench-{number:08}")
            run = (await live.desk.wait(accepted.run or "")).run
            must_be_restored(run)
            if number >= WARM_UP:
                floors.append(raw * 1000)
                restores.append(restoring_ms(run))
    over = [restore / raw for restore, raw in zip(restores, floors, strict=True)]
    return Report(
        how=f"{len(addresses[0])} devices x 3 properties put back, {ROUNDS} failing recalls alternating with the floor; simulators in another process",
        figures=(
            Figure("floor p50", percentile(floors, 50), "ms"),
            Figure("restore p50", percentile(restores, 50), "ms"),
            Figure("restore p99", percentile(restores, 99), "ms"),
            Figure("restore over floor, median", percentile(over, 50), "x", at_most=8),
        ),
    )


def must_be_restored(run: Run) -> None:
    """A round that did not fail, or was not put back, measures nothing."""
    states = [member.restored for member in run.members.values() if member.state is MemberState.VERIFIED]
    if run.result is not RunResult.RESTORED or set(states) != {Restored.RESTORED}:
        raise RuntimeError(f"{run.result}: {set(states)}")


def restoring_ms(run: Run) -> float:
    """From the last property that was settled to the end of the run."""
    assert run.ended is not None
    settled = max(member.ms or 0 for member in run.members.values())
    return (run.ended - run.started) * 1000 - settled
