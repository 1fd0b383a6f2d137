"""One request from stdin, one answer to stdout, then the end: drawing and judging in a process that holds nothing worth stealing.

Limits on memory, CPU and files are the kernel's. The audit hook is a tripwire for what a hijacked parser would try first; it is no
wall against native code, which is why nothing secret is in here.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import resource
import sys
from typing import Annotated

from pydantic import Field, TypeAdapter

from smartroom.protocol.base import Message
from smartroom.protocol.blobs import RawFrame, pack, unpack
from smartroom.protocol.document import DrawDocument
from smartroom.protocol.verdict import EXIT_MEMORY, JudgeDocument
from smartroom.signing import limits

EXIT_NO_REQUEST = 4

Confined = DrawDocument | JudgeDocument
_REQUEST: TypeAdapter[Confined] = TypeAdapter(Annotated[Confined, Field(discriminator="ask")])

_FORBIDDEN = frozenset(
    {
        "socket.connect",
        "socket.bind",
        "socket.sendto",
        "socket.getaddrinfo",
        "subprocess.Popen",
        "os.exec",
        "os.posix_spawn",
        "os.spawn",
        "os.system",
        "os.fork",
        "ctypes.dlopen",
    }
)


def main() -> int:
    """Serve one request; the exit status says what could not be said in an answer."""
    logging.disable(logging.CRITICAL)  # a stranger's file must not write our log
    _limit()
    try:
        frame = unpack(sys.stdin.buffer.read())
        wish = _REQUEST.validate_json(frame.message)
    except ValueError:
        return EXIT_NO_REQUEST
    try:
        answer, blob = _serve(wish, frame)
    except MemoryError:
        return EXIT_MEMORY
    sys.stdout.buffer.write(pack(answer, blob))
    sys.stdout.buffer.flush()
    return 0


def _serve(wish: Confined, frame: RawFrame) -> tuple[Message, bytes]:
    if isinstance(wish, DrawDocument):
        drawing = importlib.import_module("smartroom.signing.document.draw")
        importlib.import_module("smartroom.signing.document.canvas")
        sys.addaudithook(_refuse)
        drawn: tuple[Message, bytes] = drawing.draw(wish)
        return drawn
    judging = importlib.import_module("smartroom.signing.verify.judge")
    sys.addaudithook(_refuse)
    verdict: Message = asyncio.run(judging.judge(frame.blob, wish))
    return verdict, b""


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (limits.MEMORY, limits.MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.CPU_S, limits.CPU_S + 2))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    if event in _FORBIDDEN:
        raise PermissionError(f"{event} in the confined process")
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        raise PermissionError("write in the confined process")
