"""Modbus relay driver: one question reads all contacts, neighbours are switched at one moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from devices.modbus_relay import protocol
from devices.modbus_relay.protocol import Answer, Function
from devices.sdk import (
    Address,
    BadSetting,
    Busy,
    Command,
    Desync,
    DeviceError,
    Done,
    Driver,
    Event,
    Failed,
    Frame,
    Framer,
    Frames,
    Manifest,
    NotSupported,
    Query,
    Refused,
    Reported,
    Salvo,
    Set,
    Settings,
    Unreachable,
)

BUSY_RETRY_S: Final = 0.1
"""Exceptions 05 and 06: a board is busy for one switching at most."""


class ModbusRelay(Driver):
    """One board, alone on its line."""

    def __init__(self, manifest: Manifest, settings: Settings) -> None:
        super().__init__(manifest, settings)
        self._relays = settings.integer("relays")
        self._unit = settings.integer("unit")
        self._first = settings.integer("first_coil")
        self._rtu = settings.text("framing") == "rtu"
        self._counted = 0
        self._transaction = 0
        for name, number in settings.mapping("channels").items():
            if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= self._relays:
                raise BadSetting(
                    f"channels: '{name}' is {number!r}, but must be a relay from 1 to {self._relays}", key="channels"
                )

    def attach(self, address: Address) -> None:
        """Over a serial line there is RTU only."""
        if address.scheme == "serial":
            if self.settings.text("framing") == "tcp":
                raise BadSetting("framing: tcp is not spoken over a serial line; leave it out", key="framing")
            self._rtu = True

    # -- connection --

    def framer(self) -> Framer:
        """Whole responses, of the envelope in use."""
        return protocol.rtu_framer() if self._rtu else protocol.tcp_framer()

    def snapshot(self) -> tuple[Query, ...]:
        """The answer to one tells all."""
        return (Query("relay.1"),)

    def keepalive(self) -> Query:
        """Its answer looks like no acknowledgement."""
        return Query("relay.1")

    def stamp(self, frame: Frame) -> bytes:
        """Number the request."""
        if self._rtu:
            return frame.payload
        self._counted = self._transaction = self._counted % 0xFFFF + 1
        return self._transaction.to_bytes(2, "big") + frame.payload[2:]

    def repeat(self, frame: Frame, payload: bytes) -> bytes:
        """The same number again: an answer to either sending is the answer."""
        if not self._rtu:
            self._transaction = int.from_bytes(payload[:2], "big")
        return payload

    # -- values to bytes --

    def encode_relay(self, channel: int, *, on: bool) -> Frames:
        """Function 05."""
        return (self._frame(protocol.write_coil(self._coil(channel), on=on)),)

    def encode_relays(self, states: Mapping[int, bool]) -> Frames:
        """Function 15 for each run of neighbours: those between two runs are not touched, since their state may have changed since it was read."""
        runs: list[list[int]] = []
        for channel in sorted(states):
            if runs and channel == runs[-1][-1] + 1:
                runs[-1].append(channel)
            else:
                runs.append([channel])
        return tuple(
            self._frame(protocol.write_coils(self._coil(run[0]), [states[channel] for channel in run]))
            if len(run) > 1
            else self.encode_relay(run[0], on=states[run[0]])[0]
            for run in runs
        )

    def query_relay(self, channel: int) -> Frames:
        """Function 01, for all at once."""
        del channel
        return (self._frame(protocol.read_coils(self._first, self._relays)),)

    # -- bytes to values --

    def interpret(self, message: bytes, pending: Command | None) -> Iterable[Event]:
        """Events of one response. The echo of a write only ends it; what the contacts are is asked."""
        answer = self._answer(message)
        if answer is None:
            return []
        if answer.transaction is None:
            if answer.unit != self._unit:
                return [Desync(f"board {answer.unit} answers instead of {self._unit}")]
        elif answer.transaction != self._transaction:
            return []  # late: it answers what is not asked any more
        if answer.function & protocol.EXCEPTION:
            return [Failed(_refusal(answer.exception or 0))] if answer.function & 0x7F in _functions(pending) else []
        if answer.function == Function.READ_COILS:
            states = protocol.coils(answer.body, self._relays)
            return [Reported(f"relay.{number}", on) for number, on in enumerate(states or (), start=1)]
        return [Done()] if self._echoes(answer, pending) else []

    def _answer(self, message: bytes) -> Answer | None:
        if self._rtu:
            return protocol.parse_rtu(message) if protocol.is_rtu(message) else None
        return protocol.parse_tcp(message) if protocol.is_tcp(message) else None

    def _echoes(self, answer: Answer, pending: Command | None) -> bool:
        """True when this is the response to something the pending command sends."""
        if not isinstance(pending, Set | Salvo):
            return False
        said = bytes([answer.function]) + answer.body
        offset = 1 if self._rtu else protocol.MBAP_BYTES
        return any(frame.payload[offset : offset + 5] == said for frame in self.encode(pending))

    def _frame(self, pdu: bytes) -> Frame:
        if self._rtu:
            return Frame(protocol.over_rtu(self._unit, pdu))
        return Frame(protocol.over_tcp(self._unit, pdu), on_wire=("transaction",))

    def _coil(self, channel: int) -> int:
        return self._first + channel - 1


def _functions(pending: Command | None) -> frozenset[Function]:
    match pending:
        case Query():
            return frozenset({Function.READ_COILS})
        case Set():
            return frozenset({Function.WRITE_COIL})
        case Salvo():
            return frozenset({Function.WRITE_COIL, Function.WRITE_COILS})
    return frozenset()


def _refusal(code: int) -> DeviceError:
    text = f"the board refuses (exception {code:02X}): {protocol.EXCEPTIONS.get(code, 'a code of its own')}"
    match code:
        case 1 | 2:
            return NotSupported(text, device_code=f"{code:02X}")
        case 5 | 6:
            return Busy(text, retry_after=BUSY_RETRY_S)
        case 10 | 11:
            return Unreachable(text)
    return Refused(text, device_code=f"{code:02X}")
