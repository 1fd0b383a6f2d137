"""The sealing process from outside: started, asked, started again when it ends. Nobody on stage waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import socket
import sys
from pathlib import Path

from smartroom.control.limits import SEALING_PAUSE_S, SEALING_START_S, SEALING_STOP_S
from smartroom.protocol.blobs import pack, read
from smartroom.protocol.signing import Answer, Ask, Request, Told

_LOG = logging.getLogger(__name__)


class SealingProcess:
    """`run()` keeps one alive from the first need on; `ask` raises ConnectionError when there is none. Requests may go side by side."""

    def __init__(self, settings: Path, log: int | None = None) -> None:
        """`log`: where its lines go; none = with ours."""
        self._settings = settings
        self._log = log
        self._ids = itertools.count()
        self._waiting: dict[int, asyncio.Future[tuple[Told, bytes]]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._wanted = asyncio.Event()
        self._started = asyncio.Event()

    @property
    def alive(self) -> bool:
        """There is a process to ask."""
        return self._writer is not None

    async def ask(self, ask: Ask, blob: bytes = b"") -> tuple[Told, bytes]:
        """The answer and its file; ConnectionError when the process is gone. It has deadlines of its own for every service."""
        self.want()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SEALING_START_S):
                await self._started.wait()
        if self._writer is None:
            raise ConnectionResetError("the sealing process is not running")
        number = next(self._ids)
        answered: asyncio.Future[tuple[Told, bytes]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answered
        try:
            self._writer.write(pack(Request(id=number, ask=ask), blob))
            await self._writer.drain()
            return await answered
        finally:
            self._waiting.pop(number, None)

    def want(self) -> None:
        """It will be needed: a room without ceremonies pays nothing for it."""
        self._wanted.set()

    async def run(self) -> None:
        """Until cancelled. A process that ends is told in the log and started again after a pause."""
        await self._wanted.wait()
        while True:
            status = await self._live()
            _LOG.error("the sealing process ended with status %s; its own lines say why", status)
            await asyncio.sleep(SEALING_PAUSE_S)

    async def _live(self) -> int:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-m", "smartroom.signing", "seal"),
                *("--settings", str(self._settings), "--fd", str(theirs.fileno())),
                pass_fds=[theirs.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
                stderr=self._log,
            )
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        self._writer = writer
        self._started.set()
        try:
            await self._listen(reader)
        finally:
            self._writer = None
            self._started.clear()
            self._give_up()
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            await _end(process)
        return process.returncode or 0

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        """Hand out answers until the process closes."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                frame = await read(reader)
                answer = Answer.model_validate_json(frame.message)
                waiting = self._waiting.get(answer.id)
                if waiting is not None and not waiting.done():
                    waiting.set_result((answer.tell, frame.blob))

    def _give_up(self) -> None:
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(ConnectionResetError("the sealing process is gone"))


async def _end(process: asyncio.subprocess.Process) -> None:
    try:
        async with asyncio.timeout(SEALING_STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
