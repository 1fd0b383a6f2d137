"""Disks for tests of what must survive: one that loses its power, one that fails on command."""

from __future__ import annotations

import errno
import os
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

SECTOR = 512


class PowerLost(Exception):
    """The machine is gone: whoever gets this runs no more."""


@dataclass(slots=True)
class PowerDisk:
    """A `Storage` in memory. After `lose`, unsynced sectors are kept, lost or torn, each by itself and in any order; synced ones stay.

    `fuse` storage calls from now the power goes, in the middle of that call.
    """

    draw: random.Random
    fuse: int = 1 << 30
    name: str = "power disk"
    room: int | None = None
    kept: bytearray = field(default_factory=bytearray)
    """What is on the platter."""
    unsynced: list[tuple[int, bytes]] = field(default_factory=list)
    """Sectors in flight: offset and bytes, in the order they were written."""
    end: int = 0
    aside: list[bytes] = field(default_factory=list)
    off: bool = False

    def load(self) -> bytes:
        """What is there, with what is still in the cache."""
        self._step()
        whole = PowerDisk(self.draw, kept=bytearray(self.kept))
        for offset, piece in self.unsynced:
            whole._put(offset, piece)
        self.end = len(whole.kept)
        return bytes(whole.kept)

    def append(self, data: bytes) -> None:
        """Into the cache, in pieces that end at sectors."""
        dies = self._step(dies=False)
        start, stop = self.end, self.end + len(data)
        cuts = [start, *range((start // SECTOR + 1) * SECTOR, stop, SECTOR), stop]
        pieces = [(a, data[a - start : b - start]) for a, b in pairwise(cuts)]
        if dies:
            pieces = pieces[: self.draw.randrange(len(pieces) + 1)]
        self.unsynced += pieces
        if dies:
            raise PowerLost
        self.end = stop

    def sync(self) -> None:
        """The cache onto the platter."""
        dies = self._step(dies=False)
        pieces = self.unsynced
        if dies:
            raise PowerLost
        for offset, piece in pieces:
            self._put(offset, piece)
        self.unsynced = []

    def replace(self, data: bytes, aside: str) -> None:
        """All or nothing, as a rename is."""
        if self._step(dies=False):
            if self.draw.random() < 0.5:
                self._take(data)
            raise PowerLost
        if aside:
            self.aside.append(bytes(self.kept))
        self._take(data)

    def close(self) -> None:
        """Nothing to do."""

    def lose(self) -> None:
        """The power goes: settle the fate of each sector in flight."""
        self.off = True
        for offset, piece in self.unsynced:
            fate = self.draw.random()
            if fate < 1 / 3:
                self._put(offset, piece)
            elif fate < 2 / 3:
                self._put(offset, b"", grow=len(piece) if self.draw.random() < 0.5 else 0)
            else:
                self._put(offset, piece[: self.draw.randrange(len(piece))], grow=len(piece))
        self.unsynced = []

    def again(self, fuse: int = 1 << 30) -> PowerDisk:
        """The same platter under the next start."""
        return PowerDisk(self.draw, fuse, kept=bytearray(self.kept), aside=self.aside)

    def _take(self, data: bytes) -> None:
        self.kept, self.unsynced, self.end = bytearray(data), [], len(data)

    def _put(self, offset: int, piece: bytes, grow: int = 0) -> None:
        size = max(offset + len(piece), offset + grow)
        if size > len(self.kept) and (piece or grow):
            self.kept.extend(bytes(size - len(self.kept)))
        self.kept[offset : offset + len(piece)] = piece

    def _step(self, *, dies: bool = True) -> bool:
        if self.off:
            raise PowerLost
        self.fuse -= 1
        self.off = self.fuse < 0
        if self.off and dies:
            raise PowerLost
        return self.off


@dataclass(slots=True)
class FaultyDisk:
    """A `Storage` in memory with faults that can be switched: `fail` names calls that raise, `hang` holds the disk until it is set."""

    name: str = "faulty disk"
    room: int | None = None
    data: bytearray = field(default_factory=bytearray)
    synced: int = 0
    fail: dict[str, int] = field(default_factory=dict)
    """Call -> errno."""
    calls: list[str] = field(default_factory=list)
    hang: threading.Event | None = None
    before: Callable[[str], None] = lambda _: None

    def load(self) -> bytes:
        """What is there."""
        self._call("load")
        return bytes(self.data)

    def append(self, data: bytes) -> None:
        """Add."""
        self._call("append")
        self.data += data

    def sync(self) -> None:
        """Now it is safe."""
        self._call("sync")
        self.synced = len(self.data)

    def replace(self, data: bytes, aside: str) -> None:
        """Have these."""
        self._call("replace")
        self.data = bytearray(data)
        self.synced = len(data)

    def close(self) -> None:
        """Note it."""
        self.calls.append("close")

    def _call(self, what: str) -> None:
        self.calls.append(what)
        self.before(what)
        if self.hang is not None:
            self.hang.wait(20)
        if what in self.fail:
            raise OSError(self.fail[what], os.strerror(self.fail[what]))


FULL, BROKEN = errno.ENOSPC, errno.EIO
