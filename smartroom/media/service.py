"""The worker's end of the channel: requests in, answers and notifications out."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Sequence

from smartroom.media.worker import Refused, Worker
from smartroom.protocol import channel
from smartroom.protocol import media as say
from smartroom.protocol.base import Message

ORPHANED_AFTER = 5 * channel.HEARTBEAT  # s without a word from control: it is gone or stuck, and starts another
MAX_BACKLOG = 8 << 20  # bytes control has not read; then notifications are dropped, answers never

log = logging.getLogger(__name__)


async def serve(
    sock: socket.socket, addresses: Sequence[str], port: int, number: int = 0, announced: Sequence[str] = ()
) -> None:
    """Obey control on this socket until it stops us, closes or falls silent."""
    reader, writer = await asyncio.open_unix_connection(sock=sock)
    transport = writer.transport

    def notify(event: Message) -> None:
        if transport.get_write_buffer_size() < MAX_BACKLOG and not transport.is_closing():
            note = channel.Notification(event=type(event).__name__, params=event.model_dump(mode="json"))
            writer.write(channel.pack(note))

    def sign() -> None:
        if not transport.is_closing():
            writer.write(channel.ALIVE)

    try:
        async with Worker(addresses, port, notify, number, announced) as worker:
            worker.on_sign = sign
            notify(say.Load(cpu=0, peers=0, rooms=0, forwards=0))  # ready
            async with asyncio.TaskGroup() as tasks:
                obeying = tasks.create_task(_obey(reader, writer, worker))
                await worker.wait_stopped()
                obeying.cancel()
    finally:
        writer.close()


async def _obey(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, worker: Worker) -> None:
    framer = channel.Framer()
    while True:
        try:
            async with asyncio.timeout(ORPHANED_AFTER):
                data = await reader.read(1 << 16)
        except TimeoutError:
            log.warning("control has been silent for %.0f s: stopping", ORPHANED_AFTER)
            data = b""
        if not data:
            await worker.obey(say.Stop())
            return
        for frame in framer.feed(data):
            if isinstance(frame, channel.Request):
                writer.write(channel.pack(await _answer(frame, worker)))


async def _answer(request: channel.Request, worker: Worker) -> channel.Answer:
    model = say.REQUESTS.get(request.method)
    if model is None:
        return channel.Answer(id=request.id, code="invalid", error=f"unknown method {request.method}")
    try:
        result = await worker.obey(model.model_validate(request.params))
    except Refused as refused:
        return channel.Answer(id=request.id, code=refused.code, error=str(refused))
    except ValueError as error:
        return channel.Answer(id=request.id, code="invalid", error=str(error))
    except Exception as error:
        log.exception("command %s failed", request.method)
        return channel.Answer(id=request.id, code="internal", error=type(error).__name__)
    return channel.Answer(id=request.id, result=result.model_dump(mode="json"))
