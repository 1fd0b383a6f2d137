"""The servers the SFU benches compare: our worker, and Janus as Debian ships it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from smartroom.control.conference.engine import EmbeddedEngine, Placement
from tests.media.barecall import serving
from tests.ports import free_port

CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, CLIENT_CORE = CORES[-1], CORES[0]


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: how to talk to it, and whose CPU to count."""

    name: str
    kind: str
    url: str
    pid: int

    def cpu(self) -> float:
        """CPU seconds used until now by all its threads."""
        total = 0
        for thread in Path(f"/proc/{self.pid}/task").iterdir():
            with contextlib.suppress(OSError):
                total += int((thread / "schedstat").read_text().split()[0])
        return total / 1e9


@dataclass(frozen=True, slots=True)
class Run:
    """One measured window."""

    cpu: float  # s
    seconds: float
    received: int
    wanted: int
    p50: float  # ms
    p99: float  # ms

    @property
    def per_forward(self) -> float:
        """Microseconds of server CPU per forwarded packet."""
        return 1e6 * self.cpu / max(1, self.received)

    @property
    def lost(self) -> float:
        """Fraction that never arrived."""
        return max(0.0, 1 - self.received / max(1, self.wanted))


def host_address() -> str:
    """An address of this machine that is not loopback: Janus does not offer loopback."""
    for addresses in psutil.net_if_addrs().values():
        for address in addresses:
            if address.family == socket.AF_INET and not address.address.startswith("127."):
                return str(address.address)
    return "127.0.0.1"


@asynccontextmanager
async def ours(address: str) -> AsyncIterator[Server]:
    """One worker of ours on the server core."""
    async with EmbeddedEngine(1, Placement((address,))) as engine, serving(engine) as (_, url):
        pid = engine.processes[0].pid
        psutil.Process(pid).cpu_affinity([SERVER_CORE])
        yield Server("ours", "ours", url, pid)


@asynccontextmanager
async def janus(name: str, general: str = "") -> AsyncIterator[Server]:
    """Janus with Debian's configuration; `general` adds lines to that section, only the HTTP port differs."""
    with tempfile.TemporaryDirectory(prefix="janus-") as folder:
        port = _configure(Path(folder), general)
        process = await asyncio.create_subprocess_exec(
            "taskset", "-c", str(SERVER_CORE), "janus", "-F", folder, cwd=folder,  # it likes to dump core when ended
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            url = f"http://127.0.0.1:{port}/janus"
            await _wait_http(url + "/info")
            yield Server(name, "janus", url, process.pid)
        finally:
            process.terminate()
            await process.wait()


async def measure(server: Server, address: str, begun: asyncio.Event | None = None, /, **load: float | bool) -> Run:
    """One load against one server; `begun` is set when the measured window begins."""
    arguments = [f"--{key}={value}" for key, value in load.items() if value is not True]
    arguments += [f"--{key}" for key, value in load.items() if value is True]
    process = await asyncio.create_subprocess_exec(
        "taskset", "-c", str(CLIENT_CORE), sys.executable, "-m", "tests.bench.sfu_load",
        "--server", server.kind, "--url", server.url, "--address", address, *arguments,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    if (await process.stdout.readline()).strip() != b"measure":
        raise RuntimeError(f"the load against {server.name} did not start")
    if begun is not None:
        begun.set()
    before = server.cpu()
    found: dict[str, Any] = json.loads(await process.stdout.readline())
    cpu = server.cpu() - before
    await process.wait()
    return Run(cpu, found["seconds"], found["received"], found["wanted"], found["p50"], found["p99"])


def _configure(folder: Path, general: str) -> int:
    """Debian's configuration with our lines and a free HTTP port; the port."""
    shutil.copytree("/etc/janus", folder, dirs_exist_ok=True)
    main = folder / "janus.jcfg"
    text = re.sub(r"debug_level = \d", "debug_level = 2", main.read_text().replace('"/etc/janus"', f'"{folder}"'))
    main.write_text(text.replace("general: {", "general: {\n" + general, 1))
    http = folder / "janus.transport.http.jcfg"
    port = free_port()
    http.write_text(re.sub(r"\bport = 8088", f"port = {port}", http.read_text()))
    return port


async def _wait_http(url: str) -> None:
    async with asyncio.timeout(10), aiohttp.ClientSession() as http:
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with http.get(url):
                    return
            await asyncio.sleep(0.1)
