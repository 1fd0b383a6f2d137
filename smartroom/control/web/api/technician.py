"""The technician's bench by HTTP: health of lines, wire traces, the log, faults of simulators."""

from __future__ import annotations

import time
from typing import Annotated, TypeVar
from uuid import uuid4

from pydantic import Field, ValidationError

from smartroom.control.identity.rights import Action
from smartroom.control.web.api.rooms import PressBody
from smartroom.control.web.bench import Benches, SimulatorPress
from smartroom.control.web.gate import misshaped
from smartroom.control.web.routes import Call, Nothing, Reply, route
from smartroom.protocol.base import Message, Value
from smartroom.protocol.commands import Accepted
from smartroom.protocol.technician import (
    Bench,
    CutPower,
    FaultWords,
    LogLine,
    PressFront,
    SwitchFaults,
    Traced,
)


class Since(Message):
    """Lines after a number."""

    since: Annotated[int, Field(ge=0)] = 0


class FaultBody(PressBody):
    """Faults to switch: `delay=2,drop=0.1`, `lie=off`, `none`."""

    faults: FaultWords


class FrontBody(PressBody):
    """A property and its value."""

    property: Annotated[str, Field(max_length=64)]
    value: Value


class PowerCutBody(PressBody):
    """How long."""

    seconds: float


_AnyBody = TypeVar("_AnyBody", bound=PressBody)
_SimulatorPressT = TypeVar("_SimulatorPressT", SwitchFaults, PressFront, CutPower)


async def bench(call: Call[Nothing, Nothing]) -> Bench:
    """A room's devices from the technician's side: queues, counters, round trips, last errors."""
    return Benches(call.house).bench(call.actor, call.part("room"))


async def trace(call: Call[Nothing, Since]) -> Traced:
    """What went over a device's wire last, secrets masked, and what it meant."""
    return Benches(call.house).trace(call.actor, call.part("room"), call.part("device"), call.query.since)


async def log(call: Call[Nothing, Since]) -> Reply:
    """The last lines of the server's log, secrets masked."""
    return Reply(Benches(call.house).log(call.actor, call.query.since))


async def faults(call: Call[FaultBody, Nothing]) -> Accepted:
    """Switch faults of a simulated device; `value` names those it has then."""
    return await _take(call, _press(SwitchFaults, call, faults=call.body.faults))


async def front(call: Call[FrontBody, Nothing]) -> Accepted:
    """Change a property as if by hand at the simulated device."""
    return await _take(call, _press(PressFront, call, property=call.body.property, value=call.body.value))


async def power_cut(call: Call[PowerCutBody, Nothing]) -> Accepted:
    """Take a simulated device's power for so many seconds."""
    return await _take(call, _press(CutPower, call, seconds=call.body.seconds))


_ROOM = "/api/v1/rooms/{room}"
_SIMULATOR = _ROOM + "/devices/{device}/simulator"

TABLE = (
    route("GET", _ROOM + "/bench", Action.BENCH_READ, bench, answer=Bench),
    route("GET", _ROOM + "/devices/{device}/trace", Action.BENCH_READ, trace, query=Since, answer=Traced),
    route("POST", _SIMULATOR + "/faults", Action.SIMULATE, faults, body=FaultBody, answer=Accepted),
    route("POST", _SIMULATOR + "/front", Action.SIMULATE, front, body=FrontBody, answer=Accepted),
    route("POST", _SIMULATOR + "/power-cut", Action.SIMULATE, power_cut, body=PowerCutBody, answer=Accepted),
    route("GET", "/api/v1/log", Action.BENCH_READ, log, query=Since, answer=LogLine, many=True),
)


def _press(model: type[_SimulatorPressT], call: Call[_AnyBody, Nothing], **parts: object) -> _SimulatorPressT:
    made = {
        "id": call.body.id or str(uuid4()),
        "at": time.time() if call.body.at is None else call.body.at,
        "room": call.part("room"),
        "device": call.part("device"),
    }
    try:
        return model.model_validate({**made, **parts})
    except ValidationError as error:
        raise misshaped(error) from None


async def _take(call: Call[_AnyBody, Nothing], press: SimulatorPress) -> Accepted:
    return await Benches(call.house).take(call.actor, press)
