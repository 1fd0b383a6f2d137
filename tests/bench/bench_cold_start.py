"""Cold start of the real server: CPU until it says ready, and memory then. The records exist (a first start also makes the database)."""

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

import aiohttp
import psutil

from tests.bench.report import Figure, Report

RUNS = 7
SITE = Path(__file__).resolve().parents[2] / "scenes"


async def main() -> Report:
    """Start it several times and report medians."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        await one_start(data)
        found = [await one_start(data) for _ in range(RUNS)]
    cpu, wall, memory = zip(*found, strict=True)
    return Report(
        how=f"`smartroom serve` with the demo site, hardware unreachable, {RUNS} starts, medians",
        figures=(
            Figure("CPU to /readyz", statistics.median(cpu), "s", at_most=1.0),
            Figure("CPU to /readyz, worst", max(cpu), "s"),
            Figure("wall clock to /readyz", statistics.median(wall), "s"),
            Figure("resident memory then", statistics.median(memory), "MiB", at_most=120),
        ),
    )


async def one_start(data: Path) -> tuple[float, float, float]:
    """CPU seconds, wall seconds and MiB of one start until /readyz answers 200."""
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "smartroom", "serve", "--site", str(SITE), "--data", str(data), "--port", "18417"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(30), aiohttp.ClientSession() as session:
            while True:
                try:
                    async with session.get("http://127.0.0.1:18417/readyz") as answer:
                        if answer.status == 200:
                            break
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.02)
        wall = time.perf_counter() - began
        observed = psutil.Process(process.pid)
        times = observed.cpu_times()
        return times.user + times.system, wall, observed.memory_info().rss / 2**20
    finally:
        process.terminate()
        await process.wait()
