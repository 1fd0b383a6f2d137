"""Congestion control on a path that goes 3 -> 0.8 -> 3 Mbit/s, with a 300 ms queue."""

from __future__ import annotations

import statistics
from contextlib import AsyncExitStack
from typing import Any

from smartroom.media.worker import Worker
from smartroom.protocol import media as say
from tests.bench.report import Figure, Report
from tests.media.conftest import Room
from tests.media.test_paths import trace

ROUNDS = 3


async def main() -> Report:
    """A voice and three layers of 96, 400 and 1,320 kbit/s to one subscriber."""
    found = []
    for _ in range(ROUNDS):
        events: list[Any] = []
        async with Worker(["127.0.0.1"], 0, events.append) as worker, AsyncExitStack() as stack:
            await worker.obey(say.OpenRoom(room=Room.name))
            found.append(await trace(Room(worker, events, stack), settle=6))
    return Report(
        f"user-space bottleneck, server and clients in one process, median of {ROUNDS}",
        (
            Figure("layer down after", statistics.median(t.down for t in found), "s", at_most=2),
            Figure("layer up after", statistics.median(t.up for t in found), "s", at_most=10),
            Figure("longest silence", 1000 * statistics.median(t.gap for t in found), "ms", at_most=200),
        ),
    )
