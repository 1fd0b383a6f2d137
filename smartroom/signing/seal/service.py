"""The sealing process on its socket: typed requests of one peer at a time or several, answers as they are ready."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import struct
from pathlib import Path

from pydantic import ValidationError

from smartroom.protocol.blobs import FrameBroken, RawFrame, pack, read
from smartroom.protocol.signing import Answer, Failed, Request, SigningCode
from smartroom.signing import limits
from smartroom.signing.seal.house import House

log = logging.getLogger(__name__)

_CREDENTIALS = struct.Struct("3i")


async def serve_socket(house: House, channel: socket.socket) -> None:
    """Serve a connected socket until its other end closes."""
    reader, writer = await asyncio.open_unix_connection(sock=channel)
    await _Conversation(house, reader, writer).run()


async def serve_path(house: House, path: Path, uids: frozenset[int]) -> None:
    """Serve everybody of these uids who connects to a Unix socket at `path`, until cancelled."""

    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        uid = peer_uid(writer.get_extra_info("socket"))
        if uid not in uids:
            log.warning("uid %d may not ask", uid)
            writer.close()
            return
        await _Conversation(house, reader, writer).run()

    await asyncio.to_thread(path.unlink, missing_ok=True)
    before = os.umask(0o117)  # group of the folder may connect, others not; the uid decides
    try:
        server = await asyncio.start_unix_server(met, path)
    finally:
        os.umask(before)
    async with server:
        await server.serve_forever()


def peer_uid(channel: socket.socket) -> int:
    """Who is at the other end, by the kernel's word (SO_PEERCRED)."""
    _, uid, _ = _CREDENTIALS.unpack(channel.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return int(uid)


class _Conversation:
    """One peer. Its open requests are bounded; the one above is told to come back."""

    def __init__(self, house: House, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._house = house
        self._reader = reader
        self._writer = writer
        self._open = 0
        self._line = asyncio.Lock()

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                while (frame := await self._next()) is not None:
                    tasks.create_task(self._serve(frame))
        finally:
            self._writer.close()
            with contextlib.suppress(ConnectionError):
                await self._writer.wait_closed()

    async def _next(self) -> RawFrame | None:
        try:
            return await read(self._reader)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        except FrameBroken:
            log.warning("a peer that does not speak the protocol was cut off")
            return None

    async def _serve(self, frame: RawFrame) -> None:
        try:
            request = Request.model_validate_json(frame.message)
        except ValidationError as error:
            # Only places and kinds of the errors: their values may be secrets.
            places = ", ".join(".".join(map(str, each["loc"])) or "message" for each in error.errors()[:3])
            failed = Failed(code=SigningCode.INVALID, sentence=f"not a request: {places}")
            await self._say(Answer(id=-1, tell=failed), b"")
            return
        if self._open >= limits.MAX_OPEN:
            busy = Failed(code=SigningCode.BUSY, sentence="too many requests at once")
            await self._say(Answer(id=request.id, tell=busy), b"")
            return
        self._open += 1
        try:
            told, blob = await self._house.answer(request.ask, frame.blob)
        finally:
            self._open -= 1
        await self._say(Answer(id=request.id, tell=told), blob)

    async def _say(self, answer: Answer, blob: bytes) -> None:
        async with self._line:
            with contextlib.suppress(ConnectionError):
                self._writer.write(pack(answer, blob))
                await self._writer.drain()
