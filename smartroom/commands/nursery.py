"""Where simulators are born: imports once what they share, then forks a process for each, so that a site of thirty devices starts like one of three.

`python -m smartroom.commands.nursery` reads one line of JSON, forks, and lives until its standard input ends; then it ends its children.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import json
import os
import random
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NoReturn, Protocol, cast

from devices.sdk.catalog import find_families, load_family
from devices.sdk.errors import BadSetting
from devices.sdk.testing.run import run_simulator

STOP_S = 1.5
"""From SIGTERM to SIGKILL for children that do not end by themselves."""

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl(2)
_FAILED = 1


@dataclass(frozen=True, slots=True)
class Birth:
    """One simulator to start. `console` is the file descriptor of its own line in and out."""

    family: str
    settings: Mapping[str, object]
    serial: bool
    console: int


def order(births: Sequence[Birth], drivers: Path) -> bytes:
    """What the nursery reads; `drivers` is the site's own folder of families."""
    return json.dumps({"drivers": str(drivers), "births": [asdict(birth) for birth in births]}).encode() + b"\n"


class _Prctl(Protocol):
    def prctl(self, option: int, argument: int) -> int: ...


def main() -> None:
    """Read the order, fork, wait for the end."""
    asked = json.loads(sys.stdin.buffer.readline())
    births = [Birth(**item) for item in asked["births"]]
    folders = (Path(asked["drivers"]),)
    known = find_families(*folders)
    for family in {birth.family for birth in births} & set(known):
        load_family(known[family])  # imported here, shared by all children
    gc.collect()
    gc.freeze()  # so that no child's collector touches, and thereby copies, what they share
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # a child that was killed leaves no zombie
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    children: list[int] = []
    try:
        for birth in births:
            pid = os.fork()
            if pid == 0:
                _live(birth, births, folders)
            children.append(pid)
        for birth in births:
            os.close(birth.console)
        sys.stdin.buffer.read()
    finally:
        _end(children)


def _live(birth: Birth, births: Sequence[Birth], folders: tuple[Path, ...]) -> NoReturn:
    """The child: its console becomes standard input and output, its brothers' are closed."""
    code = _FAILED
    try:
        cast("_Prctl", ctypes.CDLL(None)).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.dup2(birth.console, 0)
        os.dup2(birth.console, 1)
        for other in births:
            os.close(other.console)
        random.seed()  # brothers must not lose the same packets
        _say(f"born {os.getpid()}")
        asyncio.run(
            run_simulator(
                birth.family,
                port=0,
                serial=birth.serial,
                settings=birth.settings,
                announce=_say,
                folders=folders,
            )
        )
        code = 0
    except (BadSetting, OSError) as error:
        os.write(2, f"simulator of {birth.family}: {error}\n".encode())
    finally:
        os._exit(code)  # not through the parent's own clean-up


def _say(line: str) -> None:
    with suppress(BrokenPipeError, ConnectionResetError):  # the server is gone; we are about to end
        os.write(1, f"{line}\n".encode())


def _end(children: Sequence[int]) -> None:
    _signal(children, signal.SIGTERM)
    deadline = time.monotonic() + STOP_S
    try:
        while os.waitpid(-1, os.WNOHANG) is not None:
            if time.monotonic() > deadline:
                _signal(children, signal.SIGKILL)
            time.sleep(0.01)
    except ChildProcessError:
        return  # none is left


def _signal(children: Sequence[int], number: signal.Signals) -> None:
    for pid in children:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


if __name__ == "__main__":
    main()
