"""A simulated Videohub: whole state at connecting, ACK and NAK, changes told to everybody, locks of each client. Its parser is its own."""

from __future__ import annotations

from collections.abc import Iterable

from devices.sdk import Value
from devices.sdk.testing import Client, Simulator

MODEL = "Blackmagic Smart Videohub"
MAX_BUFFER = 64 * 1024
_ANSWERED = (
    "VIDEOHUB DEVICE",
    "INPUT LABELS",
    "OUTPUT LABELS",
    "VIDEO OUTPUT LOCKS",
    "VIDEO OUTPUT ROUTING",
    "CONFIGURATION",
)


class VideohubSimulator(Simulator):
    """A hub of any size. `lock.N` is `locked` whoever holds it; each client is told whether it is the one."""

    def defaults(self) -> dict[str, Value]:
        """Every output shows the input of its number, nothing is locked."""
        self._buffers: dict[Client, str] = {}
        self._owners: dict[int, Client | None] = {}
        inputs = self.settings.integer("inputs")
        state: dict[str, Value] = {"model": MODEL}
        for output in self._outputs:
            state |= {
                f"route.{output}": min(output, inputs),
                f"lock.{output}": "unlocked",
                f"label.{output}": f"Output {output}",
            }
        return state | {f"input_label.{number}": f"Input {number}" for number in range(1, inputs + 1)}

    def connected(self, client: Client) -> None:
        """The prelude."""
        client.send(b"PROTOCOL PREAMBLE:\nVersion: 2.8\n\n")
        for title in _ANSWERED:
            client.send(self._block(title, client))
        client.send(b"END PRELUDE:\n\n")

    def disconnected(self, client: Client) -> None:
        """Forget the controller; its locks stay, as they do in a real hub."""
        self._buffers.pop(client, None)

    def received(self, client: Client, chunk: bytes) -> None:
        """Carry out each block that is complete."""
        text = self._buffers.get(client, "") + chunk.decode("utf-8", "replace").replace("\r", "")
        *blocks, rest = text.split("\n\n")
        self._buffers[client] = rest[-MAX_BUFFER:]
        for block in blocks:
            title, *lines = [line for line in block.split("\n") if line] or [""]
            self._obey(client, title, lines)

    def announce(self, name: str, value: Value) -> None:
        """A button at the hub, or another client's lock."""
        kind, _, number = name.partition(".")
        if kind == "lock":
            self._owners[int(number)] = None
        title = {"route": _ANSWERED[4], "lock": _ANSWERED[3], "label": _ANSWERED[2], "input_label": _ANSWERED[1]}.get(
            kind
        )
        if title:
            self._tell(title, [int(number)])

    # -- talking --

    @property
    def _outputs(self) -> range:
        return range(1, self.settings.integer("outputs") + 1)

    def _obey(self, client: Client, title: str, lines: list[str]) -> None:
        if title == "PING:" and not lines:
            client.send(b"ACK\n\n")
            return
        if not title.endswith(":") or title[:-1] not in _ANSWERED or (lines and self.naks()):
            client.send(b"NAK\n\n")
            return
        name = title[:-1]
        if not lines:
            client.send(b"ACK\n\n")
            client.send(self._block(name, client))
            return
        wanted = self._understood(name, lines)
        if wanted is None:
            client.send(b"NAK\n\n")
            return
        client.send(b"ACK\n\n")
        changed = [number for number, value in wanted if self._carried_out(client, name, number, value)]
        if changed:
            self._tell(name, changed)

    def _understood(self, title: str, lines: list[str]) -> list[tuple[int, str]] | None:
        """Ports from 1 with what is wanted of them; None when one of the lines makes no sense: then none is carried out."""
        wanted: list[tuple[int, str]] = []
        for line in lines:
            number, blank, value = line.partition(" ")
            if not blank or not number.isdigit():
                return None
            port = int(number) + 1
            inputs = self.settings.integer("inputs")
            if port not in (range(1, inputs + 1) if title == "INPUT LABELS" else self._outputs):
                return None
            if title == "VIDEO OUTPUT ROUTING" and not (value.isdigit() and int(value) < inputs):
                return None
            if title == "VIDEO OUTPUT LOCKS" and value not in {"U", "O", "F"}:
                return None
            if title in {"VIDEOHUB DEVICE", "CONFIGURATION"}:
                return None
            wanted.append((port, value))
        return wanted

    def _carried_out(self, client: Client, title: str, port: int, value: str) -> bool:
        """True when something changed. A route of a locked output is ignored."""
        if title == "VIDEO OUTPUT LOCKS":
            return self._lock(client, port, value)
        if title == "VIDEO OUTPUT ROUTING":
            if self._letter(port, client) == "L":
                return False
            self.change(f"route.{port}", int(value) + 1)
        else:
            self.change(f"{'label' if title == 'OUTPUT LABELS' else 'input_label'}.{port}", value)
        return not self.faults.lie

    def _lock(self, client: Client, port: int, value: str) -> bool:
        if value == "O" and self._letter(port, client) == "U":
            self._owners[port] = client
            self.change(f"lock.{port}", "locked")
            return True
        if value == "F" or (value == "U" and self._letter(port, client) == "O"):
            self._owners.pop(port, None)
            self.change(f"lock.{port}", "unlocked")
            return True
        return False

    def _tell(self, title: str, ports: list[int]) -> None:
        for client in list(self.clients):
            client.send(self._block(title, client, ports))

    # -- saying --

    def _letter(self, port: int, client: Client) -> str:
        if self.state[f"lock.{port}"] != "locked":
            return "U"
        return "O" if self._owners.get(port) is client else "L"

    def _block(self, title: str, client: Client, ports: Iterable[int] | None = None) -> bytes:
        return "\n".join([f"{title}:", *self._said(title, client, ports), "", ""]).encode()

    def _said(self, title: str, client: Client, ports: Iterable[int] | None) -> list[str]:
        inputs = self.settings.integer("inputs")
        wanted = list(
            ports if ports is not None else range(1, inputs + 1) if title == "INPUT LABELS" else self._outputs
        )
        match title:
            case "VIDEO OUTPUT ROUTING":
                return [f"{port - 1} {int(str(self.state[f'route.{port}'])) - 1}" for port in wanted]
            case "VIDEO OUTPUT LOCKS":
                return [f"{port - 1} {self._letter(port, client)}" for port in wanted]
            case "OUTPUT LABELS":
                return [f"{port - 1} {self.state[f'label.{port}']}" for port in wanted]
            case "INPUT LABELS":
                return [f"{port - 1} {self.state[f'input_label.{port}']}" for port in wanted]
            case "CONFIGURATION":
                return ["Take Mode: true"]
        return [
            "Device present: true",
            f"Model name: {self.state['model']}",
            "Unique ID: 7C2E0D000001",
            f"Video inputs: {inputs}",
            "Video processing units: 0",
            f"Video outputs: {len(self._outputs)}",
            "Video monitoring outputs: 0",
            "Serial ports: 0",
        ]
