"""[journal] From a pen's batch to the word that it is on the disk, at a pen's pace, with one copy and with two; and how long a decision takes.

The floor in the same run: a file that gets the same bytes and is synced, nothing else.
"""

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from smartroom.control.ceremony.ports import Rules
from smartroom.protocol.ceremony import InkDurable
from tests.bench.report import Figure, Report
from tests.ceremonies import ALONE, Listener, Pen, begin, session_in

BATCHES = 900
HZ = 60
DECISIONS = 60


async def main() -> Report:
    """Fifteen seconds of ink each; the folder is on the disk the bench runs from."""
    figures: list[Figure] = []
    build = Path(__file__).parents[2] / "build"
    build.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=build) as folder:
        floor = await asyncio.to_thread(_floor, Path(folder) / "floor")
        figures += _figures("write and fdatasync alone", floor)
        for name, copies in (("one copy", 0), ("two copies", 1)):
            place = Path(folder) / name
            rules = Rules(copy=place / "second" if copies else None)
            acks, decisions, cpu = await _ceremony(place, rules)
            figures += _figures(f"{name}: batch to durable", acks, p99=50)
            figures += _figures(f"{name}: decision", decisions)
            figures.append(Figure(f"{name}: CPU per batch", cpu, "µs"))
    return Report(
        how=f"{BATCHES} batches of three points at {HZ} Hz through a session with its 64 MiB reserve, {DECISIONS} decisions, on this machine's disk",
        figures=tuple(figures),
    )


class Stopwatch(Listener):
    """Notes when each batch is told to be durable."""

    def __init__(self) -> None:
        super().__init__()
        self.began: dict[int, float] = {}
        self.took: dict[int, float] = {}

    def durable(self, source: str, durable: InkDurable) -> None:
        """So far it is on the disk."""
        now = time.perf_counter()
        for number in [number for number in self.began if number <= durable.number]:
            self.took[number] = (now - self.began.pop(number)) * 1000


async def _ceremony(folder: Path, rules: Rules) -> tuple[list[float], list[float], float]:
    watch = Stopwatch()
    async with session_in(folder, text=ALONE, rules=rules, listener=watch) as session:
        await begin(session)
        pen, decisions = Pen(session.id), []
        cpu, began = time.process_time(), time.perf_counter()
        for number, batch in enumerate((batch for _ in range(BATCHES // 10) for batch in pen.stroke(10)), 1):
            await asyncio.sleep(max(0.0, began + number / HZ - time.perf_counter()))
            watch.began[batch.number] = time.perf_counter()
            session.ink(batch)
        used = (time.process_time() - cpu) / BATCHES * 1e6
        async with asyncio.timeout(10):
            while watch.began:
                await asyncio.sleep(0.01)
        for number in range(DECISIONS):
            before = time.perf_counter()
            await session.take_lead(f"tablet{number:06}", "Tablet", "Bench")
            decisions.append((time.perf_counter() - before) * 1000)
    return list(watch.took.values()), decisions, used


def _floor(path: Path) -> list[float]:
    """The disk's own time for a batch."""
    took = []
    with path.open("wb", buffering=0) as file:
        for _ in range(200):
            before = time.perf_counter()
            file.write(bytes(700))
            os.fdatasync(file.fileno())
            took.append((time.perf_counter() - before) * 1000)
    return took


def _figures(name: str, values: Sequence[float], p99: float | None = None) -> list[Figure]:
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return [Figure(f"{name}, p50", cuts[49], "ms"), Figure(f"{name}, p99", cuts[98], "ms", at_most=p99)]
