"""Following a room over Socket.IO: snapshot, patches, and the way back after a break. Packets as in docs/protocol.md."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import time

import aiohttp

from smartroom.client.errors import ClientError, NotNow, OtherVersion, Overtaken, ServerGone, refused
from smartroom.client.mirror import Mirror
from smartroom.client.wire import ANSWER_S, HEARTBEAT_S, Wire
from smartroom.protocol import PROTOCOL_VERSION
from smartroom.protocol.commands import Answer, Watch, Watching
from smartroom.protocol.errors import Problem
from smartroom.protocol.state import Patch

_LOG = logging.getLogger(__name__)

PAUSE_S = 0.2
"""Before the first try to come back; doubled each time."""
PAUSE_MAX_S = 5.0
"""A restarted server is found again within this."""

_NAMESPACE = "/room"
_OPEN, _CLOSE, _PING, _PONG = "0", "1", "2", "3"
_CONNECT, _DISCONNECT, _EVENT, _ACK, _ERROR = "40", "41", "42", "43", "44"


class Follower:
    """Keeps a mirror of one room until cancelled. `changed` is set with each new state, and when `error` ends it."""

    def __init__(self, wire: Wire, room: str, patience: float) -> None:
        self.mirror = Mirror()
        self.changed = asyncio.Event()
        self.error: ClientError | None = None
        self.connected = False
        self._wire = wire
        self._room = room
        self._patience = patience

    async def run(self) -> None:
        """Connect, follow, come back. Ends with `error` when the server refuses, or is away for `patience` seconds."""
        pause, gone_since = PAUSE_S, time.monotonic()
        while True:
            try:
                await self._follow()
            except (ServerGone, NotNow) as error:
                if self.connected:
                    _LOG.info("room %s: %s", self._room, error)
                    pause, gone_since = PAUSE_S, time.monotonic()
                self.connected = False
                if time.monotonic() - gone_since >= self._patience:
                    return self._end(error)
            except ClientError as error:
                return self._end(error)
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311  # a building's programs should not come back in step
            pause = min(pause * 2, PAUSE_MAX_S)

    def _end(self, error: ClientError) -> None:
        self.connected = False
        self.error = error
        self.changed.set()

    async def _follow(self) -> None:
        socket = await self._wire.socket()
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._enter(socket)
            await self._watch(socket)
            while True:
                packet = await _next(socket)
                if packet.startswith(_EVENT):
                    if not self._event(packet):
                        await self._watch(socket)
                elif packet.startswith(_DISCONNECT):
                    raise ServerGone("the server has ended the connection")
        except TimeoutError as error:
            raise ServerGone(f"{self._wire.url} opens a socket and says nothing") from error
        finally:
            await socket.close()

    async def _enter(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        if not (await _next(socket)).startswith(_OPEN):
            raise OtherVersion("the server does not speak Engine.IO 4")
        await _say(socket, f"{_CONNECT}{_NAMESPACE},{json.dumps({'token': self._wire.token})}")
        answer = await _next(socket)
        if answer.startswith(_ERROR):
            raise refused(_problem(_body(answer)))
        if not answer.startswith(_CONNECT):
            raise OtherVersion(f"the server answered {answer[:40]!r} to CONNECT")

    async def _watch(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Ask for what we lack; patches that come before the answer lie behind it and are ignored by their version."""
        since = self.mirror.version
        watch = Watch(room=self._room, since=since, protocol=PROTOCOL_VERSION)
        await _say(socket, f'{_EVENT}{_NAMESPACE},1["watch",{watch.model_dump_json()}]')
        async with asyncio.timeout(ANSWER_S):
            packet = await _next(socket)
            while not packet.startswith(f"{_ACK}{_NAMESPACE},1["):
                packet = await _next(socket)
        watching = _watching(_body(packet))
        if watching.snapshot is not None:
            self.mirror.begin(watching.snapshot)
        elif not all(self.mirror.take(patch) for patch in watching.patches):
            raise OtherVersion("the server's patches do not fit its own state")
        self.connected = True
        self.changed.set()

    def _event(self, packet: str) -> bool:
        """Take a patch; False when one before it was missed."""
        try:
            event, body = json.loads(_body(packet))
            if event != "patch":
                return True
            patch = Patch.model_validate(body)
        except (ValueError, TypeError) as error:
            raise OtherVersion(f"the server sent a patch we do not understand: {packet[:80]!r}") from error
        whole = self.mirror.take(patch)
        if whole:
            self.changed.set()
        return whole


async def _next(socket: aiohttp.ClientWebSocketResponse) -> str:
    """The next packet that is no ping; the server's pings say that it lives."""
    while True:
        try:
            async with asyncio.timeout(HEARTBEAT_S):
                frame = await socket.receive()
        except TimeoutError as error:
            raise ServerGone(f"no sign of the server for {HEARTBEAT_S:g} s") from error
        if frame.type is not aiohttp.WSMsgType.TEXT or frame.data == _CLOSE:
            raise ServerGone("the connection has ended")
        if frame.data != _PING:
            return str(frame.data)
        await _say(socket, _PONG)


async def _say(socket: aiohttp.ClientWebSocketResponse, packet: str) -> None:
    try:
        async with asyncio.timeout(ANSWER_S):
            await socket.send_str(packet)
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise ServerGone("the connection has ended") from error


def _body(packet: str) -> str:
    """What follows the namespace and the acknowledgement's number: JSON."""
    return packet[min((place for place in (packet.find("["), packet.find("{")) if place >= 0), default=len(packet)) :]


def _problem(text: str) -> Problem:
    try:
        return Problem.model_validate(json.loads(text)["data"])
    except (ValueError, TypeError, KeyError) as error:
        raise OtherVersion(f"the server refused in other words: {text[:200]}") from error


def _watching(text: str) -> Watching:
    try:
        (answer,) = json.loads(text)
        if "problem" in answer:
            problem = Answer.model_validate(answer).problem
            assert problem is not None
            raise refused(problem)
        return Watching.model_validate(answer)
    except Overtaken as error:
        raise OtherVersion(str(error)) from error
    except (ValueError, TypeError, AssertionError) as error:
        raise OtherVersion(f"the server answered in other words: {text[:200]}") from error
