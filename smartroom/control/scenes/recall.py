"""One recall of a scene: apply side by side, verify each property, and say exactly what was not reached."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from devices.sdk.commands import Act, Priority, Set
from devices.sdk.errors import DeviceError, Unreachable
from devices.sdk.readings import Reading, Value, matches
from smartroom.control import clock
from smartroom.control.devices.gateway import Fact, Gateway, NotReached, Progress, Unverified
from smartroom.control.errors import device_problem, problem
from smartroom.control.room.model import PropertyKey
from smartroom.control.scenes.claims import Claim, Owner
from smartroom.control.scenes.conditions import Now
from smartroom.control.scenes.model import Goal, Scene
from smartroom.control.scenes.outcome import REACHED, compensation, judge, name_of
from smartroom.control.scenes.planner import Batch, batches, blocked, holds, needed, wire_value
from smartroom.control.scenes.program import Program, begun
from smartroom.control.scenes.steps import Step
from smartroom.protocol.errors import ErrorCode, Problem
from smartroom.protocol.state import Cause, Member, MemberState, Restored, Run, RunResult, StepState

_LOG = logging.getLogger(__name__)

_REUNION_S = 0.05
"""After a lost connection: the link's state follows the failed command a moment later, then the caller waits for the device."""

_TO_RESTORE = frozenset({RunResult.PARTIAL, RunResult.FAILED})

_MOTIONS = frozenset({"presets", "pan_tilt", "zoom"})
"""What moves for a while after it was told to."""


@dataclass(slots=True)
class Part:
    """One goal of this recall."""

    goal: Goal
    claim: Claim
    settled: bool = False
    _waited: asyncio.Event | None = None
    """Few wait for another goal: a scene of three hundred has no event for each."""

    def settle(self) -> None:
        """It is reached or given up."""
        self.settled = True
        if self._waited is not None:
            self._waited.set()

    def unsettle(self) -> None:
        """A later step brings it anew."""
        self.settled = False
        self._waited = None

    async def wait(self) -> None:
        """Until it is reached or given up."""
        if not self.settled:
            self._waited = self._waited or asyncio.Event()
            await self._waited.wait()


class Recall:
    """A run. `changed` is called with the member's key after every step; `finished` is set at the end."""

    def __init__(
        self,
        run_id: str,
        scene: Scene,
        by: str,
        goals: Iterable[Goal],
        carried: Mapping[str, Member],
        changed: Callable[[str], None],
        steps: Sequence[Step] = (),
        timezone: str = "WIB",
    ) -> None:
        """`goals` are all it may move; `steps` follow the scene's first goals, and without any all goals are brought at once."""
        self.scene = scene
        owner = Owner(Cause.SCENE, by, scene.name, run_id)
        self.parts = {goal.key: Part(goal, Claim(owner)) for goal in goals}
        self.finished = asyncio.Event()
        self._clock = clock.monotonic()
        self._changed = changed
        self._busy = 0
        self._idle = asyncio.Event()
        self._held = False
        self._away: set[str] = set()
        self._sent: dict[PropertyKey, int] = {}
        """What something was sent to, and in which phase first."""
        self._phase = 0
        self._steps = steps
        self._timezone = timezone
        first = {goal.key for goal in scene.begins}
        self._begun = {key for key in self.parts if not steps or key in first}
        """What it has set out to move; steps add to it."""
        self.stopping: Problem | None = None
        """Who stopped it, and why."""
        self.stopped = asyncio.Event()
        self.moved = asyncio.Event()
        """Something in the room was reported, or the run was stopped."""
        members = dict(carried)
        for part in self.parts.values():
            goal = part.goal
            members[name_of(goal.key)] = Member(
                device=goal.device,
                property=goal.property,
                goal=wire_value(goal.value),
                label=goal.label,
                state=MemberState.WAITING,
            )
        self.run = Run(
            id=run_id, scene=scene.id, by=by, started=clock.wall(), members=members, steps=begun(steps) if steps else []
        )

    @property
    def priority(self) -> Priority:
        """Its place in the queues of devices: an emergency goes before every hand."""
        return Priority.SAFETY if self.scene.emergency else Priority.SCENE

    @property
    def open(self) -> bool:
        """True until the run ended."""
        return self.run.result is None

    def cancel(self, why: Problem) -> None:
        """Stop where it is, between steps and inside them; what was reached stays."""
        self.stopping = self.stopping or why
        self.stopped.set()
        self.moved.set()
        for part in self.parts.values():
            if not part.settled:
                part.claim.take(why)

    async def conduct(
        self,
        gateway: Gateway,
        locks: Mapping[PropertyKey, asyncio.Lock],
        ready: Callable[[Mapping[PropertyKey, Fact]], Awaitable[None]],
    ) -> None:
        """Carry the run out. `ready` keeps the facts it starts from, before the first byte."""
        goals = [part.goal for part in self.parts.values()]
        try:
            async with asyncio.timeout(self.scene.timeout_s):
                facts = await gateway.facts(needed(goals))
                for goal in goals:
                    if facts[goal.key].current:
                        name, value = name_of(goal.key), wire_value(facts[goal.key].value)
                        self.run.members[name] = _with(self.run.members[name], before=value)
                await ready(facts)
                await self._reach([goal for goal in goals if goal.key in self._begun], facts, gateway, locks)
                if self._steps and self._may_go_on():
                    await Program(
                        self, self._steps, gateway, locks, lambda ended: Now(gateway, self._timezone, ended)
                    ).run()
        except TimeoutError:
            _LOG.warning("scene %s: run %s passed its limit of %g s", self.scene.id, self.run.id, self.scene.timeout_s)
        finally:
            self._settle_rest()
        if self.scene.on_failure == "restore" and self._result() in _TO_RESTORE:
            await self._put_back(gateway, locks)
        self.end()

    async def reach(self, goals: Sequence[Goal], gateway: Gateway, locks: Mapping[PropertyKey, asyncio.Lock]) -> None:
        """One step's goals, side by side, as a scene's."""
        self.arm(goals)
        left = [goal for goal in goals if not self.parts[goal.key].settled]
        await self._reach(left, await gateway.facts(needed(left)), gateway, locks)

    def arm(self, goals: Sequence[Goal]) -> None:
        """The run sets out for these goals; what an earlier step reached of the same properties is past."""
        self._phase += 1
        for goal in goals:
            part = self.parts[goal.key]
            part.goal = goal
            part.unsettle()
            self._begun.add(goal.key)
            self._update(
                goal.key, goal=wire_value(goal.value), label=goal.label, state=MemberState.WAITING, problem=None
            )
            self._taken_over(goal.key)

    def give_up(self, goal: Goal, why: Problem) -> None:
        """A goal that cannot be reached by what was tried."""
        self._settle(goal.key, MemberState.FAILED, problem=why)

    def sends(self, key: PropertyKey, value: Value) -> None:
        """Something on the way to a goal is sent now."""
        self._sent.setdefault(key, self._phase)
        self.parts[key].claim.sending(value)
        if self.run.members[name_of(key)].state is not MemberState.SENDING:
            self._update(key, state=MemberState.SENDING)

    def missed(self, goals: Sequence[Goal]) -> Problem | None:
        """The first reason why one of these goals was not reached."""
        for goal in goals:
            member = self.run.members[name_of(goal.key)]
            if member.state not in REACHED:
                return member.problem or problem(ErrorCode.NOT_REACHED, "Tidak tercapai", "Not reached")
        return None

    def told(self) -> None:
        """A step has said something new."""
        self._changed("")

    def end(self) -> None:
        """Say the result. Idempotent; called in any case, also for a run that broke."""
        self._settle_rest()
        if self.open:
            for key in self.parts.keys() - self._begun:  # the other way of an `if`, or a step that never came
                self.run.members.pop(name_of(key), None)
                self._changed(name_of(key))
            for place, step in enumerate(self.run.steps):
                if step.state is StepState.WAITING:
                    self.run.steps[place] = step.model_copy(update={"state": StepState.PASSED})
            self.run = self.run.model_copy(update={"result": self._result(), "ended": clock.wall()})
            self.finished.set()

    @property
    def changed(self) -> Mapping[PropertyKey, Value]:
        """Properties this run sent something to and still owns, with what they read before; unknown ones are left out."""
        found: dict[PropertyKey, Value] = {}
        for key in self._sent:
            before = self.run.members[name_of(key)].before
            if self.parts[key].claim.lost is None and before is not None:
                found[key] = tuple(before) if isinstance(before, list) else before
        return found

    async def _put_back(self, gateway: Gateway, locks: Mapping[PropertyKey, asyncio.Lock]) -> None:
        """Compensate in reverse dependency order, each value proved by read-back; what cannot be put back is declared."""
        shapes = {key[0]: gateway.endpoint(key[0]).driver for key in self._sent}
        goals, irreversible = compensation([self.parts[key].goal for key in self._sent], self.changed, shapes)
        facts = await gateway.facts(irreversible)
        for key in irreversible:
            before, fact = self.changed.get(key), facts[key]
            unmoved = (
                before is not None and fact.current and matches(fact.value, before, self.parts[key].goal.tolerance)
            )
            if self.parts[key].claim.lost is None and not unmoved:  # what never moved needs no putting back
                self._update(key, restored=Restored.IRREVERSIBLE)
        for phase in sorted({self._sent[goal.key] for goal in goals}, reverse=True):
            await self._put_back_phase([goal for goal in goals if self._sent[goal.key] == phase], gateway, locks)

    async def _put_back_phase(
        self, goals: Sequence[Goal], gateway: Gateway, locks: Mapping[PropertyKey, asyncio.Lock]
    ) -> None:
        """What one step first touched; what came later is back already."""
        scene = replace(self.scene, goals=tuple(goals), first=None, steps=(), on_failure="continue")
        back = Recall(f"{self.run.id}-back", scene, self.run.by, goals, {}, lambda _: None)
        for key, part in back.parts.items():
            part.claim = self.parts[key].claim  # whoever takes the property over interrupts its restoring, too

        async def unrecorded(_: Mapping[PropertyKey, Fact]) -> None:
            return

        await back.conduct(gateway, locks, unrecorded)
        for key in back.parts:
            member = back.run.members[name_of(key)]
            if member.state in REACHED:
                self._update(key, restored=Restored.RESTORED, value=member.value)
            elif self.parts[key].claim.lost is None:
                self._update(key, restored=Restored.FAILED, value=member.value, problem=member.problem)

    def _result(self) -> RunResult:
        waiting = {name_of(key) for key in self.parts.keys() - self._begun}
        return judge([member for name, member in self.run.members.items() if name not in waiting], self.run.steps)

    def _may_go_on(self) -> bool:
        """Whether the steps may begin: what was not reached before them stops a scene that does not simply go on."""
        if self.stopping is not None:
            return False
        reached = all(self.run.members[name_of(key)].state in REACHED for key in self._begun)
        return reached or self.scene.on_failure == "continue"

    async def _reach(
        self,
        goals: Sequence[Goal],
        facts: Mapping[PropertyKey, Fact],
        gateway: Gateway,
        locks: Mapping[PropertyKey, asyncio.Lock],
    ) -> None:
        self._away |= {goal.device for goal in goals if not gateway.ready(goal.device)}
        wanted = {goal.key: goal for goal in goals}
        pending: list[Goal] = []
        for goal in goals:
            if self._taken_over(goal.key):
                continue
            if holds(goal, facts[goal.key]):
                self._settle(goal.key, MemberState.SKIPPED, value=wire_value(facts[goal.key].value))
            elif (why := blocked(goal, wanted, facts)) is not None:
                self._settle(goal.key, MemberState.FAILED, problem=why)
            else:
                pending.append(goal)
        work = batches(pending, {goal.device: gateway.endpoint(goal.device).driver for goal in pending})
        self._busy += len(work)
        if work:
            self._idle.clear()
        async with asyncio.TaskGroup() as group:
            for batch in work:
                group.create_task(self._carry_out(batch, gateway, locks), name=f"{self.run.id}:{batch.device}")

    async def _carry_out(self, batch: Batch, gateway: Gateway, locks: Mapping[PropertyKey, asyncio.Lock]) -> None:
        """Bring one batch to its goals. A goal that is taken over interrupts it wherever it waits; the rest goes on."""
        task = asyncio.current_task()
        claims = [self.parts[goal.key].claim for goal in batch.goals]
        for claim in claims:
            claim.begin(task)
        away = batch.device in self._away
        if away:  # nobody waits for a device that was away before the run, or its step, began
            self._less_busy()
        try:
            while left := self._left(batch):
                try:
                    await self._step(batch, left, gateway, locks)
                except asyncio.CancelledError:
                    if not self._only_taken_over(batch, task):
                        raise
                    await self._halt(left, gateway)
        finally:
            for claim in claims:
                claim.rest()
            if not away:
                self._less_busy()

    async def _halt(self, goals: Sequence[Goal], gateway: Gateway) -> None:
        """Somebody stopped the run: what it set in motion stands still. A goal that somebody else has now is theirs to move."""
        for goal in goals:
            why = self.parts[goal.key].claim.lost
            endpoint = gateway.endpoint(goal.device)
            moves = endpoint.driver.spec(goal.property).capability in _MOTIONS
            if moves and why is not None and why.code is ErrorCode.CANCELLED and goal.key in self._sent:
                with suppress(DeviceError):  # not every device that moves can be told to stop
                    await gateway.act(goal.device, Act("stop"), priority=Priority.SAFETY, name="stop")
                return

    def _only_taken_over(self, batch: Batch, task: asyncio.Task[object] | None) -> bool:
        """Take back the cancellations that takeovers made; False when somebody ends the whole run."""
        for goal in batch.goals:
            part = self.parts[goal.key]
            if part.claim.lost is not None and not part.settled and task is not None:
                task.uncancel()
        return task is not None and not task.cancelling()

    async def _step(
        self, batch: Batch, left: list[Goal], gateway: Gateway, locks: Mapping[PropertyKey, asyncio.Lock]
    ) -> None:
        if not await self._may_begin(batch):
            return
        if gateway.ready(batch.device):
            await self._bring(left, gateway, locks)
            return
        trouble = _unreachable(gateway, batch.device)
        for goal in left:
            self._update(goal.key, state=MemberState.WAITING, problem=trouble)
        if await self._device_returned(gateway, batch.device):
            await self._skip_what_holds(left, gateway)
            return
        for goal in self._left(batch):
            self._settle(goal.key, MemberState.FAILED, problem=_unreachable(gateway, batch.device))

    async def _may_begin(self, batch: Batch) -> bool:
        for key in batch.after:
            part = self.parts.get(key)
            if part is None:
                continue
            await part.wait()
            member = self.run.members[name_of(key)]
            if member.state not in REACHED:
                why = problem(
                    ErrorCode.BLOCKED,
                    f"Menunggu {member.label.id}",
                    f"Waits for {member.label.en or member.label.id}",
                    device=batch.device,
                )
                for goal in self._left(batch):
                    self._settle(goal.key, MemberState.FAILED, problem=why)
        if self._held:
            why = problem(
                ErrorCode.CANCELLED,
                "Dihentikan karena kegagalan lain",
                "Stopped because of another failure",
                device=batch.device,
            )
            for goal in self._left(batch):
                self._settle(goal.key, MemberState.CANCELLED, problem=why)
        return bool(self._left(batch))

    async def _bring(self, goals: list[Goal], gateway: Gateway, locks: Mapping[PropertyKey, asyncio.Lock]) -> None:
        keys = sorted(goal.key for goal in goals)
        taken: list[asyncio.Lock] = []
        try:
            for key in keys:  # always in the same order, so that two runs never wait for each other
                await locks[key].acquire()
                taken.append(locks[key])
            await self._bring_owned(goals, gateway)
        finally:
            for lock in taken:
                lock.release()

    async def _bring_owned(self, goals: list[Goal], gateway: Gateway) -> None:
        by_name = {goal.property: goal.key for goal in goals}

        def attempt(number: int) -> None:
            for key in by_name.values():
                self._sent.setdefault(key, self._phase)
                self.parts[key].claim.sending(self.parts[key].goal.value)
                if not self.parts[key].settled:
                    self._update(key, state=MemberState.SENDING, attempts=number, problem=None)

        def waiting(item: Set, value: Value, seconds: float) -> None:
            key = by_name[item.property]
            if self.run.members[name_of(key)].state is not MemberState.WAITING:
                self._update(key, state=MemberState.WAITING, value=wire_value(value), until=clock.wall() + seconds)

        def reached(item: Set, reading: Reading) -> None:
            self._settle(by_name[item.property], MemberState.VERIFIED, value=wire_value(reading.value))

        device = goals[0].device
        sets = tuple(Set(goal.property, goal.value) for goal in goals)
        try:
            await gateway.bring(device, sets, priority=self.priority, progress=Progress(attempt, waiting, reached))
        except Unreachable:
            await asyncio.sleep(_REUNION_S)
        except Unverified as error:
            why = problem(
                ErrorCode.UNVERIFIED,
                "Terkirim, belum terverifikasi",
                "Sent, not verified",
                detail=str(error),
                device=device,
            )
            self._fail(goals, MemberState.UNVERIFIED, why)
        except NotReached as error:
            why = problem(
                ErrorCode.NOT_REACHED,
                "Alat menerima perintah tetapi tidak berubah",
                "The device accepted the command but did not change",
                detail=str(error),
                device=device,
            )
            self._fail(goals, MemberState.FAILED, why, value=wire_value(error.value))
        except DeviceError as error:
            self._fail(goals, MemberState.FAILED, device_problem(error, device))

    def _fail(self, goals: list[Goal], state: MemberState, why: Problem, value: object = None) -> None:
        for goal in goals:
            if not self.parts[goal.key].settled:
                self._settle(goal.key, state, problem=why.model_copy(update={"property": goal.property}), value=value)

    async def _device_returned(self, gateway: Gateway, device: str) -> bool:
        """Wait for the device; one that was away from the start is waited for only while the rest of the run goes on."""
        back = asyncio.create_task(gateway.returned(device), name=f"{self.run.id}:return:{device}")
        idle = asyncio.create_task(self._idle.wait(), name=f"{self.run.id}:idle")
        try:
            waited = {back, idle} if device in self._away else {back}
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            return gateway.ready(device)
        finally:
            back.cancel()
            idle.cancel()

    async def _skip_what_holds(self, goals: list[Goal], gateway: Gateway) -> None:
        """A device that came back is planned again: some goals may hold already."""
        facts = await gateway.facts([goal.key for goal in goals])
        for goal in goals:
            if holds(goal, facts[goal.key]):
                self._settle(goal.key, MemberState.VERIFIED, value=wire_value(facts[goal.key].value))

    def _left(self, batch: Batch) -> list[Goal]:
        return [goal for goal in batch.goals if not self._taken_over(goal.key) and not self.parts[goal.key].settled]

    def _taken_over(self, key: PropertyKey) -> bool:
        """Settle a goal that somebody else owns now, or that was cancelled."""
        why = self.parts[key].claim.lost
        if why is None:
            return False
        self._settle(
            key, MemberState.CANCELLED if why.code is ErrorCode.CANCELLED else MemberState.OVERRIDDEN, problem=why
        )
        return True

    def _less_busy(self) -> None:
        self._busy -= 1
        if self._busy <= 0:
            self._idle.set()

    def _settle(
        self, key: PropertyKey, state: MemberState, *, problem: Problem | None = None, value: object = None
    ) -> None:
        part = self.parts[key]
        if part.settled:
            return
        part.settle()
        if state is MemberState.FAILED and self.scene.on_failure == "hold":
            self._held = True
        self._update(
            key,
            state=state,
            problem=problem,
            until=None,
            ms=round((clock.monotonic() - self._clock) * 1000),
            **({} if value is None else {"value": value}),
        )

    def _update(self, key: PropertyKey, **changes: object) -> None:
        name = name_of(key)
        self.run.members[name] = _with(self.run.members[name], **changes)
        self._changed(name)

    def _settle_rest(self) -> None:
        late = problem(ErrorCode.TIMEOUT, "Batas waktu lewat", "The time limit has passed")
        for key, part in self.parts.items():
            if key not in self._begun or part.settled or self._taken_over(key):
                continue
            earlier = self.run.members[name_of(key)].problem
            self._settle(
                key,
                MemberState.FAILED,
                problem=earlier or late.model_copy(update={"device": key[0], "property": key[1]}),
            )


def _with(member: Member, **changes: object) -> Member:
    """The member with changes, unchecked: they are ours, and a scene of sixty properties makes hundreds."""
    return member.model_copy(update=changes)


def _unreachable(gateway: Gateway, device: str) -> Problem:
    return device_problem(gateway.trouble(device) or Unreachable("no connection"), device)
