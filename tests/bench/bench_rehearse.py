"""[rehearse] The demo's rundown of forty minutes from the command line: whole program, from the first line of Python to the report."""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from tests.bench.report import Figure, Report

RUNS = 5
SITE = Path(__file__).resolve().parents[2] / "scenes"
WORDS = [
    sys.executable,
    "-m",
    "smartroom",
    "rehearse",
    "smart-room-centre",
    "peresmian",
    "--site",
    str(SITE),
    "--fresh",
    "--json",
]


async def main() -> Report:
    """Rehearse it several times and report medians."""
    found = [await asyncio.to_thread(one_rehearsal, seed) for seed in range(RUNS)]
    wall, virtual, cues, digests = zip(*found, strict=True)
    return Report(
        how=f"`smartroom rehearse smart-room-centre peresmian`: {cues[0]} cues, 5 devices, 2 walls; {RUNS} processes, medians",
        figures=(
            Figure("wall clock of a 40-minute rundown", statistics.median(wall), "s", at_most=5.0),
            Figure("the same, worst", max(wall), "s"),
            Figure("virtual minutes", virtual[0] / 60, "min"),
            Figure("times faster than the room", virtual[0] / statistics.median(wall), "x"),
            Figure("different byte logs of the same rundown", float(len(set(digests))), "", at_most=1),
        ),
    )


def one_rehearsal(seed: int) -> tuple[float, float, int, str]:
    """Seconds it took, virtual seconds, cues, digest. The seed is that of Python's hashing: it must not matter."""
    began = time.perf_counter()
    told = subprocess.run(
        WORDS, capture_output=True, check=True, cwd=SITE.parent, env={**os.environ, "PYTHONHASHSEED": str(seed)}
    )
    wall = time.perf_counter() - began
    report = json.loads(told.stdout)
    return wall, report["virtual_s"], len(report["cues"]), report["digest"]
