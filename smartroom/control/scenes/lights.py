"""What a scene's tile shows, computed from readings. Nothing ever assigns "active"."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from devices.sdk.readings import matches
from smartroom.control.devices.gateway import Fact
from smartroom.control.room.model import PropertyKey
from smartroom.control.scenes.model import Goal
from smartroom.protocol.state import MemberState, Run, RunResult, SceneLight

_REACHED = {MemberState.VERIFIED, MemberState.SKIPPED}


@dataclass(frozen=True, slots=True)
class Tile:
    """Light, how many of how many goals hold, and which no longer do."""

    light: SceneLight
    reached: int
    total: int
    drifted: tuple[Goal, ...] = ()


def tile(goals: Sequence[Goal], look: Callable[[PropertyKey], Fact], run: Run | None, *, standing: bool) -> Tile:
    """The tile of a scene. `look` tells what is known of a property; `standing`: recalled, and no other scene took over since."""
    if run is not None and run.result is None:
        done = sum(member.state in _REACHED for member in run.members.values())
        return Tile(SceneLight.SENDING, done, len(run.members))
    if not standing:
        put_back = run is not None and run.result is RunResult.RESTORED
        return Tile(SceneLight.RESTORED if put_back else SceneLight.IDLE, 0, len(goals))
    facts = {goal.key: look(goal.key) for goal in goals}
    away = [goal for goal in goals if not _holds_now(goal, facts[goal.key])]
    reached = len(goals) - len(away)
    if not away:
        return Tile(SceneLight.ACTIVE, reached, len(goals))
    missed = _missed(run)
    fallen = tuple(goal for goal in away if f"{goal.device}.{goal.property}" not in missed)
    if all(not facts[goal.key].ready for goal in away) and fallen:
        return Tile(SceneLight.OFFLINE, reached, len(goals), fallen)
    if fallen and not missed:
        return Tile(SceneLight.DRIFTED, reached, len(goals), fallen)
    light = (
        SceneLight.FAILED if run is not None and run.result is RunResult.FAILED and reached == 0 else SceneLight.PARTIAL
    )
    return Tile(light, reached, len(goals), fallen)


def _holds_now(goal: Goal, fact: Fact) -> bool:
    """As a plan's `holds`, but a reading stays good between two polls: its age is the link's matter."""
    return fact.current and matches(fact.value, goal.value, goal.tolerance)


def _missed(run: Run | None) -> set[str]:
    return {key for key, member in run.members.items() if member.state not in _REACHED} if run is not None else set()
