"""The process of one script: limits first, then the file, then its `main(room)`. `smartroom script run` starts it with `python -I -m`."""

from __future__ import annotations

import asyncio
import ctypes
import inspect
import os
import resource
import runpy
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol, cast

MEMORY = 1 << 30
"""Address space, bytes: Python with the client takes a third of it; a list that grows for ever ends here and not in the server's memory."""
CPU_S = 30
"""A script waits for hardware; one that calculates for half a minute has gone wrong."""
FILES = 64
FILE_BYTES = 64 << 20
NICENESS = 10
"""The room comes first."""

EXIT_FAILED = 1
EXIT_NO_SCRIPT = 2

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl(2)


class _Prctl(Protocol):
    def prctl(self, option: int, argument: int) -> int: ...


def limit() -> None:
    """Bound this process and all it starts, and let it die with whoever started it."""
    for what, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_NOFILE, FILES),
        (resource.RLIMIT_FSIZE, FILE_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S + 1))  # SIGXCPU first, so that we can say why
    os.nice(NICENESS)
    cast("_Prctl", ctypes.CDLL(None)).prctl(_DIE_WITH_PARENT, signal.SIGKILL)


def run(file: Path) -> int:
    """Run the file and then its `main`; returns an exit code, and says on stderr what went wrong and where."""
    from smartroom.client.client import Client  # noqa: PLC0415  # inside the limits
    from smartroom.client.errors import ClientError  # noqa: PLC0415

    # Taken out of the environment: what the script starts has no business with its token.
    url, token, ca, room = (os.environ.pop(f"SMARTROOM_{name}", "") for name in ("URL", "TOKEN", "CA", "ROOM"))

    async def call(main: Callable[..., Awaitable[object]]) -> None:
        async with Client(url, token, ca=ca) as client:
            await main(client.room(room))

    sys.path.append(str(file.parent))
    try:
        main = runpy.run_path(str(file), run_name="smartroom_script").get("main")
        if not inspect.iscoroutinefunction(main):
            print(f"error: {file.name} has no main. Fix: write  async def main(room):", file=sys.stderr)  # noqa: T201
            return EXIT_NO_SCRIPT
        asyncio.run(call(main))
    except ClientError as error:
        print(f"error: {_place(error, file)}{_sentence(error)}", file=sys.stderr)  # noqa: T201
        return EXIT_FAILED
    except MemoryError:
        print(f"error: the script needs more than {MEMORY >> 20} MiB of memory", file=sys.stderr)  # noqa: T201
        return EXIT_FAILED
    except Exception as error:  # noqa: BLE001  # whatever a stranger's script raises is shown with its own lines only
        found = traceback.TracebackException.from_exception(error)
        found.stack = traceback.StackSummary.from_list([frame for frame in found.stack if frame.filename == str(file)])
        print("".join(found.format(chain=False)), end="", file=sys.stderr)  # noqa: T201
        return EXIT_FAILED
    return 0


def _place(error: BaseException, file: Path) -> str:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    return f"{file.name}:{lines[-1]}: " if lines else ""


def _sentence(error: Exception) -> str:
    from smartroom.client.errors import Refused  # noqa: PLC0415

    if not isinstance(error, Refused):
        return str(error)
    problem = error.problem
    detail = f" ({problem.detail})" if problem.detail else ""
    fix = f" Fix: {problem.fix.en or problem.fix.id}." if problem.fix else ""
    return f"{error}{detail}.{fix}"


if __name__ == "__main__":
    limit()
    sys.exit(run(Path(sys.argv[1]).resolve()))
