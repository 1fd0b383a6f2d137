"""Large memory pages: between two pictures a worker's memory leaves the caches, and each small page is found anew."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cffi

LARGE = 2 << 20  # bytes of a large page on x86-64, and on arm64 with small pages of 4 KiB
_COLLAPSE = 25  # MADV_COLLAPSE, Linux 6.1: at once instead of some day

_ffi = cffi.FFI()
_ffi.cdef("int madvise(void *, size_t, int);")
_libc: Any = _ffi.dlopen(None)


def enlarge() -> int:
    """Have the kernel hold this process's own memory in large pages; the bytes that may be so now.

    Costs about a millisecond for each page that is new, so it is called where memory has grown, not where time counts.
    A kernel that cannot, or has none left, leaves everything as it was.
    """
    if not hasattr(mmap, "MADV_HUGEPAGE"):
        return 0
    total = 0
    try:
        found = list(spans(Path("/proc/self/maps").read_text(encoding="utf-8")))
    except OSError:
        return 0
    for begin, end in found:
        address = _ffi.cast("void *", begin)
        if _libc.madvise(address, end - begin, mmap.MADV_HUGEPAGE) == 0:
            _libc.madvise(address, end - begin, _COLLAPSE)
            total += end - begin
    return total


def spans(maps: str) -> Iterator[tuple[int, int]]:
    """First and last address, at borders of large pages, of what is private, writable and of no file (proc(5))."""
    for line in maps.splitlines():
        addresses, rights, _, _, inode, *name = line.split()
        if rights != "rw-p" or inode != "0" or name not in ([], ["[heap]"]):
            continue
        begin, end = (int(part, 16) for part in addresses.split("-"))
        begin, end = -(-begin // LARGE) * LARGE, end // LARGE * LARGE
        if begin < end:
            yield begin, end
