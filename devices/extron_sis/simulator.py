"""A simulated Extron matrix: reads SIS as strictly as a unit does, answers with its own words and codes.

Its parser is its own: a mistake in the driver's must not be hidden by the same mistake here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import ClassVar

from devices.sdk import Value
from devices.sdk.testing import Client, Simulator

PRESETS = 32
MAX_STEPS = 64
MAX_COMMAND = 512
"""More bytes without a command in them are noise."""
BANNER = "(c) Copyright 2026, smartroom, SIS matrix simulator, V1.07, 60-0000-01"
VERSION = "1.07"
PART_NUMBER = "60-0000-01"
PASSWORD_TRIES = 3
_TIE = re.compile(r"(\d{1,3})\*(\d{1,3})([!&%$])")
_UNFINISHED = re.compile(r"\x1b[^\r\x1b]*|\d{1,3}(?:[+-]|L|\*\d{0,3})?")
_UNKNOWN = re.compile(r"\x1b[^\x1b]*|[\d*+-]*[^\x1b]|.", re.DOTALL)
_NEWS = re.compile(r"Out|In\d|Vmt|Amt|Rpr|Qik")
_PLANE = {"!": "All", "%": "Vid", "&": "RGB", "$": "Aud"}


@dataclass(slots=True)
class _Talk:
    """What the unit remembers of one controller."""

    verbose: int
    logged_in: bool
    tries: int = 0
    buffer: str = field(default="")


class _Refused(Exception):  # a refusal is no error of the program
    """Ends a command with the unit's code."""


_Run = Callable[["ExtronSisSimulator", _Talk, re.Match[str]], str]


class ExtronSisSimulator(Simulator):
    """A matrix of any size with audio volume, presets and, over the network, an optional password."""

    silent_unknown = False
    """Some units say nothing to a command they do not know (FOX3)."""
    knows_volume = True
    """Video-only frames do not."""
    knows_signals = True
    """Analogue frames of the older series do not."""
    tags = True
    """Old units know no verbose mode."""

    def defaults(self) -> dict[str, Value]:
        """Every output shows the input of its number."""
        self._presets: dict[int, dict[int, int]] = {}
        state: dict[str, Value] = {f"signal.{number}": True for number in self._inputs}
        inputs = self.settings.integer("inputs")
        for output in self._outputs:
            state |= {
                f"route.{output}": output if output <= inputs else 0,
                f"blank.{output}": False,
                f"mute.{output}": False,
                f"volume.{output}": 50.0,
            }
        return state | {"firmware": VERSION}

    def connected(self, client: Client) -> None:
        """Say who we are, ask for the password where there is one."""
        network = client.line == "tcp"
        needed = network and bool(self.settings.text("password"))
        self._talks[client] = _Talk(verbose=0 if network else 1, logged_in=not needed)
        if network:
            client.send(f"\r\n{BANNER}\r\nMon, 23 Nov 2026 08:00:00\r\n".encode())
        if needed:
            client.send(b"\r\nPassword:")

    def disconnected(self, client: Client) -> None:
        """Forget the controller."""
        self._talks.pop(client, None)

    def refused(self, client: Client) -> None:
        """One controller too many."""
        client.refuse(b"E26\r\n")

    def boot(self) -> None:
        """Power on."""
        self._talks: dict[Client, _Talk] = {client: _Talk(1, logged_in=True) for client in self.clients}
        super().boot()

    def received(self, client: Client, chunk: bytes) -> None:
        """Carry out each whole command of the stream."""
        talk = self._talks[client]
        talk.buffer += chunk.decode("latin-1")
        while not talk.logged_in and not client.closed and "\r" in talk.buffer:
            self._log_in(client, talk)
        while talk.logged_in and not client.closed and (found := self._next(talk)):
            run, match = found
            self._carry_out(client, run, match)
        if len(talk.buffer) > MAX_COMMAND:
            talk.buffer = ""
            self._answer(client, "E10")

    def announce(self, name: str, value: Value) -> None:
        """What verbose controllers are told of a button pressed at the unit."""
        kind, _, output = name.partition(".")
        line = {
            "route": f"Out{output:0>2} In{value:0>2} All",
            "blank": f"Vmt{output:0>2}*{value:d}" if isinstance(value, bool) else "",
            "mute": f"Amt{output:0>2}*{value:d}" if isinstance(value, bool) else "",
            "volume": f"Out{output:0>2} Vol{self._steps(value):02}",
        }.get(kind, "")
        if line:
            self._news(None, line)

    # -- talking --

    @property
    def _inputs(self) -> range:
        return range(1, self.settings.integer("inputs") + 1)

    @property
    def _outputs(self) -> range:
        return range(1, self.settings.integer("outputs") + 1)

    def _log_in(self, client: Client, talk: _Talk) -> None:
        given, _, rest = talk.buffer.partition("\r")
        talk.buffer = rest.lstrip("\n")
        if given.strip() == self.settings.text("password"):
            talk.logged_in = True
            client.send(b"\r\nLogin Administrator\r\n")
            return
        talk.tries += 1
        client.send(b"\r\nPassword:")
        if talk.tries >= PASSWORD_TRIES:
            client.close()

    def _next(self, talk: _Talk) -> tuple[_Run, re.Match[str]] | None:
        talk.buffer = talk.buffer.lstrip("\r\n ")
        if not talk.buffer or _UNFINISHED.fullmatch(talk.buffer):
            return None
        for pattern, run in self._commands:
            if match := pattern.match(talk.buffer):
                talk.buffer = talk.buffer[match.end() :]
                return run, match
        return None

    def _carry_out(self, client: Client, run: _Run, match: re.Match[str]) -> None:
        talk = self._talks[client]
        try:
            line = self._busy() if self.naks() else run(self, talk, match)
        except _Refused as refusal:
            code = str(refusal)
            if not (code == "E10" and self.silent_unknown):
                self._answer(client, code)
            return
        self._answer(client, line)
        if _NEWS.match(line) and run not in self._reads:
            self._news(client, line)

    def _answer(self, client: Client, line: str) -> None:
        client.send(f"{line}\r\n".encode())

    def _news(self, author: Client | None, line: str) -> None:
        for client in list(self.clients):
            if client is not author and self._talks[client].verbose in {1, 3} and self._talks[client].logged_in:
                self._answer(client, line)

    def _output(self, text: str) -> int:
        if int(text) not in self._outputs:
            raise _Refused("E12")
        return int(text)

    def _input(self, text: str) -> int:
        if int(text) > self.settings.integer("inputs"):
            raise _Refused("E01")
        return int(text)

    @staticmethod
    def _preset(text: str) -> int:
        if not 1 <= int(text) <= PRESETS:
            raise _Refused("E11")
        return int(text)

    @staticmethod
    def _steps(percent: Value) -> int:
        return round(float(percent) * MAX_STEPS / 100) if isinstance(percent, int | float) else 0

    # -- commands --

    def _tie(self, _talk: _Talk, match: re.Match[str]) -> str:
        source, output = self._input(match[1]), self._output(match[2])
        self._set_tie(output, source, match[3])
        return f"Out{output:02} In{source:02} {_PLANE[match[3]]}"

    def _tie_all(self, _talk: _Talk, match: re.Match[str]) -> str:
        source = self._input(match[1])
        for output in self._outputs:
            self._set_tie(output, source, match[2])
        return f"In{source:02} {_PLANE[match[2]]}"

    def _set_tie(self, output: int, source: int, plane: str) -> None:
        if plane != "$":  # sound alone: this unit's state is its picture
            self.change(f"route.{output}", source)

    def _read_tie(self, talk: _Talk, match: re.Match[str]) -> str:
        output = self._output(match[1])
        source = self.state[f"route.{output}"]
        return f"Out{output:02} In{source:02} {_PLANE[match[2]]}" if self._tagged(talk) else f"{source:02}"

    def _mute(self, _talk: _Talk, match: re.Match[str]) -> str:
        output, on, kind = self._output(match[1]), match[2] == "1", match[3].upper()
        self.change(f"{'blank' if kind == 'B' else 'mute'}.{output}", on)
        return f"{'Vmt' if kind == 'B' else 'Amt'}{output:02}*{on:d}"

    def _mute_all(self, _talk: _Talk, match: re.Match[str]) -> str:
        on, kind = match[1] == "1", match[2].upper()
        for output in self._outputs:
            self.change(f"{'blank' if kind == 'B' else 'mute'}.{output}", on)
        return f"{'Vmt' if kind == 'B' else 'Amt'}{on:d}"

    def _read_mute(self, talk: _Talk, match: re.Match[str]) -> str:
        output, kind = self._output(match[1]), match[2].upper()
        on = self.state[f"{'blank' if kind == 'B' else 'mute'}.{output}"] is True
        return f"{'Vmt' if kind == 'B' else 'Amt'}{output:02}*{on:d}" if self._tagged(talk) else f"{on:d}"

    def _volume(self, _talk: _Talk, match: re.Match[str]) -> str:
        output, steps = self._sounding(match[1]), int(match[2])
        if steps > MAX_STEPS:
            raise _Refused("E13")
        self.change(f"volume.{output}", steps * 100 / MAX_STEPS)
        return f"Out{output:02} Vol{steps:02}"

    def _nudge_volume(self, _talk: _Talk, match: re.Match[str]) -> str:
        output = self._sounding(match[1])
        steps = self._steps(self.state[f"volume.{output}"]) + (1 if match[2] == "+" else -1)
        self.change(f"volume.{output}", max(0, min(MAX_STEPS, steps)) * 100 / MAX_STEPS)
        return f"Out{output:02} Vol{self._steps(self.state[f'volume.{output}']):02}"

    def _read_volume(self, talk: _Talk, match: re.Match[str]) -> str:
        output = self._sounding(match[1])
        steps = self._steps(self.state[f"volume.{output}"])
        return f"Out{output:02} Vol{steps:02}" if self._tagged(talk) else f"{steps:02}"

    def _sounding(self, text: str) -> int:
        if not self.knows_volume:
            raise _Refused("E10")
        return self._output(text)

    def _signals(self, _talk: _Talk, _match: re.Match[str]) -> str:
        if not self.knows_signals:
            raise _Refused("E10")
        return "".join(str(int(self.state[f"signal.{number}"] is True)) for number in self._inputs)

    def _save(self, _talk: _Talk, match: re.Match[str]) -> str:
        number = self._preset(match[1])
        self._presets[number] = {output: int(str(self.state[f"route.{output}"])) for output in self._outputs}
        return f"Spr{number:02}"

    def _recall(self, _talk: _Talk, match: re.Match[str]) -> str:
        number = self._preset(match[1])
        if number not in self._presets:
            raise _Refused("E11")
        for output, source in self._presets[number].items():
            self.change(f"route.{output}", source)
        return f"Rpr{number:02}"

    def _firmware(self, _talk: _Talk, _match: re.Match[str]) -> str:
        return str(self.state["firmware"])

    def _part_number(self, _talk: _Talk, _match: re.Match[str]) -> str:
        return PART_NUMBER

    def _size(self, _talk: _Talk, _match: re.Match[str]) -> str:
        size = f"{self.settings.integer('inputs')}X{self.settings.integer('outputs')}"
        return f"V{size} A{size}"

    def _escape(self, talk: _Talk, match: re.Match[str]) -> str:
        text = match[1]
        if found := re.fullmatch(r"\+Q((?:\d{1,3}\*\d{1,3}[!&%$])+)", text):
            ties = [(self._input(tie[1]), self._output(tie[2]), tie[3]) for tie in _TIE.finditer(found[1])]
            for source, output, plane in ties:  # all were checked before the first becomes active
                self._set_tie(output, source, plane)
            return "Qik"
        if found := re.fullmatch(r"\+(\d{1,3})P((?:\d{1,3}\*\d{0,3}[!&%$])+)", text):
            number = self._preset(found[1])
            ties_of = self._presets.setdefault(number, {})
            for tie in re.finditer(r"(\d{1,3})\*(\d{0,3})[!&%$]", found[2]):
                for output in [self._output(tie[2])] if tie[2] else self._outputs:
                    ties_of[output] = self._input(tie[1])
            return f"Spr{number:02}"
        if text.upper() == "VM":
            table = "".join(
                str((self.state[f"blank.{output}"] is True) + 2 * (self.state[f"mute.{output}"] is True))
                for output in self._outputs
            )
            return f"Mut{table}" if self.tags and talk.verbose == 3 else table
        if (found := re.fullmatch(r"([0-3])CV", text, re.IGNORECASE)) and self.tags:
            talk.verbose = int(found[1])
            return f"Vrb{found[1]}"
        if text.upper() == "CV" and self.tags:
            return f"Vrb{talk.verbose}" if talk.verbose > 1 else str(talk.verbose)
        raise _Refused("E10")

    def _unknown(self, _talk: _Talk, _match: re.Match[str]) -> str:
        raise _Refused("E10")

    def _busy(self) -> str:
        raise _Refused("E22")

    def _tagged(self, talk: _Talk) -> bool:
        return self.tags and talk.verbose in {2, 3}

    _commands: ClassVar[Sequence[tuple[re.Pattern[str], _Run]]] = [
        (re.compile(r"\x1b([^\r\x1b]*)\r"), _escape),
        (_TIE, _tie),
        (re.compile(r"(\d{1,3})\*([!&%$])"), _tie_all),
        (re.compile(r"(\d{1,3})([!&%$])"), _read_tie),
        (re.compile(r"(\d{1,3})\*([01])([BbZz])"), _mute),
        (re.compile(r"([01])\*([BbZz])"), _mute_all),
        (re.compile(r"(\d{1,3})([BbZz])"), _read_mute),
        (re.compile(r"(\d{1,3})\*(\d{1,3})[Vv]"), _volume),
        (re.compile(r"(\d{1,3})([+-])[Vv]"), _nudge_volume),
        (re.compile(r"(\d{1,3})[Vv]"), _read_volume),
        (re.compile(r"0LS"), _signals),
        (re.compile(r"(\d{1,3}),"), _save),
        (re.compile(r"(\d{1,3})\."), _recall),
        (re.compile(r"[Qq]"), _firmware),
        (re.compile(r"[Ii]"), _size),
        (re.compile(r"[Nn]"), _part_number),
        (_UNKNOWN, _unknown),
    ]
    _reads: ClassVar[AbstractSet[_Run]] = {_read_tie, _read_mute, _read_volume}
