"""Twenty-five people with every slot in use: what the worker costs, and whether anything is lost."""

from __future__ import annotations

import os

from tests.bench.report import Figure, Report
from tests.bench.sfu_servers import host_address, measure, ours

SECONDS = float(os.environ.get("SMARTROOM_BENCH_SECONDS", "300"))


async def main() -> Report:
    """25 publishers of 180p pictures; everybody sees nine others. Scene taps are measured by their own bench."""
    address = host_address()
    async with ours(address) as server:
        run = await measure(
            server,
            address,
            seconds=SECONDS,
            publishers=25,
            subscribers=25,
            fps=15,
            packets=1,
            slots=9,
            warmup=8,
            size=1000,
        )
    figures = (
        Figure("worker CPU", 100 * run.cpu / run.seconds, "% of a core", at_most=100),
        Figure("per forward", run.per_forward, "us"),
        Figure("forwards", run.received / run.seconds, "1/s"),
        Figure("lost", 100 * run.lost, "%", at_most=0.1),
    )
    return Report(f"25 x 9 pictures of 120 kbit/s for {SECONDS:.0f} s, server and clients on a core each", figures)
