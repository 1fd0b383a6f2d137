"""One change of state to every panel, beside a bare python-socketio emit of the same text to as many sockets.

Three processes: this one measures, the server holds nothing but the web layer over the command centre's state and, beside it, a bare
python-socketio server, and a crowd opens the sockets. A turn is: all sockets join at once, rest, CHANGES changes one after the other, leave.
Ours and the bare server take turns, TURNS each, and medians are told. CPU is the server process's own, less what it used per second while the
same sockets rested (pings).
"""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self, cast

import psutil
import socketio
from aiohttp import web

from devices.sdk.readings import Reading, ReadingSource
from smartroom.control.garbage import spare_collections
from smartroom.control.limits import SOCKET_PING_S, SOCKET_PONG_S
from smartroom.control.room.files import load_room
from smartroom.control.room.store import Store
from smartroom.control.scenes.desk import Desk
from smartroom.protocol.people import Role
from tests.bench.report import Figure, Report
from tests.control.web.house import SmallDesk, serve
from tests.rooms import families

SIZES = (500, 1000)
TURNS = 3
CHANGES = 40
EVERY_S = 0.25
"""Slower than the feed merges, so that each change is sent for itself."""
REST_S = 3.0
ROOM = "command-centre"
DEVICE, PROPERTY = "mixer", "model"
WATCH = json.dumps(["watch", {"room": ROOM, "since": None, "protocol": 1}])
FOLDER = Path(__file__).resolve().parents[2] / "scenes" / ROOM


async def main() -> Report:
    """Both sizes, a fresh server for each."""
    figures: list[Figure] = []
    for size in SIZES:
        figures += await measure(size)
    return Report(
        how=f"{' and '.join(map(str, SIZES))} sockets from another process, {TURNS} turns of {CHANGES} changes, medians; "
        "bare = python-socketio emit of the same text",
        figures=tuple(figures),
    )


async def measure(size: int) -> list[Figure]:
    """All turns of one size."""
    ours: list[Turn] = []
    bare: list[Turn] = []
    async with Other("tests.bench.bench_panels") as server, Other("tests.bench.crowd") as crowd:
        born = await server.ask({"do": "ports"})
        empty = psutil.Process(server.pid).memory_info().rss
        for _ in range(TURNS):
            ours.append(await turn(server, crowd, size, born, "ours"))
            bare.append(await turn(server, crowd, size, born, "bare"))
    return [
        Figure(f"{size}: change to the last panel, p50", statistics.median(pooled(ours)), "ms"),
        Figure(f"{size}: change to the last panel, p99", percentile99(pooled(ours)), "ms"),
        Figure(f"{size}: bare emit to the last socket, p50", statistics.median(pooled(bare)), "ms"),
        Figure(f"{size}: CPU per delivery, ours", median(ours, "cpu_us"), "µs"),
        Figure(f"{size}: CPU per delivery, bare", median(bare, "cpu_us"), "µs"),
        Figure(
            f"{size}: CPU per delivery, ours / bare",
            statistics.median(a.cpu_us / b.cpu_us for a, b in zip(ours, bare, strict=True)),
            "x",
            at_most=1.5,
        ),
        Figure(f"{size}: changes merged into the next", sum(item.merged for item in (*ours, *bare)), ""),
        Figure(f"{size}: CPU at rest, ours", median(ours, "rest") * 100, "%"),
        Figure(f"{size}: all join at once, last snapshot", median(ours, "join_s"), "s"),
        Figure(f"{size}: one snapshot", ours[0].snapshot_kib, "KiB"),
        Figure(f"{size}: memory per panel", (min(item.rss for item in ours) - empty) / size / 1024, "KiB"),
        Figure(f"{size}: memory of the server", max(item.rss for item in ours) / 2**20, "MiB"),
    ]


class Turn:
    """What one turn found. Times in ms and µs as named."""

    def __init__(
        self,
        *,
        join: Mapping[str, float],
        rest: float,
        rss: int,
        cpu_s: float,
        sent: Sequence[float],
        stamps: Mapping[str, Mapping[str, float]],
        size: int,
    ) -> None:
        self.join_s = join["seconds"]
        self.snapshot_kib = join["snapshot_kib"]
        self.rest = rest
        self.rss = rss
        counts = stamps["counts"]
        if counts.get(str(len(sent) - 1)) != size:
            raise RuntimeError(f"the last change did not reach each of {size} sockets: {counts}")
        self.cpu_us = cpu_s / sum(counts.values()) * 1e6
        whole = [number for number in range(len(sent)) if counts.get(str(number)) == size]
        self.merged = len(sent) - len(whole)
        """A page that was busy got the next state instead: a busy machine's doing."""
        self.late_ms = [(stamps["last"][str(number)] - sent[number]) * 1000 for number in whole]


async def turn(server: Other, crowd: Other, size: int, born: Mapping[str, object], kind: str) -> Turn:
    """Join, rest, change, leave."""
    watch = WATCH if kind == "ours" else None
    join = await crowd.ask({"do": "join", "port": born[kind], "pages": size, "token": born["token"], "watch": watch})
    await server.ask({"do": "settle"})
    rest = float(str((await server.ask({"do": "rest"}))["cpu"]))
    rss = psutil.Process(server.pid).memory_info().rss
    found = await server.ask({"do": kind})
    await asyncio.sleep(0.5)
    stamps = await crowd.ask({"do": "stamps"})
    await crowd.ask({"do": "leave"})
    await asyncio.sleep(1.0)
    sent = found["sent"]
    assert isinstance(sent, list)
    used = float(str(found["cpu"])) - rest * float(str(found["wall"]))
    return Turn(join=join, rest=rest, rss=rss, cpu_s=used, sent=sent, stamps=stamps, size=size)


def pooled(turns: Sequence[Turn]) -> list[float]:
    """All latencies."""
    return [late for item in turns for late in item.late_ms]


def median(turns: Sequence[Turn], name: str) -> float:
    """Of one figure over the turns."""
    return float(statistics.median(getattr(item, name) for item in turns))


def percentile99(values: Sequence[float]) -> float:
    """99 of 100 lie below."""
    return statistics.quantiles(values, n=100, method="inclusive")[98]


class Other:
    """Another process that answers each line with a line."""

    def __init__(self, module: str) -> None:
        self._module = module
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    async def __aenter__(self) -> Self:
        """Start it."""
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", self._module),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=1 << 24,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """End it."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()

    async def ask(self, words: Mapping[str, object]) -> dict[str, float]:
        """One command, one answer."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(words).encode() + b"\n")
        line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._module} has ended")
        found: dict[str, float] = json.loads(line)
        return found


# -- the server's process --


async def be_server() -> None:
    """Both servers, and the commands of the process that measures."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, 8192))
    desk = SmallDesk(ROOM)
    store = full_store()
    desk.store = store  # type: ignore[assignment]  # the real store in the place of the small one
    with tempfile.TemporaryDirectory() as folder:
        async with serve(Path(folder), desks={ROOM: cast("Desk", desk)}) as served:
            token = await served.token(Role.HOST, ROOM)
            sio, port = await bare_server()
            spare_collections()
            reader = asyncio.StreamReader()
            await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
            while line := await reader.readline():
                match json.loads(line)["do"]:
                    case "ports":
                        answer: dict[str, object] = {"ours": served.port, "bare": port, "token": token}
                    case "settle":
                        await asyncio.sleep(1.0)
                        gc.collect()
                        answer = {}
                    case "rest":
                        before = time.process_time()
                        await asyncio.sleep(REST_S)
                        answer = {"cpu": (time.process_time() - before) / REST_S}
                    case "ours":
                        answer = await changes_of(store)
                    case _:
                        answer = await emits_of(sio)
                print(json.dumps(answer), flush=True)


def full_store() -> Store:
    """The command centre's state with a reading of every property."""
    room = load_room(FOLDER, families(), {})
    store = Store(room)
    for key, device in room.devices.items():
        for name in device.driver.properties():
            store.reading(key, Reading(name, "nilai", at=time.monotonic(), epoch=1, source=ReadingSource.QUERY))
    return store


async def changes_of(store: Store) -> dict[str, object]:
    """Change one property again and again."""
    sent: list[float] = []
    cpu, wall = time.process_time(), time.monotonic()
    for number in range(CHANGES):
        sent.append(time.monotonic())
        store.reading(
            DEVICE, Reading(PROPERTY, f"stamp-{number}", at=time.monotonic(), epoch=1, source=ReadingSource.UNSOLICITED)
        )
        await asyncio.sleep(EVERY_S)
    return {"sent": sent, "cpu": time.process_time() - cpu, "wall": time.monotonic() - wall}


async def emits_of(sio: socketio.AsyncServer) -> dict[str, object]:
    """The same words by python-socketio alone."""
    sent: list[float] = []
    cpu, wall = time.process_time(), time.monotonic()
    for number in range(CHANGES):
        value = {"value": f"stamp-{number}", "at": time.time(), "source": "unsolicited", "fresh": True}
        change = {"path": ["devices", DEVICE, "properties", PROPERTY], "value": value}
        patch = {"room": ROOM, "version": 1_795_000_000_000 + number, "since": None, "time": time.time()}
        sent.append(time.monotonic())
        await sio.emit("patch", {**patch, "changes": [change]}, namespace="/room")
        await asyncio.sleep(EVERY_S)
    return {"sent": sent, "cpu": time.process_time() - cpu, "wall": time.monotonic() - wall}


async def bare_server() -> tuple[socketio.AsyncServer, int]:
    """python-socketio as its documentation has it; pings as often as ours."""
    sio = socketio.AsyncServer(
        async_mode="aiohttp", transports=["websocket"], ping_interval=SOCKET_PING_S, ping_timeout=SOCKET_PONG_S
    )
    sio.on("connect", lambda *_: None, namespace="/room")
    app = web.Application()
    sio.attach(app)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
    return sio, port


if __name__ == "__main__":
    asyncio.run(be_server())
