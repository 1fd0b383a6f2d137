"""Contents looked at before anything changes: by the same rules as showing them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from smartroom.protocol.people import Role
from tests.ports import free_port
from tests.walls import ROOM, House, Walled, png

CONTENTS = f"/api/v1/rooms/{ROOM}/contents"
LISTED = "https://dasbor.kota.example"


@pytest.fixture
async def walled(tmp_path: Path) -> AsyncIterator[Walled]:
    """A server that allows one other site."""
    async with House(tmp_path, free_port(), dashboards=(LISTED,)).serving() as found:
        yield found


async def client(walled: Walled, role: Role = Role.HOST) -> aiohttp.ClientSession:
    """A program with a role."""
    token = (await walled.application.people.tokens.create("t", role, [ROOM], "test")).secret
    return aiohttp.ClientSession(walled.origin, headers={"Authorization": f"Bearer {token}"})


async def test_a_good_content_is_named_and_counted(walled: Walled) -> None:
    """Its canonical text, its words, its pages; names of pictures become ids."""
    picture = walled.application.walls[ROOM].album.add(png(), "denah.png")
    asked = {"content": {"kind": "slides", "images": [picture.id, picture.id], "title": "Denah"}}
    async with await client(walled) as http, http.post(f"{CONTENTS}/check", json=asked) as answer:
        assert answer.status == 200
        found = await answer.json()
    assert found["words"]["id"] == "Gambar: Denah (2 halaman)"
    assert found["pages"] == 2
    assert picture.id in found["text"]


@pytest.mark.parametrize(
    ("content", "where", "words"),
    [
        ({"kind": "kuis"}, "kind", "no content kind"),
        ({"kind": "message"}, None, "content needs 'title'"),
        ({"kind": "message", "title": "x" * 200}, "title", "at most 160"),
        ({"kind": "slides", "images": ["hilang.png"]}, "images.0", "no picture 'hilang.png'"),
        ({"kind": "web", "url": "ftp://a.example"}, "url", "begins with https"),
        ({"kind": "web", "url": "https://lain.example/"}, "url", "not on the list"),
        ({"kind": "web", "url": f"{LISTED}/"}, "url", "cannot be reached"),
    ],
)
async def test_what_is_wrong_names_its_place(
    walled: Walled, content: dict[str, object], where: str | None, words: str
) -> None:
    """Field, reason; both languages; no wall was asked anything."""
    async with await client(walled) as http, http.post(f"{CONTENTS}/check", json={"content": content}) as answer:
        assert answer.status == 400
        body = await answer.json()
        problem = body.get("problem", body)
    assert problem.get("property") == where
    assert words in problem["detail"]
    assert problem["text"]["id"] != problem["text"]["en"]


async def test_hosts_are_told_which_sites_are_allowed_and_guests_are_not(walled: Walled) -> None:
    """The administrator's list, for those who may put something on a wall."""
    async with await client(walled) as http, http.get(f"{CONTENTS}/sites") as answer:
        assert await answer.json() == {"sites": [LISTED]}
    async with await client(walled, Role.AUDITOR) as http, http.get(f"{CONTENTS}/sites") as answer:
        assert answer.status == 403
