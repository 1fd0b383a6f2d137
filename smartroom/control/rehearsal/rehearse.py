"""A scene or a whole rundown on a twin, on virtual time: an operator made of the plan, or of an earlier rehearsal's log, presses at the planned moments."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from devices.sdk.connection import Traffic
from smartroom.control import clock
from smartroom.control.errors import ProblemError
from smartroom.control.limits import REHEARSAL_PATIENCE_S
from smartroom.control.rehearsal.twin import Original, Twin, twinned
from smartroom.protocol.base import Text
from smartroom.protocol.commands import RunCue
from smartroom.protocol.rehearsal import Deed, RehearsalReport, Sent, twin_of
from smartroom.protocol.rundowns import CueDeed, CueResult, CueShape, RundownState
from smartroom.protocol.state import RunResult

OPERATOR = "gladi"
"""Who presses in a rehearsal."""
_POLLS = 5.0
"""Nobody presses a button at a simulated device: its state is read so many times less often."""
_LOOK_S = 0.2
_STANDS_S = 5.0
"""A cue whose time nobody planned stands so long after its result is known."""


@dataclass(slots=True)
class Script:
    """What is rehearsed and how."""

    name: str
    faults: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0
    deeds: Sequence[Deed] = ()
    """An earlier rehearsal's log; empty: the plan's times."""


@dataclass(slots=True)
class _Wire:
    """Hears every byte."""

    begun: float = 0.0
    sent: list[Sent] = field(default_factory=list)
    polls: int = 0
    _digest: hashlib._Hash = field(default_factory=hashlib.sha256)

    def hear(self, device: str, traffic: Traffic) -> None:
        """Keep what goes out; what comes in is the simulators' answer to it."""
        if traffic.direction != "out":
            return
        at = round(traffic.at - self.begun, 6)
        self._digest.update(f"{at:.6f} {device} {traffic.payload.hex()}\n".encode())
        if traffic.note in ("poll", "alive?"):
            self.polls += 1
            return
        self.sent.append(Sent(at=at, device=device, hex=traffic.payload.hex(" "), why=traffic.note))

    def digest(self) -> str:
        """Of all of it."""
        return f"sha256:{self._digest.hexdigest()}"


async def rehearse(original: Original, script: Script) -> RehearsalReport:
    """Carry it out on the twin. KeyError names a scene, rundown or device that does not exist, ValueError an unknown fault."""
    real = time.perf_counter()
    wire = _Wire()
    name = twin_of(original.folder.name)
    async with twinned(original, name, seed=script.seed, wire=wire.hear, watches_files=False, polls=_POLLS) as twin:
        await twin.connected()
        for device, faults in script.faults.items():
            if device not in twin.simulators:
                message = f"no device '{device}' in {original.folder.name}; there are: {', '.join(twin.simulators)}"
                raise KeyError(message)
            twin.fault(device, faults)
        wire.begun = clock.monotonic()
        rundowns, scenes = twin.live.store.state.rundowns, twin.live.engine.scenes
        begun = clock.wall()
        if script.name in rundowns:
            parts = await _rundown(twin, script)
        elif script.name in scenes:
            parts = await _scene(twin, script.name)
        else:
            message = f"no scene or rundown '{script.name}'; scenes: {', '.join(scenes)}; rundowns: {', '.join(rundowns) or 'none'}"
            raise KeyError(message)
        return RehearsalReport.model_validate(
            {
                "room": original.folder.name,
                "name": script.name,
                "seed": script.seed,
                "faults": dict(script.faults),
                "seeded": sum(len(found) for found in original.readings.values()),
                "virtual_s": round(clock.wall() - begun, 3),
                "real_s": round(time.perf_counter() - real, 3),
                "sent": wire.sent,
                "polls": wire.polls,
                "digest": wire.digest(),
                **parts,
            }
        )


async def _scene(twin: Twin, scene: str) -> dict[str, object]:
    desk = twin.live.desk
    accepted = desk.apply(scene, by=OPERATOR, press="rehearsal-0001")
    report = await desk.wait(accepted.run or "")
    return {
        "kind": "scene",
        "title": twin.live.engine.scenes[scene].name,
        "achieved": report.run.result is RunResult.ACHIEVED,
        "report": report,
    }


async def _rundown(twin: Twin, script: Script) -> dict[str, object]:
    operator = _Operator(twin, script.name)
    await operator.press("open")
    if script.deeds:
        await operator.replay(script.deeds)
    else:
        await operator.follow_the_plan()
        await operator.settled()
    await operator.press("close")
    state = operator.state
    begun = state.opened or 0.0

    def from_opening(at: float | None) -> float | None:
        return None if at is None else round(at - begun, 3)

    entries = [
        entry.model_copy(
            update={
                "started": from_opening(entry.started) or 0.0,
                "settled": from_opening(entry.settled),
                "ended": from_opening(entry.ended),
                "runs": [],  # nobody can look them up afterwards
            }
        )
        for entry in state.entries
    ]
    fired = {entry.cue: entry for entry in entries}
    achieved = all(cue.id in fired and fired[cue.id].result is CueResult.ACHIEVED for cue in state.cues)
    return {
        "kind": "rundown",
        "title": state.name,
        "achieved": achieved,
        "cues": state.cues,
        "entries": entries,
        "deeds": operator.deeds,
    }


class _Operator:
    """Presses like a person at the panel: goes on when the time has come, holds what must be held, and skips what is not let through."""

    def __init__(self, twin: Twin, rundown: str) -> None:
        self.deeds: list[Deed] = []
        self._twin = twin
        self._rundown = rundown
        self._begun = clock.monotonic()

    @property
    def state(self) -> RundownState:
        """As pages see it."""
        return self._twin.live.rundowns.state(self._rundown)

    async def press(self, do: CueDeed, *, force: bool = False) -> Text | None:
        """One deed, kept in the log; why it was refused, if it was."""
        at, state = clock.monotonic() - self._begun, self.state
        press = RunCue(
            id=f"rehearsal-{len(self.deeds):06}",
            at=clock.wall(),
            room=self._twin.live.id,
            rundown=self._rundown,
            do=do,
            turn=state.turn,
            cue=state.next,
            force=force,
        )
        why: Text | None = None
        try:
            await self._twin.live.rundowns.press(press, OPERATOR, may_force=True)
        except ProblemError as error:
            why = error.problem.text
        self.deeds.append(Deed(at=at, do=do, cue=state.next, force=force, refused=why))
        return why

    async def follow_the_plan(self) -> None:
        """Each cue at its planned moment, or when the one before has stood long enough."""
        while (state := self.state).next is not None:
            cue = next(cue for cue in state.cues if cue.id == state.next)
            if cue.planned_at is not None:
                await self._until(self._begun + cue.planned_at)
            elif state.entries:
                await self.settled()
                await asyncio.sleep(_STANDS_S)
            await self._fire(cue)
        last = self.state.entries[-1] if self.state.entries else None
        planned = next((cue.planned_s for cue in self.state.cues if last is not None and cue.id == last.cue), None)
        if last is not None and planned:
            await self._until(self._begun + last.started - (self.state.opened or 0.0) + planned)

    async def replay(self, deeds: Sequence[Deed]) -> None:
        """The same presses at the same moments."""
        for deed in deeds:
            await self._until(self._begun + deed.at)
            if deed.do not in ("open", "close"):
                await self.press(deed.do, force=deed.force)

    async def settled(self) -> None:
        """Wait until the last cue's result is known; one that stands has none, one that waits for ever is not waited for."""
        deadline = clock.monotonic() + REHEARSAL_PATIENCE_S
        while clock.monotonic() < deadline:
            last = self.state.entries[-1] if self.state.entries else None
            cue = next((cue for cue in self.state.cues if last is not None and cue.id == last.cue), None)
            if last is None or last.result is not None or (cue is not None and cue.waits):
                return
            await asyncio.sleep(_LOOK_S)

    async def _fire(self, cue: CueShape) -> None:
        if cue.fire == "hold":
            await self.press("arm")
            await asyncio.sleep(cue.hold_s)
        why = await self.press("go")
        for _ in range(10):  # a condition may need a moment: the camera is still on its way
            if why is None:
                return
            await asyncio.sleep(1.0)
            if cue.fire == "hold":
                await self.press("arm")
                await asyncio.sleep(cue.hold_s)
            why = await self.press("go")
        if why is not None:
            await self.press("skip")

    async def _until(self, moment: float) -> None:
        await asyncio.sleep(max(moment - clock.monotonic(), 0.0))
