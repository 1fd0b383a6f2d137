"""A simulated machine that sleeps: its network card hears magic packets, its port takes connections while it is awake."""

from __future__ import annotations

import contextlib
import socket
from typing import Final

from devices.sdk import Value
from devices.sdk.testing import Client, Simulator
from devices.sdk.testing.clients import MemoryClient
from devices.sdk.transport.wake import OPEN, PROBE, REFUSED

BOOT_S: Final = 6.0
"""From the packet to an open port; real ones take 15-60 s."""
GLANCE_S: Final = 0.05
"""How often it looks whether somebody presses its button: asleep it hears no command by which to notice."""


class WakeOnLanSimulator(Simulator):
    """A machine. UDP and TCP share one port number."""

    _pace = 1.0
    _place: tuple[str, int] | None = None
    _door: socket.socket | None = None
    """The TCP port: bound all the time, listened at while awake."""

    def defaults(self) -> dict[str, Value]:
        """Asleep, as after mains came on."""
        self._booting = False
        return {"power": "off"}

    def speed_up(self, pace: float) -> None:
        """Start so many times faster."""
        self._pace = pace

    async def serve(self, scheme: str, host: str = "127.0.0.1", port: int = 0) -> str:
        """Hear packets on a UDP port and answer on the TCP port of the same number while awake."""
        self._place = (host, port)
        self._hold_door()
        bound = await self.serve_udp(host, self._place[1])
        self._glance()
        return f"{scheme}://{host}:{bound}?via={host}:{bound}"

    async def close(self) -> None:
        """End everything."""
        self._drop_door()
        await super().close()

    def received(self, client: Client, chunk: bytes) -> None:
        """The card looks for its address sixteen times after six FF, anywhere in a datagram."""
        if isinstance(client, MemoryClient) and chunk == PROBE:
            client.send(OPEN if self.state["power"] == "on" else REFUSED)
            return
        mac = bytes.fromhex("".join(letter for letter in self.settings.text("mac") if letter not in ":-"))
        if client.line == "udp" and b"\xff" * 6 + mac * 16 in chunk and not self.naks():
            self._wake()

    def front_panel(self, name: str, value: Value) -> None:
        """The power button, or somebody who shuts it down."""
        if name != "power" or value not in {"on", "off"}:
            raise ValueError(f"nobody can bring '{name}' to {value!r} by hand at this machine")
        self._booting = False
        self.state["power"] = value
        self._follow()

    def power_cut(self, seconds: float) -> None:
        """Mains off; comes back asleep."""
        self._drop_door()
        super().power_cut(seconds)

    def booted(self) -> None:
        """Mains are back: asleep."""
        self._hold_door()
        self._glance()

    def _wake(self) -> None:
        if self.state["power"] == "off" and not self._booting:
            self._booting = True
            after = self.faults.warmup if self.faults.warmup is not None else BOOT_S / self._pace
            self.later(after, self._started)

    def _started(self) -> None:
        if self._booting:
            self._booting = False
            self.change("power", "on")
            self._follow()

    def _glance(self) -> None:
        if self.faults.front_panel:
            (name, value), self.faults.front_panel = self.faults.front_panel, None
            with contextlib.suppress(ValueError):
                self.front_panel(name, value)
        self.later(GLANCE_S, self._glance)

    def _follow(self) -> None:
        """Listen while awake; asleep, who knocks is refused."""
        listening = self._door in self._listeners
        if self._door is not None and self.state["power"] == "on" and not listening:
            self._door.listen()
            self._listeners.append(self._door)
            self._loop.add_reader(self._door, self._accept, self._door)
        elif self.state["power"] == "off" and listening:
            self._drop_door()
            self._hold_door()

    def _hold_door(self) -> None:
        if self._place is None:
            return
        self._door = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._door.setblocking(False)
        self._door.bind(self._place)
        self._place = (self._place[0], int(self._door.getsockname()[1]))

    def _drop_door(self) -> None:
        door, self._door = self._door, None
        if door is not None:
            if door in self._listeners:
                self._listeners.remove(door)
                self._loop.remove_reader(door)
            door.close()
