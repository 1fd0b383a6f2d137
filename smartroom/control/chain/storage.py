"""Where a chain is kept. Calls block and come from one thread; what they raise is OSError."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import time
from pathlib import Path
from typing import Final, Protocol

_KEEP_SIZE: Final = 1
_TOP_UP: Final = 4
"""Reserved space is filled up again when a quarter of it is used."""


class StorageBusy(OSError):
    """Another process writes this chain."""


class Storage(Protocol):
    """One copy of one chain."""

    @property
    def name(self) -> str:
        """For a technician: where it is."""
        ...

    @property
    def room(self) -> int | None:
        """Bytes that can be appended even when the disk is full; None when nothing was to be reserved."""
        ...

    def load(self) -> bytes:
        """All bytes; none when there is no chain yet. From the first call on nobody else may write it."""
        ...

    def append(self, data: bytes) -> None:
        """Add bytes at the end. After an error the end is where it was, and the same bytes may be tried again."""
        ...

    def sync(self) -> None:
        """Return when everything appended survives a loss of power. After an error nobody knows what does: never call it again."""
        ...

    def replace(self, data: bytes, aside: str) -> None:
        """Have exactly these bytes, durably and at once; what stood there before is kept beside, under a name with `aside` in it if any."""
        ...

    def close(self) -> None:
        """Give back what was reserved, and let others write."""
        ...


class FileStorage:
    """A chain as a file. Space for `reserve` more bytes is kept allocated behind its end, without being counted in its size."""

    def __init__(self, path: Path, *, reserve: int = 0) -> None:
        self._path = path
        self._reserve = reserve
        self._allocated = 0
        self._end = 0
        self._file = -1
        self._lock = -1

    @property
    def name(self) -> str:
        """The path."""
        return str(self._path)

    @property
    def room(self) -> int | None:
        """What is left of the reserve."""
        return max(0, self._allocated - self._end) if self._reserve else None

    def load(self) -> bytes:
        """All bytes. StorageBusy when another process has them."""
        if self._file >= 0:
            return self._path.read_bytes()
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = os.open(
            self._path.with_name(self._path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise StorageBusy(errno.EBUSY, "another process writes it", str(self._path)) from None
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return b""
        self._open(len(data))
        return data

    def append(self, data: bytes) -> None:
        """Write at the end, within the reserve where there is one."""
        rest, end = memoryview(data), self._end
        while rest:
            written = os.pwrite(self._file, rest, end)
            rest, end = rest[written:], end + written
        self._end = end

    def sync(self) -> None:
        """Bytes and length; then the reserve is topped up, which may fail without harm."""
        os.fdatasync(self._file)
        self._top_up()

    def replace(self, data: bytes, aside: str) -> None:
        """By a new file that takes the name once it is on the disk; works on sticks, which know no links."""
        if aside and self._path.exists():
            _write(
                self._path.with_name(f"{self._path.name}.{aside}-{time.time_ns() // 1_000_000}"),
                self._path.read_bytes(),
            )
        fresh = self._path.with_name(self._path.name + ".new")
        _write(fresh, data)
        fresh.replace(self._path)
        _sync_folder(self._path.parent)
        self._release()
        self._open(len(data))

    def close(self) -> None:
        """Idempotent; an error while giving back changes nothing that was written."""
        self._release(shrink=True)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _open(self, size: int) -> None:
        self._file = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        self._end = self._allocated = size
        self._top_up()

    def _release(self, *, shrink: bool = False) -> None:
        if self._file < 0:
            return
        try:
            if shrink:
                os.ftruncate(self._file, self._end)
        except OSError:
            pass  # the space is given back when the file is removed
        finally:
            os.close(self._file)
            self._file = -1

    def _top_up(self) -> None:
        missing = self._end + self._reserve - self._allocated
        if missing > self._reserve // _TOP_UP and _allocate(self._file, self._allocated, missing):
            self._allocated += missing


def _write(path: Path, data: bytes) -> None:
    with open(path, "wb", opener=_private) as file:  # Path.open takes no opener
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


_libc = ctypes.CDLL(None, use_errno=True)
_libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]


def _allocate(file: int, start: int, length: int) -> bool:
    """Blocks behind the end of a file: os.posix_fallocate would make the file longer, and its end must stay the chain's."""
    return bool(_libc.fallocate(file, _KEEP_SIZE, start, length) == 0)
