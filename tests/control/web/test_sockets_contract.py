"""The private places of our libraries that the web rests on. A new version that moves one fails here, by name."""

from __future__ import annotations

import asyncio
import inspect

import engineio
import socketio
from aiohttp import web_protocol
from engineio.async_socket import AsyncSocket
from engineio.packet import MESSAGE, Packet

from smartroom.control.limits import REQUEST_HEAD_S, SOCKET_OUTBOX
from smartroom.control.web.metrics import Meters
from smartroom.control.web.sockets import Encoded, Engine, Link, Outbox, Sockets, event_packet
from tests.control.web.house import Served


def test_engine_io_takes_our_queue_and_our_websocket() -> None:
    """A client's queue comes from `create_queue`, its websocket from `_async`, bound to the client's own handler."""
    sockets = Sockets(Meters(), ["/room"])
    assert type(sockets.eio) is Engine
    assert sockets.eio._async["websocket"] is Link
    client = AsyncSocket(sockets.eio, "x")
    assert type(client.queue) is Outbox
    assert client._websocket_handler.__self__ is client
    assert "self.server._async['websocket'](" in inspect.getsource(AsyncSocket._upgrade_websocket)
    assert "_async" not in Engine.__dict__
    assert engineio.AsyncServer().__class__ is engineio.AsyncServer  # ours changes nobody else's


def test_socket_io_parses_in_the_place_we_guard() -> None:
    """Packets are parsed by `_handle_eio_message` with `packet_class`, which an instance looks up on itself."""
    assert inspect.iscoroutinefunction(socketio.AsyncServer._handle_eio_message)
    assert "self.packet_class(encoded_packet=" in inspect.getsource(socketio.AsyncServer._handle_eio_message)
    sockets = Sockets(Meters(), ["/room"])
    assert sockets.eio.handlers["message"].__func__ is Sockets._handle_eio_message
    assert sockets.packet_class.json is not socketio.packet.Packet.json


def test_the_writer_waits_for_each_frame() -> None:
    """The library's writer awaits `ws.send`, so that what is held is counted until the kernel has it."""
    source = inspect.getsource(AsyncSocket._websocket_handler)
    assert "await ws.send(pkt.encode())" in source
    assert "await ws.wait()" in source


def test_ready_made_json_goes_out_as_it_is() -> None:
    """An answer encoded once is not encoded again, and an event packet is what Socket.IO's clients read."""
    sockets = Sockets(Meters(), ["/room"])
    made = sockets.packet_class(socketio.packet.ACK, namespace="/room", id=7, data=[Encoded('{"ok":1}')])
    assert made.encode() == '3/room,7[{"ok":1}]'
    text = event_packet("/room", "patch", '{"version":2}').encode()
    assert text == '42/room,["patch",{"version":2}]'
    read = socketio.packet.Packet(encoded_packet=text[1:])
    assert (read.namespace, read.data) == ("/room", ["patch", {"version": 2}])


async def test_an_outbox_counts_and_overflows() -> None:
    """Bytes put are held until sent; above 256 KiB nothing more is taken and the link is cut. One large snapshot passes."""
    cuts = []

    class Cut:
        def cut(self, reason: str) -> None:
            cuts.append(reason)

    box = Outbox()
    box.link = Cut()  # type: ignore[assignment]
    box.put_nowait(Packet(MESSAGE, data="x" * (SOCKET_OUTBOX * 2)))
    assert (box.qsize(), cuts) == (1, [])
    await box.put(Packet(MESSAGE, data="y"))
    assert (box.qsize(), cuts) == (1, ["outbox"])
    assert box.held == SOCKET_OUTBOX * 2 + 1


def test_the_head_deadline_is_the_librarys_own() -> None:
    """Aiohttp starts its keep-alive clock with the connection and lets it end one whose head is not complete."""
    assert "call_at(close_time, self._process_keepalive)" in inspect.getsource(
        web_protocol.RequestHandler.connection_made
    )
    assert "self.force_close()" in inspect.getsource(web_protocol.RequestHandler._process_keepalive)
    assert REQUEST_HEAD_S <= 5


async def test_nothing_is_left_when_the_server_has_ended(served: Served) -> None:
    """A page and its tasks end with the server."""
    token = await served.token("host")  # type: ignore[arg-type]
    async with served.page(token) as page:
        await page.watch()
        assert served.server.sockets.engine.tasks
        await served.server.__aexit__(None, None, None)
        async with asyncio.timeout(2):
            await page.gone.wait()
    assert not served.server.sockets.engine.tasks
    await served.server.__aenter__()
