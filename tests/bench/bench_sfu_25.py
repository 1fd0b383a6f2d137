"""Twenty-five people with every slot in use: what the worker costs, whether anything is lost, and whether the room still obeys at once."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from smartroom.control.rooms import LiveRoom
from smartroom.protocol.state import RunResult
from tests.bench.bench_scene_recall import SCENES, living_room, percentile, quick_family
from tests.bench.report import Figure, Report
from tests.bench.sfu_servers import SERVER_CORE, Run, Server, host_address, measure, ours

SECONDS = float(os.environ.get("SMARTROOM_BENCH_SECONDS", "300"))
SINK_SHARE = 0.15  # of that, before and after: the same load sent to a sink
TAP_EVERY = 0.25  # s
LOAD: dict[str, float] = {
    "publishers": 25,
    "subscribers": 25,
    "fps": 15,
    "packets": 1,
    "slots": 9,
    "voices": 1,
    "screens": 1,
    "warmup": 8,
    "size": 1000,
}


async def main() -> Report:
    """Taps on a scene of 60 properties all the time; the sink before and after, so that no drift of the machine decides."""
    address = host_address()
    async with room() as live:
        taps: dict[str, list[float]] = {"sink": [], "worker": []}
        runs: dict[str, Run] = {}
        for name, seconds in (("sink", SINK_SHARE * SECONDS), ("worker", SECONDS), ("sink", SINK_SHARE * SECONDS)):
            async with sink(address) if name == "sink" else ours(address) as server:
                begun = asyncio.Event()
                load = asyncio.create_task(measure(server, address, begun, seconds=seconds, **LOAD))
                await asyncio.wait({load, asyncio.create_task(begun.wait())}, return_when=asyncio.FIRST_COMPLETED)
                taps[name] += await tap(live, load)
                runs[name] = await load
    run = runs["worker"]
    p99 = {name: percentile(values, 99) for name, values in taps.items()}
    figures = (
        Figure("worker CPU", 100 * run.cpu / run.seconds, "% of a core", at_most=100),
        Figure("per forward", run.per_forward, "us"),
        Figure("forwards", run.received / run.seconds, "1/s"),
        Figure("lost", 100 * run.lost, "%", at_most=0.1),
        Figure("scene tap p50, load to the worker", percentile(taps["worker"], 50), "ms"),
        Figure("scene tap p50, load to a sink", percentile(taps["sink"], 50), "ms"),
        Figure("scene tap p99, load to the worker", p99["worker"], "ms"),
        Figure("scene tap p99, load to a sink", p99["sink"], "ms"),
        Figure("scene tap p99, more than with the sink", p99["worker"] - p99["sink"], "ms", at_most=10),
    )
    how = (
        f"25 cameras of 120 kbit/s and 25 microphones, one shared screen; everybody has 9 cameras, 3 voices and the screen;"
        f" {SECONDS:.0f} s; worker and clients on a core each, control and simulators on both; {len(taps['worker'])} taps,"
        f" {len(taps['sink'])} with the sink"
    )
    return Report(how, figures)


@asynccontextmanager
async def room() -> AsyncIterator[LiveRoom]:
    """The room of `scene-recall`; its simulators live in another process."""
    command = (sys.executable, "-m", "tests.bench.bench_scene_recall")
    with tempfile.TemporaryDirectory() as folder:
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        try:
            assert process.stdout is not None
            addresses = json.loads(await process.stdout.readline())
            async with living_room(Path(folder), quick_family(), addresses[0]) as live:
                yield live
        finally:
            process.terminate()
            await process.wait()


async def tap(live: LiveRoom, load: asyncio.Task[Run]) -> list[float]:
    """Milliseconds from tap to proof, one scene and the other in turn, until the load ends."""
    taken: list[float] = []
    for number in itertools.count():
        if load.done():
            return taken
        began = time.perf_counter()
        accepted = live.desk.apply(tuple(SCENES)[number % 2], by="bench", press=f"tap-{time.monotonic_ns()}")
        report = await live.desk.wait(accepted.run or "")
        taken.append(1000 * (time.perf_counter() - began))
        if report.run.result is not RunResult.ACHIEVED:
            raise RuntimeError(f"tap {number}: {report.run.result}")
        await asyncio.sleep(max(0.0, began + TAP_EVERY - time.perf_counter()))
    return taken


@asynccontextmanager
async def sink(address: str) -> AsyncIterator[Server]:
    """A process on the worker's core that reads datagrams and forgets them."""
    process = await asyncio.create_subprocess_exec(
        "taskset", "-c", str(SERVER_CORE), sys.executable, "-m", "tests.bench.bench_sfu_25", address,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        yield Server("sink", "sink", (await process.stdout.readline()).decode().strip(), process.pid)
    finally:
        process.terminate()
        await process.wait()


def swallow(address: str) -> None:
    """Read and forget, until ended."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, contextlib.suppress(KeyboardInterrupt):
        sock.bind((address, 0))
        print(f"{address}:{sock.getsockname()[1]}", flush=True)
        while True:
            sock.recv(2048)


if __name__ == "__main__":
    swallow(sys.argv[1])
