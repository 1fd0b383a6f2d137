"""A rundown in a real browser before the real demo: fired by touch, key and a held press, seen by every operator alike, kept over a reload."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, async_playwright, expect

from tests.flows.conftest import CHROMIUM, Demo, picture, running

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(240), pytest.mark.asyncio(loop_scope="module")]

VERIFIED_MS = 60_000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pages(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Demo, Browser]]:
    """One demo and one browser for all."""
    async with running(tmp_path_factory.mktemp("rundown") / "data") as demo, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        yield demo, browser
        await browser.close()


async def paired(
    pages: tuple[Demo, Browser], role: str = "operator", width: int = 1280, height: int = 800
) -> tuple[Page, list[str]]:
    """A paired tablet, named after its role, and what its console complains about."""
    demo, browser = pages
    page = await demo.pair(browser, role, width, height)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(error.stack or str(error)))
    page.on("console", lambda line: wrong.append(line.text) if line.type == "error" else None)
    return page, wrong


def cue(page: Page, name: str, result: str | None = None) -> Locator:
    """A line of the book."""
    return page.locator(f"[data-testid=cue-{name}]" + (f"[data-result={result}]" if result else ""))


async def press_down(page: Page) -> None:
    """A finger on the green button, and it stays there."""
    box = await page.get_by_test_id("cue-go").bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    await page.mouse.down()


async def test_an_operator_runs_the_show(pages: tuple[Demo, Browser]) -> None:
    """From the menu to the held cue: each closed by what devices said; a short press fires nothing, two operators see the same, a reload finds its place."""
    page, wrong = await paired(pages)
    other, wrong_too = await paired(pages, "host", 390, 844)
    await page.get_by_test_id("menu").click()
    await page.get_by_test_id("rundown-peresmian").click()
    await page.get_by_test_id("rundown-open").click()
    await other.get_by_test_id("rundown-show").click()

    await page.get_by_test_id("cue-go").click()
    await cue(page, "sambut-tamu", "achieved").wait_for(timeout=VERIFIED_MS)
    await cue(other, "sambut-tamu", "achieved").wait_for()

    await picture(page, "rundown")
    await picture(other, "rundown-phone")
    await page.keyboard.press("h")
    await other.get_by_test_id("rundown-held").wait_for()
    await expect(other.get_by_test_id("rundown-held")).to_contain_text("Tablet operator")
    await expect(page.get_by_test_id("cue-go")).to_have_attribute("aria-disabled", "true")
    await other.get_by_test_id("cue-hold").click()
    await page.get_by_test_id("rundown-held").wait_for(state="detached")

    await other.get_by_test_id("cue-skip").click()  # the opening
    await cue(page, "pembukaan", "skipped").wait_for()
    await page.keyboard.press("Space")  # the address
    await cue(page, "sambutan", "achieved").wait_for(timeout=VERIFIED_MS)
    await page.get_by_test_id("cue-go").click()  # ten, nine, …
    await page.get_by_test_id("cue-left").wait_for()
    await other.get_by_test_id("cue-left").wait_for()
    await page.get_by_test_id("cue-skip").click()

    await cue(page, "hitung-mundur", "skipped").wait_for()
    await cue(page, "tanda-tangan").and_(page.locator("[data-mark=next]")).wait_for()
    await page.get_by_test_id("cue-go").click()
    await page.locator("[data-testid=cue-now][data-cue=tanda-tangan]").wait_for()
    await page.get_by_test_id("cue-guard").wait_for(state="detached", timeout=VERIFIED_MS)

    await press_down(page)  # the held cue: a short press is no press
    await other.get_by_test_id("rundown-arming").wait_for()
    await picture(page, "rundown-hold", moving=True)
    await page.mouse.up()
    await other.get_by_test_id("rundown-arming").wait_for(state="detached")
    await expect(cue(page, "resmikan")).to_have_attribute("data-mark", "next")
    await press_down(page)
    await cue(other, "tanda-tangan", "achieved").wait_for(timeout=VERIFIED_MS)
    await cue(other, "resmikan", "partial").wait_for(timeout=VERIFIED_MS)  # no page shows the walls of this message
    await page.mouse.up()

    # A tablet that is reloaded finds its place, and fires nothing by it.
    await cue(page, "foto").and_(page.locator("[data-mark=next]")).wait_for()
    before = await page.get_by_test_id("rundown").get_attribute("data-turn")
    await page.reload()
    await cue(page, "foto").and_(page.locator("[data-mark=next]")).wait_for()
    assert page.url.endswith("#susunan/peresmian")
    assert await page.get_by_test_id("rundown").get_attribute("data-turn") == before
    await page.get_by_test_id("cue-back").click()
    await cue(page, "resmikan").and_(page.locator("[data-mark=next]")).wait_for()
    await page.get_by_test_id("rundown-leave").click()
    await page.get_by_test_id("rundown-banner").wait_for()
    assert (wrong, wrong_too) == ([], [])
