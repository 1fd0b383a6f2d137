"""The test authority's services over HTTP: OCSP (RFC 6960), revocation lists (RFC 5280), timestamps (RFC 3161)."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from aiohttp import web
from asn1crypto import keys, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from pyhanko.sign.timestamps.dummy_client import DummyTimeStamper
from pyhanko_certvalidator.registry import SimpleCertificateStore

from smartroom.signing.testing.authority import Issued, TestAuthority

MAX_REQUEST = 16 << 10
"""Bytes of a request; real ones stay below 1 KiB."""


@dataclass(slots=True)
class Faults:
    """What goes wrong from now on."""

    delay: float = 0.0
    """Seconds before any answer."""
    ocsp: int = 0
    """HTTP status instead of an OCSP answer; 0 = none."""
    tsa: int = 0
    """HTTP status instead of a timestamp; 0 = none."""
    clock: timedelta = timedelta()
    """How far the timestamp unit's clock is ahead."""


@dataclass(frozen=True, slots=True)
class Services:
    """The running services."""

    authority: TestAuthority
    faults: Faults

    @property
    def tsa(self) -> str:
        """Address for timestamp requests."""
        return f"{self.authority.url}/tsa"


@asynccontextmanager
async def serve_on(site: web.BaseSite, runner: web.AppRunner) -> AsyncIterator[None]:
    """Answer on a site until left."""
    await site.start()
    try:
        yield
    finally:
        await runner.cleanup()


@asynccontextmanager
async def run_services(authority: TestAuthority, host: str, port: int) -> AsyncIterator[Services]:
    """Answer at the authority's own address until left."""
    services = Services(authority, Faults())
    runner = web.AppRunner(application(services), access_log=None)
    await runner.setup()
    async with serve_on(web.TCPSite(runner, host, port), runner):
        yield services


def application(services: Services) -> web.Application:
    """The routes."""
    app = web.Application(client_max_size=MAX_REQUEST)
    authority, faults = services.authority, services.faults

    async def ocsp_post(request: web.Request) -> web.Response:
        return await _ocsp(await request.read())

    async def ocsp_get(request: web.Request) -> web.Response:
        try:
            return await _ocsp(base64.b64decode(request.match_info["request"], validate=True))
        except binascii.Error as error:
            raise web.HTTPBadRequest from error

    async def _ocsp(asked: bytes) -> web.Response:
        await asyncio.sleep(faults.delay)
        if faults.ocsp:
            return web.Response(status=faults.ocsp)
        try:
            answer = authority.answer(asked)
        except ValueError as error:
            raise web.HTTPBadRequest from error
        return web.Response(body=answer, content_type="application/ocsp-response")

    async def revocation_list(request: web.Request) -> web.Response:
        await asyncio.sleep(faults.delay)
        if faults.ocsp:
            return web.Response(status=faults.ocsp)
        issuer = authority.root if request.match_info["issuer"] == "root" else authority.intermediate
        return web.Response(body=authority.revocation_list(issuer), content_type="application/pkix-crl")

    async def stamp(request: web.Request) -> web.Response:
        asked = await request.read()
        await asyncio.sleep(faults.delay)
        if faults.tsa:
            return web.Response(status=faults.tsa)
        try:
            answer = await timestamp(authority.stamper, asked, faults.clock)
        except ValueError as error:
            raise web.HTTPBadRequest from error
        return web.Response(body=answer, content_type="application/timestamp-reply")

    app.router.add_post("/ocsp", ocsp_post)
    app.router.add_get("/ocsp/{request:.+}", ocsp_get)
    app.router.add_get("/{issuer:root|intermediate}.crl", revocation_list)
    app.router.add_post("/tsa", stamp)
    return app


async def timestamp(stamper: Issued, request: bytes, ahead: timedelta = timedelta()) -> bytes:
    """The answer to one RFC 3161 request, DER; ValueError when it is none."""
    asked = tsp.TimeStampReq.load(request, strict=True)
    unit = DummyTimeStamper(
        tsa_cert=asn1_certificate(stamper),
        tsa_key=keys.PrivateKeyInfo.load(
            stamper.key.private_bytes(
                serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        ),
        certs_to_embed=_store(stamper),
        fixed_dt=datetime.now(UTC).replace(microsecond=0) + ahead,
    )
    response: bytes = (await unit.async_request_tsa_response(asked)).dump()
    return response


def _store(issued: Issued) -> SimpleCertificateStore:
    store = SimpleCertificateStore()  # type: ignore[no-untyped-call]  # the library's constructor is not annotated
    store.register_multiple(asn1_x509.Certificate.load(_der(each)) for each in issued.chain[:-1])
    return store


def asn1_certificate(issued: Issued) -> asn1_x509.Certificate:
    """A certificate as pyHanko wants it."""
    return asn1_x509.Certificate.load(_der(issued.certificate))


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)
