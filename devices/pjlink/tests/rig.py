"""A projector under test, and what its tests need beyond the rig of all families."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

from devices.pjlink.simulator import PJLinkSimulator
from devices.sdk import LinkState, Session, Set, Value, load_family
from devices.sdk.testing.rig import Rig, Witness
from devices.sdk.testing.rig import rig as rig_of

FAMILY = load_family(Path(__file__).parent.parent)
MANIFEST = FAMILY.manifest
NO_WAIT = "warmup=0,cooling=0"
"""A lamp that is on and off at once."""


class Bench:
    """One simulated projector and the session that drives it."""

    def __init__(self, rig: Rig) -> None:
        self.simulator = cast("PJLinkSimulator", rig.simulator)
        self.session: Session = rig.session
        self.told: Witness = rig.told
        self.until = rig.until
        self.reach = rig.reach

    async def bring(self, name: str, value: Value) -> Value:
        """Set a property once and return what the projector then says of it."""
        await self.session.execute(Set(name, value))
        return (await self.session.read(name)).value

    def knows(self, name: str, value: Value) -> bool:
        """True when the last reading of a property has this value."""
        reading = self.session.reading(name)
        return reading is not None and reading.value == value

    def spoil(self, faults: str) -> None:
        """These faults and no others; the lamp stays quick."""
        self.simulator.faults.clear()
        self.simulator.faults.update(f"{NO_WAIT},{faults}" if faults else NO_WAIT)


@asynccontextmanager
async def bench(
    *,
    faults: str = "",
    settings: Mapping[str, object] | None = None,
    device: Mapping[str, object] | None = None,
    timing: Mapping[str, float] | None = None,
    prepare: Callable[[PJLinkSimulator], None] = lambda _simulator: None,
    ready: bool = True,
) -> AsyncIterator[Bench]:
    """A running simulator and a running session, READY unless told otherwise. `device`: settings of the projector where they differ from room.yaml's."""

    def before(simulator: object) -> None:
        made = cast("PJLinkSimulator", simulator)
        made.faults.update(NO_WAIT)
        prepare(made)

    async with rig_of(
        FAMILY, faults=faults, settings=settings, device=device, timing=timing, prepare=before, ready=ready
    ) as rig:
        one = Bench(rig)
        if ready:
            await one.reach(LinkState.READY)
        yield one
