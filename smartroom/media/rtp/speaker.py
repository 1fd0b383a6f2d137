"""Who speaks, from the audio levels in header extensions; nothing is decoded (RFC 6464)."""

from __future__ import annotations

import math
from dataclasses import dataclass

ATTACK = 0.060  # s, time constant of getting louder
RELEASE = 0.600  # s, of getting quieter
FLOOR = -127.0  # dBov of silence
UNKNOWN = -40.0  # level of a producer that does not tell
HYSTERESIS = 6.0  # dB a newcomer must be louder to take a place
HOLD = 1.5  # s a place is kept at least
QUIET_AFTER = 2.0  # s without packets or with level 127: silent


class Level:
    """The smoothed level of one producer, dBov (0 loudest, -127 silent)."""

    __slots__ = ("_at", "_value")

    def __init__(self) -> None:
        self._value = FLOOR
        self._at = float("-inf")

    def hear(self, level: int, now: float) -> None:
        """One packet with the level as on the wire: 0 loudest to 127 silent."""
        heard = float(-level)
        elapsed = now - self._at
        if elapsed > QUIET_AFTER:
            self._value = max(heard, FLOOR) if elapsed == math.inf else FLOOR
            elapsed = 0.02
        constant = ATTACK if heard > self._value else RELEASE
        self._value += (heard - self._value) * (1 - math.exp(-max(elapsed, 0.001) / constant))
        self._at = now

    def value(self, now: float) -> float:
        """The level now; silence after two seconds without a packet."""
        return self._value if now - self._at <= QUIET_AFTER else FLOOR


@dataclass(slots=True)
class _Seat:
    key: str
    since: float


class Loudest:
    """The `count` loudest producers with hysteresis; forced ones always have a place."""

    __slots__ = ("_count", "_seats")

    def __init__(self, count: int) -> None:
        self._count = count
        self._seats: list[_Seat] = []

    @property
    def keys(self) -> tuple[str, ...]:
        """Who has a place, longest first."""
        return tuple(seat.key for seat in self._seats)

    def update(self, levels: dict[str, float], now: float, forced: frozenset[str] = frozenset()) -> bool:
        """Decide again; True when the set changed."""
        before = self.keys
        self._seats = [seat for seat in self._seats if seat.key in levels]
        held = {seat.key for seat in self._seats}
        newcomers = sorted(
            (key for key in levels if key not in held),
            key=lambda key: (key in forced, levels[key]),
            reverse=True,
        )
        for key in newcomers:
            if len(self._seats) < self._count:
                self._seats.append(_Seat(key, now))
                continue
            weakest = min(
                (seat for seat in self._seats if seat.key not in forced),
                key=lambda seat: levels[seat.key],
                default=None,
            )
            if weakest is None:
                break
            if key in forced or (levels[key] >= levels[weakest.key] + HYSTERESIS and now - weakest.since >= HOLD):
                self._seats[self._seats.index(weakest)] = _Seat(key, now)
            else:
                break
        return self.keys != before
