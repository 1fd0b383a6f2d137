"""What may be asked of the simulators that stand in for a room's hardware. A real server has none."""

from __future__ import annotations

from typing import Protocol

from smartroom.protocol.base import Value


class Simulation(Protocol):
    """Simulators of this server's rooms. Every call raises LookupError for a device that is not simulated, ValueError with the
    simulator's own sentence for what it cannot do, OSError when it has ended, TimeoutError when it does not answer.
    """

    def faults(self, room: str, device: str) -> str | None:
        """Faults a device has now, `delay=2,drop=0.1`, empty without any; None for a device that is not simulated."""
        ...

    async def switch_faults(self, room: str, device: str, faults: str) -> str:
        """Switch faults; returns those it has then."""
        ...

    async def press_front(self, room: str, device: str, name: str, value: Value) -> str:
        """Change a property as if by hand at the device; returns what it says."""
        ...

    async def cut_power(self, room: str, device: str, seconds: float) -> str:
        """Take its power for so long; returns what it says."""
        ...
