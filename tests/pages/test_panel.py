"""The panel and login pages in a real browser before the real demo: what an eye, a finger and a screen reader need."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, WebSocketRoute, async_playwright, expect

from tests.flows.conftest import CHROMIUM, Demo, devices, running

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(180), pytest.mark.asyncio(loop_scope="module")]

ROOT = Path(__file__).resolve().parents[2]
SIZES = {"landscape": (1280, 800), "portrait": (800, 1280), "phone": (390, 844)}
LEGAL = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]

CLIPPED = """() => {
  const found = [];
  const main = document.querySelector('main');
  if (innerWidth > 600 && main.scrollHeight > main.clientHeight + 1) found.push(`main scrolls: ${main.scrollHeight} of ${main.clientHeight}`);
  if (document.documentElement.scrollWidth > innerWidth) found.push(`the page is wider than the screen: ${document.documentElement.scrollWidth}`);
  for (const element of document.querySelectorAll('[data-testid^=scene-], [data-testid^=output-], [data-testid^=source-], footer button'))
    if (element.tagName === 'BUTTON' && element.scrollHeight > element.clientHeight + 2) found.push(`${element.dataset.testid} is cut`);
  return found;
}"""

SMALL = """() => [...document.querySelectorAll('button, a, input')]
  .map((element) => [element.dataset.testid ?? element.className, element.getBoundingClientRect()])
  .filter(([, box]) => box.width > 0 && (box.width < 55.5 || box.height < 55.5))
  .map(([name, box]) => `${name}: ${Math.round(box.width)} x ${Math.round(box.height)}`)"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pages(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Demo, Browser]]:
    """One demo and one browser for all: each test has a tablet of its own."""
    async with running(tmp_path_factory.mktemp("pages") / "data") as demo, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        yield demo, browser
        await browser.close()


SETTLED = """() => Promise.all(document.getAnimations()
  .filter((each) => each.effect.getComputedTiming().iterations !== Infinity)
  .map((each) => each.finished.catch(() => undefined)))"""
"""When what opens is open: half transparent letters are nobody's contrast."""


async def violations(page: Page) -> list[str]:
    """What axe finds against WCAG 2.2 A and AA."""
    await page.evaluate(SETTLED)
    # The pages' policy forbids foreign scripts, rightly; the test's own comes in by the debugger's door.
    await page.evaluate((ROOT / "web/node_modules/axe-core/axe.min.js").read_text() + "; 0")
    found: list[str] = await page.evaluate(
        "async (tags) => (await axe.run(document, {runOnly: tags})).violations.map("
        "(rule) => `${rule.id}: ${rule.nodes.slice(0, 3).map((node) => node.html.slice(0, 120)).join(' | ')}`)",
        LEGAL,
    )
    return found


async def fits(page: Page, where: str) -> None:
    """Nothing is cut, targets reach 56 px, axe finds nothing."""
    assert await page.evaluate(CLIPPED) == [], where
    assert await page.evaluate(SMALL) == [], where
    assert await violations(page) == [], where


async def test_the_panel_fits_and_can_be_read_on_every_screen(pages: tuple[Demo, Browser]) -> None:
    """Three sizes, two themes: nothing scrolls on a tablet, nothing is cut, targets reach 56 px, axe finds nothing; the plan sheet likewise."""
    demo, browser = pages
    first = await demo.pair(browser)
    state = await first.context.storage_state()
    for name, (width, height) in SIZES.items():
        for theme in ("dark", "light"):
            context = await browser.new_context(
                viewport={"width": width, "height": height}, storage_state=state, bypass_csp=True, has_touch=True
            )
            await context.add_init_script(f"localStorage.setItem('smartroom.theme', '{theme}')")
            page = await context.new_page()
            await page.goto(demo.url)
            await page.get_by_test_id("scene-rapat").wait_for()
            await page.get_by_test_id("meeting-card").wait_for()
            await fits(page, f"meeting, {name}, {theme}")
            await devices(page)
            await page.locator("[data-testid=device-matrix][data-link=ready]").wait_for()
            await fits(page, f"{name}, {theme}")
            await page.get_by_test_id("scene-rapat-look").click()
            await page.get_by_test_id("plan-summary").wait_for()
            assert await violations(page) == [], f"plan sheet, {name}, {theme}"
            await context.close()


async def test_a_meeting_that_is_not_heard_of_can_still_be_read(pages: tuple[Demo, Browser]) -> None:
    """The meeting's line is dead: the card says so, in colours axe finds nothing in, and claims nothing about who is there."""
    demo, browser = pages
    first = await demo.pair(browser)
    context = await browser.new_context(
        viewport={"width": 1280, "height": 800}, storage_state=await first.context.storage_state(), bypass_csp=True
    )
    page = await context.new_page()

    async def without_meetings(line: WebSocketRoute) -> None:
        server = line.connect_to_server()
        line.on_message(lambda text: None if str(text).startswith("40/meeting") else server.send(text))

    await page.route_web_socket(re.compile("/socket.io/"), without_meetings)
    await page.goto(demo.url)
    card = page.locator("[data-testid=meeting-card][data-live=false]")
    await card.wait_for()
    await fits(page, "meeting, not heard of")
    assert await card.count() == 1
    await expect(card).to_contain_text("Belum diketahui")
    await expect(card).not_to_contain_text("0 peserta")
    await context.close()


async def test_the_panel_needs_no_pointer(pages: tuple[Demo, Browser]) -> None:
    """Shift+Enter looks first, Escape closes and gives focus back, Space held for a second runs a dangerous scene, a short one does not."""
    demo, browser = pages
    page = await demo.pair(browser)
    tile = page.get_by_test_id("scene-rapat")
    await tile.focus()
    await page.keyboard.press("Shift+Enter")
    await page.get_by_test_id("plan-sheet").wait_for()
    await page.keyboard.press("Escape")
    await page.get_by_test_id("plan-sheet").wait_for(state="detached")
    await page.wait_for_timeout(50)
    assert await tile.evaluate("(node) => node === document.activeElement")
    ending = page.get_by_test_id("scene-semua-mati")
    await ending.focus()
    await page.keyboard.press(" ")
    assert await ending.get_attribute("data-state") == "idle"
    await page.keyboard.down(" ")
    await page.wait_for_timeout(1150)
    await page.keyboard.up(" ")
    await page.locator("[data-testid=scene-semua-mati]:not([data-state=idle])").wait_for()


async def test_a_tap_shows_before_the_server_answers(pages: tuple[Demo, Browser]) -> None:
    """The tile says `Mengirim` by itself, while the server cannot have answered; it never says more by itself."""
    demo, browser = pages
    page = await demo.pair(browser)
    demo.process.send_signal(signal.SIGSTOP)
    try:
        await page.get_by_test_id("scene-presentasi").click()
        assert await page.get_by_test_id("scene-presentasi").get_attribute("data-state") == "sending"
    finally:
        demo.process.send_signal(signal.SIGCONT)
    await page.locator("[data-testid=scene-presentasi][data-state=active]").wait_for(timeout=40_000)


async def test_language_and_theme_are_kept_by_the_tablet(pages: tuple[Demo, Browser]) -> None:
    """Indonesian and dark at first; after switching, a reload stays English and light."""
    demo, browser = pages
    page = await demo.pair(browser)
    assert await page.get_attribute("html", "lang") == "id"
    await page.get_by_test_id("language").click()
    await page.get_by_test_id("theme").click()
    await page.reload()
    await page.get_by_test_id("scenes").wait_for()
    assert await page.get_attribute("html", "lang") == "en"
    assert await page.get_attribute("html", "data-theme") == "light"


async def test_the_shell_opens_without_the_server_and_says_so(pages: tuple[Demo, Browser]) -> None:
    """The service worker keeps page, script and style, and no word of the room: cut off and reloaded, the page says that it waits."""
    demo, browser = pages
    page = await demo.pair(browser)
    await page.evaluate("navigator.serviceWorker.ready.then(() => 0)")
    kept: list[str] = await page.evaluate(
        "async () => (await Promise.all((await caches.keys()).map(async (name) => (await (await caches.open(name)).keys())"
        ".map((request) => new URL(request.url).pathname)))).flat()"
    )
    assert "/" in kept
    assert not [path for path in kept if path.startswith(("/api", "/socket.io"))]
    assert [path for path in kept if path.startswith("/assets/PlanSheet")], "sheets have scripts of their own: kept too"
    assert not [path for path in kept if "technician" in path]
    await page.context.set_offline(True)
    await page.reload()
    await page.get_by_test_id("waiting").wait_for()


async def test_a_sheet_opens_when_the_server_is_gone(pages: tuple[Demo, Browser]) -> None:
    """Sheets come while the page is idle: cut off before any was ever opened, each opens; also where no service worker may keep them."""
    demo, browser = pages
    state = await (await demo.pair(browser)).context.storage_state()
    page = await (await browser.new_context(storage_state=state, service_workers="block")).new_page()
    async with page.expect_response(lambda reply: "/assets/MenuSheet" in reply.url and reply.url.endswith(".js")):
        await page.goto(demo.url)
    await page.get_by_test_id("scene-rapat").wait_for()
    await devices(page)
    await page.context.set_offline(True)
    await page.get_by_test_id("device-projector").click()
    await page.get_by_test_id("device-sheet").wait_for()
    await page.keyboard.press("Escape")
    await page.get_by_test_id("menu").click()
    await page.get_by_test_id("menu-sheet").wait_for()


async def test_a_sheet_that_does_not_come_says_so(pages: tuple[Demo, Browser]) -> None:
    """While its script is on the way the page says so and stays usable; when it does not come, the page says that and tries again."""
    demo, browser = pages
    state = await (await demo.pair(browser)).context.storage_state()
    page = await (await browser.new_context(storage_state=state, service_workers="block")).new_page()
    let_it_fail = asyncio.Event()

    async def broken(route: Route) -> None:
        await let_it_fail.wait()
        await route.abort()

    await page.route("**/assets/PlanSheet*.js", broken)
    await page.goto(demo.url)
    await page.get_by_test_id("scene-rapat-look").click()
    await page.locator("[data-testid=lazy][data-failed=false]").wait_for()
    assert await page.locator("main[inert]").count() == 0
    let_it_fail.set()
    await page.locator("[data-testid=lazy][data-failed=true]").wait_for()
    await page.unroute("**/assets/PlanSheet*.js")
    await page.get_by_test_id("lazy-again").click()
    await page.get_by_test_id("plan-sheet").wait_for()


async def test_a_wrong_password_is_told_and_the_right_one_leads_on(pages: tuple[Demo, Browser]) -> None:
    """The login page names what is wrong, keeps the name, and leads to the page that was asked for; axe finds nothing."""
    demo, browser = pages
    page = await (await browser.new_context(bypass_csp=True)).new_page()
    await page.goto(f"{demo.url}/panel/smart-room-centre")
    assert await violations(page) == []
    await page.get_by_test_id("login-name").fill("operator")
    await page.get_by_test_id("login-password").fill("salah")
    await page.keyboard.press("Enter")
    await page.get_by_test_id("trouble").wait_for()
    assert await page.get_by_test_id("login-name").input_value() == "operator"
    assert await violations(page) == []
    await page.get_by_test_id("login-password").fill("ruang-uji-2026")
    await page.get_by_test_id("login-submit").click()
    await page.get_by_test_id("scenes").wait_for()
    assert page.url.endswith("/panel/smart-room-centre")


async def test_the_last_change_is_taken_back(pages: tuple[Demo, Browser]) -> None:
    """`Kembalikan` names the scene it takes back, goes by read-back to the old one, on every tablet; cut off it is refused and never sent later."""
    demo, browser = pages
    page, other = await demo.pair(browser), await demo.pair(browser, "host")
    undo = page.get_by_test_id("undo")
    for scene in ("presentasi", "rapat"):
        await page.get_by_test_id(f"scene-{scene}").click()
        await page.locator(f"[data-testid=scene-{scene}][data-state=active]").wait_for(timeout=60_000)
    await expect(undo).to_contain_text("Mode Rapat")

    await page.context.set_offline(True)
    await page.locator("[data-testid=panel][data-link=lost]").wait_for()
    await undo.click()
    await expect(page.get_by_test_id("notices")).to_contain_text("Tidak terkirim")
    await page.context.set_offline(False)
    await page.locator("[data-testid=panel][data-link=live]").wait_for()
    await expect(undo).to_contain_text("Mode Rapat")
    assert await page.get_by_test_id("scene-rapat").get_attribute("data-state") == "active"

    await undo.click()
    await expect(undo).to_have_attribute("data-state", "sending")
    for tablet in (page, other):
        await tablet.locator("[data-testid=scene-presentasi][data-state=active]").wait_for(timeout=40_000)
        await expect(tablet.get_by_test_id("undo")).to_be_disabled()
        assert await tablet.get_by_test_id("scene-rapat").get_attribute("data-state") == "idle"
    code, output = await demo.smartroom("plan", "smart-room-centre", "presentasi")
    assert (code, "0 to change" in output) == (0, True), output


async def test_what_did_not_come_back_is_named_and_tried_again(pages: tuple[Demo, Browser]) -> None:
    """A camera without power while the last change is taken back: the button says so, its sheet names device and cause, one touch repairs it."""
    demo, browser = pages
    page = await demo.pair(browser)
    undo = page.get_by_test_id("undo")
    for scene in ("presentasi", "rapat"):
        await page.get_by_test_id(f"scene-{scene}").click()
        await page.locator(f"[data-testid=scene-{scene}][data-state=active]").wait_for(timeout=60_000)
    await devices(page)
    demo.kill("cam-front")
    await page.locator("[data-testid=device-cam-front][data-link=offline]").wait_for()
    await undo.click()
    await expect(undo).to_have_attribute("data-state", "partial", timeout=30_000)
    await undo.click()
    await expect(page.get_by_test_id("failure-sheet")).to_contain_text("Kamera depan")
    await demo.start("cam-front")
    await page.locator("[data-testid=device-cam-front][data-link=ready]").wait_for(timeout=20_000)
    await page.get_by_test_id("retry-cam-front").click()
    await page.locator("[data-testid=scene-presentasi][data-state=active]").wait_for(timeout=30_000)
    await page.get_by_test_id("failure-sheet").wait_for(state="detached")
    await expect(undo).to_be_disabled()
