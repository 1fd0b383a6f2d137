"""Rooms by HTTP: look, plan, press, read the history."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, TypeVar
from uuid import uuid4

from pydantic import Field, ValidationError

from smartroom.control.errors import ProblemError, problem
from smartroom.control.identity.rights import Action, Resource, may
from smartroom.control.limits import PLAN_BYTES, WAITING_APPLIES
from smartroom.control.web.gate import misshaped
from smartroom.control.web.routes import Call, Nothing, route
from smartroom.protocol.base import Id, Message, Text, Value
from smartroom.protocol.commands import (
    Accepted,
    ActDevice,
    ApplyReport,
    ApplyScene,
    BlankRoom,
    CancelRun,
    DismissUnfinished,
    Press,
    PressId,
    RecordScene,
    RetryRun,
    RunCue,
    SetProperty,
    UndoRun,
)
from smartroom.protocol.errors import ErrorCode
from smartroom.protocol.history import History, HistoryQuery
from smartroom.protocol.people import RoomSummary
from smartroom.protocol.rundowns import Turn
from smartroom.protocol.scenes import Override, Plan, RecordedLine, Recording
from smartroom.protocol.state import DeviceState, Link, RoomState, Run

_waiting = asyncio.Semaphore(WAITING_APPLIES)


class PressBody(Message):
    """What every press may carry. `id`: the same id again changes nothing. `at`: when it was made, for a program that wants it to expire."""

    id: PressId | None = None
    at: float | None = None


class ApplyBody(PressBody):
    """`plan`: one that was made earlier, whole, or the digest of one that was shown. Refused with 409 `stale` when anything moved since."""

    plan: Plan | str | None = None
    override: Override | None = None
    """Rules to set aside, and why; a technician's right."""


class RetryBody(PressBody):
    """Try again: all, one device's, or one property."""

    device: Id | None = None
    property: Annotated[str, Field(max_length=64)] | None = None


class RecordBody(PressBody):
    """A new scene: what was reviewed."""

    scene: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    name: Text
    icon: Annotated[str, Field(max_length=32)] = "scene"
    extends: Id | None = None
    lines: Annotated[list[RecordedLine], Field(min_length=1, max_length=500)]


class Base(Message):
    """`extends`: the scene to differ from, nothing for none, `*` for the one that leaves the shortest file."""

    extends: str = ""


class UndoBody(PressBody):
    """`run`: what `RoomState.undo` offered; anything else is refused."""

    run: str | None = None


class CueBody(PressBody):
    """`turn` and `cue`: what the presser saw; elsewhere it is refused as stale. `force`: although the cue's condition does not hold."""

    turn: Turn | None = None
    cue: Id | None = None
    force: bool = False


class SetBody(PressBody):
    """A value for a property."""

    value: Value


class ActBody(PressBody):
    """Arguments of an action."""

    arguments: dict[str, Value] = Field(default_factory=dict)


class BlankBody(PressBody):
    """Hide or show."""

    on: bool


class Wait(Message):
    """Answer when the run has ended, with its report."""

    wait: bool = False


class Recent(Message):
    """How many."""

    limit: Annotated[int, Field(ge=1, le=200)] = 50


_AnyPress = TypeVar("_AnyPress", bound=PressBody)
_PressT = TypeVar("_PressT", bound=Press)
_AnyQuery = TypeVar("_AnyQuery", bound=Message)


async def rooms(call: Call[Nothing, Nothing]) -> list[RoomSummary]:
    """Rooms the asker may see."""
    return [
        _summary(desk.store.state)
        for name, desk in call.house.desks.items()
        if may(call.actor, Action.ROOM_SEE, Resource(room=name))
    ]


async def state(call: Call[Nothing, Nothing]) -> RoomState:
    """Everything a page shows of a room, now."""
    return call.presses.desk(call.actor, call.part("room"), Action.ROOM_SEE).store.state


async def devices(call: Call[Nothing, Nothing]) -> list[DeviceState]:
    """A room's devices: address, connection, readings."""
    return list(call.presses.desk(call.actor, call.part("room"), Action.DEVICE_READ).store.state.devices.values())


async def plan(call: Call[Nothing, Nothing]) -> Plan:
    """What a scene would do, from fresh readings; nothing is sent."""
    desk = call.presses.desk(call.actor, call.part("room"), Action.PLAN)
    return await desk.plan(call.part("scene"), by=call.actor.name)


async def apply(call: Call[ApplyBody, Wait]) -> Accepted | ApplyReport:
    """Recall a scene; answers at once with a run, or with `wait=true` when the run has ended. `plan`: only if it does exactly that."""
    return await _run(
        call, _press(ApplyScene, call, scene=call.part("scene"), plan=call.body.plan, override=call.body.override)
    )


async def retry(call: Call[RetryBody, Wait]) -> Accepted | ApplyReport:
    """Bring back what the scene's last run did not reach or has lost since; `property` repairs that one alone."""
    body = call.body
    press = _press(RetryRun, call, scene=call.part("scene"), device=body.device, property=body.property)
    return await _run(call, press)


async def recording(call: Call[Nothing, Base]) -> Recording:
    """The room as it is, as a difference from a scene; nothing is written."""
    desk = call.presses.desk(call.actor, call.part("room"), Action.SCENE_RECORD)
    return await desk.recording(call.query.extends or None)


async def record(call: Call[RecordBody, Nothing]) -> Accepted:
    """Write reviewed lines as a new scene's file."""
    body = call.body
    what = {"scene": body.scene, "name": body.name, "icon": body.icon, "extends": body.extends, "lines": body.lines}
    return await call.presses.take(call.actor, _press(RecordScene, call, **what))


async def cancel(call: Call[PressBody, Nothing]) -> Accepted:
    """Stop a run where it is."""
    return await call.presses.take(call.actor, _press(CancelRun, call, run=call.part("run")))


async def undo(call: Call[UndoBody, Wait]) -> Accepted | ApplyReport:
    """Take the last change back: what the last run changed and nobody touched since."""
    return await _run(call, _press(UndoRun, call, run=call.body.run))


async def report(call: Call[Nothing, Nothing]) -> ApplyReport:
    """Wait for a run to end and read its report."""
    desk = call.presses.desk(call.actor, call.part("room"), Action.HISTORY_READ)
    async with _place():
        return await desk.wait(call.part("run"))


async def history(call: Call[Nothing, Recent]) -> list[Run]:
    """Finished runs, newest first."""
    call.presses.desk(call.actor, call.part("room"), Action.HISTORY_READ)
    found = await call.house.recent_runs(call.part("room"), call.query.limit)
    return [Run.model_validate_json(text) for text in found]


async def happened(call: Call[Nothing, HistoryQuery]) -> History:
    """What happened in the room, newest first: runs with their bytes, hands, changes at devices, broken links."""
    call.presses.desk(call.actor, call.part("room"), Action.HISTORY_READ)
    log = call.house.histories.get(call.part("room"))
    return await log.read(call.query) if log is not None else History(entries=[])


async def set_property(call: Call[SetBody, Nothing]) -> Accepted:
    """Set one property by hand; the answer's `value` was read back from the device."""
    press = _press(SetProperty, call, device=call.part("device"), property=call.part("property"), value=call.body.value)
    return await call.presses.take(call.actor, press)


async def act(call: Call[ActBody, Nothing]) -> Accepted:
    """Do something that is no state: drive a camera, store a preset."""
    press = _press(
        ActDevice, call, device=call.part("device"), action=call.part("action"), arguments=call.body.arguments
    )
    return await call.presses.take(call.actor, press)


async def blank(call: Call[BlankBody, Nothing]) -> Accepted:
    """Hide or show the picture on every output that can."""
    return await call.presses.take(call.actor, _press(BlankRoom, call, on=call.body.on))


async def dismiss(call: Call[PressBody, Nothing]) -> Accepted:
    """Do not offer the unfinished run any more."""
    return await call.presses.take(call.actor, _press(DismissUnfinished, call))


async def run_cue(call: Call[CueBody, Nothing]) -> Accepted:
    """Move a rundown: open, arm, disarm, go, hold, resume, skip, back, close. `run` is the first run the cue began."""
    body = call.body
    press = _press(
        RunCue,
        call,
        rundown=call.part("rundown"),
        do=call.part("do"),
        turn=body.turn,
        cue=body.cue,
        force=body.force,
    )
    return await call.presses.take(call.actor, press)


_ROOM = "/api/v1/rooms/{room}"
_SCENE = _ROOM + "/scenes/{scene}"
_DEVICE = _ROOM + "/devices/{device}"

TABLE = (
    route("GET", "/api/v1/rooms", Action.ROOM_SEE, rooms, answer=RoomSummary, many=True),
    route("GET", _ROOM, Action.ROOM_SEE, state, answer=RoomState),
    route("GET", _ROOM + "/devices", Action.DEVICE_READ, devices, answer=DeviceState, many=True),
    route("GET", _SCENE + "/plan", Action.PLAN, plan, answer=Plan),
    route(
        "POST",
        _SCENE + "/apply",
        Action.SCENE_APPLY,
        apply,
        body=ApplyBody,
        query=Wait,
        answer=Accepted,
        limit=PLAN_BYTES,
    ),
    route("POST", _SCENE + "/retry", Action.SCENE_RETRY, retry, body=RetryBody, query=Wait, answer=Accepted),
    route("GET", _ROOM + "/recording", Action.SCENE_RECORD, recording, query=Base, answer=Recording),
    route("POST", _ROOM + "/scenes", Action.SCENE_RECORD, record, body=RecordBody, answer=Accepted),
    route("GET", _ROOM + "/runs", Action.HISTORY_READ, history, query=Recent, answer=Run, many=True),
    route("GET", _ROOM + "/history", Action.HISTORY_READ, happened, query=HistoryQuery, answer=History),
    route("GET", _ROOM + "/runs/{run}", Action.HISTORY_READ, report, answer=ApplyReport),
    route("POST", _ROOM + "/runs/{run}/cancel", Action.SCENE_CANCEL, cancel, body=PressBody, answer=Accepted),
    route("POST", _ROOM + "/undo", Action.UNDO, undo, body=UndoBody, query=Wait, answer=Accepted),
    # A host sets what the panel shows, a technician everything: which it is, the press itself finds out.
    route(
        "PUT",
        _DEVICE + "/properties/{property}",
        Action.CONTROL_SET,
        set_property,
        body=SetBody,
        answer=Accepted,
        late=True,
    ),
    route("POST", _DEVICE + "/actions/{action}", Action.CONTROL_ACT, act, body=ActBody, answer=Accepted, late=True),
    route("POST", _ROOM + "/blank", Action.BLANK, blank, body=BlankBody, answer=Accepted),
    route("POST", _ROOM + "/rundowns/{rundown}/{do}", Action.RUNDOWN_RUN, run_cue, body=CueBody, answer=Accepted),
    route("POST", _ROOM + "/dismiss", Action.DISMISS, dismiss, body=PressBody, answer=Accepted),
)


def _press(model: type[_PressT], call: Call[_AnyPress, _AnyQuery], **parts: object) -> _PressT:
    """A press from a request; what stands in the path is as strange as a body and is checked like one."""
    made = {
        "id": call.body.id or str(uuid4()),
        "at": time.time() if call.body.at is None else call.body.at,
        "room": call.part("room"),
    }
    try:
        return model.model_validate({**made, **parts})
    except ValidationError as error:
        raise misshaped(error) from None


async def _run(call: Call[_AnyPress, Wait], press: Press) -> Accepted | ApplyReport:
    if not call.query.wait:
        return await call.presses.take(call.actor, press)
    async with _place():
        accepted = await call.presses.take(call.actor, press)
        assert accepted.run is not None
        return await call.house.desks[press.room].wait(accepted.run)


@asynccontextmanager
async def _place() -> AsyncIterator[None]:
    """One of the few places for requests that wait as long as a scene."""
    if _waiting.locked():
        raise ProblemError(
            problem(ErrorCode.OVERLOADED, "Terlalu banyak yang menunggu", "Too many requests are waiting")
        )
    async with _waiting:
        yield


def _summary(state: RoomState) -> RoomSummary:
    return RoomSummary(
        id=state.room,
        name=state.name,
        place=state.place,
        version=state.version,
        devices=len(state.devices),
        ready=sum(1 for device in state.devices.values() if device.link is Link.READY),
        scenes=len(state.scenes),
    )
