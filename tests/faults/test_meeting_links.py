"""Joining over a thin and lossy line: signalling and media through one bad path between two network namespaces. Needs root."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar

import pytest

from smartroom.control.app import Media
from smartroom.control.conference.engine import Placement
from smartroom.protocol.conference import Meeting
from tests.media.network import CLIENT, SERVER, inside, network
from tests.meetings import Guest, House, house

pytestmark = [pytest.mark.netns, pytest.mark.timeout(180)]

T = TypeVar("T")
JOINS = 10


def elsewhere(namespace: str, work: Callable[[], Coroutine[Any, Any, T]]) -> Awaitable[T]:
    """Run a coroutine in a thread whose sockets, and whose children's, belong to a namespace."""

    def thread() -> T:
        with inside(namespace):
            return asyncio.run(work())

    return asyncio.to_thread(thread)


async def test_joining_takes_less_than_five_seconds_at_400_kbit_and_two_percent_loss(tmp_path: Path) -> None:
    """From the first packet of the socket to the first sound of somebody else, ten times over: every one below five seconds."""
    async with network() as net:
        opened: asyncio.Queue[Meeting] = asyncio.Queue(1)
        loop, over = asyncio.get_running_loop(), threading.Event()

        async def serve() -> None:
            media = Media(Placement((SERVER,)))
            async with house(tmp_path, at=SERVER, media=media) as place:
                meeting = await place.meeting()
                talker = await place.guest(meeting, "Sekda")
                encoders = await talker.publish(at=SERVER)
                loop.call_soon_threadsafe(opened.put_nowait, meeting)
                while not over.is_set():
                    for encoder in encoders:
                        (encoder.voice if encoder.mid == "0" else encoder.frame)()
                    await asyncio.sleep(0.02)

        serving = asyncio.ensure_future(elsewhere(net.left, serve))
        try:
            meeting = await asyncio.wait_for(opened.get(), 30)
            await net.set(loss=0.02, delay=0.04, rate=400_000)
            times = await elsewhere(net.right, lambda: joins(meeting))
        finally:
            over.set()
            await serving
    assert max(times) < 5.0, times


async def joins(meeting: Meeting) -> list[float]:
    """Seconds of each join, one guest after the other."""
    times = []
    for number in range(JOINS):
        async with AsyncExitStack() as stack:
            begun = time.monotonic()
            place = House(None, None, meeting.url.partition("/meet/")[0], stack)  # type: ignore[arg-type]
            guest: Guest = await place.guest(meeting, f"Camat {number}")
            await asyncio.gather(guest.publish(at=CLIENT), guest.receive(at=CLIENT, video=4))
            while not (guest.sub and guest.sub.received):
                await asyncio.sleep(0.01)
            times.append(time.monotonic() - begun)
            await guest.act("quit")
    return times
