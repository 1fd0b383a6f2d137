"""The ceremony's pages as hands, eyes and screen readers need them: every mode of the pad, every face of the operator's desk, two people at one text."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from PIL import Image
from playwright.async_api import FilePayload, FloatRect, Page, Route, async_playwright, expect

from smartroom.protocol.ceremony import PadMode
from smartroom.protocol.document import MAX_EMBLEM
from smartroom.protocol.people import Role
from tests.flows.conftest import CHROMIUM
from tests.pages.test_panel import violations
from tests.stages import PAINTED, PATIENCE_S, SIGNATURE, Staged, Theatre
from tests.walls import ROOM

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]

WIDER = "() => document.documentElement.scrollWidth > innerWidth + 1"
SMALL = """() => [...document.querySelectorAll('button, a, select, input:not([type=radio]):not(.sr)')]
  .map((element) => [element.dataset.testid ?? element.className, element.getBoundingClientRect()])
  .filter(([, box]) => box.width > 0 && (box.width < 43.5 || box.height < 43.5))
  .map(([name, box]) => `${name}: ${Math.round(box.width)} x ${Math.round(box.height)}`)"""
"""The operator's desk is dense; what fires anything on stage is far larger."""
NO_PICTURE: FilePayload = {"name": "lambang.png", "mimeType": "image/png", "buffer": b"no picture"}
HALF = sum(len(stroke) for stroke in SIGNATURE) / 2


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def serving(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Staged]:
    """One server and one Chromium for all tests; each has a ceremony of its own."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        async with Theatre(tmp_path_factory.mktemp("ceremony"), browser).open() as found:
            yield found
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def staged(serving: Staged) -> AsyncIterator[Staged]:
    """The server; tablets, walls and the stage are cleared afterwards."""
    yield serving
    await serving.cleared()


async def desk(staged: Staged, size: tuple[int, int] = (1280, 800), theme: str = "dark") -> Page:
    """An operator's tablet at the ceremony page."""
    offered = await staged.walled.application.people.tokens.offer("Meja", Role.OPERATOR, [ROOM], "test")
    context = await staged.browser.new_context(
        viewport={"width": size[0], "height": size[1]}, bypass_csp=True, reduced_motion="reduce"
    )
    await context.add_init_script(f"localStorage.setItem('smartroom.theme', '{theme}')")
    page = await context.new_page()
    page.set_default_timeout(PATIENCE_S * 1000)
    await page.goto(f"{staged.walled.origin}/pair/{offered.code}")
    await page.get_by_test_id("pair-submit").click()
    await page.get_by_test_id("pair-open").wait_for()
    await page.goto(f"{staged.walled.origin}/ceremony/{ROOM}")
    await page.get_by_test_id("operator").wait_for()
    return page


async def looked_at(page: Page, where: str) -> None:
    """Nothing is wider than the screen, a finger reaches everything, axe finds nothing."""
    await page.evaluate(PAINTED)
    assert not await page.evaluate(WIDER), where
    assert await page.evaluate(SMALL) == [], where
    assert await violations(page) == [], where


@pytest.mark.parametrize(("size", "theme"), [((1280, 800), "dark"), ((390, 844), "light")])
async def test_every_view_of_the_desk_can_be_read_and_reached(
    staged: Staged, size: tuple[int, int], theme: str
) -> None:
    """Text, stage and document, before and after the signature, on a tablet and a phone."""
    await staged.ceremony(opened=False)
    pad, page = await staged.pad(), await desk(staged, size, theme)
    for view in ("text", "stage", "document"):
        await page.get_by_test_id(f"view-{view}").click()
        await looked_at(page, f"frozen, {view}")
    await page.get_by_test_id("shelf-open").click()
    await page.get_by_test_id("shelf").wait_for()
    await looked_at(page, "shelf")
    await page.get_by_test_id("shelf-open").click()
    await staged.session.open("Operator")
    await pad.leads()
    await pad.stroke(SIGNATURE[0])
    await staged.rested()
    await page.get_by_test_id("view-stage").click()
    await expect(page.get_by_test_id("done")).to_be_enabled()
    await looked_at(page, "open")
    await staged.session.done(0, 0, "Operator")
    await page.locator("[data-testid=operator][data-stage=signed]").wait_for()
    await looked_at(page, "signed")


async def test_the_pad_suits_the_person(staged: Staged) -> None:
    """Large: the field is wider. Seated: it lies lower. Left-handed: `Selesai` changes sides. The same places stay the same ink, however the pad is turned."""
    await staged.ceremony()
    pad = await staged.pad()
    await pad.leads()
    field, done = pad.page.get_by_test_id("field"), pad.page.get_by_test_id("done")
    plain, right = await field.bounding_box(), await done.bounding_box()
    assert plain
    assert right

    async def suited(**mode: bool) -> tuple[FloatRect, FloatRect]:
        await staged.session.mode(0, PadMode(**mode), "Operator")
        for name, wished in (("left", "left_handed"), ("large", "large"), ("seated", "seated")):
            kind = "" if mode.get(wished) else "not"
            selector = f"main.{name}" if not kind else f"main:not(.{name})"
            await pad.page.wait_for_selector(selector)
        box, button = await field.bounding_box(), await done.bounding_box()
        assert box
        assert button
        assert box["x"] >= 0
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= button["y"]
        return box, button

    large, _ = await suited(large=True)
    assert large["width"] > plain["width"] * 1.2
    seated, _ = await suited(seated=True)
    assert seated["y"] + seated["height"] > plain["y"] + plain["height"] + 40
    _, left = await suited(left_handed=True)
    assert left["x"] < right["x"] / 2
    await pad.stroke(SIGNATURE[0])
    await suited(large=True, seated=True)
    await pad.stroke(SIGNATURE[0])
    await pad.page.set_viewport_size({"width": 800, "height": 1280})
    await pad.stroke(SIGNATURE[0])
    await staged.kept(pad)
    first, *others = [[point[:2] for point in stroke.points] for stroke in staged.strokes]
    for other in others:
        assert (
            max(abs(a - b) for one, two in zip(first, other, strict=True) for a, b in zip(one, two, strict=True)) < 40
        )


async def test_a_signature_may_be_begun_anew_twice(staged: Staged) -> None:
    """`Ulangi`, held: the field is empty on pad and wall; the third time it is not offered. The old ink stays in the journal."""
    await staged.ceremony()
    wall, pad = await staged.wall("kiri"), await staged.pad()
    await pad.leads()
    redo = pad.page.get_by_test_id("redo")
    for left in ("2", "1"):
        await expect(redo).to_contain_text(f"tersisa {left} kali")
        await expect(redo).to_be_disabled()
        await pad.stroke(SIGNATURE[0])
        await wall.shows(len(SIGNATURE[0]))
        await expect(redo).to_be_enabled()
        await redo.click(delay=300)
        assert await wall.points() == len(SIGNATURE[0])
        await pad.hold("redo")
        await wall.shows(0)
        await expect(pad.page.get_by_test_id("pad")).to_have_attribute("data-drawn", "0")
    await pad.stroke(SIGNATURE[0])
    await wall.shows(len(SIGNATURE[0]))
    await expect(redo).to_contain_text("sudah dua kali")
    await expect(redo).to_be_disabled()


async def test_nothing_but_the_unveiling_takes_the_cloth_away(staged: Staged) -> None:
    """The certificate called too early is the plaque without its words; after the unveiling it is the certificate. A replay runs at any speed."""
    await staged.ceremony()
    wall, pad, page = await staged.wall("kiri"), await staged.pad(), await desk(staged)
    await pad.leads()
    for stroke in SIGNATURE:
        await pad.stroke(stroke)
    await staged.show("kiri", face="certificate")
    await expect(wall.page.get_by_test_id("unveiling")).to_have_attribute("data-unveiled", "false")
    await expect(wall.page.get_by_test_id("plaque")).not_to_contain_text(staged.session.text.subject)
    await staged.rested()
    await staged.kept(pad)
    await staged.session.done(0, 0, "Operator")
    await page.get_by_test_id("reveal").click(delay=1100)
    await wall.page.get_by_test_id("certificate").wait_for()
    await expect(wall.page.get_by_test_id("plaque")).to_contain_text(staged.session.text.subject)
    whole = sum(len(stroke) for stroke in SIGNATURE)
    for speed in ("slow", "fast"):
        await page.get_by_test_id(f"replay-{speed}").click()
        await wall.page.wait_for_function(
            f"() => Number(document.querySelector('[data-testid=ink-0]')?.dataset.points ?? 1e6) < {HALF}"
        )
        await wall.shows(whole, 60)


async def test_two_people_at_one_text_overwrite_nothing(staged: Staged) -> None:
    """What one saves comes to the other by itself; while the other is writing it is said instead, and nothing is saved over it unseen."""
    await staged.ceremony(opened=False, frozen=False)
    one, two = await desk(staged), await desk(staged)
    await one.locator("#place").fill("Kota Baru")
    await one.get_by_test_id("save").click()
    await expect(two.locator("#place")).to_have_value("Kota Baru")
    await two.locator("#subject").fill("Balai Kota")
    await one.locator("#subject").fill("Balai Budaya")
    await one.get_by_test_id("save").click()
    await two.get_by_test_id("overtaken").wait_for()
    await expect(two.locator("#subject")).to_have_value("Balai Kota")
    await expect(two.get_by_test_id("save")).to_be_disabled()
    assert staged.session.text.subject == "Balai Budaya"
    await two.get_by_test_id("take-theirs").click()
    await expect(two.locator("#subject")).to_have_value("Balai Budaya")
    await two.locator("#subject").fill("Balai Kota")
    await two.get_by_test_id("save").click()
    await expect(one.locator("#subject")).to_have_value("Balai Kota")


async def test_a_text_has_its_emblem_its_look_and_its_people_in_order(staged: Staged) -> None:
    """Emblem from a file, a second signatory put first, metal: seen at once, saved as one text, previewed on the wall; what is no picture changes nothing."""
    await staged.ceremony(opened=False, frozen=False)
    wall, page = await staged.wall("kiri"), await desk(staged)
    first = staged.session.text.signatories[0].name
    drawn = io.BytesIO()
    Image.new("RGB", (240, 300), (18, 96, 60)).save(drawn, "PNG")
    await page.get_by_test_id("emblem").set_input_files(
        {"name": "lambang.png", "mimeType": "image/png", "buffer": drawn.getvalue()}
    )
    emblem = page.get_by_test_id("picture").locator("img").first
    await emblem.wait_for()
    assert await emblem.evaluate("(image) => image.decode().then(() => image.naturalWidth)")
    await page.get_by_test_id("add").click()
    await page.get_by_test_id("name-1").fill("Siti Rahmawati")
    await page.get_by_test_id("title-1").fill("Sekretaris Daerah")
    await page.get_by_role("button", name="Siti Rahmawati").first.click()
    await expect(page.get_by_test_id("name-0")).to_have_value("Siti Rahmawati")
    await page.get_by_test_id("look-metal").click()
    await page.get_by_test_id("save").click()
    await staged.until(lambda: staged.session.text.look == "metal")
    text = staged.session.text
    assert [each.name for each in text.signatories] == ["Siti Rahmawati", first]
    assert text.emblem_sha256 is not None
    await page.get_by_test_id("preview").click()
    await expect(wall.page.get_by_test_id("reading")).to_contain_text("Siti Rahmawati")
    await page.get_by_test_id("emblem").set_input_files(NO_PICTURE)
    told = page.get_by_test_id("problem")
    await expect(told).to_contain_text("Gambar ini tidak bisa dipakai · Pakai PNG atau JPEG")
    await page.get_by_test_id("emblem").set_input_files({**NO_PICTURE, "buffer": bytes(MAX_EMBLEM + 1)})
    await expect(told).to_contain_text("Permintaan terlalu besar · Pakai berkas yang lebih kecil")
    assert staged.session.text.emblem_sha256 == text.emblem_sha256


async def test_what_was_refused_stays_to_be_read_while_other_work_ends_well(staged: Staged) -> None:
    """A file refused while the walls still change: their answer does not take its sentence away; the next wish does."""
    await staged.ceremony(opened=False, frozen=False)
    wall, page = await staged.wall("kiri"), await desk(staged)
    refused = asyncio.Event()

    async def late(route: Route) -> None:
        answer = await route.fetch()
        await refused.wait()
        await route.fulfill(response=answer)

    await page.route("**/properties/content", late)
    await page.get_by_test_id("preview").click()
    await wall.page.get_by_test_id("reading").wait_for()
    await page.get_by_test_id("emblem").set_input_files(NO_PICTURE)
    await page.get_by_test_id("problem").wait_for()
    await expect(page.get_by_test_id("preview")).to_be_disabled()
    refused.set()
    await expect(page.get_by_test_id("preview")).to_be_enabled()
    await expect(page.get_by_test_id("problem")).to_be_visible()
    await page.get_by_test_id("preview").click()
    await expect(page.get_by_test_id("problem")).to_have_count(0)
    await expect(page.get_by_test_id("preview")).to_be_enabled()
