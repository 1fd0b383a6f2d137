"""What happened in a room, on a terminal: asked from the server, or read and proved from the log's files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from smartroom.commands.output import table, value
from smartroom.control.chain import Head
from smartroom.control.history.chronicle import Chronicle
from smartroom.control.history.pages import Verdict, pages, told, verify
from smartroom.control.room.words import mover_label
from smartroom.protocol.history import HistoryEntry
from smartroom.protocol.state import Moved

LOGS = "log"
"""Folder of the rooms' event logs in the data folder."""
_HEAD = re.compile(r"([0-9-]+)\.(\d+):([0-9a-f]{64})")


class NoLog(Exception):
    """There is nothing to read; the sentence names the fix."""


def history_lines(entries: Iterable[HistoryEntry], *, show_bytes: bool) -> Iterator[str]:
    """Entries as a table, newest first; with `show_bytes` what went over the wires stands below each."""
    rows = [("when", "who", "what", "result", "ms")]
    below: list[list[str]] = [[]]
    for entry in entries:
        result = str(entry.run.result or "cut short") if entry.run is not None else str(entry.cause or "")
        who = entry.by or ("-" if entry.cause is None else "")
        took = "" if entry.ms is None else str(entry.ms)
        rows.append((_when(entry.at), who, entry.text.en or entry.text.id, result, took))
        below.append([f"    {frame.device} < {frame.text}" for frame in entry.sent] if show_bytes else [])
    for line, more in zip(table(rows), below, strict=True):
        yield line
        yield from more


def verify_log(data: Path, rooms: Iterable[str], heads: Iterable[str]) -> Iterator[tuple[str, Verdict]]:
    """Each page of the rooms' logs, judged; NoLog when there is none, ValueError for a head that is none."""
    known = [_head(text) for text in heads]
    for room, folder in _folders(data, rooms):
        for verdict in verify(folder, known):
            yield room, verdict


def verdict_line(room: str, verdict: Verdict) -> str:
    """`smart-room-centre 2026-11-27-01: 412 records, whole, ends with 2026-11-27-01.412:4f2a…`."""
    how = verdict.broken or ("whole, its last lines were cut by a loss of power" if verdict.torn else "whole")
    end = "" if verdict.broken else f"; ends with {verdict.page}.{verdict.head.sequence}:{verdict.head.digest}"
    return f"{room} {verdict.page}: {verdict.records} records, {how}{end}"


def state_at(data: Path, room: str, moment: str) -> tuple[float, Chronicle]:
    """The room at a moment of the past, from the log alone. NoLog when it reaches no further back."""
    try:
        at = datetime.fromisoformat(moment).astimezone().timestamp()
    except ValueError:
        message = f"'{moment}' is no moment. Fix: write 2026-11-27T09:15:30, in this machine's time"
        raise NoLog(message) from None
    ((_, folder),) = _folders(data, [room])
    found: Chronicle | None = None
    for page in pages(folder):
        chronicle = told(page, until=at)
        if not chronicle.devices and not chronicle.running:
            break
        found = chronicle
    if found is None:
        message = f"the log of {room} begins later than {moment}"
        raise NoLog(message)
    return at, found


def state_lines(at: float, chronicle: Chronicle) -> Iterator[str]:
    """Every property as it was, how old that reading was, and who had moved it."""
    if not chronicle.running:
        yield "the server was not running: these are the last values before"
    rows = [("property", "value", "read", "moved by")]
    for key, device in sorted(chronicle.devices.items()):
        for name, then in sorted(device.properties.items()):
            rows.append((f"{key}.{name}", value(then.value), _when(then.at), _mover(then.moved)))
        if device.link not in ("ready", ""):
            rows.append((key, device.link, "", ""))
    yield from table(rows)
    yield f"as of {_when(at)}, page {chronicle.page} of the log"


def _folders(data: Path, rooms: Iterable[str]) -> list[tuple[str, Path]]:
    wanted = list(rooms)
    found = sorted(path for path in (data / LOGS).glob("*") if path.is_dir() and pages(path))
    chosen = [(path.name, path) for path in found if not wanted or path.name in wanted]
    if not chosen or len(chosen) < len(wanted):
        names = ", ".join(path.name for path in found) or "none"
        message = f"no log of {', '.join(wanted) or 'any room'} in {data / LOGS}; there is: {names}. Fix: name the data folder with --data"
        raise NoLog(message)
    return chosen


def _head(text: str) -> tuple[str, Head]:
    found = _HEAD.fullmatch(text)
    if found is None:
        message = f"'{text}' is no end of a page. Fix: give what `smartroom log verify` printed after 'ends with'"
        raise NoLog(message)
    return found[1], Head(int(found[2]), found[3])


def _when(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC).astimezone():%Y-%m-%d %H:%M:%S}"


def _mover(moved: Moved | None) -> str:
    return mover_label(moved, "").en.rpartition(", ")[0] if moved is not None else ""
