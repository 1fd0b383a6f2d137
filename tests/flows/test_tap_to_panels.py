"""Read this first: a tap on the tablet moves real (simulated) hardware, and every page tells what the hardware reported."""

import asyncio
import re
import signal

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from tests.flows.conftest import Demo, devices

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(120)]


def tile(page: Page, scene: str) -> Locator:
    """A scene's tile."""
    return page.get_by_test_id(f"scene-{scene}")


async def state_of(page: Page, testid: str) -> str:
    """The state an element shows (`data-state`)."""
    return await page.get_by_test_id(testid).get_attribute("data-state") or ""


async def becomes(page: Page, testid: str, state: str, limit: float = 20) -> None:
    """Wait until an element shows a state."""
    await expect(page.get_by_test_id(testid)).to_have_attribute("data-state", re.compile(state), timeout=limit * 1000)


async def test_a_tap_lights_every_panel_by_read_back(demo: Demo, browser: Browser) -> None:
    """One tap: the tile answers at once, lights when every property was read back, on both tablets; the plan is empty afterwards."""
    mine, other = await demo.pair(browser), await demo.pair(browser, "host")
    await devices(other)
    await tile(mine, "rapat").click()
    await becomes(mine, "scene-rapat", "sending", 0.5)
    await becomes(mine, "scene-rapat", "active", 30)
    await becomes(other, "scene-rapat", "active", 2)
    await expect(other.get_by_test_id("last-action")).to_contain_text("Tablet operator")
    code, output = await demo.smartroom("plan", "smart-room-centre", "rapat")
    assert code == 0
    assert "0 to change" in output


async def test_a_dead_device_is_named_and_tried_again(demo: Demo, browser: Browser) -> None:
    """Kill one simulator: shown within 5 s; the scene says which device failed and why; after its return one touch repairs it."""
    page = await demo.pair(browser)
    await tile(page, "presentasi").click()
    await becomes(page, "scene-presentasi", "active", 30)
    await devices(page)
    demo.kill("cam-front")
    await becomes(page, "device-cam-front", "offline", 6)
    await tile(page, "rapat").click()
    await becomes(page, "scene-rapat", "partial", 10)
    await tile(page, "rapat").click()
    sheet = page.get_by_test_id("failure-sheet")
    await expect(sheet).to_contain_text("Kamera depan")
    await demo.start("cam-front")
    await becomes(page, "device-cam-front", "active|ready|idle", 20)
    await page.get_by_test_id("retry-cam-front").click()
    await becomes(page, "scene-rapat", "active", 20)


async def test_the_plan_is_shown_before_anything_is_sent(demo: Demo, browser: Browser) -> None:
    """Long press: what would change, in Indonesian; nothing is sent until `Jalankan`."""
    page = await demo.pair(browser)
    await tile(page, "peresmian").click(delay=900)
    sheet = page.get_by_test_id("plan-sheet")
    await expect(sheet).to_contain_text("Layar utama")
    assert await state_of(page, "scene-peresmian") == "idle"
    await page.get_by_test_id("plan-run").click()
    await becomes(page, "scene-peresmian", "sending|active", 2)


async def test_a_gone_server_is_told_and_no_press_is_kept(demo: Demo, browser: Browser) -> None:
    """The server stops: banner within 8 s, presses are refused as `tidak terkirim`, nothing is sent when it returns."""
    page = await demo.pair(browser)
    demo.process.send_signal(signal.SIGSTOP)
    try:
        await expect(page.get_by_test_id("offline-banner")).to_be_visible(timeout=9000)
        await tile(page, "presentasi").click()
        await expect(page.get_by_test_id("notices")).to_contain_text("tidak terkirim", ignore_case=True)
    finally:
        demo.process.send_signal(signal.SIGCONT)
    await expect(page.get_by_test_id("offline-banner")).to_be_hidden(timeout=10_000)
    await asyncio.sleep(0.5)
    assert await state_of(page, "scene-presentasi") == "idle"


async def test_a_display_may_look_and_not_touch(demo: Demo, browser: Browser) -> None:
    """A press outside the role is refused by the server, whatever the page shows."""
    page = await demo.pair(browser, "display")
    answer = await page.evaluate(
        "async () => (await fetch('/api/v1/rooms/smart-room-centre/scenes/rapat/apply', "
        "{method: 'POST', headers: {'Content-Type': 'application/json', 'X-Smartroom': '1'}, body: '{}'})).status"
    )
    assert answer == 403
