"""The projector behind the simulator: lamp, inputs, picture and menu. Knows a clock, but no socket, and shares no word with `protocol.py`.

Sections are those of JBMIA "PJLink Specifications" version 2.00.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

OFF: Final = "0"
ON: Final = "1"
COOLING: Final = "2"
WARMING: Final = "3"
"""States as POWR reports them (section 4.2)."""

OK: Final = "OK"
UNDEFINED: Final = "ERR1"
OUT_OF_RANGE: Final = "ERR2"
NOT_NOW: Final = "ERR3"
BROKEN: Final = "ERR4"
"""Answers to a command that is not carried out (section 2.2)."""

TERMINALS: Final[Mapping[str, str]] = {
    "11": "Computer 1",
    "12": "Computer 2",
    "21": "Video",
    "31": "HDMI 1",
    "32": "HDMI 2",
    "33": "HDMI 3",
    "41": "USB",
    "51": "LAN",
    "61": "Gambar internal",
}
"""Sockets of the housing, with their names in the menu; `61` is told to class 2 controllers only."""
LOUDEST: Final = 20


class Projector:
    """One projector. Attributes may be read and changed at will by a test; `news` collects what a class 2 unit would notify."""

    def __init__(self, pj_class: str, terminals: Mapping[str, str], clock: Callable[[], float]) -> None:
        self.pj_class = pj_class
        self.terminals = {code: name for code, name in terminals.items() if pj_class == "2" or _known_to_class_1(code)}
        self.name = "Proyektor simulasi"
        self.maker = "smartroom"
        self.model = f"PJ-{pj_class}"
        self.errors = "000000"
        self.lamp_s = 1234 * 3600.0
        self.filter_s = 400 * 3600.0
        self.warm_up_s = 8.0
        self.cooling_s = 5.0
        self.lamp_fails = False
        self.news: list[str] = []
        self._clock = clock
        self._seen = clock()
        self._ready_at = 0.0
        self.lose_power()

    def lose_power(self) -> None:
        """Mains off and on again: standby, first socket, nothing muted or held."""
        self.power = OFF
        self.source = min(self.terminals)
        self.picture_muted = self.sound_muted = self.frozen = False
        self.speaker = self.microphone = LOUDEST // 2

    def settle(self) -> float | None:
        """Let time pass: the lamp ages, warm-up and cooling end. Seconds until the next such end."""
        now = self._clock()
        left = self._ready_at - now if self.power in {WARMING, COOLING} else None
        if self.power in {WARMING, ON}:
            self.lamp_s += now - self._seen
            self.filter_s += now - self._seen
        self._seen = now
        if left is not None and left <= 0:
            self._enter(ON if self.power == WARMING else OFF)
            left = None
        return left

    def show(self, source: str) -> None:
        """Change the input, as the remote control does."""
        if source != self.source:
            self.source = source
            self.news.append(f"INPT={source}")

    def fail(self, errors: str) -> None:
        """Six digits of ERST: fan, lamp, temperature, cover, filter, other; 0 fine, 1 warning, 2 error."""
        self.errors = errors
        self.news.append(f"ERST={errors}")

    def ask(self, header: str, body: str, parameter: str) -> str:
        """Parameter of the reply to one command, `%<header><body> <parameter>`."""
        self.settle()
        known = body in _CLASS_1 if header == "1" else self.pj_class == "2" and body in _CLASS_2
        if not known:
            return UNDEFINED
        if body in _WHEN_LIT and self.power != ON:
            return NOT_NOW
        match body, parameter:
            case "POWR", "0" | "1":
                return self.switch(on=parameter == "1")
            case "INPT", code if code in self.sources(header):
                self.show(code)
            case "AVMT", "10" | "11" | "20" | "21" | "30" | "31":
                self._mute(parameter)
            case "FREZ", "0" | "1":
                self.frozen = parameter == "1"
            case "SVOL", "0" | "1":
                self.speaker = _step(self.speaker, parameter)
            case "MVOL", "0" | "1":
                self.microphone = _step(self.microphone, parameter)
            case "INNM", asked if asked[:1] == "?":
                return self.terminals.get(asked[1:], OUT_OF_RANGE)
            case _, "?" if body not in {"SVOL", "MVOL", "INNM"}:
                return self._tell(header, body)
            case _:
                return OUT_OF_RANGE
        return OK

    def switch(self, *, on: bool) -> str:
        """Power key (section 4.1): while the lamp warms or cools, the other way is refused."""
        self.settle()
        if self.power == (COOLING if on else WARMING):
            return NOT_NOW
        if on and self.lamp_fails:
            return BROKEN
        if self.power == (OFF if on else ON):
            self._enter(WARMING if on else COOLING)
        return OK

    def sources(self, header: str) -> list[str]:
        """Inputs a controller of that class is told of: class 1 knows no letters and no internal source (section 4.3)."""
        return [code for code in self.terminals if header == "2" or _known_to_class_1(code)]

    def _enter(self, power: str) -> None:
        self.power = power
        self.news.append(f"POWR={power}")
        if power in {WARMING, COOLING}:
            self._ready_at = self._clock() + (self.warm_up_s if power == WARMING else self.cooling_s)
            self.picture_muted = self.sound_muted = self.frozen = False
            self.settle()

    def _mute(self, parameter: str) -> None:
        what, on = parameter[0], parameter[1] == "1"
        if what in "13":
            self.picture_muted = on
        if what in "23":
            self.sound_muted = on

    def _tell(self, header: str, body: str) -> str:
        match body:
            case "POWR":
                return self.power
            case "INPT":
                return self.source if self.source in self.sources(header) else NOT_NOW
            case "AVMT":
                return {(True, False): "11", (False, True): "21", (True, True): "31"}.get(
                    (self.picture_muted, self.sound_muted), "30"
                )
            case "ERST":
                return self.errors
            case "LAMP":
                return f"{int(self.lamp_s // 3600)} {int(self.power in {WARMING, ON})}"
            case "INST":
                return " ".join(self.sources(header))
            case "FILT":
                return str(int(self.filter_s // 3600))
            case "FREZ":
                return str(int(self.frozen))
        return {
            "NAME": self.name,
            "INF1": self.maker,
            "INF2": self.model,
            "INFO": "simulated, no hardware",
            "CLSS": self.pj_class,
            "SNUM": "SIM-0001",
            "SVER": "1.0",
            "IRES": "1920x1080",
            "RRES": "1920x1200",
            "RLMP": "LMP-0001",
            "RFIL": "FIL-0001",
        }[body]


def _known_to_class_1(code: str) -> bool:
    return code.isdigit() and code[0] != "6"


def _step(level: int, parameter: str) -> int:
    return max(0, min(LOUDEST, level + (1 if parameter == "1" else -1)))


_CLASS_1: Final = frozenset(["POWR", "INPT", "AVMT", "ERST", "LAMP", "INST", "NAME", "INF1", "INF2", "INFO", "CLSS"])
"""Bodies with header `%1`."""
_CLASS_2: Final = frozenset(
    ["INPT", "INST", "SNUM", "SVER", "INNM", "IRES", "RRES", "FILT", "RLMP", "RFIL", "SVOL", "MVOL", "FREZ"]
)
"""Bodies with header `%2`; INPT and INST exist in both (sections 4.3, 4.9)."""
_WHEN_LIT: Final = frozenset(["INPT", "AVMT", "FREZ", "SVOL", "MVOL", "IRES"])
"""Answered with ERR3 in standby, warm-up and cooling."""
