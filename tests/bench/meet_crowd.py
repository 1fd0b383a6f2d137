"""Guests who replay a recorded camera, in a process of their own: real signalling, real packets, nothing decoded."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path

from tests.media.rtcclient import Publisher
from tests.meetings import Guest, House

SPEAKERS = 3
SPEAKS_S = 5.0


async def main(address: str, url: str, film: Path, count: int) -> None:
    """Join, say that all are in, and go on until killed."""
    recorded = json.loads(await asyncio.to_thread(film.read_text))
    frames = [(at, base64.b64decode(payload), end) for at, payload, end in recorded]
    origin, _, code = url.partition("/meet/")
    async with AsyncExitStack() as stack:
        place = House(None, None, origin, stack)  # type: ignore[arg-type]
        encoders = []
        for number in range(count):
            guest = await place.page({"meeting": code})
            await guest.join(meeting=code, name=f"Camat {number}", agency="camat-a")
            encoders.append(await guest.publish(at=address))
            await guest.receive(at=address)
            assert guest.sub is not None
            guest.sub.keep, guest.sub.decrypt = 0, False
            await show(guest)
        print("in", flush=True)
        async with asyncio.TaskGroup() as tasks:
            for number, (mic, camera) in enumerate(encoders):
                tasks.create_task(replay(camera, frames, number))
                tasks.create_task(talk(mic, number, count))


async def show(guest: Guest) -> None:
    """What a laptop shows: nine small pictures, as far as there are so many."""
    tracks = [person.tracks["camera"] for person in guest.state.people.values() if "camera" in person.tracks]
    looks = [{"track": track, "width": 320, "height": 180} for track in tracks[:9]]
    await guest.io.call("view", {"looks": looks}, namespace="/meeting")


async def replay(camera: Publisher, frames: list[tuple[float, bytes, bool]], number: int) -> None:
    """The film again and again; each time it begins with its key frame."""
    await asyncio.sleep(number * 0.13)
    for begun in itertools.repeat(0.0):
        start = begun or time.monotonic()
        for at, payload, end in frames:
            await asyncio.sleep(max(0.0, start + at - time.monotonic()))
            camera.packet(payload, 96, marker=end)
            if end:
                camera.timestamp = camera.timestamp + 4500 & 0xFFFFFFFF


async def talk(mic: Publisher, number: int, count: int) -> None:
    """Three speak at a time, in turn; the others are heard as quiet rooms."""
    begun = time.monotonic()
    for packet in itertools.count():
        turn = int((time.monotonic() - begun) / SPEAKS_S)
        mic.voice(20 if (number - turn) % count < SPEAKERS else 110)
        await asyncio.sleep(max(0.0, begun + (packet + 1) / 50 - time.monotonic()))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])))
