"""The demo as a newcomer starts it, in a process of its own, and a real browser before it."""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import Browser, Page, async_playwright

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--lang=id",
]


@dataclass(slots=True)
class Demo:
    """A running `smartroom demo`."""

    process: asyncio.subprocess.Process
    data: Path
    url: str
    pids: dict[str, int] = field(default_factory=dict)
    commands: dict[str, list[str]] = field(default_factory=dict)
    started: list[asyncio.subprocess.Process] = field(default_factory=list)
    """Simulators that a test has started again."""

    async def smartroom(self, *words: str) -> tuple[int, str]:
        """Run a command against it; exit code and output."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "smartroom", *words, "--data", str(self.data)),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        return process.returncode or 0, output.decode()

    async def pair(self, browser: Browser, role: str = "operator", width: int = 1280, height: int = 800) -> Page:
        """A fresh browser profile that became the room's tablet by a one-use link."""
        code, output = await self.smartroom("pair", f"Tablet {role}", "--role", role)
        assert code == 0, output
        link = output.strip().splitlines()[-1]
        page = await (await browser.new_context(viewport={"width": width, "height": height})).new_page()
        page.set_default_timeout(15_000)
        await page.goto(link)
        await page.get_by_test_id("pair-submit").click()
        await page.get_by_test_id("pair-open").click()
        await page.get_by_test_id("scenes").wait_for()
        return page

    async def ask(self, method: str, path: str, body: object = None) -> object:
        """Ask the server as this machine's command line does; its answer, which must be good."""
        door = json.loads((self.data / "server.json").read_text())
        async with (
            aiohttp.ClientSession(headers={"Authorization": f"Bearer {door['token']}"}) as session,
            session.request(method, f"{self.url}/api/v1/{path}", json=body) as answer,
        ):
            assert answer.ok, await answer.text()
            return await answer.json()

    async def front(self, device: str, name: str, value: object, room: str = "smart-room-centre") -> None:
        """Press a device's front panel."""
        body = {"property": name, "value": value}
        await self.ask("POST", f"rooms/{room}/devices/{device}/simulator/front", body)

    def kill(self, device: str) -> None:
        """Take a device's power: SIGKILL to its simulator."""
        os.kill(self.pids[device], signal.SIGKILL)

    async def start(self, device: str) -> None:
        """Start a killed simulator again, as the demo's own list says; it ends with the demo."""
        words = self.commands[device]
        assert words[0] == "smartroom"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", *words), cwd=ROOT, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        await process.stdout.readline()
        self.started.append(process)
        self.pids[device] = process.pid


async def devices(page: Page) -> None:
    """Turn the card of the demo's running meeting over to the room's devices."""
    if await page.get_by_test_id("panel").get_attribute("data-meeting"):
        await page.get_by_test_id("card-devices").click()


async def picture(page: Page, name: str, *, moving: bool = False) -> None:
    """What a test sees, as a picture of the guides: `SMARTROOM_PICTURES=docs/img` keeps it, otherwise nothing happens."""
    folder = os.environ.get("SMARTROOM_PICTURES")
    if folder is None:
        return
    from PIL import Image  # noqa: PLC0415  # only for pictures

    seen = Image.open(io.BytesIO(await page.screenshot(animations="allow" if moving else "disabled")))
    seen.convert("RGB").quantize(128).save(ROOT / folder / f"{name}.png", optimize=True)


@asynccontextmanager
async def running(data: Path, port: int = 0) -> AsyncIterator[Demo]:
    """Start the demo; yields when it says what to open."""
    log = data.with_name("demo.log")
    with log.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "smartroom", "demo", "--port", str(port), "--data", str(data)),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    assert process.stdout is not None
    try:
        pids: dict[str, int] = {}
        commands: dict[str, list[str]] = {}
        async with asyncio.timeout(40):
            while True:
                line = (await process.stdout.readline()).decode()
                assert line, f"the demo ended before it answered:\n{log.read_text()[-3000:]}"
                if row := re.match(r"smart-room-centre\s+(\S+)\s+\S+\s+(\d+)\s+(smartroom .*)$", line):
                    pids[row[1]] = int(row[2])
                    commands[row[1]] = row[3].split()
                if "Ctrl-C" in line:
                    break
        door = json.loads((data / "server.json").read_text())
        demo = Demo(process, data, door["url"], pids, commands)
        try:
            yield demo
        finally:
            for simulator in demo.started:
                with suppress(ProcessLookupError):  # a test has killed it again
                    simulator.kill()
                await simulator.wait()
    finally:
        if process.returncode is None:
            process.terminate()
            async with asyncio.timeout(15):
                await process.wait()


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[Demo]:
    """A fresh demo."""
    async with running(tmp_path / "data") as found:
        yield found


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium."""
    async with async_playwright() as playwright:
        found = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        yield found
        await found.close()
