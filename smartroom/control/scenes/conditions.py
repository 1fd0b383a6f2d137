"""What a condition sees when it is asked: readings of this connection, steps that have ended, the room's clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from devices.sdk.readings import Value
from smartroom.control import clock
from smartroom.control.devices.gateway import Gateway
from smartroom.control.room.expressions import Unknown
from smartroom.control.room.model import PropertyKey

_ZONES = {"WIB": 7, "WITA": 8, "WIT": 9}


@dataclass(frozen=True, slots=True)
class Now:
    """`Look` of a room at this moment."""

    gateway: Gateway
    timezone: str
    ended: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    """Steps that have ended: id -> {result, seconds}."""

    def reading(self, key: PropertyKey) -> Value:
        """As reported on this connection; Unknown says why it was not."""
        fact = self.gateway.fact(*key)
        if not fact.current:
            raise Unknown(f"{key[0]}.{key[1]} is not known" + (f": {fact.error}" if fact.error else ""))
        return fact.value

    def steps(self) -> Mapping[str, Mapping[str, Value]]:
        """Steps that have ended."""
        return self.ended

    def time(self) -> Mapping[str, int]:
        """The room's clock."""
        local = datetime.fromtimestamp(clock.wall(), UTC) + timedelta(hours=_ZONES.get(self.timezone, 7))
        return {"hour": local.hour, "minute": local.minute, "weekday": local.isoweekday()}
