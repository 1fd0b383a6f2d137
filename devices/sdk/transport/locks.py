"""One owner for each serial port: a lock file with the holder's name in it, because a tty itself refuses nobody reliably."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
import tempfile
from pathlib import Path

from devices.sdk.errors import PortInUse

SHARED_FOLDER = Path("/run/lock")
"""Where programs of one machine look; the temporary folder where it cannot be written."""


class PortLock:
    """Held from `acquire` to `release`; goes with its process, however that ends."""

    def __init__(self, fd: int) -> None:
        self._fd: int | None = fd

    @classmethod
    def acquire(cls, port: str) -> PortLock:
        """Lock a port by its real path, so that two names of one adapter meet; PortInUse names the owner."""
        path = lock_path(port)
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            writable = True
        except PermissionError:  # made by another user: it can be locked, but not signed
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            writable = False
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            owner = (
                os.pread(fd, 200, 0).decode("utf-8", "replace").strip() or ", ".join(holders(port)) or "another program"
            )
            os.close(fd)
            raise PortInUse(f"{port} is held by {owner}") from None
        if writable:
            os.ftruncate(fd, 0)
            os.pwrite(fd, f"{_program()} (pid {os.getpid()})\n".encode(), 0)
        return cls(fd)

    def release(self) -> None:
        """Give the port back; the file stays, since removing it would race with who waits for it. Idempotent."""
        if self._fd is not None:
            with contextlib.suppress(OSError):  # not ours to sign, so not ours to clear
                os.ftruncate(self._fd, 0)
            os.close(self._fd)
            self._fd = None


def lock_path(port: str) -> Path:
    """Where the lock of a port lies."""
    name = "smartroom" + os.path.realpath(port).replace("/", "-") + ".lock"
    folder = Path(os.environ.get("SMARTROOM_LOCKS") or SHARED_FOLDER)
    return (folder if os.access(folder, os.W_OK) else Path(tempfile.gettempdir())) / name


def holders(port: str) -> list[str]:
    """Programs that have a port open, as far as this user may see."""
    real = os.path.realpath(port)
    found = []
    for entry in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(entry.readlink()) == real and (pid := int(entry.parts[2])) != os.getpid():
                found.append(f"{(Path('/proc') / str(pid) / 'comm').read_text().strip()} (pid {pid})")
        except OSError:
            continue
    return sorted(set(found))


def _program() -> str:
    return Path(sys.argv[0]).name or "smartroom" if sys.argv else "smartroom"
