"""A record as a line: `<sha256> <json>`. The hash covers the hash before it and the JSON, so a shell can check a chain."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FORMAT = "smartroom chain 1"
OPEN, RESUME, CLOSE = "open", "resume", "close"
"""Kinds the chain itself writes: its first record, one per later start, and the last of a finished chain."""

REMOVAL, REMOVED = "removal", "removed"
"""The record that says which were taken out, and what is read where they stood."""

MAX_LINE = 1 << 20
"""Bytes of a record: the longest frame of a page is 64 KiB, the longest text of a ceremony less."""

_NOTHING = "0" * 64
_LINE = re.compile(rb"([0-9a-f]{64}) (\{.*\})", re.DOTALL)
_GAP = re.compile(rb"([0-9a-f]{64}) removed ([1-9][0-9]*)-([1-9][0-9]*)")


@dataclass(frozen=True, slots=True, order=True)
class Head:
    """The end of a chain: whoever knows it knows all records before it."""

    sequence: int
    digest: str


EMPTY = Head(0, _NOTHING)
"""Before the first record, which has the number 1."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record."""

    sequence: int
    kind: str
    body: Mapping[str, Any]
    at: float
    """Server time, seconds (Unix); may jump when somebody sets the clock. The sequence gives the order."""
    steady: float
    """Seconds of a clock that never jumps and begins anew with the machine."""
    durable: int
    """All records up to this number were on the disk when this one was written."""
    digest: str

    @property
    def head(self) -> Head:
        """The chain's end when this was its last record."""
        return Head(self.sequence, self.digest)

    @property
    def line(self) -> bytes:
        """The record as it stands in the file."""
        return f"{self.digest} {_json(self)}\n".encode()


def write(
    before: Head, kind: str, body: Mapping[str, object], at: float, steady: float, durable: int
) -> tuple[Record, bytes]:
    """The record that follows a head, and its line. ValueError when it is too long or no JSON."""
    record = Record(before.sequence + 1, kind, body, at, steady, durable, "")
    text = _json(record)
    digest = _digest(before, text.encode())
    line = f"{digest} {text}\n".encode()
    if len(line) > MAX_LINE:
        raise ValueError(f"a record of {len(line)} bytes; at most {MAX_LINE}")
    return Record(record.sequence, kind, body, at, steady, durable, digest), line


def read(line: bytes) -> Record:
    """A line as a record, whatever stands before it. ValueError when it is none."""
    text = line.removesuffix(b"\n")
    if gone := _GAP.fullmatch(text):
        return Record(int(gone[3]), REMOVED, {"first": int(gone[2])}, 0.0, 0.0, 0, gone[1].decode())
    found = _LINE.fullmatch(text)
    if found is None or not line.endswith(b"\n") or len(line) > MAX_LINE:
        raise ValueError("not a whole record")
    values = json.loads(found[2])
    try:
        record = Record(
            values["n"],
            values["kind"],
            values["body"],
            values["at"],
            values["steady"],
            values["durable"],
            found[1].decode(),
        )
    except KeyError as error:
        raise ValueError(f"no {error}") from None
    if type(record.sequence) is not int or type(record.durable) is not int or not isinstance(record.body, dict):
        raise ValueError("not the fields of a record")
    return record


def gap(first: int, last: Record) -> bytes:
    """The line that stands for a run of records that were taken out."""
    return f"{last.digest} removed {first}-{last.sequence}\n".encode()


def follows(record: Record, line: bytes, before: Head) -> bool:
    """Whether a whole line is what comes after this head; the hash of what was taken out is proved by the record after it."""
    if record.kind == REMOVED:
        return bool(record.body["first"] == before.sequence + 1 and record.sequence > before.sequence)
    if record.sequence != before.sequence + 1:
        return False
    return _digest(before, line[65:-1]) == line[:64].decode(errors="replace")


def _digest(before: Head, text: bytes) -> str:
    return hashlib.sha256(before.digest.encode() + b" " + text).hexdigest()


def _json(record: Record) -> str:
    values = {
        "n": record.sequence,
        "kind": record.kind,
        "at": record.at,
        "steady": record.steady,
        "durable": record.durable,
        "body": record.body,
    }
    return json.dumps(values, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
