"""Ask a sealing process: for the command line and tests. Control speaks the same frames through a client of its own."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from smartroom.protocol.blobs import pack, read
from smartroom.protocol.signing import Answer, Ask, Request, Told

STOP_S = 5.0
"""A request to a service may be under way; after this the process is ended."""


class SealClient:
    """Requests may be asked side by side; each gets its own answer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._ids = itertools.count()
        self._waiting: dict[int, asyncio.Future[tuple[Told, bytes]]] = {}

    async def ask(self, ask: Ask, blob: bytes = b"") -> tuple[Told, bytes]:
        """The answer and its file; ConnectionError when the process is gone."""
        number = next(self._ids)
        answered: asyncio.Future[tuple[Told, bytes]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answered
        self._writer.write(pack(Request(id=number, ask=ask), blob))
        await self._writer.drain()
        return await answered

    async def listen(self) -> None:
        """Hand out answers until the process closes."""
        try:
            while True:
                frame = await read(self._reader)
                answer = Answer.model_validate_json(frame.message)
                waiting = self._waiting.pop(answer.id, None)
                if waiting is not None and not waiting.done():
                    waiting.set_result((answer.tell, frame.blob))
        except (asyncio.IncompleteReadError, ConnectionError):
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(ConnectionResetError("the sealing process is gone"))
            self._waiting.clear()


@asynccontextmanager
async def sealing_process(settings: Path, log: int | None = None) -> AsyncIterator[SealClient]:
    """A sealing process of our own on a socket pair: nobody else can reach it; it ends with us. `log`: where its lines go."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with theirs:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-m", "smartroom.signing", "seal"),
            *("--settings", str(settings), "--fd", str(theirs.fileno())),
            pass_fds=[theirs.fileno()],
            stderr=log,
        )
    reader, writer = await asyncio.open_unix_connection(sock=ours)
    client = SealClient(reader, writer)
    try:
        async with asyncio.TaskGroup() as tasks:
            listening = tasks.create_task(client.listen())
            try:
                yield client
            finally:
                listening.cancel()
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        try:
            async with asyncio.timeout(STOP_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
