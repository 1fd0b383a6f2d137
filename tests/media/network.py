"""Two network namespaces with a bad network between them; sockets are made inside, the test stays outside."""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

SERVER, CLIENT = "10.98.0.1", "10.98.0.2"
CLONE_NEWNET = 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)


class Network:
    """`left` holds the server, `right` the clients."""

    def __init__(self, name: str, unetem: asyncio.subprocess.Process) -> None:
        self.left, self.right = f"{name}l", f"{name}r"
        self._unetem = unetem

    async def set(self, **settings: object) -> None:
        """Change the path: loss, delay, jitter, reorder, dup, rate, down, block, dir."""
        assert self._unetem.stdin is not None
        self._unetem.stdin.write(json.dumps(settings).encode() + b"\n")
        await self._unetem.stdin.drain()
        await asyncio.sleep(0.02)


@contextmanager
def inside(namespace: str) -> Iterator[None]:
    """Sockets made here belong to the namespace; nothing may be awaited that makes others."""
    with Path("/proc/self/ns/net").open("rb") as home, Path(f"/run/netns/{namespace}").open("rb") as away:
        _enter(away.fileno())
        try:
            yield
        finally:
            _enter(home.fileno())


@asynccontextmanager
async def network() -> AsyncIterator[Network]:
    """Make the namespaces and the path; remove them afterwards."""
    name = f"sr{os.getpid()}"
    left, right = f"{name}l", f"{name}r"
    unetem: asyncio.subprocess.Process | None = None
    try:
        for namespace in (left, right):
            await run("ip", "netns", "add", namespace)
        unetem = await asyncio.create_subprocess_exec(
            sys.executable, str(Path(__file__).with_name("unetem.py")), left, right,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert unetem.stdout is not None
        await unetem.stdout.readline()
        for namespace, address in ((left, SERVER), (right, CLIENT)):
            await run("ip", "-n", namespace, "link", "set", "lo", "up")
            await run("ip", "-n", namespace, "addr", "add", f"{address}/24", "dev", "une0")
            await run("ip", "-n", namespace, "link", "set", "une0", "up")
        yield Network(name, unetem)
    finally:
        if unetem is not None:
            unetem.kill()
            await unetem.wait()
        for namespace in (left, right):
            await run("ip", "netns", "del", namespace)


async def run(*command: str) -> None:
    """One command; RuntimeError when it fails."""
    process = await asyncio.create_subprocess_exec(*command)
    if await process.wait():
        raise RuntimeError(" ".join(command))


def _enter(descriptor: int) -> None:
    if _libc.setns(descriptor, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")
