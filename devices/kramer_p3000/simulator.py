"""A simulated Kramer matrix: reads Protocol 3000 as strictly as a unit does, answers with its own words and codes. Its parser is its own."""

from __future__ import annotations

from dataclasses import dataclass

from devices.sdk import Value
from devices.sdk.testing import Client, Simulator

MODEL = "VS-88H2"
VERSION = "2.61"
SERIAL_NUMBER = "02190099010001"
PRESETS = 60
MAX_BUFFER = 1024


@dataclass(slots=True)
class _Talk:
    """What the unit remembers of one controller."""

    logged_in: bool
    buffer: str = ""


class _Refused(Exception):  # a refusal is no error of the program
    """Ends a command with the unit's code."""


class KramerP3000Simulator(Simulator):
    """A matrix of any size in either dialect, with presets and, where room.yaml names a password, security."""

    def defaults(self) -> dict[str, Value]:
        """Every output shows the input of its number."""
        self._presets: dict[int, dict[int, int]] = {}
        self._talks: dict[Client, _Talk] = {client: self._new(client) for client in self.clients}
        ties = {f"route.{output}": output if output <= self._inputs else 0 for output in self._outputs}
        return ties | {f"signal.{number}": True for number in range(1, self._inputs + 1)} | {"model": MODEL}

    def connected(self, client: Client) -> None:
        """Nothing is said before the first line."""
        self._talks[client] = self._new(client)

    def disconnected(self, client: Client) -> None:
        """Forget the controller."""
        self._talks.pop(client, None)

    def received(self, client: Client, chunk: bytes) -> None:
        """Carry out each line that is complete."""
        talk = self._talks[client]
        *lines, rest = (talk.buffer + chunk.decode("latin-1")).split("\r")
        talk.buffer = rest[-MAX_BUFFER:]
        for line in lines:
            self._line(client, line.lstrip("\n"))

    def announce(self, name: str, value: Value) -> None:
        """A button at the unit, or a cable, is told to everybody."""
        kind, _, number = name.partition(".")
        if kind == "route" and isinstance(value, int):
            self._tell_all(int(number), value, but=None)
        elif kind == "signal":
            for client in list(self.clients):
                if self._talks[client].logged_in:
                    self._say(client, self._signal(int(number)))

    # -- talking --

    @property
    def _inputs(self) -> int:
        return self.settings.integer("inputs")

    @property
    def _outputs(self) -> range:
        return range(1, self.settings.integer("outputs") + 1)

    @property
    def _nothing(self) -> int:
        return 0 if self.settings.text("nothing") == "zero" else self._inputs + 1

    @property
    def _old(self) -> bool:
        return self.settings.text("dialect") == "vid"

    def _new(self, client: Client) -> _Talk:
        return _Talk(logged_in=not self.settings.text("password"))

    def _say(self, client: Client, text: str) -> None:
        client.send(f"~{self.settings.integer('machine') or 1:02}@{text}\r\n".encode())

    def _line(self, client: Client, line: str) -> None:
        start, hash_, body = line.partition("#")
        if not hash_ or start.strip():
            return  # noise: every line of a host begins with #
        address, at, commands = body.partition("@")
        if at and address.isdigit():
            if int(address) != (self.settings.integer("machine") or 1):
                return
            body = commands
        if len(line) + 1 > self.settings.integer("line_limit"):
            self._say(client, "ERR001")
            return
        for command in body.split("|"):
            self._command(client, command.strip())

    def _command(self, client: Client, command: str) -> None:
        verb, _, rest = command.partition(" ")
        verb = verb.upper()
        try:
            refusing = verb and not verb.endswith("?") and self.naks()
            self._say(client, f"{verb} ERR003" if refusing else self._carried_out(client, verb, rest.strip()))
        except _Refused as refused:
            name = f"{verb} " if str(refused) != "ERR002" else ""
            self._say(client, f"{name}{refused}")

    def _carried_out(self, client: Client, verb: str, rest: str) -> str:
        """Do it and return what the unit says."""
        talk = self._talks[client]
        if verb == "":
            return " OK"
        if verb == "LOGIN":
            return self._log_in(talk, rest)
        if not talk.logged_in:
            raise _Refused("ERR004")
        if verb in {"VID", "V", "AV"} and self._old:
            return self._switch_old(client, "AV" if verb == "AV" else "VID", rest)
        if verb in {"VID?", "V?", "AV?"} and self._old:
            return self._show_old(rest)
        if verb == "ROUTE" and not self._old:
            return self._switch_new(client, rest)
        if verb == "ROUTE?" and not self._old:
            return self._show_new(rest)
        if verb == "SIGNAL?":
            return self._signal(self._input(rest))
        if verb in {"PRST-STO", "PRST-RCL"}:
            return self._preset(verb, rest)
        said = {
            "MODEL?": f"MODEL {MODEL}",
            "VERSION?": f"VERSION {VERSION}",
            "SN?": f"SN {SERIAL_NUMBER}",
            "INFO-IO?": f"INFO-IO IN {self._inputs},OUT {len(self._outputs)}",
            "INFO-PRST?": f"INFO-PRST VID {PRESETS},AUD 0",
        }
        if verb not in said:
            raise _Refused("ERR002")
        return said[verb]

    def _log_in(self, talk: _Talk, rest: str) -> str:
        user, comma, password = rest.partition(",")
        if not comma:
            raise _Refused("ERR001")
        if password != self.settings.text("password") or user != self.settings.text("user"):
            raise _Refused("ERR004")
        talk.logged_in = True
        return f"LOGIN {rest} OK"

    # -- the old dialect --

    def _switch_old(self, client: Client, verb: str, rest: str) -> str:
        ties: dict[int, int] = {}
        for pair in rest.split(","):
            source, mark, output = pair.strip().partition(">")
            if not mark:
                raise _Refused("ERR001")
            for number in self._outputs if output == "*" else (self._output(output),):
                ties[number] = self._input(source)
        self._tie(client, ties)
        return f"{verb} {rest} OK"

    def _show_old(self, rest: str) -> str:
        wanted = self._outputs if rest == "*" else (self._output(rest),)
        return "VID " + ",".join(f"{self._wired(output)}>{output}" for output in wanted)

    # -- the new dialect --

    def _switch_new(self, client: Client, rest: str) -> str:
        words = [word.strip() for word in rest.split(",")]
        if len(words) != 3:
            raise _Refused("ERR001")
        layer, output, source = words
        if layer not in {"1", "2", "12"}:
            raise _Refused("ERR003")
        wanted = self._outputs if output == "*" else (self._output(output),)
        source_number = self._input(source)
        if layer != "2":  # sound alone: this unit's state is its picture
            self._tie(client, dict.fromkeys(wanted, source_number))
        return f"ROUTE {layer},{output},{source}"

    def _show_new(self, rest: str) -> str:
        layer, comma, output = rest.partition(",")
        if not comma:
            raise _Refused("ERR001")
        if layer.strip() not in {"1", "2", "12"}:
            raise _Refused("ERR003")
        return f"ROUTE {layer.strip()},{output.strip()},{self._wired(self._output(output))}"

    # -- state --

    def _tie(self, client: Client, ties: dict[int, int]) -> None:
        for output, source in ties.items():
            changed = self.state[f"route.{output}"] != source
            self.change(f"route.{output}", source)
            if changed:
                self._tell_all(output, source, but=client)

    def _signal(self, number: int) -> str:
        if not number:
            raise _Refused("ERR003")
        return f"SIGNAL {number},{self.state[f'signal.{number}'] is True:d}"

    def _preset(self, verb: str, rest: str) -> str:
        if not rest.isdigit():
            raise _Refused("ERR001")
        number = int(rest)
        if not 1 <= number <= PRESETS or (verb == "PRST-RCL" and number not in self._presets):
            raise _Refused("ERR003")
        if verb == "PRST-STO":
            self._presets[number] = {output: self._source(output) for output in self._outputs}
        else:
            for output, source in self._presets[number].items():
                self.change(f"route.{output}", source)
        return f"{verb} {number} OK"

    def _tell_all(self, output: int, source: int, *, but: Client | None) -> None:
        wired = source or self._nothing
        text = f"VID {wired}>{output}" if self._old else f"ROUTE {self.settings.integer('layer')},{output},{wired}"
        for client in list(self.clients):
            if client is not but and self._talks[client].logged_in:
                self._say(client, text)

    def _source(self, output: int) -> int:
        value = self.state[f"route.{output}"]
        return value if isinstance(value, int) else 0

    def _wired(self, output: int) -> int:
        return self._source(output) or self._nothing

    def _output(self, text: str) -> int:
        text = text.strip()
        if not text.isdigit():
            raise _Refused("ERR001")
        if int(text) not in self._outputs:
            raise _Refused("ERR003")
        return int(text)

    def _input(self, text: str) -> int:
        text = text.strip()
        if not text.isdigit():
            raise _Refused("ERR001")
        number = int(text)
        if number == self._nothing:
            return 0
        if not 1 <= number <= self._inputs:
            raise _Refused("ERR003")
        return number
