"""Media through a real coturn, over UDP, TCP and TLS, with credentials that expire."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aioice import stun as aioice_stun
from aioice import turn as aioice_turn
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from smartroom.control.conference.turn import Turn
from smartroom.media.transport import Certificate
from smartroom.media.worker import Worker
from smartroom.protocol import media as say
from tests.media.conftest import Room
from tests.media.rtcclient import Client
from tests.media.test_browsers import host_address
from tests.media.test_paths import talk

pytestmark = pytest.mark.needs("turnserver")
SECRET = "between-us"
TURNSERVER = shutil.which("turnserver", path="/usr/bin:/usr/sbin:/usr/local/bin") or "turnserver"


class TurnServer(NamedTuple):
    """A running coturn."""

    host: str
    port: int
    tls_port: int


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
    """Configured as ours would be: shared secret, no open relay, one allowed peer address."""
    host = host_address()
    certificate = Certificate.generateCertificate()
    (tmp_path / "cert.pem").write_bytes(certificate._cert.public_bytes(Encoding.PEM))
    key = certificate._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "key.pem").write_bytes(key)
    server = TurnServer(host, _free(host), _free(host))
    process = await asyncio.create_subprocess_exec(
        TURNSERVER, "-n", "--no-cli", "--listening-ip", host, "--relay-ip", host, "--listening-port", str(server.port),
        "--tls-listening-port", str(server.tls_port), "--use-auth-secret", "--static-auth-secret", SECRET,
        "--realm", "smartroom", "--cert", str(tmp_path / "cert.pem"), "--pkey", str(tmp_path / "key.pem"),
        "--denied-peer-ip", "0.0.0.0-255.255.255.255", "--allowed-peer-ip", host, "--no-multicast-peers",
        "--no-tcp-relay", "--user-quota", "12", "--total-quota", "100", "--stale-nonce", "600",
        "--userdb", str(tmp_path / "turn.db"), "--pidfile", str(tmp_path / "pid"), "--log-file", str(tmp_path / "log"),
        "--simple-log", stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(10):
            while True:
                try:
                    _, writer = await asyncio.open_connection(host, server.port)
                except OSError:
                    await asyncio.sleep(0.05)
                else:
                    writer.close()
                    break
        yield server
    finally:
        process.kill()
        await process.wait()


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


def _free(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
