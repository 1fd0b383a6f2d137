"""Kramer matrix switchers: ties in either dialect, several of them at one moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast

from devices.kramer_p3000 import protocol as p3000
from devices.sdk import (
    BadSetting,
    Command,
    ConfigurationError,
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
    ReadingSource,
    Refused,
    ReplyTimeout,
    Reported,
    Salvo,
    Set,
    Settings,
    TerminatorFramer,
    Value,
    WrongPassword,
)

MAX_GREETING = 8
"""Lines a unit may say before it answers: its name and version, news."""

_REFUSALS: Mapping[str, tuple[type[Refused], str]] = {
    "ERR001": (Refused, "syntax error"),
    "ERR002": (NotSupported, "command not known to this unit; is the dialect right?"),
    "ERR003": (Refused, "parameter out of range"),
}


class KramerP3000(Driver):
    """A matrix switcher that speaks Protocol 3000."""

    def __init__(self, manifest: Manifest, settings: Settings) -> None:
        super().__init__(manifest, settings)
        self._old = settings.text("dialect") == "vid"
        self._machine = settings.integer("machine")
        self._outputs = settings.integer("outputs")
        self._inputs = settings.integer("inputs")
        self._nothing = 0 if settings.text("nothing") == "zero" else self._inputs + 1
        self._awaited: set[tuple[int, int]] = set()

    def framer(self) -> Framer:
        """Lines."""
        return TerminatorFramer(b"\n", b"\r", strip_nul=True)

    def reset(self) -> None:
        """Forget what was to be acknowledged."""
        self._awaited.clear()

    async def login(self, link: Link) -> None:
        """Log in where there is a password, then shake hands: a unit that does not answer `#` speaks something else."""
        password = self.settings.text("password")
        if password:
            await link.send(p3000.line(self._machine, p3000.login(self.settings.text("user"), password)))
            answer = await self._answer(link, "LOGIN")
            if isinstance(answer, p3000.Refusal):
                raise WrongPassword("the matrix does not accept user and password")
        await link.send(p3000.line(self._machine))
        await self._answer(link, "")

    def stamp(self, frame: Frame) -> bytes:
        """Note which ties the line asks for: each is acknowledged, perhaps in a line of its own."""
        self._awaited = set(p3000.ties_of(frame.payload))
        return frame.payload

    def repeat(self, frame: Frame, payload: bytes) -> bytes:
        """The same line again, to be acknowledged again."""
        del payload
        return self.stamp(frame)

    def interpret(self, message: bytes, pending: Command | None) -> Iterable[Event]:
        """Events of one line."""
        line = p3000.parse(message)
        if line is None or (self._machine and line.machine not in (None, self._machine)):
            return []
        match line:
            case p3000.Tied(_, _, ties, ok):
                return self._told(ties, pending, ok=ok)
            case p3000.Signal(_, number, on):
                return [Reported(f"signal.{number}", on)] if 1 <= number <= self._inputs else []
            case p3000.Refusal(_, verb, code):
                return [Failed(refusal(code))] if pending is not None and verb in {"", self._verb(pending)} else []
            case p3000.Said(_, "MODEL", text, _):
                return [Reported("model", text)]
            case p3000.Said(_, verb, _, True) if pending is not None and verb and verb == self._verb(pending):
                return [Done()]
        return []

    def keepalive(self) -> Query:
        """The model: the one answer that looks like no other."""
        return Query("model")

    def snapshot(self) -> tuple[Query, ...]:
        """In the old dialect one answer tells every output; signals are asked one by one, and only known where the model tells."""
        last = 1 if self._old else self._outputs
        ties = (Query(f"route.{output}") for output in range(1, last + 1))
        return (Query("model"), *ties, *(Query(f"signal.{number}") for number in range(1, self._inputs + 1)))

    # -- capabilities --

    def encode_routes(self, ties: Mapping[int, int]) -> Frames:
        """All ties of a line become active together; a list too long for the unit goes out as several lines."""
        wired = {output: self._wire(source) for output, source in ties.items()}
        limit = self.settings.integer("line_limit")
        if self._old:
            return tuple(Frame(p3000.line(self._machine, p3000.vid(part))) for part in self._parts(wired, limit))
        layer = self.settings.integer("layer")
        commands = [p3000.route(layer, output, source) for output, source in wired.items()]
        return tuple(Frame(payload) for payload in p3000.lines_of(self._machine, commands, limit))

    def query_route(self, output: int) -> Frames:
        """Which input an output shows; in the old dialect every output at once."""
        if self._old:
            return (Frame(p3000.line(self._machine, p3000.read_all_vid())),)
        return (Frame(p3000.line(self._machine, p3000.read_route(self.settings.integer("layer"), output))),)

    def query_signal(self, channel: int | None) -> Frames:
        """Whether a picture arrives at an input."""
        return (Frame(p3000.line(self._machine, p3000.read_signal(channel or 1))),)

    def query_status(self, name: str) -> Frames:
        """The model's name."""
        del name
        return (Frame(p3000.line(self._machine, "MODEL?")),)

    def encode_store_preset(self, number: int) -> Frames:
        """Save the present ties."""
        return (Frame(p3000.line(self._machine, f"PRST-STO {_preset(number)}")),)

    def encode_action(self, name: str, arguments: Mapping[str, Value]) -> Frames:
        """Recall a preset."""
        if name != "recall_preset":
            return super().encode_action(name, arguments)
        return (Frame(p3000.line(self._machine, f"PRST-RCL {_preset(cast('int', arguments['number']))}")),)

    # -- values to words --

    def _wire(self, source: int) -> int:
        if source > self._inputs:
            raise BadSetting(f"input {source} does not exist; this matrix has {self._inputs}", key="route")
        return source or self._nothing

    def _parts(self, wired: Mapping[int, int], limit: int) -> list[dict[int, int]]:
        parts: list[dict[int, int]] = [{}]
        for output, source in wired.items():
            longer = {**parts[-1], output: source}
            if parts[-1] and len(p3000.line(self._machine, p3000.vid(longer))) > limit:
                parts.append({output: source})
            else:
                parts[-1] = longer
        return parts

    def _verb(self, pending: Command) -> str:
        match pending:
            case Query("model"):
                return "MODEL"
            case Query(name) if name.startswith("signal."):
                return "SIGNAL"
            case Set() | Salvo() | Query():
                return "VID" if self._old else "ROUTE"
        return "PRST-STO" if pending.name == "store_preset" else "PRST-RCL"

    # -- words to events --

    def _told(self, ties: tuple[tuple[int, int], ...], pending: Command | None, *, ok: bool) -> list[Event]:
        """An acknowledgement, once it is whole, ends a command and proves nothing; an answer to our question and news are readings."""
        if isinstance(pending, Set | Salvo) and self._awaited and set(ties) <= self._awaited:
            self._awaited -= set(ties)
            return [Done()] if not self._awaited else []
        if ok and not isinstance(pending, Query):  # late or doubled: it proves nothing either
            return []
        asked = (
            int(pending.property.rpartition(".")[2])
            if isinstance(pending, Query) and pending.property.startswith("route.")
            else 0
        )
        shown = {output: source for number, source in ties for output in self._numbers(number)}
        whole = asked in shown and (not self._old or len(shown) > 1 or self._outputs == 1)
        source = None if whole else ReadingSource.UNSOLICITED
        return [
            Reported(f"route.{output}", self._input(wired), source)
            for output, wired in shown.items()
            if 1 <= output <= self._outputs and (wired <= self._inputs or wired == self._nothing)
        ]

    def _numbers(self, output: int) -> Iterable[int]:
        return range(1, self._outputs + 1) if output == p3000.ALL_OUTPUTS else (output,)

    def _input(self, wired: int) -> int:
        return 0 if wired == self._nothing else wired

    async def _answer(self, link: Link, verb: str) -> p3000.Line:
        """The line that answers during login; greeting and news are passed over."""
        for _ in range(MAX_GREETING):
            line = p3000.parse(await link.receive())
            if isinstance(line, p3000.Said | p3000.Refusal) and line.verb in {verb, ""}:
                return line
        raise ReplyTimeout("it talks, but does not answer `#`: is it set to Protocol 3000?")


def refusal(code: str) -> DeviceError:
    """What `ERR003` means and who can mend it."""
    if code == "ERR004":
        return ConfigurationError("the matrix wants a login: set user, and password: !secret NAME (ERR004)")
    kind, sentence = _REFUSALS.get(code, (Refused, "refused"))
    return kind(f"{sentence} ({code})", device_code=code)


def _preset(number: float) -> int:
    if not isinstance(number, int) or not 1 <= number <= p3000.PRESETS:
        raise BadSetting(f"preset {number} does not exist; there are 1 to {p3000.PRESETS}", key="number")
    return number
