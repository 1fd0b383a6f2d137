"""Bad networks in namespaces: joins, sound, freezes. Needs root."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from typing import Any

from smartroom.media.worker import Worker
from smartroom.protocol import media as say
from tests.bench.report import Figure, Report
from tests.media.network import SERVER, inside, network
from tests.media.test_netns import Site, talk

JOINS = 20


async def main() -> Report:
    """10 % + 100 ms and 30 % + 300 ms, both directions, with reordering."""
    figures: list[Figure] = []
    for name, loss, jitter, limit in (("10 % + 100 ms", 0.1, 0.1, 3.0), ("30 % + 300 ms", 0.3, 0.3, 15.0)):
        figures += await _path(name, loss, jitter, limit)
    how = "user-space network between two namespaces, loss and jitter each way; concealed = voice packets that never came in time"
    return Report(how, tuple(figures))


async def _path(name: str, loss: float, jitter: float, limit: float) -> list[Figure]:
    events: list[Any] = []
    async with network() as net, AsyncExitStack() as stack:
        worker = Worker([SERVER], 5004, events.append)
        with inside(net.left):
            await worker.__aenter__()
        stack.push_async_exit(worker.__aexit__)
        await worker.obey(say.OpenRoom(room="r"))
        site = Site(net, worker, stack)
        encoder = await site.publisher("ana")
        listener = await site.subscriber("ear")
        await net.set(loss=loss, jitter=jitter, reorder=True)
        times: list[float] = []
        for i in range(JOINS):
            begun = time.monotonic()
            try:
                await site.subscriber(f"s{i}", limit)
                times.append(time.monotonic() - begun)
            except (TimeoutError, ConnectionError):
                continue
            finally:
                await worker.obey(say.Leave(room="r", peer=f"s{i}"))
        await asyncio.sleep(0.5)
        heard = listener.total()
        for stream in listener.received.values():
            stream.longest_gap = 0
        await talk(encoder, 20)
        await asyncio.sleep(2 * jitter)
        arrived = listener.total() - heard
        gap = max(stream.longest_gap for stream in listener.received.values())
        times.sort()
    return [
        Figure(f"{name} joined", 100 * len(times) / JOINS, "%", at_least=95),
        Figure(f"{name} join p50", times[len(times) // 2], "s"),
        Figure(f"{name} join slowest", times[-1], "s", at_most=limit),
        Figure(f"{name} voice concealed", 100 * max(0.0, 1 - arrived / 1000), "%"),
        Figure(f"{name} longest silence", 1000 * gap, "ms"),
    ]
