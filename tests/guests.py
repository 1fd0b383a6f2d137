"""Guests of a meeting in real browsers: the same hands for Chromium and Firefox, and eyes for what their page sees and hears."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Browser as Chromium
from playwright.async_api import BrowserContext, Page, expect

from smartroom.protocol.conference import Meeting
from tests.media.browsers import Browser
from tests.meetings import House

expect.set_options(timeout=20_000)  # a ceiling: both cores may be busy with another test's browsers

WATCH = """
window.__connections = [];
const Made = window.RTCPeerConnection;
window.RTCPeerConnection = class extends Made {
  constructor(...parts) { super(...parts); window.__connections.push(this); }
};
"""
"""Runs before the page: every connection it makes can be asked for its figures."""

FIGURES = """(async () => {
  const sum = { pictures: 0, width: 0, packets: 0, energy: 0, sent: 0, layers: 0, connections: 0 };
  for (const connection of window.__connections) {
    if (connection.connectionState === 'closed') continue;
    sum.connections += 1;
    (await connection.getStats()).forEach((entry) => {
      if (entry.type === 'inbound-rtp' && entry.kind === 'video') {
        sum.pictures += entry.framesDecoded || 0;
        sum.width = Math.max(sum.width, entry.frameWidth || 0);
      } else if (entry.type === 'inbound-rtp') {
        sum.packets += entry.packetsReceived || 0;
        sum.energy += entry.totalAudioEnergy || 0;
      } else if (entry.type === 'outbound-rtp' && entry.kind === 'video') {
        sum.sent += entry.framesSent || 0;
        sum.layers += entry.active !== false && entry.framesSent > 0 ? 1 : 0;
      }
    });
  }
  return sum;
})()"""

PIXELS = """(() => {
  const found = {};
  for (const tile of document.querySelectorAll('[data-testid=tile][data-picture=true]')) {
    const video = tile.querySelector('video');
    if (!video || video.videoWidth === 0) continue;
    const canvas = document.createElement('canvas');
    canvas.width = 32; canvas.height = 18;
    const drawing = canvas.getContext('2d');
    drawing.drawImage(video, 0, 0, 32, 18);
    found[tile.dataset.person + ' ' + tile.dataset.source] = [...drawing.getImageData(0, 0, 32, 18).data].filter((_, at) => at % 4 < 3).join(',');
  }
  return found;
})()"""


@dataclass
class Window:
    """One window on a meeting. `page` where the browser is Chromium and more is wanted."""

    evaluate: Callable[[str], Awaitable[Any]]
    page: Page | None = None

    async def until(self, expression: str, limit: float = 40.0) -> Any:
        """Wait until an expression is true; its value."""
        found: Any = None
        try:
            async with asyncio.timeout(limit):
                while not (found := await self.evaluate(expression)):
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"never true: {expression}; {await self.evaluate(WHERE)}") from None
        return found

    async def see(self, testid: str, limit: float = 40.0) -> None:
        """Wait for a part of the page."""
        await self.until(f"!!{_find(testid)}", limit)

    async def gone(self, testid: str) -> None:
        """Wait until a part has gone."""
        await self.until(f"!{_find(testid)}")

    async def click(self, testid: str) -> None:
        """Press it, when it is there."""
        await self.see(testid)
        await self.evaluate(f"{_find(testid)}.click()")

    async def press_twice(self, testid: str) -> None:
        """Confirm a button that is held, as assistive technology does."""
        await self.click(testid)
        await self.click(testid)

    async def fill(self, testid: str, text: str) -> None:
        """Type into a field."""
        await self.see(testid)
        await self.evaluate(
            f"(() => {{ const field = {_find(testid)}; field.focus(); field.value = {json.dumps(text)};"
            " field.dispatchEvent(new Event('input', {bubbles: true})); return true; })()"
        )

    async def text(self, testid: str) -> str:
        """The words of a part."""
        return str(await self.evaluate(f"({_find(testid)}?.textContent ?? '').replace(/\\s+/g, ' ').trim()"))

    async def allow(self) -> None:
        """Have camera and microphone, whether or not the page had to ask."""
        await self.until(f"!!({_find('turn-on')} || {_find('mic')})")
        await self.evaluate(f"{_find('turn-on')}?.click()")
        await self.see("mic")

    async def join(self, name: str, *, agency: str = "", devices: bool = True) -> None:
        """From the link into the meeting, or the lobby."""
        await self.see("enter")
        if devices:
            await self.allow()
        await self.fill("name", name)
        if agency:
            await self.fill("agency", agency)
            await self.see("agency-option")
            await self.click("agency-option")
        await self.click("enter")

    async def inside(self) -> None:
        """Wait for the meeting itself, media and all."""
        await self.until("document.querySelector('[data-testid=call]')?.dataset.sub === 'true'")

    async def figures(self) -> dict[str, float]:
        """What its connections have received and sent."""
        found: dict[str, float] = await self.evaluate(FIGURES)
        return found

    async def sees_and_hears(self, *, people: int = 1, limit: float = 40.0) -> None:
        """Wait until so many tiles of others move, and voices carry energy."""
        async with asyncio.timeout(limit):
            before = await self.others()
            figures = await self.figures()
            while True:
                await asyncio.sleep(0.2)
                now, then = await self.others(), figures
                before = now | before
                moving = [key for key, pixels in now.items() if before[key] != pixels]
                figures = await self.figures()
                if len(moving) >= people and figures["energy"] > 0 and figures["packets"] > then["packets"]:
                    return

    async def others(self) -> dict[str, str]:
        """Pixels of everybody's tiles but one's own."""
        me = await self.evaluate("document.querySelector('[data-testid=call]')?.dataset.me")
        found: dict[str, str] = await self.evaluate(PIXELS)
        return {key: pixels for key, pixels in found.items() if not key.startswith(str(me))}


WHERE = "({view: document.querySelector('[data-testid=meeting]')?.dataset.view, text: document.body.innerText.slice(0, 400)})"


def _find(testid: str) -> str:
    return f"document.querySelector('[data-testid=\"{testid}\"]')"


def link(place: House, meeting: Meeting) -> str:
    """What guests open."""
    return f"{place.origin}{meeting.path}"


async def chromium_window(
    browser: Chromium, url: str, *, size: tuple[int, int] = (1280, 800), context: BrowserContext | None = None
) -> Window:
    """A window of a person of their own, or one more of the same person's."""
    found = context or await browser.new_context(viewport={"width": size[0], "height": size[1]})
    if context is None:
        await found.add_init_script(WATCH)
    page = await found.new_page()
    page.set_default_timeout(30_000)
    await page.goto(url)
    return Window(page.evaluate, page)


async def firefox_window(browser: Browser, url: str) -> Window:
    """The same in Firefox."""
    await browser.open(url)
    return Window(browser.evaluate)


async def soon(condition: Callable[[], object], limit: float = 30.0) -> None:
    """Wait until something of this process holds."""
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, "never"
        await asyncio.sleep(0.02)
