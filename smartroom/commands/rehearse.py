"""`smartroom rehearse`: a scene or a rundown on simulators, on a clock that jumps, in a process that reaches nothing."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from devices.sdk.catalog import find_families, load_family
from devices.sdk.document import DocumentError
from devices.sdk.testing.faults import Faults
from smartroom.commands.output import problem_line, report_lines, table
from smartroom.control.rehearsal.loop import run_virtual
from smartroom.control.rehearsal.rehearse import Script, rehearse
from smartroom.control.rehearsal.seal import seal
from smartroom.control.rehearsal.twin import Original, readings_of
from smartroom.control.room.files import ROOM_FILE
from smartroom.protocol.rehearsal import RehearsalReport
from smartroom.protocol.rundowns import CueEntry, CueShape
from smartroom.protocol.state import RoomState


class BadRehearsal(Exception):
    """It cannot be rehearsed; the sentence names the fix."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks for."""

    site: Path
    room: str
    name: str
    faults: Sequence[str] = ()
    seed: int = 0
    replay: Path | None = None


def rehearse_sealed(wanted: Wanted, state: RoomState | None) -> tuple[RehearsalReport, RehearsalReport | None]:
    """The report, and the earlier one that was replayed. `state`: the real room as it reads now. Nothing leaves this process afterwards."""
    folder = wanted.site / wanted.room
    if not (folder / ROOM_FILE).exists():
        known = ", ".join(sorted(path.parent.name for path in wanted.site.glob(f"*/{ROOM_FILE}"))) or "none"
        raise BadRehearsal(
            f"no room '{wanted.room}' in {wanted.site}; there are: {known}. Fix: name the site with --site"
        )
    earlier = _earlier(wanted.replay) if wanted.replay else None
    script = Script(
        name=wanted.name,
        faults=earlier.faults if earlier and not wanted.faults else _faults(wanted.faults),
        seed=earlier.seed if earlier else wanted.seed,
        deeds=earlier.deeds if earlier else (),
    )
    try:
        families = {name: load_family(path) for name, path in find_families(wanted.site / "drivers").items()}
        original = Original(folder, families, readings_of(state) if state else {})
        logging.getLogger().addHandler(logging.NullHandler())  # devices that are made to fail say so in the report
        seal()
        report = run_virtual(rehearse(original, script), state.time if state else time.time())
    except (DocumentError, ValueError) as error:
        raise BadRehearsal(str(error)) from error
    except KeyError as error:
        raise BadRehearsal(str(error.args[0])) from error
    return report, earlier


def rehearsal_lines(report: RehearsalReport, earlier: RehearsalReport | None) -> Iterable[str]:
    """A rehearsal as people read it: what would have happened, when, and that nothing did."""
    began = f"{report.seeded} properties as the room reads now" if report.seeded else "devices as after power on"
    yield f"rehearsal of {report.name} in {report.room}: simulators only, {began}"
    for device, faults in report.faults.items():
        yield f"fault {device}: {faults}"
    yield ""
    if report.report is not None:
        yield from report_lines(report.report)
    if report.cues:
        yield from _cue_lines(report)
    yield ""
    yield (
        f"{_clock(report.virtual_s)} rehearsed in {report.real_s:.1f} s; {len(report.sent)} commands and {report.polls} questions"
        f" to simulators, {report.digest[:23]}; nothing left this process"
    )
    if earlier is not None:
        same = earlier.digest == report.digest
        yield (
            "the same bytes as the earlier rehearsal"
            if same
            else f"other bytes than the earlier rehearsal ({earlier.digest[:23]})"
        )


def _cue_lines(report: RehearsalReport) -> Iterable[str]:
    entries = {entry.cue: entry for entry in report.entries}
    rows: list[tuple[str, ...]] = [("cue", "planned", "actual", "took", "result", "read back")]
    rows += [_cue(number, cue, entries.get(cue.id)) for number, cue in enumerate(report.cues, 1)]
    yield from table(rows)
    yield ""
    done = sum(entry.result == "achieved" for entry in entries.values())
    yield f"{report.name}: {done} of {len(report.cues)} cues achieved"
    for entry in report.entries:
        if entry.problem:
            yield f"! {entry.cue}: {_device(entry)}{problem_line(entry.problem)}"
    refused = [deed for deed in report.deeds if deed.refused]
    for (do, cue, why), tries in groupby(refused, key=lambda deed: (deed.do, deed.cue, deed.refused)):
        count = len(list(tries))
        times = f", {count} times" if count > 1 else ""
        yield f"! {do} {cue or ''} was refused{times}: {why.en or why.id if why else ''}"


def _cue(number: int, cue: CueShape, entry: CueEntry | None) -> tuple[str, ...]:
    name = f"{number} {cue.name.en or cue.name.id}"
    planned = "-" if cue.planned_at is None else _clock(cue.planned_at)
    if entry is None:
        return (name, planned, "-", "-", "not fired", "-")
    took = "-" if entry.settled is None or cue.waits else f"{entry.settled - entry.started:.1f} s"
    read = f"{entry.reached} of {entry.total}" if entry.total else "-"
    return (name, planned, _clock(entry.started), took, str(entry.result or "goes on"), read)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes:02}:{rest:02}"


def _device(entry: CueEntry) -> str:
    problem = entry.problem
    return f"{problem.device}.{problem.property}: " if problem and problem.device and problem.property else ""


def _faults(written: Sequence[str]) -> Mapping[str, str]:
    """`projector:warmup=90` -> device and faults."""
    found: dict[str, str] = {}
    for item in written:
        device, colon, faults = item.partition(":")
        if not colon:
            raise BadRehearsal(f"'{item}' names no fault. Fix: write it like  --fault projector:warmup=90")
        try:
            Faults.parse(faults)
        except ValueError as error:
            raise BadRehearsal(f"{device}: {error}") from error
        found[device] = f"{found[device]},{faults}" if device in found else faults
    return found


def _earlier(path: Path) -> RehearsalReport:
    try:
        return RehearsalReport.model_validate(json.loads(path.read_text()))
    except (OSError, ValueError) as error:
        raise BadRehearsal(f"{path} is no report of a rehearsal. Fix: make one with --out") from error
