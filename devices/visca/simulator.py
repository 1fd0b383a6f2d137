"""A simulated PTZ camera on a serial chain, bare TCP, bare UDP and Sony's numbered UDP at once. Its parser is its own."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from devices.sdk.manifest import Manifest
from devices.sdk.readings import Value
from devices.sdk.settings import Settings
from devices.sdk.testing.clients import Client
from devices.sdk.testing.faults import Faults
from devices.sdk.testing.simulator import Simulator
from devices.visca.head import Head, Place

POWER_ON_S = 4.0
POWER_OFF_S = 1.0
SONY_PORT = 52381
FULL, LENGTH, SYNTAX, CANCELLED, NO_SOCKET, NOT_NOW = 0x03, 0x01, 0x02, 0x04, 0x05, 0x41
_ZOOM_SPEEDS = {
    0x00: 0.0,
    0x02: 0.5,
    0x03: -0.5,
    **{0x20 | step: (step + 1) / 8 for step in range(8)},
    **{0x30 | step: -(step + 1) / 8 for step in range(8)},
}
VERSION = bytes.fromhex("00 01 05 13 01 02 02")


class Quirk(StrEnum):
    """What real cameras were seen to do; put into `ViscaSimulator.quirks`."""

    STRAY_COMPLETION = "stray_completion"
    """Before each acknowledgement, a completion for a socket that was never opened."""
    ONE_SOCKET = "one_socket"
    """Everything is acknowledged on socket 1, so two commands run in it."""
    ONE_SEGMENT = "one_segment"
    """Acknowledgement and completion in one TCP segment."""
    TORN_REPLY = "torn_reply"
    """A network change breaks into the middle of each answer to an inquiry."""
    NO_SOCKET_DIGIT = "no_socket_digit"
    """Replies say socket 0."""
    FIXED_PORT = "fixed_port"
    """Sony: replies go to port 52381 of the sender, not to its source port."""
    OWN_SEQUENCE = "own_sequence"
    """Sony: replies bear the camera's own count instead of the command's."""


@dataclass(slots=True)
class _Talk:
    """What the camera remembers about one client."""

    buffer: bytearray = field(default_factory=bytearray)
    sequence: int | None = None


@dataclass(frozen=True, slots=True)
class _Job:
    """A command that occupies a socket."""

    reply: Callable[[bytes], None]
    motors: frozenset[str]


class ViscaSimulator(Simulator):
    """One camera; in a chain it is the last one (`address`)."""

    pace = 1.0
    """How many times faster than a real head it moves, wakes up and falls asleep."""

    def __init__(
        self,
        manifest: Manifest,
        settings: Settings,
        *,
        faults: Faults | None = None,
        clock: Callable[[], float] = time.monotonic,
        seed: int = 0,
    ) -> None:
        self.quirks: set[Quirk] = set()
        self.stored: dict[int, Place] = _stored(settings.mapping("presets"))
        self.head = Head(clock, self.pace)
        self._talks: dict[Client, _Talk] = {}
        self._jobs: dict[int, _Job] = {}
        self._place = settings.integer("address")
        self._numbered = False
        self._count = 0
        super().__init__(manifest, settings, faults=faults, clock=clock, seed=seed)

    # -- life --

    def defaults(self) -> dict[str, Value]:
        """A camera that is on and looks straight ahead."""
        return {"power": "on", "preset": None, "position": (0, 0), "zoom": 0}

    def boot(self) -> None:
        """Motors go to the middle, sockets are empty, the chain is not numbered; stored presets survive."""
        super().boot()
        self._jobs.clear()
        self._numbered = False
        for line in self._talks.values():
            line.sequence = None
        for motor in self.head.motors.values():
            motor.put(0)

    def booted(self) -> None:
        """A chain hears that a camera was switched on."""
        for client in list(self.clients):
            if client.line == "serial":
                client.send(bytes((0x80 + 0x10 * self._place, 0x38, 0xFF)))

    def speed_up(self, times: float) -> None:
        """Run so many times faster than a real camera."""
        self.pace = times
        self.head.speed_up(times)

    def connected(self, client: Client) -> None:
        """Nothing is said; a line begins."""
        self._talks[client] = _Talk()

    def disconnected(self, client: Client) -> None:
        """Forget the line."""
        self._talks.pop(client, None)

    def snapshot(self) -> dict[str, Value]:
        """True power, place and preset at this moment."""
        pan, tilt, zoom = self.head.place()
        preset = next((number for number, place in self.stored.items() if place == (pan, tilt, zoom)), None)
        return {"power": self.state["power"], "preset": preset, "position": (pan, tilt), "zoom": zoom}

    def front_panel(self, name: str, value: Value) -> None:
        """The infrared remote: motion starts, nobody is told."""
        match name, value:
            case "power", "on" | "off":
                self.state["power"] = value
            case "position", (int(pan), int(tilt)):
                self.head.go(pan=pan, tilt=tilt)
            case "zoom", int(zoom):
                self.head.go(zoom=zoom)
            case "preset", int(number) if number in self.stored:
                pan, tilt, zoom = self.stored[number]
                self.head.go(pan=pan, tilt=tilt, zoom=zoom)
            case _:
                raise ValueError(f"the remote cannot set '{name}' to {value!r}")

    # -- reading the wire --

    def received(self, client: Client, chunk: bytes) -> None:
        """A piece of a stream, or a datagram with or without Sony's header."""
        line = self._talks[client]
        if client.line == "udp" and chunk[:1] in {b"\x01", b"\x02"}:
            self._received_sony(client, line, chunk)
            return
        line.buffer += chunk
        while (end := line.buffer.find(0xFF)) >= 0:
            message = bytes(line.buffer[:end])
            del line.buffer[: end + 1]
            self._received_packet(client, message, lambda body: self._say(client, body))
        if len(line.buffer) > 64:
            line.buffer.clear()

    def _received_sony(self, client: Client, line: _Talk, chunk: bytes) -> None:
        if len(chunk) < 8:
            return
        kind, length, sequence = struct.unpack_from(">HHI", chunk)
        body = chunk[8:]
        if kind == 0x0200 and body == b"\x01":
            line.sequence = None
            self._post(client, 0x0201, sequence, b"\x01")
        elif kind not in {0x0100, 0x0110} or length != len(body) or not 2 < length <= 16 or body[-1] != 0xFF:
            self._post(client, 0x0201, sequence, b"\x0f\x02")
        elif line.sequence is not None and not 0 < (sequence - line.sequence) % 2**32 < 2**31:
            self._post(client, 0x0201, sequence, b"\x0f\x01")
        else:
            line.sequence = sequence
            self._received_packet(client, body[:-1], lambda reply: self._post(client, 0x0111, sequence, reply))

    def _received_packet(self, client: Client, message: bytes, reply: Callable[[bytes], None]) -> None:
        me = self._place if self._numbered or client.line != "serial" else 1
        if message == b"\x88\x30\x01":
            self._numbered = True
            self._say(client, bytes((0x88, 0x30, self._place + 1, 0xFF)))
        elif message == b"\x88\x01\x00\x01":
            self._jobs.clear()
            self._say(client, b"\x88\x01\x00\x01\xff")
        elif message[:1] == b"\x88":
            self._carry_out(message[1:], lambda _reply: None)
        elif message[:1] == bytes((0x80 | me,)):
            self._carry_out(message[1:], lambda body: reply(bytes((0x80 + 0x10 * me,)) + body + b"\xff"))

    def _carry_out(self, body: bytes, reply: Callable[[bytes], None]) -> None:
        if not 1 <= len(body) <= 14:
            reply(bytes((0x60, LENGTH)))
        elif body[0] & 0xF0 == 0x20 and len(body) == 1:
            self._cancel(body[0] & 0x0F, reply)
        elif body[0] == 0x09:
            self._inquiry(body[1:], reply)
        elif body[0] == 0x01:
            self._command(body[1:], reply)
        else:
            reply(bytes((0x60, SYNTAX)))

    # -- inquiries: no socket --

    def _inquiry(self, about: bytes, reply: Callable[[bytes], None]) -> None:
        pan, tilt, zoom = self.head.place()
        answers: Mapping[bytes, bytes] = {
            b"\x04\x00": b"\x02" if self.state["power"] == "on" else b"\x03",
            b"\x00\x02": VERSION,
            b"\x06\x12": _four(pan) + _four(tilt),
            b"\x04\x47": _four(zoom),
        }
        answer = answers.get(about)
        if answer is None:
            reply(bytes((0x60, SYNTAX)))
        elif self.naks() or (self.state["power"] != "on" and about in {b"\x06\x12", b"\x04\x47"}):
            reply(bytes((0x60, NOT_NOW)))
        else:
            reply(b"\x50" + answer)

    # -- commands: one of two sockets --

    def _command(self, order: bytes, reply: Callable[[bytes], None]) -> None:
        if order[:1] == b"\x04":
            self._camera_command(tuple(order[1:]), reply)
        elif order == b"\x00\x01":  # IF_Clear for this camera alone
            self._jobs.clear()
            reply(b"\x50")
        elif order[:1] == b"\x06":
            self._head_command(tuple(order[1:]), reply)
        else:
            reply(bytes((0x60, SYNTAX)))

    def _camera_command(self, order: tuple[int, ...], reply: Callable[[bytes], None]) -> None:
        match order:
            case (0x00, 0x02 | 0x03 as goal):
                self._power("on" if goal == 0x02 else "off", reply)
            case (0x3F, 0x02, number) if number < 0x80:
                place = self.stored.get(number)
                self._move(Head.ALL, dict(zip(("pan", "tilt", "zoom"), place, strict=True)) if place else None, reply)
            case (0x3F, 0x01, number) if number < 0x80:
                self._at_once(lambda: self.stored.__setitem__(number, self.head.place()), reply)
            case (0x3F, 0x00, number) if number < 0x80:
                self._at_once(lambda: self.stored.pop(number, None), reply)
            case (0x47, *steps) if len(steps) == 4 and max(steps) < 16 and self.head.reaches(zoom=_signed(steps)):
                self._move(Head.ZOOM, {"zoom": _signed(steps)}, reply)
            case (0x07, step) if step in _ZOOM_SPEEDS:
                self._drive(Head.ZOOM, {"zoom": _ZOOM_SPEEDS[step]}, reply)
            case _:
                reply(bytes((0x60, SYNTAX)))

    def _head_command(self, order: tuple[int, ...], reply: Callable[[bytes], None]) -> None:
        match order:
            case (0x04,) | (0x05,):
                self._move(Head.PAN_TILT, {"pan": 0, "tilt": 0}, reply)
            case (0x02, across, along, *steps) if _speeds(across, along) and len(steps) == 8 and max(steps) < 16:
                pan, tilt = _signed(steps[:4]), _signed(steps[4:])
                if self.head.reaches(pan=pan, tilt=tilt):
                    self._move(Head.PAN_TILT, {"pan": pan, "tilt": tilt}, reply)
                else:
                    reply(bytes((0x60, SYNTAX)))
            case (0x01, across, along, 1 | 2 | 3 as x, 1 | 2 | 3 as y) if _speeds(across or x == 3, along or y == 3):
                speeds = {"pan": (0, -1, 1, 0)[x] * across / 0x18, "tilt": (0, 1, -1, 0)[y] * along / 0x18}
                self._drive(Head.PAN_TILT, speeds, reply)
            case _:
                reply(bytes((0x60, SYNTAX)))

    def _power(self, goal: str, reply: Callable[[bytes], None]) -> None:
        if (taken := self._take(frozenset(), reply, asleep=True)) is None:
            return

        def finish() -> None:
            self.change("power", goal)
            if goal == "off":
                self._interrupt(Head.ALL)
                self.head.stop(Head.ALL)
            self._complete(taken)

        if self.state["power"] == goal:
            finish()
        else:
            self.later((POWER_ON_S if goal == "on" else POWER_OFF_S) / self.pace, finish)

    def _move(self, motors: frozenset[str], targets: dict[str, int] | None, reply: Callable[[bytes], None]) -> None:
        """Go somewhere; the completion comes when the motors stand still. No targets: a preset that was never stored."""
        if targets is None:
            reply(bytes((0x60, NOT_NOW)))
        elif (taken := self._take(motors, reply)) is not None:
            self._interrupt(motors, but=taken)
            if not self.faults.lie:
                self.head.go(**targets)
            self._watch(taken)

    def _drive(self, motors: frozenset[str], speeds: Mapping[str, float], reply: Callable[[bytes], None]) -> None:
        def drive() -> None:
            self._interrupt(motors)
            for name, share in speeds.items():
                if share:
                    self.head.motors[name].drive(share)
                else:
                    self.head.motors[name].stop()

        self._at_once(drive, reply)

    def _at_once(self, effect: Callable[[], object], reply: Callable[[bytes], None]) -> None:
        if (taken := self._take(frozenset(), reply)) is not None:
            if not self.faults.lie:
                effect()
            self._complete(taken)

    def _take(self, motors: frozenset[str], reply: Callable[[bytes], None], *, asleep: bool = False) -> int | None:
        """Acknowledge in a free socket, or refuse."""
        free = next((number for number in (1, 2) if number not in self._jobs), None)
        if self.naks() or (not asleep and self.state["power"] != "on"):
            reply(bytes((0x60, NOT_NOW)))
            return None
        if free is None:
            reply(bytes((0x60, FULL)))
            return None
        if Quirk.STRAY_COMPLETION in self.quirks and 3 - free not in self._jobs:
            reply(bytes((0x50 | (3 - free),)))
        self._jobs[free] = _Job(reply, motors)
        if Quirk.ONE_SEGMENT not in self.quirks or motors:
            reply(bytes((0x40 | self._digit(free),)))
        return free

    def _watch(self, taken: int) -> None:
        job = self._jobs.get(taken)
        if job is None:
            return
        rest = self.head.remaining(job.motors)
        if rest > 0:
            self.later(rest, lambda: self._watch(taken) if self._jobs.get(taken) is job else None)
        else:
            self._complete(taken)

    def _complete(self, taken: int) -> None:
        job = self._jobs.pop(taken, None)
        if job is None:
            return
        if Quirk.ONE_SEGMENT in self.quirks and not job.motors:
            digit = self._digit(taken)
            job.reply(bytes((0x40 | digit, 0xFF, 0x90, 0x50 | digit)))
        else:
            job.reply(bytes((0x50 | self._digit(taken),)))

    def _interrupt(self, motors: frozenset[str], *, but: int = 0) -> None:
        """Another command takes these motors: what ran there has ended."""
        for number, job in list(self._jobs.items()):
            if number != but and job.motors & motors:
                self._complete(number)

    def _cancel(self, number: int, reply: Callable[[bytes], None]) -> None:
        job = self._jobs.pop(number, None)
        if job is None:
            reply(bytes((0x60 | number, NO_SOCKET)))
            return
        self.head.stop(job.motors)
        reply(bytes((0x60 | self._digit(number), CANCELLED)))

    def _digit(self, taken: int) -> int:
        if Quirk.NO_SOCKET_DIGIT in self.quirks:
            return 0
        return 1 if Quirk.ONE_SOCKET in self.quirks else taken

    # -- writing the wire --

    def _say(self, client: Client, packet: bytes) -> None:
        if Quirk.TORN_REPLY in self.quirks and len(packet) > 4:
            middle = len(packet) // 2
            packet = packet[:middle] + packet[:1] + b"\x38\xff" + packet[middle:]
        client.send(packet)

    def _post(self, client: Client, kind: int, sequence: int, payload: bytes) -> None:
        if Quirk.OWN_SEQUENCE in self.quirks and kind == 0x0111:
            self._count += 1
            sequence = 0x1000 + self._count
        message = struct.pack(">HHI", kind, len(payload), sequence) + payload
        if Quirk.FIXED_PORT in self.quirks:
            host = client.peer.rpartition(":")[0]
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
                other.sendto(message, (host, SONY_PORT))
        else:
            client.send(message)


def _stored(presets: Mapping[str, object]) -> dict[int, Place]:
    """What somebody stored when the room was built: positions as configured, else spread over the room."""
    stored: dict[int, Place] = {}
    for entry in presets.values():
        match entry:
            case {"number": int(number), "pan": int(pan), "tilt": int(tilt), "zoom": int(zoom)}:
                stored[number] = (pan, tilt, zoom)
            case int(number) | {"number": int(number)}:
                stored[number] = ((number * 577) % 3201 - 1600, (number * 97) % 401 - 200, (number * 3001) % 12001)
    return stored


def _speeds(across: int, along: int) -> bool:
    return 0 < across <= 0x18 and 0 < along <= 0x18


def _four(value: int) -> bytes:
    return bytes(int(digit, 16) for digit in f"{value & 0xFFFF:04x}")


def _signed(nibbles: list[int]) -> int:
    value = int("".join(f"{nibble:x}" for nibble in nibbles), 16)
    return value - 0x10000 if value > 0x7FFF else value
