"""Pictures for slides by HTTP: upload, list, show, remove. What is kept was taken apart and put together again."""

from __future__ import annotations

import asyncio
import re

from aiohttp import hdrs, web

from smartroom.control.displays.pictures.album import Album, AlbumFull
from smartroom.control.displays.pictures.formats import BadPicture
from smartroom.control.errors import ProblemError, problem
from smartroom.control.identity.rights import Action, Resource
from smartroom.control.limits import PICTURE_BYTES, PICTURE_UPLOAD_S, PICTURES_AT_ONCE
from smartroom.control.web.gate import invalid
from smartroom.control.web.keys import ACTOR, HOUSE
from smartroom.control.web.presses import check, note
from smartroom.control.web.problems import not_found
from smartroom.control.web.routes import Call, Nothing, page, route
from smartroom.protocol.base import Text
from smartroom.protocol.displays import Picture
from smartroom.protocol.errors import ErrorCode

_PICTURES = "/api/v1/rooms/{room}/pictures"
_TYPES = frozenset({"image/png", "image/jpeg", "image/webp", "application/octet-stream"})
ANY_PICTURE = Text(id="Pakai PNG, JPEG, atau WebP", en="Use PNG, JPEG or WebP")
_NAME = re.compile(r"[^\w .()-]+")
_uploading = asyncio.Semaphore(PICTURES_AT_ONCE)


async def pictures(call: Call[Nothing, Nothing]) -> list[Picture]:
    """Pictures that slides in this room may name."""
    return list(_album(call.request))


async def upload(request: web.Request) -> web.StreamResponse:
    """Keep a picture: the body is its bytes, `?name=` what people call it."""
    room = request.match_info["room"]
    actor = request[ACTOR]
    check(actor, Action.PICTURE_ADD, Resource(room=room))
    album = _album(request)
    if request.content_type not in _TYPES:
        raise web.HTTPUnsupportedMediaType(reason="send image/png, image/jpeg or image/webp")
    name = _NAME.sub("_", request.query.get("name", ""))[:80]
    if _uploading.locked():
        raise ProblemError(
            problem(ErrorCode.OVERLOADED, "Unggahan lain masih berjalan", "Other uploads are still under way")
        )
    async with _uploading:
        body = await picture_body(request, PICTURE_BYTES)
        try:
            kept = await asyncio.to_thread(album.add, body, name)
        except BadPicture as error:
            note(request.app[HOUSE], actor, Action.PICTURE_ADD, f"{room}/{name}", "refused", str(error))
            raise unusable(str(error)) from None
        except AlbumFull as error:
            raise ProblemError(
                problem(ErrorCode.OVERLOADED, "Album penuh; hapus gambar lama", "The album is full", detail=str(error))
            ) from None
    note(request.app[HOUSE], actor, Action.PICTURE_ADD, f"{room}/{kept.id}", "ok", name)
    return web.Response(text=kept.model_dump_json(), content_type="application/json", status=201)


async def show(request: web.Request) -> web.StreamResponse:
    """A picture's bytes; its id is their digest, so a browser keeps it for ever."""
    check(request[ACTOR], Action.ROOM_SEE, Resource(room=request.match_info["room"]))
    album = _album(request)
    kept = album.find(request.match_info["picture"])
    if kept is None:
        raise not_found("Gambar ini tidak ada", "There is no such picture")
    try:
        body = await asyncio.to_thread(album.body, kept)
    except (OSError, BadPicture):
        raise not_found("Gambar ini tidak bisa dibaca lagi", "The picture can no longer be read") from None
    headers = {
        hdrs.CACHE_CONTROL: "private, max-age=31536000, immutable",
        hdrs.CONTENT_DISPOSITION: f'attachment; filename="{kept.picture.id}"',
    }
    return web.Response(body=body, content_type=kept.media_type, headers=headers)


async def remove(call: Call[Nothing, Nothing]) -> None:
    """Forget an uploaded picture."""
    if not _album(call.request).remove(call.part("picture")):
        raise not_found("Tidak ada unggahan ini", "There is no such upload")
    note(call.house, call.actor, Action.PICTURE_REMOVE, f"{call.part('room')}/{call.part('picture')}", "ok")


TABLE = (
    route("GET", _PICTURES, Action.ROOM_SEE, pictures, answer=Picture, many=True),
    page(_PICTURES, upload, Action.PICTURE_ADD, method=hdrs.METH_POST, limit=PICTURE_BYTES),
    page(_PICTURES + "/{picture:[0-9a-f]{32}}", show, Action.ROOM_SEE),
    route("DELETE", _PICTURES + "/{picture}", Action.PICTURE_REMOVE, remove, status=204),
)


def _album(request: web.Request) -> Album:
    room = request.match_info["room"]
    walls = request.app[HOUSE].walls.get(room)
    if walls is None:
        raise not_found(f"Tidak ada ruangan '{room}'", f"There is no room '{room}'")
    return walls.album


def unusable(detail: str, fix: Text = ANY_PICTURE) -> ProblemError:
    """What a picture that cannot be shown is answered with."""
    return ProblemError(
        problem(
            ErrorCode.INVALID,
            "Gambar ini tidak bisa dipakai",
            "This picture cannot be used",
            detail=detail,
            name="body",
            fix=fix,
        )
    )


async def picture_body(request: web.Request, most: int) -> bytes:
    """At most so many bytes, counted while they come; the library's own limit is that of presses."""
    found = bytearray()
    try:
        async with asyncio.timeout(PICTURE_UPLOAD_S):
            async for chunk in request.content.iter_any():
                found += chunk
                if len(found) > most:
                    raise web.HTTPRequestEntityTooLarge(max_size=most, actual_size=len(found))
    except TimeoutError:
        raise invalid(f"the picture took longer than {PICTURE_UPLOAD_S:g} s") from None
    return bytes(found)
