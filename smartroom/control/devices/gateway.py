"""The one way to ask a device for something: command -> driver -> read-back within a deadline.

Nothing is believed: an acknowledgement only starts the reading, and a value counts when the device reported it on the present connection.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from typing import Protocol

from devices.sdk.commands import Command, Priority, Salvo, Set
from devices.sdk.connection import LinkState, LinkStatus
from devices.sdk.errors import Busy, DeviceError, ReplyTimeout, Unreachable
from devices.sdk.manifest import PropertySpec
from devices.sdk.readings import Reading, Value, matches
from smartroom.control import clock
from smartroom.control.limits import READ_DEADLINE_S, RETRY_PAUSE_S, SEND_ATTEMPTS, VERIFY_FIRST_S, VERIFY_MAX_S
from smartroom.control.room.model import Shape

_STILL_MIN_S = 0.25
_STILL_MAX_S = 3.0
"""How long a reading may stay unchanged after an acknowledgement before the command is sent again: twice the usual time, within these."""
_SLOW_POLLS = 20
"""A change that takes long (a lamp) is asked for about this often in its usual time."""


class Endpoint(Protocol):
    """A device that can be spoken to: a session over a wire, or something of this process."""

    @property
    def driver(self) -> Shape:
        """What it can be asked."""
        ...

    @property
    def status(self) -> LinkStatus:
        """How it is connected."""
        ...

    def reading(self, name: str) -> Reading | None:
        """Last reading of any connection."""
        ...

    async def read(
        self,
        name: str,
        *,
        priority: Priority,
        timeout: float | None,  # noqa: ASYNC109  # the session owns the clock of its queue
    ) -> Reading:
        """Ask now."""
        ...

    async def execute(
        self,
        command: Command,
        *,
        priority: Priority,
        name: str | None,
        timeout: float | None,  # noqa: ASYNC109  # the session owns the clock of its queue
    ) -> None:
        """Send and wait for the acknowledgement."""
        ...


class NotReached(DeviceError):
    """Acknowledged, but the read-back differs; `value` is what was read last."""

    code = "not_reached"

    def __init__(self, message: str, value: Value) -> None:
        super().__init__(message)
        self.value = value


class Unverified(DeviceError):
    """Written, and the device cannot be asked."""

    code = "unverified"


class Interlocked(DeviceError):
    """A contact that must stay open while another is closed."""

    code = "interlock"


@dataclass(frozen=True, slots=True)
class Fact:
    """What is known of a property at this moment."""

    reading: Reading | None = None
    ready: bool = False
    """The device is connected."""
    current: bool = False
    """Reported by the hardware on this connection."""
    fresh: bool = False
    """Current, and younger than the property's `max_age_s`: good enough to leave out a write."""
    error: DeviceError | None = None

    @property
    def value(self) -> Value:
        """Last value, fresh or not."""
        return self.reading.value if self.reading else None


@dataclass(slots=True)
class Progress:
    """What a caller of `bring` may watch; all optional."""

    attempt: Callable[[int], None] = field(default=lambda _: None)
    waiting: Callable[[Set, Value, float], None] = field(default=lambda *_: None)
    """A transitional value was read: goal, value, seconds it usually still takes."""
    reached: Callable[[Set, Reading], None] = field(default=lambda *_: None)


Guard = Callable[[str, Sequence[Set], Priority], AbstractAsyncContextManager[None]]
"""Entered when the sets may be sent to the device, and left when they are proved or given up; raises when they may not."""


def _let_pass(_device: str, _sets: Sequence[Set], _priority: Priority) -> AbstractAsyncContextManager[None]:
    """A room without interlocks."""
    return nullcontext()


class Gateway:
    """Devices of one room by id."""

    def __init__(self) -> None:
        self.guard: Guard = _let_pass
        """Stands around everything that is sent to bring a property to a value."""
        self.stored: Collection[tuple[str, str]] = frozenset()
        """Properties the device keeps in a memory that wears: written once for each change, never again in doubt."""
        self._endpoints: dict[str, Endpoint] = {}
        self._pulses: dict[str, asyncio.Event] = {}
        self._sent: dict[tuple[str, str], float] = {}
        """When a set of a property last left, or was given up on its way (monotonic; infinite: it is on its way). What was read before proves nothing."""

    def register(self, device: str, endpoint: Endpoint) -> None:
        """Add or replace a device."""
        self._endpoints[device] = endpoint
        self.pulse(device)

    def unregister(self, device: str) -> None:
        """The device is no longer part of the room."""
        self._endpoints.pop(device, None)
        self.pulse(device)

    def endpoint(self, device: str) -> Endpoint:
        """The device; Unreachable when it left the room."""
        found = self._endpoints.get(device)
        if found is None:
            message = f"device '{device}' is no longer part of the room"
            raise Unreachable(message)
        return found

    def pulse(self, device: str) -> None:
        """The device's connection changed: wake who waits for it."""
        event = self._pulses.pop(device, None)
        if event is not None:
            event.set()

    async def returned(self, device: str) -> None:
        """Wait until the device is connected."""
        while not self.ready(device):
            await self._pulses.setdefault(device, asyncio.Event()).wait()

    def ready(self, device: str) -> bool:
        """True while the device is connected and logged in."""
        found = self._endpoints.get(device)
        return found is not None and found.status.state is LinkState.READY

    def trouble(self, device: str) -> DeviceError | None:
        """Why the device is not connected."""
        found = self._endpoints.get(device)
        return found.status.error if found is not None else Unreachable("no longer part of the room")

    def fact(self, device: str, name: str) -> Fact:
        """What is known now, without asking."""
        try:
            endpoint = self.endpoint(device)
        except Unreachable as error:
            return Fact(error=error)
        status = endpoint.status
        ready = status.state is LinkState.READY
        reading = endpoint.reading(name)
        age = clock.monotonic() - reading.at if reading else 0.0
        current = ready and reading is not None and reading.verified and reading.epoch == status.epoch
        proved = reading is not None and reading.at >= self._sent.get((device, name), 0.0)
        fresh = current and proved and age <= endpoint.driver.spec(name).max_age_s
        return Fact(reading, ready=ready, current=current, fresh=fresh, error=None if ready else status.error)

    async def facts(self, keys: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], Fact]:
        """What is known of several properties; those without a fresh reading are asked, devices side by side."""
        found = {key: self.fact(*key) for key in keys}
        stale = [
            key
            for key, fact in found.items()
            if fact.ready and not fact.fresh and self.endpoint(key[0]).driver.spec(key[1]).readable
        ]
        if stale:
            answers = await asyncio.gather(*(self._asked(*key) for key in stale))
            found.update(zip(stale, answers, strict=True))
        return found

    async def _asked(self, device: str, name: str) -> Fact:
        try:
            reading = await self.endpoint(device).read(name, priority=Priority.SCENE, timeout=READ_DEADLINE_S)
        except DeviceError as error:
            known = self.fact(device, name)
            return replace(known, fresh=False, error=error)
        return Fact(reading, ready=True, current=reading.verified, fresh=reading.verified)

    async def act(self, device: str, command: Command, *, priority: Priority, name: str | None = None) -> None:
        """Something that is no state: returns when the device acknowledged."""
        await self.endpoint(device).execute(command, priority=priority, name=name, timeout=None)

    async def bring(
        self, device: str, sets: tuple[Set, ...], *, priority: Priority, progress: Progress | None = None
    ) -> dict[str, Reading]:
        """Bring properties of one device to their values and prove it; several travel as one native command.

        Raises NotReached or Unverified after the last attempt, or the device's own error. Busy and lost answers are tried again within the deadline.
        """
        async with self.guard(device, sets, priority):
            return await self._bring(device, sets, priority, progress or Progress())

    async def _bring(
        self, device: str, sets: tuple[Set, ...], priority: Priority, watch: Progress
    ) -> dict[str, Reading]:
        endpoint = self.endpoint(device)
        specs = {item.property: endpoint.driver.spec(item.property) for item in sets}
        loop = asyncio.get_running_loop()
        deadline = loop.time() + max(spec.deadline_ms for spec in specs.values()) / 1000
        reached: dict[str, Reading] = {}
        last: NotReached | DeviceError = NotReached("not tried", None)
        pause = RETRY_PAUSE_S
        attempt = 0
        stored = any(specs[item.property].risk == "eeprom" or (device, item.property) in self.stored for item in sets)
        attempts = 1 if stored else SEND_ATTEMPTS
        while attempt < attempts and loop.time() < deadline:
            left = tuple(item for item in sets if item.property not in reached)
            attempt += 1
            watch.attempt(attempt)
            try:
                if not _underway(endpoint, left):
                    await self._send(device, left, priority, deadline - loop.time())
                last = await self._verify(endpoint, left, specs, reached, deadline, priority, watch)
            except Busy as error:
                last = error
                attempt -= 1  # a busy device was not asked in vain, only too early
                await asyncio.sleep(min(error.retry_after, max(deadline - loop.time(), 0)))
                continue
            except ReplyTimeout as error:
                last = error
            if len(reached) == len(sets):
                return reached
            await asyncio.sleep(min(pause, max(deadline - loop.time(), 0)))
            pause *= 2
        raise last

    async def _send(self, device: str, sets: tuple[Set, ...], priority: Priority, remaining: float) -> None:
        command: Set | Salvo = sets[0] if len(sets) == 1 else Salvo(sets)
        label = "+".join(item.property for item in sets)
        with suppress(ReplyTimeout):  # it may have run all the same: the read-back decides, not a blind repeat
            await self.send(
                device, command, priority=priority, name=f"{int(priority)}:{label}", timeout=max(remaining, 0.1)
            )

    async def send(
        self,
        device: str,
        command: Set | Salvo,
        *,
        priority: Priority,
        name: str,
        timeout: float | None = None,  # noqa: ASYNC109  # the session owns the clock of its queue
    ) -> None:
        """Send without a proof: values on the way of a ramp. Whoever asks afterwards reads anew, also when this was interrupted."""
        keys = [(device, item.property) for item in (command.sets if isinstance(command, Salvo) else (command,))]
        self._sent.update(dict.fromkeys(keys, math.inf))
        try:
            await self.endpoint(device).execute(command, priority=priority, name=name, timeout=timeout)
        finally:
            self._sent.update(dict.fromkeys(keys, clock.monotonic()))

    async def _verify(
        self,
        endpoint: Endpoint,
        sets: tuple[Set, ...],
        specs: Mapping[str, PropertySpec],
        reached: dict[str, Reading],
        deadline: float,
        priority: Priority,
        watch: Progress,
    ) -> NotReached:
        loop = asyncio.get_running_loop()
        settle_ms = max(specs[item.property].settle_ms for item in sets)
        if settle_ms:
            await asyncio.sleep(settle_ms / 1000)
        began = loop.time()
        still: dict[str, float] = {}
        before: dict[str, Value] = {}
        pause = VERIFY_FIRST_S
        failure = NotReached("no read-back", None)
        while True:
            for item in sets:
                if item.property in reached:
                    continue
                spec = specs[item.property]
                if not spec.readable:
                    message = f"'{item.property}' was written and cannot be read back"
                    raise Unverified(message)
                reading = await endpoint.read(
                    item.property, priority=priority, timeout=max(min(READ_DEADLINE_S, deadline - loop.time()), 0.1)
                )
                if matches(reading.value, item.value, spec.tolerance):
                    if not reading.verified:
                        message = f"'{item.property}' was written, but the device cannot confirm it"
                        raise Unverified(message)
                    reached[item.property] = reading
                    watch.reached(item, reading)
                    continue
                failure = NotReached(
                    f"'{item.property}' reads {reading.value!r} instead of {item.value!r}", reading.value
                )
                still.setdefault(item.property, began + _stillness(spec))
                if spec.transitional.get(str(reading.value)) == item.value:
                    watch.waiting(item, reading.value, spec.expected_ms / 1000)
                    still[item.property] = deadline
                elif (
                    before.get(item.property, reading.value) != reading.value
                ):  # it moves: give it its usual time again
                    still[item.property] = loop.time() + _stillness(spec)
                before[item.property] = reading.value
            left = [item.property for item in sets if item.property not in reached]
            if not left or loop.time() >= deadline or all(loop.time() >= still[name] for name in left):
                return failure
            slowest = max(specs[name].expected_ms for name in left) / 1000 / _SLOW_POLLS
            await asyncio.sleep(min(pause, max(deadline - loop.time(), 0)))
            pause = min(pause * 1.5, max(VERIFY_MAX_S, slowest))


def _stillness(spec: PropertySpec) -> float:
    return min(max(spec.expected_ms * 2 / 1000, _STILL_MIN_S), _STILL_MAX_S)


def _underway(endpoint: Endpoint, sets: tuple[Set, ...]) -> bool:
    """True when the device is already on its way to every value: warming up is not started twice."""
    for item in sets:
        reading = endpoint.reading(item.property)
        if reading is None or reading.epoch != endpoint.status.epoch:
            return False
        if endpoint.driver.spec(item.property).transitional.get(str(reading.value)) != item.value:
            return False
    return bool(sets)
