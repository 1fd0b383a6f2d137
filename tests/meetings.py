"""Meetings for tests: a whole server with its real media worker, and guests with real sockets and real packets."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import aiohttp
import socketio

from smartroom.control.app import Application, Media
from smartroom.control.conference.session import Session
from smartroom.control.web.ports import Front
from smartroom.control.web.server import WebServer
from smartroom.protocol import PROTOCOL_VERSION
from smartroom.protocol import conference as words
from smartroom.protocol.base import Message
from smartroom.protocol.commands import ApplyReport
from smartroom.protocol.people import Role
from smartroom.protocol.state import Patch
from tests.media.rtcclient import Client, Publisher

ROOM = "hall"
ROOM_FILE = """
name: {id: Ruang Uji, en: Test room}
devices: {matrix: {driver: extron_sis, at: "tcp://127.0.0.1:9", inputs: 4, outputs: 2}}
walls: {left: {name: {id: Layar kiri, en: Left wall}}}
"""
AGENCIES = """
groups: {pimpinan: Pimpinan, opd: {id: Semua OPD, en: All agencies}, camat: {id: Semua camat, en: All districts}}
agencies:
  setda: {name: Sekretariat Daerah, short: Setda, group: pimpinan}
  bappeda: {name: Badan Perencanaan Pembangunan Daerah, short: Bappeda}
  diskominfo: {name: Dinas Komunikasi dan Informatika, short: Diskominfo}
  camat-a: {name: Kecamatan A, short: Camat A, group: camat}
  camat-b: {name: Kecamatan B, short: Camat B, group: camat}
"""

SCENES = {
    "konferensi": "name: Konferensi\ndesired: {stage: {meeting: open, layout: speaker}}\n",
    "sorot": "name: Sorot Bappeda\ntimeout: 5s\ndesired: {stage: {spotlight: bappeda}}\n",
    "tutup": "name: Tutup\ntimeout: 5s\ndesired: {stage: {meeting: closed}}\n",
}

M = TypeVar("M", bound=Message)


class Refused(Exception):
    """The server answered with a problem."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code} {detail}")
        self.code = code


@dataclass
class House:
    """A running server with one room."""

    application: Application
    server: WebServer
    origin: str
    stack: AsyncExitStack
    token: str = ""

    def http(self, token: str | None = None) -> aiohttp.ClientSession:
        """An HTTP client of a host, or of whoever the token is; empty: a stranger."""
        found = self.token if token is None else token
        headers = {"Origin": self.origin} | ({"Authorization": f"Bearer {found}"} if found else {})
        return aiohttp.ClientSession(self.origin, headers=headers)

    async def meeting(self, *, started: bool = True, **asked: object) -> words.Meeting:
        """A meeting by REST."""
        async with self.http() as http:
            path = f"/api/v1/rooms/{ROOM}/meetings"
            async with http.post(path, json={"title": "Rapat HUT Kota", "lobby": False, **asked}) as answer:
                assert answer.status == 201, await answer.text()
                made = words.Meeting.model_validate(await answer.json())
            if started:
                async with http.post(f"{path}/{made.id}/start") as answer:
                    assert answer.status == 200, await answer.text()
                    made = words.Meeting.model_validate(await answer.json())
        return made

    async def recall(self, scene: str) -> ApplyReport:
        """Apply a scene and wait for its end."""
        async with (
            self.http() as http,
            http.post(f"/api/v1/rooms/{ROOM}/scenes/{scene}/apply?wait=true", json={}) as answer,
        ):
            assert answer.status == 200, await answer.text()
            return ApplyReport.model_validate(await answer.json())

    async def guest(self, meeting: words.Meeting, name: str = "Kepala Bappeda", **parts: object) -> Guest:
        """Somebody who came in by the link, or waits in the lobby."""
        guest = await self.page({"meeting": meeting.code})
        await guest.join(meeting=meeting.code, name=name, **parts)
        return guest

    def session(self, meeting: words.Meeting) -> Session:
        """The open meeting inside the server."""
        found = self.application.meetings.live(meeting.id)
        assert found is not None
        return found.session

    async def panel(self) -> Guest:
        """The room's tablet, which hosts."""
        panel = await self.page({"token": self.token})
        panel.following = await panel.ask("follow", words.Following, room=ROOM, protocol=PROTOCOL_VERSION)
        if panel.following.state is not None:
            panel.take(panel.following.state)
        if panel.following.backstage is not None:
            panel.take(panel.following.backstage)
        return panel

    async def page(self, auth: dict[str, str]) -> Guest:
        """A page with an open socket."""
        guest = Guest(self)
        self.stack.push_async_callback(guest.close)
        await guest.io.connect(
            self.origin,
            namespaces=["/meeting"],
            transports=["websocket"],
            headers={"Origin": self.origin},
            auth=auth,
            wait_timeout=20,
        )
        return guest


@dataclass
class Guest:
    """A page of a meeting: what it was told, and its media."""

    house: House
    io: socketio.AsyncClient = field(default_factory=lambda: socketio.AsyncClient(reconnection=False))
    told: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    documents: dict[str, dict[str, object]] = field(default_factory=dict)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    joined: words.Joined | None = None
    following: words.Following | None = None
    person: str = ""
    secret: str = ""
    pub: Client | None = None
    sub: Client | None = None
    rev: int = 0

    def __post_init__(self) -> None:
        """Hear everything."""
        self.io.on("*", self._hear, namespace="/meeting")

    async def join(self, **parts: object) -> words.Joined:
        """Say who one is; raises Refused."""
        said = {"protocol": PROTOCOL_VERSION, "name": "X", **parts}
        self.joined = await self.ask("join", words.Joined, **said)
        found = self.joined.seated or self.joined.waiting
        assert found is not None
        self.person, self.secret = found.person, found.seat or self.secret
        if self.joined.seated is not None:
            self.take(self.joined.seated.state)
        return self.joined

    async def ask(self, event: str, answer: type[M], **said: object) -> M:
        """One event and its acknowledgement; raises Refused."""
        found = await self.io.call(event, said, namespace="/meeting", timeout=20)
        if found.get("problem"):
            raise Refused(found["problem"]["code"], str(found["problem"]))
        return answer.model_validate(found)

    async def act(self, event: str, **said: object) -> None:
        """An act of now."""
        await self.ask(event, words.Done, id=str(uuid4()), at=time.time(), **said)

    @property
    def seated(self) -> words.Seated:
        """The answer of who is in."""
        assert self.joined is not None
        assert self.joined.seated is not None, "in the lobby"
        return self.joined.seated

    @property
    def waits(self) -> bool:
        """In the lobby."""
        return self.joined is not None and self.joined.waiting is not None and not self.heard("seated")

    @property
    def state(self) -> words.MeetingState:
        """What the page shows."""
        key = next(key for key in self.documents if not key.endswith(".host"))
        return words.MeetingState.model_validate(self.documents[key])

    @property
    def backstage(self) -> words.BackstageState:
        """What a host's page shows beside it."""
        key = next(key for key in self.documents if key.endswith(".host"))
        return words.BackstageState.model_validate(self.documents[key])

    def me(self) -> words.Person:
        """Oneself, as everybody sees it."""
        return self.state.people[self.person]

    def heard(self, event: str) -> list[dict[str, object]]:
        """What was said under a name."""
        return [said for name, said in self.told if name == event]

    async def until(self, condition: Callable[[], object], limit: float = 20.0) -> None:
        """Wait until something holds."""
        async with asyncio.timeout(limit):
            while not condition():
                self.news.clear()
                await self.news.wait()

    async def publish(
        self, *, camera: bool = True, mic: bool = True, echo: bool = False, at: str = "127.0.0.1"
    ) -> list[Publisher]:
        """Open the sending side; encoders in the order mic, camera."""
        if self.pub is not None:
            await self.pub.close()
        self.pub = Client(address=at)
        offer = self.pub.offer(video=int(camera), audio=int(mic))
        sources = dict(zip(map(str, range(2)), ["mic"] * mic + ["camera"] * camera, strict=False))
        self.rev += 1
        answer = await self.ask("pub.offer", words.PubAnswer, rev=self.rev, sdp=offer, sources=sources, echo=echo)
        await self.pub.connect(answer.sdp)
        if not echo:
            await self.ask("sending", words.Done, mic=mic, camera=camera)
        return [Publisher(self.pub, ssrc=1000 + i, mid=str(i)) for i in range(len(sources))]

    async def receive(self, *, echo: bool = False, at: str = "127.0.0.1", **slots: int) -> words.SubOffer:
        """Open the receiving side."""
        offer = await self.ask("sub.open", words.SubOffer, slots=slots, echo=echo)
        if self.sub is not None:
            await self.sub.close()
        self.sub = Client(address=at)
        self.sub.keep = 1000
        await self.ask("sub.answer", words.Done, rev=offer.rev, sdp=self.sub.answer(offer.sdp), echo=echo)
        await self.sub.connect()
        return offer

    def take(self, state: words.MeetingState | words.BackstageState) -> None:
        """A snapshot."""
        name = state.meeting + (".host" if isinstance(state, words.BackstageState) else "")
        self.documents[name] = state.model_dump(mode="json")

    async def talk(self, encoders: list[Publisher], condition: Callable[[], object], limit: float = 30.0) -> None:
        """Speak and show until something holds."""
        async with asyncio.timeout(limit):
            while not condition():
                for encoder in encoders:
                    (encoder.voice if encoder.mid == "0" else encoder.frame)()
                await asyncio.sleep(0.02)

    async def close(self) -> None:
        """Gone, without a word."""
        await self.io.disconnect()
        if self.io.eio.http is not None:
            await self.io.eio.http.close()
        for client in (self.pub, self.sub):
            if client is not None:
                await client.close()

    async def _hear(self, event: str, said: dict[str, object]) -> None:
        self.told.append((event, said))
        if event == "patch":
            self._patch(Patch.model_validate(said))
        elif event == "seated":
            seated = words.Seated.model_validate(said)
            self.take(seated.state)
        self.news.set()

    def _patch(self, patch: Patch) -> None:
        document = self.documents.get(patch.room)
        if document is None or patch.version <= int(str(document["version"])):
            return
        since = patch.version - 1 if patch.since is None else patch.since
        assert since <= int(str(document["version"])), "a gap"
        for change in patch.changes:
            place: dict[str, object] = document
            for key in change.path[:-1]:
                place = place[key]  # type: ignore[assignment]
            if change.value is None and len(change.path) > 1:
                place.pop(change.path[-1], None)
            else:
                place[change.path[-1]] = change.value
        document["version"] = patch.version


@asynccontextmanager
async def house(
    folder: Path,
    *,
    agencies: str = AGENCIES,
    room: str = ROOM_FILE,
    scenes: Mapping[str, str] = SCENES,
    media: Media | None = None,
    addresses: Mapping[str, str] | None = None,
    at: str = "127.0.0.1",
    host: str = "",
) -> AsyncIterator[House]:
    """A server on a free port, with a host's token; `host` is a name it answers to beside its address."""
    site = folder / "site"
    (site / ROOM).mkdir(parents=True, exist_ok=True)
    (site / ROOM / "room.yaml").write_text(room)
    (site / "agencies.yaml").write_text(agencies)
    for name, text in scenes.items():
        (site / ROOM / f"{name}.yaml").write_text(text)
    with socket.socket() as probe:
        probe.bind((at, 0))
        port = probe.getsockname()[1]
    origin = f"http://{at}:{port}"
    front = Front(at, port, frozenset({origin, *([f"http://{host}:{port}"] if host else [])}), "test")
    async with (
        Application(site, folder / "data", media=media, addresses={ROOM: addresses or {}}) as application,
        application.web(front) as server,
        AsyncExitStack() as stack,
    ):
        while not application.rooms[ROOM].engine._group._entered:  # type: ignore[attr-defined]  # a press in the first moment finds no engine
            await asyncio.sleep(0.001)
        token = (await application.people.tokens.create("tablet", Role.HOST, [ROOM], "test")).secret
        yield House(application, server, origin, stack, token)
