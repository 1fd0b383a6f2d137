"""A thousand pages in one process: websocket and Socket.IO read at their barest, so that what is measured is the server.

`python -m tests.bench.crowd` takes one JSON command per line and answers each with one line.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import sys
import time
from collections.abc import Iterable

_STAMP = re.compile(rb"stamp-(\d+)")
_MASK = b"\0\0\0\0"
_JOIN_S = 120.0


class Page(asyncio.Protocol):
    """One page: shakes hands, enters, answers pings, notes when a stamp arrives."""

    def __init__(self, crowd: Crowd, token: str, watch: str | None) -> None:
        self.joined = asyncio.get_running_loop().create_future()
        self._crowd = crowd
        self._token = token
        self._watch = watch
        self._buffer = b""
        self._shaken = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for a websocket."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1:{self._crowd.port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def connection_lost(self, error: Exception | None) -> None:
        """A page that is cut has not joined."""
        if not self.joined.done():
            self.joined.set_exception(ConnectionError(f"cut while joining: {self._buffer[:200]!r}"))

    def data_received(self, piece: bytes) -> None:
        """Take frames apart."""
        self._buffer += piece
        if not self._shaken:
            head, found, rest = self._buffer.partition(b"\r\n\r\n")
            if not found:
                return
            if b" 101 " not in head:
                self.transport.abort()
                return
            self._shaken, self._buffer = True, rest
        for text in self._frames():
            self._take(text)

    def _frames(self) -> Iterable[bytes]:
        while len(self._buffer) >= 2:
            size, start = self._buffer[1] & 0x7F, 2
            if size == 126:
                size, start = int.from_bytes(self._buffer[2:4]), 4
            elif size == 127:
                size, start = int.from_bytes(self._buffer[2:10]), 10
            if len(self._buffer) < start + size:
                return
            text, self._buffer = self._buffer[start : start + size], self._buffer[start + size :]
            yield text

    def _take(self, text: bytes) -> None:
        if text.startswith(b'42/room,["patch"'):
            found = _STAMP.search(text)
            if found:
                self._crowd.arrived(int(found[1]))
        elif text == b"2":
            self._say("3")
        elif text.startswith(b"0"):
            self._say(f"40/room,{json.dumps({'token': self._token})}")
        elif text.startswith(b"40/room") and self._watch:
            self._say(f"42/room,1{self._watch}")
        elif text.startswith((b"40/room", b"43/room,1")) and not self.joined.done():
            self.joined.set_result(len(text))

    def _say(self, text: str) -> None:
        body = text.encode()
        head = bytes([0x81, 0x80 | len(body)]) if len(body) < 126 else b"\x81\xfe" + len(body).to_bytes(2)
        self.transport.write(head + _MASK + body)


class Crowd:
    """Many pages of one server."""

    def __init__(self) -> None:
        self.port = 0
        self._pages: list[Page] = []
        self._counts: dict[int, int] = {}
        self._last: dict[int, float] = {}

    def arrived(self, stamp: int) -> None:
        """One page has a stamp; the last one's time is kept."""
        self._counts[stamp] = self._counts.get(stamp, 0) + 1
        self._last[stamp] = time.monotonic()

    async def join(self, port: int, pages: int, token: str, watch: str | None) -> dict[str, float]:
        """Everybody at once; seconds until the last one has its snapshot."""
        self.port = port
        self._counts, self._last = {}, {}
        loop = asyncio.get_running_loop()
        began = time.monotonic()
        async with asyncio.timeout(_JOIN_S):
            made = await asyncio.gather(
                *(loop.create_connection(lambda: Page(self, token, watch), "127.0.0.1", port) for _ in range(pages))
            )
            self._pages = [page for _, page in made]
            sizes = await asyncio.gather(*(page.joined for page in self._pages))
        return {"seconds": time.monotonic() - began, "snapshot_kib": sizes[0] / 1024}

    def stamps(self) -> dict[str, object]:
        """Stamp -> how many pages have it, and when the last one got it (monotonic, one clock for all processes)."""
        return {"counts": self._counts, "last": self._last}

    def leave(self) -> dict[str, object]:
        """Everybody out."""
        for page in self._pages:
            page.transport.abort()
        self._pages = []
        return {}


async def main() -> None:
    """Obey lines."""
    crowd = Crowd()
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        asked = json.loads(line)
        what = asked.pop("do")
        answer = await crowd.join(**asked) if what == "join" else getattr(crowd, what)()
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
