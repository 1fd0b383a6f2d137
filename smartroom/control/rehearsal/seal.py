"""Close this process: from here on nothing leaves it. A rehearsal from the command line runs behind this, so that no mistake can reach hardware or records.

An audit hook cannot be taken away again; it hears of every socket that is to be used, every file that is to be written and every program that is to be started.
"""

from __future__ import annotations

import os
import sys

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC
_REFUSED = frozenset(
    {
        "socket.connect",
        "socket.bind",
        "socket.sendto",
        "socket.sendmsg",
        "socket.getaddrinfo",
        "subprocess.Popen",
        "os.exec",
        "os.fork",
        "os.forkpty",
        "os.posix_spawn",
        "os.system",
        "os.remove",
        "os.rename",
        "os.mkdir",
        "os.rmdir",
        "os.truncate",
        "os.link",
        "os.symlink",
        "shutil.rmtree",
        "sqlite3.connect",
    }
)


class Sealed(PermissionError):
    """A rehearsal wanted to reach the world."""


def seal() -> None:
    """For good. What is already open stays usable."""
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    if event in _REFUSED:
        raise Sealed(f"a rehearsal reaches nothing: {event} {arguments[:2]!r} was refused")
    if event == "open" and len(arguments) == 3 and isinstance(arguments[2], int) and arguments[2] & _WRITES:
        raise Sealed(f"a rehearsal writes nothing: {arguments[0]!r} was refused")
