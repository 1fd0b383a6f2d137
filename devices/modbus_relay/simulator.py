"""A simulated relay board of Waveshare's kind: Modbus/TCP or RTU by setting, RTU on its serial line, with a parser of its own.

Reads as strictly as the specification asks: a wrong CRC or a foreign address is met with silence, a wrong request with its exception.
"""

from __future__ import annotations

import struct
from typing import Final

from devices.sdk import Value
from devices.sdk.testing import Client, Simulator

ALL_RELAYS: Final = 0x00FF
"""Coil number that Waveshare's boards take for all at once (function 05)."""
TOGGLE: Final = 0x5500
"""Waveshare's own value; not in the specification."""
BUSY: Final = 6
NO_TARGET: Final = 11
MAX_UNREAD: Final = 1024
_ANY_UNIT: Final = frozenset({0, 0xFF})
"""Over TCP a board that is no gateway answers to these too ("MODBUS Messaging on TCP/IP", section 4.4.2.3)."""


class _Exception(Exception):  # a refusal is no error of the program
    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class ModbusRelaySimulator(Simulator):
    """A board with as many relays as its settings say. All contacts fall open when its power fails."""

    def defaults(self) -> dict[str, Value]:
        """All open."""
        self._unread: dict[Client, bytearray] = {}
        return {f"relay.{number}": False for number in range(1, self.settings.integer("relays") + 1)}

    def disconnected(self, client: Client) -> None:
        """Forget half a request."""
        self._unread.pop(client, None)

    def front_panel(self, name: str, value: Value) -> None:
        """A button of the board, or another controller; Modbus boards tell nobody."""
        if value is not True and value is not False:
            raise ValueError(f"a contact is true (closed) or false, not {value!r}")
        super().front_panel(name, value)

    def received(self, client: Client, chunk: bytes) -> None:
        """Cut requests out of the stream, carry out and answer each."""
        buffer = self._unread.setdefault(client, bytearray())
        buffer += chunk
        rtu = client.line == "serial" or self.settings.text("framing") == "rtu"
        while self._take_rtu(client, buffer) if rtu else self._take_tcp(client, buffer):
            pass
        if len(buffer) > MAX_UNREAD:
            buffer.clear()

    # -- envelopes --

    def _take_tcp(self, client: Client, buffer: bytearray) -> bool:
        if len(buffer) < 8:
            return False
        transaction, kind, length, unit = struct.unpack(">HHHB", buffer[:7])
        if kind != 0 or not 2 <= length <= 254:
            del buffer[0]
            return True
        if len(buffer) < 6 + length:
            return False
        request = bytes(buffer[7 : 6 + length])
        del buffer[: 6 + length]
        mine = unit == self.settings.integer("unit") or unit in _ANY_UNIT
        reply = self._reply(request) if mine else bytes([request[0] | 0x80, NO_TARGET])
        client.send(struct.pack(">HHHB", transaction, 0, len(reply) + 1, unit) + reply)
        return True

    def _take_rtu(self, client: Client, buffer: bytearray) -> bool:
        """RTU has no lengths: the function tells them, and a right CRC proves it."""
        if len(buffer) < 8:
            return False
        size = 9 + buffer[6] if buffer[1] == 15 else 8
        if len(buffer) < size <= 64:
            return False
        frame = bytes(buffer[:size])
        if size > 64 or _crc16(frame[:-2]) != struct.unpack("<H", frame[-2:])[0]:
            del buffer[0]
            return True
        del buffer[:size]
        unit = frame[0]
        if unit in {0, self.settings.integer("unit")}:
            reply = bytes([unit]) + self._reply(frame[1:-2])
            if unit:  # a broadcast is obeyed and never answered
                client.send(reply + struct.pack("<H", _crc16(reply)))
        return True

    # -- functions --

    def _reply(self, request: bytes) -> bytes:
        function = request[0]
        try:
            return bytes([function]) + self._carry_out(function, request[1:])
        except _Exception as refusal:
            return bytes([function | 0x80, refusal.code])

    def _carry_out(self, function: int, body: bytes) -> bytes:
        if self.naks():
            raise _Exception(BUSY)
        if function not in {1, 5, 15}:
            raise _Exception(1)
        if len(body) < 4:
            raise _Exception(3)
        address, number = struct.unpack(">HH", body[:4])
        match function:
            case 1:
                if len(body) != 4 or not 1 <= number <= 2000:
                    raise _Exception(3)
                states = [self.state[name] is True for name in self._names(address, number)]
                packed = bytearray((number + 7) // 8)
                for index, closed in enumerate(states):
                    packed[index // 8] |= closed << index % 8
                return bytes([len(packed)]) + bytes(packed)
            case 5:
                self._write_one(address, number, body)
                return body
            case _:
                self._write_many(address, number, body[4:])
                return body[:4]

    def _write_one(self, address: int, value: int, body: bytes) -> None:
        if len(body) != 4 or value not in {0x0000, 0xFF00, TOGGLE}:
            raise _Exception(3)
        for name in list(self.state) if address == ALL_RELAYS else self._names(address, 1):
            self.change(name, value == 0xFF00 if value != TOGGLE else not self.state[name])

    def _write_many(self, address: int, number: int, rest: bytes) -> None:
        if not 1 <= number <= 1968 or not rest or rest[0] != (number + 7) // 8 or len(rest) != 1 + rest[0]:
            raise _Exception(3)
        for index, name in enumerate(self._names(address, number)):
            self.change(name, bool(rest[1 + index // 8] >> index % 8 & 1))

    def _names(self, address: int, number: int) -> list[str]:
        first = address - self.settings.integer("first_coil") + 1
        if first < 1 or first + number - 1 > self.settings.integer("relays"):
            raise _Exception(2)
        return [f"relay.{channel}" for channel in range(first, first + number)]


def _crc16(frame: bytes) -> int:
    register = 0xFFFF
    for byte in frame:
        register ^= byte
        for _ in range(8):
            odd = register & 1
            register >>= 1
            if odd:
                register ^= 0xA001
    return register
