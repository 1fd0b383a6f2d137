"""The device itself, as strict and as honest as the real one. It reads the wire by itself: never import `protocol` here."""

from __future__ import annotations

from devices.sdk import Value
from devices.sdk.testing import Client, Simulator

INPUTS = {"11": "hdmi1", "12": "hdmi2", "21": "vga1"}
LONGEST = 64


class DisplaySimulator(Simulator):
    """A display with a set number."""

    def defaults(self) -> dict[str, Value]:
        """State after power on."""
        self._buffers: dict[Client, bytes] = {}
        return {"power": "off", "input": "hdmi1", "volume": 20.0}

    def disconnected(self, client: Client) -> None:
        """Forget half a command of a controller that left."""
        self._buffers.pop(client, None)

    def received(self, client: Client, chunk: bytes) -> None:
        """Carry out each line that is complete."""
        *lines, rest = (self._buffers.get(client, b"") + chunk).split(b"\r")
        self._buffers[client] = rest[-LONGEST:]
        for line in lines:
            answer = self._obey(line.decode("ascii", "replace").split())
            if answer:
                client.send(f"{self.settings.integer('id'):02} {answer}\r".encode())

    def announce(self, name: str, value: Value) -> None:
        """A button at the set is told to everybody."""
        self.broadcast(f"{self.settings.integer('id'):02} {self._tell(name)}\r".encode())

    def _obey(self, words: list[str]) -> str:
        if len(words) != 3 or words[0] != f"{self.settings.integer('id'):02}":
            return "" if words and words[0].isdigit() and len(words) == 3 else "ERR 1"
        word, value = words[1], words[2]
        name = {"PWR": "power", "INP": "input", "VOL": "volume"}.get(word)
        if name is None:
            return "ERR 1"
        if value == "?":
            return self._tell(name)
        if self.naks() or (name == "input" and self.state["power"] != "on"):
            return "ERR 3"
        return self._set(name, word, value)

    def _set(self, name: str, word: str, value: str) -> str:
        if name == "power" and value in {"0", "1"}:
            self.change(name, "on" if value == "1" else "off")
        elif name == "input" and value in INPUTS:
            self.change(name, INPUTS[value])
        elif name == "volume" and value.isdigit() and int(value) <= 100:
            self.change(name, float(value))
        else:
            return "ERR 2"
        return f"{word} {value}"

    def _tell(self, name: str) -> str:
        value = self.state[name]
        if name == "power":
            return f"PWR {int(value == 'on')}"
        if name == "input":
            return "INP " + next(code for code, known in INPUTS.items() if known == value)
        return f"VOL {value:.0f}" if isinstance(value, float) else "ERR 2"
