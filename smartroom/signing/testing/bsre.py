"""A simulator of BSrE's eSign Client Service v2: its routes, its words, its traps. Signs with the test authority's certificates."""

from __future__ import annotations

import asyncio
import base64
import binascii
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from io import BytesIO
from typing import Any

import aiohttp
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.signers import SimpleSigner

from smartroom.protocol.signing import Level
from smartroom.signing.errors import SigningFault
from smartroom.signing.marks import is_rehearsal
from smartroom.signing.seal import pades
from smartroom.signing.seal.outbound import Services
from smartroom.signing.testing.authority import Issued, TestAuthority
from smartroom.signing.testing.services import serve_on

MAX_REQUEST = 64 << 20


@dataclass(slots=True)
class Account:
    """A person or agency known to the simulator."""

    issued: Issued | None
    passphrase: str
    status: str = "ISSUE"
    totp: str = ""


@dataclass(slots=True)
class BsreFaults:
    """What goes wrong from now on."""

    delay: float = 0.0
    """Seconds before any answer."""
    fail: bool = False
    """HTTP 500 with a page instead of JSON, without signing."""
    hang: bool = False
    """Signs, and then never answers."""
    drop: bool = False
    """Signs, and then cuts the connection."""
    garble: bool = False
    """Signs, and answers 200 without the file."""
    clock: timedelta = timedelta()
    """How far its clock is ahead; 5 min 47 s was seen."""


@dataclass(slots=True)
class BsreSimulator:
    """The running simulator. `signed` counts what was really signed, whatever was answered."""

    url: str
    authority: TestAuthority
    user: str = "aplikasi-uji"
    password: str = "sandi-uji"  # noqa: S105  # of the simulator
    accounts: dict[str, Account] = field(default_factory=dict)
    faults: BsreFaults = field(default_factory=BsreFaults)
    signed: int = 0
    calls: list[str] = field(default_factory=list)


@asynccontextmanager
async def run_bsre(simulator: BsreSimulator, host: str, port: int) -> AsyncIterator[BsreSimulator]:
    """Answer until left."""
    async with aiohttp.ClientSession() as session:
        runner = web.AppRunner(_Service(simulator, session).application(), access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        async with serve_on(web.TCPSite(runner, host, port), runner):
            yield simulator


class Refusal(Exception):
    """A 4xx with the vendor's own number."""

    def __init__(self, number: int, sentence: str) -> None:
        super().__init__(sentence)
        self.number = number


class _Service:
    def __init__(self, simulator: BsreSimulator, session: aiohttp.ClientSession) -> None:
        self._it = simulator
        self._session = session

    def application(self) -> web.Application:
        app = web.Application(client_max_size=MAX_REQUEST, middlewares=[self._outside])
        app.router.add_post("/api/v2/user/check/status", self._status)
        app.router.add_post("/api/v2/sign/get/totp", self._totp)
        app.router.add_post("/api/v2/seal/get/totp", self._totp)
        app.router.add_post("/api/v2/seal/get/activation", self._activation)
        app.router.add_post("/api/v2/sign/pdf", self._sign)
        app.router.add_post("/api/v2/seal/pdf", self._seal)
        app.router.add_post("/api/v2/verify/pdf", self._verify)
        app.router.add_get("/api/v2/user/certificate/chain/{id}", self._chain)
        return app

    @web.middleware
    async def _outside(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        self._it.calls.append(request.path)
        wanted = aiohttp.encode_basic_auth(self._it.user, self._it.password)
        if not secrets.compare_digest(request.headers.get("Authorization", ""), wanted):
            return web.json_response({"error": "Unauthorized"}, status=401)
        await asyncio.sleep(self._it.faults.delay)
        if self._it.faults.fail:
            return web.Response(status=500, text="<html>Internal Server Error</html>", content_type="text/html")
        try:
            response = await handler(request)
        except Refusal as refusal:
            body = {"error": str(refusal), "status_code": refusal.number}
            response = web.json_response(body, status=400)
        response.headers["Date"] = format_datetime(datetime.now(UTC) + self._it.faults.clock, usegmt=True)
        return response

    async def _status(self, request: web.Request) -> web.Response:
        body = await request.json()
        account = self._it.accounts.get(str(body.get("nik") or body.get("email") or ""))
        if account is None:
            return web.json_response(
                {"status_code": 2011, "message": "User tidak terdaftar", "status": "NOT_REGISTERED"}
            )
        number = {"ISSUE": 1111, "NO_CERTIFICATE": 2021}.get(account.status, 2022)
        return web.json_response({"status_code": number, "message": "Status user", "status": account.status})

    async def _totp(self, request: web.Request) -> web.Response:
        account = self._account(await request.json())
        account.totp = f"{secrets.randbelow(10**6):06d}"  # replaces one that was asked for before
        return web.json_response({"status": "SUCCESS", "message": "Silakan cek aplikasi BeSign Mobile"})

    async def _activation(self, request: web.Request) -> web.Response:
        self._account(await request.json())
        return web.json_response({"status": "SUCCESS", "message": "Aktivasi dikirim"})

    async def _sign(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        account = self._account(body)
        if "totp" in body:
            if not account.totp or body["totp"] != account.totp:
                raise Refusal(2041, "Kode TOTP salah atau kedaluwarsa")
            account.totp = ""
        elif body.get("passphrase") != account.passphrase:
            raise Refusal(2031, "Passphrase anda salah")
        return await self._signed(request, body, account)

    async def _seal(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        account = self._account(body)
        if not account.totp or body.get("totp") != account.totp:
            raise Refusal(2041, "Kode TOTP salah atau kedaluwarsa")
        account.totp = ""
        return await self._signed(request, body, account)

    async def _signed(self, request: web.Request, body: dict[str, Any], account: Account) -> web.StreamResponse:
        if account.status != "ISSUE" or account.issued is None:
            raise Refusal(2021, "Sertifikat tidak tersedia")
        began = asyncio.get_running_loop().time()
        services = Services(self._session, (), (), f"{self._it.authority.url}/tsa")
        files = []
        for text in body["file"]:
            try:
                pdf = base64.b64decode(text, validate=True)
                rehearsal = is_rehearsal(PdfFileReader(BytesIO(pdf)))
                reason = str(body["signatureProperties"][0].get("reason", ""))
                # Files with eight of its signatures were seen: none of them forbids the next.
                wish = pades.Wish(Level.B_T, reason, further=True, rehearsal=rehearsal)
                files.append(
                    base64.b64encode(await pades.sign(pdf, signer_of(account.issued), wish, services)).decode()
                )
            except (SigningFault, PdfError, binascii.Error, ValueError):
                return web.Response(status=500, text="<html>Internal Server Error</html>", content_type="text/html")
            self._it.signed += 1
        if self._it.faults.hang:
            await asyncio.sleep(3600)
        if self._it.faults.drop and request.transport is not None:
            request.transport.abort()
        if self._it.faults.garble:
            return web.json_response({"time": 1})
        return web.json_response({"time": int((asyncio.get_running_loop().time() - began) * 1000), "file": files})

    async def _verify(self, request: web.Request) -> web.Response:
        body = await request.json()
        try:
            reader = PdfFileReader(BytesIO(base64.b64decode(body["file"], validate=True)))
            found = reader.embedded_regular_signatures
        except (PdfError, binascii.Error, ValueError, KeyError):
            return web.Response(status=500, text="<html>Internal Server Error</html>", content_type="text/html")
        seen = []
        for each in found:
            each.compute_integrity_info()
            at = each.self_reported_timestamp
            seen.append(
                {
                    "signerName": each.signer_cert.subject.native.get("common_name"),
                    "signatureDate": (at + self._it.faults.clock).isoformat() if at else None,
                    "signatureAlgoritm": "ECDSA with SHA256",  # the vendor's spelling
                    "timestampInfomation": {},  # the vendor's spelling
                    "lastSignature": False,
                    "ltv": False,
                }
            )
        conclusion = "VALID" if seen else "NO_SIGNATURE"
        return web.json_response({"conclusion": conclusion, "signatureCount": len(seen), "signatureInformations": seen})

    async def _chain(self, request: web.Request) -> web.Response:
        account = self._it.accounts.get(request.match_info["id"])
        if account is None or account.issued is None:
            return web.Response(status=400, text="Bad Request")  # not JSON, as seen
        chain = (account.issued.certificate, *account.issued.chain)
        return web.json_response(
            [base64.b64encode(each.public_bytes(serialization.Encoding.DER)).decode() for each in chain]
        )

    def _account(self, body: dict[str, Any]) -> Account:
        who = body.get("nik") or body.get("email") or body.get("idSubscriber") or ""
        try:
            return self._it.accounts[str(who)]
        except KeyError:
            raise Refusal(2011, "User tidak terdaftar") from None


def signer_of(issued: Issued) -> SimpleSigner:
    """A pyHanko signer for a certificate and key of ours."""
    passphrase = secrets.token_hex(8)
    signer: SimpleSigner = SimpleSigner.load_pkcs12_data(
        issued.pkcs12(passphrase), other_certs=[], passphrase=passphrase.encode()
    )
    return signer
