"""From the wish to receive to the first whole picture."""

from __future__ import annotations

import asyncio
import random
import time

from smartroom.control.conference.engine import EmbeddedEngine, Placement
from smartroom.media.rtp.packet import Packet
from smartroom.protocol import media as say
from tests.bench.report import Figure, Report
from tests.media.rtcclient import Client, Publisher

JOINS = 60
CROWD = 20


async def main() -> Report:
    """One after the other, then twenty at once; the publisher sends 30 pictures a second and answers key frame requests."""
    async with EmbeddedEngine(1, Placement()) as engine:
        await engine.open_room("r")
        client = Client()
        answer = await engine.publish("r", "ana", client.offer(), {})
        await client.connect(answer.sdp)
        encoder = Publisher(client)
        client.on_rtcp = encoder.hear
        filming = asyncio.create_task(_film(encoder))
        await asyncio.sleep(0.5)
        single = []
        for i in range(JOINS):
            single.append(await _join(engine, f"s{i}"))
            await asyncio.sleep(random.random() / 2)  # at any time within the publisher's throttle of key frames
        single.sort()
        crowd = sorted(await asyncio.gather(*(_join(engine, f"c{i}") for i in range(CROWD))))
        filming.cancel()
        await client.close()
    return Report(
        "loopback, control and worker in their own processes, subscriber in this one; first frame = its marker packet decrypted",
        (
            Figure("join to first frame p50", single[len(single) // 2], "ms", at_most=300),
            Figure("join to first frame p95", single[len(single) * 95 // 100], "ms"),
            Figure("20 at once p50", crowd[len(crowd) // 2], "ms"),
            Figure("20 at once slowest", crowd[-1], "ms"),
        ),
    )


async def _film(encoder: Publisher) -> None:
    begun = time.monotonic()
    frame = 0
    while True:
        encoder.frame(4, 1000)
        frame += 1
        await asyncio.sleep(max(0.0, begun + frame / 30 - time.monotonic()))


async def _join(engine: EmbeddedEngine, peer: str) -> float:
    client = Client()
    seen = asyncio.Event()

    def look(packet: Packet, _now: float) -> None:
        if packet.marker and packet.payload:
            seen.set()

    client.on_packet = look
    begun = time.monotonic()
    offer = await engine.subscribe("r", peer, say.Slots(audio=0, video=1, screen=0))
    await engine.accept("r", peer, client.answer(offer.sdp))
    await client.connect()
    async with asyncio.timeout(10):
        await seen.wait()
    taken = 1000 * (time.monotonic() - begun)
    await engine.leave("r", peer)
    await client.close()
    return taken
