"""Rehearsals of a room on the pages."""

from __future__ import annotations

from smartroom.control.identity.rights import Action
from smartroom.control.web.ports import House, Rehearsing
from smartroom.control.web.presses import note
from smartroom.control.web.problems import not_found
from smartroom.control.web.routes import Call, Nothing, route
from smartroom.protocol.rehearsal import original_of
from smartroom.protocol.state import Rehearsal


async def rehearse(call: Call[Nothing, Nothing]) -> Rehearsal:
    """Begin a rehearsal on simulators beside the room, or join the one that goes on; `room` of the answer is where."""
    room = original_of(call.part("room"))
    begun = await _rehearsals(call.house).begin(room, call.actor.name)
    note(call.house, call.actor, Action.REHEARSE, room, "begun")
    return begun


async def end_rehearsal(call: Call[Nothing, Nothing]) -> None:
    """End the rehearsal of a room; everything that was done in it is gone."""
    room = original_of(call.part("room"))
    _rehearsals(call.house).end(room)
    note(call.house, call.actor, Action.REHEARSE, room, "ended")


def _rehearsals(house: House) -> Rehearsing:
    if house.rehearsals is None:
        raise not_found("Gladi tidak tersedia di sini", "There are no rehearsals here")
    return house.rehearsals


_PATH = "/api/v1/rooms/{room}/rehearsal"

TABLE = (
    route("POST", _PATH, Action.REHEARSE, rehearse, answer=Rehearsal),
    route("DELETE", _PATH, Action.REHEARSE, end_rehearsal),
)
