"""The client: one server, as whoever the token says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

from smartroom.client.follow import Follower
from smartroom.client.room import Room
from smartroom.client.wire import Wire
from smartroom.protocol.people import DeriveToken, Me, Role, RoomSummary, TokenCreated


class Client:
    """`async with Client(url, token) as client: await client.room("smart-room-centre").apply("rapat")`.

    `ca` names a file with the certificate authority to trust, for a server with its own root.
    """

    def __init__(self, url: str, token: str, *, ca: str = "") -> None:
        self._wire = Wire(url, token, ca)
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Open; nothing is sent yet."""
        self._wire.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End what still follows a room, then the session."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._wire.close()

    async def me(self) -> Me:
        """Who the server thinks is asking, and what they may do."""
        return await self._wire.ask("GET", "me", Me)

    async def rooms(self) -> list[RoomSummary]:
        """Rooms this token may see."""
        return await self._wire.ask("GET", "rooms", list[RoomSummary])

    def room(self, room: str) -> Room:
        """One of them; whether it exists, the first call says."""
        return Room(self._wire, room, self._following)

    async def derive(self, name: str, *, seconds: float, rooms: list[str], role: Role | None = None) -> TokenCreated:
        """A token for a program of one's own: no more rights than this one, for at most an hour."""
        body = DeriveToken(name=name, rooms=rooms, role=role, seconds=seconds)
        return await self._wire.ask("POST", "tokens/derive", TokenCreated, body.model_dump(mode="json"))

    async def sign_out(self) -> None:
        """End a derived token or a paired screen's; a program's lasting token stays."""
        await self._wire.ask("POST", "logout", type(None))

    @asynccontextmanager
    async def _following(self, follower: Follower) -> AsyncIterator[None]:
        task = asyncio.create_task(follower.run(), name="room followed")
        self._tasks.add(task)
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})
            self._tasks.discard(task)
            if not task.cancelled() and task.exception() is not None:
                raise RuntimeError("following a room failed") from task.exception()
