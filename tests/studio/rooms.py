"""Takes the pictures of docs/pictures.md: both demo rooms, their panels, walls and technician's page, dark and light.

`python -m tests.studio.rooms [FOLDER]` starts the demo as a newcomer does and drives it; nothing is drawn by hand.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import cast

from PIL import Image
from playwright.async_api import Browser, BrowserContext, Page, ViewportSize, async_playwright

from smartroom.commands.demo import PASSWORD
from tests.flows.conftest import CHROMIUM, Demo, running

DOCS = Path(__file__).resolve().parents[2] / "docs/img/rooms"
TABLET: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 390, "height": 844}
WALL: ViewportSize = {"width": 1920, "height": 1080}
CENTRE, COMMAND = "smart-room-centre", "command-centre"
COLOURS = 128
"""Flat pages look the same with so many, at a third of the bytes."""
SETTLED_MS = 900
"""Motion has ended."""


class Studio:
    """The demo, a browser, and where pictures go."""

    def __init__(self, demo: Demo, browser: Browser, folder: Path) -> None:
        self.demo, self.browser, self.folder = demo, browser, folder

    async def take(self, page: Page, name: str, width: int | None = None) -> None:
        """One picture, packed; `width` makes it smaller."""
        await page.wait_for_timeout(SETTLED_MS)
        with Image.open(BytesIO(await page.screenshot())) as shot:
            picture = shot.convert("RGB")
        if width:
            picture = picture.resize((width, width * picture.height // picture.width), Image.Resampling.LANCZOS)
        packed = picture.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        packed.save(self.folder / f"{name}.png", optimize=True)

    async def signed_in(self, name: str, size: ViewportSize, theme: str) -> BrowserContext:
        """A browser of somebody with an account."""
        context = await self.browser.new_context(viewport=size, has_touch=size is PHONE)
        await context.add_init_script(f"localStorage.setItem('smartroom.theme', '{theme}')")
        url = self.demo.url
        answer = await context.request.post(
            f"{url}/api/v1/login", data={"name": name, "password": PASSWORD}, headers={"Origin": url}
        )
        assert answer.ok
        return context

    async def screen(self, room: str, wall: str) -> Page:
        """The computer behind a wall."""
        code, output = await self.demo.smartroom("pair", wall, "--wall", wall, "--room", room)
        assert code == 0, output
        page = await (await self.browser.new_context(viewport=WALL)).new_page()
        await page.goto(output.strip().splitlines()[-1])
        await page.get_by_test_id("pair-submit").click()
        await page.get_by_test_id("pair-open").click()
        await page.wait_for_url(f"**/wall/{wall}")
        async with asyncio.timeout(30):
            while not await self.reports(room, wall):
                await asyncio.sleep(0.1)
        return page

    async def reports(self, room: str, wall: str) -> bool:
        """Whether the wall's page is part of the room: a scene leaves out walls that have no screen."""
        state = cast("dict[str, dict[str, dict[str, object]]]", await self.demo.ask("GET", f"rooms/{room}"))
        return state["devices"][f"wall.{wall}"]["link"] == "ready"

    async def apply(self, room: str, scene: str) -> None:
        """Recall a scene to its end."""
        await self.demo.ask("POST", f"rooms/{room}/scenes/{scene}/apply?wait=true", {})

    async def show(self, room: str, wall: str, content: Mapping[str, object]) -> None:
        """Put something on a wall."""
        body = {"value": json.dumps(content)}
        await self.demo.ask("PUT", f"rooms/{room}/devices/wall.{wall}/properties/content", body)

    async def panels(self, room: str, name: str, *, phone: bool = False) -> None:
        """The panel, dark and light."""
        for theme in ("dark", "light"):
            for size in (TABLET, PHONE) if phone else (TABLET,):
                context = await self.signed_in("operator", size, theme)
                page = await context.new_page()
                await page.goto(f"{self.demo.url}/panel/{room}")
                await page.get_by_test_id("scenes").wait_for()
                await self.take(page, f"panel-{name}-{theme}" + ("-phone" if size is PHONE else ""))
                await context.close()

    async def desk(self, room: str, theme: str) -> Page:
        """The technician's page."""
        page = await (await self.signed_in("teknisi", TABLET, theme)).new_page()
        page.set_default_timeout(15_000)
        await page.goto(f"{self.demo.url}/technician/{room}")
        await page.get_by_test_id("section-devices").wait_for()
        return page


async def centre(studio: Studio) -> None:
    """The smart room: guests welcomed, an urgent message, a countdown; a projector that falls silent."""
    left, right = await studio.screen(CENTRE, "kiri"), await studio.screen(CENTRE, "kanan")
    await studio.apply(CENTRE, "terima-tamu")
    await studio.take(left, "wall-welcome", 960)
    await studio.panels(CENTRE, "centre", phone=True)
    opening = (datetime.now(UTC) + timedelta(hours=1)).replace(minute=0, second=0, microsecond=0)
    await studio.show(CENTRE, "kanan", {"kind": "countdown", "title": "Peresmian", "to": opening.isoformat()})
    await studio.take(right, "wall-countdown", 960)
    message = {
        "kind": "message",
        "title": "Rapat mundur 15 menit",
        "text": "Silakan menunggu di lobi",
        "tone": "urgent",
    }
    await studio.show(CENTRE, "kiri", message)
    await studio.take(left, "wall-message", 960)
    faults = f"rooms/{CENTRE}/devices/projector/simulator/faults"
    await studio.demo.ask("POST", faults, {"faults": "silent"})
    for theme in ("dark", "light"):
        page = await studio.desk(CENTRE, theme)
        await page.get_by_test_id("device-projector").click()
        await page.locator("[data-testid=device-projector][data-state=failed]").wait_for()
        await page.get_by_test_id("tab-simulator").click()
        await studio.take(page, f"technician-red-{theme}")
        await page.get_by_test_id("device-wall.kiri").click()
        await page.get_by_test_id("glass-picture").wait_for()
        await studio.take(page, f"technician-wall-{theme}")
        await page.get_by_test_id("nav-scenes").click()
        await page.locator("[data-testid^=step-]").first.wait_for()
        await studio.take(page, f"technician-plan-{theme}")
        await page.get_by_test_id("nav-sources").click()
        await studio.take(page, f"technician-sources-{theme}")
        await page.context.close()
    await studio.demo.ask("POST", faults, {"faults": "none"})
    await studio.demo.ask("POST", f"rooms/{CENTRE}/devices/wall.kiri/actions/identify", {})
    await studio.take(left, "wall-number", 960)


async def command(studio: Studio) -> None:
    """The command centre: an ordinary day, then an emergency."""
    walls = [await studio.screen(COMMAND, wall) for wall in ("dinding-1", "dinding-lobi", "dinding-pintu")]
    await studio.apply(COMMAND, "rapat-darurat")
    await studio.take(walls[2], "wall-door", 960)
    await studio.panels(COMMAND, "command")
    for theme in ("dark", "light"):
        page = await studio.desk(COMMAND, theme)
        await page.get_by_test_id("device-mixer").click()
        await studio.take(page, f"technician-command-{theme}")
        await page.context.close()


async def main(folder: Path) -> None:
    """Everything."""
    with tempfile.TemporaryDirectory() as data:
        async with running(Path(data) / "data") as demo, async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path="/usr/bin/chromium", args=[*CHROMIUM, "--force-color-profile=srgb"]
            )
            studio = Studio(demo, browser, folder)
            await centre(studio)
            await command(studio)
            await browser.close()


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS
    target.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(target))
