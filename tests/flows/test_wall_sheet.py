"""Walls from the tablet: what a host writes stands on the glass, on one wall or several, and can be put back."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, FilePayload, Page, expect

from smartroom.protocol.people import Role
from smartroom.protocol.state import Link
from tests.pages.test_panel import SMALL, violations
from tests.ports import free_port
from tests.walls import ROOM, House, Walled, png

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(90)]


@pytest.fixture
async def walled(tmp_path: Path) -> AsyncIterator[Walled]:
    """A room with two walls; one other site is allowed on them."""
    async with House(tmp_path, free_port(), dashboards=("https://dasbor.kota.example",)).serving() as found:
        yield found


async def opened(browser: Browser, link: str, *, size: tuple[int, int] = (1280, 800), theme: str = "dark") -> Page:
    """A fresh browser that redeemed a pairing link."""
    context = await browser.new_context(viewport={"width": size[0], "height": size[1]}, bypass_csp=True, has_touch=True)
    await context.add_init_script(f"localStorage.setItem('smartroom.theme', '{theme}')")
    page = await context.new_page()
    page.set_default_timeout(10_000)
    await page.goto(link)
    await page.get_by_test_id("pair-submit").click()
    await page.get_by_test_id("pair-open").click()
    return page


async def wall(browser: Browser, walled: Walled, key: str) -> Page:
    """A wall's screen."""
    page = await opened(browser, await walled.link(key), size=(1920, 1080))
    await walled.until(lambda: walled.wall(key).link is Link.READY)
    return page


async def tablet(browser: Browser, walled: Walled, size: tuple[int, int] = (1280, 800), theme: str = "dark") -> Page:
    """The room's tablet, with the sheet of the left wall open."""
    offered = await walled.application.people.tokens.offer("Tablet", Role.OPERATOR, [ROOM], "test")
    page = await opened(browser, f"{walled.origin}/pair/{offered.code}", size=size, theme=theme)
    await page.get_by_test_id("device-wall.kiri").click()
    await page.get_by_test_id("wall-sheet").wait_for()
    return page


async def test_a_message_stands_on_both_walls_and_can_be_put_back(walled: Walled, browser: Browser) -> None:
    """Written once, seen small, shown on two walls at one moment; the sheet says what the wall painted; one tap brings back what stood before."""
    kiri, kanan = await wall(browser, walled, "kiri"), await wall(browser, walled, "kanan")
    await walled.apply("sambut")
    panel = await tablet(browser, walled)
    await expect(panel.get_by_test_id("wall-words")).to_contain_text("Sambutan: Rombongan Diskominfo")
    await panel.get_by_test_id("write-message").click()
    await expect(panel.get_by_test_id("wall-show")).to_be_disabled()
    await panel.locator("#message-title").fill("Rapat mundur 15 menit")
    await panel.get_by_test_id("tone-warning").click()
    await expect(panel.get_by_test_id("preview")).to_contain_text("Rapat mundur 15 menit")
    await panel.get_by_test_id("target-wall.kanan").click()
    await panel.get_by_test_id("wall-show").click()
    for page in (kiri, kanan):
        await expect(page.get_by_role("heading")).to_contain_text("Rapat mundur 15 menit")
    text = '{"kind":"message","title":"Rapat mundur 15 menit","tone":"warning"}'
    await walled.until(lambda: all(walled.content(key) == text for key in ("kiri", "kanan")))
    await expect(panel.get_by_test_id("wall-words")).to_contain_text("Pesan: Rapat mundur 15 menit")
    await panel.get_by_test_id("wall-back").click()
    await expect(kiri.get_by_role("heading")).to_contain_text("Diskominfo")
    await expect(kanan.get_by_role("heading")).to_contain_text("Rapat mundur")


async def test_pictures_are_uploaded_ordered_and_turned(walled: Walled, browser: Browser) -> None:
    """Two pictures from the tablet, a file that is none told by name; shown in the tapped order; next and previous from the sheet."""
    kiri = await wall(browser, walled, "kiri")
    panel = await tablet(browser, walled)
    await panel.get_by_test_id("write-slides").click()
    await panel.get_by_test_id("picture-upload").set_input_files(
        [
            FilePayload(name="satu.png", mimeType="image/png", buffer=png(colour=(200, 0, 0))),
            FilePayload(name="rusak.png", mimeType="image/png", buffer=b"no picture"),
            FilePayload(name="dua.png", mimeType="image/png", buffer=png(colour=(0, 0, 200))),
        ]
    )
    await expect(panel.get_by_test_id("picture")).to_have_count(2)
    await expect(panel.get_by_test_id("upload")).to_contain_text("rusak.png: Gambar ini tidak bisa dipakai")
    first = panel.get_by_test_id("picture").first
    await expect(first).to_have_attribute("aria-label", "satu.png, urutan 1")
    await first.click()
    await first.click()
    await expect(first).to_have_attribute("aria-label", "satu.png, urutan 2")
    await panel.get_by_test_id("wall-show").click()
    await expect(kiri.get_by_test_id("slide-number")).to_have_text("1 / 2")
    await panel.get_by_test_id("wall-next").click()
    await expect(kiri.get_by_test_id("slide-number")).to_have_text("2 / 2")
    await expect(panel.get_by_test_id("wall-page")).to_have_text("2 dari 2")
    await expect(panel.get_by_test_id("wall-next")).to_be_disabled()
    ids = [picture.id for picture in walled.application.walls[ROOM].album]
    assert json.loads(str(walled.content("kiri"))) == {"kind": "slides", "images": [ids[1], ids[0]]}


async def test_a_site_that_is_not_allowed_changes_nothing(walled: Walled, browser: Browser) -> None:
    """Looked at by the server first: the reason and who can mend it stand at the field, the wall keeps what it shows, what was typed stays."""
    await wall(browser, walled, "kiri")
    await walled.apply("sambut")
    before = walled.content("kiri")
    panel = await tablet(browser, walled)
    await panel.get_by_test_id("write-web").click()
    await panel.locator("#web-url").fill("https://lain.example/peta")
    await panel.get_by_test_id("web-check").click()
    await expect(panel.locator("#web-url-error")).to_contain_text("Situs ini belum diizinkan di layar")
    await expect(panel.get_by_test_id("web-said")).to_contain_text("Minta administrator")
    await panel.get_by_test_id("wall-show").click()
    await expect(panel.get_by_test_id("wall-problem")).to_contain_text("Situs ini belum diizinkan")
    assert walled.content("kiri") == before
    await panel.get_by_test_id("wall-cancel").click()
    await panel.get_by_test_id("wall-close").click()
    await panel.get_by_test_id("device-wall.kiri").click()
    await panel.get_by_test_id("write-web").click()
    await expect(panel.locator("#web-url")).to_have_value("https://lain.example/peta")


async def test_a_wall_without_a_screen_says_what_to_do(walled: Walled, browser: Browser) -> None:
    """Not paired: nothing can be written for it, and the sheet says how it is paired."""
    panel = await tablet(browser, walled)
    await expect(panel.get_by_test_id("wall-sheet")).to_contain_text("Layar belum dipasangkan")
    await expect(panel.get_by_test_id("wall-sheet")).to_contain_text("Buat tautan pemasangan")
    await expect(panel.get_by_test_id("write-message")).to_be_disabled()


@pytest.mark.parametrize(("size", "theme"), [((1280, 800), "light"), ((390, 844), "dark")])
async def test_every_form_can_be_read_and_touched(
    walled: Walled, browser: Browser, size: tuple[int, int], theme: str
) -> None:
    """Tablet and phone, light and dark: no form is wider than the screen, targets reach 56 px, axe finds nothing."""
    await wall(browser, walled, "kiri")
    walled.application.walls[ROOM].album.add(png(), "denah.png")
    panel = await tablet(browser, walled, size, theme)
    for kind in ("", "welcome", "message", "slides", "web", "countdown", "meeting"):
        if kind:
            await panel.get_by_test_id(f"write-{kind}").click()
            await panel.get_by_test_id("wall-form").wait_for()
        if kind == "welcome":
            await panel.get_by_test_id("agenda-add").click()
        await panel.wait_for_timeout(350)  # the sheet has risen
        assert await panel.evaluate("document.documentElement.scrollWidth <= innerWidth"), kind
        hidden = ("sr", "home", "picture-upload")  # what is pressed there is its label
        small = [line for line in await panel.evaluate(SMALL) if not line.startswith(hidden)]
        assert small == [], kind
        assert await violations(panel) == [], kind
        if kind:
            await panel.get_by_test_id("wall-cancel").click()
