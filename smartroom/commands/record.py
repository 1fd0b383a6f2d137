"""The room as it is, reviewed on a terminal, line by line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from smartroom.commands.output import problem_line, table
from smartroom.protocol.scenes import Recording, RecordLine


class BadChoice(Exception):
    """A line that was named does not exist; the sentence names those that do."""


def recording_lines(recording: Recording, chosen: Iterable[str]) -> Iterator[str]:
    """What would be written, what is offered, and what cannot be recorded."""
    ticked = set(chosen)
    rows = [("", "property", "value", f"instead of {recording.extends}" if recording.extends else "")]
    for line in recording.lines:
        mark = "x" if _name(line) in ticked else " "
        instead = (line.base_said.en or line.base_said.id) if line.base_said is not None else ""
        rows.append((f"[{mark}]", _name(line), line.written.partition(": ")[2], instead))
    yield from table(rows)
    if recording.extends is not None:
        yield f"{recording.same} more are as '{recording.extends}' wants them"
    for left in recording.left:
        yield f"left out: {left.device}.{left.property}: {left.why.en or left.why.id}"
    if recording.problem is not None:
        yield f"! {problem_line(recording.problem)}"


def choose(recording: Recording, drop: Iterable[str], add: Iterable[str]) -> list[RecordLine]:
    """The proposed lines, without those dropped, with those added."""
    known = {_name(line): line for line in recording.lines}
    wanted = {name for name, line in known.items() if line.ticked}
    for name in (*drop, *add):
        if name not in known:
            message = f"'{name}' is none of the lines: {', '.join(known) or 'there are none'}"
            raise BadChoice(message)
    wanted -= set(drop)
    wanted |= set(add)
    return [line for name, line in known.items() if name in wanted]


def _name(line: RecordLine) -> str:
    return f"{line.device}.{line.property}"
