"""Media through a real coturn, over UDP, TCP and TLS, with credentials that expire."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aioice import stun as aioice_stun
from aioice import turn as aioice_turn

from smartroom.control.conference.turn import Turn
from smartroom.media.worker import Worker
from smartroom.protocol import media as say
from tests.media.conftest import Room
from tests.media.coturn import SECRET, TurnServer, running
from tests.media.rtcclient import Client
from tests.media.test_browsers import host_address
from tests.media.test_paths import talk

pytestmark = pytest.mark.needs("turnserver")


class RelayedClient(Client):
    """A client whose only way out is a TURN server."""

    def __init__(self, server: TurnServer, username: str, password: str, transport: str) -> None:
        super().__init__(address=server.host)
        self._server, self._username, self._turn_password, self._via = server, username, password, transport
        self._relay: Any = None

    async def open(self) -> None:
        """Allocate a relayed address."""
        outer = self

        class Inner(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
                outer._datagram(data, addr, time.monotonic())

        secure: ssl.SSLContext | bool = False
        if self._via == "tls":
            secure = ssl.create_default_context()
            secure.check_hostname = False
            secure.verify_mode = ssl.CERT_NONE
        port = self._server.tls_port if self._via == "tls" else self._server.port
        self._relay, _ = await aioice_turn.create_turn_endpoint(
            Inner, (self._server.host, port), self._username, self._turn_password,
            ssl=secure, transport="udp" if self._via == "udp" else "tcp",
        )  # fmt: skip
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)  # stands for "open"
        asyncio.get_running_loop().add_reader(self._sock.fileno(), lambda: None)

    def _emit(self, data: bytes) -> None:
        self._relay.sendto(data, self._remote)

    async def close(self) -> None:
        """Give the allocation back."""
        await super().close()
        if self._relay is not None:
            self._relay.close()
            await asyncio.sleep(0.05)


@pytest.fixture
async def coturn(tmp_path: Path) -> AsyncIterator[TurnServer]:
    """A coturn on an address of this machine."""
    async with running(host_address(), tmp_path) as server:
        yield server


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
async def test_media_passes_through_turn(coturn: TurnServer, transport: str) -> None:
    """A subscriber behind a TURN server joins within a second and hears."""
    async with AsyncExitStack() as stack:
        events: list[Any] = []
        worker = await stack.enter_async_context(Worker([coturn.host], 0, events.append))
        await worker.obey(say.OpenRoom(room="r"))
        room = Room(worker, events, stack)
        _, (encoder,) = await room.publisher("ana", video=0, audio=1, address=coturn.host)
        (server,) = Turn(SECRET, ["turn:x"]).servers("budi", time.time())
        client = RelayedClient(coturn, server.username, server.credential, transport)
        stack.push_async_callback(client.close)
        offer = await worker.obey(say.Subscribe(room="r", peer="budi"))
        assert isinstance(offer, say.Description)
        await worker.obey(say.AcceptOffer(room="r", peer="budi", sdp=client.answer(offer.sdp)))
        begun = time.monotonic()
        await client.connect()
        assert time.monotonic() - begun < 3
        await talk(encoder, 0.5)
        assert client.total() >= 15


async def test_expired_credentials_are_refused(coturn: TurnServer) -> None:
    """A credential from an hour ago opens nothing."""
    (server,) = Turn(SECRET, ["turn:x"]).servers("eve", time.time() - 3600)
    client = RelayedClient(coturn, server.username, server.credential, "tcp")
    with pytest.raises(aioice_stun.TransactionFailed):
        await client.open()
    await asyncio.sleep(0.05)
