"""Scenes that prove themselves, in a real browser before the real demo: look, run, drift, put back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect

from tests.flows.conftest import CHROMIUM, Demo, picture, running

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(180), pytest.mark.asyncio(loop_scope="module")]


BEGINNING = """
name: Awal
hidden: true
desired:
  matrix: {route: {main: kamera-depan, left: kamera-depan, stage: kamera-belakang}}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shown(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Demo, Browser]]:
    """One demo and one browser for all."""
    async with running(tmp_path_factory.mktemp("scenes") / "data") as demo, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        (demo.data / "site/smart-room-centre/awal.yaml").write_text(BEGINNING)
        async with asyncio.timeout(10):
            while (await demo.smartroom("plan", "smart-room-centre", "awal"))[0] == 1:
                await asyncio.sleep(0.2)
        yield demo, browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def pages(shown: tuple[Demo, Browser]) -> tuple[Demo, Browser]:
    """No mode stands when a test begins, whichever ran before it: a tap on one that drifted asks instead of running it."""
    demo, _ = shown
    code, output = await demo.smartroom("apply", "smart-room-centre", "awal")
    assert code == 0, output
    return shown


async def test_drift_names_the_hand_and_one_touch_repairs(pages: tuple[Demo, Browser]) -> None:
    """A front panel is used: tile and sheet say what, where and when; one touch puts that property back and the tile lights."""
    demo, browser = pages
    page = await demo.pair(browser)
    await page.get_by_test_id("scene-terima-tamu").click()
    await page.locator("[data-testid=scene-terima-tamu][data-state=active]").wait_for(timeout=60_000)
    await demo.front("matrix", "route.2", 3)
    await page.locator("[data-testid=scene-terima-tamu][data-state=drifted]").wait_for()
    await expect(page.get_by_test_id("scene-terima-tamu-note")).to_contain_text("TV kiri: di alat sendiri")
    await page.get_by_test_id("scene-terima-tamu").click()
    await page.get_by_test_id("drift-sheet").wait_for()
    assert await page.get_by_test_id("drift").count() == 1
    await expect(page.get_by_test_id("drift-who")).to_contain_text("di alat sendiri")
    await picture(page, "drift")
    await page.get_by_test_id("repair-matrix.route.2").click()
    await page.get_by_test_id("drift-sheet").wait_for(state="detached")
    await page.locator("[data-testid=scene-terima-tamu][data-state=active]").wait_for()


async def test_what_the_plan_shows_is_what_is_done(pages: tuple[Demo, Browser]) -> None:
    """The sheet names whose picture goes for a moment; the base moves while it is open: nothing is sent, what moved is said, a new plan is one tap away."""
    demo, browser = pages
    page = await demo.pair(browser)
    await demo.front("matrix", "route.2", 5)
    await page.locator("[data-testid=output-left][data-source=dokumen]").wait_for()
    await page.get_by_test_id("scene-presentasi-look").click()
    row = page.locator("[data-testid=plan-step][data-device=matrix][data-property='route.2']")
    await expect(page.get_by_test_id("plan-dark")).to_contain_text("TV kiri")
    await picture(page, "plan")
    await demo.front("matrix", "route.2", 3)
    await page.locator("[data-testid=output-left][data-source=kamera-depan]").wait_for()
    await page.get_by_test_id("plan-run").click()
    moved = page.get_by_test_id("plan-moved")
    await moved.wait_for()
    await expect(moved).to_contain_text("TV kiri kini Kamera depan")
    await expect(moved).to_contain_text("di alat sendiri")
    await picture(page, "plan-moved")
    assert await page.get_by_test_id("scene-presentasi").get_attribute("data-state") != "sending"
    await page.get_by_test_id("plan-anew").click()
    await moved.wait_for(state="detached")
    await expect(row).to_contain_text("Kamera depan")
    await page.get_by_test_id("plan-run").click()
    await page.get_by_test_id("plan-sheet").wait_for(state="detached")
    await page.locator("[data-testid=scene-presentasi][data-state=active]").wait_for(timeout=60_000)


async def test_the_history_tells_a_host_what_happened(pages: tuple[Demo, Browser]) -> None:
    """Runs, hands and front panels in a host's words, newest first; filtered, and a run opened to what it changed."""
    demo, browser = pages
    page = await demo.pair(browser)
    await page.get_by_test_id("scene-presentasi").click()
    await page.locator("[data-testid=scene-presentasi]:not([data-state=sending])").wait_for(timeout=60_000)
    await demo.ask("PUT", "rooms/smart-room-centre/devices/matrix/properties/volume.1", {"value": 33})
    await demo.front("matrix", "route.3", 2)
    await page.locator("[data-testid=output-stage][data-source=rapat]").wait_for()
    await page.get_by_test_id("menu").click()
    await page.get_by_test_id("open-history").click()
    first = page.get_by_test_id("event").first
    await first.wait_for()
    await expect(first).to_contain_text("Monitor podium: Rapat video")
    await expect(first.get_by_test_id("event-below")).to_contain_text("di alat sendiri")
    await picture(page, "history")
    await page.get_by_test_id("history-hand").click()
    await page.get_by_test_id("event").first.filter(has_text="Layar utama · volume: 33 %").wait_for()
    await page.get_by_test_id("history-run").click()
    run = page.locator("[data-testid=event][data-kind=run]").first
    await run.wait_for()
    assert "Menjalankan Mode Presentasi" in (await run.inner_text()).replace("menjalankan", "Menjalankan")


async def test_the_room_is_recorded_as_a_new_mode(pages: tuple[Demo, Browser]) -> None:
    """An operator reviews the room line by line, unticks one, saves; the tile appears. A taken name is told where it is typed. A host has no such button."""
    demo, browser = pages
    page = await demo.pair(browser)
    await demo.front("matrix", "route.3", 5)
    await page.locator("[data-testid=output-stage][data-source=dokumen]").wait_for()
    await page.get_by_test_id("menu").click()
    await page.get_by_test_id("open-record").click()
    line = page.locator("[data-testid=record-line][data-device=matrix][data-property='route.3']")
    await line.wait_for()
    await expect(line).to_contain_text("Dokumen")
    await page.locator("[data-testid=record-line][data-device=matrix][data-property='route.4'] input").uncheck()
    await page.get_by_test_id("record-name").fill("Semua mati")
    await page.get_by_test_id("record-save").click()
    await page.get_by_test_id("record-problem").wait_for()
    await expect(page.get_by_test_id("record-problem")).to_contain_text("sudah dipakai")
    await page.get_by_test_id("record-name").fill("Rapat sore")
    await picture(page, "record")
    await page.get_by_test_id("record-save").click()
    await page.get_by_test_id("record-sheet").wait_for(state="detached")
    await page.get_by_test_id("scene-rapat-sore").wait_for()
    text = (demo.data / "site/smart-room-centre/rapat-sore.yaml").read_text()
    assert "stage: dokumen" in text
    assert "conference" not in text
    host = await demo.pair(browser, "host")
    await host.get_by_test_id("menu").click()
    await host.get_by_test_id("menu-sheet").wait_for()
    assert await host.get_by_test_id("open-record").count() == 0


async def test_the_last_change_is_taken_back(pages: tuple[Demo, Browser]) -> None:
    """After a mode, `Kembalikan` names it; one touch brings the route and the volume back as they were, and the offer goes."""
    demo, browser = pages
    page = await demo.pair(browser)
    await demo.front("matrix", "route.2", 5)
    await page.locator("[data-testid=output-left][data-source=dokumen]").wait_for()
    await page.get_by_test_id("scene-terima-tamu").click()
    await page.locator("[data-testid=scene-terima-tamu][data-state=active]").wait_for(timeout=60_000)
    undo = page.get_by_test_id("undo")
    await undo.filter(has_text="Sambut Tamu").wait_for()
    await picture(page, "undo")
    await undo.click()
    await page.locator("[data-testid=output-left][data-source=dokumen]").wait_for(timeout=60_000)
    await page.locator("[data-testid=scene-terima-tamu]:not([data-state=active])").wait_for()


async def test_a_rehearsal_moves_nothing_of_the_room(pages: tuple[Demo, Browser]) -> None:
    """From the menu into the twin, as the room stands: a mode runs to its proof there, the room's own devices keep still; its end is everybody's."""
    demo, browser = pages
    page = await demo.pair(browser)
    host = await demo.pair(browser, "host", 390, 844)
    await demo.front("matrix", "route.2", 5)
    await page.locator("[data-testid=output-left][data-source=dokumen]").wait_for()
    await page.get_by_test_id("menu").click()
    await page.get_by_test_id("rehearse").click()
    await page.get_by_test_id("rehearsal-here").wait_for(timeout=40_000)
    assert page.url.endswith("/panel/smart-room-centre-gladi")
    await expect(page.get_by_test_id("simulated")).to_contain_text("GLADI")
    await page.locator("[data-testid=output-left][data-source=dokumen]").wait_for()
    await host.get_by_test_id("rehearsal-elsewhere").wait_for()
    await page.get_by_test_id("scene-terima-tamu").click()
    await page.locator("[data-testid=scene-terima-tamu][data-state=active]").wait_for(timeout=90_000)
    await picture(page, "rehearsal")
    await host.locator("[data-testid=output-left][data-source=dokumen]").wait_for()  # the room did not move
    await picture(host, "rehearsal-elsewhere")
    await host.get_by_test_id("rehearsal-join").click()
    await host.get_by_test_id("rehearsal-here").wait_for()
    await host.locator("[data-testid=scene-terima-tamu][data-state=active]").wait_for()
    assert await host.get_by_test_id("rehearsal-end").count() == 0
    await page.get_by_test_id("rehearsal-end").click(delay=1100)
    for each in (page, host):
        await each.wait_for_url("**/panel/smart-room-centre")
        await each.locator("[data-testid=output-left][data-source=dokumen]").wait_for()
        await each.get_by_test_id("rehearsal-elsewhere").wait_for(state="detached")


CAREFUL = """
name: {id: Uji Pulih, en: Careful}
on_failure: restore
timeout: 30s
desired:
  matrix: {route: {left: rapat, stage: rapat}, volume: {main: 35}}
  tv-left: {power: off}
"""
LOUD = """
name: {id: Uji Keras, en: Loud}
desired:
  matrix: {volume: {main: 60}}
"""
SOUND = "\nrules:\n  sound-limit: {main: {at_most: 58}}\n"


async def test_a_failed_mode_is_put_back_and_says_so(pages: tuple[Demo, Browser]) -> None:
    """`on_failure: restore` and a TV that lies: the tile says `Dipulihkan`, the sheet names cause and every step, and the room is as it was."""
    demo, browser = pages
    page = await demo.pair(browser)
    await page.get_by_test_id("scene-rapat").click()
    await page.locator("[data-testid=scene-rapat]:not([data-state=sending])").wait_for(timeout=60_000)
    await demo.front("matrix", "route.2", 5)
    (demo.data / "site/smart-room-centre/uji-pulih.yaml").write_text(CAREFUL)
    await page.get_by_test_id("scene-uji-pulih").wait_for()
    await demo.ask("POST", "rooms/smart-room-centre/devices/tv-left/simulator/faults", {"faults": "lie"})
    await page.get_by_test_id("scene-uji-pulih").click()
    await page.locator("[data-testid=scene-uji-pulih][data-state=restored]").wait_for(timeout=40_000)
    await page.get_by_test_id("scene-uji-pulih").click()
    sheet = page.get_by_test_id("failure-sheet")
    await sheet.wait_for()
    await expect(sheet).to_contain_text("Ruangan dikembalikan seperti semula")
    member = page.locator("[data-testid=member][data-device=matrix][data-property='route.2']")
    await expect(member).to_have_attribute("data-restored", "restored")
    await picture(page, "failure-restored")
    await page.keyboard.press("Escape")
    await page.locator("[data-testid=output-left][data-source=dokumen]").wait_for()
    await demo.ask("POST", "rooms/smart-room-centre/devices/tv-left/simulator/faults", {"faults": "none"})


async def test_a_rule_refuses_and_a_technician_overrides(pages: tuple[Demo, Browser]) -> None:
    """Too loud a mode is refused by name before anything is sent; an operator is told, a technician runs it with a reason, which the history keeps."""
    demo, browser = pages
    room = demo.data / "site/smart-room-centre/room.yaml"
    before = room.read_text()
    (room.parent / "uji-keras.yaml").write_text(LOUD)
    room.write_text(before + SOUND)
    try:
        await demo.ask("PUT", "rooms/smart-room-centre/devices/matrix/properties/volume.1", {"value": 20})
        page = await demo.pair(browser)
        await page.get_by_test_id("scene-uji-keras").wait_for()
        await page.get_by_test_id("scene-uji-keras").click()
        await page.locator("[data-testid=violation][data-rule=sound-limit]").wait_for()
        await expect(page.get_by_test_id("plan-violations")).to_contain_text("melebihi batas 58 %")
        assert await page.get_by_test_id("plan-override").count() == 0
        technician = await demo.pair(browser, "technician")
        await technician.get_by_test_id("scene-uji-keras-look").click()
        await technician.get_by_test_id("override-reason").fill("paduan suara")
        await picture(technician, "rule")
        await technician.get_by_test_id("plan-override").click(delay=1100)
        await technician.get_by_test_id("plan-sheet").wait_for(state="detached")
        await technician.locator("[data-testid=scene-uji-keras][data-state=active]").wait_for(timeout=60_000)
        await technician.get_by_test_id("menu").click()
        await technician.get_by_test_id("open-history").click()
        await technician.get_by_test_id("history-run").click()
        first = technician.get_by_test_id("event").first
        await first.wait_for()
        await expect(first).to_contain_text("mengesampingkan aturan sound-limit: paduan suara")
    finally:
        room.write_text(before)
