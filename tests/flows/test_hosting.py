"""The room hosts a meeting: a tablet starts it, guests come in by its link, the roll is called, and a scene puts the stage on a wall."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from smartroom.control.app import Media
from smartroom.control.conference.engine import Placement
from smartroom.protocol.people import Role
from smartroom.protocol.state import RunResult
from tests.guests import Window, chromium_window, link, soon
from tests.media.browsers import CHROMIUM, FLAGS
from tests.media.test_browsers import host_address
from tests.meetings import House, house

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(120)]

SCENES = {
    "panggung": "name: Panggung\ntimeout: 15s\n"
    "desired: {stage: {meeting: open, layout: speaker}, wall.left: {content: {kind: meeting}}}\n",
    "satu": "name: Satu\ntimeout: 15s\ndesired: {wall.left: {content: {kind: meeting, show: agency, agency: bappeda}}}\n",
}


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[House]:
    """A server with one room, one wall."""
    async with house(tmp_path, scenes=SCENES, media=Media(Placement((host_address(),)))) as running:
        yield running


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A browser with a fake camera."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


async def paired(place: House, browser: Browser, role: Role, wall: str | None = None) -> Page:
    """A screen that took its one-use link."""
    offered = await place.application.people.tokens.offer("Layar", role, ["hall"], "test", wall=wall)
    width, height = (1920, 1080) if wall else (1280, 800)
    page = await (await browser.new_context(viewport={"width": width, "height": height})).new_page()
    page.set_default_timeout(30_000)
    await page.goto(f"{place.origin}/pair/{offered.code}")
    await page.get_by_test_id("pair-submit").click()
    await page.get_by_test_id("pair-open").click()
    return page


async def test_the_room_hosts_a_meeting(place: House) -> None:
    """From `Mulai rapat` to the attendance: every step by the tablet, seen by guests and by the wall."""
    async with chromium() as browser:
        tablet = await paired(place, browser, Role.HOST)
        wall = await paired(place, browser, Role.DISPLAY, "wall.left")
        await wall.get_by_test_id("wall").wait_for()

        await tablet.get_by_test_id("meeting-start").click()
        await tablet.get_by_test_id("plan-title").fill("Rapat HUT Kota")
        await tablet.get_by_test_id("plan-agenda").fill("Pembukaan\n\n Laporan panitia \n")
        await tablet.get_by_test_id("plan-go").click()
        await expect(tablet.get_by_test_id("meeting-url")).to_contain_text("/meet/")
        row = place.application.meetings.of_room("hall")[0]
        meeting = place.application.meetings.meeting(row)
        assert meeting.agenda == ["Pembukaan", "Laporan panitia"]
        await tablet.get_by_test_id("meeting-close").click()

        one, other = await asyncio.gather(*(chromium_window(browser, link(place, meeting)) for _ in range(2)))
        await one.join("Kepala Bappeda", agency="Bappeda")
        await other.join("Camat A", agency="Camat A")
        await expect(tablet.get_by_test_id("card-lobby")).to_contain_text("2 di ruang tunggu")
        await tablet.get_by_test_id("card-admit").click()
        await asyncio.gather(one.inside(), other.inside())
        await asyncio.gather(one.sees_and_hears(), other.sees_and_hears())
        await expect(tablet.get_by_test_id("meeting-people")).to_contain_text("2 peserta")

        await roll(tablet, one)

        await tablet.get_by_test_id("tab-stage").click()
        await tablet.get_by_test_id("spotlight-camat-a").click()
        await tablet.get_by_test_id("meeting-close").click()
        await tablet.get_by_test_id("scene-panggung").click()
        await expect(tablet.get_by_test_id("scene-panggung")).to_have_attribute("data-state", "active")
        camat = place.session(meeting).stage.spotlight[0]
        face = wall.locator(f"[data-testid=face][data-person={camat}]")
        await expect(face).to_have_attribute("data-picture", "true")
        await expect(face).to_contain_text("Camat A")
        assert await wall.evaluate("document.querySelectorAll('audio').length") == 0, "the room has its own sound"
        assert len(place.session(meeting).people) == 2, "a wall is nobody"

        report = await place.recall("satu")
        assert report.run.result is RunResult.ACHIEVED
        await expect(wall.get_by_test_id("face")).to_have_count(1)
        await expect(wall.get_by_test_id("face")).to_contain_text("Kepala Bappeda")

        await end(place, tablet, wall, one)


async def roll(tablet: Page, called: Window) -> None:
    """Five agencies: one answers on its own page, one by the host's hand, three are not here."""
    await tablet.get_by_test_id("meeting-open").click()
    await tablet.get_by_test_id("tab-roll").click()
    await tablet.get_by_test_id("roll-start").click()
    said = tablet.get_by_test_id("roll-said")
    await expect(tablet.locator("[data-agency=setda]")).to_have_attribute("data-outcome", "waiting")
    await tablet.get_by_test_id("roll-next").click()
    await expect(tablet.locator("[data-agency=setda]")).to_have_attribute("data-outcome", "absent")
    await called.click("here")
    await expect(said).to_have_attribute("data-outcome", "present")
    for agency in ("diskominfo", "camat-a"):
        await tablet.get_by_test_id("roll-next").click()
        await expect(tablet.locator(f"[data-agency={agency}]")).to_have_attribute("data-outcome", "waiting")
    await tablet.get_by_test_id("roll-present").click()
    await expect(said).to_have_attribute("data-outcome", "present")
    await tablet.get_by_test_id("roll-stop").click()
    await expect(tablet.get_by_test_id("roll-start")).to_be_visible()


async def end(place: House, tablet: Page, wall: Page, guest: Window) -> None:
    """Held for a second: over for everybody. The list of who was there opens from the panel and by its address."""
    await tablet.get_by_test_id("meeting-open").click()
    await tablet.get_by_test_id("tab-roll").click()
    address = await tablet.get_by_test_id("attendance-paper").get_attribute("href")
    await tablet.get_by_test_id("tab-link").click()
    await tablet.get_by_test_id("end-all").click(delay=1100)
    await guest.until("document.querySelector('[data-testid=notice]')?.dataset.kind === 'closed'")
    await expect(wall.get_by_test_id("no-meeting")).to_be_visible(timeout=10_000)
    await expect(tablet.get_by_test_id("meeting-card")).to_have_count(0)
    await soon(lambda: place.application.desks["hall"].store.state.meeting is None)
    assert address is not None
    await tablet.goto(place.origin + address)
    await expect(tablet.locator("table.people")).to_contain_text("Kepala Bappeda")
    await expect(tablet.locator("table.roll")).to_contain_text("tidak menjawab")
