"""Clients that never finish their sentence."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import aiohttp
import pytest

from smartroom.protocol.people import Role
from tests.control.web.house import ROOM, serve

SLOW = 400
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def slow(port: int) -> Connection:
    """A connection with half a request head."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-A: ".encode())
    return reader, writer


async def drip(connections: list[Connection]) -> None:
    """One more byte on each, every second: a head that grows and never ends."""
    while True:
        await asyncio.sleep(1)
        for _, writer in connections:
            if not writer.is_closing():
                writer.write(b"b")


async def ended(reader: asyncio.StreamReader) -> None:
    """The server has closed."""
    try:
        await reader.read()
    except ConnectionError:
        return


async def test_four_hundred_slow_heads_are_closed_within_ten_seconds(tmp_path: Path) -> None:
    """400 sockets that drip their head are all closed within 10 s, and an honest request meanwhile takes milliseconds."""
    async with serve(tmp_path) as served:
        before = time.monotonic()
        connections = await asyncio.gather(*(slow(served.port) for _ in range(SLOW)))
        dripping = asyncio.create_task(drip(connections))
        honest = []
        async with served.client() as http:
            for _ in range(20):
                began = time.monotonic()
                async with http.get("/healthz") as answer:
                    assert answer.status == 200
                honest.append(time.monotonic() - began)
        async with asyncio.timeout(10 - (time.monotonic() - before)):
            await asyncio.gather(*(ended(reader) for reader, _ in connections))
        dripping.cancel()
        for _, writer in connections:
            writer.close()
    assert sorted(honest)[len(honest) // 2] < 0.1


async def test_a_slow_body_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that does not come is answered with a problem, and its connection ends."""
    monkeypatch.setattr("smartroom.control.web.routes.REQUEST_BODY_S", 0.2)
    async with serve(tmp_path) as served:
        token = await served.token(Role.HOST)
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        head = (
            f"POST /api/v1/rooms/{ROOM}/blank HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\nAuthorization: Bearer {token}\r\n"
            "Content-Type: application/json\r\nContent-Length: 11\r\n\r\n{"
        )
        writer.write(head.encode())
        async with asyncio.timeout(4):
            text = await reader.read()
        writer.close()
    assert b"400 Bad Request" in text
    assert b"the body took longer" in text
    assert served.desk.asked == []


async def test_honest_clients_keep_their_connection(tmp_path: Path) -> None:
    """One connection serves many requests with pauses below the limit; a long answer is not cut by the head's clock."""
    async with serve(tmp_path) as served:
        served.desk.slow_s = 5.5
        token = await served.token(Role.HOST)
        connector = aiohttp.TCPConnector(limit=1)
        async with aiohttp.ClientSession(
            served.origin, connector=connector, headers={"Authorization": f"Bearer {token}"}
        ) as http:
            async with http.post(f"/api/v1/rooms/{ROOM}/scenes/rapat/apply?wait=true") as answer:
                assert answer.status == 200
            async with http.get("/api/v1/me") as answer:
                assert answer.status == 200


async def test_broken_heads_are_answered_and_closed(tmp_path: Path) -> None:
    """Noise, huge lines, conflicting lengths: 400, closed, no traceback."""
    async with serve(tmp_path) as served:
        for noise in (
            b"\x16\x03\x01\x02\x00" + bytes(64),
            b"GET " + b"/" * 20_000 + b" HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 2_000 + b"\r\n",
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
            writer.write(noise)
            async with asyncio.timeout(7):
                text = await reader.read()
            writer.close()
            assert text.startswith((b"HTTP/1.0 400", b"HTTP/1.1 400")), noise[:20]
