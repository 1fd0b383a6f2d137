"""From a meeting's link to the first picture of somebody else, in Chromium."""

from __future__ import annotations

from playwright.async_api import async_playwright

from tests.bench.meet_server import served
from tests.bench.meet_windows import join
from tests.bench.report import Figure, Report
from tests.bench.sfu_servers import host_address
from tests.media.browsers import CHROMIUM, FLAGS

JOINS = 20


async def main() -> Report:
    """Somebody with a camera is there; twenty others come one after the other, each with a fresh browser profile, and leave again."""
    address = host_address()
    async with served(address) as server, async_playwright() as playwright:
        trusted = f"--unsafely-treat-insecure-origin-as-secure={server.origin}"
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, trusted])
        await join(browser, server.url, "Sekda")
        found = []
        for number in range(JOINS + 1):
            person = await join(browser, server.url, f"Camat {number}")
            found.append(1000 * await person.first())
            await person.page.context.close()
        await browser.close()
    taken = sorted(found[1:])  # the first waits for the other's camera
    return Report(
        f"{JOINS} joins, one after the other; nothing cached; name typed and button pressed by script; server and browser on one machine",
        (
            Figure("link to first picture p50", taken[len(taken) // 2], "ms"),
            Figure("link to first picture p95", taken[len(taken) * 95 // 100], "ms"),
        ),
    )
