"""Taking records out of a chain that goes on: their content is gone, their place and the chain of hashes stay. Pure.

A later record says which (kind `removal`, its body's `records` are runs `[first, last]`); a run becomes one line with the hash of its last record.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from smartroom.control.chain.record import OPEN, REMOVAL, REMOVED, Record, gap

Run: TypeAlias = tuple[int, int]
"""Numbers of the first and the last of records that stand one after the other."""


def runs(numbers: Iterable[int]) -> list[Run]:
    """Numbers as runs, in order."""
    found: list[Run] = []
    for number in sorted(set(numbers)):
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def wanted(records: Sequence[Record]) -> set[int]:
    """Every number that a later record of the chain says is to be gone."""
    return {
        number
        for record in records
        if record.kind == REMOVAL
        for first, last in record.body["records"]
        for number in range(first, min(last + 1, record.sequence))
    }


def unexplained(records: Sequence[Record]) -> Run | None:
    """The first run that is gone without a record that says so of all of it."""
    gone = [(int(record.body["first"]), record.sequence) for record in records if record.kind == REMOVED]
    said = wanted(records) if gone else set()
    return next((run for run in gone if not said.issuperset(range(run[0], run[1] + 1))), None)


def strip(data: bytes, records: Sequence[Record], gone: set[int]) -> bytes:
    """The same chain without these; `records` are those of the data's unbroken beginning. What stands side by side becomes one line."""
    kept: list[bytes] = []
    run: tuple[int, Record] | None = None
    rest = memoryview(data)
    for record, line in zip(records, data.split(b"\n"), strict=False):
        rest = rest[len(line) + 1 :]
        if record.kind == REMOVED or (record.sequence in gone and record.kind not in (OPEN, REMOVAL)):
            first = record.body["first"] if record.kind == REMOVED else record.sequence
            run = (run[0] if run else int(first), record)
            continue
        kept += [*([gap(*run)] if run else []), line + b"\n"]
        run = None
    return b"".join([*kept, *([gap(*run)] if run else []), bytes(rest)])
