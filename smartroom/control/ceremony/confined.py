"""The confined process from outside: a fresh one for each request, ended when it takes too long."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from datetime import UTC, datetime

from smartroom.control import limits
from smartroom.protocol.base import Message
from smartroom.protocol.blobs import RawFrame, pack, read
from smartroom.protocol.document import DrawDocument, Drawn, NotDrawn
from smartroom.protocol.findings import refused
from smartroom.protocol.verdict import EXIT_MEMORY, MAX_PDF, Finding, JudgeDocument, Verdict

_COSTLY = {EXIT_MEMORY, -signal.SIGXCPU, -signal.SIGKILL}


async def judge(pdf: bytes, wish: JudgeDocument) -> Verdict:
    """The verdict on a stranger's file; a process that dies of it is a verdict too."""
    now = wish.at or datetime.now(UTC)
    if len(pdf) > MAX_PDF:
        return refused(pdf, Finding.TOO_BIG, now)
    frame, status = await _ask(wish, pdf)
    if frame is None:
        return refused(pdf, Finding.TOO_COSTLY if status in _COSTLY else Finding.UNREADABLE, now)
    return Verdict.model_validate_json(frame.message)


async def draw(wish: DrawDocument) -> tuple[Drawn | NotDrawn, bytes]:
    """The PDF, or why there is none."""
    frame, status = await _ask(wish, b"")
    if frame is None:
        return NotDrawn(sentence=f"the drawing process ended with status {status}"), b""
    if b'"not-drawn"' in frame.message[:40]:
        return NotDrawn.model_validate_json(frame.message), b""
    return Drawn.model_validate_json(frame.message), frame.blob


async def _ask(wish: Message, blob: bytes) -> tuple[RawFrame | None, int]:
    """The answer, or none and the exit status; a timeout counts as SIGKILL."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-m", "smartroom.signing", "confined"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={"PATH": os.defpath, "LANG": "C.UTF-8"},
        cwd="/",
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(limits.CONFINED_S):
            with contextlib.suppress(ConnectionError):
                process.stdin.write(pack(wish, blob))
                await process.stdin.drain()
                process.stdin.close()
            try:
                frame = await read(process.stdout)
            except (asyncio.IncompleteReadError, ValueError):
                return None, await process.wait()
            return frame, await process.wait()
    except TimeoutError:
        return None, -signal.SIGKILL
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
