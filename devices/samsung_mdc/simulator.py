"""A simulated Samsung display: reads MDC packets as strictly as the set does, with a parser of its own.

Command numbers and replies as in Samsung's MDC protocol, version 15.0.
"""

from __future__ import annotations

from typing import Final

from devices.samsung_mdc.secured import Door
from devices.sdk import Value
from devices.sdk.testing import Client, Simulator

BROADCAST: Final = 0xFE
"""Obeyed and never answered."""
ANY_DISPLAY: Final = 0xFF
MAX_UNREAD: Final = 1024
BOOT_S: Final = 3.0
"""From the power command until the picture; the set answers `on` from then on. Real ones take 5-15 s."""
NOT_NOW: Final = 0x01
"""Error code of a NAK; the maker does not publish what the numbers mean."""

_SOURCES: Final = {
    0x08: "component",
    0x0C: "av",
    0x14: "pc",
    0x18: "dvi",
    0x20: "magicinfo",
    0x21: "hdmi1",
    0x23: "hdmi2",
    0x25: "displayport1",
    0x26: "displayport2",
    0x27: "displayport3",
    0x31: "hdmi3",
    0x33: "hdmi4",
    0x40: "tv",
    0x50: "ops",
    0x55: "hdbaset",
    0x62: "usb",
    0x64: "whiteboard",
    0x65: "browser",
}
_IN_STANDBY: Final = frozenset({0x00, 0x0B, 0x0E, 0x11, 0x8A})
"""What the set answers while it sleeps."""


class SamsungMdcSimulator(Simulator):
    """One display with sound. `sound = False` makes it a model without; `faults_seen` are bytes of its self-test."""

    sound = True

    def defaults(self) -> dict[str, Value]:
        """Standby, as after mains came on."""
        self._unread: dict[Client, bytearray] = {}
        self._doors: dict[Client, Door] = {}
        self._booting = False
        return {
            "power": "off",
            "input": "hdmi1",
            "blank": False,
            "volume": 20.0,
            "mute": False,
            "fault": "none",
            "signal": True,
            "temperature": 41,
            "model": "QM55R simulated",
            "serial": "0SIM0000000001",
            "firmware": "S-SIM-1500.0",
        }

    _pace = 1.0

    def speed_up(self, pace: float) -> None:
        """Start so many times faster."""
        self._pace = pace

    def front_panel(self, name: str, value: Value) -> None:
        """The remote control, the sensor, the source: the display tells nobody; it is seen when asked."""
        wrong = (name == "input" and value not in _SOURCES.values()) or (name == "power" and value not in {"on", "off"})
        if wrong:
            raise ValueError(f"this display has no {name} '{value}'")
        super().front_panel(name, float(value) if name == "volume" and isinstance(value, int) else value)

    def connected(self, client: Client) -> None:
        """With its secured protocol on, the display speaks first."""
        if self.settings.text("pin") and client.line == "tcp":
            self._doors[client] = Door(self.settings.text("pin"))
            client.send(b"MDCSTART<<TLS>>")

    def disconnected(self, client: Client) -> None:
        """Forget half a packet."""
        self._unread.pop(client, None)
        self._doors.pop(client, None)

    def received(self, client: Client, chunk: bytes) -> None:
        """Carry out each packet whose sum is right; a set says nothing to a wrong one."""
        door = self._doors.get(client)
        if door is not None:
            try:
                chunk = door.hear(chunk)
            except OSError:  # no TLS: a display hangs up
                client.close()
                return
            if spoken := door.spoken():
                client.send(spoken)
            if door.left:
                client.close()
                return
        buffer = self._unread.setdefault(client, bytearray())
        buffer += chunk
        while len(buffer) >= 5:
            if buffer[0] != 0xAA:
                del buffer[0]
                continue
            end = 5 + buffer[3]
            if len(buffer) < end:
                break
            body, total = buffer[1 : end - 1], buffer[end - 1]
            if sum(body) & 0xFF != total:
                del buffer[0]
                continue
            del buffer[:end]
            self._packet(client, body[0], body[1], bytes(body[3:]))
        if len(buffer) > MAX_UNREAD:
            buffer.clear()

    def _packet(self, client: Client, number: int, address: int, data: bytes) -> None:
        mine = self.settings.integer("id")
        if address not in {mine, BROADCAST, ANY_DISPLAY}:
            return
        told = None if self.naks() else self._answer(number, data)
        if address == BROADCAST:
            return
        reply = bytes([0x4E, number, NOT_NOW]) if told is None else bytes([0x41, number]) + told
        packet = bytes([0xFF, mine, len(reply)]) + reply
        packet = b"\xaa" + packet + bytes([sum(packet) & 0xFF])
        door = self._doors.get(client)
        client.send(packet if door is None else door.say(packet))

    def _answer(self, number: int, data: bytes) -> bytes | None:
        """Data of the reply; None is a NAK."""
        if self.state["power"] == "off" and number not in _IN_STANDBY:
            return None
        if not data:
            return self._told(number)
        return data[:1] if len(data) == 1 and self._carried_out(number, data[0]) else None

    def _told(self, number: int) -> bytes | None:
        state = self.state
        on = int(state["power"] == "on")
        source = next(code for code, name in _SOURCES.items() if name == state["input"])
        volume = int(state["volume"]) if isinstance(state["volume"], float) else 0
        mute = int(state["mute"] is True)
        match number:
            case 0x00:
                sound = (volume, mute) if self.sound else (0xFF, 0xFF)
                return bytes([on, *sound, source, 0x10, 0, 0])
            case 0x11:
                return bytes([on])
            case 0x12 if self.sound:
                return bytes([volume])
            case 0x13 if self.sound:
                return bytes([mute])
            case 0x14:
                return bytes([source])
            case 0xF9:
                return bytes([int(state["blank"] is True)])
            case 0x0D:
                return self._self_test()
            case 0x0B | 0x0E | 0x8A:
                name = {0x0B: "serial", 0x0E: "firmware", 0x8A: "model"}[number]
                return str(state[name]).encode()
        return None

    def _self_test(self) -> bytes:
        words = str(self.state["fault"]).split(", ")
        heat = self.state["temperature"]
        return bytes(
            [
                "lamp" in words,
                "temperature" in words,
                "brightness sensor" in words,
                self.state["signal"] is not True,
                heat if isinstance(heat, int) else 0,
                "fan" in words,
            ]
        )

    def _carried_out(self, number: int, value: int) -> bool:
        match number:
            case 0x11 if value <= 1:
                self._switch(on=value == 1)
            case 0x12 if value <= 100 and self.sound:
                self.change("volume", float(value))
            case 0x13 if value <= 1 and self.sound:
                self.change("mute", value == 1)
            case 0x14 if value in _SOURCES:
                self.change("input", _SOURCES[value])
            case 0xF9 if value <= 1:
                self.change("blank", value == 1)
            case _:
                return False
        return True

    def _switch(self, *, on: bool) -> None:
        if not on:
            self._booting = False
            self.change("power", "off")
        elif self.state["power"] == "off" and not self._booting:
            self._booting = True
            after = self.faults.warmup if self.faults.warmup is not None else BOOT_S / self._pace
            self.later(after, self._started)

    def _started(self) -> None:
        if self._booting:
            self._booting = False
            self.change("blank", False)
            self.change("power", "on")
