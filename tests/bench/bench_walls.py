"""How fast, and how much together, walls change: one rendered wall and nineteen that only speak, as one scene of twenty.

Each page reckons the server's time by itself, so the skew holds what the clock's measuring costs, too.
"""

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import psutil
from playwright.async_api import async_playwright

from smartroom.protocol.state import Link, RunResult
from tests.bench.report import Figure, Report
from tests.ports import free_port
from tests.walls import ROOM, House, Walled

WALLS = 20
SWITCHES = 30

_NAMES = [f"w{number}" for number in range(1, WALLS + 1)]
_WALLS = "".join(f"  {name}: {{}}\n" for name in _NAMES)
_ROOM = f'name: Bench\ndevices:\n  matrix: {{driver: extron_sis, at: "tcp://127.0.0.1:9"}}\nwalls:\n{_WALLS}'


def scene(title: str) -> str:
    """A scene that wants one content of every wall."""
    lines = "".join(f"  wall.{name}: {{content: {{kind: message, title: {title}}}}}\n" for name in _NAMES)
    return f"name: {title}\ntimeout: 20s\ndesired:\n{lines}"


async def main() -> Report:
    """Switch twenty walls to and fro, again and again."""
    took: list[float] = []
    skews: list[float] = []
    speakers_skews: list[float] = []
    rendered: list[float] = []
    async with bench_room() as walled:
        process = psutil.Process()
        walls = walled.application.walls[ROOM]
        cpu = process.cpu_times()
        for number in range(SWITCHES):
            began = time.perf_counter()
            report = await walled.apply("satu" if number % 2 else "dua")
            took.append((time.perf_counter() - began) * 1000)
            if report.run.result is not RunResult.ACHIEVED:
                raise RuntimeError(f"switch {number} ended {report.run.result}")
            frames = [wall.painted.at for name in _NAMES if (wall := walls.find(f"wall.{name}")) and wall.painted]
            late = walls.find(f"wall.{_NAMES[0]}")
            assert late is not None
            assert late.painted is not None
            assert late.painted.late_ms is not None
            rendered.append(late.painted.late_ms)
            skews.append((max(frames) - min(frames)) * 1000)
            speakers_skews.append((max(frames[1:]) - min(frames[1:])) * 1000)
            await asyncio.sleep(0.15)
        spent = process.cpu_times()
        used = (spent.user + spent.system - cpu.user - cpu.system) / SWITCHES * 1000
    return Report(
        how=f"{SWITCHES} scenes over 1 wall drawn by Chromium and {WALLS - 1} socket walls of another process, on loopback",
        figures=(
            Figure("skew, median", statistics.median(skews), "ms"),
            Figure("skew, worst", max(skews), "ms", at_most=50),
            Figure("skew of the socket walls, worst", max(speakers_skews), "ms"),
            Figure("moment to drawn frame, median", statistics.median(rendered), "ms"),
            Figure("recall to read-back of all, median", statistics.median(took), "ms", at_most=500),
            Figure("recall to read-back of all, worst", max(took), "ms", at_most=1000),
            Figure("CPU of the server per switch", used, "ms"),
        ),
    )


@asynccontextmanager
async def bench_room() -> AsyncIterator[Walled]:
    """A server with twenty walls, all there."""
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        scenes = {"satu": scene("Satu"), "dua": scene("Dua")}
        house = House(Path(folder), free_port(), room=_ROOM, scenes=scenes)
        walled = await stack.enter_async_context(house.serving())
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        stack.push_async_callback(browser.close)
        page = await (await browser.new_context(viewport={"width": 1920, "height": 1080})).new_page()
        await page.goto(await walled.link(_NAMES[0]))
        await page.get_by_test_id("pair-submit").click()
        await page.get_by_test_id("pair-open").click()
        tokens = [await walled.token(name) for name in _NAMES[1:]]
        speakers = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.bench.wall_speakers", walled.origin),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        stack.callback(speakers.kill)
        assert speakers.stdin is not None
        assert speakers.stdout is not None
        speakers.stdin.write(json.dumps(tokens).encode() + b"\n")
        await speakers.stdout.readline()
        await walled.until(lambda: all(walled.wall(name).link is Link.READY for name in _NAMES), 15)
        await walled.apply("satu")  # components are fetched, the clock is settled
        await asyncio.sleep(2)
        yield walled
