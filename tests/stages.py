"""A ceremony on stage before real browsers: a server, pads with pens, walls, and a road between them that breaks when told."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from playwright.async_api import Browser, BrowserContext, CDPSession, Page, expect

from smartroom.control import clock
from smartroom.control.app import Application
from smartroom.control.ceremony.hall import Hall
from smartroom.control.ceremony.session import Session
from smartroom.control.ceremony.story import REST_S
from smartroom.control.ceremony.strokes import Stroke
from smartroom.control.web.ports import Front
from smartroom.control.web.server import WebServer
from smartroom.protocol.ceremony import CeremonyStage
from smartroom.protocol.document import DocumentText, Signatory
from smartroom.protocol.people import Role
from smartroom.settings import CeremonySettings
from tests.ports import free_port
from tests.walls import ROOM, ROOM_FILE, Walled

TEXT = DocumentText(
    number="600/1/2026",
    subject="Ruang Command Center Mini",
    place="Kota Uji",
    date="23 November 2026",
    signatories=[Signatory(name="Dr. H. X, S.T., M.M.", title="Wali Kota Uji")],
    agency="PEMERINTAH KOTA UJI",
)
GLADI = TEXT.model_copy(update={"number": "GLADI-1"})

PATIENCE_S = 30.0
"""How long a condition is waited for: a ceiling for a machine with too much to do, not a claim."""

PAINTED = (
    "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(done))))"
)
"""What the page knows now is on the glass."""

Place = tuple[float, float]
"""In the field: (0, 0) is its upper left corner, (1, 1) its lower right one."""


def bent(*corners: Place, steps: int = 20) -> list[Place]:
    """Places along Bezier curves, three corners beyond the first for each."""
    places = [corners[0]]
    for at in range(0, len(corners) - 3, 3):
        four = corners[at : at + 4]
        for step in range(1, steps + 1):
            t = step / steps
            weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
            x, y = (sum(weight * corner[axis] for weight, corner in zip(weights, four, strict=True)) for axis in (0, 1))
            places.append((x, y))
    return places


SIGNATURE = [
    bent(
        *((0.17, 0.66), (0.2, 0.48), (0.24, 0.24), (0.26, 0.25), (0.28, 0.27), (0.24, 0.66), (0.27, 0.66)),
        *((0.3, 0.66), (0.33, 0.36), (0.36, 0.38), (0.38, 0.4), (0.35, 0.62), (0.38, 0.62), (0.41, 0.61)),
        *((0.43, 0.44), (0.45, 0.46), (0.47, 0.48), (0.45, 0.58), (0.48, 0.58), (0.52, 0.57), (0.55, 0.2)),
        *((0.56, 0.24), (0.57, 0.3), (0.52, 0.82), (0.49, 0.85), (0.46, 0.88), (0.46, 0.7), (0.54, 0.62)),
        *((0.6, 0.56), (0.6, 0.42), (0.63, 0.46), (0.65, 0.5), (0.62, 0.58), (0.66, 0.56), (0.72, 0.53)),
        *((0.78, 0.44), (0.84, 0.4)),
    ),
    bent((0.38, 0.27), (0.39, 0.25), (0.41, 0.26), (0.42, 0.28), steps=6),
    bent((0.5, 0.74), (0.6, 0.69), (0.7, 0.66), (0.79, 0.65)),
]
"""What a pen writes for pictures: nobody's name."""

PICTURE = (
    """[...document.querySelectorAll('[data-testid=ink-0] canvas')].map((canvas) => canvas.toDataURL()).join('|')"""
)


class Road:
    """What lies between a page and the server: a port of its own, which passes everything on until told otherwise."""

    def __init__(self, server: int) -> None:
        self.port = free_port()
        self._server = server
        self._flows = asyncio.Event()
        self._flows.set()
        self._whole = True
        self._passing: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._listening = await asyncio.start_server(self._passed, "127.0.0.1", self.port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cut()
        self._listening.close()

    def stall(self) -> None:
        """Nothing passes, and nobody is told: a tablet out of the radio's reach."""
        self._flows.clear()

    def cut(self) -> None:
        """Every connection breaks, and no new one is made."""
        self._whole = False
        for task in self._passing:
            task.cancel()

    def mend(self) -> None:
        """As before."""
        self._whole = True
        self._flows.set()

    async def _passed(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._whole:
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        self._passing.add(task)
        ends = [writer]
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._server)
            ends.append(far_writer)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(reader, far_writer))
                group.create_task(self._pump(far_reader, writer))
        except (OSError, ExceptionGroup, asyncio.CancelledError):
            pass
        finally:
            self._passing.discard(task)
            for end in ends:
                end.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while block := await reader.read(1 << 16):
            await self._flows.wait()
            writer.write(block)
            await writer.drain()
        writer.close()


@dataclass
class Pad:
    """A pad's page, and the pen before it."""

    page: Page
    cdp: CDPSession

    async def pen(self, kind: str, at: Place, *, force: float = 0.5) -> None:
        """One event of the pen, at a place of the field."""
        box = await self.page.get_by_test_id("field").bounding_box()
        assert box is not None
        pressed = kind != "mouseReleased"
        event = {
            "type": kind,
            "x": box["x"] + at[0] * box["width"],
            "y": box["y"] + at[1] * box["height"],
            "button": "left",
            "buttons": 1 if pressed else 0,
            "clickCount": 1,
            "pointerType": "pen",
            "force": force if pressed else 0,
            "tiltX": 20,
        }
        await self.cdp.send("Input.dispatchMouseEvent", event)

    async def touch(self, kind: str, at: Place) -> None:
        """One event of a finger or a palm."""
        box = await self.page.get_by_test_id("field").bounding_box()
        assert box is not None
        points = (
            []
            if kind in ("touchEnd", "touchCancel")
            else [{"x": box["x"] + at[0] * box["width"], "y": box["y"] + at[1] * box["height"]}]
        )
        await self.cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    async def down(self, at: Place) -> None:
        """The pen touches the glass."""
        await self.pen("mousePressed", at)

    async def draw(self, places: Sequence[Place], pause: float = 0.004) -> None:
        """It moves, from place to place."""
        for index, place in enumerate(places):
            await self.pen("mouseMoved", place, force=0.5 + 0.25 * math.sin(index / 5))
            await asyncio.sleep(pause)

    async def up(self, at: Place) -> None:
        """It is lifted."""
        await self.pen("mouseReleased", at)

    async def stroke(self, places: Sequence[Place]) -> None:
        """A whole stroke."""
        await self.down(places[0])
        await self.draw(places[1:])
        await self.up(places[-1])

    async def drawn(self) -> int:
        """Points this page has drawn in this attempt."""
        return int(await self.page.get_by_test_id("pad").get_attribute("data-drawn") or 0)

    async def saved(self, limit: float = PATIENCE_S) -> None:
        """Wait until nothing is on this tablet alone."""
        await self.page.wait_for_selector("[data-testid=status][data-points='0']", timeout=limit * 1000)

    async def leads(self, *, is_so: bool = True) -> None:
        """Wait until this pad leads, or does not."""
        await self.page.wait_for_selector(f"[data-testid=pad][data-mine='{str(is_so).lower()}']")

    async def hold(self, name: str) -> None:
        """Hold a button for its second."""
        await self.page.get_by_test_id(name).click(delay=1100)


@dataclass
class Wall:
    """A wall's page."""

    page: Page

    async def points(self) -> int:
        """Points of the first signatory's ink that its last frame has drawn."""
        return int(await self.page.get_by_test_id("ink-0").get_attribute("data-points") or 0)

    async def shows(self, points: int, limit: float = PATIENCE_S) -> None:
        """Wait until it has drawn so many points."""
        await self.page.wait_for_selector(f"[data-testid=ink-0][data-points='{points}']", timeout=limit * 1000)

    async def framed(self) -> None:
        """Wait until it has drawn what it knows now."""
        await self.page.evaluate(PAINTED)

    async def picture(self) -> str:
        """What its canvases hold, to the pixel."""
        return str(await self.page.evaluate(PICTURE))


@dataclass
class Staged:
    """The server, its room's hall, and how to become a pad or a wall of it."""

    walled: Walled
    road: Road
    browser: Browser

    @property
    def hall(self) -> Hall:
        """The room's hall."""
        return self.walled.application.ceremonies.halls[ROOM]

    @property
    def session(self) -> Session:
        """What stands on its stage."""
        assert self.hall.session is not None
        return self.hall.session

    @property
    def strokes(self) -> list[Stroke]:
        """The first signatory's strokes as the server has them."""
        return list(self.session.story.ink.signatures[0].strokes.values())

    @property
    def points(self) -> int:
        """How many points they have."""
        return sum(len(stroke.points) for stroke in self.strokes)

    async def ceremony(
        self, text: DocumentText = TEXT, *, rehearsal: bool = False, frozen: bool = True, opened: bool = True
    ) -> Session:
        """A ceremony whose text two persons have frozen, and whose plaque is open."""
        draft = self.hall.create(text, rehearsal=rehearsal)
        session = await self.hall.bring(draft.id)
        for person in ("a", "b") if frozen else ():
            await session.confirm("freeze", session.text.digest(), person, f"Petugas {person}")
        if opened:
            await session.open("Operator")
        return session

    async def pad(
        self, name: str = "Tablet utama", *, breaks: bool = False, size: tuple[int, int] = (1280, 800)
    ) -> Pad:
        """A paired pad; `breaks`: its road does when told."""
        page, _ = await self._paired(name, Role.SIGNER, None, size, breaks=breaks)
        await page.get_by_test_id("pad").wait_for()
        return Pad(page, await page.context.new_cdp_session(page))

    async def wall(self, name: str = "kiri", *, breaks: bool = False, **content: object) -> Wall:
        """A wall's screen that shows the ceremony."""
        page, _ = await self._paired(f"Layar {name}", Role.DISPLAY, f"wall.{name}", (1920, 1080), breaks=breaks)
        await page.wait_for_url(f"**/wall/{name}")
        await self.show(name, **content)
        await page.get_by_test_id("ceremony").wait_for()
        return Wall(page)

    async def show(self, wall: str, **content: object) -> None:
        """A face of the ceremony on a wall."""
        text = '{"kind":"ceremony"' + "".join(f',"{key}":"{value}"' for key, value in content.items()) + "}"
        await self.until(lambda: self.walled.wall(wall).link == "ready")
        await self.walled.set(wall, "content", text)

    async def kept(self, pad: Pad) -> None:
        """Wait until everything is here that this pad has drawn, the pen's lifting too."""
        await pad.saved()
        await self.until(lambda: all(stroke.end for stroke in self.strokes))

    async def rested(self) -> None:
        """Wait until `Selesai` may be pressed: the pen was lifted two seconds ago, by the server's clock."""
        await self.until(lambda: (up := self.session.told().signatories[0].pen_up) and clock.wall() - up >= REST_S)

    async def cleared(self) -> None:
        """Nobody is here, nothing is open on stage."""
        self.road.mend()
        for context in list(self.browser.contexts):
            await context.close()
        session = self.hall.session
        if session is not None and session.story.stage is CeremonyStage.OPEN:
            await session.void("end of a test", "Operator")
        await self.until(lambda: not any(pad.face for pad in self.hall.pads.values()))
        walls = [each for each in self.walled.state.devices.values() if each.kind == "wall"]
        await self.until(lambda: not any(self.walled.state.devices[each.id].link == "ready" for each in walls))

    async def until(self, true: Callable[[], Any], limit: float = PATIENCE_S) -> None:
        """Wait until something holds."""
        async with asyncio.timeout(limit):
            while not true():
                await asyncio.sleep(0.02)

    async def _paired(
        self, name: str, role: Role, wall: str | None, size: tuple[int, int], *, breaks: bool
    ) -> tuple[Page, BrowserContext]:
        offered = await self.walled.application.people.tokens.offer(name, role, [ROOM], "test", wall=wall)
        origin = f"http://localhost:{self.road.port}" if breaks else self.walled.origin
        context = await self.browser.new_context(viewport={"width": size[0], "height": size[1]}, has_touch=True)
        page = await context.new_page()
        page.set_default_timeout(PATIENCE_S * 1000)
        await page.goto(f"{origin}/pair/{offered.code}")
        await page.get_by_test_id("pair-submit").click()
        await page.get_by_test_id("pair-open").click()
        return page, context


@dataclass
class Theatre:
    """What outlives a restart of the server: its folder and its port."""

    folder: Path
    browser: Browser
    port: int = field(default_factory=free_port)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Staged]:
        """The server, from start to stop."""
        expect.set_options(timeout=PATIENCE_S * 1000)
        hall = self.folder / "site" / ROOM
        hall.mkdir(parents=True, exist_ok=True)
        (hall / "room.yaml").write_text(ROOM_FILE)
        async with Road(self.port) as road:
            origins = [f"http://localhost:{port}" for port in (self.port, road.port)]
            front = Front("127.0.0.1", self.port, frozenset(origins), build="")
            application = Application(
                self.folder / "site", self.folder / "data", ceremony=CeremonySettings(reserve_mb=1)
            )
            async with application:
                async with asyncio.timeout(PATIENCE_S):
                    while ROOM not in application.desks or ROOM not in application.ceremonies.halls:
                        await asyncio.sleep(0.01)
                async with application.web(front) as server:
                    assert isinstance(server, WebServer)
                    yield Staged(Walled(application, server, origins[0]), road, self.browser)


async def closed(page: Page) -> None:
    """The tablet is gone, without a word."""
    with suppress(Exception):
        await page.context.close()
