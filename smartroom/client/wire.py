"""One HTTP session to one server: requests that answer in protocol models, and the websocket's door."""

from __future__ import annotations

import ssl
from typing import TypeVar

import aiohttp
from pydantic import TypeAdapter, ValidationError

from smartroom.client.errors import OtherVersion, ServerGone, refused
from smartroom.protocol.errors import Problem

_T = TypeVar("_T")

ANSWER_S = 10.0
"""Everything but waiting for hardware is answered within seconds."""
RUN_S = 920.0
"""The longest scene (15 minutes) and some; a projector alone may take two minutes."""
HEARTBEAT_S = 12.0
"""The server pings a socket every 4 s: after three missed ones it is gone."""
FRAME = 16 * 2**20
"""A snapshot of the largest room is a few hundred kilobytes."""

_SOCKET = "/socket.io/?EIO=4&transport=websocket"


class Wire:
    """Requests with a token. Opened and closed by the client."""

    def __init__(self, url: str, token: str, ca: str) -> None:
        self.url = url.rstrip("/")
        self.token = token
        self._ca = ca
        self._session: aiohttp.ClientSession | None = None

    def open(self) -> None:
        """Make the session; OSError when the certificate file cannot be read."""
        context = ssl.create_default_context(cafile=self._ca or None) if self.url.startswith("https") else True
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context))

    async def close(self) -> None:
        """End the session; again is nothing."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def ask(
        self, method: str, path: str, answer: type[_T], body: object = None, *, limit: float = ANSWER_S
    ) -> _T:
        """One request below /api/v1; raises ClientError. `limit` in seconds."""
        status, text = await self._request(method, f"{self.url}/api/v1/{path}", body, limit)
        if status >= 400:  # HTTP
            try:
                problem = Problem.model_validate_json(text)
            except ValidationError:
                raise ServerGone(f"{self.url} answered {status}: {text[:200]}") from None
            raise refused(problem, status)
        try:
            return TypeAdapter(answer).validate_json(text or "null")
        except ValidationError as error:
            raise OtherVersion(f"{self.url} answered in other words: {error.errors()[0]['msg']}") from error

    async def socket(self) -> aiohttp.ClientWebSocketResponse:
        """A websocket before its first packet; raises ServerGone."""
        try:
            return await self._opened.ws_connect(
                self.url + _SOCKET, max_msg_size=FRAME, timeout=aiohttp.ClientWSTimeout(ws_close=1.0)
            )
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise ServerGone(f"no answer from {self.url}: {str(error) or type(error).__name__}") from error

    async def _request(self, method: str, url: str, body: object, limit: float) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        timeout = aiohttp.ClientTimeout(total=limit)
        for again in (True, False):
            try:
                async with self._opened.request(method, url, json=body, headers=headers, timeout=timeout) as response:
                    return response.status, await response.text()
            except aiohttp.ServerDisconnectedError as error:
                # The server had just ended an idle connection. Every press carries its id, so sending it again is safe.
                if not again:
                    raise ServerGone(f"{self.url} hung up") from error
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                raise ServerGone(f"no answer from {self.url}: {str(error) or type(error).__name__}") from error
        raise AssertionError

    @property
    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("use the client with `async with`")
        return self._session
