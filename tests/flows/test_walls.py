"""Walls in a real browser: what a scene wants is what the page says it painted, at one moment, whatever breaks."""

from __future__ import annotations

import asyncio
import json
import re
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import Literal, cast

import aiohttp
import pytest
from aiohttp import web
from PIL import Image
from playwright.async_api import Browser, BrowserContext, Page, expect

from smartroom.control.errors import ProblemError
from smartroom.protocol.people import Role
from smartroom.protocol.state import Link, MemberState, RunResult, SceneLight
from tests.ports import free_port
from tests.walls import ROOM, House, Walled, png

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(90)]

SKEW_MS = 50
"""All walls of a scene change within this."""


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A room with two walls, on a port that it keeps over restarts."""
    return House(tmp_path, free_port())


@pytest.fixture
async def walled(house: House) -> AsyncIterator[Walled]:
    """Its server."""
    async with house.serving() as found:
        yield found


async def screen(browser: Browser, walled: Walled, wall: str, *, keeps: bool = True) -> Page:
    """A fresh browser that became this wall's screen by a one-use link, as on site. `keeps`: it has a service worker."""
    workers: Literal["allow", "block"] = "allow" if keeps else "block"
    context = await browser.new_context(viewport={"width": 1920, "height": 1080}, service_workers=workers)
    page = await context.new_page()
    page.set_default_timeout(10_000)
    await page.goto(await walled.link(wall))
    await page.get_by_test_id("pair-submit").click()
    await page.get_by_test_id("pair-open").click()
    await page.wait_for_url(f"**/wall/{wall}")
    await walled.until(lambda: walled.wall(wall).link is Link.READY)
    return page


async def shows(page: Page, kind: str, limit: float = 8) -> None:
    """Wait until a page shows a kind of content."""
    await expect(page.get_by_test_id("wall")).to_have_attribute("data-kind", kind, timeout=limit * 1000)


def late(walled: Walled, wall: str) -> float:
    """Milliseconds from the agreed moment to a wall's frame."""
    found = walled.application.walls[ROOM].find(f"wall.{wall}")
    assert found is not None
    assert found.painted is not None
    assert found.painted.late_ms is not None
    return found.painted.late_ms


async def test_a_scene_changes_both_walls_at_one_moment(walled: Walled, browser: Browser) -> None:
    """One recall: both pages paint, the tile is active by what they report, and their frames lie within 50 ms of each other."""
    kiri, kanan = await screen(browser, walled, "kiri"), await screen(browser, walled, "kanan")
    await walled.apply("uji")  # components are there from now on
    report = await walled.apply("sambut")
    assert report.run.result is RunResult.ACHIEVED
    await expect(kiri.get_by_role("heading")).to_contain_text("Diskominfo")
    await expect(kanan.get_by_role("heading")).to_contain_text("Selamat datang di lantai dua")
    assert walled.scene("sambut").light is SceneLight.ACTIVE
    assert abs(late(walled, "kiri") - late(walled, "kanan")) <= SKEW_MS
    plan = await walled.desk.plan("sambut")
    assert plan.changes == 0
    assert await kiri.evaluate("getComputedStyle(document.body).cursor") == "none"
    assert await kiri.evaluate("document.documentElement.scrollHeight <= innerHeight")


async def test_read_back_is_what_was_painted(walled: Walled, browser: Browser) -> None:
    """A wall whose window draws no frames fails the scene and is named; the other is reached."""
    await screen(browser, walled, "kiri")
    kanan = await screen(browser, walled, "kanan")
    await kanan.evaluate("window.requestAnimationFrame = () => 0")  # as a covered window: timers run, no frame is drawn
    report = await walled.apply("uji")
    members = report.run.members
    assert members["wall.kiri.content"].state is MemberState.VERIFIED
    assert members["wall.kanan.content"].state is MemberState.FAILED
    assert report.run.result is RunResult.PARTIAL


async def test_a_wall_outlives_the_server(house: House, browser: Browser) -> None:
    """The server is gone: the content stays and says its age within 8 s. It returns: the read-back is there, nothing was sent."""
    async with house.serving() as walled:
        page = await screen(browser, walled, "kiri")
        await walled.set("kiri", "content", '{"kind":"message","title":"Tetap di sini"}')
        await asyncio.sleep(0.2)
    await expect(page.get_by_test_id("age")).to_contain_text("tidak terhubung", timeout=9000)
    await expect(page.get_by_role("heading")).to_contain_text("Tetap di sini")
    async with house.serving() as walled:
        await walled.until(lambda: walled.content("kiri") == '{"kind":"message","title":"Tetap di sini"}', 10)
        await expect(page.get_by_test_id("age")).to_be_hidden()


async def test_a_reload_brings_the_content_back(walled: Walled, browser: Browser) -> None:
    """A crash or reload of the page: the same content, page and darkness as before, from its own memory."""
    page = await screen(browser, walled, "kiri")
    await walled.set("kiri", "content", '{"kind":"welcome","title":"Rombongan"}')
    await walled.set("kiri", "blank", True)
    await page.reload()
    await shows(page, "welcome")
    await expect(page.get_by_test_id("blank")).to_be_visible()
    await walled.until(lambda: walled.content("kiri") == '{"kind":"welcome","title":"Rombongan"}')
    assert walled.wall("kiri").properties["blank"].value is True


async def test_a_reload_in_mid_switch_is_survived(walled: Walled, browser: Browser) -> None:
    """The page is loaded anew while a scene waits for it: the run waits for its return and ends achieved."""
    page, _ = await screen(browser, walled, "kiri"), await screen(browser, walled, "kanan")
    await walled.until(
        lambda: walled.wall("kiri").link is Link.READY, 20
    )  # a busy machine starves the first for seconds
    run = asyncio.create_task(walled.apply("uji"))
    await asyncio.sleep(0.05)
    await page.reload()
    report = await run
    assert report.run.result is RunResult.ACHIEVED
    await shows(page, "pattern")


async def test_a_new_computer_gets_what_the_old_one_showed(walled: Walled, browser: Browser) -> None:
    """A wall's second screen takes its place and its content; the first says so and stays away."""
    old = await screen(browser, walled, "kiri")
    await walled.set("kiri", "content", '{"kind":"pattern"}')
    new = await screen(browser, walled, "kiri")
    await shows(new, "pattern")
    await expect(old.get_by_test_id("replaced")).to_be_visible()
    await walled.until(lambda: walled.content("kiri") == '{"kind":"pattern"}')  # painted first, then told


async def test_a_broken_content_fails_alone(walled: Walled, browser: Browser) -> None:
    """A kind whose script cannot be fetched: the order fails with a reason, the earlier content stands, the wall goes on."""
    page = await screen(browser, walled, "kiri", keeps=False)
    await walled.set("kiri", "content", '{"kind":"pattern"}')
    await page.route("**/assets/Countdown-*", lambda route: route.fulfill(body="throw new Error('rusak')"))
    with pytest.raises(ProblemError) as caught:
        await walled.set("kiri", "content", '{"kind":"countdown","to":"2030-01-01T00:00:00+07:00"}')
    assert caught.value.problem.device == "wall.kiri"
    await shows(page, "pattern")
    assert walled.content("kiri") == '{"kind":"pattern"}'
    await walled.set("kiri", "content", '{"kind":"message","title":"Lanjut"}')
    await shows(page, "message")
    assert walled.wall("kiri").properties["fault"].value == ""


async def test_slides_turn_by_the_panel_and_by_the_clock(walled: Walled, browser: Browser) -> None:
    """Uploaded pictures: next, previous, a page by number; by themselves on both walls together; a missing one is told."""
    kiri, kanan = await screen(browser, walled, "kiri"), await screen(browser, walled, "kanan")
    album = walled.application.walls[ROOM].album
    ids = [album.add(png(320, 180, (40 * index, 80, 90)), f"{index}").id for index in range(3)]
    await walled.set("kiri", "content", json.dumps({"kind": "slides", "images": ids}))
    await walled.act("kiri", "next")
    assert walled.wall("kiri").properties["page"].value == 2
    await expect(kiri.get_by_test_id("slide-number")).to_have_text("2 / 3")
    await walled.act("kiri", "previous")
    await walled.act("kiri", "previous")  # the first page stays the first
    assert walled.wall("kiri").properties["page"].value == 1
    await walled.set("kiri", "page", 3)
    await expect(kiri.locator("img.here")).to_have_attribute("data-page", "3")
    assert await kiri.evaluate("document.querySelector('img.here').naturalWidth") == 320
    with pytest.raises(ProblemError):
        await walled.set("kiri", "page", 4)
    await walled.set("kanan", "content", json.dumps({"kind": "slides", "images": ids, "every": 1}))
    await expect(kanan.get_by_test_id("slide-number")).to_have_text("2 / 3", timeout=3000)
    await walled.until(lambda: walled.wall("kanan").properties["page"].value != 1)
    await kanan.route("**/pictures/*", lambda route: route.fulfill(status=404))
    other = album.add(png(320, 180, (200, 10, 10)), "x").id
    with pytest.raises(ProblemError) as caught:
        await walled.set("kanan", "content", json.dumps({"kind": "slides", "images": [other]}))
    assert "gambar 1" in caught.value.problem.detail


async def test_a_moment_days_ahead_is_told_in_days(walled: Walled, browser: Browser) -> None:
    """Hours by the thousand would say nothing and run over the glass: days, what is left of one, and the date."""
    page = await screen(browser, walled, "kiri")
    await walled.set("kiri", "content", '{"kind":"countdown","title":"Peresmian","to":"2099-01-01T08:00:00+07:00"}')
    await expect(page.get_by_test_id("days")).to_have_text(re.compile(r"^\d+ hari$"))
    await expect(page.get_by_test_id("left")).to_have_text(re.compile(r"^\d{1,2}\.\d\d\.\d\d$"))
    await expect(page.get_by_text("1 Januari 2099")).to_be_visible()


async def test_the_wall_says_its_number(walled: Walled, browser: Browser) -> None:
    """`tunjukkan nama layar`: number and name on the glass, in letters of a third of its height, over whatever stands there."""
    page = await screen(browser, walled, "kanan")
    await walled.act("kanan", "identify")
    box = page.get_by_test_id("identify")
    await expect(box).to_contain_text("2")
    await expect(box).to_contain_text("Layar kanan")
    height = await box.locator("b").evaluate("(element) => element.getBoundingClientRect().height")
    assert height > 1080 / 3


async def test_darkness_and_nothing(walled: Walled, browser: Browser) -> None:
    """`Gelapkan semua` reaches every wall that has a screen and waits for no other; an empty content brings the name back."""
    page = await screen(browser, walled, "kiri")
    await walled.set("kiri", "content", '{"kind":"pattern"}')
    await walled.desk.blank(on=True, by="host", press="test-blank-1")
    await expect(page.get_by_test_id("blank")).to_be_visible()
    await walled.desk.blank(on=False, by="host", press="test-blank-2")
    await expect(page.get_by_test_id("blank")).to_be_hidden()
    assert await walled.set("kiri", "content", "") == ""
    await expect(page.get_by_test_id("idle")).to_contain_text("Layar kiri")


async def test_a_revoked_screen_shows_nothing_more(walled: Walled, browser: Browser) -> None:
    """Its token is taken away: cut within a second, the glass is empty and says how to pair it; scenes go on without the wall."""
    page, _ = await screen(browser, walled, "kiri"), await screen(browser, walled, "kanan")
    await walled.set("kiri", "content", '{"kind":"message","title":"Rahasia"}')
    tokens = walled.application.people.tokens
    (row,) = [row for row in tokens if row.wall == "wall.kiri"]
    await walled.until(lambda: walled.wall("kiri").link is Link.READY, 20)
    await tokens.revoke(row.id)
    await expect(page.get_by_test_id("idle")).to_contain_text("belum dipasangkan", timeout=8000)
    await expect(page.get_by_text("Rahasia")).to_have_count(0)
    await walled.until(lambda: walled.wall("kiri").problem is not None and walled.wall("kiri").link is Link.OFFLINE)
    report = await walled.apply("sambut")
    assert report.run.result is RunResult.ACHIEVED
    assert list(report.run.members) == ["wall.kanan.content"]
    plan = await walled.desk.plan("sambut")
    (absent,) = [step for step in plan.steps if step.device == "wall.kiri"]
    assert absent.problem is not None
    assert "belum dipasangkan" in absent.problem.text.id


@asynccontextmanager
async def site(headers: dict[str, str]) -> AsyncIterator[str]:
    """Another site's page with these headers; yields its origin."""

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(text="<h1 id=dasbor>Dasbor</h1>", content_type="text/html", headers=headers)

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


async def test_another_site_is_looked_at_before_it_is_framed(tmp_path: Path, browser: Browser) -> None:
    """A willing page is shown in a sandbox; one that refuses frames, or is on no list, is refused with the reason before anything changes."""
    async with site({}) as willing, site({"X-Frame-Options": "DENY"}) as unwilling, site({}) as stranger:
        house = House(tmp_path, free_port(), dashboards=(willing, unwilling), allowed=lambda _address: None)
        async with house.serving() as walled:
            page = await screen(browser, walled, "kiri")
            await walled.set("kiri", "content", json.dumps({"kind": "web", "url": f"{willing}/", "title": "Dasbor"}))
            frame = page.frame_locator("[data-testid=frame]")
            await expect(frame.locator("#dasbor")).to_be_visible()
            assert await page.get_by_test_id("frame").get_attribute("sandbox") == "allow-scripts allow-same-origin"
            for address, reason in ((unwilling, "X-Frame-Options"), (stranger, "list of sites")):
                with pytest.raises(ProblemError) as caught:
                    await walled.set("kiri", "content", json.dumps({"kind": "web", "url": f"{address}/"}))
                assert reason in caught.value.problem.detail
            await expect(frame.locator("#dasbor")).to_be_visible()


async def test_loopback_is_never_framed(tmp_path: Path, browser: Browser) -> None:
    """Even when an administrator lists it: the server does not fetch from itself for anybody."""
    async with site({}) as here:
        house = House(tmp_path, free_port(), dashboards=(here,))
        async with house.serving() as walled:
            await screen(browser, walled, "kiri")
            with pytest.raises(ProblemError) as caught:
                await walled.set("kiri", "content", json.dumps({"kind": "web", "url": f"{here}/"}))
            assert "this server itself" in caught.value.problem.detail


async def context_of(browser: Browser) -> BrowserContext:
    """A browser without any pairing."""
    return await browser.new_context(viewport={"width": 1920, "height": 1080})


async def test_a_stranger_sees_no_wall(walled: Walled, browser: Browser) -> None:
    """An address typed by hand shows how to pair and nothing of the room."""
    page = await (await context_of(browser)).new_page()
    await page.goto(f"{walled.origin}/wall/kiri")
    await expect(page.get_by_test_id("idle")).to_contain_text("belum dipasangkan")
    assert walled.wall("kiri").link is Link.OFFLINE


async def test_a_technician_sees_what_stands_on_the_glass(walled: Walled, browser: Browser) -> None:
    """The page draws itself small, pictures included; asked for by who looks, taken from its own screen only, and only when asked."""
    page = await screen(browser, walled, "kiri")
    picture = walled.application.walls[ROOM].album.add(png(colour=(200, 30, 30)), "merah.png")
    await walled.set("kiri", "content", json.dumps({"kind": "slides", "images": [picture.id], "fit": "cover"}))
    token = (await walled.application.people.tokens.create("t", Role.TECHNICIAN, [ROOM], "test")).secret
    path = f"/api/v1/rooms/{ROOM}/walls/kiri"
    async with aiohttp.ClientSession(walled.origin, headers={"Authorization": f"Bearer {token}"}) as http:
        async with http.get(f"{path}/look") as answer:
            seen = await answer.json()
        async with http.put(f"{path}/picture", data=b"\xff\xd8\xff", headers={"Content-Type": "image/jpeg"}) as answer:
            assert answer.status == 403, "not from its own screen"
    assert seen["connected"]
    assert seen["painted"]["frames"] >= 0
    drawn = Image.open(BytesIO(b64decode(seen["picture"])))
    assert drawn.size == (480, 270)
    red, green, blue = cast("tuple[int, int, int]", drawn.getpixel((240, 100)))
    assert (red > 170, green < 70, blue < 70) == (True, True, True)
    unasked = await page.evaluate(
        "path => fetch(path, {method: 'PUT', headers: {'Content-Type': 'image/jpeg'}, body: new Uint8Array([255, 216, 255])}).then(reply => reply.status)",
        f"{path}/picture",
    )
    assert unasked == 403
