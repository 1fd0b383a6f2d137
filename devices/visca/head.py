"""The mechanics of a simulated PTZ camera: motors with limits and speeds, no wire. Figures near Sony's SRG-300H (14.4 steps a degree)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Place = tuple[int, int, int]
"""Pan, tilt, zoom in steps."""


@dataclass(slots=True)
class Motor:
    """One axis. Positions in steps, speeds in steps a second; `pace` makes tests short."""

    low: int
    high: int
    top_speed: float
    clock: Callable[[], float]
    pace: float = 1.0
    _position: float = 0.0
    _target: float = 0.0
    _speed: float = 0.0
    _since: float = 0.0

    def position(self) -> int:
        """Where it is now."""
        return round(self._now())

    def go(self, target: int, share: float = 1.0) -> None:
        """Move to a position at a share (0..1) of the top speed."""
        self._position = self._now()
        self._since = self.clock()
        self._target = min(max(target, self.low), self.high)
        self._speed = self.top_speed * share * self.pace

    def drive(self, share: float) -> None:
        """Move until stopped or at the end; the sign is the direction."""
        self.go(self.high if share > 0 else self.low, abs(share))

    def stop(self) -> None:
        """Stand still where it is."""
        self.put(self.position())

    def remaining(self) -> float:
        """Seconds until it stands still; 0 when it does."""
        way = abs(self._target - self._now())
        return way / self._speed if way else 0.0

    def put(self, position: int) -> None:
        """Be there at once."""
        self._position = self._target = min(max(position, self.low), self.high)

    def _now(self) -> float:
        way = self._target - self._position
        done = self._speed * (self.clock() - self._since)
        if abs(way) <= done:
            return self._target
        return self._position + (done if way > 0 else -done)


class Head:
    """Pan, tilt and zoom of one camera."""

    PAN_TILT = frozenset({"pan", "tilt"})
    ZOOM = frozenset({"zoom"})
    ALL = PAN_TILT | ZOOM

    def __init__(self, clock: Callable[[], float], pace: float = 1.0) -> None:
        self.motors = {
            "pan": Motor(-2448, 2448, 1440, clock, pace),  # +-170 degrees, 100 degrees a second
            "tilt": Motor(-432, 1296, 1300, clock, pace),  # -30..+90 degrees, 90 degrees a second
            "zoom": Motor(0, 0x4000, 6500, clock, pace),  # wide to tele in 2.5 s
        }

    def place(self) -> Place:
        """Where all three are now."""
        return (self.motors["pan"].position(), self.motors["tilt"].position(), self.motors["zoom"].position())

    def go(self, **targets: int) -> None:
        """Move the named motors: `go(pan=100, tilt=0)`."""
        for name, target in targets.items():
            self.motors[name].go(target)

    def stop(self, motors: frozenset[str]) -> None:
        """Stop some motors."""
        for name in motors:
            self.motors[name].stop()

    def remaining(self, motors: frozenset[str]) -> float:
        """Seconds until all of these motors stand still."""
        return max(self.motors[name].remaining() for name in motors)

    def reaches(self, **targets: int) -> bool:
        """Tell whether the positions are inside the mechanical limits."""
        return all(self.motors[name].low <= target <= self.motors[name].high for name, target in targets.items())

    def speed_up(self, pace: float) -> None:
        """Run so many times faster than a real head."""
        for motor in self.motors.values():
            motor.stop()
            motor.pace = pace
