"""A whole server of this process whose room has walls; screens are paired as a technician pairs them."""

from __future__ import annotations

import asyncio
import struct
import time
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from smartroom.control.app import Application
from smartroom.control.scenes.desk import Desk
from smartroom.control.web.outside import FrameCheck
from smartroom.control.web.pages import Pages
from smartroom.control.web.ports import Front
from smartroom.control.web.server import WebServer
from smartroom.protocol.commands import ApplyReport
from smartroom.protocol.people import Role
from smartroom.protocol.state import DeviceState, RoomState, SceneState

ROOM = "hall"

ROOM_FILE = """
name: {id: Ruang Uji, en: Test room}
devices:
  matrix: {driver: extron_sis, at: "tcp://127.0.0.1:9", inputs: 2, outputs: 2}
walls:
  kiri: {name: {id: Layar kiri, en: Left wall}}
  kanan: {name: {id: Layar kanan, en: Right wall}}
outputs:
  left: {wall: kiri}
"""

SCENES = {
    "sambut": """
name: {id: Sambut, en: Welcome}
timeout: 10s
desired:
  wall.kiri: {content: {kind: welcome, title: Rombongan, guest: Diskominfo}}
  wall.kanan: {content: {kind: message, title: Selamat datang di lantai dua}}
""",
    "uji": """
name: {id: Uji, en: Test}
timeout: 10s
desired:
  wall.kiri: {content: {kind: pattern}}
  wall.kanan: {content: {kind: pattern}}
""",
}


@dataclass(slots=True)
class Walled:
    """The server, its room, and how to become a screen of one of its walls."""

    application: Application
    server: WebServer
    origin: str

    @property
    def desk(self) -> Desk:
        """The room's desk."""
        return self.application.desks[ROOM]

    @property
    def state(self) -> RoomState:
        """The state a panel would see."""
        return self.desk.store.state

    def wall(self, key: str) -> DeviceState:
        """A wall as a panel sees it."""
        return self.state.devices[f"wall.{key}"]

    def scene(self, key: str) -> SceneState:
        """A tile as a panel sees it."""
        return self.state.scenes[key]

    def content(self, key: str) -> object:
        """What a wall's page said it painted."""
        found = self.wall(key).properties.get("content")
        return found.value if found is not None and found.fresh else None

    async def link(self, wall: str) -> str:
        """A one-use link for a wall's screen."""
        tokens = self.application.people.tokens
        offered = await tokens.offer(f"Layar {wall}", Role.DISPLAY, [ROOM], "test", wall=f"wall.{wall}")
        return f"{self.origin}/pair/{offered.code}"

    async def token(self, wall: str) -> str:
        """The same for a program."""
        tokens = self.application.people.tokens
        offered = await tokens.offer(f"Layar {wall}", Role.DISPLAY, [ROOM], "test", wall=f"wall.{wall}")
        return (await tokens.redeem(offered.code)).secret

    async def apply(self, scene: str) -> ApplyReport:
        """Recall a scene and wait for its end."""
        accepted = self.desk.apply(scene, by="host", press=f"test-{time.monotonic_ns()}")
        return await self.desk.wait(accepted.run or "")

    async def set(self, wall: str, name: str, value: object) -> object:
        """Set a property by hand; what was read back."""
        assert isinstance(value, str | int | bool)
        accepted = await self.desk.set(f"wall.{wall}", name, value, by="host", press=f"test-{time.monotonic_ns()}")
        return accepted.value

    async def act(self, wall: str, action: str) -> None:
        """Press one of the wall's actions."""
        await self.desk.act(f"wall.{wall}", action, {}, by="host", press=f"test-{time.monotonic_ns()}")

    async def until(self, true: Callable[[], bool], limit: float = 8.0) -> None:
        """Wait until something holds."""
        async with asyncio.timeout(limit):
            while not true():
                await asyncio.sleep(0.02)


@dataclass(frozen=True, slots=True)
class House:
    """What outlives a restart of the server: folders, port, which sites it may show."""

    folder: Path
    port: int
    dashboards: tuple[str, ...] = ()
    allowed: Callable[[str], str | None] | None = None
    pages: Path | None = None
    scenes: Mapping[str, str] = field(default_factory=lambda: SCENES)
    room: str = ROOM_FILE

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Walled]:
        """The server, from start to stop."""
        hall = self.folder / "site" / ROOM
        hall.mkdir(parents=True, exist_ok=True)
        (hall / "room.yaml").write_text(self.room)
        for key, text in self.scenes.items():
            (hall / f"{key}.yaml").write_text(text)
        origin = f"http://localhost:{self.port}"
        front = Front("127.0.0.1", self.port, frozenset({origin}), build="", dashboards=self.dashboards)
        application = Application(self.folder / "site", self.folder / "data")
        if self.allowed is not None:
            application.outside = FrameCheck(self.allowed)
        async with application:
            async with asyncio.timeout(5):
                while ROOM not in application.desks:
                    await asyncio.sleep(0.01)
            server = application.web(front)
            if self.pages is not None:
                server = WebServer(server._house, front, Pages(self.pages))
            async with server:
                yield Walled(application, server, origin)


def png(width: int = 64, height: int = 36, colour: tuple[int, int, int] = (16, 90, 100)) -> bytes:
    """A picture of one colour."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    rows = (b"\0" + bytes(colour) * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
