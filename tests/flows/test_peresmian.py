"""From the text to the document that anybody can check: the demo, a pen on one screen, the wall in another, a phone in a third."""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from smartroom.commands.demo import PASSWORD
from smartroom.commands.demo_signing import PASSPHRASE, SIGNER
from tests.flows.conftest import Demo
from tests.pages.test_panel import violations
from tests.stages import PAINTED, PATIENCE_S, SIGNATURE, Pad, Wall

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(420)]

ROOM = "smart-room-centre"
POINTS = sum(len(stroke) for stroke in SIGNATURE)
SIGNED_MS = 60_000
"""Sealing, timestamps, revocation, our own judge: seconds, on a busy machine more."""


async def window(browser: Browser, size: tuple[int, int], theme: str = "dark") -> Page:
    """A device of its own; axe comes past the page's policy, and sees no colours that are on their way."""
    context = await browser.new_context(
        viewport={"width": size[0], "height": size[1]}, has_touch=True, bypass_csp=True, reduced_motion="reduce"
    )
    await context.add_init_script(f"localStorage.setItem('smartroom.theme', '{theme}')")
    page = await context.new_page()
    page.set_default_timeout(PATIENCE_S * 1000)
    expect.set_options(timeout=PATIENCE_S * 1000)
    return page


async def paired(demo: Demo, page: Page, *options: str) -> None:
    """The page's browser becomes a pad or the screen of a wall."""
    code, output = await demo.smartroom("pair", "Tablet prasasti", "--room", ROOM, *options)
    assert code == 0, output
    await page.goto(output.strip().splitlines()[-1])
    await page.get_by_test_id("pair-submit").click()
    await page.get_by_test_id("pair-open").click()


async def signed_in(demo: Demo, page: Page, account: str) -> None:
    """The page is the operator's desk of somebody who signed in."""
    answer = await page.context.request.post(
        f"{demo.url}/api/v1/login", data={"name": account, "password": PASSWORD}, headers={"Origin": demo.url}
    )
    assert answer.ok
    await page.goto(f"{demo.url}/ceremony/{ROOM}")
    await page.get_by_test_id("operator").wait_for()


async def looked_at(page: Page) -> None:
    """Axe finds nothing, once the last press is painted."""
    await page.evaluate(PAINTED)
    assert await violations(page) == []


async def stands(demo: Demo, device: str, **wanted: object) -> None:
    """Wait until a device of the room has been read so."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            state = await demo.ask("GET", f"rooms/{ROOM}")
            assert isinstance(state, dict)
            properties = state["devices"][device]["properties"]
            if all(properties[name.replace("_", ".")]["value"] == value for name, value in wanted.items()):
                return
            await asyncio.sleep(0.2)


async def staged(page: Page, stage: str) -> None:
    """Wait until the operator's desk tells this stage."""
    await page.locator(f"[data-testid=operator][data-stage={stage}]").wait_for()


async def test_from_the_text_to_the_document_that_anybody_can_check(
    demo: Demo, browser: Browser, tmp_path: Path
) -> None:
    """Two persons freeze the text, a pen signs, the wall draws the same points, held `Resmikan` unveils, a phone makes it legal, all can check it."""
    desk, glass, screen, phone = [
        await window(browser, size) for size in ((1440, 900), (1280, 800), (1920, 1080), (390, 844))
    ]
    await signed_in(demo, desk, "operator")
    await paired(demo, screen, "--wall", "kiri")
    await screen.get_by_test_id("wall").wait_for()
    await paired(demo, glass, "--role", "signer")
    pad, wall = Pad(glass, await glass.context.new_cdp_session(glass)), Wall(screen)

    # The text: written, seen on the real wall, frozen by two persons.
    await desk.get_by_test_id("new-real").click()
    await desk.locator("#number").fill("600/1/2026")
    await desk.locator("#subject").fill("Ruang Command Center Mini")
    await desk.get_by_test_id("look-woven").click()
    await expect(desk.get_by_test_id("picture").get_by_test_id("plaque")).to_have_attribute("data-look", "woven")
    await desk.get_by_test_id("look-stone").click()
    await desk.get_by_test_id("preview").click()
    await expect(screen.get_by_test_id("reading")).to_contain_text("Ruang Command Center Mini")
    await expect(screen.get_by_test_id("reading")).to_contain_text("belum dibekukan")
    await expect(desk.get_by_test_id("agree")).to_be_enabled()
    await looked_at(desk)
    await desk.get_by_test_id("agree").click()
    await expect(desk.get_by_test_id("freeze")).to_have_attribute("data-approvals", "1")
    await expect(glass.get_by_test_id("pad")).to_have_attribute("data-stage", "draft")
    await desk.get_by_test_id("agree-password").click()
    await desk.locator("#account").fill("host")
    await desk.locator("#password").fill(PASSWORD)
    await desk.get_by_test_id("agree-submit").click()
    await staged(desk, "frozen")
    await expect(screen.get_by_test_id("reading")).to_contain_text("Naskah dibekukan")

    # The signature: every point that the pen made is on the wall, and kept.
    await desk.get_by_test_id("face-plaque").click()
    await screen.get_by_test_id("unveiling").wait_for()
    await desk.get_by_test_id("open").click()
    await pad.leads()
    for stroke in SIGNATURE:
        await pad.stroke(stroke)
    await pad.saved()
    assert await pad.drawn() == POINTS
    await wall.shows(POINTS)
    assert await screen.get_by_test_id("recorded").count() == 0
    await expect(glass.get_by_test_id("done")).to_be_enabled()
    await pad.hold("done")
    await staged(desk, "signed")
    await looked_at(desk)
    await looked_at(glass)

    # The unveiling, by the keyboard: a press does nothing, holding does.
    reveal = desk.get_by_test_id("reveal")
    await reveal.focus()
    await desk.keyboard.down("Space")
    await staged(desk, "revealed")
    await desk.keyboard.up("Space")
    await expect(screen.get_by_test_id("unveiling")).to_have_attribute("data-unveiled", "true")
    await stands(demo, "panggung", relay_1=True, relay_2=True)  # lights on, curtain open
    await expect(screen.get_by_test_id("recorded")).to_contain_text("Goresan direkam")
    assert await screen.get_by_test_id("legal").count() == 0

    # The two states: recorded at once, legal when the signatory's own phone has signed and our judge agrees.
    await desk.get_by_test_id("view-document").click()
    await desk.get_by_test_id("phone-0").click()
    link = await desk.get_by_test_id("link").get_by_role("link").get_attribute("href")
    assert link is not None
    stage = await glass.context.new_page()
    await stage.goto(demo.url + link)
    await stage.locator("[data-testid=signing][data-phase=elsewhere]").wait_for()
    assert await stage.get_by_test_id("form").count() == 0
    await stage.close()
    await phone.goto(demo.url + link)
    await phone.locator("[data-testid=signing][data-phase=form]").wait_for()
    await looked_at(phone)
    await phone.get_by_test_id("signer").fill(SIGNER)
    await phone.get_by_test_id("check").click()
    await expect(phone.get_by_test_id("certificate")).to_have_attribute("data-certificate", "issue")
    await phone.get_by_test_id("passphrase").fill("bukan ini")
    await phone.get_by_test_id("sign").click()
    await expect(phone.get_by_test_id("trouble")).to_have_attribute("data-code", "wrong_passphrase", timeout=SIGNED_MS)
    await expect(phone.get_by_test_id("passphrase")).to_have_value("")
    await expect(phone.get_by_test_id("signer")).to_have_value(SIGNER)
    await phone.get_by_test_id("passphrase").fill(PASSPHRASE)
    await phone.get_by_test_id("sign").click()
    await phone.locator("[data-testid=signing][data-phase=done]").wait_for(timeout=SIGNED_MS)
    await expect(desk.get_by_test_id("legal")).to_have_text("TTE sah", timeout=SIGNED_MS)
    await expect(screen.get_by_test_id("legal")).to_contain_text("TTE sah")

    # The page behind the QR code: three lines in plain words, the file, and what a changed copy looks like.
    await phone.get_by_test_id("verify").click()
    await phone.locator("[data-testid=verify][data-standing=valid]").wait_for(timeout=SIGNED_MS)
    for line in ("intact", "known", "time"):
        await expect(phone.get_by_test_id(f"line-{line}").first).to_have_attribute(
            "data-light", "green", timeout=SIGNED_MS
        )
    await looked_at(phone)
    assert SIGNER not in await phone.content()
    file = await phone.get_by_test_id("download").get_attribute("href")
    sealed = tmp_path / "berita-acara.pdf"
    sealed.write_bytes(await (await phone.context.request.get(f"{demo.url}{file}")).body())
    await phone.get_by_test_id("file").set_input_files(sealed)
    await expect(phone.get_by_test_id("copy-verdict")).to_have_attribute("data-likeness", "same", timeout=SIGNED_MS)
    changed = tmp_path / "diubah.pdf"
    body = bytearray(sealed.read_bytes())
    body[body.index(b"/MediaBox") + 12] ^= 1
    changed.write_bytes(body)
    await phone.get_by_test_id("file").set_input_files(changed)
    await expect(phone.get_by_test_id("copy-verdict")).to_have_attribute("data-likeness", "other", timeout=SIGNED_MS)
    await expect(phone.get_by_test_id("copy-verdict").get_by_test_id("line-intact")).to_have_attribute(
        "data-light", "red"
    )

    # The same verdict from the command line, and from a reader that is not ours.
    code, output = await demo.smartroom("verify", str(sealed))
    assert code == 0, output
    assert "[ok] ISI UTUH" in output
    assert (await demo.smartroom("verify", str(changed)))[0] != 0
    if shutil.which("pdfsig"):
        assert "Signature is Valid" in await pdfsig(sealed)
        assert "Digest Mismatch" in await pdfsig(changed)

    # The replay: the wall begins with a few points, and ends with all.
    await desk.get_by_test_id("view-stage").click()
    await desk.get_by_test_id("replay-slow").click()
    field = f"[data-testid=ink-0][data-points='{POINTS}']"
    await screen.wait_for_function(
        f"() => Number(document.querySelector('[data-testid=ink-0]')?.dataset.points ?? {POINTS}) < {POINTS / 2}"
    )
    await desk.get_by_test_id("replay-fast").click()
    await screen.wait_for_selector(field)
    kept = await demo.ask("GET", f"rooms/{ROOM}/ceremonies")
    assert isinstance(kept, list)
    assert [(each["recorded"], each["legal"]) for each in kept] == [(True, "valid")]


async def pdfsig(file: Path) -> str:
    """What poppler says of a file's signatures."""
    process = await asyncio.create_subprocess_exec(
        "pdfsig", "-nocert", str(file), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    return re.sub(r"\s+", " ", output.decode(errors="replace"))
