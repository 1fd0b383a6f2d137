"""Debian's coturn, configured as ours would be: shared secret, no open relay, one allowed peer address."""

from __future__ import annotations

import asyncio
import shutil
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from smartroom.media.transport import Certificate

SECRET = "between-us"
TURNSERVER = shutil.which("turnserver", path="/usr/bin:/usr/sbin:/usr/local/bin") or "turnserver"


class TurnServer(NamedTuple):
    """A running coturn."""

    host: str
    port: int
    tls_port: int


@asynccontextmanager
async def running(
    host: str, folder: Path, *, prefix: Sequence[str] = (), ports: tuple[int, int] | None = None
) -> AsyncIterator[TurnServer]:
    """Started in this folder; `prefix` = a command that starts it elsewhere, then with `ports` for plain and TLS."""
    certificate = Certificate.generateCertificate()
    (folder / "cert.pem").write_bytes(certificate._cert.public_bytes(Encoding.PEM))
    key = certificate._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "key.pem").write_bytes(key)
    server = TurnServer(host, *(ports or (_free(host), _free(host))))
    process = await asyncio.create_subprocess_exec(
        *prefix, TURNSERVER, "-n", "--no-cli", "--listening-ip", host, "--relay-ip", host,
        "--listening-port", str(server.port), "--tls-listening-port", str(server.tls_port),
        "--use-auth-secret", "--static-auth-secret", SECRET, "--realm", "smartroom",
        "--cert", str(folder / "cert.pem"), "--pkey", str(folder / "key.pem"),
        "--denied-peer-ip", "0.0.0.0-255.255.255.255", "--allowed-peer-ip", host, "--no-multicast-peers",
        "--no-tcp-relay", "--user-quota", "12", "--total-quota", "100", "--stale-nonce", "600",
        "--userdb", str(folder / "turn.db"), "--pidfile", str(folder / "pid"), "--log-file", str(folder / "log"),
        "--simple-log", stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    connect = f"import socket; socket.create_connection({(host, server.port)!r}, 1)"
    try:
        async with asyncio.timeout(10):
            while True:
                asking = await asyncio.create_subprocess_exec(
                    *prefix, sys.executable, "-c", connect, stderr=asyncio.subprocess.DEVNULL
                )
                if not await asking.wait():
                    break
        yield server
    finally:
        process.kill()
        await process.wait()


def _free(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
