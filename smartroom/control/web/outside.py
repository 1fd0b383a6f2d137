"""Looks at another site's page before a wall frames it: allowed, not ourselves, and willing to be framed."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from urllib.parse import urljoin, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from smartroom.control.displays.outside import FrameRefused, forbidden_address, frame_refusal, origin_of
from smartroom.control.limits import FRAME_CHECK_S
from smartroom.control.web.ports import Front

_HOPS = 3
"""Redirections followed, each looked at like the first address."""


class FrameCheck:
    """`Outside` over HTTP. `front` tells who we are and which sites the administrator allows; without it none is."""

    def __init__(self, forbidden: Callable[[str], str | None] = forbidden_address) -> None:
        self.front: Front | None = None
        self._forbidden = forbidden

    async def may_frame(self, url: str) -> None:
        """Raises Refused: not on the list, an address nobody may connect to, no answer, or it refuses frames."""
        try:
            async with asyncio.timeout(FRAME_CHECK_S):
                await self._look(url)
        except TimeoutError:
            raise FrameRefused(f"{origin_of(url)} did not answer within {FRAME_CHECK_S:g} s", "unreachable") from None

    async def _look(self, url: str) -> None:
        for _ in range(_HOPS + 1):
            origin = self._allowed(url)
            # No proxy of the environment, no cookie, no second look-up: the checked address is the one connected to.
            connector = aiohttp.TCPConnector(resolver=_Checked(self._forbidden), force_close=True, use_dns_cache=False)
            async with aiohttp.ClientSession(connector=connector, trust_env=False) as session:
                try:
                    async with session.get(url, allow_redirects=False, headers={"Accept": "text/html"}) as answer:
                        headers = _joined(answer)
                        status = answer.status
                except (aiohttp.ClientError, OSError, ValueError) as error:
                    cause = error.__cause__ if isinstance(error.__cause__, _Forbidden) else error
                    message = f"{origin} cannot be reached: {cause}"
                    forbidden = isinstance(cause, _Forbidden)
                    raise FrameRefused(message, "forbidden" if forbidden else "unreachable") from None
            if status in (301, 302, 303, 307, 308) and "location" in headers:
                url = urljoin(url, headers["location"])
                continue
            if status >= 400:
                raise FrameRefused(f"{origin} answers {status}", "unreachable")
            why = frame_refusal(headers, self.front.origins if self.front else ())
            if why is not None:
                raise FrameRefused(f"{origin} does not let itself be shown in a frame: {why}", "refuses")
            return
        raise FrameRefused(f"{origin_of(url)} redirects too often", "unreachable")

    def _allowed(self, url: str) -> str:
        origin = origin_of(url)
        front = self.front
        if front is None or origin in front.origins or origin not in front.dashboards:
            known = ", ".join(front.dashboards) if front and front.dashboards else "none yet"
            message = f"{origin} is not on the list of sites that may be shown; dashboards: {known}"
            raise FrameRefused(message, "not_listed")
        host = urlsplit(url).hostname or ""
        try:
            why = self._forbidden(host)  # a literal address is not resolved, so it is looked at here
        except ValueError:
            return origin
        if why is not None:
            raise FrameRefused(f"{origin} may not be connected to: {why}", "forbidden")
        return origin


class _Forbidden(OSError):
    """A name leads to an address nobody may connect to."""


class _Checked(AbstractResolver):
    """Resolves once and gives back only what was checked, every address of it."""

    def __init__(self, forbidden: Callable[[str], str | None]) -> None:
        self._forbidden = forbidden

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """All addresses, or _Forbidden when one of them may not be connected to."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
        results: list[ResolveResult] = []
        for kind, _, protocol, _, place in found:
            address = str(place[0])
            why = self._forbidden(address)
            if why is not None:
                raise _Forbidden(f"{host} is {address}: {why}")
            results.append(
                ResolveResult(
                    hostname=host, host=address, port=port, family=kind, proto=protocol, flags=socket.AI_NUMERICHOST
                )
            )
        return results

    async def close(self) -> None:
        """Nothing is held."""


def _joined(answer: aiohttp.ClientResponse) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in answer.headers.items():
        key = name.casefold()
        found[key] = f"{found[key]}, {value}" if key in found else value
    return found
