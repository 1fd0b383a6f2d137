"""The built pages, from memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from smartroom.control.web.pages import Pages
from smartroom.protocol.people import Role
from tests.control.web.house import Served, serve


@pytest.fixture
async def built(tmp_path: Path) -> AsyncIterator[Served]:
    """A server with a small build."""
    folder = tmp_path / "static"
    (folder / "assets").mkdir(parents=True)
    (folder / "panel.html").write_text("<!doctype html><title>panel</title>")
    (folder / "login.html").write_text("<!doctype html><title>masuk</title>")
    (folder / "sw.js").write_text("self")
    (folder / "manifest.webmanifest").write_text("{}")
    (folder / "assets" / "panel-Bx12_-aZ.js").write_text("let x = 1")
    (folder / "assets" / "panel-Bx12_-aZ.js.br").write_bytes(b"packed")
    (folder / "assets" / "font.woff2").write_bytes(b"f")
    (folder / ".built").write_text("")
    async with serve(tmp_path / "data", pages=Pages(folder)) as running:
        yield running


async def test_assets_are_served_from_memory(built: Served) -> None:
    """Hashed names for ever, others asked again; packed when the browser can; 304 when it has it."""
    async with built.client() as http:
        async with http.get("/assets/panel-Bx12_-aZ.js", headers={"Accept-Encoding": "identity"}) as answer:
            assert (answer.status, await answer.text()) == (200, "let x = 1")
            assert "immutable" in answer.headers["Cache-Control"]
            assert answer.content_type == "text/javascript"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
        async with http.get("/assets/font.woff2") as answer:
            assert (answer.content_type, answer.headers["Cache-Control"]) == ("font/woff2", "no-cache")
            tag = answer.headers["ETag"]
        async with http.get("/assets/font.woff2", headers={"If-None-Match": tag}) as answer:
            assert (answer.status, await answer.read()) == (304, b"")
        async with http.get("/sw.js") as answer:
            assert answer.headers["Service-Worker-Allowed"] == "/"
        async with http.get("/manifest.webmanifest") as answer:
            assert answer.content_type == "application/manifest+json"


async def test_packed_twins_are_used(built: Served) -> None:
    """A browser that reads Brotli gets the packed file, marked as such."""
    reader_writer = await __import__("asyncio").open_connection("127.0.0.1", built.port)
    reader, writer = reader_writer
    writer.write(
        f"GET /assets/panel-Bx12_-aZ.js HTTP/1.1\r\nHost: 127.0.0.1:{built.port}\r\nAccept-Encoding: br\r\nConnection: close\r\n\r\n".encode()
    )
    text = await reader.read()
    writer.close()
    assert b"Content-Encoding: br" in text
    assert text.endswith(b"packed")


async def test_pages_carry_the_policy(built: Served) -> None:
    """Scripts and styles from here only, no frame around us, no camera for the panel."""
    async with built.client(await built.token(Role.HOST)) as http:
        for path in ("/", "/panel/ruang", "/login", "/setup", "/pair/abc"):
            async with http.get(path) as answer:
                policy = answer.headers["Content-Security-Policy"]
                assert answer.status == 200
                assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
                assert "frame-ancestors 'none'" in policy
                assert f"ws://127.0.0.1:{built.port}" in policy
                assert "unsafe" not in policy
                assert "camera=()" in answer.headers["Permissions-Policy"]
                assert answer.headers["Referrer-Policy"] == "no-referrer"
                assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"


async def test_nothing_but_what_was_built(built: Served) -> None:
    """Hidden files, twins, folders and the disk around them are not there."""
    async with built.client() as http:
        for path in (
            "/assets/",
            "/assets/.built",
            "/.built",
            "/assets/../panel.html",
            "/assets/panel-Bx12_-aZ.js.br",
            "/static/panel.html",
            "/panel.html",
        ):
            async with http.get(path) as answer:
                assert answer.status == 404, path


async def test_without_a_build_the_page_says_so(tmp_path: Path) -> None:
    """A checkout without pages answers with the command that builds them; the API works."""
    async with serve(tmp_path, pages=Pages(tmp_path / "nothing")) as served, served.client() as http:
        async with http.get("/login") as answer:
            assert answer.status == 503
            assert "make setup" in await answer.text()
        async with http.get("/readyz") as answer:
            assert answer.status == 200
