"""Socket.IO made safe to stand at a door: one bounded outbox per page, one gate for what comes in, no loose task.

The libraries hold an unbounded queue per client and log a traceback per broken packet. What is replaced here rests on
a few of their private places; `tests/control/web/test_sockets_contract.py` fails when a new version moves one.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Protocol, cast

import engineio
import socketio
from aiohttp import WSMsgType, web
from engineio.packet import MESSAGE
from engineio.packet import Packet as EnginePacket
from pydantic_core import to_json
from socketio.packet import Packet as SocketPacket

from smartroom.control.errors import ProblemError, problem
from smartroom.control.limits import (
    SOCKET_FRAME,
    SOCKET_KERNEL,
    SOCKET_OFFENCES,
    SOCKET_OUTBOX,
    SOCKET_PING_S,
    SOCKET_PONG_S,
    SOCKET_READY,
    SOCKET_STALL_S,
    SOCKETS_UNKNOWN,
)
from smartroom.control.web.gate import parse_json
from smartroom.control.web.metrics import Meters
from smartroom.protocol.errors import ErrorCode

log = logging.getLogger(__name__)

_CLOSE_S = 1.0
_SAID_EVERY_S = 60.0
_PONG, _CLOSE, _MESSAGE = "3", "1", "4"
_SPOKEN = frozenset("0123")
"""Socket.IO packets we speak: CONNECT, DISCONNECT, EVENT, ACK. Those with binary attachments are refused."""


class Encoded(str):
    """JSON already made: an answer or patch that many pages get is encoded once."""

    __slots__ = ()


class Outbox(asyncio.Queue[EnginePacket | None]):
    """What is held for one page, counted in bytes until the kernel has it. The page that lets it overflow is cut."""

    def __init__(self) -> None:
        super().__init__()
        self.born = time.monotonic()
        self.held = 0
        self.link: Link | None = None
        self.known = False
        """The page has said who it is."""

    def put_nowait(self, item: EnginePacket | None) -> None:
        """Engine.IO puts here, by `put` as well."""
        size = len(item.encode()) if item is not None else 0
        if size and self.held and self.held + size > SOCKET_OUTBOX:
            if self.link is not None:
                self.link.cut("outbox")
            return
        self.held += size
        super().put_nowait(item)

    @property
    def ready(self) -> bool:
        """So little waits that a patch may follow; above it the page gets the newest state once it has caught up."""
        return self.held < SOCKET_READY


class Link:
    """The websocket as Engine.IO wants it, with an eye on what is not taken and a gate on receiving."""

    def __init__(self, handler: Callable[[Link], Awaitable[None]], server: Engine) -> None:
        self._handler = handler
        self._server = server
        self._outbox = _queue_of(handler)
        self._socket = web.WebSocketResponse(max_msg_size=SOCKET_FRAME, compress=False, timeout=_CLOSE_S)
        self._transport: asyncio.Transport | None = None
        self._source = ""
        self._offences = 0
        self._given = 0
        self._taken = 0
        self._taken_at = time.monotonic()

    async def __call__(self, environ: Mapping[str, object]) -> web.WebSocketResponse:
        """Speak until either side ends."""
        request = environ["aiohttp.request"]
        assert isinstance(request, web.BaseRequest)
        await self._socket.prepare(request)
        self._source = request.remote or "-"
        self._transport = request.transport
        if self._transport is not None:
            connection = self._transport.get_extra_info("socket")
            if connection is not None and connection.family != socket.AF_UNIX:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_KERNEL)
        self._outbox.link = self
        await self._handler(self)
        return self._socket

    async def send(self, message: str) -> None:
        """Send one frame; a page that takes nothing of it is cut by `check_stall`."""
        try:
            await self._socket.send_str(message)
        finally:
            self._given += len(message)
            self._outbox.held -= len(message)

    async def wait(self) -> str:
        """The next frame worth parsing. Three that are not, and the page is cut."""
        while True:
            frame = await self._socket.receive()
            if frame.type is WSMsgType.TEXT:
                text: str = frame.data
                if text[:1] == _MESSAGE and text[1:2] in _SPOKEN:
                    return text
                if text in (_PONG, _CLOSE):
                    return text
                self.offence("a packet that is none")
            elif frame.type is WSMsgType.BINARY:
                self.offence("a binary frame")
            else:
                raise OSError("the websocket has ended")

    async def close(self) -> None:
        """Close, politely."""
        await self._socket.close()

    def offence(self, what: str) -> None:
        """Count something broken; the third cuts the page. One log line a minute per reason."""
        self._offences += 1
        self._server.said(f"page at {self._source} sent {what}")
        if self._offences >= SOCKET_OFFENCES:
            self.cut("offence")

    def cut(self, reason: str) -> None:
        """End at once, without waiting for a page that may not listen."""
        if self._transport is not None and not self._transport.is_closing():
            self._server.meters.cut(reason)
            self._transport.abort()

    def check_stall(self) -> None:
        """Cut when bytes wait and not one has gone for SOCKET_STALL_S."""
        if self._transport is None or self._transport.is_closing():
            return
        waiting = self._transport.get_write_buffer_size()
        taken = self._given - waiting
        now = time.monotonic()
        if not waiting or taken != self._taken:
            self._taken, self._taken_at = taken, now
        elif now - self._taken_at >= SOCKET_STALL_S:
            self.cut("stalled")


class Engine(engineio.AsyncServer):  # type: ignore[misc]  # the library ships no types
    """Engine.IO with our outbox, our websocket, and tasks that somebody owns."""

    meters: Meters
    group: asyncio.TaskGroup | None = None
    tasks: set[asyncio.Task[None]]
    _said: dict[str, float]

    def create_queue(self, *_arguments: object, **_options: object) -> Outbox:
        """The queue of a client."""
        return Outbox()

    def start_background_task(
        self, target: Callable[..., Coroutine[object, object, object]], *arguments: object, **options: object
    ) -> asyncio.Task[None]:
        """A task of the server's group; what it raises is logged and ends only itself."""
        assert self.group is not None
        task = self.group.create_task(_quietly(target(*arguments, **options)))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    def said(self, sentence: str) -> None:
        """Log a sentence, the same one once a minute."""
        now = time.monotonic()
        if now - self._said.get(sentence, -_SAID_EVERY_S) >= _SAID_EVERY_S:
            if len(self._said) > SOCKET_OFFENCES * 1000:
                self._said.clear()
            self._said[sentence] = now
            log.warning("%s", sentence)


class Sockets(socketio.AsyncServer):  # type: ignore[misc]  # the library ships no types
    """The Socket.IO server: websocket only, JSON only, frames of 64 KiB, a ping every four seconds."""

    def __init__(self, meters: Meters, namespaces: list[str]) -> None:
        super().__init__(
            async_mode="aiohttp",
            transports=["websocket"],
            serializer=_Packet,
            namespaces=namespaces,
            max_http_buffer_size=SOCKET_FRAME,
            ping_interval=SOCKET_PING_S,
            ping_timeout=SOCKET_PONG_S,
            cors_allowed_origins=[],  # the server's own guard has looked already
            http_compression=False,
            logger=_QUIET,
            engineio_logger=_QUIET,
        )
        engine: Engine = self.eio
        engine.meters = meters
        engine.tasks = set()
        engine._said = {}  # noqa: SLF001  # our own class
        engine._async = {**engine._async, "websocket": Link}  # noqa: SLF001  # the library has no public place for it
        self.engine = engine

    @property
    def outboxes(self) -> dict[str, Outbox]:
        """Outbox of every connection, by Engine.IO's id."""
        return {key: cast("Outbox", client.queue) for key, client in self.engine.sockets.items()}

    def outbox(self, connection: str) -> Outbox | None:
        """The outbox of one connection."""
        client = self.engine.sockets.get(connection)
        return None if client is None else cast("Outbox", client.queue)

    async def admit(self, request: web.Request) -> web.StreamResponse:
        """A websocket, unless too many stand at the door already without having said who they are."""
        everybody = self.engine.sockets
        # Counted only when it can be true: a thousand panels that come back at once would count each other a million times.
        if len(everybody) >= SOCKETS_UNKNOWN <= sum(not outbox.known for outbox in self.outboxes.values()):
            raise ProblemError(
                problem(ErrorCode.OVERLOADED, "Terlalu banyak yang menyambung", "Too many connect at once")
            )
        answer: web.StreamResponse = await self.handle_request(request)
        return answer

    def _engineio_server_class(self) -> type[Engine]:
        return Engine

    async def _handle_eio_message(self, eio_sid: str, text: object) -> None:
        """Parse one packet; a broken one is an offence and no traceback."""
        try:
            await super()._handle_eio_message(eio_sid, text)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
            outbox = self.outbox(eio_sid)
            if outbox is not None and outbox.link is not None:
                outbox.link.offence(f"a broken packet ({type(error).__name__})")


def event_packet(namespace: str, event: str, body: str) -> EnginePacket:
    """An event with a body that is JSON already; one packet serves every page."""
    return EnginePacket(MESSAGE, data=f'2{namespace},["{event}",{body}]')


class _Json:
    """How packets become text and back."""

    @staticmethod
    def dumps(value: object, **_options: object) -> str:
        if isinstance(value, list) and len(value) == 1 and isinstance(value[0], Encoded):
            return f"[{value[0]}]"
        return to_json(value).decode()

    @staticmethod
    def loads(text: str) -> object:
        return parse_json(text)


class _Packet(SocketPacket):  # type: ignore[misc]  # the library ships no types
    json = _Json


class _HasQueue(Protocol):
    queue: Outbox


def _queue_of(handler: Callable[[Link], Awaitable[None]]) -> Outbox:
    # Engine.IO hands over a bound method of the client's socket.
    owner = cast("_HasQueue", handler.__self__)  # type: ignore[attr-defined]
    return owner.queue


async def _quietly(work: Coroutine[object, object, object]) -> None:
    try:
        await work
    except ConnectionError:
        log.debug("a page left", exc_info=True)
    except engineio.exceptions.EngineIOError:
        log.debug("a page left", exc_info=True)
    except Exception:  # one page's trouble must not end the server
        log.exception("a socket's task failed")


_QUIET = logging.getLogger("smartroom.control.web.sockets.foreign")
_QUIET.setLevel(logging.CRITICAL)
