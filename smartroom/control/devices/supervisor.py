"""One task for each device of a room. A driver that keeps failing is parked and said so; the others never notice."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from types import MappingProxyType

from devices.sdk.connection import Counters, LinkState, LinkStatus, Traffic
from devices.sdk.readings import Reading, Value
from devices.sdk.session import Session
from smartroom.control import clock
from smartroom.control.devices.gateway import Gateway
from smartroom.control.devices.trace import Trace
from smartroom.control.errors import problem
from smartroom.control.limits import PARKED_S, RESTART_LIMIT, RESTART_WINDOW_S
from smartroom.control.room.model import Device, Room
from smartroom.control.room.store import Store
from smartroom.protocol.errors import ErrorCode

_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class Charge:
    """A device under supervision."""

    device: Device
    session: Session
    trace: Trace
    restarts: int = 0
    """How often its driver failed and was started again."""
    task: asyncio.Task[None] | None = None
    failures: deque[float] = field(default_factory=lambda: deque(maxlen=RESTART_LIMIT + 1))


class Supervisor:
    """Devices of one room. `run` ends only by cancellation; `describe` takes over a changed room."""

    def __init__(
        self,
        store: Store,
        gateway: Gateway,
        moved: Callable[[str], None],
        learned: Callable[[str, str, Value], None],
        sent: Callable[[str, Traffic], None] = lambda *_: None,
        *,
        seed: int | None = None,
    ) -> None:
        """`sent` hears of every frame that goes out; `seed` makes what is left to chance the same each time."""
        self._store = store
        self._gateway = gateway
        self._moved = moved
        self._learned = learned
        self._sent = sent
        self._seed = seed
        self._charges: dict[str, Charge] = {}
        self.charges: Mapping[str, Charge] = MappingProxyType(self._charges)
        """Devices with a wire, to be looked at."""
        self._group: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Keep every device's task alive."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            for charge in self._charges.values():
                self._start(charge)
            await asyncio.Event().wait()

    def describe(self, room: Room, known: Mapping[tuple[str, str], Value]) -> None:
        """Take the room's devices: new ones start, changed ones start anew, those that left end. `known`: facts learnt in earlier lives."""
        for key in list(self._charges):
            device = room.devices.get(key)
            if device is None or device.fingerprint != self._charges[key].device.fingerprint:
                self._drop(key)
        for key, device in room.devices.items():
            if key in self._charges or device.wire is None:
                continue
            for (owner, fact), value in known.items():
                if owner == key:
                    device.wire.driver.recall(fact, value)
            trace = Trace(device.wire.driver.masked)
            observer = _Observer(key, self._store, self._gateway, trace, self._moved, self._learned, self._sent)
            chance = Random(f"{self._seed}:{key}") if self._seed is not None else None  # noqa: S311  # jitter, not secrecy
            session = Session(device.wire.driver, device.wire.address, observer, clock=clock.monotonic, random=chance)
            observer.counters = session.counters
            charge = Charge(device, session, trace)
            self._charges[key] = charge
            self._gateway.register(key, charge.session)
            if self._group is not None:
                self._start(charge)

    def _start(self, charge: Charge) -> None:
        if self._group is not None and charge.device.problem is None:  # without its password a device is not even tried
            charge.task = self._group.create_task(self._keep(charge), name=f"device:{charge.device.id}")

    def _drop(self, key: str) -> None:
        charge = self._charges.pop(key)
        self._gateway.unregister(key)
        if charge.task is not None:
            charge.task.cancel()

    async def _keep(self, charge: Charge) -> None:
        """Run a session for ever; an exception is a bug in the driver and costs only this device."""
        while True:
            try:
                await charge.session.run()
            except Exception:  # noqa: BLE001  # whatever a driver does wrong, it costs only its device
                _LOG.exception("device %s: driver failed", charge.device.id)
            charge.restarts += 1
            charge.failures.append(clock.monotonic())
            if len(charge.failures) > RESTART_LIMIT and charge.failures[-1] - charge.failures[0] < RESTART_WINDOW_S:
                _LOG.error(
                    "device %s: parked after %d failures in %g s",
                    charge.device.id,
                    len(charge.failures),
                    RESTART_WINDOW_S,
                )
                self._store.degraded(
                    charge.device.id,
                    problem(
                        ErrorCode.DEGRADED,
                        "Penggerak alat berulang kali gagal",
                        "The device's driver keeps failing",
                        device=charge.device.id,
                    ),
                )
                self._moved(charge.device.id)
                charge.failures.clear()
                await asyncio.sleep(PARKED_S)


@dataclass(slots=True)
class _Observer:
    """Carries what a session tells to the store, the gateway and the tiles."""

    device: str
    store: Store
    gateway: Gateway
    trace: Trace
    moved: Callable[[str], None]
    keep: Callable[[str, str, Value], None]
    sent: Callable[[str, Traffic], None]
    counters: Counters = field(default_factory=Counters)
    _silences: int = 0

    def reading(self, reading: Reading) -> None:
        """The device told a property."""
        self.store.reading(self.device, reading)
        self.moved(self.device)

    def link(self, status: LinkStatus) -> None:
        """The connection changed."""
        self._count_silence(clock.monotonic())
        self.trace.link(status)
        if status.state is LinkState.STOPPED:
            return
        with self.store.batch():
            self.store.link(self.device, status)
            self.gateway.pulse(self.device)
            self.moved(self.device)

    def traffic(self, traffic: Traffic) -> None:
        """Bytes went over the wire."""
        self._count_silence(traffic.at)
        self.trace.traffic(traffic)
        if traffic.direction == "out":
            self.sent(self.device, traffic)

    def learned(self, key: str, value: Value) -> None:
        """A fact to keep across restarts."""
        self.keep(self.device, key, value)

    def _count_silence(self, at: float) -> None:
        """A session tells of no timeout by itself: it counts them, and asks again or gives up at once."""
        if self.counters.timeouts > self._silences:
            self._silences = self.counters.timeouts
            self.trace.silent(at)
