"""`smartroom script run`: a technician's script in a process of its own, with a token of its own that lives as long as the script."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from contextlib import suppress
from pathlib import Path

from smartroom.client import Client, ClientError
from smartroom.client.launch import CPU_S
from smartroom.commands.door import Door

TIMEOUT_MAX_S = 3500.0
"""A derived token lives an hour at most; the rest is for starting and ending."""
EXIT_TIMEOUT = 124
"""As timeout(1) has it."""

_START_S = 10.0
"""A Python on a busy machine; the token must outlive the script."""
_GRACE_S = 2.0
"""From SIGTERM to SIGKILL."""
_KEPT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TERM")
"""All a script sees of our environment: passwords and keys often stand in the rest."""


class BadScript(Exception):
    """The script cannot be started; the sentence names the fix."""


def seconds(text: str) -> float:
    """`60s` or `2m` in seconds; BadScript otherwise."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m|min)?", text.strip())
    value = float(found[1]) * (60 if (found[2] or "s").startswith("m") else 1) if found else 0.0
    if not 0 < value <= TIMEOUT_MAX_S:
        raise BadScript(f"--timeout {text}: write 60s or 2m, at most {TIMEOUT_MAX_S / 60:.0f}m")
    return value


async def run_script(door: Door, file: Path, room: str, timeout_s: float) -> tuple[int, str]:
    """Derive a token, run the script, end the token; exit code, and what to say when it was stopped. ClientError when the server refuses."""
    async with Client(door.url, door.token, ca=door.ca) as author:
        derived = await author.derive(file.name[:40], seconds=int(timeout_s + _START_S), rooms=[room])
    try:
        return await _run(door, derived.secret, file, room, timeout_s)
    finally:
        await _end_token(door, derived.secret)


async def _run(door: Door, token: str, file: Path, room: str, timeout_s: float) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-u", "-m", "smartroom.client.launch", str(file)),
        stdin=asyncio.subprocess.DEVNULL,
        start_new_session=True,  # a group of its own, so that what it starts ends with it
        close_fds=True,
        cwd=file.parent,
        env={
            **{key: os.environ[key] for key in _KEPT if key in os.environ},
            "SMARTROOM_URL": door.url,
            "SMARTROOM_TOKEN": token,
            "SMARTROOM_CA": door.ca,
            "SMARTROOM_ROOM": room,
            "MALLOC_ARENA_MAX": "2",  # each arena reserves 64 MiB of the address space it is limited to
        },
    )
    try:
        async with asyncio.timeout(timeout_s):
            code = await process.wait()
    except TimeoutError:
        _signal(process.pid, signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(_GRACE_S):
                await process.wait()
        return (
            EXIT_TIMEOUT,
            f"{file.name} was stopped: still running after {timeout_s:g} s. Fix: a longer --timeout, or a loop that ends",
        )
    finally:
        _signal(process.pid, signal.SIGKILL)
        await process.wait()
    if code == -signal.SIGXCPU:
        return (
            1,
            f"{file.name} was stopped: more than {CPU_S} s of processor time. Fix: wait for a state with room.until, not in a loop of its own",
        )
    return (code, "") if code >= 0 else (1, f"{file.name} was ended by {signal.Signals(-code).name}")


async def _end_token(door: Door, secret: str) -> None:
    """With the script ends its token; a server that is gone has forgotten it already."""
    with suppress(ClientError):
        async with Client(door.url, secret, ca=door.ca) as script:
            await script.sign_out()


def _signal(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
