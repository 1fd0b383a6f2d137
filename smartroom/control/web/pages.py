"""The built pages, held in memory: nothing a browser names is ever a path on the disk."""

from __future__ import annotations

import hashlib
import mimetypes
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable

from aiohttp import hdrs, web

from smartroom.control.web.problems import not_found

PANEL = "panel.html"
LOGIN = "login.html"
TECHNICIAN = "technician.html"
WALL = "wall.html"
MEETING = "meeting.html"
CEREMONY = "ceremony.html"
VERIFY = "verify.html"
SIGN = "sign.html"
PAD = "pad.html"
_ALL = frozenset({PANEL, LOGIN, TECHNICIAN, WALL, MEETING, CEREMONY, VERIFY, SIGN, PAD})

_HASHED = re.compile(r"^assets/.+-[A-Za-z0-9_-]{8,}\.[a-z0-9]+$")
_FOREVER = "public, max-age=31536000, immutable"
_ASK = "no-cache"
_PACKED = (("br", ".br"), ("gzip", ".gz"))
_TYPES = {
    ".js": "text/javascript",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One built file, with its packed twins."""

    body: bytes
    content_type: str
    tag: str
    immutable: bool
    packed: Mapping[str, bytes]


class Pages:
    """Built files by name."""

    def __init__(self, folder: Traversable | None = None) -> None:
        root = folder or resources.files("smartroom.control.web") / "static"
        found = dict(_walk(root, "")) if root.is_dir() else {}
        packed = {name: body for name, body in found.items() if name.endswith((".br", ".gz"))}
        self._assets = {name: _asset(name, body, packed) for name, body in found.items() if name not in packed}

    @property
    def built(self) -> bool:
        """False in a checkout where nobody has built them."""
        return PANEL in self._assets

    def answer(self, request: web.Request, name: str) -> web.Response:
        """A file; 304 when the browser has it; raises ProblemError NOT_FOUND."""
        asset = self._assets.get(name)
        if asset is None:
            if name in _ALL:
                return not_built()
            raise not_found("Berkas ini tidak ada", "There is no such file")
        headers: dict[str, str] = {
            hdrs.ETAG: asset.tag,
            hdrs.CACHE_CONTROL: _FOREVER if asset.immutable else _ASK,
            hdrs.VARY: "Accept-Encoding",
        }
        if request.headers.get(hdrs.IF_NONE_MATCH) == asset.tag:
            unchanged = web.Response(status=304, headers=headers)
            # A browser takes over the policy of a 304, too: a page needs a page's.
            unchanged.content_type = asset.content_type
            return unchanged
        body = asset.body
        accepted = request.headers.get(hdrs.ACCEPT_ENCODING, "")
        for coding, _ in _PACKED:
            if coding in asset.packed and coding in accepted:
                body = asset.packed[coding]
                headers[hdrs.CONTENT_ENCODING] = coding
                break
        if name == "sw.js":
            headers["Service-Worker-Allowed"] = "/"
        response = web.Response(body=body, headers=headers)
        response.content_type = asset.content_type
        if asset.content_type.startswith("text/"):
            response.charset = "utf-8"
        return response


def plain(title: str, *paragraphs: str, after: str = "", status: int = 200) -> web.Response:
    """A page without script, for when there is nothing better. `paragraphs` and what stands `after` them are HTML."""
    body = "\n".join((*(f"<p>{paragraph}</p>" for paragraph in paragraphs), after))
    text = (
        '<!doctype html><html lang="id"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="stylesheet" href="/plain.css">'
        f"<title>{title}</title></head><body><h1>{title}</h1>\n{body}\n</body></html>"
    )
    return web.Response(text=text, content_type="text/html", status=status)


def not_built() -> web.Response:
    """The pages are not there."""
    return plain(
        "Halaman belum dibangun",
        "Jalankan <code>make setup</code>, lalu nyalakan ulang server.",
        '<span lang="en">The pages are not built. Run <code>make setup</code>, then restart the server. The API works without them.</span>',
        status=503,
    )


def _walk(folder: Traversable, prefix: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for entry in folder.iterdir():
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            found += _walk(entry, f"{prefix}{entry.name}/")
        else:
            found.append((prefix + entry.name, entry.read_bytes()))
    return found


def _asset(name: str, body: bytes, packed: Mapping[str, bytes]) -> Asset:
    suffix = name[name.rfind(".") :]
    kind = _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Asset(
        body=body,
        content_type=kind,
        tag=f'"{hashlib.sha256(body).hexdigest()[:32]}"',
        immutable=bool(_HASHED.match(name)),
        packed={coding: packed[name + ending] for coding, ending in _PACKED if name + ending in packed},
    )
