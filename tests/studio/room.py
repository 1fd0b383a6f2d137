"""What stands in the room while a meeting goes on: the host's tablet, a wall, the list of who was there."""

from __future__ import annotations

import asyncio
from pathlib import Path

from playwright.async_api import Browser, Page

from smartroom.protocol.people import Role
from tests.guests import Window
from tests.meetings import ROOM, House

SCENES = {
    "sambut": "name: {id: Sambut Tamu, en: Welcome}\nicon: welcome\n",
    "panggung": "name: {id: Panggung ke layar, en: Stage on the wall}\ntimeout: 15s\n"
    "desired: {stage: {meeting: open, layout: speaker}, wall.left: {content: {kind: meeting}}}\n",
    "sorot": "name: {id: Sorot Bappeda, en: Spotlight Bappeda}\ntimeout: 5s\ndesired: {stage: {spotlight: bappeda}}\n",
}


async def screen(
    place: House, browser: Browser, size: tuple[int, int], role: Role, theme: str = "dark", wall: str | None = None
) -> Page:
    """A screen of the room that took its one-use link."""
    offered = await place.application.people.tokens.offer("Layar", role, [ROOM], "studio", wall=wall)
    context = await browser.new_context(viewport={"width": size[0], "height": size[1]})
    await context.add_init_script(f"localStorage.setItem('smartroom.theme', '{theme}')")
    page = await context.new_page()
    await page.goto(f"{place.origin}/pair/{offered.code}")
    await page.get_by_test_id("pair-submit").click()
    await page.get_by_test_id("pair-open").click()
    return page


async def tablet(page: Page, folder: Path, theme: str) -> None:
    """The panel with its meeting, and each tab of the sheet."""
    await page.get_by_test_id("meeting-card").wait_for()
    await _shot(page, folder / f"panel-{theme}.png")
    await page.get_by_test_id("meeting-open").click()
    for tab in ("people", "lobby", "stage", "roll", "link"):
        await page.get_by_test_id(f"tab-{tab}").click()
        await _shot(page, folder / f"panel-{tab}-{theme}.png")
    await page.context.close()


async def wall(page: Page, folder: Path, name: str, faces: int) -> None:
    """A wall with so many faces."""
    await Window(page.evaluate, page).until(
        f"document.querySelectorAll('[data-testid=face][data-picture=true]').length >= {faces}"
    )
    await _shot(page, folder / f"{name}.png")


async def paper(page: Page, address: str, folder: Path) -> None:
    """The list of who was there, as it prints."""
    await page.goto(address)
    await _shot(page, folder / "attendance.png")
    await page.set_viewport_size({"width": 390, "height": 844})
    await _shot(page, folder / "attendance-phone.png")
    await page.context.close()


async def _shot(page: Page, path: Path) -> None:
    await asyncio.sleep(1.2)
    await page.screenshot(path=path)
