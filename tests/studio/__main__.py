"""Takes the pictures: each step is one situation, on a laptop and a phone, dark and light."""

from __future__ import annotations

import asyncio
import base64
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

from playwright.async_api import Browser, Playwright, async_playwright

from smartroom.control.app import Media
from smartroom.control.conference.engine import Placement
from smartroom.protocol import conference as words
from smartroom.protocol.people import Role
from tests.guests import WATCH, Window, chromium_window, link
from tests.media.browsers import CHROMIUM, FLAGS
from tests.media.test_browsers import host_address
from tests.meetings import AGENCIES, House, house
from tests.studio import actors, room

SIZES = {"laptop": (1280, 800), "phone": (390, 844)}
LOOKS = [("laptop", "dark"), ("laptop", "light"), ("phone", "dark"), ("phone", "light")]
MORE = (
    "  dinkes: {name: Dinas Kesehatan, short: Dinkes}\n"
    "  pupr: {name: Dinas Pekerjaan Umum dan Penataan Ruang, short: Dinas PUPR}\n"
)
ME = actors.Actor("Kepala Dinas PUPR", "Kepala Dinas", "pupr", 34, "#7b5b2a", "#c69472")
AGENDA = ["Pembukaan", "Laporan", "Kesiapan OPD", "Anggaran", "Penutup"]
LABEL = "Object.defineProperty(MediaStreamTrack.prototype, 'label', {get: () => 'Kamera depan'});"
SHARE = """(() => {
  const canvas = Object.assign(document.createElement('canvas'), { width: 1280, height: 720 }), drawing = canvas.getContext('2d');
  const image = new Image();
  image.src = '%s';
  setInterval(() => drawing.drawImage(image, 0, 0), 100);
  navigator.mediaDevices.getDisplayMedia = async () => canvas.captureStream(10);
})()"""


class Studio:
    """Where pictures are taken."""

    def __init__(self, place: House, browser: Browser, folder: Path) -> None:
        self.place, self.browser, self.folder = place, browser, folder

    async def window(self, meeting: words.Meeting, size: str, theme: str) -> Window:
        """A window of a size and theme."""
        width, height = SIZES[size]
        context = await self.browser.new_context(
            viewport={"width": width, "height": height}, has_touch=size == "phone", is_mobile=size == "phone",
            device_scale_factor=2 if size == "phone" else 1,
        )  # fmt: skip
        await context.add_init_script(f"localStorage.setItem('smartroom.theme', '{theme}'); {WATCH} {LABEL}")
        return await chromium_window(self.browser, link(self.place, meeting), context=context)

    async def inside(self, meeting: words.Meeting, size: str, theme: str) -> Window:
        """A window in the meeting."""
        window = await self.window(meeting, size, theme)
        await window.join(ME.name, agency="PUPR")
        await window.inside()
        return window

    async def take(self, window: Window, name: str, after_ms: int = 0) -> None:
        """One picture; the person leaves."""
        assert window.page is not None
        await window.page.wait_for_timeout(after_ms)
        await window.page.screenshot(path=self.folder / f"{name}.png")
        if await window.evaluate("!!document.querySelector('[data-testid=bar-leave]')"):
            await window.press_twice("bar-leave")
            await window.see("notice")
        await window.page.context.close()


async def prejoin(studio: Studio) -> None:
    """Name, agency, camera and microphone."""
    meeting = await studio.place.meeting(lobby=True)
    for size, theme in LOOKS:
        window = await studio.window(meeting, size, theme)
        await window.allow()
        await window.fill("name", ME.name)
        await window.fill("office", ME.office)
        await window.fill("agency", "PUPR")
        await window.click("agency-option")
        await window.evaluate("document.activeElement.blur()")
        await studio.take(window, f"prejoin-{size}-{theme}", 900)


async def cures(studio: Studio) -> None:
    """Where to tap when the camera is refused."""
    meeting = await studio.place.meeting()
    for size, theme in LOOKS:
        window = await studio.window(meeting, size, theme)
        assert window.page is not None
        await window.page.add_init_script(
            "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('Permission denied', 'NotAllowedError'))"
        )
        await window.page.reload()
        await window.click("cure")
        await window.see("cure-steps")
        await studio.take(window, f"cure-{size}-{theme}", 600)


async def waiting(studio: Studio) -> None:
    """A meeting that has not begun."""
    meeting = await studio.place.meeting(started=False, starts=time.time() + 754)
    for size, theme in LOOKS:
        window = await studio.window(meeting, size, theme)
        await window.join(ME.name, agency="PUPR")
        await window.see("not-begun")
        await studio.take(window, f"waiting-{size}-{theme}", 1200)


async def lobby(studio: Studio) -> None:
    """The host has been told."""
    meeting = await studio.place.meeting(lobby=True)
    for size, theme in LOOKS:
        window = await studio.window(meeting, size, theme)
        await window.join(ME.name, agency="PUPR")
        await window.see("lobby")
        await studio.take(window, f"lobby-{size}-{theme}", 1200)


async def two(studio: Studio) -> None:
    """Two people."""
    await _people(studio, 2)


async def six(studio: Studio) -> None:
    """Six people, one large."""
    await _people(studio, 6)


async def crowd(studio: Studio) -> None:
    """Twenty-five."""
    await _people(studio, 25)


async def slides(studio: Studio) -> None:
    """A shared screen, and who speaks beside it."""
    meeting = await studio.place.meeting(agenda=AGENDA)
    page = await studio.browser.new_page(viewport={"width": 1280, "height": 720})
    await page.goto((Path(__file__).parent / "slide.html").as_uri())
    data = base64.b64encode(await page.screenshot()).decode()
    await page.close()
    async with actors.seated(studio.place, meeting, studio.browser, actors.crowd(5)):
        sharer = await studio.window(meeting, "laptop", "dark")
        assert sharer.page is not None
        await sharer.page.evaluate(SHARE % f"data:image/png;base64,{data}")
        await sharer.join("Kepala Bakeuda")
        await sharer.inside()
        await sharer.click("bar-share")
        for size, theme in LOOKS:
            window = await studio.inside(meeting, size, theme)
            await window.until(
                "!!document.querySelector('[data-testid=tile][data-source=screen][data-picture=true]')", 30
            )
            await studio.take(window, f"slides-{size}-{theme}", 2500)
        await sharer.page.context.close()


async def weak(studio: Studio) -> None:
    """Pictures are off, the sound stays."""
    meeting = await studio.place.meeting(agenda=AGENDA)
    async with actors.seated(studio.place, meeting, studio.browser, actors.crowd(6)):
        for size, theme in LOOKS:
            window = await studio.inside(meeting, size, theme)
            session, live = studio.place.session(meeting), studio.place.application.meetings.live(meeting.id)
            assert live is not None
            lines = live.lines
            me = next(person.id for person in session.in_order() if person.name == ME.name)
            ladder = lines._ladders[me]
            ladder._auto, ladder.mode = 3, words.SaverMode.AUTO  # as after some seconds on a path of 90 kbit/s
            lines._tell_quality(me, ladder)
            lines._show(me)
            await studio.take(window, f"weak-{size}-{theme}", 1500)


async def hosting(studio: Studio) -> None:
    """The host's tablet, a wall that shows the stage, and the list afterwards."""
    place, browser, folder = studio.place, studio.browser, studio.folder
    meeting = await place.meeting(agenda=AGENDA)
    panel = await place.panel()
    wall = await room.screen(place, browser, (1920, 1080), Role.DISPLAY, wall="wall.left")
    async with actors.seated(place, meeting, browser, actors.crowd(6)) as guests:
        await panel.act("arrange", lobby=True)
        for name, agency in (("Kepala Dinas PUPR", "pupr"), ("Camat C", "camat-a")):
            await place.guest(meeting, name, agency=agency)
        await panel.act("item", item=3)
        await guests["Kepala Bappeda"].act("hand", up=True)
        await panel.act("roll-start", agencies=["setda", "bappeda", "diskominfo", "dinkes", "camat-a", "camat-b"])
        await guests["Sekda"].act("here")
        await panel.act("roll-call")
        await place.recall("panggung")
        await room.wall(wall, folder, "wall-speaker", 1)
        for theme in ("dark", "light"):
            await room.tablet(await room.screen(place, browser, SIZES["laptop"], Role.HOST, theme), folder, theme)
        await panel.act("stage", layout="grid", spotlight=[])
        await room.wall(wall, folder, "wall-grid", 4)
        page = await room.screen(place, browser, SIZES["laptop"], Role.HOST)
        await room.paper(page, f"{place.origin}/attendance/hall/{meeting.id}", folder)


async def _people(studio: Studio, count: int) -> None:
    meeting = await studio.place.meeting(agenda=AGENDA)
    panel = await studio.place.panel()
    await panel.act("item", item=3)
    async with actors.seated(studio.place, meeting, studio.browser, actors.crowd(count - 1)) as guests:
        if count > 2:
            layout = "speaker" if count < 10 else "grid"
            await panel.act("stage", layout=layout, spotlight=[guests["Sekda"].person])
            await guests["Kepala Bappeda"].act("hand", up=True)
            await guests["Kepala Bappeda"].act("say", text="Data anggaran sudah di butir 3.")
            await guests["Camat A"].act("say", text="Kamera saya matikan, sinyal kecamatan lemah.")
        for size, theme in LOOKS:
            window = await studio.inside(meeting, size, theme)
            if count > 2:
                await window.click("bar-hand")
            seen = 1 if size == "phone" else min(count - 1, 5)
            await window.until(
                f"document.querySelectorAll('[data-testid=tile][data-picture=true]').length >= {seen}", 30
            )
            await studio.take(window, f"people{count}-{size}-{theme}", 2500)


STEPS = {step.__name__: step for step in (prejoin, cures, waiting, lobby, two, six, crowd, slides, weak, hosting)}


async def camera_of(play: Playwright, actor: actors.Actor, scratch: Path) -> Browser:
    """A Chromium whose camera shows this person."""
    painter = await play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    film = actors.film(await actors.rendered(painter, actor.breathing()), scratch / "me.mjpeg")
    await painter.close()
    return await play.chromium.launch(
        executable_path=CHROMIUM, args=[*FLAGS, f"--use-file-for-fake-video-capture={film}"]
    )


async def main(folder: Path, wanted: list[str]) -> None:
    """All of them, or those named."""
    async with AsyncExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        play = await stack.enter_async_context(async_playwright())
        media = Media(Placement((host_address(),)))
        place = await stack.enter_async_context(
            house(scratch, agencies=AGENCIES + MORE, scenes=room.SCENES, media=media)
        )
        browser = await camera_of(play, ME, scratch)
        for name in wanted or list(STEPS):
            sys.stdout.write(f"{name}\n")
            sys.stdout.flush()
            await STEPS[name](Studio(place, browser, folder))
            for row in place.application.meetings.of_room("hall"):
                await place.application.meetings.end(row.id)
        await browser.close()


if __name__ == "__main__":
    Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2:]))
