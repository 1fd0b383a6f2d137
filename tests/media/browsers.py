"""Real browsers with fake cameras: Chromium by Playwright, Firefox by WebDriver BiDi."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import websockets
from playwright.async_api import async_playwright

from tests.ports import free_port

CHROMIUM = "/usr/bin/chromium"
FIREFOX = "firefox-esr"
FLAGS = [
    "--no-sandbox",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--disable-gpu",
    "--autoplay-policy=no-user-gesture-required",  # a page nobody has touched may sound
]
PREFERENCES = {
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
    "media.peerconnection.ice.loopback": True,
    "media.peerconnection.ice.obfuscate_host_addresses": False,
    "media.autoplay.default": 0,
    "datareporting.policy.dataSubmissionEnabled": False,
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "network.captive-portal-service.enabled": False,
}


class Browser(Protocol):
    """What a test needs of a browser."""

    async def open(self, url: str) -> None:
        """Open a page in a tab of its own."""

    async def evaluate(self, script: str) -> Any:
        """Value of an expression in the newest tab, promises awaited; JSON values only."""


class _Chromium:
    def __init__(self, browser: Any) -> None:
        self._browser = browser
        self._page: Any = None

    async def open(self, url: str) -> None:
        self._page = await self._browser.new_page()
        await self._page.goto(url)

    async def evaluate(self, script: str) -> Any:
        return await self._page.evaluate(script)


class _Firefox:
    def __init__(self, channel: Any) -> None:
        self._channel = channel
        self._ids = itertools.count(1)
        self._context = ""

    async def command(self, method: str, **parameters: object) -> Any:
        number = next(self._ids)
        await self._channel.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(await self._channel.recv())
            if answer.get("id") == number:
                if answer["type"] == "error":
                    raise RuntimeError(answer["message"])
                return answer["result"]

    async def open(self, url: str) -> None:
        self._context = (await self.command("browsingContext.create", type="tab"))["context"]
        await self.command("browsingContext.navigate", context=self._context, url=url, wait="complete")

    async def evaluate(self, script: str) -> Any:
        answer = await self.command(
            "script.evaluate",
            expression=f"Promise.resolve({script}).then(JSON.stringify)",
            target={"context": self._context},
            awaitPromise=True,
        )
        return json.loads(answer["result"].get("value", "null"))


@asynccontextmanager
async def chromium(executable: str = CHROMIUM, flags: Sequence[str] = ()) -> AsyncIterator[Browser]:
    """Debian's Chromium, headless; `executable` = what starts it elsewhere."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=[*FLAGS, *flags])
        try:
            yield _Chromium(browser)
        finally:
            await browser.close()


@asynccontextmanager
async def firefox(preferences: Mapping[str, object] | None = None, preload: str = "") -> AsyncIterator[Browser]:
    """Debian's Firefox ESR, headless, driven over BiDi; `preload` runs before a page's own scripts."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="firefox-", ignore_cleanup_errors=True) as profile:
        _write_preferences(Path(profile), PREFERENCES | dict(preferences or {}))
        process = await asyncio.create_subprocess_exec(
            FIREFOX, "--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", str(port),
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            async with await _connect(f"ws://127.0.0.1:{port}/session") as channel:
                browser = _Firefox(channel)
                await browser.command("session.new", capabilities={})
                if preload:
                    await browser.command("script.addPreloadScript", functionDeclaration=f"() => {{ {preload} }}")
                yield browser
        finally:
            process.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), 5)
            if process.returncode is None:
                process.kill()
                await process.wait()


def _write_preferences(profile: Path, preferences: Mapping[str, object]) -> None:
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in preferences.items()]
    (profile / "user.js").write_text("\n".join(lines))


async def _connect(url: str) -> Any:
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(OSError, websockets.WebSocketException):
                return await websockets.connect(url, max_size=None)
            await asyncio.sleep(0.2)
