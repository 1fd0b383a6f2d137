"""Other sites, other hosts: a browser that visits a bad page must not move this room."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest

from smartroom.protocol.people import Role
from tests.control.web.house import PASSWORD, ROOM, add, serve

FOREIGN = (
    "https://evil.example",
    "null",
    "http://127.0.0.1",
    "http://127.0.0.1:1",
    "file://",
    "http://localhost.evil.example",
)


@pytest.mark.parametrize("origin", FOREIGN)
async def test_a_foreign_origin_is_refused_everywhere(tmp_path: Path, origin: str) -> None:
    """Pages, API and sockets answer 403 to a foreign or `null` Origin, with a valid cookie and with a valid token."""
    async with serve(tmp_path) as served:
        await add(served.people, Role.HOST)
        _, secret = await served.people.login("host", PASSWORD, "here")
        token = await served.token(Role.HOST)
        for credential in ({"Cookie": f"sid={secret}"}, {"Authorization": f"Bearer {token}"}):
            async with aiohttp.ClientSession(served.origin, headers={"Origin": origin, **credential}) as http:
                async with http.post(f"/api/v1/rooms/{ROOM}/blank", json={"on": True}) as answer:
                    assert answer.status == 403
                async with http.get("/api/v1/me") as answer:
                    assert answer.status == 403
                async with http.post("/api/v1/login", json={"name": "host", "password": PASSWORD}) as answer:
                    assert answer.status == 403
                with pytest.raises(aiohttp.WSServerHandshakeError) as error:
                    await http.ws_connect("/socket.io/?EIO=4&transport=websocket")
                assert error.value.status == 403
        assert served.desk.asked == []


async def test_without_an_origin_cookies_move_nothing(tmp_path: Path) -> None:
    """A program without an Origin needs a token: its cookie may look, not touch; from another site it may not even look."""
    async with serve(tmp_path) as served:
        await add(served.people, Role.HOST)
        _, secret = await served.people.login("host", PASSWORD, "here")
        path = f"/api/v1/rooms/{ROOM}"
        async with aiohttp.ClientSession(served.origin, headers={"Cookie": f"sid={secret}"}) as http:
            async with http.get(path) as answer:
                assert answer.status == 200
            async with http.get(path, headers={"Sec-Fetch-Site": "cross-site"}) as answer:
                assert answer.status == 401
            async with http.post(f"{path}/blank", json={"on": True}) as answer:
                assert answer.status == 401
        token = await served.token(Role.HOST)
        async with served.client(token, origin=False) as http, http.post(f"{path}/blank", json={"on": True}) as answer:
            assert answer.status == 200
        assert served.desk.asked == [("blank", True)]


async def test_another_host_name_is_refused(tmp_path: Path) -> None:
    """A name that was pointed at us (DNS rebinding) is answered 403; health probes answer under any name."""
    async with serve(tmp_path) as served:
        for path, expected in (("/", b"403"), ("/metrics", b"403"), ("/healthz", b"200")):
            reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
            writer.write(
                f"GET {path} HTTP/1.1\r\nHost: evil.example:{served.port}\r\nConnection: close\r\n\r\n".encode()
            )
            assert (await reader.read())[9:12] == expected, path
            writer.close()
