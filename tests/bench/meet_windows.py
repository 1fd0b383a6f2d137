"""Windows of real people for the benches of meetings: they join by themselves, and note when they see somebody."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass

from playwright.async_api import Browser, Page

HANDS = """
const find = (id) => document.querySelector(`[data-testid="${id}"]`);
const type = (id, text) => { const field = find(id); field.value = text; field.dispatchEvent(new Event('input', {bubbles: true})); };
let entered = false;
const look = () => {
  if (!entered && find('enter') && find('name')) {
    if (find('turn-on')) find('turn-on').click();
    else if (find('mic')) { type('name', NAME); entered = true; setTimeout(() => find('enter').click(), 0); }
  }
  const me = find('call')?.dataset.me;
  const seen = [...document.querySelectorAll('[data-testid=tile][data-picture=true]')].some((tile) => tile.dataset.person !== me);
  if (seen && !window.__first) window.__first = performance.now();
  requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""
"""As fast as a person could be: the name is typed and the button pressed in the moment they are there."""

PICTURES = """(() => [...document.querySelectorAll('[data-testid=tile] video')]
  .filter((video) => video.closest('[data-testid=tile]').dataset.person !== document.querySelector('[data-testid=call]')?.dataset.me)
  .reduce((sum, video) => sum + (video.getVideoPlaybackQuality?.().totalVideoFrames ?? 0), 0))()"""


@dataclass(frozen=True, slots=True)
class Person:
    """One window with one person."""

    page: Page

    async def first(self, limit: float = 30.0) -> float:
        """Seconds from opening the link to the first picture of somebody else."""
        async with asyncio.timeout(limit):
            while not (found := await self.page.evaluate("window.__first ?? 0")):
                await asyncio.sleep(0.02)
        return float(found) / 1000

    async def pictures(self) -> int:
        """Pictures of others drawn so far."""
        return int(await self.page.evaluate(PICTURES))

    async def sees_more(self, limit: float = 60.0) -> float:
        """Seconds until ten more were drawn."""
        before, begun = await self.pictures(), time.monotonic()
        async with asyncio.timeout(limit):
            while True:
                now = await self.pictures()
                before = min(before, now)  # elements are made anew
                if now >= before + 10:
                    return time.monotonic() - begun
                await asyncio.sleep(0.05)


async def join(browser: Browser, url: str, name: str, *, size: tuple[int, int] = (1280, 800)) -> Person:
    """A fresh profile opens the link."""
    origin = url.partition("/meet/")[0]
    context = await browser.new_context(
        viewport={"width": size[0], "height": size[1]}, service_workers="block", locale="id-ID"
    )
    await context.grant_permissions(["camera", "microphone"], origin=origin)
    await context.add_init_script(HANDS.replace("NAME", json.dumps(name)))
    page = await context.new_page()
    page.set_default_timeout(30_000)
    await page.goto(url, wait_until="commit")
    return Person(page)
