"""`smartroom journal verify | export`: what a journal or any other chain proves, and the bundle that proves it elsewhere."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from smartroom.control.ceremony import archive, heads
from smartroom.control.ceremony.draft import FILE
from smartroom.control.ceremony.journal import JOURNAL
from smartroom.control.chain import Anchor, Head
from smartroom.protocol.ceremony import JournalReport

_NAMES = (JOURNAL, "jurnal")
"""In a ceremony's folder, and in an unpacked bundle."""


class NoJournal(Exception):
    """There is nothing to check; the sentence says where one would be."""


def verify_journal(path: Path, key: str | None, known: Sequence[str]) -> JournalReport:
    """The report on a journal, by folder or file. `known` are heads from elsewhere as `NUMBER:HASH`. NoJournal."""
    file = path if path.is_file() else next((path / name for name in _NAMES if (path / name).is_file()), None)
    if file is None:
        raise NoJournal(f"{path}: no journal here (a file named {' or '.join(_NAMES)})")
    anchors = [Anchor(_head(each), "the command line") for each in known]
    return heads.check(file, key=key, anchors=anchors)[1]


def report_lines(path: Path, report: JournalReport) -> list[str]:
    """For a terminal."""
    if report.broken:
        lines = [f"[X]  {path}: BROKEN: {report.broken}"]
        if report.records:
            lines.append(f"     whole up to record {report.records}, {report.head}")
    else:
        lines = [f"[ok] {path}: whole, {report.records} records, head {report.head}"]
    if report.unfinished:
        lines.append("[!]  an unfinished end: the writer was cut off; nothing of it had been called saved")
    if report.heads:
        lines.append(f"     {report.heads} signed heads agree")
    elif not report.broken:
        lines.append("[!]  no signed heads: an end that was cut off would not be noticed here")
    if report.removed:
        lines.append(f"     the content of {report.removed} records was taken out, as a later record says")
    lines += [f"[!]  the clock was set by {jump:+.1f} s; the numbers give the order" for jump in report.jumps]
    return lines


def export_bundle(folder: Path, target: Path) -> int:
    """Write the evidence bundle; returns its size. NoJournal when the folder holds no ceremony."""
    if not (folder / FILE).is_file():
        raise NoJournal(f"{folder}: no ceremony here (a file named {FILE})")
    body = archive.bundle(folder)
    target.write_bytes(body)
    return len(body)


def as_json(report: JournalReport) -> str:
    """For programs."""
    return json.dumps(report.model_dump(mode="json"), indent=1)


def _head(text: str) -> Head:
    number, _, digest = text.partition(":")
    if not number.isdecimal() or len(digest) != 64:
        raise NoJournal(f"{text}: a head is NUMBER:HASH")
    return Head(int(number), digest.lower())
