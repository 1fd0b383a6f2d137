"""A technician before a real browser: why something is red, the wire, commands by hand, faults of the demo's simulators."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from smartroom.commands.demo import PASSWORD, SIMULATED_SECRET
from tests.flows.conftest import CHROMIUM, Demo, running

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(180), pytest.mark.asyncio(loop_scope="module")]

ROOT = Path(__file__).resolve().parents[2]
ROOM = "smart-room-centre"
LEGAL = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
SIZES = ((1440, 900), (1280, 800))

OVERFLOWS = """() => [...document.querySelectorAll('.desk, .desk > main, .desk > aside, .desk > header')]
  .filter((part) => part.scrollWidth > part.clientWidth + 1 || part.getBoundingClientRect().bottom > innerHeight + 1)
  .map((part) => `${part.tagName} ${part.scrollWidth} of ${part.clientWidth}`)"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Demo, Browser]]:
    """One demo and one browser for all: every test puts right what it broke."""
    async with running(tmp_path_factory.mktemp("technician") / "data") as demo, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        yield demo, browser
        await browser.close()


async def sign_in(demo: Demo, browser: Browser, name: str = "teknisi", *, theme: str = "dark") -> Page:
    """A browser of somebody who signed in, at the technician's page."""
    context = await browser.new_context(viewport={"width": 1440, "height": 900}, bypass_csp=True)
    await context.add_init_script(f"localStorage.setItem('smartroom.theme', '{theme}')")
    answer = await context.request.post(
        f"{demo.url}/api/v1/login", data={"name": name, "password": PASSWORD}, headers={"Origin": demo.url}
    )
    assert answer.ok
    page = await context.new_page()
    page.set_default_timeout(15_000)
    await page.goto(f"{demo.url}/technician/{ROOM}")
    return page


async def choose(page: Page, device: str) -> None:
    """Look at a device."""
    await page.get_by_test_id(f"device-{device}").click()
    await expect(page.get_by_test_id("device-head")).to_have_attribute("data-device", device)


async def test_a_fault_makes_the_device_red_with_the_right_words(desk: tuple[Demo, Browser]) -> None:
    """Silence switched on at the projector's simulator: red within seconds, the box says what happened, the last bytes and the fix; off, and it is back."""
    demo, browser = desk
    page = await sign_in(demo, browser)
    await choose(page, "projector")
    row, why = page.get_by_test_id("device-projector"), page.get_by_test_id("why")
    await expect(row).to_have_attribute("data-state", "active", timeout=20_000)
    await expect(why).to_contain_text("Tidak merah")
    await page.get_by_test_id("tab-simulator").click()
    await page.get_by_test_id("fault-silent").click()
    await expect(page.get_by_test_id("fault-silent")).to_have_attribute("aria-pressed", "true")
    await expect(row).to_have_attribute("data-state", "failed", timeout=20_000)
    await expect(why).to_contain_text("Mengapa merah? Alat tidak menjawab")
    await expect(why).to_contain_text("Tidak ada jawaban setelah %")
    await expect(why).to_contain_text("Perbaikan: Periksa daya dan kabel alat")
    await expect(why).to_contain_text("Gangguan simulasi menyala: silent")
    await expect(page.get_by_test_id("last-error")).to_contain_text("does not answer")
    await expect(page.locator("[data-testid=wire] [data-kind=silence]").first).to_contain_text("tidak ada jawaban")
    await page.get_by_test_id("faults-none").click()
    await expect(row).to_have_attribute("data-state", "active", timeout=40_000)
    await expect(why).to_contain_text("Tidak merah")
    await page.get_by_test_id("nav-log").click()
    await expect(page.get_by_test_id("log")).to_contain_text("does not answer")
    await page.context.close()


async def test_a_command_by_hand_ends_with_the_read_back(desk: tuple[Demo, Browser]) -> None:
    """A typed value goes out as bytes seen on the wire, the device's answer stands beside the field; a bad value is named; an action is taken."""
    demo, browser = desk
    page = await sign_in(demo, browser)
    await choose(page, "matrix")
    await expect(page.get_by_test_id("device-matrix")).to_have_attribute("data-link", "ready", timeout=20_000)
    await page.get_by_test_id("wire-routine").check()
    volume = page.get_by_test_id("command-matrix.volume.3")
    await volume.get_by_role("textbox").fill("75")
    await volume.get_by_role("button").click()
    told = page.get_by_test_id("told-matrix.volume.3")
    await expect(told).to_contain_text(re.compile(r"terbaca 7[45][,.\d]* % dalam \d+ ms"))
    await expect(page.get_by_test_id("value-volume.3")).to_contain_text("75")
    wire = page.get_by_test_id("wire")
    await expect(wire.locator("[data-kind=out]", has_text="atur volume.3 = 75")).to_have_count(1)
    await expect(wire.locator("[data-kind=in]", has_text="volume.3 =").first).to_be_visible()
    await volume.get_by_role("textbox").fill("4000")
    await volume.get_by_role("button").click()
    await expect(told).to_have_attribute("data-state", "failed")
    await expect(told).to_contain_text("'volume.3' cannot be 4000; it must be a number from 0 to 100")
    await volume.get_by_role("textbox").fill("keras")
    await expect(volume.get_by_role("button")).to_be_disabled()
    action = page.get_by_test_id("command-matrix!store_preset")
    await action.get_by_role("textbox").fill("7")
    await action.get_by_role("button").click()
    await expect(page.get_by_test_id("told-matrix!store_preset")).to_contain_text("diterima alat dalam")
    await page.context.close()


async def test_the_wire_can_be_stopped_searched_and_taken_along(desk: tuple[Demo, Browser]) -> None:
    """Paused, the lines stay and new ones are counted; a word filters; what is copied holds bytes and meaning, and never the projector's password."""
    demo, browser = desk
    page = await sign_in(demo, browser)
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await choose(page, "projector")
    wire = page.get_by_test_id("wire")
    await expect(wire.locator("[data-kind=in]").first).to_be_visible()
    # It logs in again: the lines of its first login may have gone long ago.
    faults = f"rooms/{ROOM}/devices/projector/simulator/faults"
    await demo.ask("POST", faults, {"faults": "reset=1"})
    await expect(wire).to_contain_text("***", timeout=20_000)
    await demo.ask("POST", faults, {"faults": "none"})
    await expect(page.get_by_test_id("device-projector")).to_have_attribute("data-link", "ready", timeout=20_000)
    await page.get_by_test_id("wire-pause").click()
    await expect(page.get_by_test_id("wire-state")).to_contain_text("jeda")
    shown = await wire.locator("> div").count()
    await expect(page.get_by_test_id("wire-state")).to_contain_text(re.compile(r"jeda · \d+ baru"), timeout=10_000)
    assert await wire.locator("> div").count() == shown
    await page.get_by_test_id("wire-filter").fill("power")
    await expect(wire.locator("> div").first).to_contain_text("%1POWR")
    await page.get_by_test_id("wire-filter").fill("")
    await page.get_by_test_id("wire-copy").click()
    await expect(page.get_by_test_id("wire-copy")).to_contain_text("Tersalin")
    copied = await page.evaluate("navigator.clipboard.readText()")
    assert re.search(r"→  %1POWR \?\\r  \[25 31 50 4F 57 52 20 3F 0D\]  tanya power", copied)
    assert "***" in copied
    assert SIMULATED_SECRET not in copied
    await page.context.close()


async def test_a_stopped_wire_goes_on_for_another_device_only(desk: tuple[Demo, Browser]) -> None:
    """A value that changes is no reason; another device's wire is live from the start."""
    demo, browser = desk
    page = await sign_in(demo, browser)
    await choose(page, "matrix")
    await page.get_by_test_id("wire-pause").click()
    for level in (25, 75):
        await demo.front("matrix", "volume.3", level)
        await expect(page.get_by_test_id("value-volume.3")).to_contain_text(str(level), timeout=10_000)
        await expect(page.get_by_test_id("wire-state")).to_contain_text("jeda")
    await choose(page, "projector")
    await expect(page.get_by_test_id("wire-state")).to_contain_text("langsung")
    await page.context.close()


async def test_a_hand_at_the_device_shows_and_a_plan_sends_nothing(desk: tuple[Demo, Browser]) -> None:
    """The matrix's front panel is pressed: the new input is read. The plan of a scene names bytes and milliseconds; then a run stands in the history."""
    demo, browser = desk
    page = await sign_in(demo, browser)
    await choose(page, "matrix")
    await page.get_by_test_id("tab-simulator").click()
    await page.get_by_test_id("front-property").select_option("route.1")
    front = page.get_by_test_id("command-matrix~front")
    await front.get_by_role("combobox").select_option("5")
    await front.get_by_role("button").click()
    await expect(page.get_by_test_id("device-matrix")).to_contain_text("5→1")
    await page.get_by_test_id("nav-scenes").click()
    await page.get_by_test_id("plan-rapat").click()
    await expect(page.get_by_test_id("plan-summary")).to_contain_text("belum dikirim")
    step = page.get_by_test_id("step-matrix.route.1")
    await expect(step).to_have_attribute("data-action", "set")
    await expect(step).to_contain_text("*1!")
    await expect(page.get_by_test_id("step-projector.power")).to_contain_text("lamp")
    code, _ = await demo.smartroom("apply", ROOM, "rapat")
    assert code in (0, 1)  # walls of the demo have no screen here
    await page.get_by_test_id("nav-runs").click()
    run = page.locator("[data-testid^=run-]").first
    await expect(run).to_contain_text("Rapat")
    await expect(page.get_by_test_id("sent")).to_contain_text("1*1!")
    await expect(page.get_by_test_id("member-matrix.route.1")).to_have_attribute("data-member", "verified")
    await page.context.close()


async def test_a_pulled_cable_is_seen_on_both_pages(desk: tuple[Demo, Browser]) -> None:
    """No signal at an input: the technician's sources say so, and the panel's source and the output that shows it; plugged in again, nobody does."""
    demo, browser = desk
    page, panel = await sign_in(demo, browser), await demo.pair(browser)
    source = page.get_by_test_id("source-dokumen")
    await page.get_by_test_id("nav-sources").click()
    await expect(source).to_have_attribute("data-signal", "true", timeout=20_000)
    await demo.front("matrix", "route.3", 5)
    await demo.front("matrix", "signal.5", value=False)
    await expect(source).to_have_attribute("data-signal", "false")
    await expect(source).to_contain_text("Tanpa sinyal")
    await expect(panel.get_by_test_id("source-dokumen")).to_contain_text("Tanpa sinyal")
    shown = panel.locator("[data-testid^=output-][data-source=dokumen]").first  # another output may show it too
    await expect(shown).to_contain_text("Tanpa sinyal")
    await demo.front("matrix", "signal.5", value=True)
    await expect(panel.get_by_test_id("source-dokumen")).not_to_contain_text("Tanpa sinyal")
    await expect(source).to_have_attribute("data-signal", "true")
    for opened in (page, panel):
        await opened.context.close()


async def test_only_technicians_get_in_and_administrators_only_look(desk: tuple[Demo, Browser]) -> None:
    """A host is told that the page is not for them; an administrator sees health and wire, and no field or switch."""
    demo, browser = desk
    page = await sign_in(demo, browser, "host")
    await expect(page.get_by_test_id("waiting")).to_contain_text("Halaman ini untuk teknisi")
    await page.context.close()
    page = await sign_in(demo, browser, "admin")
    await choose(page, "matrix")
    await expect(page.get_by_test_id("counters")).to_be_visible()
    await expect(page.get_by_test_id("wire").locator("[data-kind=in]").first).to_be_visible()
    assert await page.locator("[data-testid^=command-]").count() == 0
    await page.get_by_test_id("tab-simulator").click()
    await expect(page.get_by_test_id("fault-silent")).to_be_disabled()
    await page.context.close()


async def test_every_section_fits_and_can_be_read(desk: tuple[Demo, Browser]) -> None:
    """Two sizes, two themes, both languages: nothing runs over, and axe finds nothing in any section."""
    demo, browser = desk
    for theme, (width, height) in zip(("dark", "light"), SIZES, strict=True):
        page = await sign_in(demo, browser, theme=theme)
        await page.set_viewport_size({"width": width, "height": height})
        await choose(page, "projector")
        if theme == "light":
            await page.get_by_test_id("language").click()
        await page.evaluate((ROOT / "web/node_modules/axe-core/axe.min.js").read_text() + "; 0")
        for section in ("devices", "walls", "scenes", "sources", "runs", "log"):
            if section == "walls":
                await choose(page, "wall.kiri")
                await page.get_by_test_id("glass").wait_for()
            else:
                await page.get_by_test_id(f"nav-{section}").click()
            if section == "scenes":
                await page.locator("[data-testid^=step-]").first.wait_for()
            if section == "devices":
                await page.get_by_test_id("tab-simulator").click()
            await page.wait_for_timeout(300)
            assert await page.evaluate(OVERFLOWS) == [], f"{section}, {theme}, {width}"
            found = await page.evaluate(
                "async (tags) => (await axe.run(document, {runOnly: tags})).violations.map("
                "(rule) => `${rule.id}: ${rule.nodes.slice(0, 3).map((node) => node.html.slice(0, 140)).join(' | ')}`)",
                LEGAL,
            )
            assert found == [], f"{section}, {theme}"
        await page.context.close()
