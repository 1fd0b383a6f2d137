"""All recalls of one room: who owns which property, which scenes stand, what their tiles show."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections import OrderedDict, defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from devices.sdk.commands import Priority, Set
from devices.sdk.readings import Reading, Value, matches
from smartroom.control import clock
from smartroom.control.devices.gateway import Fact, Gateway
from smartroom.control.errors import ProblemError, problem
from smartroom.control.limits import PROGRESS_S, RUN_HISTORY
from smartroom.control.room.model import PropertyKey
from smartroom.control.room.store import Store
from smartroom.control.scenes.claims import Claim, Movers, Owner
from smartroom.control.scenes.lights import tile
from smartroom.control.scenes.model import UNDO, Goal, Scene
from smartroom.control.scenes.outcome import REACHED, compensation, name_of
from smartroom.control.scenes.planner import wire_value
from smartroom.control.scenes.ports import StandingScene
from smartroom.control.scenes.recall import Recall
from smartroom.control.scenes.rules import Judge
from smartroom.control.scenes.steps import Step
from smartroom.protocol.base import Text
from smartroom.protocol.errors import ErrorCode, Problem, Rule
from smartroom.protocol.scenes import Override
from smartroom.protocol.state import Cause, Drift, Member, MemberState, RunResult, SceneState, Undo

_LOG = logging.getLogger(__name__)

_NOT_BACK = frozenset({MemberState.FAILED, MemberState.UNVERIFIED})


@dataclass(frozen=True, slots=True)
class Diary:
    """What the engine tells the records."""

    begun: Callable[[Recall, str], Awaitable[None]]
    """A run and the JSON snapshot of what its properties were; on disk when it returns, because the first byte follows."""
    ended: Callable[[Recall], None]
    standing: Callable[[tuple[StandingScene, ...]], None]


@dataclass(frozen=True, slots=True)
class _Last:
    """The run `Kembalikan` would take back, and the scenes it displaced."""

    recall: Recall
    displaced: Mapping[str, StandingScene]


class Engine:
    """Used with `async with`: runs are its tasks and end with it."""

    def __init__(self, store: Store, gateway: Gateway, diary: Diary) -> None:
        self.scenes: dict[str, Scene] = {}
        self._store = store
        self._gateway = gateway
        self._diary = diary
        self._claims: dict[PropertyKey, Claim] = {}
        self.judge: Judge | None = None
        """Rules of wear and safety; none: a room without any."""
        self.movers = Movers(self._claims, lambda device: gateway.endpoint(device).driver)
        self._locks: defaultdict[PropertyKey, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._latest: dict[str, Recall] = {}
        self._recalls: OrderedDict[str, Recall] = OrderedDict()
        self._standing: dict[str, StandingScene] = {}
        self._dim: set[str] = set()
        self._moved: dict[str, set[str]] = {}
        self._last: _Last | None = None
        self._group = asyncio.TaskGroup()
        self._idle = asyncio.Event()
        self.alive = False
        """Runs may begin: what earlier lives left is known, and nobody stops the room."""

    async def __aenter__(self) -> Self:
        """Begin."""
        await self._group.__aenter__()
        self._group.create_task(self._idle.wait(), name="engine")
        self.alive = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop all runs where they are."""
        self.alive = False
        why = problem(ErrorCode.CANCELLED, "Server berhenti", "The server stops")
        for recall in self._recalls.values():
            recall.cancel(why)
        self._idle.set()
        with suppress(asyncio.CancelledError):
            await self._group.__aexit__(kind, error, trace)

    @property
    def busy(self) -> bool:
        """True while a run goes on."""
        return any(recall.open for recall in self._latest.values())

    # -- recalls --

    def start(
        self,
        scene: Scene,
        by: str,
        *,
        only: frozenset[PropertyKey] | None = None,
        override: Override | None = None,
    ) -> tuple[Recall, bool]:
        """Recall a scene, or join the same recall when it goes on already (a double press). `only` limits it to some properties: a retry.

        ProblemError when it would break a rule that is not overridden, or move what an emergency scene is moving.
        """
        latest = self._latest.get(scene.id)
        if (
            latest is not None
            and latest.open
            and latest.scene is scene
            and all(part.claim.lost is None for part in latest.parts.values())
        ):
            return latest, True
        goals = scene.touched if only is None else [goal for goal in scene.goals if goal.key in only]
        self._must_be_free(scene, [goal.key for goal in goals])
        if self.judge is not None:
            self.judge.allow(scene, None if only is None else goals, override)
        carried: Mapping[str, Member] = latest.run.members if only is not None and latest is not None else {}
        self._forget_told()
        displaced = self._stand(scene, by, again=only is not None)
        recall = self._begin(scene, by, goals, carried, displaced, scene.steps if only is None else ())
        self._latest[scene.id] = recall
        with self._store.batch():
            if (place := self._place(recall)) is not None:
                self._store.put(place, recall.run)
            self._relight()
        return recall, False

    def start_unlisted(self, scene: Scene, by: str) -> Recall:
        """Carry out goals that are no file's scene: a cue's own. Nothing stands for them, no tile shows them."""
        self._must_be_free(scene, [goal.key for goal in scene.goals])
        if self.judge is not None:
            self.judge.allow(scene, None, None)
        return self._begin(scene, by, scene.goals, {}, {})

    def _begin(
        self,
        scene: Scene,
        by: str,
        goals: Sequence[Goal],
        carried: Mapping[str, Member],
        displaced: Mapping[str, StandingScene],
        steps: Sequence[Step] = (),
    ) -> Recall:
        """Take the properties over and go."""
        recall = Recall(
            secrets.token_hex(8),
            scene,
            by,
            goals,
            carried,
            lambda name: self._progress(recall, name),
            steps,
            str(self._store.document["timezone"]),
        )
        why = problem(
            ErrorCode.SUPERSEDED,
            f"Diambil alih {scene.name.id} oleh {by}",
            f"Taken over by {scene.name.en or scene.name.id}, {by}",
        )
        for key, part in recall.parts.items():
            self._take(key, part.claim, why)
        self._recalls[recall.run.id] = recall
        while len(self._recalls) > RUN_HISTORY:
            self._recalls.popitem(last=False)
        self._group.create_task(self._conduct(recall, displaced), name=f"recall:{scene.id}")
        self._offer_undo()
        return recall

    def _must_be_free(self, scene: Scene | None, keys: Sequence[PropertyKey]) -> None:
        """Nothing moves in a room that begins or ends; an emergency scene that goes on gives nothing away, except to another one."""
        if not self.alive:
            raise ProblemError(
                problem(
                    ErrorCode.BUSY,
                    "Ruang sedang dimulai; coba lagi sebentar",
                    "The room is just starting; try again in a moment",
                )
            )
        if scene is not None and scene.emergency:
            return
        for recall in self._recalls.values():
            if recall.open and recall.scene.emergency and not recall.parts.keys().isdisjoint(keys):
                name = recall.scene.name
                why = problem(
                    ErrorCode.RULE,
                    f"{name.id} sedang berjalan",
                    f"{name.en or name.id} is going on",
                    detail=f"{Rule.EMERGENCY}: {recall.scene.id}",
                )
                raise ProblemError(why)

    def recall(self, run: str) -> Recall:
        """A run by its id."""
        found = self._recalls.get(run)
        if found is None:
            raise ProblemError(problem(ErrorCode.NOT_FOUND, "Pelaksanaan tidak ditemukan", "No such run"))
        return found

    def failed_parts(self, scene: Scene, device: str | None, name: str | None = None) -> frozenset[PropertyKey]:
        """Properties of a scene's last run that were not reached, or have fallen since; of one device, or one property of it."""
        latest = self._latest.get(scene.id)
        missed = (
            {name for name, member in latest.run.members.items() if member.state not in REACHED} if latest else set()
        )
        facts = {goal.key: self._look(goal.key) for goal in scene.goals}
        return frozenset(
            goal.key
            for goal in scene.goals
            if device in (None, goal.device)
            and name in (None, goal.property)
            and (
                name_of(goal.key) in missed
                or not (facts[goal.key].current and matches(facts[goal.key].value, goal.value, goal.tolerance))
            )
        )

    # -- taking back --

    def undo(self, by: str, run: str | None = None) -> tuple[Recall, bool]:
        """Put back what the last run changed and nobody touched since; scenes that stood before it stand again.

        `run` is the one that was offered. True with a run that takes back already: it is joined.
        """
        latest = self._latest.get(UNDO)
        if latest is not None and latest.open:
            return latest, True
        last = self._last
        if last is None or not last.recall.changed:
            raise ProblemError(
                problem(ErrorCode.INVALID, "Tidak ada yang bisa dikembalikan", "There is nothing to take back")
            )
        if run not in (None, last.recall.run.id):
            raise ProblemError(
                problem(
                    ErrorCode.STALE,
                    "Sudah ada perubahan lain",
                    "Something else was changed since",
                    fix=Text(id="Lihat dulu apa yang akan dikembalikan", en="Look first what would be taken back"),
                )
            )
        changed = last.recall.changed
        touched = [part.goal for key, part in last.recall.parts.items() if key in changed]
        shapes = {goal.device: self._gateway.endpoint(goal.device).driver for goal in touched}
        goals, irreversible = compensation(touched, changed, shapes)
        if not goals:
            names = ", ".join(f"{device}.{name}" for device, name in irreversible)
            raise ProblemError(
                problem(
                    ErrorCode.INVALID,
                    "Perubahan terakhir tidak bisa dikembalikan",
                    "The last change cannot be taken back",
                    detail=names,
                )
            )
        scene = replace(
            last.recall.scene,
            id=UNDO,
            name=Text(id="Kembalikan", en="Take back"),
            goals=goals,
            first=None,
            steps=(),
            on_failure="continue",
        )
        self._last = None
        self._standing.pop(last.recall.scene.id, None)
        return self._take_back(scene, by, scene.goals, {}, last.displaced), False

    def undo_again(self, by: str, device: str | None) -> tuple[Recall, bool]:
        """Try again what did not come back, on one device or all."""
        latest = self._latest.get(UNDO)
        if latest is not None and latest.open:
            return latest, True
        left = [
            goal
            for goal in (latest.scene.goals if latest is not None else ())
            if latest is not None
            and device in (None, goal.device)
            and latest.run.members[name_of(goal.key)].state in _NOT_BACK
        ]
        if latest is None or not left:
            raise ProblemError(
                problem(ErrorCode.INVALID, "Tidak ada yang perlu diulangi", "There is nothing to try again")
            )
        return self._take_back(latest.scene, by, left, latest.run.members, {}), False

    def _take_back(
        self,
        scene: Scene,
        by: str,
        goals: Sequence[Goal],
        carried: Mapping[str, Member],
        displaced: Mapping[str, StandingScene],
    ) -> Recall:
        recall = self._begin(scene, by, goals, carried, displaced)
        self._latest[UNDO] = recall
        with self._store.batch():
            self._store.put(("undoing",), recall.run)
            self._relight()
        return recall

    def _remember(self, recall: Recall, displaced: Mapping[str, StandingScene]) -> None:
        if recall.scene.id != UNDO and recall.changed and recall.run.result is not RunResult.RESTORED:
            self._last = _Last(recall, displaced)

    def _offer_undo(self) -> None:
        last = self._last
        offer = last is not None and bool(last.recall.changed)
        self._store.put(
            ("undo",),
            Undo(run=last.recall.run.id, label=last.recall.scene.name, at=last.recall.run.started)
            if last and offer
            else None,
        )

    def _forget_told(self) -> None:
        """A run that was put back, and taking back, are told until the next recall; then they have been seen."""
        for key, recall in list(self._latest.items()):
            if recall.run.result is RunResult.RESTORED or (key == UNDO and not recall.open):
                place = self._place(recall)
                del self._latest[key]
                if place is not None:
                    self._store.put(place, None)

    def _place(self, recall: Recall) -> tuple[str, ...] | None:
        """Where the room's state shows a run; None when it does no more."""
        scene = recall.scene.id
        if self._latest.get(scene) is not recall:
            return None
        if scene == UNDO:
            return ("undoing",)
        shown = scene in self.scenes and not self.scenes[scene].hidden
        return ("scenes", scene, "run") if shown else None

    # -- one run --

    async def _conduct(self, recall: Recall, displaced: Mapping[str, StandingScene]) -> None:
        async def ready(facts: Mapping[PropertyKey, Fact]) -> None:
            snapshot = {name_of(key): wire_value(fact.value) for key, fact in facts.items() if fact.current}
            await self._diary.begun(recall, json.dumps(snapshot))

        try:
            await recall.conduct(self._gateway, self._locks, ready)
        except Exception:  # noqa: BLE001  # a bug in one run must not take the room with it
            _LOG.exception("scene %s: run %s broke", recall.scene.id, recall.run.id)
        finally:
            recall.end()
            if recall.run.result is RunResult.RESTORED:
                self._standing.pop(recall.scene.id, None)
            if recall.run.result is RunResult.RESTORED or recall.scene.id == UNDO:
                self._stand_again(displaced)
            self._remember(recall, displaced)
            with self._store.batch():
                if (place := self._place(recall)) is not None:
                    came_back = all(member.state not in _NOT_BACK for member in recall.run.members.values())
                    if recall.scene.id == UNDO and came_back:
                        del self._latest[UNDO]
                        self._store.put(place, None)
                    else:
                        self._show_members(recall, place)
                        self._store.put((*place, "result"), str(recall.run.result))
                        self._store.put((*place, "ended"), recall.run.ended)
                self._relight()
                self._offer_undo()
            self._diary.ended(recall)
            self._diary.standing(tuple(self._standing.values()))

    def _progress(self, recall: Recall, name: str) -> None:
        if self._place(recall) is None:
            return
        if not self._moved:
            asyncio.get_running_loop().call_later(PROGRESS_S, self._show_progress)
        self._moved.setdefault(recall.scene.id, set()).add(name)

    def _show_progress(self) -> None:
        """Many steps, one patch."""
        with self._store.batch():
            for scene in list(self._moved):
                latest = self._latest.get(scene)
                place = self._place(latest) if latest is not None else None
                if latest is None or place is None:
                    continue
                self._show_members(latest, place)
                if scene in self.scenes:
                    self._light(scene)
            self._moved.clear()

    def _show_members(self, recall: Recall, place: tuple[str, ...]) -> None:
        """What has moved since it was last shown; a run is never said whole again."""
        members = recall.run.members
        for name in self._moved.pop(recall.scene.id, set()) - {""}:
            self._store.put((*place, "members", name), members.get(name))
        if recall.run.steps:
            self._store.put((*place, "steps"), [step.model_dump(mode="json") for step in recall.run.steps])

    # -- by hand --

    async def by_hand(self, device: str, name: str, value: Value, by: str) -> Reading:
        """Set one property by hand: the hand beats a running scene, the newest hand wins. Ends with the read-back."""
        why = problem(
            ErrorCode.OVERRIDDEN, f"Dialihkan operator ({by})", f"Taken over by hand ({by})", device=device, name=name
        )
        key = (device, name)
        self._must_be_free(None, [key])
        if self.judge is not None:
            self.judge.hand(device, name, value)
        claim = Claim(Owner(Cause.HAND, by))
        self._take(key, claim, why)
        self._offer_undo()

        async def bring() -> dict[str, Reading]:
            async with self._locks[key]:
                claim.sending(value)
                return await self._gateway.bring(device, (Set(name, value),), priority=Priority.OPERATOR)

        operation = asyncio.create_task(bring(), name=f"by-hand:{device}.{name}")
        claim.begin(operation)
        try:
            await asyncio.wait({operation})
        finally:
            operation.cancel()
            claim.rest()
            await asyncio.wait({operation})
        if claim.lost is not None and operation.cancelled():
            raise ProblemError(claim.lost)
        return operation.result()[name]

    def _take(self, key: PropertyKey, claim: Claim, why: Problem) -> None:
        before = self._claims.get(key)
        if before is not None:
            before.take(why)
        self._claims[key] = claim

    # -- scenes and their tiles --

    def describe(self, scenes: Mapping[str, Scene], errors: Mapping[str, Problem]) -> None:
        """Scene files were read: show their tiles. A file with an error keeps its last good scene and says so."""
        kept = {key: scene for key, scene in self.scenes.items() if key in errors}
        self.scenes = {**scenes, **kept}
        self._standing = {key: item for key, item in self._standing.items() if key in self.scenes}
        shown = {key: scene for key, scene in self.scenes.items() if not scene.hidden}
        tiles = {
            key: self._described(scene, errors.get(key))
            for key, scene in sorted(shown.items(), key=lambda item: (item[1].order, item[0]))
        }
        for key, why in errors.items():
            if key not in self.scenes:
                tiles[key] = SceneState(id=key, name=Text.of(key), order=999, problem=why).model_dump(mode="json")
        with self._store.batch():
            self._store.put(("scenes",), tiles)
            self._relight()

    def restore_standing(self, scenes: tuple[StandingScene, ...]) -> None:
        """After a restart: scenes that stood are shown by what is read now; nothing is sent."""
        self._standing = {item.scene: item for item in scenes if item.scene in self.scenes}
        self._relight()

    def moved(self, device: str) -> None:
        """A device reported something or its connection changed: tiles that depend on it are looked at once the loop has a moment."""
        for recall in self._latest.values():
            recall.moved.set()
        for key in self._standing:
            latest = self._latest.get(key)
            if (latest is None or not latest.open) and any(goal.device == device for goal in self.scenes[key].goals):
                if not self._dim:
                    asyncio.get_running_loop().call_soon(self._relight_dim)
                self._dim.add(key)

    def _stand(self, scene: Scene, by: str, *, again: bool) -> dict[str, StandingScene]:
        """The scene stands from now on, or still; returns the scenes it displaces, because they want a property differently."""
        before = self._standing.get(scene.id)
        displaced: dict[str, StandingScene] = {}
        for key in list(self._standing):
            other = self.scenes.get(key)
            if other is None or _differ(scene, other):
                displaced[key] = self._standing.pop(key)
        self._standing[scene.id] = before if again and before else StandingScene(scene.id, by, clock.wall())
        return {key: item for key, item in displaced.items() if key != scene.id}

    def _stand_again(self, displaced: Mapping[str, StandingScene]) -> None:
        """Scenes that stood before stand again, unless one that was recalled since wants something else."""
        for key, item in displaced.items():
            scene = self.scenes.get(key)
            if scene is not None and not any(_differ(scene, self.scenes[other]) for other in self._standing):
                self._standing[key] = item

    def _described(self, scene: Scene, why: Problem | None) -> dict[str, object]:
        latest = self._latest.get(scene.id)
        state = SceneState(
            id=scene.id,
            name=scene.name,
            icon=scene.icon,
            order=scene.order,
            danger=scene.danger,
            total=len(scene.goals),
            problem=why,
        )
        return state.model_copy(update={"run": latest.run if latest else None}).model_dump(mode="json")

    def _look(self, key: PropertyKey) -> Fact:
        return self._gateway.fact(*key)

    def _relight_dim(self) -> None:
        """Many readings, one look."""
        dim, self._dim = self._dim, set()
        with self._store.batch():
            for key in dim & self.scenes.keys():
                self._light(key)

    def _relight(self) -> None:
        for key in self.scenes:
            self._light(key)

    def _light(self, key: str) -> None:
        scene = self.scenes[key]
        if scene.hidden:
            return
        latest = self._latest.get(key)
        stands = self._standing.get(key)
        seen = tile(scene.goals, self._look, latest.run if latest else None, standing=stands is not None)
        place = ("scenes", key)
        self._store.put((*place, "light"), str(seen.light))
        self._store.put((*place, "reached"), seen.reached)
        self._store.put((*place, "total"), seen.total)
        self._store.put((*place, "drifted"), [_drift(goal) for goal in seen.drifted])
        self._store.put((*place, "since"), stands.since if stands else None)
        self._store.put((*place, "by"), stands.by if stands else "")


def _drift(goal: Goal) -> dict[str, object]:
    drift = Drift(device=goal.device, property=goal.property, label=goal.label, goal=wire_value(goal.value))
    return drift.model_dump(mode="json")


def _differ(one: Scene, other: Scene) -> bool:
    """Whether two scenes want something of the same property, and not the same."""
    wanted = {goal.key: goal.value for goal in one.goals}
    return any(goal.key in wanted and not matches(goal.value, wanted[goal.key], goal.tolerance) for goal in other.goals)
