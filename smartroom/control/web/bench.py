"""What a technician may see of a room's lines and do to its simulators, from whichever door."""

from __future__ import annotations

import time

from smartroom.control.devices.bench import Bench as Lines
from smartroom.control.devices.simulation import Simulation
from smartroom.control.errors import ProblemError, problem
from smartroom.control.identity.actors import Actor
from smartroom.control.identity.rights import HOUSE, Action, Resource
from smartroom.control.limits import BENCH_LINES
from smartroom.control.web.ports import House
from smartroom.control.web.presses import check, fresh, note
from smartroom.control.web.problems import not_found
from smartroom.protocol.base import Text
from smartroom.protocol.commands import Accepted, Press
from smartroom.protocol.errors import ErrorCode
from smartroom.protocol.technician import (
    Bench,
    CutPower,
    DeviceHealth,
    LogLine,
    PressFront,
    SwitchFaults,
    Traced,
)

SimulatorPress = SwitchFaults | PressFront | CutPower


class Benches:
    """One way in for the REST API and for pages. Every method raises ProblemError."""

    def __init__(self, house: House) -> None:
        self._house = house

    def bench(self, actor: Actor, room: str) -> Bench:
        """Every device with a wire: what its driver says of itself, how its line is doing."""
        lines = self._lines(actor, room)
        facts = {
            key: item.model_copy(update={"faults": self._faults(room, key) is not None})
            for key, item in lines.facts().items()
        }
        return Bench(room=room, time=time.time(), facts=facts, health=self.health(room))

    def health(self, room: str) -> dict[str, DeviceHealth]:
        """How each line is doing now; empty for a room that is gone. Whoever calls has asked for the right."""
        lines = self._house.benches.get(room)
        return {
            key: item.model_copy(update={"faults": self._faults(room, key) or ""})
            for key, item in (lines.health() if lines else {}).items()
        }

    def newest(self, room: str, device: str) -> int:
        """Number of the newest line of a trace."""
        lines = self._house.benches.get(room)
        return lines.number(device) if lines else 0

    def trace(self, actor: Actor, room: str, device: str, since: int) -> Traced:
        """Lines of a device after a number, the newest where there are too many; and the age of each property."""
        lines = self._lines(actor, room)
        try:
            found = lines.lines(device, since)
            ages = lines.read_at(device)
        except KeyError:
            raise not_found(f"Alat '{device}' tidak punya kabel", f"No device '{device}' with a wire") from None
        kept = found[-BENCH_LINES:]
        missed = kept[0].number - max(since, lines.began(device)) - 1 if kept and since else 0
        return Traced(device=device, lines=kept, missed=missed, read_at=ages)

    def log(self, actor: Actor, since: int = 0) -> list[LogLine]:
        """The newest lines of the server's log after a number."""
        check(actor, Action.BENCH_READ, HOUSE)
        return self._house.log.lines(since)[-BENCH_LINES:]

    async def take(self, actor: Actor, press: SimulatorPress) -> Accepted:
        """Do something to a simulator; `value` is what it says. NOT_FOUND where the hardware is real."""
        try:
            fresh(press.at)
            check(actor, Action.SIMULATE, Resource(room=press.room))
            accepted = Accepted(id=press.id, value=await self._told(press))
        except ProblemError as error:
            self._note(actor, press, str(error.problem.code), error.problem.detail)
            raise
        self._note(actor, press, "accepted", str(accepted.value))
        return accepted

    async def _told(self, press: SimulatorPress) -> str:
        simulation = self._house.simulation
        if simulation is None or simulation.faults(press.room, press.device) is None:
            raise not_found("Alat ini bukan simulator", "This device is not simulated")
        try:
            return await _tell(simulation, press)
        except ValueError as error:
            raise ProblemError(
                problem(
                    ErrorCode.INVALID,
                    "Simulator tidak menerima ini",
                    "The simulator does not take this",
                    detail=str(error),
                    device=press.device,
                )
            ) from None
        except (OSError, TimeoutError) as error:
            raise ProblemError(
                problem(
                    ErrorCode.UNREACHABLE,
                    "Simulator tidak menjawab",
                    "The simulator does not answer",
                    detail=str(error),
                    device=press.device,
                    fix=Text(id="Mulai ulang demo", en="Start the demo again"),
                )
            ) from None

    def _lines(self, actor: Actor, room: str) -> Lines:
        check(actor, Action.BENCH_READ, Resource(room=room))
        lines = self._house.benches.get(room)
        if lines is None:
            raise not_found(f"Tidak ada ruangan '{room}'", f"There is no room '{room}'")
        return lines

    def _faults(self, room: str, device: str) -> str | None:
        simulation = self._house.simulation
        return simulation.faults(room, device) if simulation else None

    def _note(self, actor: Actor, press: Press, outcome: str, detail: str) -> None:
        what = press.model_dump(mode="json", exclude={"id", "at", "room"})
        resource = f"{press.room}/" + " ".join(str(part) for part in what.values())
        note(self._house, actor, Action.SIMULATE, resource, outcome, detail)


async def _tell(simulation: Simulation, press: SimulatorPress) -> str:
    match press:
        case SwitchFaults(room=room, device=device, faults=faults):
            return await simulation.switch_faults(room, device, faults)
        case PressFront(room=room, device=device, property=name, value=value):
            return await simulation.press_front(room, device, name, value)
        case CutPower(room=room, device=device, seconds=seconds):
            return await simulation.cut_power(room, device, seconds)
