"""Presses, from whichever door: young enough, allowed, handed to the desk, written to the trail."""

from __future__ import annotations

import time

from smartroom.control.errors import ProblemError, problem
from smartroom.control.identity.actors import Actor
from smartroom.control.identity.rights import Action, Resource, may
from smartroom.control.limits import PRESS_LIFE_S
from smartroom.control.scenes.desk import Desk
from smartroom.control.web.ports import House
from smartroom.control.web.problems import forbidden, not_found, unauthenticated
from smartroom.protocol.commands import (
    Accepted,
    ActDevice,
    ApplyScene,
    BlankRoom,
    CancelRun,
    DismissUnfinished,
    Press,
    RecordScene,
    RetryRun,
    RunCue,
    SetProperty,
    UndoRun,
)
from smartroom.protocol.errors import ErrorCode
from smartroom.protocol.scenes import Plan
from smartroom.protocol.state import RoomState

_PANEL_KINDS = frozenset({"matrix", "camera", "audio", "wall"})
"""Devices whose controls the panel shows to a host."""

_SETTING_UP = frozenset({"store_preset", "cancel"})
"""Actions that change how a device is set up: a technician's, on whatever device."""

_SAFE_PROPERTIES = frozenset({"mute", "blank"})


class Presses:
    """One way in for the REST API and for pages."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._controls: dict[str, tuple[int, RoomState]] = {}

    def desk(self, actor: Actor, room: str, action: Action) -> Desk:
        """The room's desk, for somebody who may; who may not is not told whether the room exists."""
        check(actor, action, Resource(room=room))
        desk = self._house.desks.get(room)
        if desk is None:
            raise not_found(f"Tidak ada ruangan '{room}'", f"There is no room '{room}'")
        return desk

    async def take(self, actor: Actor, press: Press) -> Accepted:
        """Carry out a press; raises ProblemError. Each is in the trail with its outcome."""
        action, what = self._asked(press)
        try:
            fresh(press.at)
            desk = self.desk(actor, press.room, action)
            if isinstance(press, ApplyScene) and press.override is not None:
                self.desk(actor, press.room, Action.RULE_OVERRIDE)
            self._house.people.touch(actor)
            accepted = await _carry_out(self._house, desk, actor, press)
        except ProblemError as error:
            self._note(actor, action, press, what, str(error.problem.code), error.problem.detail)
            raise
        if not _motion(press):
            self._note(actor, action, press, what, "accepted", accepted.run or "")
        if isinstance(press, ApplyScene) and press.override is not None:
            told = f"{', '.join(press.override.rules)}: {press.override.reason}"
            self._note(actor, Action.RULE_OVERRIDE, press, what, "accepted", told)
        return accepted

    def _asked(self, press: Press) -> tuple[Action, str]:
        match press:
            case ApplyScene():
                return Action.SCENE_APPLY, press.scene
            case RetryRun():
                part = ".".join(filter(None, (press.device, press.property)))
                return Action.SCENE_RETRY, f"{press.scene} {part}".rstrip()
            case RecordScene():
                return Action.SCENE_RECORD, press.scene
            case CancelRun():
                return Action.SCENE_CANCEL, press.run
            case UndoRun():
                return Action.UNDO, press.run or ""
            case SetProperty():
                on_panel = self._on_panel(press.room, press.device, press.property)
                return (
                    Action.CONTROL_SET if on_panel else Action.DEVICE_SET,
                    f"{press.device}.{press.property}={press.value}",
                )
            case ActDevice():
                on_panel = press.action not in _SETTING_UP and self._on_panel(press.room, press.device, "")
                return Action.CONTROL_ACT if on_panel else Action.DEVICE_ACT, f"{press.device}.{press.action}"
            case BlankRoom():
                return Action.BLANK, "on" if press.on else "off"
            case DismissUnfinished():
                return Action.DISMISS, ""
            case RunCue():
                return Action.RUNDOWN_RUN, f"{press.rundown}.{press.do}" + (f"={press.cue}" if press.cue else "")
            case _:
                raise forbidden(type(press).__name__)

    def _on_panel(self, room: str, device: str, name: str) -> bool:
        desk = self._house.desks.get(room)
        if desk is None:
            return False
        known = self._controls.get(room)
        if known is None or known[0] != desk.store.version:
            known = self._controls[room] = (desk.store.version, desk.store.state)
        state = known[1]
        controls = {(control.device, control.property) for control in (state.volume, state.mute) if control is not None}
        found = state.devices.get(device)
        return (device, name) in controls or (found is not None and found.kind in _PANEL_KINDS)

    def _note(self, actor: Actor, action: Action, press: Press, what: str, outcome: str, detail: str) -> None:
        note(self._house, actor, action, f"{press.room}/{what}", outcome, detail)


def safety(press: Press) -> bool:
    """Mute, blank, stop: never behind other presses."""
    match press:
        case BlankRoom() | CancelRun():
            return True
        case SetProperty():
            return press.property.partition(".")[0] in _SAFE_PROPERTIES
        case ActDevice():
            return press.action == "stop"
        case RunCue():
            return press.do == "hold"
        case _:
            return False


def fresh(at: float) -> None:
    """Raise ProblemError EXPIRED for a press older than its life, or from a clock that is not ours."""
    age = time.time() - at
    if abs(age) > PRESS_LIFE_S:
        raise ProblemError(
            problem(
                ErrorCode.EXPIRED,
                "Tidak terkirim: terlambat",
                "Not sent: too late",
                detail=f"the press is {age:.1f} s old; it lives {PRESS_LIFE_S:.0f} s",
            ),
        )


def check(actor: Actor, action: str, resource: Resource) -> None:
    """Raise ProblemError UNAUTHENTICATED or FORBIDDEN unless the actor may."""
    if may(actor, action, resource):
        return
    if not actor.known:
        raise unauthenticated()
    raise forbidden(f"{action} as {actor.role}" + (f" in {resource.room}" if resource.room else ""))


def note(house: House, actor: Actor, action: str, resource: str, outcome: str, detail: str = "") -> None:
    """A row of the audit trail."""
    house.trail.note(
        actor=actor.name or "-",
        kind=str(actor.kind),
        credential=actor.credential,
        action=str(action),
        resource=resource,
        outcome=outcome,
        detail=detail,
    )


async def _carry_out(house: House, desk: Desk, actor: Actor, press: Press) -> Accepted:
    by = actor.name
    match press:
        case ApplyScene(plan=None):
            return desk.apply(press.scene, press.override, by=by, press=press.id)
        case ApplyScene(plan=Plan() | str() as plan):
            return await desk.apply_planned(press.scene, plan, press.override, by=by, press=press.id)
        case RetryRun():
            return desk.retry(press.scene, press.device, press.property, by=by, press=press.id)
        case RecordScene():
            parts = (press.scene, press.name, press.icon, press.extends, press.lines)
            return desk.record(*parts, by=by, press=press.id)
        case CancelRun():
            return desk.cancel(press.run, by=by, press=press.id)
        case UndoRun():
            return desk.undo(press.run, by=by, press=press.id)
        case SetProperty():
            return await desk.set(press.device, press.property, press.value, by=by, press=press.id)
        case ActDevice():
            return await desk.act(press.device, press.action, press.arguments, by=by, press=press.id)
        case BlankRoom():
            return await desk.blank(on=press.on, by=by, press=press.id)
        case DismissUnfinished():
            return desk.dismiss_unfinished(by=by, press=press.id)
        case RunCue():
            rundowns = house.rundowns.get(press.room)
            if rundowns is None:
                raise not_found("Ruangan ini tidak punya susunan acara", "This room has no rundowns")
            may_force = may(actor, Action.RUNDOWN_FORCE, Resource(room=press.room))
            return await desk.once(lambda: rundowns.press(press, by, may_force=may_force), by=by, press=press.id)
        case _:
            raise forbidden(type(press).__name__)


def _motion(press: Press) -> bool:
    """A held pad sends the same motion several times a second; the trail names refusals of it, not each renewal. Nor each finger on a held cue."""
    if isinstance(press, RunCue):
        return press.do in ("arm", "disarm")
    return isinstance(press, ActDevice) and press.action.startswith("drive")
