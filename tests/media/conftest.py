"""A worker in this process, and people who join it over real sockets."""

from __future__ import annotations

import asyncio
import functools
import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar

import pytest
from aiortc.rtcdtlstransport import SRTPProtectionProfile

from smartroom.media.router import Router
from smartroom.media.sdp import Codec
from smartroom.media.worker import Worker
from smartroom.protocol import media as say
from smartroom.protocol.base import Message
from tests.media import virtual
from tests.media.rtcclient import Client, Publisher

M = TypeVar("M", bound=Message)


class Room:
    """One room of one worker, with what it has reported."""

    name = "r"

    def __init__(self, worker: Worker, events: list[Message], stack: AsyncExitStack) -> None:
        self.worker = worker
        self.events = events
        self._stack = stack

    @property
    def router(self) -> Router:
        """The room inside the worker."""
        return self.worker.rooms[self.name]

    def told(self, kind: type[M]) -> list[M]:
        """Notifications of one kind, oldest first."""
        return [event for event in self.events if isinstance(event, kind)]

    async def publisher(
        self, peer: str, *, video: int = 1, audio: int = 0, simulcast: bool = False, address: str = "127.0.0.1",
        codec: str = "VP8", red: bool = False,
    ) -> tuple[Client, list[Publisher]]:  # fmt: skip
        """Join as publisher: the client, and an encoder per track (per layer when simulcast)."""
        client = Client(address=address)
        self._stack.push_async_callback(client.close)
        offer = client.offer(video=video, audio=audio, simulcast=simulcast, codec=codec, red=red)
        answer = await self.worker.obey(say.Publish(room=self.name, peer=peer, sdp=offer))
        assert isinstance(answer, say.Description)
        await client.connect(answer.sdp)
        counter = iter(range(1 << 40))
        encoders: list[Publisher] = []
        for i in range(audio + video):
            for j, rid in enumerate(("q", "h", "f") if simulcast and i >= audio else ("",)):
                encoder = Publisher(client, ssrc=1000 + i + 100 * j, rid=rid, mid=str(i))
                encoder.transport_cc = counter
                encoders.append(encoder)

        def hear(item: object) -> None:
            client.rtcp.append(item)  # type: ignore[arg-type]
            for encoder in encoders:
                encoder.hear(item)  # type: ignore[arg-type]

        client.on_rtcp = hear
        return client, encoders

    async def subscriber(
        self,
        peer: str,
        *,
        slots: say.Slots | None = None,
        address: str = "127.0.0.1",
        via: tuple[str, int] | None = None,
        accept: Callable[[list[Codec]], list[Codec]] | None = None,
        profiles: Sequence[SRTPProtectionProfile] = (),
    ) -> Client:
        """Join as subscriber; keeps all packets. `via` = a relay to send to instead, `accept`, `profiles` = codecs and ciphers it takes."""
        client = Client(address=address)
        client.accept = accept or client.accept
        client.profiles = list(profiles) or client.profiles
        client.keep = 100_000
        self._stack.push_async_callback(client.close)
        offer = await self.worker.obey(say.Subscribe(room=self.name, peer=peer, slots=slots or say.Slots()))
        assert isinstance(offer, say.Description)
        answer = client.answer(offer.sdp)
        if via is not None:
            client._remote = via
        await self.worker.obey(say.AcceptOffer(room=self.name, peer=peer, sdp=answer))
        await client.connect()
        return client


@asynccontextmanager
async def open_room() -> AsyncIterator[Room]:
    """A room on a fresh port of both loopback addresses."""
    events: list[Message] = []
    worker = Worker(["127.0.0.1", "::1"], 0, events.append)
    worker.port.clock = time.monotonic  # tests may have made it virtual
    async with worker, AsyncExitStack() as stack:
        await worker.obey(say.OpenRoom(room=Room.name))
        yield Room(worker, events, stack)
        errors = worker.port.counters.errors
    assert not errors, "an exception reached the drain"


def in_virtual_time(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run `async def test(room, ...)` on virtual time, in a room of its own; other arguments are fixtures as ever."""

    @functools.wraps(test)
    def run(**fixtures: object) -> None:
        async def main() -> None:
            async with open_room() as opened:
                await test(opened, **fixtures)

        virtual.run(main)

    signature = inspect.signature(test)
    kept = [parameter for name, parameter in signature.parameters.items() if name != "room"]
    run.__signature__ = signature.replace(parameters=kept)  # type: ignore[attr-defined]  # pytest reads it
    return run


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    """A room on a fresh port of both loopback addresses."""
    async with open_room() as opened:
        yield opened


async def until(condition: Callable[[], object], limit: float = 5.0) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(limit):
        while not condition():  # the condition is another process's or the network's
            await asyncio.sleep(0.005)
