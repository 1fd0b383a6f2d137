"""Extron matrix switchers over SIS: ties, mutes, volumes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast

from devices.extron_sis import protocol as sis
from devices.sdk import (
    Act,
    BadSetting,
    Busy,
    Command,
    ConfigurationError,
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
    NotSupported,
    Query,
    Refused,
    ReplyTimeout,
    Reported,
    Salvo,
    Set,
    TerminatorFramer,
    Value,
    WrongPassword,
)

MAX_GREETING = 8
"""Lines a unit may say before it answers: banner, date, an empty login."""

_REFUSALS: Mapping[str, tuple[type[DeviceError], str]] = {
    "E01": (Refused, "no such input"),
    "E10": (NotSupported, "command not known to this unit"),
    "E11": (Refused, "no such preset"),
    "E12": (Refused, "no such output"),
    "E13": (Refused, "value out of range"),
    "E14": (NotSupported, "not possible in this unit's configuration"),
    "E17": (Busy, "the unit gave up, it is busy"),
    "E18": (Refused, "not possible for this signal type"),
    "E21": (Refused, "no such room"),
    "E22": (Busy, "the unit is busy"),
    "E24": (ConfigurationError, "this login may not do that: give the administrator's password"),
    "E25": (Refused, "a part of the unit is not there"),
    "E26": (Busy, "all of the unit's connections are taken"),
    "E27": (Refused, "no such event"),
    "E28": (Refused, "no such file"),
}


class ExtronSis(Driver):
    """A matrix switcher that speaks SIS."""

    def framer(self) -> Framer:
        """Lines; the password prompt is one without an end."""
        return TerminatorFramer(b"\n", sis.PROMPT, keep_terminator=True, strip_nul=True)

    async def login(self, link: Link) -> None:
        """Give the password if asked, then switch to verbose mode 3; units too old for that answer without tags."""
        password = self.settings.text("password")
        if password:
            await self._give_password(link, password)
        await link.send(sis.VERBOSE)
        for _ in range(MAX_GREETING):
            try:
                line = sis.parse(await link.receive())
            except ReplyTimeout:
                return
            if isinstance(line, sis.Refusal) and line.code == "E26":
                raise Busy("all of the unit's connections are taken", retry_after=30)
            if line == sis.Word("Vrb3") or isinstance(line, sis.Refusal):
                return
            if line == sis.Word("Password:"):
                raise WrongPassword("the unit asks for a password; set password: !secret NAME")

    def interpret(self, message: bytes, pending: Command | None) -> Iterable[Event]:
        """Events of one line."""
        match sis.parse(message):
            case sis.Tied(output, source, plane):
                return [] if plane == "Aud" else self._told("route", output, source, pending)
            case sis.Muted(output, video, on):
                return self._told("blank" if video else "mute", output, on, pending)
            case sis.MuteTable(values):
                return self._mutes(values)
            case sis.VolumeSet(output, steps):
                return self._told("volume", output, sis.percent_of(steps), pending)
            case sis.Signals(values):
                return self._signals(values)
            case sis.Bare(digits):
                return self._bare(digits, pending)
            case sis.Firmware(version):
                return [Reported("firmware", version)]
            case sis.Preset(number, saved):
                wanted = Act("store_preset" if saved else "recall_preset", {"number": number})
                return [Done()] if pending == wanted else []
            case sis.Refusal(code):
                return [Failed(refusal(code))] if pending is not None else []
            case sis.Word("Qik"):
                return [Done()] if isinstance(pending, Salvo) else []
            case sis.Word("Password:"):
                return [Desync("the unit asks for a new login")]
        return []

    def keepalive(self) -> Query:
        """The firmware version: the one answer that looks like no other."""
        return Query("firmware")

    def snapshot(self) -> tuple[Query, ...]:
        """One answer tells all mutes, one all signals; ties and volumes are asked one by one."""
        numbers = range(1, self._outputs + 1)
        ties, volumes = ([Query(f"{name}.{number}") for number in numbers] for name in ("route", "volume"))
        return (Query("firmware"), *ties, Query("blank.1"), *volumes, Query("signal.1"))

    # -- capabilities --

    def encode_routes(self, ties: Mapping[int, int]) -> Frames:
        """One tie as it is, several as one that becomes active at one moment."""
        for source in ties.values():
            if source > self.settings.integer("inputs"):
                raise BadSetting(
                    f"input {source} does not exist; this frame has {self.settings.integer('inputs')}", key="route"
                )
        if len(ties) == 1:
            ((output, source),) = ties.items()
            return (Frame(sis.tie(source, output)),)
        return (Frame(sis.ties_together(ties)),)

    def query_route(self, output: int) -> Frames:
        """Which input's picture an output shows."""
        return (Frame(sis.read_tie(output)),)

    def encode_blank(self, channel: int | None, *, on: bool) -> Frames:
        """Mute the picture of an output."""
        return (Frame(sis.mute_video(channel or 1, on=on)),)

    def query_blank(self, channel: int | None) -> Frames:
        """All mutes at once."""
        del channel
        return (Frame(sis.READ_MUTES),)

    def encode_mute(self, channel: int | None, *, on: bool) -> Frames:
        """Mute the sound of an output."""
        return (Frame(sis.mute_audio(channel or 1, on=on)),)

    def query_mute(self, channel: int | None) -> Frames:
        """All mutes at once."""
        del channel
        return (Frame(sis.READ_MUTES),)

    def encode_volume(self, channel: int | None, percent: float) -> Frames:
        """Volume of an output, to the nearest of 64 steps."""
        return (Frame(sis.set_volume(channel or 1, sis.steps_of(percent))),)

    def query_volume(self, channel: int | None) -> Frames:
        """Volume of an output."""
        return (Frame(sis.read_volume(channel or 1)),)

    def query_signal(self, channel: int | None) -> Frames:
        """All inputs at once."""
        del channel
        return (Frame(sis.READ_SIGNALS),)

    def query_status(self, name: str) -> Frames:
        """Firmware version."""
        del name
        return (Frame(sis.READ_FIRMWARE),)

    def encode_store_preset(self, number: int) -> Frames:
        """Save the present ties."""
        return (Frame(sis.save_preset(_preset(number))),)

    def encode_action(self, name: str, arguments: Mapping[str, Value]) -> Frames:
        """Recall a preset."""
        if name != "recall_preset":
            return super().encode_action(name, arguments)
        return (Frame(sis.recall_preset(_preset(cast("int", arguments["number"])))),)

    # -- what a line means --

    @property
    def _outputs(self) -> int:
        return self.settings.integer("outputs")

    def _told(self, name: str, output: int | None, value: Value, pending: Command | None) -> list[Event]:
        """An answer to our question, the echo of our command, or news. An echo proves nothing about the state, so it is no reading."""
        if output is None:
            return [Reported(f"{name}.{number}", value) for number in range(1, self._outputs + 1)]
        if not 1 <= output <= self._outputs:
            return []
        if (
            isinstance(pending, Set)
            and pending.property == f"{name}.{output}"
            and self._wire(name, pending.value) == value
        ):
            return [Done()]
        return [Reported(f"{name}.{output}", value)]

    @staticmethod
    def _wire(name: str, value: Value) -> Value:
        return sis.percent_of(sis.steps_of(cast("float", value))) if name == "volume" else value

    def _mutes(self, values: tuple[int, ...]) -> list[Event]:
        events: list[Event] = []
        for number, value in enumerate(values[: self._outputs], start=1):
            events += [Reported(f"blank.{number}", bool(value & 1)), Reported(f"mute.{number}", bool(value & 2))]
        return events

    def _signals(self, values: tuple[bool, ...]) -> list[Event]:
        """Of every input; a frame with fewer cards fitted than it has places tells more."""
        inputs = self.settings.integer("inputs")
        if len(values) < inputs:
            return []
        return [Reported(f"signal.{number}", value) for number, value in enumerate(values[:inputs], start=1)]

    def _bare(self, digits: str, pending: Command | None) -> list[Event]:
        name, _, output = pending.property.partition(".") if isinstance(pending, Query) else ("", "", "")
        if name == "route" and int(digits) <= self.settings.integer("inputs"):
            return [Reported(f"route.{output}", int(digits))]
        if name == "volume" and int(digits) <= sis.VOLUME_STEPS:
            return [Reported(f"volume.{output}", sis.percent_of(int(digits)))]
        if name == "signal" and not set(digits) - set("01"):
            return self._signals(tuple(digit == "1" for digit in digits))
        if name in {"blank", "mute"} and len(digits) == self._outputs and not set(digits) - set("0123"):
            return self._mutes(tuple(map(int, digits)))
        return []

    @staticmethod
    async def _give_password(link: Link, password: str) -> None:
        """Wait for the prompt and answer it; a unit that does not ask (a serial line) is taken as it is."""
        given = False
        for _ in range(MAX_GREETING):
            try:
                line = sis.parse(await link.receive())
            except ReplyTimeout:
                return
            if line == sis.Word("Password:"):
                if given:
                    raise WrongPassword("the unit does not accept this password")
                given = True
                await link.send(password.encode() + b"\r")
            elif isinstance(line, sis.Word) and line.text.startswith("Login"):
                return


def refusal(code: str) -> DeviceError:
    """What `E12` means and who can mend it."""
    kind, sentence = _REFUSALS.get(code, (Refused, "refused"))
    message = f"{sentence} ({code})"
    return kind(message, device_code=code) if issubclass(kind, Refused) else kind(message)


def _preset(number: float) -> int:
    if not isinstance(number, int) or not 1 <= number <= sis.PRESETS:
        raise BadSetting(f"preset {number} does not exist; there are 1 to {sis.PRESETS}", key="number")
    return number
