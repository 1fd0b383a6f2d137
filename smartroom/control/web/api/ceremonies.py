"""Ceremonies by HTTP: prepare, confirm, bring on stage, pictures, ink, documents. What happens on stage goes by the socket."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Annotated

from aiohttp import hdrs, web
from pydantic import Field

from smartroom.control.ceremony import archive, templates
from smartroom.control.ceremony.hall import Hall
from smartroom.control.displays.pictures.formats import BadPicture, Clean, cleaned
from smartroom.control.identity.rights import Action, Resource
from smartroom.control.limits import PICTURE_BYTES, PICTURES_AT_ONCE
from smartroom.control.web.api.pictures import ANY_PICTURE, picture_body, unusable
from smartroom.control.web.gate import invalid
from smartroom.control.web.keys import ACTOR, HOUSE
from smartroom.control.web.presses import check, note
from smartroom.control.web.problems import not_found, unauthenticated
from smartroom.control.web.routes import Call, Nothing, page, route
from smartroom.protocol.base import Message, Text
from smartroom.protocol.ceremony import (
    Ceremony,
    CeremonySummary,
    CeremonyTemplate,
    ChangeText,
    Confirm,
    EmblemKept,
    InkSoFar,
    JournalReport,
    NewCeremony,
    Photo,
    SaveTemplate,
)
from smartroom.protocol.document import MAX_EMBLEM
from smartroom.protocol.people import ActorKind

_ROOM = "/api/v1/rooms/{room}"
_ALL = _ROOM + "/ceremonies"
_ONE = _ALL + "/{ceremony}"
_EMBLEM = Text(id="Pakai PNG atau JPEG", en="Use PNG or JPEG")
_reading = asyncio.Semaphore(PICTURES_AT_ONCE)


class After(Message):
    """Ink that came after a batch."""

    after: Annotated[int, Field(ge=0)] = 0


async def ceremonies(call: Call[Nothing, Nothing]) -> list[CeremonySummary]:
    """Ceremonies of a room, newest first."""
    return await asyncio.to_thread(_hall(call.request).summaries)


async def create(call: Call[NewCeremony, Nothing]) -> Ceremony:
    """A new ceremony from a template or a text, on stage; `busy` while another one is open there, and nothing is made."""
    hall, wish = _hall(call.request), call.body
    hall.need_free()
    text = wish.text or templates.begin(hall.shelf, wish.template, rehearsal=wish.rehearsal)
    replaces = ""
    if wish.replaces is not None:
        replaces = archive.number_of(hall.need_folder(wish.replaces))
    draft = hall.create(text, rehearsal=wish.rehearsal, replaces=replaces)
    note(call.house, call.actor, Action.CEREMONY_PREPARE, f"{hall.room}/{draft.id}", "ok", text.number)
    return (await hall.bring(draft.id)).told()


async def one(call: Call[Nothing, Nothing]) -> Ceremony:
    """One ceremony: as it is on stage, or as its journal tells."""
    hall = _hall(call.request)
    live = hall.session
    if live is not None and live.id == call.part("ceremony"):
        return live.told()
    return await asyncio.to_thread(hall.told, call.part("ceremony"))


async def bring(call: Call[Nothing, Nothing]) -> Ceremony:
    """Put a ceremony on the room's stage."""
    hall = _hall(call.request)
    session = await hall.bring(call.part("ceremony"))
    note(call.house, call.actor, Action.CEREMONY_PREPARE, f"{hall.room}/{session.id}", "ok", "on stage")
    return session.told()


async def change(call: Call[ChangeText, Nothing]) -> Ceremony:
    """A new text of a draft."""
    session = _hall(call.request).on_stage(call.part("ceremony"))
    await session.change(call.body.text, call.body.revision)
    return session.told()


async def confirm(call: Call[Confirm, Nothing]) -> Ceremony:
    """One of two persons confirms the text, or wishes to change it; who signs in on a shared tablet gives name and password."""
    hall = _hall(call.request)
    wish, person = call.body, call.actor
    if wish.account is not None and wish.password is not None:
        person = await call.house.people.proved(wish.account, wish.password, call.source)
        check(person, Action.CEREMONY_PREPARE, Resource(room=hall.room))
    if person.kind is not ActorKind.USER:
        raise unauthenticated("a text is confirmed by persons: sign in, or give name and password")
    session = hall.on_stage(call.part("ceremony"))
    await session.confirm(wish.wish, wish.digest, person.id, person.name)
    note(call.house, person, Action.CEREMONY_PREPARE, f"{hall.room}/{session.id}", "ok", f"{wish.wish} {wish.digest}")
    return session.told()


async def ink(call: Call[Nothing, After]) -> InkSoFar:
    """All ink up to now; what comes later comes by the socket."""
    session = _hall(call.request).on_stage(call.part("ceremony"))
    after = call.query.after
    return InkSoFar(ceremony=session.id, seq=session.story.ink.seq, signatures=session.story.ink.since(after))


async def journal(call: Call[Nothing, Nothing]) -> JournalReport:
    """Check the journal from its first record to its last, against its signed heads."""
    hall = _hall(call.request)
    return await asyncio.to_thread(archive.check_journal, hall.need_folder(call.part("ceremony")))


async def template_list(call: Call[Nothing, Nothing]) -> list[CeremonyTemplate]:
    """Texts to begin with."""
    return await asyncio.to_thread(templates.load_all, _hall(call.request).shelf)


async def save_template(call: Call[SaveTemplate, Nothing]) -> CeremonyTemplate:
    """Keep a text to begin with."""
    shelf = _hall(call.request).shelf
    return await asyncio.to_thread(templates.save, shelf, call.part("template"), call.body)


async def drop_template(call: Call[Nothing, Nothing]) -> None:
    """Forget a text to begin with."""
    await asyncio.to_thread(templates.drop, _hall(call.request).shelf, call.part("template"))


async def upload_emblem(request: web.Request) -> web.StreamResponse:
    """Keep an emblem: PNG or JPEG, at most a megabyte; the answer's digest goes into the text."""
    hall = _hall(request)
    check(request[ACTOR], Action.CEREMONY_PREPARE, Resource(room=hall.room))
    body, clean = await _picture(request, MAX_EMBLEM, _EMBLEM)
    if clean.media_type not in ("image/png", "image/jpeg"):
        raise unusable(f"an emblem is no {clean.media_type}", _EMBLEM)
    sha256 = await asyncio.to_thread(hall.keep_emblem, body)
    kept = EmblemKept(sha256=sha256, width=clean.width, height=clean.height)
    return web.Response(text=kept.model_dump_json(), content_type="application/json", status=201)


async def emblem(request: web.Request) -> web.StreamResponse:
    """An emblem's bytes; its name is their digest."""
    hall = _hall(request)
    check(request[ACTOR], Action.CEREMONY_SEE, Resource(room=hall.room))
    body = await asyncio.to_thread(hall.emblem, request.match_info["sha256"])
    if body is None:
        raise not_found("Lambang ini tidak ada", "There is no such emblem")
    kind = "image/png" if body.startswith(b"\x89PNG") else "image/jpeg"
    return web.Response(body=body, content_type=kind, headers=_kept_for_ever(request.match_info["sha256"]))


async def upload_photo(request: web.Request) -> web.StreamResponse:
    """Keep the group photo."""
    hall = _hall(request)
    check(request[ACTOR], Action.CEREMONY_RUN, Resource(room=hall.room))
    session = hall.on_stage(request.match_info["ceremony"])
    body, clean = await _picture(request, PICTURE_BYTES)
    sha256 = hashlib.sha256(body).hexdigest()
    await session.photo(body, sha256, (clean.width, clean.height), request[ACTOR].name)
    assert session.story.photo is not None
    note(request.app[HOUSE], request[ACTOR], Action.CEREMONY_RUN, f"{hall.room}/photo", "ok", sha256)
    kept: Photo = session.story.photo
    return web.Response(text=kept.model_dump_json(), content_type="application/json", status=201)


async def photo(request: web.Request) -> web.StreamResponse:
    """The group photo."""
    hall = _hall(request)
    check(request[ACTOR], Action.CEREMONY_SEE, Resource(room=hall.room))
    path = hall.need_folder(request.match_info["ceremony"]) / f"photo-{request.match_info['sha256'][:16]}"
    try:
        body = await asyncio.to_thread(path.read_bytes)
    except OSError:
        raise not_found("Foto ini tidak ada", "There is no such photo") from None
    kind = "image/png" if body.startswith(b"\x89PNG") else "image/webp" if body[8:12] == b"WEBP" else "image/jpeg"
    return web.Response(body=body, content_type=kind, headers=_kept_for_ever(request.match_info["sha256"]))


async def document(request: web.Request) -> web.StreamResponse:
    """The newest version of the document."""
    hall = _hall(request)
    check(request[ACTOR], Action.CEREMONY_SEE, Resource(room=hall.room))
    found = await asyncio.to_thread(archive.newest, hall.need_folder(request.match_info["ceremony"]))
    if found is None:
        raise not_found("Dokumen belum ada", "There is no document yet")
    return web.Response(
        body=found,
        content_type="application/pdf",
        headers=_named(f"berita-acara-{request.match_info['ceremony'][:8]}.pdf"),
    )


async def adopt(request: web.Request) -> web.StreamResponse:
    """The signed file that was found at the service after its answer was lost: `?signatory=`, the body is the PDF."""
    hall = _hall(request)
    actor = request[ACTOR]
    check(actor, Action.CEREMONY_RUN, Resource(room=hall.room))
    session = hall.on_stage(request.match_info["ceremony"])
    number = request.query.get("signatory", "")
    if not number.isdecimal():
        raise invalid("`signatory` is a number", "signatory")
    body = await picture_body(request, PICTURE_BYTES)
    await hall.need_desk().adopt(int(number), body, actor.name)
    note(request.app[HOUSE], actor, Action.CEREMONY_RUN, f"{hall.room}/adopt", "ok", session.id)
    return web.Response(text=session.told().model_dump_json(), content_type="application/json")


async def bundle(request: web.Request) -> web.StreamResponse:
    """The evidence as one ZIP: document, journal, strokes, photo, timeline, list of hashes."""
    hall = _hall(request)
    check(request[ACTOR], Action.CEREMONY_ARCHIVE, Resource(room=hall.room))
    folder = hall.need_folder(request.match_info["ceremony"])
    body = await asyncio.to_thread(archive.bundle, folder)
    note(request.app[HOUSE], request[ACTOR], Action.CEREMONY_ARCHIVE, f"{hall.room}/{folder.name}", "ok")
    return web.Response(body=body, content_type="application/zip", headers=_named(f"bukti-{folder.name[:8]}.zip"))


_ID = "/{ceremony:[a-z2-7]{26}}"
_SHA = "/{sha256:[0-9a-f]{64}}"

TABLE = (
    route("GET", _ALL, Action.CEREMONY_SEE, ceremonies, answer=CeremonySummary, many=True),
    route("POST", _ALL, Action.CEREMONY_PREPARE, create, body=NewCeremony, answer=Ceremony, status=201),
    route("GET", _ONE, Action.CEREMONY_SEE, one, answer=Ceremony),
    route("POST", _ONE + "/stage", Action.CEREMONY_PREPARE, bring, answer=Ceremony),
    route("PUT", _ONE + "/text", Action.CEREMONY_PREPARE, change, body=ChangeText, answer=Ceremony),
    route("POST", _ONE + "/confirm", Action.CEREMONY_PREPARE, confirm, body=Confirm, answer=Ceremony),
    route("GET", _ONE + "/ink", Action.CEREMONY_SEE, ink, query=After, answer=InkSoFar),
    route("GET", _ONE + "/journal", Action.CEREMONY_ARCHIVE, journal, answer=JournalReport),
    route(
        "GET",
        _ROOM + "/ceremony-templates",
        Action.CEREMONY_PREPARE,
        template_list,
        answer=CeremonyTemplate,
        many=True,
    ),
    route(
        "PUT",
        _ROOM + "/ceremony-templates/{template}",
        Action.CEREMONY_PREPARE,
        save_template,
        body=SaveTemplate,
        answer=CeremonyTemplate,
    ),
    route("DELETE", _ROOM + "/ceremony-templates/{template}", Action.CEREMONY_PREPARE, drop_template, status=204),
    page(_ROOM + "/emblems", upload_emblem, Action.CEREMONY_PREPARE, method=hdrs.METH_POST, limit=MAX_EMBLEM),
    page(_ROOM + "/emblems" + _SHA, emblem, Action.CEREMONY_SEE),
    page(_ALL + _ID + "/photo", upload_photo, Action.CEREMONY_RUN, method=hdrs.METH_POST, limit=PICTURE_BYTES),
    page(_ALL + _ID + "/photo" + _SHA, photo, Action.CEREMONY_SEE),
    page(_ALL + _ID + "/document.pdf", document, Action.CEREMONY_SEE),
    page(_ALL + _ID + "/document.pdf", adopt, Action.CEREMONY_RUN, method=hdrs.METH_POST, limit=PICTURE_BYTES),
    page(_ALL + _ID + "/bundle.zip", bundle, Action.CEREMONY_ARCHIVE),
)


def _hall(request: web.Request) -> Hall:
    room = request.match_info["room"]
    found = request.app[HOUSE].ceremonies
    hall = found.halls.get(room) if found is not None else None
    if hall is None:
        raise not_found(f"Tidak ada ruangan '{room}'", f"There is no room '{room}'")
    return hall


async def _picture(request: web.Request, most: int, fix: Text = ANY_PICTURE) -> tuple[bytes, Clean]:
    """What is kept was taken apart and put together again."""
    async with _reading:
        body = await picture_body(request, most)
        try:
            clean = await asyncio.to_thread(cleaned, body)
        except BadPicture as error:
            raise unusable(str(error), fix) from None
    return clean.body, clean


def _kept_for_ever(name: str) -> dict[str, str]:
    return {
        hdrs.CACHE_CONTROL: "private, max-age=31536000, immutable",
        hdrs.CONTENT_DISPOSITION: f'attachment; filename="{name}"',
    }


def _named(name: str) -> dict[str, str]:
    return {hdrs.CONTENT_DISPOSITION: f'attachment; filename="{name}"'}
