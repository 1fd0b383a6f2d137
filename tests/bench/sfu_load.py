"""Load for the SFU benches, in its own process: real publishers, subscribers that neither decrypt nor decode.

Prints `measure` when the measured window begins and one line of JSON when it has ended.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import os
import secrets
import time
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Protocol

import aiohttp
from pylibsrtp import Policy, Session

from tests.media.rtcclient import Client, Publisher

PACKET = 1100  # bytes of RTP
OVERHEAD = 12 + 8 + 4  # header and extensions our publisher writes
SPEAKERS = 3
SCREEN_FPS = 5


@dataclass(frozen=True, slots=True)
class Lines:
    """What there is beside a camera each."""

    voices: int = 0
    screens: int = 0


class Signalling(Protocol):
    """How a server is asked."""

    async def publish(self, peer: str, client: Client, lines: Lines) -> None:
        """Connect a publisher."""

    async def subscribe(self, peer: str, client: Client, publishers: list[str], lines: Lines) -> None:
        """Connect a subscriber to these publishers."""


class Sink:
    """Nobody: what publishers send is encrypted, sent and thrown away; there is nothing to receive."""

    def __init__(self, url: str, _session: aiohttp.ClientSession) -> None:
        host, _, port = url.rpartition(":")
        self._address = (host, int(port))

    async def publish(self, _peer: str, client: Client, _lines: Lines) -> None:
        """Keys without a handshake."""
        profile = Policy.SRTP_PROFILE_AEAD_AES_128_GCM
        policy = Policy(key=secrets.token_bytes(28), ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile)
        client._link = SimpleNamespace(_tx_srtp=Session(policy))
        client._remote = self._address
        await client.open()

    async def subscribe(self, _peer: str, _client: Client, _publishers: list[str], _lines: Lines) -> None:
        """There is nothing to see."""


class Ours:
    """The bare call's requests."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url, self._session = url, session

    async def publish(self, peer: str, client: Client, lines: Lines) -> None:
        """Offer, answer, connect."""
        offer = client.offer(audio=lines.voices, video=1 + lines.screens)
        sources = {str(lines.voices + 1): "screen"} if lines.screens else {}
        answer = await self._post(peer, "pub", sdp=offer, sources=sources)
        await client.connect(answer["sdp"])

    async def subscribe(self, peer: str, client: Client, publishers: list[str], lines: Lines) -> None:
        """Take the server's offer."""
        slots = {"audio": 3 if lines.voices else 2, "video": len(publishers), "screen": lines.screens}
        offer = await self._post(peer, "sub", **slots)
        await self._post(peer, "answer", sdp=client.answer(offer["sdp"]))
        await client.connect()

    async def _post(self, peer: str, action: str, **body: object) -> dict[str, Any]:
        async with self._session.post(f"{self._url}/call/{peer}/{action}", json=body) as response:
            answer: dict[str, Any] = await response.json()
            if response.status != 200:
                raise RuntimeError(answer)
            return answer


class Janus:
    """VideoRoom over Janus's HTTP API."""

    ROOM = 4711

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url, self._http = url, session
        self._events: dict[int, asyncio.Queue[dict[str, Any]]] = {}
        self._handles: dict[int, str] = {}
        self._feeds: dict[str, int] = {}
        self._pollers: list[asyncio.Task[None]] = []
        self._made = False

    async def publish(self, peer: str, client: Client, _lines: Lines) -> None:
        """Join as publisher and configure."""
        session, handle = await self._attach()
        if not self._made:
            self._made = True
            create = {"request": "create", "room": self.ROOM, "publishers": 50, "bitrate": 0, "videocodec": "vp8"}
            await self._send(session, handle, create, wait=False)
        joined = await self._send(session, handle, {"request": "join", "ptype": "publisher", "room": self.ROOM})
        self._feeds[peer] = joined["plugindata"]["data"]["id"]
        configure = {"request": "configure", "audio": False, "video": True, "bitrate": 0}
        answer = await self._send(session, handle, configure, {"type": "offer", "sdp": client.offer()})
        await client.connect(answer["jsep"]["sdp"])

    async def subscribe(self, peer: str, client: Client, publishers: list[str], _lines: Lines) -> None:
        """Join as subscriber of all feeds in one connection."""
        session, handle = await self._attach()
        streams = [{"feed": self._feeds[name]} for name in publishers]
        join = {"request": "join", "ptype": "subscriber", "room": self.ROOM, "streams": streams}
        offer = await self._send(session, handle, join)
        answer = client.answer(offer["jsep"]["sdp"])
        await client.open()
        await self._send(session, handle, {"request": "start"}, {"type": "answer", "sdp": answer})
        await client.connect()

    async def _attach(self) -> tuple[int, int]:
        session = (await self._post("", janus="create"))["data"]["id"]
        self._events[session] = asyncio.Queue()
        self._pollers.append(asyncio.create_task(self._poll(session)))
        handle = (await self._post(f"/{session}", janus="attach", plugin="janus.plugin.videoroom"))["data"]["id"]
        return session, handle

    async def _send(
        self, session: int, handle: int, body: dict[str, Any], jsep: dict[str, str] | None = None, *, wait: bool = True
    ) -> dict[str, Any]:
        extra: dict[str, Any] = {"jsep": jsep} if jsep else {}
        answer = await self._post(f"/{session}/{handle}", janus="message", body=body, **extra)
        while wait:
            event = await asyncio.wait_for(self._events[session].get(), 10)
            if event["janus"] != "event" or not (event.get("jsep") or event["plugindata"]["data"].get("id")):
                if "error" in event.get("plugindata", {}).get("data", {}) or event["plugindata"]["data"].get("started"):
                    return event
                continue
            return event
        return answer

    async def _post(self, path: str, **body: object) -> dict[str, Any]:
        async with self._http.post(self._url + path, json={"transaction": "t", **body}) as response:
            return dict(await response.json(content_type=None))

    async def _poll(self, session: int) -> None:
        while True:
            async with self._http.get(f"{self._url}/{session}?maxev=1") as response:
                event = await response.json(content_type=None)
            if event.get("janus") == "event":
                self._events[session].put_nowait(event)


async def publish(publisher: Publisher, fps: float, packets: int, size: int, stop: asyncio.Event) -> None:
    """Frames at an even pace until stopped."""
    await asyncio.sleep(secrets.randbelow(1000) / 1000 / fps)
    begun = time.monotonic()
    frame = 0
    while not stop.is_set():
        publisher.frame(packets, size - OVERHEAD)
        frame += 1
        await asyncio.sleep(max(0.0, begun + frame / fps - time.monotonic()))


async def speak(voice: Publisher, level: int, stop: asyncio.Event) -> None:
    """A packet each 20 ms until stopped."""
    begun = time.monotonic()
    packets = 0
    while not stop.is_set():
        voice.voice(level)
        packets += 1
        await asyncio.sleep(max(0.0, begun + packets / 50 - time.monotonic()))


SERVERS: dict[str, type[Ours | Janus | Sink]] = {"ours": Ours, "janus": Janus, "sink": Sink}


async def main(options: argparse.Namespace) -> None:
    """Connect everybody, warm up, measure."""
    stop = asyncio.Event()
    delays: list[float] = []
    async with aiohttp.ClientSession() as http:
        signalling: Signalling = SERVERS[options.server](options.url, http)
        publishers: list[Publisher] = []
        sending: list[asyncio.Task[None]] = []
        for i in range(options.publishers):
            lines = Lines(options.voices, options.screens if i == 0 else 0)
            client = Client(address=options.address)
            await signalling.publish(f"p{i}", client, lines)
            made = [
                Publisher(client, ssrc=1000 + j, mid=str(j) if lines.voices else "")
                for j in range(lines.voices + 1 + lines.screens)
            ]
            counter = iter(range(1 << 40))
            for publisher in made:
                publisher.transport_cc = counter
            publisher = made[lines.voices]
            client.on_rtcp = publisher.hear
            publishers.append(publisher)
            sending.append(asyncio.create_task(publish(publisher, options.fps, options.packets, options.size, stop)))
            sending += [
                asyncio.create_task(speak(voice, 20 if i < SPEAKERS else 100, stop)) for voice in made[: lines.voices]
            ]
            sending += [
                asyncio.create_task(publish(screen, SCREEN_FPS, 5, options.size, stop))
                for screen in made[lines.voices + 1 :]
            ]
        await asyncio.sleep(0.3)
        subscribers: list[Client] = []
        for i in range(options.subscribers):
            client = Client(address=options.address, decrypt=options.latency)
            if options.latency:
                client.on_packet = lambda packet, _: _delay(packet.payload, delays)
            names = [f"p{j}" for j in range(options.publishers) if options.publishers == 1 or i != j]
            names = names[: options.slots or None]
            peer = f"p{i}" if options.publishers > 1 else f"s{i}"
            await signalling.subscribe(peer, client, names, Lines(options.voices, options.screens))
            subscribers.append(client)
        gc.collect()
        gc.freeze()
        await asyncio.sleep(options.warmup)
        sent, received = (sum(p.sequence_total for p in publishers), sum(s.total() for s in subscribers))
        numbered = sum(s._numbers.highest for s in subscribers)
        delays.clear()
        print("measure", flush=True)
        begun = time.monotonic()
        await asyncio.sleep(options.seconds)
        elapsed = time.monotonic() - begun
        sent = sum(p.sequence_total for p in publishers) - sent
        received = sum(s.total() for s in subscribers) - received
        watched = options.slots or options.publishers - 1
        wanted = sent * (options.subscribers if options.publishers == 1 else watched)
        if options.voices:  # who hears whom changes: what was sent to somebody is known by its transport-cc numbers
            wanted = sum(s._numbers.highest for s in subscribers) - numbered
        delays.sort()
        found = {
            "seconds": elapsed,
            "received": received,
            "wanted": wanted,
            "key_frames": sum(p.key_frames for p in publishers),
            "p50": delays[len(delays) // 2] if delays else 0,
            "p99": delays[len(delays) * 99 // 100] if delays else 0,
        }
        with contextlib.suppress(BrokenPipeError):  # whoever started it may have seen enough
            print(json.dumps(found), flush=True)
        stop.set()
        await asyncio.gather(*sending)
        os._exit(0)  # sockets need no ceremony in a bench


def _delay(payload: bytes, delays: list[float]) -> None:
    if len(payload) > 15 and payload[0] & 0x80:
        delays.append((time.monotonic_ns() - int.from_bytes(payload[7:15], "big")) / 1e6)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", choices=[*SERVERS], required=True)
    parser.add_argument("--url", required=True)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--publishers", type=int, default=1)
    parser.add_argument("--subscribers", type=int, default=20)
    parser.add_argument("--fps", type=float, default=28)
    parser.add_argument("--packets", type=int, default=5)
    parser.add_argument("--slots", type=int, default=0, help="pictures each subscriber has room for, 0 = all")
    parser.add_argument("--voices", type=int, default=0, help="1: everybody has a microphone, three speak")
    parser.add_argument("--screens", type=int, default=0, help="1: the first publisher shares a screen")
    parser.add_argument("--size", type=int, default=PACKET)
    parser.add_argument("--warmup", type=float, default=3)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--latency", action="store_true")
    asyncio.run(main(parser.parse_args()))
