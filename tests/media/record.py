"""Record what Chromium sends, for `vectors/`: `python -m tests.media.record`. Payloads are cut: their heads are what we read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

from aiohttp import web

from smartroom.media.publication import Publication
from smartroom.media.rtp import dependency, packet
from smartroom.media.worker import Worker
from smartroom.protocol import media as say
from tests.media.browsers import chromium

VECTORS = Path(__file__).parent / "vectors"
SETS = [("VP8", "L1T3"), ("VP9", "L1T3"), ("VP9", "L3T3_KEY"), ("AV1", "L1T3"), ("H264", "L1T3")]
PACKETS, HEAD = 60, 24  # kept of each set, and bytes of each payload
PAGE = """<!doctype html><script>
async function send(codec, scalabilityMode, width) {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { width, height: width * 9 / 16 } });
  const pc = window.pc = new RTCPeerConnection();
  const sendEncodings = [{ scalabilityMode, maxBitrate: 1500e3 }];
  const transceiver = pc.addTransceiver(stream.getVideoTracks()[0], { direction: "sendonly", sendEncodings });
  const wanted = [`video/${codec}`.toLowerCase(), "video/rtx"];
  transceiver.setCodecPreferences(RTCRtpSender.getCapabilities("video").codecs.filter((c) => wanted.includes(c.mimeType.toLowerCase())));
  await pc.setLocalDescription(await pc.createOffer());
  const response = await fetch("/", { method: "POST", body: pc.localDescription.sdp });
  await pc.setRemoteDescription({ type: "answer", sdp: await response.text() });
}
</script>"""


def read(name: str) -> tuple[str, int, list[packet.Packet]]:
    """A stored set: codec, extension id of the dependency descriptor (0 = none), packets in order."""
    head, *lines = (VECTORS / f"{name}.rtp").read_text().split()
    codec, _, number = head.partition(":")
    return codec, int(number), [packet.parse(bytes.fromhex(line)) for line in lines]


async def record(codec: str, mode: str) -> None:
    """One set, written to its file."""
    kept: list[bytes] = []

    class Listening(Publication):
        def receive_rtp(self, data: bytes, now: float) -> None:
            kept.append(data)
            super().receive_rtp(data, now)

    async with Worker(["127.0.0.1"], 0, lambda _: None) as worker, chromium() as browser:
        await worker.obey(say.OpenRoom(room="r"))

        async def offer(request: web.Request) -> web.Response:
            publish = say.Publish(room="r", peer="ana", sdp=await request.text(), codecs=[codec.lower()])
            answer = await worker.obey(publish)
            publication = worker.rooms["r"].members["ana"].publication
            assert publication is not None
            publication.__class__ = Listening
            publication.transport.on_rtp = publication.receive_rtp
            return web.Response(text=answer.model_dump()["sdp"])

        app = web.Application()
        app.router.add_get("/", lambda _: web.Response(text=PAGE, content_type="text/html"))  # type: ignore[arg-type,return-value]
        app.router.add_post("/", offer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        await browser.open(f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/")  # type: ignore[union-attr]
        width = 1280 if mode.startswith("L3") else 320
        await browser.evaluate(f"send({json.dumps(codec)}, {json.dumps(mode)}, {width})")
        async with asyncio.timeout(20):
            while len(kept) < 6 * PACKETS:
                await asyncio.sleep(0.1)
        (producer,) = worker.rooms["r"].producers.values()
        number = producer.incoming.extensions.get(dependency.URI, 0)
        lines = [cut.hex() for cut in _heads(kept, next(iter(producer.codecs)))][:PACKETS]
        (VECTORS / f"{codec}-{mode}.rtp".lower()).write_text(f"{codec.lower()}:{number}\n" + "\n".join(lines) + "\n")
        await runner.cleanup()


def _heads(packets: list[bytes], number: int) -> Iterator[bytes]:
    for data in packets:
        parsed = packet.parse(data)
        if parsed.payload_type == number and parsed.payload:
            yield bytes((data[0] & ~0x20,)) + data[1 : parsed.start] + parsed.payload[:HEAD]


async def main() -> None:
    """Every set."""
    for codec, mode in SETS:
        await record(codec, mode)


if __name__ == "__main__":
    asyncio.run(main())
