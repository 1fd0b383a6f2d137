"""Fixtures of the client's tests: a living room behind a real server, and the small desk where the room does not matter."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from smartroom.client import Client, Room
from smartroom.protocol.people import Role
from tests.control.web.house import Served, serve
from tests.rooms import TestRoom, living


@dataclass
class Hall:
    """A living room, its server, and a technician's client."""

    room: TestRoom
    served: Served
    client: Client
    token: str

    @property
    def remote(self) -> Room:
        """The room as the client has it."""
        return self.client.room("hall")


@pytest.fixture
async def hall(tmp_path: Path) -> AsyncIterator[Hall]:
    """The test room, served from the same records, with a technician's token."""
    async with (
        living(tmp_path) as room,
        serve(
            tmp_path / "data",
            desks={"hall": room.live.desk},
            furnish=lambda house: replace(house, histories={"hall": room.live.log} if room.live.log else {}),
        ) as served,
    ):
        token = await served.token(Role.TECHNICIAN, "hall")
        async with Client(served.origin, token) as client:
            yield Hall(room, served, client, token)


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    """A server with a small desk."""
    async with serve(tmp_path) as running:
        yield running
