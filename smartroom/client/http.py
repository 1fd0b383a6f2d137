"""REST calls of a room's server, answers as protocol models."""

from __future__ import annotations

import ssl
import uuid
from types import TracebackType
from typing import Self, TypeVar

import aiohttp
from pydantic import BaseModel, ValidationError

from smartroom.protocol.commands import Accepted, ApplyReport
from smartroom.protocol.errors import Problem
from smartroom.protocol.scenes import Plan
from smartroom.protocol.state import RoomState

_M = TypeVar("_M", bound=BaseModel)

ANSWER_S = 10.0
"""Everything but waiting for a run is answered within seconds."""
RUN_S = 920.0
"""The longest scene (15 minutes) and some."""


class ClientError(Exception):
    """The server said no; `problem` tells why."""

    def __init__(self, problem: Problem, status: int) -> None:
        super().__init__(problem.text.en or problem.text.id)
        self.problem = problem
        self.status = status


class ServerGone(Exception):
    """Nobody answers at the server's address."""


class Client:
    """`async with Client(url, token) as client: await client.plan(room, scene)`."""

    def __init__(self, url: str, token: str, *, ca: str = "") -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._ca = ca
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open."""
        context = ssl.create_default_context(cafile=self._ca or None) if self._url.startswith("https") else False
        self._session = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {self._token}"} if self._token else {},
            connector=aiohttp.TCPConnector(ssl=context or True),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        if self._session is not None:
            await self._session.close()

    async def state(self, room: str) -> RoomState:
        """Everything about a room now."""
        return await self._call("GET", f"rooms/{room}", RoomState)

    async def plan(self, room: str, scene: str) -> Plan:
        """What a scene would do."""
        return await self._call("GET", f"rooms/{room}/scenes/{scene}/plan", Plan)

    async def apply(self, room: str, scene: str) -> ApplyReport:
        """Recall a scene and wait for its end."""
        press = {"id": str(uuid.uuid4())}
        return await self._call("POST", f"rooms/{room}/scenes/{scene}/apply?wait=true", ApplyReport, press, limit=RUN_S)

    async def start(self, room: str, scene: str) -> Accepted:
        """Recall a scene without waiting."""
        press = {"id": str(uuid.uuid4())}
        return await self._call("POST", f"rooms/{room}/scenes/{scene}/apply", Accepted, press)

    async def _call(
        self, method: str, path: str, answer: type[_M], body: object = None, *, limit: float = ANSWER_S
    ) -> _M:
        if self._session is None:
            message = "use the client with `async with`"
            raise RuntimeError(message)
        try:
            async with self._session.request(
                method, f"{self._url}/api/v1/{path}", json=body, timeout=aiohttp.ClientTimeout(total=limit)
            ) as response:
                text = await response.text()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            message = f"no answer from {self._url}: {str(error) or type(error).__name__}"
            raise ServerGone(message) from error
        if response.status >= 400:  # HTTP
            try:
                raise ClientError(Problem.model_validate_json(text), response.status)
            except ValidationError:
                message = f"{self._url} answered {response.status}: {text[:200]}"
                raise ServerGone(message) from None
        return answer.model_validate_json(text)
