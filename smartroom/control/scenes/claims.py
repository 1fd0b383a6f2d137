"""Who owns a property now, and who moved it last: told from what we sent and what the device reported. Nothing here sends."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from devices.sdk.manifest import PropertySpec
from devices.sdk.readings import Reading, Value, matches
from smartroom.control import clock
from smartroom.control.limits import BLAME_S
from smartroom.control.room.model import PropertyKey, Shape
from smartroom.protocol.base import Label, Text
from smartroom.protocol.base import Value as WireValue
from smartroom.protocol.errors import Problem
from smartroom.protocol.state import Cause, Moved

_HEAD = frozenset({"presets", "pan_tilt", "zoom"})
"""One motion of a camera moves all of these."""
_MINUTE_S = 60.0
_SWITCHINGS = 600
"""As many changes of one relay are remembered; no rule counts more within a minute."""
_GLIDES = frozenset({"pan_tilt", "zoom", "presets", "volume", "level"})
"""What passes through other values on its way."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A run or a hand."""

    cause: Cause
    by: Label
    scene: Text | None = None
    run: str = ""


@dataclass(slots=True, eq=False)
class Claim:
    """A property in somebody's hands. A later accepted command takes it over; the earlier one learns why."""

    owner: Owner
    lost: Problem | None = None
    operation: asyncio.Task[object] | None = None
    _sent: tuple[Value, float] | None = None
    _until: float = 0.0

    def take(self, why: Problem) -> None:
        """Somebody else owns the property from now on."""
        if self.lost is None:
            self.lost = why
            if self.operation is not None:
                self.operation.cancel()

    def begin(self, operation: asyncio.Task[object] | None) -> None:
        """Somebody works on it."""
        self.operation = operation

    def rest(self) -> None:
        """The work is over; what it caused may still be on its way."""
        self.operation = None
        self._until = clock.monotonic() + BLAME_S

    def sending(self, value: Value) -> None:
        """This value goes to the device now."""
        self._sent = (value, clock.monotonic())

    @property
    def sent_at(self) -> float | None:
        """When something was sent that may still be what moves the device (monotonic); none when nothing was, or long ago."""
        if self._sent is None or (self.operation is None and clock.monotonic() > self._until):
            return None
        return self._sent[1]

    def explains(self, value: Value, spec: PropertySpec) -> bool:
        """Whether a reading is what was sent, or on the way there."""
        if self._sent is None or self.sent_at is None:
            return False
        wanted = self._sent[0]
        if matches(value, wanted, spec.tolerance) or spec.transitional.get(str(value)) == wanted:
            return True
        return self.operation is not None and spec.capability in _GLIDES

    def left(self, before: WireValue, spec: PropertySpec) -> None:
        """Somebody moved it away from where it stood as it was sent: should it return there, that is not ours either."""
        stood = tuple(before) if isinstance(before, list) else before
        if self.operation is None and self._sent is not None and matches(stood, self._sent[0], spec.tolerance):
            self._sent = None


@dataclass(frozen=True, slots=True)
class Remembered:
    """What a property last read before the server ended, and who had moved it. `sent`: a run that was cut short may have sent this."""

    value: WireValue
    moved: Moved | None = None


@dataclass(slots=True)
class Movers:
    """Says of each change who made it. `claims` and `shape` are looked at, never changed."""

    claims: Mapping[PropertyKey, Claim]
    shape: Callable[[str], Shape]
    remembered: Mapping[PropertyKey, Remembered] = field(default_factory=dict)
    cut_short: Mapping[PropertyKey, tuple[Value, Owner]] = field(default_factory=dict)
    """What a run of the server's last life may have sent without living to see it."""
    _acted: dict[str, tuple[float, Owner | None]] = field(default_factory=dict)
    _switchings: dict[PropertyKey, deque[float]] = field(default_factory=dict)
    """When relays last changed, monotonic; they wear."""

    def act(self, device: str, by: Label) -> None:
        """Somebody drives the device by hand; properties follow by themselves."""
        self._acted[device] = (clock.monotonic(), Owner(Cause.HAND, by))

    def sender(self, device: str, names: Iterable[str]) -> Owner | None:
        """Who sends to a device now: whoever works on these properties, or drives it."""
        for name in names:
            claim = self.claims.get((device, name))
            if claim is not None and claim.sent_at is not None:
                return claim.owner
        acted = self._acted.get(device)
        return acted[1] if acted is not None and clock.monotonic() - acted[0] <= BLAME_S else None

    def moved(self, device: str, reading: Reading, before: tuple[WireValue, bool] | None) -> Moved | None:
        """Who moved a property to what is read now. `before`: the value it had and whether that was of this connection; none at the first reading."""
        value = list(reading.value) if isinstance(reading.value, tuple) else reading.value
        at = round(clock.wall() - (clock.monotonic() - reading.at), 3)
        key = (device, reading.property)
        owner = self._owner(key, reading)
        if before is not None:
            self._count(device, reading)
        else:
            return self._at_first(key, value, reading.value, at, owner)
        if owner is not None:
            return Moved(cause=owner.cause, at=at, by=owner.by, scene=owner.scene, before=before[0])
        if key in self.claims:
            self.claims[key].left(before[0], self.shape(device).spec(reading.property))
        return Moved(cause=Cause.DEVICE if before[1] else Cause.RETURN, at=at, before=before[0])

    def changed_at(self, key: PropertyKey) -> float | None:
        """When a relay changed last (monotonic)."""
        times = self._switchings.get(key)
        return times[-1] if times else None

    def switched(self, key: PropertyKey) -> int:
        """How often a relay changed within the last minute."""
        since = clock.monotonic() - _MINUTE_S
        return sum(at > since for at in self._switchings.get(key, ()))

    def _count(self, device: str, reading: Reading) -> None:
        if self.shape(device).spec(reading.property).capability == "relay":
            times = self._switchings.setdefault((device, reading.property), deque(maxlen=_SWITCHINGS))
            times.append(reading.at)

    def _at_first(
        self, key: PropertyKey, value: WireValue, read: Value, at: float, owner: Owner | None
    ) -> Moved | None:
        known = self.remembered.get(key)
        if known is None or known.value == value:
            return known.moved if known is not None else None
        if owner is None and key in self.cut_short:
            wanted, sender = self.cut_short[key]
            owner = sender if matches(read, wanted, self.shape(key[0]).spec(key[1]).tolerance) else None
        if owner is not None:
            return Moved(cause=owner.cause, at=at, by=owner.by, scene=owner.scene, before=known.value)
        return Moved(cause=Cause.UNSEEN, at=at, before=known.value)

    def _owner(self, key: PropertyKey, reading: Reading) -> Owner | None:
        """Whose doing it is: what was sent to the property itself, else the newest of what moves it along."""
        device, name = key
        shape = self.shape(device)
        spec = shape.spec(name)
        claim = self.claims.get(key)
        if claim is not None and claim.explains(reading.value, spec):
            return claim.owner
        newest = self._acted.get(device, (0.0, None))
        if clock.monotonic() - newest[0] > BLAME_S:
            newest = (0.0, None)
        for (other_device, other), held in self.claims.items():
            sent_at = held.sent_at if other_device == device and other != name else None
            if sent_at is not None and sent_at > newest[0] and _follows(spec, other, shape.spec(other)):
                newest = (sent_at, held.owner)
        return newest[1]


def _follows(spec: PropertySpec, other: str, its: PropertySpec) -> bool:
    """Whether a property moves by itself when the other is set: what needs power falls with it, a preset turns the head."""
    return other in spec.after or its.capability == "power" or {spec.capability, its.capability} <= _HEAD
