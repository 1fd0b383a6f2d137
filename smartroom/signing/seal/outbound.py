"""The way out: timestamps, OCSP and revocation lists, from configured hosts only."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace, TracebackType

import aiohttp
from asn1crypto import x509
from pyhanko.sign.timestamps import HTTPTimeStamper, TimeStamper
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.fetchers.aiohttp_fetchers import AIOHttpFetcherBackend
from yarl import URL

from smartroom.protocol.signing import SigningCode
from smartroom.signing import limits
from smartroom.signing.errors import SigningFault
from smartroom.signing.seal.keys import load_certificates
from smartroom.signing.settings import SigningSettings


class HostRefused(aiohttp.ClientError):
    """A certificate names a service nobody configured; its address may be a trap inside our own network."""


@dataclass(frozen=True, slots=True)
class Services:
    """What sealing needs from outside."""

    session: aiohttp.ClientSession
    roots: tuple[x509.Certificate, ...]
    intermediates: tuple[x509.Certificate, ...]
    timestamp_url: str | None

    def timestamper(self) -> TimeStamper:
        """The timestamp authority; SigningFault(CONFIGURATION) when there is none."""
        if self.timestamp_url is None:
            raise SigningFault(SigningCode.CONFIGURATION, "no timestamp authority is configured ([timestamps] url)")
        return HTTPTimeStamper(self.timestamp_url, timeout=limits.SERVICE_TIMEOUT_S, session=self.session)

    def context(self) -> ValidationContext:
        """For one validation: revocation is asked of the authority wherever a certificate says how."""
        return ValidationContext(
            trust_roots=list(self.roots),
            other_certs=list(self.intermediates),
            allow_fetching=True,
            revocation_mode="hard-fail",
            fetcher_backend=AIOHttpFetcherBackend(self.session, per_request_timeout=limits.SERVICE_TIMEOUT_S),
        )


class Outbound:
    """Owner of the session; `async with` gives the services."""

    def __init__(self, settings: SigningSettings) -> None:
        self._settings = settings
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Services:
        settings = self._settings
        allowed = {host if ":" in host else f"{host}:" for host in settings.hosts}
        url = settings.timestamps.url if settings.timestamps else None
        if url:
            allowed.add(_authority(URL(url)))
        roots = load_certificates([settings.at(path) for path in settings.trust.roots])
        intermediates = load_certificates([settings.at(path) for path in settings.trust.intermediates])
        self._session = aiohttp.ClientSession(
            trust_env=False,
            trace_configs=[_only(frozenset(allowed))],
            timeout=aiohttp.ClientTimeout(total=limits.SERVICE_TIMEOUT_S),
        )
        return Services(self._session, tuple(roots), tuple(intermediates), url)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()


def _authority(url: URL) -> str:
    return f"{url.host}:{url.port}"


def _only(allowed: frozenset[str]) -> aiohttp.TraceConfig:
    def check(url: URL) -> None:
        if _authority(url) not in allowed and f"{url.host}:" not in allowed:
            raise HostRefused(f"{url.host}:{url.port} is not among the configured hosts")

    async def started(_: aiohttp.ClientSession, __: SimpleNamespace, params: aiohttp.TraceRequestStartParams) -> None:
        check(params.url)

    async def redirected(_: aiohttp.ClientSession, __: SimpleNamespace, ___: object) -> None:
        raise HostRefused("a service answered with a redirection")

    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(started)
    trace.on_request_redirect.append(redirected)
    return trace
