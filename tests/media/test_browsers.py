"""Chromium and Firefox see and hear each other through a worker."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import psutil
import pytest

from smartroom.control.conference.engine import EmbeddedEngine, Placement
from smartroom.protocol import media as say
from tests.media.barecall import BareCall, serving
from tests.media.browsers import chromium, firefox


def host_address() -> str:
    """An address that is not loopback, where there is one: Firefox pairs no loopback candidate with others."""
    found = [a.address for addresses in psutil.net_if_addrs().values() for a in addresses if a.family == socket.AF_INET]
    return next((address for address in found if not address.startswith("127.")), "127.0.0.1")


class Stage:
    """A running call and what opens browsers on it."""

    def __init__(self, engine: EmbeddedEngine, call: BareCall, url: str, stack: AsyncExitStack) -> None:
        self.engine, self.call, self.url = engine, call, url
        self.enter = stack.enter_async_context

    def seen(self, *people: str, frames: int = 10, packets: int = 25) -> bool:
        """Everybody decodes pictures and receives sound."""
        reports = [self.call.reports.get(name, {}) for name in people]
        return all(r.get("framesDecoded", 0) >= frames and r.get("audioPackets", 0) >= packets for r in reports)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    """Two workers and the bare call page."""
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(EmbeddedEngine(2, Placement((host_address(),))))
        call, url = await stack.enter_async_context(serving(engine))
        yield Stage(engine, call, url, stack)


async def until(condition: Callable[[], object], limit: float = 20.0) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(limit):
        while not condition():  # the condition is another process's or the network's
            await asyncio.sleep(0.05)


@pytest.mark.needs("chromium")
async def test_two_chromiums_see_and_hear_each_other(stage: Stage) -> None:
    """Pictures are decoded and sound arrives on both sides."""
    browser = await stage.enter(chromium())
    for name in ("ana", "budi"):
        await browser.open(f"{stage.url}/?me={name}")
    await until(lambda: stage.seen("ana", "budi"))


@pytest.mark.needs("chromium", "firefox-esr")
async def test_chromium_and_firefox_see_and_hear_each_other(stage: Stage) -> None:
    """Two makers' browsers in one call."""
    one, other = await asyncio.gather(stage.enter(chromium()), stage.enter(firefox()))
    await one.open(f"{stage.url}/?me=ana")
    await other.open(f"{stage.url}/?me=budi")
    await until(lambda: stage.seen("ana", "budi"), 30)


@pytest.mark.needs("chromium")
async def test_pictures_are_back_after_the_worker_was_killed(stage: Stage) -> None:
    """Kill -9 in a call: both pages rejoin by themselves and decode again within three seconds."""
    browser = await stage.enter(chromium())
    for name in ("ana", "budi"):
        await browser.open(f"{stage.url}/?me={name}")
    await until(lambda: stage.seen("ana", "budi"))
    killed = time.monotonic()
    stage.engine.process_of("call").kill()
    await until(
        lambda: all(
            stage.call.reports[n]["rejoins"] and stage.call.reports[n]["framesDecoded"] > 0 for n in ("ana", "budi")
        )
    )
    assert time.monotonic() - killed < 3.3  # pages report four times a second


@pytest.mark.needs("chromium")
async def test_simulcast_of_a_browser_arrives_in_layers(stage: Stage) -> None:
    """Chromium sends several rids; the worker tells them apart and forwards one."""
    browser = await stage.enter(chromium())
    await browser.open(f"{stage.url}/?me=ana&simulcast")
    await browser.open(f"{stage.url}/?me=budi")
    await until(lambda: stage.call.reports.get("ana", {}).get("layers", 0) >= 2 and stage.seen("budi"), 30)
    await stage.engine.view("call", "budi", [say.Wish(track="ana.1", width=320, height=180)])
    await until(
        lambda: any(isinstance(e, say.Assigned) and e.peer == "budi" and e.track == "ana.1" for e in stage.call.events)
    )


@pytest.mark.needs("chromium")
@pytest.mark.parametrize("player", ["chromium", "firefox"])
async def test_a_browser_publishes_by_whip_and_another_plays_by_whep(stage: Stage, player: str) -> None:
    """Plain WHIP and WHEP from pages that know nothing else."""
    encoder = await stage.enter(chromium())
    await encoder.open(f"{stage.url}/whip.html")
    assert "/whip/sessions/" in await encoder.evaluate(f"publish('{stage.url}/whip/call/camera')")
    await until(lambda: any(isinstance(event, say.TrackOpened) for event in stage.call.events))
    viewer = encoder if player == "chromium" else await stage.enter(firefox())
    await viewer.open(f"{stage.url}/whip.html")
    assert "/whep/sessions/" in await viewer.evaluate(f"play('{stage.url}/whep/call/camera')")
    found = {"frames": 0, "packets": 0}
    async with asyncio.timeout(20):
        while found["frames"] < 10 or found["packets"] < 25:
            await asyncio.sleep(0.1)
            found = await viewer.evaluate("decoded()")
