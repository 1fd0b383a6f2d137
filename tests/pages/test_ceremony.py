"""Pads and walls in a real browser while things break: whatever happens, every point is kept once, and all see the same picture."""

from __future__ import annotations

import asyncio
import errno
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Route, async_playwright, expect

from smartroom.control.ceremony.story import REST_S
from smartroom.control.chain import FileStorage
from tests.flows.conftest import CHROMIUM
from tests.stages import GLADI, PATIENCE_S, Pad, Place, Staged, Theatre, closed

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]

RISE: list[Place] = [(0.15 + 0.01 * each, 0.7 - 0.012 * each) for each in range(36)]
FALL: list[Place] = [(0.55 + 0.008 * each, 0.3 + 0.011 * each) for each in range(36)]


MANY = """() => {
  const at = (event, by) => new PointerEvent('pointermove', {
    pointerId: event.pointerId, pointerType: 'pen', pressure: 0.5, clientX: event.clientX + by, clientY: event.clientY });
  PointerEvent.prototype.getCoalescedEvents = function () { return [-3, -2, -1, 0].map((by) => at(this, by)); };
  PointerEvent.prototype.getPredictedEvents = function () { return [at(this, 90)]; };
}"""
"""A pen of 240 Hz before a screen of 60, and a browser that guesses a finger's breadth ahead."""

RIGHTMOST = """(() => {
  const field = document.querySelector('[data-testid=field]').getBoundingClientRect();
  let right = 0;
  for (const canvas of document.querySelectorAll('[data-testid=ink-0] canvas')) {
    const [box, { data }] = [canvas.getBoundingClientRect(), canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)];
    for (let at = 3; at < data.length; at += 4)
      if (data[at] > 60) right = Math.max(right, box.left + (((at - 3) / 4) % canvas.width) / canvas.width * box.width);
  }
  return (right - field.left) / field.width * 10_000;
})()"""
"""How far right anything is drawn, in the field's units."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium."""
    async with async_playwright() as playwright:
        found = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        yield found
        await found.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def serving(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Staged]:
    """One server for all tests; each has a ceremony of its own."""
    async with Theatre(tmp_path_factory.mktemp("ceremony"), browser).open() as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def staged(serving: Staged) -> AsyncIterator[Staged]:
    """The server; tablets, walls and the stage are cleared afterwards."""
    yield serving
    await serving.cleared()


async def finish(staged: Staged) -> None:
    """`Selesai` by the protocol's hand, when the pen has rested."""
    await staged.rested()
    await staged.session.done(0, staged.session.story.signatories[0].attempt, "Operator")
    assert staged.session.story.recorded


async def test_a_wall_that_joins_late_shows_the_same_picture(staged: Staged) -> None:
    """Live or late, resized or not: the same points are the same pixels, on every wall; the pad was turned in between."""
    await staged.ceremony()
    live, pad = await staged.wall("kiri"), await staged.pad()
    await pad.stroke(RISE)
    await pad.page.set_viewport_size({"width": 800, "height": 1280})
    await pad.stroke(FALL)
    await pad.saved()
    points = await pad.drawn()
    assert (staged.points, len(staged.strokes), points) == (points, 2, len(RISE) + len(FALL))
    assert not staged.session.story.ink.signatures[0].outside
    await live.shows(points)
    late = await staged.wall("kanan")
    await late.shows(points)
    await expect(pad.page.get_by_test_id("ink-0")).to_have_attribute("data-points", str(points))
    picture = await live.picture()
    assert picture == await late.picture()
    await live.page.set_viewport_size({"width": 1280, "height": 720})
    await live.framed()
    await live.page.set_viewport_size({"width": 1920, "height": 1080})
    await live.framed()
    assert picture == await live.picture()


@pytest.mark.parametrize(("how", "seconds"), [("cut", 0.3), ("stall", 5.0)])
async def test_a_blip_in_mid_stroke_loses_nothing(staged: Staged, how: str, seconds: float) -> None:
    """The road is away while the pen writes: the pad draws on and says so; afterwards the server has every point once, and the wall catches up."""
    await staged.ceremony()
    wall, pad = await staged.wall("kiri"), await staged.pad(breaks=True)
    await pad.leads()
    await pad.down(RISE[0])
    await pad.draw(RISE[1:12])
    await staged.until(lambda: staged.points > 5)
    getattr(staged.road, how)()
    began = time.monotonic()
    await pad.draw(RISE[12:24])
    assert await pad.drawn() == 24
    assert staged.points < 24
    if seconds > 2:
        await asyncio.sleep(seconds - (time.monotonic() - began))
    staged.road.mend()
    await pad.draw(RISE[24:])
    await pad.up(RISE[-1])
    await pad.stroke(FALL)
    await staged.kept(pad)
    assert [len(stroke.points) for stroke in staged.strokes] == [len(RISE), len(FALL)]
    assert [stroke.end for stroke in staged.strokes] == ["up", "up"]
    await wall.shows(len(RISE) + len(FALL))
    await finish(staged)


async def test_the_spare_tablet_goes_on_where_the_other_died(staged: Staged) -> None:
    """The tablet dies in mid-stroke: what it drew is on the spare one and the wall; one press, and the spare one writes on."""
    await staged.ceremony()
    wall, pad = await staged.wall("kiri"), await staged.pad()
    await pad.leads()
    spare = await staged.pad("Tablet cadangan")
    await expect(spare.page.get_by_test_id("take")).to_be_visible()
    await pad.down(RISE[0])
    await pad.draw(RISE[1:20])
    await staged.until(lambda: staged.points == 20)
    await closed(pad.page)
    await expect(spare.page.get_by_test_id("ink-0")).to_have_attribute("data-points", "20")
    await spare.hold("take")
    await spare.leads()
    await spare.stroke(FALL)
    await staged.kept(spare)
    assert [(len(stroke.points), stroke.end) for stroke in staged.strokes] == [(20, "cancel"), (len(FALL), "up")]
    await wall.shows(20 + len(FALL))
    await finish(staged)


async def test_of_two_pads_one_writes(staged: Staged) -> None:
    """Two pens on two tablets: only the leading one's ink counts. Leading goes over and back in mid-stroke: strokes end, none grows into another."""
    await staged.ceremony()
    one = await staged.pad()
    await one.leads()
    two = await staged.pad("Tablet cadangan")
    await asyncio.gather(one.stroke(RISE), two.stroke(FALL))
    await staged.kept(one)
    assert [len(stroke.points) for stroke in staged.strokes] == [len(RISE)]
    assert await two.drawn() == 0
    first, second = (
        next(key for key, pad in staged.hall.pads.items() if pad.face and pad.name == name)
        for name in ("Tablet utama", "Tablet cadangan")
    )
    await one.down(FALL[0])
    await one.draw(FALL[1:10])
    await staged.hall.take(second, "Operator")
    await two.leads()
    await one.leads(is_so=False)
    await one.draw(FALL[10:])
    await one.up(FALL[-1])
    await two.stroke(RISE)
    await staged.kept(two)
    await staged.hall.take(first, "Operator")
    await one.leads()
    await one.stroke(FALL)
    await staged.kept(one)
    assert [stroke.source for stroke in staged.strokes] == [first, first, second, first]
    assert [stroke.end for stroke in staged.strokes] == ["up", "cancel", "up", "up"]
    assert [len(stroke.points) for stroke in staged.strokes][2:] == [len(RISE), len(FALL)]
    await expect(two.page.get_by_test_id("ink-0")).to_have_attribute("data-points", str(staged.points))


async def test_a_palm_draws_nothing_and_a_cancelled_touch_stays(staged: Staged) -> None:
    """A finger writes until the first pen, which goes on at once beside a palm; then touch is ignored. A touch that the browser takes away keeps its points."""
    await staged.ceremony()
    pad = await staged.pad()
    await pad.leads()
    await pad.touch("touchStart", (0.2, 0.2))
    await pad.touch("touchMove", (0.25, 0.25))
    await pad.touch("touchCancel", (0.25, 0.25))
    await staged.until(lambda: [stroke.end for stroke in staged.strokes] == ["cancel"])
    assert staged.points >= 2
    await pad.touch("touchStart", (0.9, 0.9))
    await staged.until(lambda: len(staged.strokes) == 2)
    await pad.down(RISE[0])
    await pad.touch("touchMove", (0.92, 0.9))
    await pad.draw(RISE[1:20])
    await pad.touch("touchEnd", (0.92, 0.9))
    await pad.touch("touchStart", (0.8, 0.8))
    await pad.draw(RISE[20:])
    await pad.touch("touchMove", (0.85, 0.8))
    await pad.touch("touchEnd", (0.85, 0.8))
    await pad.up(RISE[-1])
    await pad.touch("touchStart", (0.3, 0.9))
    await pad.touch("touchEnd", (0.3, 0.9))
    await staged.kept(pad)
    assert [len(stroke.points) for stroke in staged.strokes][1:] == [1, len(RISE)]
    assert [stroke.end for stroke in staged.strokes] == ["cancel", "cancel", "up"]
    assert any(len(point) == 6 and point[4] == 20 for stroke in staged.strokes for point in stroke.points)


async def reaches(pad: Pad, far: Callable[[float], bool]) -> None:
    """Wait until what is drawn reaches as far to the right; asked from outside, for the page's policy forbids `eval`."""
    async with asyncio.timeout(PATIENCE_S):
        while not far(await pad.page.evaluate(RIGHTMOST)):
            await asyncio.sleep(0.02)


async def test_every_point_between_two_frames_is_kept_and_no_guess_is(staged: Staged) -> None:
    """A pen that reports four times a frame leaves four points; where the browser thinks it goes is drawn for a moment, never kept."""
    await staged.ceremony()
    pad = await staged.pad()
    await pad.leads()
    await pad.page.evaluate(MANY)
    places = RISE[:20]
    await pad.down(places[0])
    await pad.draw(places[1:])
    right = int(places[-1][0] * 10_000)
    await reaches(pad, lambda drawn: drawn > right + 500)
    await pad.up(places[-1])
    await reaches(pad, lambda drawn: drawn < right + 200)
    await staged.kept(pad)
    (stroke,) = staged.strokes
    assert await pad.drawn() == len(stroke.points) == 1 + 4 * len(places[1:])
    assert max(point[0] for point in stroke.points) <= right + 20


@pytest.mark.parametrize("seconds", [0.0, 1.5])
async def test_ink_that_reached_nobody_outlives_the_page(staged: Staged, seconds: float) -> None:
    """The road is cut, the signatory writes, the page dies: opened again, it sends what it had kept, and goes on drawing under its own name.

    It takes no pen until it knows what was drawn, however slowly (`seconds`) the server tells: a new stroke must not continue an old one.
    """
    await staged.ceremony()
    pad = await staged.pad(breaks=True)
    await pad.leads()
    await pad.stroke(RISE[:10])
    await staged.kept(pad)
    address = pad.page.url
    staged.road.cut()
    await pad.down(RISE[10])
    await pad.draw(RISE[11:])
    await pad.page.goto("about:blank")
    assert staged.points == 10
    staged.road.mend()
    if seconds:
        await pad.page.route("**/ink?after=*", lambda route: _later(route, seconds))
    await pad.page.goto(address)
    if seconds:
        await staged.kept(pad)
        assert await pad.page.get_by_test_id("pad").get_attribute("data-mine") == "false"
        await expect(pad.page.get_by_test_id("status")).to_contain_text("Menyimpan")
    await pad.leads()
    await staged.kept(pad)
    assert [(len(stroke.points), stroke.end) for stroke in staged.strokes] == [(10, "up"), (26, "cancel")]
    await expect(pad.page.get_by_test_id("ink-0")).to_have_attribute("data-points", "36")
    await pad.stroke(FALL)
    await staged.kept(pad)
    assert len({stroke.source for stroke in staged.strokes}) == 1
    assert [len(stroke.points) for stroke in staged.strokes] == [10, 26, len(FALL)]
    await finish(staged)


async def _later(route: Route, seconds: float) -> None:
    await asyncio.sleep(seconds)
    await route.continue_()


async def test_the_servers_clock_is_set_in_mid_ceremony(staged: Staged, monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour forward between two strokes: the pad follows, the second stroke is as long as it was drawn, `Selesai` is offered within seconds."""
    await staged.ceremony()
    pad = await staged.pad()
    await pad.leads()
    await pad.stroke(RISE)
    await staged.kept(pad)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 3600)
    await pad.stroke(FALL)
    await staged.kept(pad)
    first, second = staged.strokes
    assert 0 <= second.points[-1][2] - second.points[0][2] < 10_000
    assert second.points[0][2] >= first.points[-1][2]
    await expect(pad.page.get_by_test_id("done")).to_be_enabled()
    await pad.hold("done")
    await staged.until(lambda: staged.session.story.recorded)


async def test_a_ceremony_outlives_its_server(browser: Browser, tmp_path: Path) -> None:
    """The server ends in mid-stroke and is started again: the wall kept its picture, the pad its pen; nothing is lost or doubled, and the pad finishes."""
    theatre = Theatre(tmp_path, browser)
    async with theatre.open() as staged:
        await staged.ceremony()
        wall, pad = await staged.wall("kiri"), await staged.pad()
        await pad.leads()
        await pad.stroke(RISE)
        await staged.kept(pad)
        await wall.shows(len(RISE))
        await pad.down(FALL[0])
        await pad.draw(FALL[1:10])
        await staged.until(lambda: staged.points == len(RISE) + 10)
        await wall.shows(len(RISE) + 10)
        picture = await wall.picture()
    await pad.draw(FALL[10:20])
    await expect(pad.page.get_by_test_id("pad")).to_have_attribute("data-link", "lost")
    await expect(pad.page.get_by_test_id("status")).to_contain_text("aman di tablet ini")
    assert picture == await wall.picture()
    async with theatre.open() as staged:
        await pad.draw(FALL[20:])
        await pad.up(FALL[-1])
        await pad.saved()
        assert [len(stroke.points) for stroke in staged.strokes] == [len(RISE), len(FALL)]
        await wall.shows(len(RISE) + len(FALL))
        await expect(pad.page.get_by_test_id("done")).to_be_enabled()
        await pad.hold("done")
        await staged.until(lambda: staged.session.story.recorded)
        await expect(pad.page.get_by_test_id("status")).to_contain_text("Goresan direkam")
        for context in list(browser.contexts):
            await context.close()


async def test_a_pad_whose_journal_has_stopped_says_so_and_keeps_the_ink(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk fails in mid-signature: the pad calls the operator, counts what it alone has, and ends nothing; on a good disk every point is there once."""
    theatre = Theatre(tmp_path, browser)
    sync = FileStorage.sync
    broken = False

    def failing(storage: FileStorage) -> None:
        if broken and "ceremonies" in storage.name:
            raise OSError(errno.EIO, "the disk has failed", storage.name)
        sync(storage)

    monkeypatch.setattr(FileStorage, "sync", failing)
    async with theatre.open() as staged:
        await staged.ceremony()
        pad = await staged.pad()
        await pad.leads()
        await pad.stroke(RISE)
        await staged.kept(pad)
        broken = True
        await pad.stroke(FALL)
        status = pad.page.get_by_test_id("status")
        await expect(status).to_contain_text("Jurnal berhenti")
        await expect(status).to_have_attribute("data-points", str(len(FALL)))
        await asyncio.sleep(REST_S)  # the pen has rested long enough
        await expect(pad.page.get_by_test_id("done")).to_be_disabled()
        broken = False
    async with theatre.open() as staged:
        await pad.saved()
        await staged.until(lambda: [len(each.points) for each in staged.strokes] == [len(RISE), len(FALL)])
        await expect(status).not_to_contain_text("Jurnal berhenti")
        await pad.hold("done")
        await staged.until(lambda: staged.session.story.recorded)
        for context in list(browser.contexts):
            await context.close()


async def test_a_rehearsal_is_seen_to_be_one(staged: Staged) -> None:
    """GLADI stands on the pad and on every face of a wall, and on the plaque itself."""
    await staged.ceremony(GLADI, rehearsal=True)
    wall, pad = await staged.wall("kiri"), await staged.pad()
    await expect(pad.page.get_by_test_id("rehearsal")).to_contain_text("GLADI")
    await expect(pad.page.get_by_test_id("gladi")).to_be_visible()
    for face in ("plaque", "text", "countdown", "certificate", "photo", "replay"):
        await staged.show("kiri", face=face)
        await expect(wall.page.get_by_test_id("rehearsal")).to_contain_text("GLADI")
