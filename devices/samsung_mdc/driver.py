"""Samsung MDC driver: one question reads power, input and sound; the panel alone is `blank`."""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Mapping
from typing import Final

from devices.samsung_mdc import protocol
from devices.samsung_mdc.protocol import Cmd, Reply
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
    Link,
    Manifest,
    NotSupported,
    Query,
    Refused,
    ReplyTimeout,
    Reported,
    Set,
    Settings,
    Value,
    WrongPassword,
)

SET_BY: Final[Mapping[str, Cmd]] = {
    "power": Cmd.POWER,
    "input": Cmd.INPUT,
    "blank": Cmd.PANEL,
    "volume": Cmd.VOLUME,
    "mute": Cmd.MUTE,
}
ASKED_BY: Final[Mapping[str, Cmd]] = {
    "power": Cmd.POWER,
    "input": Cmd.STATUS,
    "volume": Cmd.STATUS,
    "mute": Cmd.STATUS,
    "blank": Cmd.PANEL,
    "fault": Cmd.ERRORS,
    "signal": Cmd.ERRORS,
    "temperature": Cmd.ERRORS,
    "model": Cmd.MODEL,
    "serial": Cmd.SERIAL,
    "firmware": Cmd.FIRMWARE,
}
"""Sound and input are asked together: the answer has another form than any acknowledgement, so neither is taken for the other."""
IDENTITY: Final = frozenset({"model", "serial", "firmware"})
"""Asked once for each connection."""
STARTING_RETRY_S: Final = 1.0
"""A set refuses everything until its software has started: 5-15 s after power on."""


class SamsungMdc(Driver):
    """One display on a network socket or a serial line of its own."""

    _identified: frozenset[str] = frozenset()

    def __init__(self, manifest: Manifest, settings: Settings) -> None:
        super().__init__(manifest, settings)
        self._pin = settings.text("pin")
        if self._pin and not (len(self._pin) == 4 and self._pin.isascii() and self._pin.isdigit()):
            raise BadSetting("pin must be four digits", key="pin")

    def framer(self) -> Framer:
        """Packets with length and sum."""
        return protocol.framer()

    def attach(self, address: Address) -> None:
        """A PIN belongs to the network."""
        if address.scheme == "serial" and self._pin:
            raise BadSetting("a pin is for the network only; leave it out", key="pin")

    async def login(self, link: Link) -> None:
        """Where a PIN is configured: wait for the display's word, encrypt, tell it.

        Displays sign their certificates themselves, so nobody is authenticated: it hides the PIN from listeners, no more.
        """
        if not self._pin:
            return
        try:
            while await link.receive() != protocol.TLS_START:
                continue
        except ReplyTimeout:
            raise ReplyTimeout(
                "a pin is configured, but the display does not begin its secured protocol: switch it on, or leave pin out"
            ) from None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        await link.start_tls(context)
        await link.send(self._pin.encode())
        word = await link.receive()
        if protocol.pin_blocked(word):
            raise WrongPassword("the display has blocked its secured protocol after too many wrong PINs")
        if word != protocol.PIN_ACCEPTED:
            raise WrongPassword("the display does not accept our PIN")

    def reset(self) -> None:
        """Another display may stand there now."""
        self._identified = frozenset()

    def snapshot(self) -> tuple[Query, ...]:
        """Power first, since a display in standby may answer nothing else; then one question for each command."""
        first: dict[Cmd, str] = {}
        for name, number in ASKED_BY.items():
            if name not in self._identified:
                first.setdefault(number, name)
        return tuple(Query(name) for name in first.values())

    def keepalive(self) -> Query:
        """The status: even its refusal is a sign of life, and it looks like no acknowledgement."""
        return Query("input")

    # -- values to bytes --

    def encode_power(self, *, on: bool) -> Frames:
        """Command 11."""
        return self._frame(Cmd.POWER, int(on))

    def query_power(self) -> Frames:
        """Command 11."""
        return self._frame(Cmd.POWER)

    def encode_input(self, name: str) -> Frames:
        """Command 14."""
        return self._frame(Cmd.INPUT, protocol.INPUTS[name])

    def query_input(self) -> Frames:
        """Command 00."""
        return self._frame(Cmd.STATUS)

    def encode_blank(self, channel: int | None, *, on: bool) -> Frames:
        """Command F9: 00 lights the panel, 01 darkens it; the rest of the display stays awake."""
        del channel
        return self._frame(Cmd.PANEL, int(on))

    def query_blank(self, channel: int | None) -> Frames:
        """Command F9."""
        del channel
        return self._frame(Cmd.PANEL)

    def encode_volume(self, channel: int | None, percent: float) -> Frames:
        """Command 12."""
        del channel
        return self._frame(Cmd.VOLUME, round(percent))

    def query_volume(self, channel: int | None) -> Frames:
        """Command 00."""
        del channel
        return self._frame(Cmd.STATUS)

    def encode_mute(self, channel: int | None, *, on: bool) -> Frames:
        """Command 13."""
        del channel
        return self._frame(Cmd.MUTE, int(on))

    def query_mute(self, channel: int | None) -> Frames:
        """Command 00."""
        del channel
        return self._frame(Cmd.STATUS)

    def query_signal(self, channel: int | None) -> Frames:
        """Command 0D tells it among the faults."""
        del channel
        return self._frame(ASKED_BY["signal"])

    def query_status(self, name: str) -> Frames:
        """Commands 0B, 0D, 0E, 8A."""
        return self._frame(ASKED_BY[name])

    # -- bytes to values --

    def interpret(self, message: bytes, pending: Command | None) -> Iterable[Event]:
        """Events of one reply. The acknowledgement of a set repeats its value and ends it; any other value is what the display is."""
        if message == protocol.TLS_START:
            return [Desync("the display wants its secured protocol: write pin: !secret NAME, or switch it off there")]
        reply = protocol.parse(message)
        if reply is None:
            return []
        if reply.display_id != self.settings.integer("id"):
            return [Desync(f"display {reply.display_id} answers instead of {self.settings.integer('id')}")]
        if not reply.acknowledged:
            return [Failed(_refusal(reply, pending))] if reply.command == _number(pending) else []
        readings = self._readings(reply)
        match pending:
            case Set(name, value) if SET_BY.get(name) == reply.command:
                if any(reading.property == name and _same(reading.value, value) for reading in readings):
                    return [Done()]
            case Query(name) if ASKED_BY.get(name) == reply.command and not any(
                reading.property == name for reading in readings
            ):
                return [*readings, Failed(NotSupported(f"this display tells nothing of its {name}"))]
        self._identified |= {reading.property for reading in readings if reading.property in IDENTITY}
        return readings

    def _readings(self, reply: Reply) -> list[Reported]:
        values: dict[str, Value] = {}
        given = reply.values
        match reply.command:
            case Cmd.STATUS if (told := protocol.status(given)) is not None:
                values = {
                    "power": _power(told.power),
                    "input": protocol.input_name(told.source),
                    "volume": None if told.volume is None else float(told.volume),
                    "mute": told.mute,
                }
            case Cmd.POWER if given[:1] in {b"\0", b"\1"}:
                values = {"power": _power(given[0] == 1)}
            case Cmd.VOLUME if given and given[0] <= 100:
                values = {"volume": float(given[0])}
            case Cmd.MUTE if given[:1] in {b"\0", b"\1"}:
                values = {"mute": given[0] == 1}
            case Cmd.INPUT if given:
                values = {"input": protocol.input_name(given[0])}
            case Cmd.PANEL if given[:1] in {b"\0", b"\1"}:
                values = {"blank": given[0] == 1}
            case Cmd.ERRORS if (fault := protocol.faults(given)) is not None:
                return [
                    Reported("fault", fault),
                    Reported("signal", protocol.signal(given)),
                    Reported("temperature", protocol.temperature(given)),
                ]
            case Cmd.MODEL | Cmd.SERIAL | Cmd.FIRMWARE:
                name = next(name for name in IDENTITY if ASKED_BY[name] == reply.command)
                values = {name: protocol.text(given) or None}
        return [Reported(name, value) for name, value in values.items() if value is not None]

    def _frame(self, number: Cmd, *values: int) -> Frames:
        return (Frame(protocol.command(number, self.settings.integer("id"), *values)),)


def _power(on: bool) -> str:
    return "on" if on else "off"


def _number(pending: Command | None) -> Cmd | None:
    match pending:
        case Set(name, _):
            return SET_BY.get(name)
        case Query(name):
            return ASKED_BY.get(name)
    return None


def _same(told: Value, wanted: Value) -> bool:
    return told == (
        float(round(wanted)) if isinstance(wanted, int | float) and not isinstance(wanted, bool) else wanted
    )


def _refusal(reply: Reply, pending: Command | None) -> DeviceError:
    """The error code of a NAK is not published, so what may pass by itself is tried again within the property's deadline."""
    code = f"NAK {reply.values.hex() or 'without code'}"
    if isinstance(pending, Set):
        return Busy(
            f"the display does not take command {reply.command:02X} ({code}): in standby, still starting, or it lacks this",
            retry_after=STARTING_RETRY_S,
        )
    return Refused(f"the display does not answer command {reply.command:02X} now ({code})", device_code=code)
