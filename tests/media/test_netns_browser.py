"""A real browser behind a bad network: UDP blocked, another address, a blackout. Needs root."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.media import coturn
from tests.media.browsers import CHROMIUM, Browser, chromium
from tests.media.network import CLIENT, SERVER, Network, network, run

pytestmark = [pytest.mark.netns, pytest.mark.needs("chromium", "turnserver"), pytest.mark.timeout(180)]

UDP = 17
PAGE, TURN, TURNS = 8080, 3478, 5349
ORIGIN = f"http://{SERVER}:{PAGE}"


class Far:
    """A browser on the far side of the network; the call, its worker and coturn are on the near side."""

    def __init__(self, net: Network, browser: Browser) -> None:
        self.net, self.browser = net, browser

    async def join(self, name: str, relay: str = "") -> None:
        """Open the page; `relay` = the TURN servers it may use."""
        await self.browser.open(f"{ORIGIN}/?me={name}&width=320&watch&turn={relay or 'none'}")

    async def report(self) -> dict[str, Any]:
        """What the newest page counts."""
        return dict(await self.browser.evaluate("measure()"))

    async def sees_more(self, limit: float) -> float:
        """Seconds until ten more pictures were decoded and half a second more of sound was heard."""
        before, begun = await self.report(), time.monotonic()
        async with asyncio.timeout(limit):
            while True:
                now = await self.report()
                if (
                    now["framesDecoded"] >= before["framesDecoded"] + 10
                    and now["audioPackets"] >= before["audioPackets"] + 25
                ):
                    return time.monotonic() - begun
                await asyncio.sleep(0.1)


@pytest.fixture
async def far(tmp_path: Path) -> AsyncIterator[Far]:
    """Two namespaces, the server in one, Chromium in the other."""
    async with network() as net, AsyncExitStack() as stack:
        near = ("ip", "netns", "exec", net.left)
        await stack.enter_async_context(coturn.running(SERVER, tmp_path, prefix=near, ports=(TURN, TURNS)))
        urls = [
            f"turn:{SERVER}:{TURN}?transport=udp",
            f"turn:{SERVER}:{TURN}?transport=tcp",
            f"turns:{SERVER}:{TURNS}?transport=tcp",
        ]
        turns = [argument for url in urls for argument in ("--turn", url)]
        server = await asyncio.create_subprocess_exec(
            *near, sys.executable, "-m", "tests.media.barecall", SERVER, "--port", str(PAGE), "--secret", coturn.SECRET, *turns,
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        stack.push_async_callback(server.wait)
        stack.callback(server.terminate)
        assert server.stdout is not None
        async with asyncio.timeout(20):
            await server.stdout.readline()
        starter = tmp_path / "chromium"
        starter.write_text(f'#!/bin/sh\nexec ip netns exec {net.right} {CHROMIUM} "$@"\n')
        starter.chmod(0o755)
        flags = [f"--unsafely-treat-insecure-origin-as-secure={ORIGIN}", "--ignore-certificate-errors"]
        yield Far(net, await stack.enter_async_context(chromium(str(starter), flags)))


@pytest.mark.parametrize("relay", ["turn:", "turns:"], ids=["TCP", "TLS"])
async def test_a_browser_joins_by_turn_where_udp_is_blocked(far: Far, relay: str) -> None:
    """G20: a firewall swallows all UDP; both sides of a call are there within six seconds over TCP, and over TLS."""
    await far.net.set(block=UDP)
    await far.join("ana", relay)
    await far.join("budi", relay)
    async with asyncio.timeout(30):
        while not (await far.report())["firstFrame"]:
            await asyncio.sleep(0.1)
    assert (await far.report())["firstFrame"] <= 6000
    assert await far.sees_more(6) < 6


async def test_a_browser_whose_address_changes_is_followed(far: Far) -> None:
    """G21: the client's address changes in a call: pictures and sound go on within six seconds."""
    await far.join("ana")
    await far.join("budi")
    await far.sees_more(20)
    for change, address in (("del", CLIENT), ("add", "10.98.0.3")):
        await run("ip", "-n", far.net.right, "addr", change, f"{address}/24", "dev", "une0")
    assert await far.sees_more(20) < 6


async def test_a_browser_survives_a_blackout(far: Far) -> None:
    """G21: twenty seconds without a network: pictures and sound are back within six seconds of its end."""
    await far.join("ana")
    await far.join("budi")
    await far.sees_more(20)
    await far.net.set(down=True)
    await asyncio.sleep(20)
    await far.net.set(down=False)
    assert await far.sees_more(20) < 6
