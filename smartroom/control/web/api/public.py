"""Doors for people without an account: verify a document by its code or by the file, and sign on one's own phone."""

from __future__ import annotations

import asyncio
import io

from aiohttp import hdrs, web

from smartroom.control.ceremony import archive, public
from smartroom.control.ceremony.desk import DocumentDesk
from smartroom.control.errors import ProblemError, problem
from smartroom.control.identity.rights import Action
from smartroom.control.limits import JUDGE_BURST, JUDGE_PER_S, JUDGES_AT_ONCE
from smartroom.control.web.api.pictures import picture_body
from smartroom.control.web.keys import FRONT, HOUSE, PAGES
from smartroom.control.web.pages import SIGN, VERIFY
from smartroom.control.web.presses import note
from smartroom.control.web.problems import not_found, rate_limited
from smartroom.control.web.rates import Buckets
from smartroom.control.web.routes import Call, Nothing, page, route
from smartroom.protocol.ceremony import AskCode, LegalSignature, SignerState, SigningTask, SignTask, Verification
from smartroom.protocol.errors import ErrorCode
from smartroom.protocol.people import Role
from smartroom.protocol.verdict import MAX_PDF

_judging = asyncio.Semaphore(JUDGES_AT_ONCE)
_uploads = Buckets(JUDGE_PER_S, JUDGE_BURST)


async def verify(call: Call[Nothing, Nothing]) -> Verification:
    """What is known of the document whose code was scanned."""
    found = call.house.ceremonies.find(call.part("ceremony")) if call.house.ceremonies else None
    told = await asyncio.to_thread(public.verification, found[1]) if found is not None else None
    if told is None:
        raise not_found("Dokumen ini tidak dikenal di sini", "This document is not known here")
    return told


async def judge(request: web.Request) -> web.StreamResponse:
    """The verdict on an uploaded file; it is looked at in a process of its own and not kept."""
    ceremonies = request.app[HOUSE].ceremonies
    if ceremonies is None:
        raise not_found("Server ini tidak memeriksa dokumen", "This server judges no documents")
    if not _uploads.take(request.remote or "-"):
        raise rate_limited()
    if request.content_type not in ("application/pdf", "application/octet-stream"):
        raise web.HTTPUnsupportedMediaType(reason="send application/pdf")
    if _judging.locked():
        raise ProblemError(
            problem(ErrorCode.OVERLOADED, "Pemeriksaan lain masih berjalan", "Other files are being judged")
        )
    async with _judging:
        verdict = await ceremonies.confined.judge(await picture_body(request, MAX_PDF))
    return web.Response(text=verdict.model_dump_json(), content_type="application/json")


async def download(request: web.Request) -> web.StreamResponse:
    """The newest version of a document whose ink is recorded."""
    ceremonies, key = request.app[HOUSE].ceremonies, request.match_info["ceremony"]
    found = ceremonies.find(key) if ceremonies else None
    body = await asyncio.to_thread(archive.newest, found[1]) if found is not None else None
    if body is None:
        raise not_found("Dokumen ini belum ada", "This document is not there yet")
    headers = {hdrs.CONTENT_DISPOSITION: f'inline; filename="berita-acara-{key[:8]}.pdf"'}
    return web.Response(body=body, content_type="application/pdf", headers=headers)


async def code_picture(request: web.Request) -> web.StreamResponse:
    """The QR code of a document, as it stands on paper: there is one from the freeze on."""
    ceremonies, key = request.app[HOUSE].ceremonies, request.match_info["ceremony"]
    if ceremonies is None or ceremonies.find(key) is None:
        raise not_found("Dokumen ini tidak dikenal di sini", "This document is not known here")
    return _drawn(ceremonies.address(key))


async def link_picture(request: web.Request) -> web.StreamResponse:
    """A phone's link as a QR code, while it is good."""
    ceremonies, token = request.app[HOUSE].ceremonies, request.match_info["token"]
    if ceremonies is None or ceremonies.desk_of(token) is None:
        raise not_found("Tautan ini sudah tidak berlaku", "This link has ended")
    return _drawn(f"{request.app[FRONT].url}/tte/{token}")


async def verify_page(request: web.Request) -> web.StreamResponse:
    """The page behind the QR code."""
    return request.app[PAGES].answer(request, VERIFY)


# -- the signatory's own phone --


async def task(call: Call[Nothing, Nothing]) -> SigningTask:
    """What is signed by this link."""
    return _desk(call).task(call.part("token"))


async def signer(call: Call[AskCode, Nothing]) -> SignerState:
    """Whether the signer's certificate may sign, by the service's word."""
    return await _desk(call).signer(call.part("token"), call.body.signer)


async def code(call: Call[AskCode, Nothing]) -> None:
    """Have a one-time code sent to the signer."""
    await _desk(call).code(call.part("token"), call.body.signer)


async def sign(call: Call[SignTask, Nothing]) -> LegalSignature:
    """The signer signs in person; what was entered is not kept anywhere."""
    desk = _desk(call)
    told = await desk.sign(call.part("token"), call.body)
    note(call.house, call.actor, Action.ENTER, f"tte/{told.signatory}", str(told.code or told.state), told.name)
    return told


async def sign_page(request: web.Request) -> web.StreamResponse:
    """The phone's page."""
    return request.app[PAGES].answer(request, SIGN)


_CODE = "/{ceremony:[a-z2-7]{26}}"
_TTE = "/api/v1/tte/{token}"

TABLE = (
    route("GET", "/api/v1/verify/{ceremony}", Action.ENTER, verify, answer=Verification),
    page("/api/v1/verify", judge, method=hdrs.METH_POST, limit=MAX_PDF),
    route("GET", _TTE, Action.ENTER, task, answer=SigningTask),
    route("POST", _TTE + "/signer", Action.ENTER, signer, body=AskCode, answer=SignerState),
    route("POST", _TTE + "/code", Action.ENTER, code, body=AskCode, status=204),
    route("POST", _TTE + "/sign", Action.ENTER, sign, body=SignTask, answer=LegalSignature),
    page("/v" + _CODE, verify_page),
    page("/v", verify_page),
    page("/v" + _CODE + "/document.pdf", download),
    page("/v" + _CODE + "/qr.svg", code_picture),
    page("/tte/{token:[A-Za-z0-9_-]{32}}", sign_page),
    page("/tte/{token:[A-Za-z0-9_-]{32}}/qr.svg", link_picture),
)


def _drawn(address: str) -> web.Response:
    import segno  # noqa: PLC0415  # only where a code is shown

    drawn = io.BytesIO()
    segno.make(address, error="m").save(drawn, kind="svg", border=2, scale=8, xmldecl=False)
    return web.Response(body=drawn.getvalue(), content_type="image/svg+xml")


def _desk(call: Call[AskCode, Nothing] | Call[SignTask, Nothing] | Call[Nothing, Nothing]) -> DocumentDesk:
    """The desk of a good link; never for a pad or wall, where cameras see what is typed."""
    if call.actor.role in (Role.SIGNER, Role.DISPLAY):
        raise ProblemError(
            problem(
                ErrorCode.FORBIDDEN,
                "Tanda tangan elektronik dibuat di telepon sendiri, bukan di tablet panggung",
                "A certified signature is made on one's own phone, not on the stage tablet",
            )
        )
    found = call.house.ceremonies.desk_of(call.part("token")) if call.house.ceremonies else None
    if found is None:
        raise ProblemError(
            problem(
                ErrorCode.EXPIRED,
                "Tautan ini sudah tidak berlaku; minta yang baru",
                "This link has ended; ask for a new one",
            )
        )
    return found
