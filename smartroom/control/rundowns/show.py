"""One rundown as a device of this process: operators press, cues are carried out, and each is closed by what was read back."""

from __future__ import annotations

import asyncio
import json
import logging
import math
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from devices.sdk.commands import Command, Priority
from devices.sdk.errors import Refused
from devices.sdk.readings import Value
from smartroom.control import clock
from smartroom.control.devices.gateway import Gateway
from smartroom.control.devices.inprocess import InProcess, sets_of
from smartroom.control.errors import ProblemError, problem
from smartroom.control.limits import CUE_ARMED_S, CUE_KEPT_S, CUE_PROGRESS_S, WALL_LEAD_S
from smartroom.control.room.expressions import Expression, Verdict
from smartroom.control.rundowns.book import Book
from smartroom.control.rundowns.model import Countdown, Cue, Rundown
from smartroom.control.rundowns.shape import RundownShape
from smartroom.control.scenes.model import Scene
from smartroom.control.scenes.outcome import REACHED
from smartroom.control.scenes.recall import Recall
from smartroom.protocol.base import Text
from smartroom.protocol.errors import ErrorCode, Problem
from smartroom.protocol.rundowns import Arming, CueDeed, CueResult, Phase
from smartroom.protocol.state import RunResult

_LOG = logging.getLogger(__name__)

_SLACK = 0.9
"""A held button counts from this share of its time: the network took the rest."""


@dataclass(frozen=True, slots=True)
class Ports:
    """What a rundown needs of the room."""

    gateway: Gateway
    recall: Callable[[Scene, str], Recall]
    """Recall a scene of a file, as its tile would."""
    carry_out: Callable[[Scene, str], Recall]
    """Carry out a cue's own goals."""
    judge: Callable[[Expression], Verdict]
    """Whether a condition holds, from what is known now."""
    keep: Callable[[str], Awaitable[None]]
    """The book, on disk when it returns."""
    later: Callable[[str], None]
    """The book, on disk when there is time."""
    show: Callable[[], None]
    """Pages and tiles shall see how it stands now."""
    spawn: Callable[[Coroutine[object, object, None]], asyncio.Task[None]]


@dataclass(slots=True)
class _Going:
    """A cue under way."""

    turn: int
    cue: Cue
    recalls: list[Recall] = field(default_factory=list)
    walls: Recall | None = None
    """What brings the countdown's latest figure to the walls."""
    counting: asyncio.Task[None] | None = None
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    """Something was reported, or somebody held or released: conditions are looked at again."""
    over: bool = False
    """The operator went on: what waits has waited long enough."""

    @property
    def all(self) -> list[Recall]:
        """Every run that decides how it ends."""
        return self.recalls if self.walls is None else [*self.recalls, self.walls]

    @property
    def busy(self) -> list[Recall]:
        """Runs that go on."""
        return [recall for recall in self.all if recall.open]


class Show(InProcess[RundownShape]):
    """`press` is for people; scenes may open it and choose what is next, never fire."""

    def __init__(self, shape: RundownShape, ports: Ports) -> None:
        super().__init__(shape)
        self.book = Book()
        self.arming: dict[str, Arming] = {}
        """Buttons that are held now, by who holds them."""
        self._held_from: dict[str, float] = {}
        self.guard: Problem | None = None
        """Why the next cue may not be fired now."""
        self._ports = ports
        self._going: _Going | None = None
        self._turn = asyncio.Lock()

    # -- what the gateway asks --

    async def execute(
        self,
        command: Command,
        *,
        priority: Priority,
        name: str | None,
        timeout: float | None,  # noqa: ASYNC109  # the gateway's contract
    ) -> None:
        """Open, close, choose the next cue. Raises Refused with the reason."""
        self._shape.encode(command)
        sets = sets_of(command)
        if not sets:
            return
        async with self._turn:
            for item in sets:
                self._put(item.property, item.value)
            self._changed()

    def value(self, name: str) -> Value:
        """How it stands."""
        return self.values()[name]

    def values(self) -> dict[str, Value]:
        """Every property now."""
        book = self.book
        last = book.last.cue if book.open and book.last else ""
        return {"open": book.open, "next": book.next or "", "cue": last, "phase": str(book.phase)}

    def _put(self, name: str, value: Value) -> None:
        book, rundown = self.book, self._rundown()
        if name == "open" and value is not book.open:
            if value:
                book.begin(rundown, "", clock.wall())
            else:
                self._close()
        elif name == "next":
            if not book.open:
                raise Refused("the rundown is not open")
            book.go_to(str(value))

    # -- what operators press --

    async def press(self, do: CueDeed, by: str, *, turn: int | None, cue: str | None, force: bool) -> list[str]:
        """One deed of an operator; returns the runs it began. Raises ProblemError."""
        if do in ("arm", "disarm"):
            self._arm(by, turn, cue, down=do == "arm")
            return []
        async with self._turn:
            now, book, rundown = clock.wall(), self.book, self._rundown()
            if do == "open":
                if not book.open:
                    book.begin(rundown, by, now)
                return self._changed()
            if not book.open:
                raise ProblemError(problem(ErrorCode.INVALID, "Susunan acara belum dibuka", "The rundown is not open"))
            if do == "go":
                return await self._go(rundown, by, turn, cue, force=force)
            if do in ("skip", "back"):
                book.check(turn, cue)
            match do:
                case "hold":
                    book.hold(by, now)
                case "resume":
                    book.held = None
                case "skip":
                    self._skip(rundown, by, now)
                case "back":
                    book.back(rundown)
                case "close":
                    self._close()
            return self._changed()

    def wake(self, book: Book) -> None:
        """After a restart: what went on was cut and is offered again; nothing moves until an operator says so."""
        if self._shape.rundown is None:
            return
        self.book = book
        book.wake(self._shape.rundown, clock.wall())
        last = book.last
        cue = self._shape.rundown.cue(last.cue) if last is not None else None
        if book.open and cue is not None and last is not None and last.result is None:
            self._going = _Going(last.turn, cue)
            self._ports.spawn(self._watch(self._going))
        self._changed()

    def describe(self) -> None:
        """The file was read again."""
        if self._shape.rundown is not None:
            self.book.follow(self._shape.rundown)
            self._look_again()

    def moved(self) -> None:
        """Something in the room was reported: conditions may have changed."""
        self._look_again()
        if self._going is not None:
            self._going.moved.set()

    # -- inside --

    def _rundown(self) -> Rundown:
        if self._shape.rundown is None:
            raise ProblemError(
                problem(
                    ErrorCode.CONFIGURATION,
                    "Berkas susunan acara tidak bisa dipakai",
                    "The rundown's file cannot be used",
                )
            )
        return self._shape.rundown

    def _arm(self, by: str, turn: int | None, cue: str | None, *, down: bool) -> None:
        if self.arming.pop(by, None) is None and not down:
            return
        if down:
            self.book.check(turn, cue)
            found = self._rundown().cue(self.book.next)
            if found is None or not self.book.open or found.fire != "hold":
                return
            arming = self.arming[by] = Arming(cue=found.id, by=by, at=clock.wall())
            self._held_from[by] = clock.monotonic()

            def stuck() -> None:
                if self.arming.get(by) is arming:
                    del self.arming[by]
                    self._ports.show()

            asyncio.get_running_loop().call_later(found.hold_s + CUE_ARMED_S, stuck)
        self._ports.show()

    async def _go(self, rundown: Rundown, by: str, turn: int | None, cue: str | None, *, force: bool) -> list[str]:
        book = self.book
        book.check(turn, cue)
        if book.held is not None:
            who = book.held.by
            raise ProblemError(
                problem(
                    ErrorCode.BLOCKED,
                    f"Ditahan oleh {who}",
                    f"Held by {who}",
                    fix=Text(id="Tekan Lanjutkan dulu", en="Press Resume first"),
                )
            )
        found = rundown.cue(book.next)
        if found is None:
            raise ProblemError(problem(ErrorCode.INVALID, "Semua isyarat sudah selesai", "Every cue is done"))
        if found.fire == "hold":
            self._check_held(found, by)
        if found.guard is not None:
            await self._ports.gateway.facts(found.guard.reads)
            why = self._why_not(found)
            if why is not None and not force:
                raise ProblemError(why)
            force = why is not None
        now = clock.wall()
        self._leave(now)
        entry = book.fire(rundown, by, now, forced=force)
        self.arming.pop(by, None)
        await self._kept(entry.cue)
        return self._fire(_Going(entry.turn, found), by)

    async def _kept(self, cue: str) -> None:
        """That it was fired is on disk before anything moves: a server that ends now must not fire it again unasked, nor forget it."""
        try:
            async with asyncio.timeout(CUE_KEPT_S):
                await self._ports.keep(self.book.model_dump_json())
        except Exception:  # noqa: BLE001  # a full or broken disk must not stop a ceremony
            _LOG.exception("cue %s is fired without being on disk", cue)

    def _check_held(self, cue: Cue, by: str) -> None:
        arming, held = self.arming.get(by), clock.monotonic() - self._held_from.get(by, math.inf)
        if arming is None or arming.cue != cue.id or held < cue.hold_s * _SLACK:
            raise ProblemError(
                problem(
                    ErrorCode.BLOCKED,
                    f"Tombol ini harus ditahan {cue.hold_s:g} detik",
                    f"This button must be held for {cue.hold_s:g} s",
                )
            )

    def _fire(self, going: _Going, by: str) -> list[str]:
        cue, ports = going.cue, self._ports
        if cue.scene is not None:
            going.recalls.append(ports.recall(cue.scene, by))
        if cue.goals:
            going.recalls.append(ports.carry_out(cue.own(self._rundown().id, cue.goals), by))
        if cue.countdown is not None:
            going.counting = ports.spawn(self._count(going, cue.countdown, by))
        self._going = going
        runs = [recall.run.id for recall in going.recalls]
        self.book.update(going.turn, runs=runs)
        self._changed()
        ports.spawn(self._watch(going))
        return runs

    async def _watch(self, going: _Going) -> None:
        """Follow a cue to its end: what it moves, what it counts, what it waits for."""
        while going.busy or (going.counting is not None and not going.counting.done()):
            self._tell_reached(going)
            waits = [asyncio.create_task(recall.finished.wait()) for recall in going.busy]
            first = {*waits, *((going.counting,) if going.counting is not None and not going.counting.done() else ())}
            try:
                await asyncio.wait(first, timeout=CUE_PROGRESS_S, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()
        while going.cue.waits and not going.over and not self._holds(going.cue):
            going.moved.clear()
            await going.moved.wait()
        self._settle(going)

    def _holds(self, cue: Cue) -> bool:
        return cue.until is not None and self._ports.judge(cue.until).holds is True

    def _settle(self, going: _Going) -> None:
        result, why = judge_cue(going.all)
        self._tell_reached(going)
        entry = next((item for item in self.book.entries if item.turn == going.turn), None)
        if entry is not None and entry.result is None:
            self.book.update(going.turn, result=result, problem=why, settled=clock.wall(), until=None, left=None)
        if self._going is going:
            self._going = None
        self._changed()

    def _tell_reached(self, going: _Going) -> None:
        members = [member for recall in going.all for member in recall.run.members.values()]
        reached = sum(member.state in REACHED for member in members)
        entry = next((item for item in self.book.entries if item.turn == going.turn), None)
        if entry is not None and (entry.reached, entry.total) != (reached, len(members)):
            self.book.update(going.turn, reached=reached, total=len(members))
            self._ports.show()

    async def _count(self, going: _Going, countdown: Countdown, by: str) -> None:
        """Count down on the walls, standing still while it is held."""
        left = countdown.seconds
        while True:
            until = clock.wall() + left + WALL_LEAD_S
            self._on_walls(going, countdown, by, to=datetime.fromtimestamp(until, UTC).isoformat())
            self.book.update(going.turn, until=until, left=None)
            self._changed()
            while self.book.held is None and (left := until - clock.wall()) > 0:
                going.moved.clear()
                try:
                    async with asyncio.timeout(left):
                        await going.moved.wait()
                except TimeoutError:
                    pass
            if self.book.held is None:
                return
            left = max(float(math.ceil(left)), 0.0)
            self._on_walls(going, countdown, by, left=left)
            self.book.update(going.turn, until=None, left=left)
            self._changed()
            while self.book.held is not None:
                going.moved.clear()
                await going.moved.wait()

    def _on_walls(self, going: _Going, countdown: Countdown, by: str, **moment: object) -> None:
        text = json.dumps(countdown.content(**moment))
        goals = tuple(
            replace(goal, value=self._ports.gateway.endpoint(goal.device).driver.check(goal.property, text))
            for goal in countdown.goals
        )
        going.walls = self._ports.carry_out(going.cue.own(self._rundown().id, goals), by)

    def _skip(self, rundown: Rundown, by: str, now: float) -> None:
        """A countdown under way ends at once; otherwise the next cue is left out."""
        going = self._going
        if going is not None and going.counting is not None and not going.counting.done():
            going.counting.cancel()
            self.book.update(going.turn, result=CueResult.SKIPPED, settled=now, until=None, left=None)
            self.book.turn += 1
            self.book.held = None
            self._going = None
            return
        self._leave(now)
        self.book.skip(rundown, by, now)

    def _leave(self, now: float) -> None:
        """The operator goes on: what waits has waited long enough, a countdown stops, hardware under way goes on to its end."""
        going, self._going = self._going, None
        if going is None:
            return
        going.over = True
        if going.counting is not None and not going.counting.done():
            going.counting.cancel()
            self.book.update(going.turn, result=CueResult.SKIPPED, settled=now, until=None, left=None)
        going.moved.set()

    def _close(self) -> None:
        now = clock.wall()
        self._leave(now)
        self.book.finish(now)

    def _look_again(self) -> None:
        rundown, book = self._shape.rundown, self.book
        cue = rundown.cue(book.next) if rundown is not None and book.open else None
        guard = self._why_not(cue) if cue is not None and cue.guard is not None else None
        if guard != self.guard:
            self.guard = guard
            self._ports.show()

    def _why_not(self, cue: Cue) -> Problem | None:
        assert cue.guard is not None
        verdict = self._ports.judge(cue.guard)
        if verdict.holds:
            return None
        return problem(
            ErrorCode.BLOCKED,
            "Syarat isyarat ini belum terpenuhi",
            "The condition of this cue does not hold",
            detail=cue.guard.text + (f": {verdict.why}" if verdict.why else ""),
        )

    def _changed(self) -> list[str]:
        """Tell everybody and keep it."""
        if self._going is not None:
            self._going.moved.set()
        if self.book.phase is Phase.CLOSED:
            self.arming.clear()
        self._look_again()
        self._ports.show()
        self._ports.later(self.book.model_dump_json())
        return []


def judge_cue(recalls: Sequence[Recall]) -> tuple[CueResult, Problem | None]:
    """The result of a cue by its runs: achieved only when each was; and the first thing that went wrong."""
    results = {recall.run.result for recall in recalls}
    why = next(
        (
            member.problem
            for recall in recalls
            for member in recall.run.members.values()
            if member.problem is not None and member.state not in REACHED
        ),
        None,
    )
    if results <= {RunResult.ACHIEVED}:
        return CueResult.ACHIEVED, None
    if len(results) == 1:
        return CueResult(str(results.pop())), why
    return CueResult.PARTIAL, why
