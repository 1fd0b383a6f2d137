"""A simulated LG signage set: reads commands as strictly as the set does, with a parser of its own.

Words and answers as in the chapter "Transmission / Receiving Protocol" of LG's owner's manuals.
"""

from __future__ import annotations

from typing import Final

from devices.sdk import Value
from devices.sdk.testing import Client, Simulator

ALL_SETS: Final = 0
"""Obeyed and never answered."""
MAX_UNREAD: Final = 256
BOOT_S: Final = 4.0
"""From the power command until the set is on; real ones take 8-40 s."""
ILLEGAL, UNSUPPORTED, WAIT = "01", "02", "03"

_SOURCES: Final = {
    "20": "av",
    "40": "component",
    "60": "vga",
    "70": "dvi",
    "90": "hdmi1",
    "91": "hdmi2",
    "98": "ops",
    "c0": "displayport1",
    "c2": "hdmi3",
    "c3": "hdbaset",
    "e0": "webos",
}
_LABELLED_PC: Final = {"a0": "90", "a1": "91", "d0": "c0", "d2": "c2", "d3": "c3", "80": "70", "a8": "98"}
_IN_STANDBY: Final = frozenset({"ka", "fy", "fz"})


class LgDisplaySimulator(Simulator):
    """One display. `tells_in_standby = False` makes it a model that says nothing while it sleeps."""

    tells_in_standby = True
    labelled_pc = False
    """True: the set's menu calls its inputs PC, and it reads them under the other codes."""
    _pace = 1.0

    def defaults(self) -> dict[str, Value]:
        """Standby, as after mains came on."""
        self._unread: dict[Client, bytes] = {}
        self._booting = False
        own = self.settings.mapping("inputs")
        self._sources = {str(code).lower(): name for name, code in own.items()} or dict(_SOURCES)
        return {
            "power": "off",
            "input": next(iter(self._sources.values())) if own else "hdmi1",
            "blank": False,
            "volume": 20.0,
            "mute": False,
            "signal": True,
            "temperature": 38,
            "serial": "612SIM000001",
            "firmware": "043210",
        }

    def speed_up(self, pace: float) -> None:
        """Start so many times faster."""
        self._pace = pace

    def front_panel(self, name: str, value: Value) -> None:
        """The remote control, the source: the set tells nobody; it is seen when asked."""
        wrong = (name == "input" and value not in self._sources.values()) or (
            name == "power" and value not in {"on", "off"}
        )
        if wrong:
            raise ValueError(f"this set has no {name} '{value}'")
        super().front_panel(name, float(value) if name == "volume" and isinstance(value, int) else value)

    def disconnected(self, client: Client) -> None:
        """Forget half a command."""
        self._unread.pop(client, None)

    def received(self, client: Client, chunk: bytes) -> None:
        """Commands end with CR."""
        *lines, rest = (self._unread.get(client, b"") + chunk).split(b"\r")
        self._unread[client] = rest[-MAX_UNREAD:]
        for line in lines:
            self._line(client, line.decode("latin-1").lstrip("\n"))

    def _line(self, client: Client, line: str) -> None:
        word, _, rest = line.partition(" ")
        digits, _, data = rest.partition(" ")
        if len(word) != 2 or len(digits) != int(self.settings.text("id_digits")) or not _is_hex(digits) or not data:
            return  # a set says nothing to what it cannot read
        address, mine = int(digits, 16), self.settings.integer("id")
        if address not in {ALL_SETS, mine}:
            return
        asleep = self.state["power"] == "off" and not self._booting
        if asleep and not self.tells_in_standby and (word, data) != ("ka", "01"):
            return
        told, code = (None, WAIT) if self.naks() else self._answer(word, data.lower())
        if address != ALL_SETS:
            verdict = f"OK{told}" if told is not None else f"NG{code}"
            client.send(f"{word[1]} {mine:0{len(digits)}x} {verdict}x".encode("ascii"))

    def _answer(self, word: str, data: str) -> tuple[str | None, str]:
        """Data of an OK, or None and that of an NG."""
        if self.state["power"] == "off" and word not in _IN_STANDBY:
            return None, WAIT
        if word == "sv":
            return ("0201" if self.state["signal"] is True else "0200", "") if data == "02 ff" else (None, ILLEGAL)
        if data == "ff":
            told = self._told(word)
            return told, UNSUPPORTED
        if not _is_hex(data) or len(data) > 2:
            return None, ILLEGAL
        return self._carried_out(word, int(data, 16))

    def _told(self, word: str) -> str | None:
        state = self.state
        match word:
            case "ka":
                return "01" if state["power"] == "on" else "00"
            case "xb":
                code = next(code for code, name in self._sources.items() if name == state["input"])
                pc = {dtv: pc for pc, dtv in _LABELLED_PC.items()}
                return pc.get(code, code) if self.labelled_pc else code
            case "kd":
                return "01" if state["blank"] else "00"
            case "ke":
                return "00" if state["mute"] else "01"
            case "kf" if isinstance(state["volume"], float):
                return f"{int(state['volume']):02x}"
            case "dn" if isinstance(state["temperature"], int):
                return f"{state['temperature']:02x}"
            case "fy":
                return str(state["serial"])
            case "fz":
                return str(state["firmware"])
        return None

    def _carried_out(self, word: str, value: int) -> tuple[str | None, str]:
        told = f"{value:02x}"
        match word:
            case "ka" if value <= 1:
                self._switch(on=value == 1)
            case "xb":
                code = told if told in self._sources else _LABELLED_PC.get(told, "")
                if code not in self._sources:
                    return None, UNSUPPORTED
                self.change("input", self._sources[code])
            case "kd" if value <= 1:
                self.change("blank", value == 1)
            case "ke" if value <= 1:
                self.change("mute", value == 0)
            case "kf" if value <= 100:
                self.change("volume", float(value))
            case "ka" | "kd" | "ke" | "kf":
                return None, ILLEGAL
            case _:
                return None, UNSUPPORTED
        return told, ""

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


def _is_hex(text: str) -> bool:
    return bool(text) and all(letter in "0123456789abcdefABCDEF" for letter in text)
