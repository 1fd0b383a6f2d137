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

    def shown(self) -> dict[tuple[str, str], str | None]:
        """What stands in every slot, as told last."""
        told = [event for event in self.call.events if isinstance(event, say.Assigned)]
        return {(event.peer, event.slot): event.track for event in told}

    async def over(self, person: str, field: str, seconds: float) -> float:
        """By how much a person's counter grows in a second."""
        before, begun = self.call.reports[person][field], time.monotonic()
        await asyncio.sleep(seconds)
        return (self.call.reports[person][field] - before) / (time.monotonic() - begun)


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
    """Kill -9 in a call (G18): both pages rejoin by themselves, see again within three seconds, and see the same in the same slots."""
    browser = await stage.enter(chromium())
    for name in ("ana", "budi"):
        await browser.open(f"{stage.url}/?me={name}")
    await until(lambda: stage.seen("ana", "budi"))
    seats = stage.shown()
    (untouched,) = {process.pid for process in stage.engine.processes} - {stage.engine.process_of("call").pid}
    killed = time.monotonic()
    stage.engine.process_of("call").kill()
    await until(
        lambda: all(stage.call.reports[n]["rejoins"] and stage.call.reports[n]["firstFrame"] for n in ("ana", "budi"))
    )
    assert time.monotonic() - killed < 3
    await until(lambda: stage.shown() == seats)
    assert untouched in {process.pid for process in stage.engine.processes}


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
async def test_a_browser_stops_sending_the_layers_nobody_watches(stage: Stage) -> None:
    """Thumbnails only: the publisher is told and its encoder stops the larger layers; a stage view brings them back."""
    browser = await stage.enter(chromium())
    await browser.open(f"{stage.url}/?me=ana&simulcast")
    await browser.open(f"{stage.url}/?me=budi")
    await until(lambda: stage.call.reports.get("ana", {}).get("layers", 0) >= 2 and stage.seen("budi"), 30)
    await stage.engine.view("call", "budi", [say.Wish(track="ana.1", width=320, height=180)])
    async with asyncio.timeout(30):
        while await stage.over("ana", "sent_h", 0.6):
            assert await stage.over("ana", "sent_q", 0.6)
    await stage.engine.view("call", "budi", [say.Wish(track="ana.1", width=1280, height=720, rank="stage")])
    async with asyncio.timeout(30):
        while not await stage.over("ana", "sent_h", 0.6):
            pass


@pytest.mark.needs("chromium")
@pytest.mark.parametrize("codec", ["VP9", "AV1"])
async def test_upper_frames_of_a_browser_are_dropped_and_come_back(stage: Stage, codec: str) -> None:
    """A subscriber with room for half the bitrate decodes fewer pictures, and all of them again later, without a new key frame."""
    browser = await stage.enter(chromium())
    await browser.open(f"{stage.url}/?me=ana&codec={codec}&mode=L1T3&width=320")
    await browser.open(f"{stage.url}/?me=budi&width=320")
    await until(lambda: stage.seen("budi", frames=60), 40)
    rate, full = 8 * await stage.over("budi", "videoBytes", 2), await stage.over("budi", "framesDecoded", 1)
    before = stage.call.reports["budi"]
    await stage.engine.ceiling("call", "budi", int(0.65 * rate) + 50_000)  # and a voice
    await asyncio.sleep(0.5)
    async with asyncio.timeout(20):
        while (thin := await stage.over("budi", "framesDecoded", 1)) > 0.6 * full:
            pass
    assert thin > 0.1 * full, "the base layer goes on"
    await stage.engine.ceiling("call", "budi", 0)
    async with asyncio.timeout(20):
        while await stage.over("budi", "framesDecoded", 1) < 0.8 * full:
            pass
    after = stage.call.reports["budi"]
    assert (after["keyFrames"], after["pliSent"]) == (before["keyFrames"], before["pliSent"])


@pytest.mark.needs("chromium", "firefox-esr")
async def test_redundant_audio_reaches_who_has_it_and_others_hear_too(stage: Stage) -> None:
    """RED goes through unchanged to a Chromium that has it; one that refused it and a Firefox get the bare voice."""
    browser, other = await asyncio.gather(stage.enter(chromium()), stage.enter(firefox()))
    await browser.open(f"{stage.url}/?me=ana&red&width=320")
    await browser.open(f"{stage.url}/?me=budi&width=320")
    await browser.open(f"{stage.url}/?me=citra&nored&width=320")
    await other.open(f"{stage.url}/?me=dewi&width=320")
    await stage.engine.force_audible("call", ["ana.0"])
    await until(lambda: stage.seen("budi", "citra", "dewi", packets=100), 40)
    await until(lambda: stage.call.reports["budi"]["redundant"] > 50)
    assert stage.call.reports["citra"]["redundant"] < 10
    heard = {name: stage.call.reports[name]["audioEnergy"] for name in ("budi", "citra", "dewi")}
    await until(lambda: all(stage.call.reports[name]["audioEnergy"] > energy for name, energy in heard.items()))


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
