"""The stage manager's book: where a rundown stands and what was fired when. Pure: time and names come from outside, and it is all that is kept on disk."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, ValidationError

from smartroom.control.errors import ProblemError, problem
from smartroom.control.limits import CUE_LOG
from smartroom.control.rundowns.model import Rundown
from smartroom.protocol.base import Text
from smartroom.protocol.errors import ErrorCode
from smartroom.protocol.rundowns import CueEntry, CueResult, Held, Phase

SERVER = "server"
"""Who holds a rundown after a restart."""


class Book(BaseModel):
    """One opening of a rundown, from the first cue to the last."""

    model_config = ConfigDict(extra="forbid")

    opened: float | None = None
    opened_by: str = ""
    closed: float | None = None
    turn: int = 0
    next: str | None = None
    held: Held | None = None
    entries: list[CueEntry] = []

    @property
    def open(self) -> bool:
        """True from the opening until it is closed."""
        return self.opened is not None and self.closed is None

    @property
    def last(self) -> CueEntry | None:
        """The cue that was fired or skipped last."""
        return self.entries[-1] if self.entries else None

    @property
    def phase(self) -> Phase:
        """Where it stands, in one word."""
        if not self.open:
            return Phase.CLOSED
        if self.held is not None:
            return Phase.HELD
        if self.last is not None and self.last.result is None:
            return Phase.RUNNING
        return Phase.READY if self.next is not None else Phase.DONE

    def begin(self, rundown: Rundown, by: str, now: float) -> None:
        """Open it at its first cue. Nothing is fired."""
        self.opened, self.opened_by, self.closed = now, by, None
        self.entries, self.held = [], None
        self.next = rundown.cues[0].id
        self.turn += 1

    def finish(self, now: float) -> None:
        """Close it; what was fired stays to be read."""
        self._leave(now)
        self.closed, self.held = now, None
        self.turn += 1

    def fire(self, rundown: Rundown, by: str, now: float, *, forced: bool = False) -> CueEntry:
        """The next cue is fired, and the one after it is next."""
        return self._enter(rundown, CueEntry(turn=self.turn + 1, cue=self._next(), by=by, started=now, forced=forced))

    def skip(self, rundown: Rundown, by: str, now: float) -> CueEntry:
        """The next cue is left out."""
        done = {"settled": now, "result": CueResult.SKIPPED}
        return self._enter(rundown, CueEntry(turn=self.turn + 1, cue=self._next(), by=by, started=now, **done))

    def back(self, rundown: Rundown) -> None:
        """The cue before is next again. Nothing is fired, nothing is taken back."""
        before = rundown.before(self.next)
        if before is None:
            raise ProblemError(problem(ErrorCode.INVALID, "Sudah di isyarat pertama", "This is the first cue"))
        self.next = before
        self.turn += 1

    def go_to(self, cue: str) -> None:
        """Another cue is next; a scene may ask for it."""
        if self.next != cue:
            self.next = cue
            self.turn += 1

    def hold(self, by: str, now: float) -> None:
        """Nothing is fired until it is released; the first who holds it is named."""
        self.held = self.held or Held(by=by, at=now)

    def update(self, turn: int, **changes: object) -> None:
        """What became known of a firing; one that was forgotten is let go."""
        for index, entry in enumerate(self.entries):
            if entry.turn == turn:
                self.entries[index] = entry.model_copy(update=changes)

    def check(self, turn: int | None, cue: str | None) -> None:
        """Refuse what was pressed by somebody who saw another state."""
        if turn not in (None, self.turn) or cue not in (None, self.next):
            last = self.last
            who = f" oleh {last.by}" if last else ""
            raise ProblemError(
                problem(
                    ErrorCode.STALE,
                    f"Sudah bergeser{who}",
                    f"It has moved on{f', by {last.by}' if last else ''}",
                    fix=Text(
                        id="Lihat isyarat berikutnya, lalu tekan lagi", en="Look at the next cue, then press again"
                    ),
                )
            )

    def follow(self, rundown: Rundown) -> None:
        """The file was saved: a next cue that is gone gives way to the one after the last that was fired."""
        if self.open and self.next is not None and rundown.cue(self.next) is None:
            fired = next((entry.cue for entry in reversed(self.entries) if rundown.cue(entry.cue)), None)
            self.next = rundown.after(fired) if fired is not None else rundown.cues[0].id
            self.turn += 1

    def wake(self, rundown: Rundown, now: float) -> None:
        """After a restart: what went on was cut and is next again, and nothing moves until an operator says so."""
        if not self.open:
            return
        last = self.last
        if last is not None and last.result is None:
            cue = rundown.cue(last.cue)
            if cue is None or not cue.waits or last.runs:  # a speech goes on: no server was needed for it
                self.update(last.turn, result=CueResult.CUT, settled=now, until=None, left=None)
                self.next = last.cue if cue is not None else self.next
        self.held = Held(by=SERVER, at=now)
        self.turn += 1
        self.follow(rundown)

    def _next(self) -> str:
        if self.next is None:
            raise ProblemError(problem(ErrorCode.INVALID, "Semua isyarat sudah selesai", "Every cue is done"))
        return self.next

    def _leave(self, now: float) -> None:
        last = self.last
        if last is not None and last.ended is None:
            self.update(last.turn, ended=now)

    def _enter(self, rundown: Rundown, entry: CueEntry) -> CueEntry:
        self._leave(entry.started)
        self.turn = entry.turn
        self.next = rundown.after(entry.cue)
        self.entries.append(entry)
        del self.entries[:-CUE_LOG]
        return entry


def read_book(text: str) -> Book:
    """A book as it was kept; an empty one when it cannot be read: a rundown is opened again in a second."""
    try:
        return Book.model_validate_json(text)
    except ValidationError:
        return Book()
