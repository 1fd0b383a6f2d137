"""A real server on loopback with real records and people, and a small desk in the place of the room."""
# ruff: noqa: D102  # the methods are those of Desk and Store, and say there what they do

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from uuid import uuid4

import aiohttp
import socketio

from smartroom.control.errors import ProblemError, problem
from smartroom.control.identity.people import People
from smartroom.control.records.records import Records
from smartroom.control.rundowns.rundowns import Rundowns
from smartroom.control.scenes.desk import Desk
from smartroom.control.web.pages import Pages
from smartroom.control.web.ports import Front, House
from smartroom.control.web.server import WebServer
from smartroom.protocol import PROTOCOL_VERSION
from smartroom.protocol.base import Text, Value
from smartroom.protocol.commands import Accepted, ApplyReport, RunCue
from smartroom.protocol.errors import ErrorCode
from smartroom.protocol.people import NewUser, Role
from smartroom.protocol.scenes import Override, Plan
from smartroom.protocol.state import (
    AudioControl,
    Change,
    DeviceState,
    LastAction,
    Patch,
    RoomState,
    Run,
    RunResult,
    SceneState,
)
from tests.ports import free_port

ROOM = "ruang"
PASSWORD = "kuda laut biru tua"


class SmallStore:
    """A room's state with two devices and a scene; changes by hand."""

    def __init__(self, room: str) -> None:
        self.version = 1_000
        self.kept = 64
        self._patches: list[Patch] = []
        self._watchers: list[Callable[[], None]] = []
        self._state = RoomState(
            room=room,
            name=Text(id="Ruang", en="Room"),
            version=self.version,
            time=time.time(),
            devices={
                "matrix": DeviceState(
                    id="matrix", name=Text(id="Matriks"), kind="matrix", family="m", address="memory:"
                ),
                "lamp": DeviceState(id="lamp", name=Text(id="Lampu"), kind="relay", family="r", address="memory:"),
            },
            scenes={"rapat": SceneState(id="rapat", name=Text(id="Rapat"))},
            mute=AudioControl(device="matrix", property="mute"),
        )

    @property
    def state(self) -> RoomState:
        return self._state.model_copy(update={"version": self.version, "time": time.time()})

    def since(self, version: int) -> list[Patch] | None:
        if version == self.version:
            return []
        if version > self.version or not self._patches or version < self._patches[0].version - 1:
            return None
        return [patch for patch in self._patches if patch.version > version]

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        self._watchers.append(callback)
        return lambda: self._watchers.remove(callback)

    def change(self, *path: str, value: object) -> None:
        self.version += 1
        patch = Patch(
            room=self._state.room,
            version=self.version,
            time=time.time(),
            changes=[Change(path=list(path), value=value)],
        )
        self._patches = [*self._patches, patch][-self.kept :]
        for watcher in tuple(self._watchers):
            watcher()


class SmallDesk:
    """Says yes, remembers what it was asked, and is as slow as it is told."""

    def __init__(self, room: str = ROOM) -> None:
        self.room = room
        self.store = SmallStore(room)
        self.asked: list[tuple[str, object]] = []
        self.slow_s = 0.0
        self._presses: dict[str, Accepted] = {}

    async def plan(self, scene: str, *, by: str = "") -> Plan:
        return Plan(
            room=self.room,
            scene=scene,
            name=Text.of(scene),
            base=self.store.version,
            steps=[],
            changes=0,
            unchanged=0,
            expected_ms=0,
        )

    def apply(self, scene: str, override: Override | None = None, *, by: str, press: str) -> Accepted:
        if scene != "rapat":
            raise ProblemError(problem(ErrorCode.NOT_FOUND, "Mode tidak ada", "No such scene"))
        return self._once(press, "apply", (scene, by), run=f"run-{press}")

    async def wait(self, run: str) -> ApplyReport:
        await asyncio.sleep(self.slow_s)
        return ApplyReport(run=Run(id=run, scene="rapat", by="x", started=1.0, ended=2.0, result=RunResult.ACHIEVED))

    def retry(self, scene: str, device: str | None, name: str | None = None, *, by: str, press: str) -> Accepted:
        return self._once(press, "retry", (scene, device, name), run=f"run-{press}")

    def cancel(self, run: str, *, by: str, press: str) -> Accepted:
        return self._once(press, "cancel", run)

    def record(self, scene: str, *what: object, by: str, press: str) -> Accepted:
        return self._once(press, "record", (scene, *what))

    def undo(self, run: str | None = None, *, by: str, press: str) -> Accepted:
        return self._once(press, "undo", run, run=f"run-{press}")

    async def set(self, device: str, name: str, value: Value, *, by: str, press: str) -> Accepted:
        if self.slow_s and name != "mute":
            await asyncio.sleep(self.slow_s)
        return self._once(press, "set", (device, name, value), value=value)

    async def act(self, device: str, action: str, arguments: dict[str, Value], *, by: str, press: str) -> Accepted:
        return self._once(press, "act", (device, action, arguments))

    async def blank(self, *, on: bool, by: str, press: str) -> Accepted:
        return self._once(press, "blank", on)

    def dismiss_unfinished(self, *, by: str, press: str) -> Accepted:
        return self._once(press, "dismiss", None)

    async def once(self, do: Callable[[], Awaitable[Accepted]], *, by: str, press: str) -> Accepted:
        return await do()

    async def press(self, press: RunCue, by: str, *, may_force: bool) -> Accepted:
        """As a room's rundowns."""
        return self._once(press.id, "cue", (press.rundown, press.do), run="run-1")

    def _once(self, press: str, what: str, detail: object, *, run: str | None = None, value: Value = None) -> Accepted:
        if press not in self._presses:
            self.asked.append((what, detail))
            self.store.change(
                "last_action", value=LastAction(at=time.time(), by="x", text=Text.of(what)).model_dump(mode="json")
            )
            self._presses[press] = Accepted(id=press, run=run, value=value)
        return self._presses[press]


@dataclass
class Served:
    """A running server and what stands behind it."""

    server: WebServer
    desk: SmallDesk
    people: People
    records: Records
    origin: str

    @property
    def port(self) -> int:
        return self.server.port

    async def token(self, role: Role, *rooms: str) -> str:
        """A program's token with a role."""
        issued = await self.people.tokens.create(str(role), role, rooms or (ROOM,), "test")
        return issued.secret

    def client(self, token: str | None = None, *, origin: bool = True) -> aiohttp.ClientSession:
        """An HTTP client; without a token it is a browser with cookies."""
        headers = {"Origin": self.origin} if origin else {}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return aiohttp.ClientSession(self.origin, headers=headers, cookie_jar=aiohttp.CookieJar(unsafe=True))

    @asynccontextmanager
    async def page(
        self, token: str | None = None, *, cookie: str | None = None, origin: str | None = "own"
    ) -> AsyncIterator[Page]:
        """A page by python-socketio's own client."""
        headers = {}
        if origin is not None:
            headers["Origin"] = self.origin if origin == "own" else origin
        if cookie:
            headers["Cookie"] = cookie
        page = Page()
        auth = {"token": token} if token else None
        try:
            await page.io.connect(
                self.origin, namespaces=["/room"], transports=["websocket"], headers=headers, auth=auth, wait_timeout=3
            )
            yield page
        finally:
            await page.io.disconnect()
            if page.io.eio.http is not None:
                await page.io.eio.http.close()


class Page:
    """What a page does: watch, press, collect patches."""

    def __init__(self) -> None:
        self.io = socketio.AsyncClient(reconnection=False)
        self.patches: asyncio.Queue[dict[str, object]] = asyncio.Queue()
        self.gone = asyncio.Event()
        self.io.on("patch", self.patches.put, namespace="/room")
        self.io.on("disconnect", lambda *_reason: self.gone.set(), namespace="/room")

    async def say(self, event: str, **words: object) -> dict[str, object]:
        """Send an event, return its acknowledgement."""
        answer = await self.io.call(event, words, namespace="/room", timeout=5)
        assert isinstance(answer, dict)
        return answer

    async def press(self, event: str, **words: object) -> dict[str, object]:
        """A press of now."""
        return await self.say(event, **{"id": str(uuid4()), "at": time.time(), "room": ROOM, **words})

    async def watch(self, since: int | None = None, room: str = ROOM) -> dict[str, object]:
        """Follow the room."""
        return await self.say("watch", room=room, since=since, protocol=PROTOCOL_VERSION)


@asynccontextmanager
async def serve(
    folder: Path,
    *,
    pages: Pages | None = None,
    front: Front | None = None,
    desks: Mapping[str, Desk] | None = None,
    furnish: Callable[[House], House] = lambda house: house,
) -> AsyncIterator[Served]:
    """A server on a free port of 127.0.0.1; with `desks` for real rooms, else with the small one. `furnish` puts more behind the door."""
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    async with Records(folder) as records:
        people = People(records.people)
        await people.load()
        desk = SmallDesk()
        house = House(
            desks or {ROOM: cast("Desk", desk)},
            people,
            records.trail,
            records.runs.recent,
            records.writable,
            rundowns={ROOM: cast("Rundowns", desk)},
        )
        made = front or Front("127.0.0.1", port, frozenset({origin}), "test-build")
        async with WebServer(furnish(house), made, pages) as server:
            yield Served(server, desk, people, records, origin)


async def add(people: People, role: Role, *rooms: str) -> None:
    """An account named like its role."""
    await people.add_user(NewUser(name=str(role), password=PASSWORD, role=role, rooms=list(rooms) or [ROOM]))
