"""A bottleneck in user space: a UDP relay with loss, delay, rate and a queue, per direction; needs no root."""

from __future__ import annotations

import asyncio
import random
import socket
import time
from dataclasses import dataclass
from typing import Self


@dataclass
class Link:
    """One direction. `rate` in bit/s (0 = no limit), `delay` and `queue` in seconds, `loss` as a fraction."""

    rate: float = 0
    delay: float = 0
    loss: float = 0
    queue: float = 0.3
    down: bool = False
    free: float = 0
    last: float = 0
    dropped: int = 0


class Relay:
    """Stands between one client and a server; `down` is server to client."""

    def __init__(self, server: tuple[str, int], seed: int = 1) -> None:
        self.up, self.down = Link(), Link()
        self._server = server
        self._client: tuple[str, int] | None = None
        self._random = random.Random(seed)
        self._near = self._socket()
        self._far = self._socket()
        self.address: tuple[str, int] = self._near.getsockname()

    async def __aenter__(self) -> Self:
        """Begin to relay."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._near.fileno(), self._from_client)
        loop.add_reader(self._far.fileno(), self._from_server)
        return self

    async def __aexit__(self, *_: object) -> None:
        """End."""
        loop = asyncio.get_running_loop()
        for sock in (self._near, self._far):
            loop.remove_reader(sock.fileno())
            sock.close()

    @staticmethod
    def _socket() -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.bind(("127.0.0.1", 0))
        return sock

    def _from_client(self) -> None:
        data, self._client = self._near.recvfrom(2048)
        self._pass(self.up, data, self._far, self._server)

    def _from_server(self) -> None:
        data, _ = self._far.recvfrom(2048)
        if self._client is not None:
            self._pass(self.down, data, self._near, self._client)

    def _pass(self, link: Link, data: bytes, sock: socket.socket, target: tuple[str, int]) -> None:
        now = time.monotonic()
        if link.down or (link.loss and self._random.random() < link.loss):
            link.dropped += 1
            return
        if link.rate:
            link.free = max(link.free, now) + 8 * len(data) / link.rate
            if link.free - now > link.queue:
                link.free -= 8 * len(data) / link.rate
                link.dropped += 1
                return
        at = max(now, link.free) + link.delay
        asyncio.get_running_loop().call_later(max(0.0, at - now), self._send, sock, data, target)

    @staticmethod
    def _send(sock: socket.socket, data: bytes, target: tuple[str, int]) -> None:
        if sock.fileno() >= 0:
            sock.sendto(data, target)
