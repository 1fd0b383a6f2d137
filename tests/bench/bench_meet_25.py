"""A meeting of twenty-five seats, four of them real browsers: what control and worker cost, and whether the room still obeys at once."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import statistics
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import psutil
from playwright.async_api import Browser, async_playwright

from tests.bench.meet_server import Server, served
from tests.bench.meet_windows import join
from tests.bench.report import Figure, Report
from tests.bench.sfu_servers import host_address
from tests.media.browsers import CHROMIUM, FLAGS
from tests.meetings import House

SECONDS = float(os.environ.get("SMARTROOM_BENCH_SECONDS", "30"))
BROWSERS = ((1280, 800), (1280, 800), (390, 844), (390, 844))
SEATS = 25
RECORD_S = 6.0


async def main() -> Report:
    """Four windows; the others replay a camera recorded from the first of them, so that every picture can be decoded; three speak in turn."""
    address = host_address()
    async with served(address) as server, async_playwright() as playwright, AsyncExitStack() as stack:
        trusted = f"--unsafely-treat-insecure-origin-as-secure={server.origin}"
        browser: Browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, trusted])
        people = [await join(browser, server.url, f"Jendela {n}", size=size) for n, size in enumerate(BROWSERS)]
        await people[-1].first()
        with tempfile.TemporaryDirectory() as folder:
            film = Path(folder) / "film.json"
            film.write_text(json.dumps(await record(server, address, stack)))
            crowd = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.bench.meet_crowd", address, server.url, str(film), str(SEATS - len(BROWSERS)),
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
            assert crowd.stdout is not None
            async with asyncio.timeout(60):
                await crowd.stdout.readline()
            await asyncio.sleep(5)
            before = [await person.pictures() for person in people]
            figures = await measure(server)
            drawn = [now - then for now, then in zip([await p.pictures() for p in people], before, strict=True)]
            crowd.kill()
            await crowd.wait()
        await browser.close()
    return Report(
        f"{SEATS} seats, {len(BROWSERS)} of them Chromium windows, the others replay a recorded 180p camera; {SECONDS:.0f} s; all on one machine",
        (*figures, Figure("pictures drawn per window", min(drawn) / SECONDS, "1/s")),
    )


async def record(server: Server, address: str, stack: AsyncExitStack) -> list[tuple[float, str, bool]]:
    """The smallest layer of a window's camera, from a key frame on: when, payload, end of frame."""
    place = House(None, None, server.origin, stack)  # type: ignore[arg-type]
    guest = await place.guest(server.meeting, "Perekam")
    owner = next(person for person in guest.state.people.values() if person.camera)
    looks = [{"track": owner.tracks["camera"], "width": 320, "height": 180}]
    await guest.io.call("view", {"looks": looks}, namespace="/meeting")
    packets: list[tuple[float, bytes, bool]] = []
    offer = await guest.receive(at=address, audio=0, video=1, screen=0)
    assert offer.slots
    assert guest.sub is not None
    guest.sub.on_packet = lambda packet, now: packets.append((now, bytes(packet.payload), bool(packet.marker)))
    async with asyncio.timeout(20):
        while not packets or packets[-1][0] - packets[0][0] < RECORD_S:
            await asyncio.sleep(0.05)
    await guest.act("quit")
    return [(at - packets[0][0], base64.b64encode(payload).decode(), end) for at, payload, end in packets]


async def measure(server: Server) -> list[Figure]:
    """CPU and memory of both processes over the window, while a scene is recalled twice a second."""
    control, worker = psutil.Process(server.pid), psutil.Process(server.worker)
    taps: list[float] = []
    begun = time.monotonic()
    spent = [sum(process.cpu_times()[:2]) for process in (control, worker)]
    headers = {"Authorization": f"Bearer {server.token}", "Origin": server.origin}
    async with aiohttp.ClientSession(server.origin, headers=headers) as http:
        turn = 0
        while (now := time.monotonic()) - begun < SECONDS:
            scene = ("lirih", "keras")[turn % 2]
            turn += 1
            async with http.post(f"/api/v1/rooms/hall/scenes/{scene}/apply?wait=true", json={}) as answer:
                report = await answer.json()
                assert report["run"]["result"] == "achieved", report
            taps.append(1000 * (time.monotonic() - now))
            await asyncio.sleep(max(0.0, now + 0.5 - time.monotonic()))
    elapsed = time.monotonic() - begun
    used = [
        sum(process.cpu_times()[:2]) - then for process, then in zip((control, worker), spent, strict=True)
    ]  # fmt: skip
    return [
        Figure("CPU of control", 100 * used[0] / elapsed, "% of a core"),
        Figure("CPU of the worker", 100 * used[1] / elapsed, "% of a core"),
        Figure("memory of control", control.memory_info().rss / 2**20, "MiB"),
        Figure("memory of the worker", worker.memory_info().rss / 2**20, "MiB", at_most=150),
        Figure("tap to read-back meanwhile, p50", statistics.median(taps), "ms"),
        Figure("tap to read-back meanwhile, p99", sorted(taps)[len(taps) * 99 // 100], "ms"),
    ]
