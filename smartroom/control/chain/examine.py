"""Is a chain whole? Names the first record that is not, and finds what was cut off, changed, moved or rolled back. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from smartroom.control.chain.record import CLOSE, EMPTY, FORMAT, OPEN, REMOVED, RESUME, Head, Record, follows, read
from smartroom.control.chain.removal import unexplained

JUMP_S = 2.0
"""A clock that differs by more between two records was set by somebody; time servers move it by less."""


class Breakage(StrEnum):
    """What is wrong at the first place where something is."""

    TORN = "torn"
    """An unfinished end that nobody was told is saved: the writer was interrupted."""
    UNREADABLE = "unreadable"
    ALTERED = "altered"
    """Its hash does not match: this record was changed, or one before it was replaced."""
    MISSING = "missing"
    MOVED = "moved"
    """Records stand in another order, or one stands twice."""
    FOREIGN = "foreign"
    """Does not begin as a chain does: its beginning was cut off, or it is something else."""
    # found against heads that were signed elsewhere
    ROLLED_BACK = "rolled_back"
    """Ends before a head that exists: records were cut off, or an older file was put in place."""
    REWRITTEN = "rewritten"
    """Another record stands where a signed head says otherwise: hashes were computed anew."""


@dataclass(frozen=True, slots=True)
class Break:
    """The first place that is wrong."""

    what: Breakage
    sequence: int
    """Number of the record that should stand there."""
    sentence: str

    @property
    def damage(self) -> bool:
        """False for an end that was never acknowledged."""
        return self.what is not Breakage.TORN


@dataclass(frozen=True, slots=True)
class ClockJump:
    """The clock was set between the record before and this one."""

    sequence: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Anchor:
    """A head known from elsewhere, and from where: a signed head, a printed one, the second copy."""

    head: Head
    whence: str


@dataclass(slots=True)
class Examined:
    """What was found in a file."""

    records: list[Record] = field(default_factory=list)
    """The unbroken beginning."""
    size: int = 0
    """Bytes of it."""
    broken: Break | None = None
    jumps: list[ClockJump] = field(default_factory=list)

    @property
    def head(self) -> Head:
        """End of the unbroken beginning."""
        return self.records[-1].head if self.records else EMPTY

    def at(self, sequence: int) -> Record | None:
        """The record of a number; None when it was taken out, with those after it."""
        index = bisect_left(self.records, sequence, key=lambda record: record.sequence)
        found = self.records[index] if index < len(self.records) else None
        return found if found is not None and found.sequence == sequence else None

    @property
    def removed(self) -> int:
        """How many records were taken out."""
        return sum(each.sequence - each.body["first"] + 1 for each in self.records if each.kind == REMOVED)

    @property
    def closed(self) -> bool:
        """Its writer had finished; without this, a cut at the end shows against anchors only."""
        return bool(self.records) and self.records[-1].kind == CLOSE

    @property
    def damaged(self) -> bool:
        """Something that was saved is lost or changed."""
        return self.broken is not None and self.broken.damage


def examine(data: bytes, anchors: Iterable[Anchor] = ()) -> Examined:
    """Follow the chain from its first record to the end or the first break."""
    found = Examined()
    lines = _lines(data)
    for line in lines:
        try:
            record = read(line)
        except ValueError:
            found.broken = _judge(found, None, lines)
            break
        if not follows(record, line, found.head):
            found.broken = _judge(found, record, lines)
            break
        if not found.records and not _begins(record):
            found.broken = Break(Breakage.FOREIGN, 1, "the first record is not that of a chain")
            break
        _note_jump(found, record)
        found.records.append(record)
        found.size += len(line)
    if found.broken is None or not found.broken.damage:
        found.broken = _unexplained(found) or check_anchors(found, anchors) or found.broken
    return found


def check_anchors(found: Examined, anchors: Iterable[Anchor]) -> Break | None:
    """The first break against heads known from elsewhere."""
    held = 0
    for anchor in sorted(anchors, key=lambda anchor: anchor.head.sequence):
        number, end = anchor.head.sequence, found.head.sequence
        if number > end:
            sentence = f"ends at record {end}, but record {number} is known from {anchor.whence}"
            return Break(Breakage.ROLLED_BACK, end + 1, sentence)
        there = found.at(number)
        if there is not None and there.digest != anchor.head.digest:
            sentence = f"record {number} is not the one known from {anchor.whence}; changed after record {held}"
            return Break(Breakage.REWRITTEN, held + 1, sentence)
        held = number
    return None


def _lines(data: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(data):
        end = data.find(b"\n", start) + 1 or len(data)
        yield data[start:end]
        start = end


def _begins(record: Record) -> bool:
    return record.kind == OPEN and record.body.get("format") == FORMAT


def _judge(found: Examined, record: Record | None, rest: Iterator[bytes]) -> Break:
    """Name the break. What was written in one breath may be lost in any order with the power; what was acknowledged may not, and a
    later record tells that an earlier one had been acknowledged.
    """
    expected = found.head.sequence + 1
    later = [*([record] if record else []), *_readable(rest)]
    numbers = {other.sequence for other in later if other is not record}
    promised = max((other.durable for other in (*found.records[-1:], *later)), default=0)
    if record is not None and record.sequence == expected:
        return Break(Breakage.ALTERED, expected, f"record {expected} was changed, or one before it was replaced")
    if found.records and promised < expected and not (record and record.sequence < expected):
        return Break(Breakage.TORN, expected, f"an unfinished end after record {expected - 1}")
    if not found.records:
        begins = (
            f"with record {min(numbers | {record.sequence} if record else numbers)}" if later else "with something else"
        )
        return Break(Breakage.FOREIGN, 1, f"begins {begins}: the beginning was cut off, or this is no chain")
    if record is None:
        return Break(Breakage.UNREADABLE, expected, f"record {expected} cannot be read")
    if record.sequence < expected or expected in numbers:
        return Break(Breakage.MOVED, expected, f"where record {expected} belongs stands record {record.sequence}")
    missing = (
        f"record {expected} is"
        if record.sequence == expected + 1
        else f"records {expected} to {record.sequence - 1} are"
    )
    return Break(Breakage.MISSING, expected, f"{missing} missing")


def _readable(lines: Iterator[bytes]) -> Iterator[Record]:
    for line in lines:
        try:
            yield read(line)
        except ValueError:
            continue


def _unexplained(found: Examined) -> Break | None:
    run = unexplained(found.records)
    if run is None:
        return None
    return Break(Breakage.MISSING, run[0], f"records {run[0]} to {run[1]} were taken out, and no record says so")


def _note_jump(found: Examined, record: Record) -> None:
    before = next((each for each in reversed(found.records) if each.kind != REMOVED), None)
    if before is None or record.kind in (RESUME, REMOVED):
        return
    seconds = (record.at - before.at) - (record.steady - before.steady)
    if abs(seconds) > JUMP_S:
        found.jumps.append(ClockJump(record.sequence, round(seconds, 3)))
