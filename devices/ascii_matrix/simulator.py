"""The matrix a profile describes: reads the profile's commands, says its replies. It shares the profile with the driver and nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping

from devices.ascii_matrix.profile import LONGEST_LINE, Command, Profile, chosen
from devices.ascii_matrix.shapes import Checksum, Effect, Meaning
from devices.sdk import Manifest, Settings, Value
from devices.sdk.testing import Client, Faults, Simulator

_Values = dict[str, int | str | tuple[int, ...]]


class AsciiMatrixSimulator(Simulator):
    """A matrix of any size and dialect."""

    def __init__(
        self,
        manifest: Manifest,
        settings: Settings,
        *,
        faults: Faults | None = None,
        clock: Callable[[], float] = time.monotonic,
        seed: int = 0,
    ) -> None:
        self.profile: Profile = chosen(settings)
        super().__init__(manifest, settings, faults=faults, clock=clock, seed=seed)

    def defaults(self) -> dict[str, Value]:
        """Every output shows the input of its number."""
        self._presets: dict[int, dict[int, int]] = {}
        self._buffers: dict[Client, bytes] = {}
        inputs = self.settings.integer("inputs")
        return {f"route.{output}": output if output <= inputs else 1 for output in self._outputs}

    def connected(self, client: Client) -> None:
        """Greet over the network, where this dialect does."""
        if self.profile.greeting and client.line == "tcp":
            client.send(self._bytes(self.profile.greeting))

    def disconnected(self, client: Client) -> None:
        """Forget half a command of a controller that left."""
        self._buffers.pop(client, None)

    def received(self, client: Client, chunk: bytes) -> None:
        """Carry out each command that is complete."""
        self._buffers[client] = self._buffers.get(client, b"") + chunk
        cut = self._cut_frames if self.profile.hexadecimal else self._cut_lines
        for text in cut(client):
            self._obey(client, text)

    def announce(self, name: str, value: Value) -> None:
        """A button at the matrix, told to everybody where this dialect does."""
        if self.profile.front_panel is not None and isinstance(value, int):
            output = int(name.rpartition(".")[2])
            self.broadcast(self._bytes(self._told(self.profile.front_panel, None, output, value)))

    # -- reading the wire --

    def _cut_lines(self, client: Client) -> Iterable[str]:
        buffer = self._buffers[client].decode("latin-1")
        found: list[str] = []
        while True:
            ends = [(at, -len(end)) for end in self.profile.wire.commands_end if (at := buffer.find(end)) >= 0]
            if not ends:
                break
            at, length = min(ends)
            found.append(buffer[: at - length].lstrip())
            buffer = buffer[at - length :]
        if len(buffer) > LONGEST_LINE:  # noise without an end
            buffer = ""
        self._buffers[client] = buffer.encode("latin-1")
        return found

    def _cut_frames(self, client: Client) -> Iterable[str]:
        buffer, length = self._buffers[client], self.profile.wire.length or 0
        start, rule = bytes.fromhex(self.profile.wire.start), self.profile.wire.checksum
        found: list[str] = []
        while len(buffer) >= length:
            frame = buffer[:length]
            if frame[: len(start)] == start and (rule is None or _last_byte(rule, frame[:-1]) == frame[-1]):
                found.append(frame.hex(" ").upper())
                buffer = buffer[length:]
            else:
                buffer = buffer[1:]
        self._buffers[client] = buffer
        return found

    # -- carrying out --

    def _obey(self, client: Client, text: str) -> None:
        for command in self.profile.commands.values():
            groups = command.understood(text)
            if groups is not None:
                if self.naks() or not self._carry_out(client, command, groups):
                    self._refuse(client)
                return
        self._refuse(client)

    def _carry_out(self, client: Client, command: Command, groups: Mapping[str, str]) -> bool:
        base = 16 if self.profile.hexadecimal else 10
        first = self.profile.wire.counts_from
        ports = {name: int(groups[name], base) + 1 - first for name in ("in", "out") if name in groups}
        outputs = [int(number) + 1 - first for number in _digits(groups.get("outs", ""))] or [ports.get("out", 1)]
        if not 1 <= ports.get("in", 1) <= self.settings.integer("inputs") or any(
            output not in self._outputs for output in outputs
        ):
            return False
        preset = int(groups.get("preset", "0"))
        ties = self._ties(command.effect, ports.get("in", 0), outputs, preset)
        if ties is None:
            return False
        for output, source in ties.items():
            self.change(f"route.{output}", source)
        self._answer(client, command, ports.get("in", 0), outputs, preset)
        return True

    def _ties(self, effect: Effect, source: int, outputs: list[int], preset: int) -> dict[int, int] | None:
        """What a command changes; None when it cannot be carried out."""
        match effect:
            case Effect.ROUTE | Effect.ROUTE_MANY:
                return dict.fromkeys(outputs, source)
            case Effect.ROUTE_ALL:
                return dict.fromkeys(self._outputs, source)
            case Effect.STRAIGHT:
                return {output: output for output in self._outputs if output <= self.settings.integer("inputs")}
            case Effect.OFF:
                return dict.fromkeys(outputs, 0)
            case Effect.OFF_ALL:
                return dict.fromkeys(self._outputs, 0)
            case Effect.STORE:
                self._presets[preset] = {output: self._source(output) for output in self._outputs}
            case Effect.RECALL:
                return self._presets.get(preset)
            case Effect.ASK | Effect.ASK_ALL:
                pass
        return {}

    def _answer(self, client: Client, command: Command, source: int, outputs: list[int], preset: int) -> None:
        if command.reply is None:
            return
        if command.effect is Effect.ASK_ALL and self.profile.replies[command.reply].each is None:
            for output in self._outputs:
                self._send(client, self._told(command.reply, command.reply_when_off, output, self._source(output)))
            return
        if command.effect is Effect.ASK:
            text = self._told(command.reply, command.reply_when_off, outputs[0], self._source(outputs[0]))
        else:
            text = self._filled(command.reply, source, outputs, preset)
        self._send(client, text)

    def _refuse(self, client: Client) -> None:
        """Say no in the dialect's own words; where it has none, nothing."""
        wanted = [Meaning.BUSY, Meaning.REFUSED, Meaning.UNSUPPORTED]
        for meaning in wanted:
            for name, reply in self.profile.replies.items():
                if reply.means is meaning:
                    self._send(client, self._filled(name, 0, [1], 0))
                    return

    # -- saying --

    @property
    def _outputs(self) -> range:
        return range(1, self.settings.integer("outputs") + 1)

    def _source(self, output: int) -> int:
        value = self.state[f"route.{output}"]
        return value if isinstance(value, int) else 0

    def _told(self, reply: str, reply_when_off: str | None, output: int, source: int) -> str:
        name = reply_when_off if source == 0 and reply_when_off is not None else reply
        return self._filled(name, source, [output], 0)

    def _filled(self, name: str, source: int, outputs: list[int], preset: int) -> str:
        reply, first = self.profile.replies[name], self.profile.wire.counts_from
        values: _Values = {"in": source - 1 + first if source else 0, "out": outputs[0] - 1 + first, "preset": preset}
        values["outs"] = tuple(output - 1 + first for output in outputs)
        if reply.each is not None:
            values["each"] = "".join(
                reply.each.fill({"in": self._source(output) - 1 + first, "out": output - 1 + first})
                for output in self._outputs
            )
        return reply.says.fill(values)

    def _send(self, client: Client, text: str) -> None:
        client.send(self._bytes(text))

    def _bytes(self, text: str) -> bytes:
        if not self.profile.hexadecimal:
            return (text + self.profile.wire.replies_end[0]).encode("latin-1")
        frame, rule = bytes.fromhex(text.removesuffix("{sum}")), self.profile.wire.checksum
        return frame if rule is None else frame + bytes([_last_byte(rule, frame)])


def _last_byte(rule: Checksum, frame: bytes) -> int:
    """The checksum, by the rule's own words: after `negated_sum` all bytes add up to zero."""
    total = 0
    for byte in frame[rule.skip :]:
        total = total ^ byte if rule.rule == "xor" else (total + byte) & 0xFF
    return (0x100 - total) & 0xFF if rule.rule == "negated_sum" else total


def _digits(text: str) -> list[str]:
    return "".join(character if character.isdigit() else " " for character in text).split()
