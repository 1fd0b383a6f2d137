"""The last things that happened on one device's line, numbered, and what they meant."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from devices.sdk.commands import Act, Command, Query, Salvo, Set
from devices.sdk.connection import LinkState, LinkStatus, Traffic
from devices.sdk.driver import Accepted, Desync, Done, Event, Failed, Learned, Reported
from devices.sdk.errors import DeviceError
from devices.sdk.readings import Value
from smartroom.control import clock
from smartroom.control.limits import TRACE_BYTES, TRACE_LENGTH, TRACE_ROUND_TRIPS
from smartroom.protocol.base import Text
from smartroom.protocol.technician import TraceLine

_PRINTABLE = range(0x20, 0x7F)
_SHORT = {13: "\\r", 10: "\\n", 27: "\\e"}


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing came within the device's time."""

    at: float
    command: Command | None


@dataclass(frozen=True, slots=True)
class Linked:
    """The connection changed."""

    at: float
    status: LinkStatus


_Entry = Traffic | Linked | Silence


class Trace:
    """One device's line. Writing costs an append; words are made when somebody reads."""

    def __init__(self, masked: Callable[[bytes], bytes] = bytes) -> None:
        """`masked` takes a device's secrets out of what it may have echoed."""
        # Begins with the clock: a page that knows a line of this device's last session must not miss those of this one.
        self.number = self.began = int(clock.wall() * 1000)
        """Of the newest entry, and before the first."""
        self.heard_at: float | None = None
        """Last bytes from the device, monotonic seconds."""
        self.asked: Traffic | None = None
        """The last command, while nothing has come after it."""
        self.unanswered: Traffic | None = None
        """The last command that got no answer in time; forgotten with the next bytes from the device."""
        self.error: tuple[float, DeviceError] | None = None
        """The last thing that went wrong with the connection, and when."""
        self._masked = masked
        self._entries: deque[_Entry] = deque(maxlen=TRACE_LENGTH)
        self._trips: deque[float] = deque(maxlen=TRACE_ROUND_TRIPS)

    def traffic(self, traffic: Traffic) -> None:
        """Bytes went over the wire."""
        if traffic.direction == "out":
            if traffic.command is not None:
                self.asked = traffic
        else:
            self.heard_at = traffic.at
            self.unanswered = None
            if self.asked is not None:
                self._trips.append(traffic.at - self.asked.at)
                self.asked = None
        self._add(traffic)

    def silent(self, at: float) -> None:
        """The last command got no answer in time."""
        self.unanswered = self.unanswered or self.asked  # what follows is only the question whether it lives
        self._add(Silence(at, self.asked.command if self.asked else None))

    def link(self, status: LinkStatus) -> None:
        """The connection changed."""
        now = clock.monotonic()
        if status.state is not LinkState.READY:
            self.asked = None
        if status.error is not None:
            self.error = (now, status.error)
        self._add(Linked(now, status))

    def lines(self, since: int = 0) -> list[TraceLine]:
        """Entries after a number, oldest first."""
        if since >= self.number:
            return []
        offset = clock.wall() - clock.monotonic()
        numbered = enumerate(self._entries, self.number - len(self._entries) + 1)
        return [self._line(number, entry, offset) for number, entry in numbered if number > since]

    def round_trip_ms(self, share: float) -> float | None:
        """Below which so large a share of the round trips lies; None before the first."""
        if not self._trips:
            return None
        ordered = sorted(self._trips)
        return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000, 1)

    def _line(self, number: int, entry: _Entry, offset: float) -> TraceLine:
        at = round(entry.at + offset, 3)
        match entry:
            case Traffic() as traffic:
                shown = traffic.payload[:TRACE_BYTES]
                return TraceLine(
                    number=number,
                    at=at,
                    kind=traffic.direction,
                    hex=shown.hex(" ").upper(),
                    text=readable(shown),
                    left_out=len(traffic.payload) - len(shown),
                    note=traffic.note,
                    meaning=self._clean(said(traffic.command) if traffic.direction == "out" else _meant(traffic.meant)),
                )
            case Silence(_, command):
                return TraceLine(number=number, at=at, kind="silence", meaning=self._clean(said(command)))
            case Linked(_, status):
                return TraceLine(
                    number=number,
                    at=at,
                    kind="link",
                    text=self._plain(str(status.error or "")),
                    note=str(status.state),
                    meaning=_linked(status),
                )

    def _clean(self, words: Text | None) -> Text | None:
        return None if words is None else Text(id=self._plain(words.id), en=self._plain(words.en))

    def _plain(self, text: str) -> str:
        return self._masked(text.encode()).decode(errors="replace")

    def _add(self, entry: _Entry) -> None:
        self.number += 1
        self._entries.append(entry)


def readable(payload: bytes) -> str:
    r"""Bytes as text, as plans write them: `1*3!\r`; what cannot be printed stands as `\x1b`."""
    return "".join(chr(byte) if byte in _PRINTABLE else _SHORT.get(byte, f"\\x{byte:02x}") for byte in payload)


def said(command: Command | None) -> Text | None:
    """A command in words."""
    match command:
        case Set(name, value):
            return Text(id=f"atur {name} = {_plain(value)}", en=f"set {name} = {_plain(value)}")
        case Salvo(sets):
            goals = ", ".join(f"{item.property} = {_plain(item.value)}" for item in sets)
            return Text(id=f"atur {goals}", en=f"set {goals}")
        case Query(name):
            return Text(id=f"tanya {name}", en=f"ask {name}")
        case Act(name, arguments):
            given = "".join(f" {key}={_plain(value)}" for key, value in arguments.items())
            return Text(id=f"lakukan {name}{given}", en=f"do {name}{given}")
        case None:
            return None


def _linked(status: LinkStatus) -> Text:
    wait = "" if status.retry_in is None else f"{status.retry_in:.1f} s"
    match status.state:
        case LinkState.CONNECTING:
            return Text(id="menyambung", en="connecting")
        case LinkState.LOGIN:
            return Text(id=f"tersambung ke-{status.epoch}, membaca", en=f"connection {status.epoch}, reading")
        case LinkState.READY:
            return Text(id=f"siap, sambungan ke-{status.epoch}", en=f"ready, connection {status.epoch}")
        case LinkState.OFFLINE:
            return Text(id=f"putus; coba lagi dalam {wait.replace('.', ',')}", en=f"lost; next try in {wait}")
        case LinkState.REFUSED:
            return Text(id=f"ditolak; coba lagi dalam {wait.replace('.', ',')}", en=f"refused; next try in {wait}")
        case LinkState.STOPPED:
            return Text(id="dihentikan", en="stopped")


def _meant(events: Sequence[Event]) -> Text | None:
    """What a chunk became, message by message."""
    words = [_event(event) for event in events]
    return Text(id="; ".join(word.id for word in words), en="; ".join(word.en for word in words)) if words else None


def _event(event: Event) -> Text:
    match event:
        case Reported(name, value):
            return Text(id=f"{name} = {_plain(value)}", en=f"{name} = {_plain(value)}")
        case Accepted():
            return Text(id="diterima", en="accepted")
        case Done():
            return Text(id="selesai", en="done")
        case Failed(error):
            return Text(id=f"ditolak: {error}", en=f"refused: {error}")
        case Learned(key, value):
            return Text(id=f"diingat {key} = {_plain(value)}", en=f"learnt {key} = {_plain(value)}")
        case Desync(reason):
            return Text(id=f"tidak cocok: {reason}", en=f"fits nothing asked: {reason}")


def _plain(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "?"
    if isinstance(value, tuple):
        return "/".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
