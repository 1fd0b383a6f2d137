"""[ink] From the pen's event to the frame on a wall, in a real Chromium, beside a bare Socket.IO relay of the same points.

The same pen, the same clock (two windows of one browser), the same twenty walls: one drawn, nineteen that only listen. Ours and the bare relay take turns;
what is told is the median of the turns. While [sfu-25] runs is the same again beside 25 people's media.
"""

import asyncio
import bisect
import json
import os
import statistics
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from playwright.async_api import Browser, Page, async_playwright

from tests.bench.ink_pages import FRAME_LOG, PEN_LOG
from tests.bench.report import Figure, Report
from tests.bench.sfu_servers import host_address, measure, ours

TURNS = int(os.environ.get("SMARTROOM_BENCH_TURNS", "5"))
STROKE_S = 3.0
PEN_HZ = 120
FRAME_MS = 1000 / 60


async def main() -> Report:
    """Alone, then beside a full meeting."""
    async with stage() as pages:
        quiet = await turns(pages)
        busy = await beside(pages)
    figures = [*_figures("", quiet, 1.3), *_figures("beside [sfu-25]: ", busy, 1.5)]
    beyond = quiet["ours"].p95 - FRAME_MS
    figures.insert(6, Figure("ours, p95 beyond one frame", beyond, "ms", at_most=50))
    return Report(
        how=f"{TURNS} strokes of {STROKE_S:g} s at {PEN_HZ} Hz each, 1 wall drawn at 1920x1080 and 19 that listen, medians; "
        "bare = python-socketio relay, page with lineTo",
        figures=tuple(figures),
    )


@dataclass(frozen=True, slots=True)
class Late:
    """Percentiles of one turn, or their medians over all, in ms."""

    p50: float
    p95: float
    p99: float


@dataclass(frozen=True, slots=True)
class Pair:
    """A pad and a wall."""

    pad: Page
    wall: Page


async def turns(pages: dict[str, Pair]) -> dict[str, Late]:
    """Ours and bare in turn."""
    found: dict[str, list[Late]] = {kind: [] for kind in pages}
    for number in range(TURNS):
        for kind, pair in pages.items():
            found[kind].append(await stroke(pair, number))
    return {
        kind: Late(*(statistics.median(getattr(each, name) for each in all_) for name in ("p50", "p95", "p99")))
        for kind, all_ in found.items()
    }


async def beside(pages: dict[str, Pair]) -> dict[str, Late]:
    """The same while 25 people meet."""
    address = host_address()
    seconds = TURNS * 2 * (STROKE_S + 2.0)
    async with ours(address) as server, asyncio.TaskGroup() as group:
        load = group.create_task(
            measure(server, address, seconds=seconds, publishers=25, subscribers=25, fps=15, packets=1, slots=9, warmup=8, size=1000)
        )  # fmt: skip
        await asyncio.sleep(12)
        found = await turns(pages)
        load.cancel()
    return found


async def stroke(pair: Pair, number: int) -> Late:
    """One stroke from left to right; when each of its points was in a frame."""
    await pair.wall.bring_to_front()
    await pair.pad.evaluate("window.__pen = []")
    await pair.wall.evaluate("window.__reset(); window.__clear?.()")
    field = await pair.pad.get_by_test_id("field").bounding_box()
    assert field is not None
    pen = await pair.pad.context.new_cdp_session(pair.pad)
    y = field["y"] + field["height"] * (0.3 + 0.4 * number / TURNS)
    left, width = field["x"] + 0.05 * field["width"], 0.9 * field["width"]

    def event(kind: str, x: float) -> asyncio.Task[object]:
        words = {
            "type": kind,
            "x": x,
            "y": y,
            "pointerType": "pen",
            "force": 0.5,
            "button": "left",
            "buttons": 1,
            "clickCount": 1,
        }
        return asyncio.create_task(pen.send("Input.dispatchMouseEvent", words))

    await event("mousePressed", left)
    clock = asyncio.get_running_loop().time
    began, sent = clock(), []
    count = int(STROKE_S * PEN_HZ)
    for step in range(1, count + 1):
        await asyncio.sleep(max(0.0, began + step / PEN_HZ - clock()))
        sent.append(event("mouseMoved", left + width * step / count))
    await asyncio.gather(*sent)
    await event("mouseReleased", left + width)
    await asyncio.sleep(1.0)
    await pen.detach()
    middle = field["x"] + field["width"] / 2
    return late(middle, await pair.pad.evaluate("window.__pen"), await pair.wall.evaluate("window.__frames"))


def late(middle: float, pen: Sequence[Sequence[float]], frames: Sequence[Sequence[float]]) -> Late:
    """Each pen event with the first frame whose ink reached as far; both fields have the same middle and the stroke the same end."""
    scale = (pen[-1][0] - middle) / frames[-1][0]
    reach = [middle + x * scale for x, _ in frames]
    found = []
    for x, at in pen:
        index = bisect.bisect_left(reach, x - 0.3)
        if index < len(frames):
            found.append(frames[index][1] - at)
    cuts = statistics.quantiles(found, n=100, method="inclusive")
    return Late(cuts[49], cuts[94], cuts[98])


@asynccontextmanager
async def stage() -> AsyncIterator[dict[str, Pair]]:
    """Both servers in a process, their walls in another, four windows in one browser."""
    async with AsyncExitStack() as stack:
        server = await child(stack, "tests.bench.ink_server")
        assert server.stdout is not None
        assert server.stdin is not None
        at = json.loads(await server.stdout.readline())
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--lang=id"],
        )
        stack.push_async_callback(browser.close)
        pages = {
            "ours": Pair(await window(browser, at["pad"], PEN_LOG), await window(browser, at["wall"], FRAME_LOG)),
            "bare": Pair(
                await window(browser, at["bare"] + "/pad", PEN_LOG),
                await window(browser, at["bare"] + "/wall", FRAME_LOG),
            ),
        }
        listeners = (
            {"origin": at["origin"], "namespace": "/ceremony", "room": at["room"], "tokens": at["tokens"]},
            {"origin": at["bare"], "namespace": "/", "room": "", "tokens": at["tokens"]},
        )
        for wish in listeners:
            walls = await child(stack, "tests.bench.ink_walls")
            assert walls.stdin is not None
            assert walls.stdout is not None
            walls.stdin.write(json.dumps(wish).encode() + b"\n")
            await walls.stdout.readline()
        await pages["ours"].pad.get_by_test_id("pad").wait_for()
        await asyncio.sleep(2)
        server.stdin.write(b"screens\n")
        await server.stdout.readline()
        await pages["ours"].pad.get_by_test_id("field").wait_for()
        await asyncio.sleep(2)
        yield pages


async def child(stack: AsyncExitStack, module: str) -> asyncio.subprocess.Process:
    """A process that ends with us."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 20
    )
    stack.callback(process.kill)
    return process


async def window(browser: Browser, address: str, script: str) -> Page:
    """A page of its own window; paired when the address is a link."""
    size = (1280, 800) if script == PEN_LOG else (1920, 1080)
    page = await (await browser.new_context(viewport={"width": size[0], "height": size[1]})).new_page()
    await page.add_init_script(script)
    await page.goto(address)
    if "/pair/" in address:
        await page.get_by_test_id("pair-submit").click()
        await page.get_by_test_id("pair-open").click()
    return page


def _figures(prefix: str, found: dict[str, Late], goal: float) -> list[Figure]:
    figures = [
        Figure(f"{prefix}{kind}, {name}", getattr(late, name), "ms")
        for kind, late in found.items()
        for name in ("p50", "p95", "p99")
    ]
    ratio = found["ours"].p50 / found["bare"].p50
    figures.append(Figure(f"{prefix}ours / bare, p50", ratio, "x", at_most=goal))
    figures.append(Figure(f"{prefix}ours / bare, p95", found["ours"].p95 / found["bare"].p95, "x", at_most=goal))
    return figures
