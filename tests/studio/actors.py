"""People for pictures: drawn by us, encoded once, sent by the test's own WebRTC client."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from string import Template

import av
from aiortc.codecs.vpx import Vp8Encoder
from playwright.async_api import Browser

from smartroom.protocol import conference as words
from tests.media.rtcclient import Publisher
from tests.meetings import Guest, House

WIDTH, HEIGHT = 640, 360
FRAMES = 10
FPS = 6
HERE = Path(__file__).parent
SKINS = ("#b98563", "#a9714f", "#94613f", "#c69472")


@dataclass(frozen=True, slots=True)
class Actor:
    """Who sits in the meeting, and how they look."""

    name: str
    office: str = ""
    agency: str | None = None
    hue: int = 200
    cloth: str = "#2b4a63"
    skin: str = "#a9714f"
    scarf: str = ""
    camera: bool = True
    speaks: bool = False

    def drawn(self, lean: float) -> str:
        """This person before a wall, as a page."""
        scarf = bool(self.scarf)
        svg = Template((HERE / "person.svg").read_text()).substitute(
            hue=self.hue, cloth=self.cloth, skin=self.skin, lean=lean, scarf=self.scarf or "none",
            crown="none" if scarf else "#15161a", wide=27 if scarf else 31, high=35 if scarf else 39,
        )  # fmt: skip
        return f'<!doctype html><body style="margin:0;background:#000">{svg}'

    def breathing(self) -> list[str]:
        """There and back."""
        half = [2.0 * step / (FRAMES / 2) for step in range(FRAMES // 2)]
        return [self.drawn(lean) for lean in (*half, *reversed(half))]


CAST: Sequence[Actor] = (
    Actor("Sekda", "Sekretaris Daerah", "setda", 205, "#e7e2d3", "#b98563", speaks=True),
    Actor("Kepala Bappeda", "Kepala Badan", "bappeda", 168, "#20343b", "#a9714f", "hsl(168 38% 34%)"),
    Actor("Kadis Kominfo", "Kepala Dinas", "diskominfo", 262, "#2b4a63", "#94613f"),
    Actor("Kepala Dinkes", "Kepala Dinas", "dinkes", 190, "#5a2f3a", "#b98563", "hsl(190 44% 34%)"),
    Actor("Camat A", "", "camat-a", camera=False),
    Actor("Camat B", "", "camat-b", 30, "#7b5b2a", "#c69472"),
)


def crowd(count: int) -> list[Actor]:
    """So many people, the cast first."""
    more = [_another(index) for index in range(max(0, count - len(CAST)))]
    return [*CAST, *more][:count]


def _another(index: int) -> Actor:
    scarf = f"hsl({index * 55 % 360} 34% 34%)" if index % 2 else ""
    cloth = f"hsl({index * 70 % 360} 30% 30%)"
    return Actor(
        f"Lurah {chr(65 + index)}", "", None, index * 47 % 360, cloth, SKINS[index % 4], scarf, camera=index % 5 != 4
    )


async def rendered(browser: Browser, pages: Sequence[str]) -> list[av.VideoFrame]:
    """Pages as frames."""
    page = await browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
    frames = []
    for html in pages:
        await page.set_content(html)
        with av.open(io.BytesIO(await page.screenshot(type="png")), "r") as picture:
            frames.append(next(picture.decode(video=0)).reformat(format="yuv420p"))
    await page.close()
    return frames


def film(frames: Sequence[av.VideoFrame], path: Path) -> Path:
    """Frames as a file that Chromium takes for a camera."""
    with av.open(str(path), "w", format="mjpeg") as out:
        stream = out.add_stream("mjpeg", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = frames[0].width, frames[0].height, "yuvj420p"
        for number, frame in enumerate(frames):
            shown = frame.reformat(format="yuvj420p")
            shown.pts, shown.time_base = number, Fraction(1, FPS)
            out.mux(stream.encode(shown))
        out.mux(stream.encode())
    return path


def packets(frames: Sequence[av.VideoFrame]) -> list[list[bytes]]:
    """Frames as VP8 payloads, the first a key frame."""
    encoder = Vp8Encoder()
    encoder.target_bitrate = 600_000
    found = []
    for number, frame in enumerate(frames):
        frame.pts, frame.time_base = number * 90_000 // FPS, Fraction(1, 90_000)
        found.append(encoder.encode(frame, force_keyframe=number == 0)[0])
    return found


async def play(camera: Publisher, payloads: Sequence[Sequence[bytes]], voice: Publisher | None) -> None:
    """Send the film over and over, until cancelled."""
    while True:
        for payload in payloads:
            camera.timestamp = camera.timestamp + 90_000 // FPS & 0xFFFFFFFF
            for number, part in enumerate(payload):
                camera.packet(part, 96, marker=number == len(payload) - 1)
            for _ in range(8 if voice else 0):
                assert voice is not None
                voice.voice(level=20)
            await asyncio.sleep(1 / FPS)


@asynccontextmanager
async def seated(
    place: House, meeting: words.Meeting, browser: Browser, actors: Sequence[Actor]
) -> AsyncIterator[dict[str, Guest]]:
    """These people in the meeting, their pictures moving."""
    guests: dict[str, Guest] = {}
    async with asyncio.TaskGroup() as tasks:
        running = []
        for actor in actors:
            guest = await place.guest(meeting, actor.name, office=actor.office, agency=actor.agency)
            guests[actor.name] = guest
            if not actor.camera:
                continue
            mic, camera = await guest.publish()
            await guest.ask("sending", words.Done, mic=actor.speaks)
            payloads = await asyncio.to_thread(packets, await rendered(browser, actor.breathing()))
            running.append(tasks.create_task(play(camera, payloads, mic if actor.speaks else None)))
        yield guests
        for task in running:
            task.cancel()
