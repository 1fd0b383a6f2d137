"""A guest's address changes, and a guest's network is away for 20 s: how long until pictures move again, on the same seat. Needs root."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import tempfile
from pathlib import Path

from playwright.async_api import async_playwright

from tests.bench.meet_server import served
from tests.bench.meet_windows import Person, join
from tests.bench.report import Figure, Report
from tests.media.browsers import CHROMIUM, FLAGS
from tests.media.network import SERVER, network, run

CHANGES = 5
BLACKOUTS = 3
BLACKOUT_S = 20
SEAT = "document.querySelector('[data-testid=call]')?.dataset.me"


async def main() -> Report:
    """Two windows behind one network see each other; both lose it; what is told is the later of the two."""
    async with (
        network() as net,
        served(SERVER, ("ip", "netns", "exec", net.left)) as server,
        async_playwright() as play,
    ):
        with tempfile.TemporaryDirectory() as folder:
            starter = Path(folder) / "chromium"
            starter.write_text(f'#!/bin/sh\nexec ip netns exec {net.right} {CHROMIUM} "$@"\n')
            starter.chmod(0o755)
            trusted = f"--unsafely-treat-insecure-origin-as-secure={server.origin}"
            browser = await play.chromium.launch(executable_path=str(starter), args=[*FLAGS, trusted])
            people = [await join(browser, server.url, name) for name in ("Kepala Bappeda", "Camat A")]
            await asyncio.gather(*(person.first() for person in people))
            seats = [await person.page.evaluate(SEAT) for person in people]
            addresses, changes, blackouts = [f"10.98.0.{n}" for n in range(2, 3 + CHANGES)], [], []
            for old, new in itertools.pairwise(addresses):
                await both(people)
                await run("ip", "-n", net.right, "addr", "del", f"{old}/24", "dev", "une0")
                await run("ip", "-n", net.right, "addr", "add", f"{new}/24", "dev", "une0")
                changes.append(await both(people))
            for _ in range(BLACKOUTS):
                await net.set(down=True)
                await asyncio.sleep(BLACKOUT_S)
                await net.set(down=False)
                blackouts.append(await both(people))
                await asyncio.sleep(2)
            kept = [await person.page.evaluate(SEAT) for person in people] == seats
            await browser.close()
    return Report(
        f"two Chromium windows in a network namespace; {CHANGES} changes of address, {BLACKOUTS} blackouts of {BLACKOUT_S} s; ten new pictures drawn",
        (
            Figure("address changed: back, p50", statistics.median(changes), "s", at_most=4),
            Figure("address changed: back, slowest", max(changes), "s"),
            Figure(f"{BLACKOUT_S} s blackout: back, p50", statistics.median(blackouts), "s", at_most=4),
            Figure(f"{BLACKOUT_S} s blackout: back, slowest", max(blackouts), "s"),
            Figure("the same seats afterwards", float(kept), "", at_least=1),
        ),
    )


async def both(people: list[Person]) -> float:
    """Seconds until each sees more."""
    return max(await asyncio.gather(*(person.sees_more() for person in people)))
