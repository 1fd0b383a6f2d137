"""Uploads: by their bytes, in bounds, by who may, kept over a restart."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from smartroom.control.limits import PICTURE_BYTES
from smartroom.protocol.people import Role
from tests.ports import free_port
from tests.walls import ROOM, House, Walled, png

PICTURES = f"/api/v1/rooms/{ROOM}/pictures"


@pytest.fixture
async def walled(tmp_path: Path) -> AsyncIterator[Walled]:
    """A server with walls."""
    async with House(tmp_path, free_port()).serving() as found:
        yield found


async def client(walled: Walled, role: Role = Role.OPERATOR) -> aiohttp.ClientSession:
    """A program with a role."""
    token = (await walled.application.people.tokens.create("t", role, [ROOM], "test")).secret
    return aiohttp.ClientSession(walled.origin, headers={"Authorization": f"Bearer {token}"})


async def test_a_picture_is_kept_and_shown(walled: Walled) -> None:
    """Uploaded, listed, served as kept with a digest for its name, removed; the same picture twice is one."""
    async with await client(walled) as http:
        async with http.post(
            f"{PICTURES}?name=../denah.png", data=png(), headers={"Content-Type": "image/png"}
        ) as answer:
            assert answer.status == 201
            kept = await answer.json()
        assert (kept["width"], kept["height"], kept["name"]) == (64, 36, ".._denah.png")
        async with http.post(PICTURES, data=png(), headers={"Content-Type": "image/png"}) as answer:
            assert (await answer.json())["id"] == kept["id"]
        async with http.get(f"{PICTURES}/{kept['id']}") as answer:
            assert answer.content_type == "image/png"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Content-Disposition"].startswith("attachment")
            assert await answer.read() == png()
        async with http.get(PICTURES) as answer:
            assert [item["id"] for item in await answer.json()] == [kept["id"]]
        async with http.delete(f"{PICTURES}/{kept['id']}") as answer:
            assert answer.status == 204
        async with http.get(f"{PICTURES}/{kept['id']}") as answer:
            assert answer.status == 404


async def test_a_restart_keeps_uploads(tmp_path: Path) -> None:
    """They lie in the data folder under their digest."""
    house = House(tmp_path, free_port())
    async with house.serving() as walled:
        picture = walled.application.walls[ROOM].album.add(png(), "x")
    async with house.serving() as walled:
        found = walled.application.walls[ROOM].album.find(picture.id)
        assert found is not None
        assert (found.picture.width, found.picture.height) == (64, 36)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "image/png"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "image/png"),
        (b"GIF89a" + bytes(100), "image/png"),
        (png()[:-20], "image/png"),
        (b"\xff\xd8\xff\xe0" + bytes(50), "image/jpeg"),
    ],
)
async def test_what_is_no_picture_is_refused(walled: Walled, body: bytes, kind: str) -> None:
    """Whatever its type claims: 422 or 400 with a reason, nothing kept."""
    async with await client(walled) as http, http.post(PICTURES, data=body, headers={"Content-Type": kind}) as answer:
        assert answer.status in (400, 422)
        assert "picture" in await answer.text()
    assert list(walled.application.walls[ROOM].album) == []


async def test_a_huge_upload_is_cut_off(walled: Walled) -> None:
    """Announced too large: refused unread. Sent in chunks without a length: refused when it passes the limit."""

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(PICTURE_BYTES // 65_536 + 20):
            yield bytes(65_536)
            await asyncio.sleep(0)

    async with await client(walled) as http:
        headers = {"Content-Type": "image/png"}
        async with http.post(PICTURES, data=io.BytesIO(bytes(PICTURE_BYTES + 1)), headers=headers) as answer:
            assert answer.status == 413
        try:
            async with http.post(PICTURES, data=endless(), headers=headers) as answer:
                assert answer.status == 413
        except aiohttp.ClientError:
            pass  # the server hung up before the client had sent it all: as good
        async with http.post(PICTURES, data=b"x", headers={"Content-Type": "image/svg+xml"}) as answer:
            assert answer.status == 415
        async with http.post(f"/api/v1/rooms/{ROOM}/blank", data=bytes(70_000)) as answer:
            assert answer.status == 413, "no other route takes more than before"


@pytest.mark.parametrize(("role", "status"), [(Role.HOST, 201), (Role.DISPLAY, 403), (Role.AUDITOR, 403)])
async def test_who_may_upload(walled: Walled, role: Role, status: int) -> None:
    """Who works with the room; a wall's screen only looks."""
    async with await client(walled, role) as http:
        async with http.post(PICTURES, data=png(), headers={"Content-Type": "image/png"}) as answer:
            assert answer.status == status
        async with http.get(PICTURES) as answer:
            assert answer.status == 200


async def test_a_stranger_sees_no_picture(walled: Walled) -> None:
    """Without a credential: 401, whether the picture exists or not."""
    picture = walled.application.walls[ROOM].album.add(png(), "x")
    async with aiohttp.ClientSession(walled.origin) as http:
        for path in (f"{PICTURES}/{picture.id}", f"{PICTURES}/{'0' * 32}"):
            async with http.get(path) as answer:
                assert answer.status == 401
