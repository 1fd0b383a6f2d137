"""A server for the benches of meetings, in a process of its own: one room with a simulated matrix, one open meeting.

Prints one line of JSON when it answers, and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from smartroom.control.app import Media
from smartroom.control.conference.engine import Placement
from smartroom.control.garbage import spare_collections
from smartroom.protocol.conference import Meeting
from tests.meetings import House, house
from tests.rooms import simulate

SCENES = {
    key: f"name: {key}\ntimeout: 10s\ndesired: {{matrix: {{volume: {{main: {volume}}}}}}}\n"
    for key, volume in (("lirih", 30), ("keras", 60))
}
ROOM = """
name: {id: Ruang Uji, en: Test room}
devices: {matrix: {driver: extron_sis, at: "tcp://127.0.0.1:9", inputs: 4, outputs: 2}}
outputs: {main: {matrix: matrix.out.1}}
"""


@dataclass(frozen=True, slots=True)
class Server:
    """What a bench needs of it."""

    pid: int
    worker: int
    token: str
    origin: str
    meeting: Meeting

    @property
    def url(self) -> str:
        """The meeting's link."""
        return self.origin + self.meeting.path


@asynccontextmanager
async def served(address: str, prefix: tuple[str, ...] = ()) -> AsyncIterator[Server]:
    """The server, reachable at an address; `prefix` starts it elsewhere, in a network namespace."""
    process = await asyncio.create_subprocess_exec(
        *prefix, sys.executable, "-m", "tests.bench.meet_server", address,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        async with asyncio.timeout(30):
            found = json.loads(await process.stdout.readline())
        yield Server(**{**found, "meeting": Meeting.model_validate(found["meeting"])})
    finally:
        process.stdin.close()
        await process.wait()


async def main(address: str) -> None:
    """Serve until nobody listens any more."""
    with tempfile.TemporaryDirectory() as folder:
        async with (
            simulate({"matrix": ("extron_sis", {"inputs": 4, "outputs": 2})}) as (_, addresses),
            house(
                Path(folder), at=address, media=Media(Placement((address,))), room=ROOM, scenes=SCENES,
                addresses=addresses,
            ) as place,
        ):  # fmt: skip
            meeting = await place.meeting()
            worker = await _worker(place, meeting)
            spare_collections()
            found = {
                "pid": os.getpid(), "worker": worker, "token": place.token, "origin": place.origin,
                "meeting": meeting.model_dump(mode="json"),
            }  # fmt: skip
            print(json.dumps(found), flush=True)
            await asyncio.to_thread(sys.stdin.read)


async def _worker(place: House, meeting: Meeting) -> int:
    """The process that carries the meeting's media."""
    async with asyncio.timeout(20):
        while meeting.id not in place.application.engine._rooms:
            await asyncio.sleep(0.01)
    return place.application.engine.process_of(meeting.id).pid


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
