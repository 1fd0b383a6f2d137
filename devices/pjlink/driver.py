"""PJLink driver: one question at a time over TCP, the digest spent on the first one, inside `login`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from devices.pjlink import protocol
from devices.pjlink.protocol import Reply
from devices.sdk import (
    Act,
    BadSetting,
    Busy,
    Command,
    DeviceError,
    Done,
    Driver,
    Event,
    Failed,
    Frame,
    Framer,
    Frames,
    HungUp,
    Link,
    Manifest,
    NotSupported,
    Query,
    Refused,
    ReplyTimeout,
    Reported,
    Set,
    Settings,
    Value,
    WrongPassword,
)

BODIES: Final[Mapping[str, str]] = {
    "power": "POWR",
    "input": "INPT",
    "blank": "AVMT",
    "mute": "AVMT",
    "freeze": "FREZ",
    "fault": "ERST",
    "lamp_hours": "LAMP",
    "name": "NAME",
    "maker": "INF1",
    "model": "INF2",
    "class": "CLSS",
}
"""Property -> the command body that asks for it."""
IDENTITY: Final = frozenset({"name", "maker", "model", "class"})
"""Asked once for each connection: they change in the projector's menu, if at all."""
WARMING_RETRY_S: Final = 5.0
"""ERR3 means warming, cooling or standby: minutes at most, and each question costs the projector up to 2 s."""
GREETING_LINES: Final = 4
"""Some class 2 units say `%2LKUP=...` on the connection before what they are asked."""


class PJLink(Driver):
    """One projector. Class and names of inputs are fixed by the settings or learned at login."""

    def __init__(self, manifest: Manifest, settings: Settings) -> None:
        self._configured_class = 0 if settings.text("class") == "auto" else int(settings.text("class"))
        self._codes = _own_inputs(settings.mapping("inputs"), self._configured_class or 2)
        if self._codes:
            spec = manifest.properties["input"].model_copy(update={"values": tuple(self._codes)})
            manifest = manifest.model_copy(update={"properties": {**manifest.properties, "input": spec}})
        super().__init__(manifest, settings)
        self._class = self._configured_class
        self._identified: set[str] = set()

    # -- connection --

    def framer(self) -> Framer:
        """Lines that end with CR."""
        return protocol.framer()

    @property
    def holds_line(self) -> bool:
        """As room.yaml says: held for a projector of our own, given back where another controller needs its turn."""
        return self.settings.boolean("hold")

    def reset(self) -> None:
        """Forget what this connection taught us; who the projector is stays known where a connection lasts for seconds only."""
        self._class = self._configured_class
        if self.holds_line:
            self._identified.clear()

    async def login(self, link: Link) -> None:
        """Read the greeting; where a password is asked for, spend the digest on a question for the class.

        The digest stands before the first command of a connection only (section 5.1). Spent here, it can never be sent twice by a retry,
        and a wrong password is known before anybody's command waits for it.
        """
        greeting = await _greeting(link)
        password = self.settings.text("password")
        if greeting.salt and not password:
            raise WrongPassword("the projector asks for a password; write password: !secret NAME")
        if greeting.salt or not self._class:
            prefix = protocol.digest(greeting.salt, password) if greeting.salt else b""
            await link.send(prefix + protocol.command("CLSS"))
            found = await _class_answer(link)
            self._class = self._class or found

    def snapshot(self) -> tuple[Query, ...]:
        """AVMT tells blank and mute at once; identity is asked once; freeze exists from class 2 on."""
        left_out = {"mute"} | self._identified | (set() if self._class == 2 else {"freeze"})
        return tuple(Query(name) for name in self.properties() if name not in left_out)

    def keepalive(self) -> Query:
        """CLSS: answered in every state of the lamp, asked by nothing else in between, so that a late answer to something else is told apart."""
        return Query("class")

    def masked(self, payload: bytes) -> bytes:
        """Without the digest: with the salt beside it, it would let a reader of a trace try passwords at leisure."""
        return protocol.without_digest(super().masked(payload))

    # -- values to bytes --

    def encode_power(self, *, on: bool) -> Frames:
        """Section 4.1."""
        return _frame("POWR", "1" if on else "0")

    def query_power(self) -> Frames:
        """Section 4.2."""
        return _frame("POWR")

    def encode_input(self, name: str) -> Frames:
        """Section 4.3; class 2 form only for inputs that class 1 lacks, since a class 2 unit takes both."""
        code = self._codes.get(name) or protocol.input_code(name)
        if code is None:
            raise BadSetting(f"'{name}' is no PJLink input", key="input")
        if protocol.input_class(code) > (self._class or 2):
            raise NotSupported(f"input {name} ({code}) needs PJLink class 2; this projector is class 1")
        return _frame("INPT", code, pj_class=protocol.input_class(code))

    def query_input(self) -> Frames:
        """Section 4.4; the class 1 form cannot name an input of class 2."""
        return _frame("INPT", pj_class=self._class or 1)

    def encode_blank(self, channel: int | None, *, on: bool) -> Frames:
        """AVMT 1x, section 4.5."""
        del channel
        return _frame("AVMT", "11" if on else "10")

    def query_blank(self, channel: int | None) -> Frames:
        """Section 4.6."""
        del channel
        return _frame("AVMT")

    def encode_mute(self, channel: int | None, *, on: bool) -> Frames:
        """AVMT 2x, section 4.5."""
        del channel
        return _frame("AVMT", "21" if on else "20")

    def query_mute(self, channel: int | None) -> Frames:
        """Section 4.6."""
        del channel
        return _frame("AVMT")

    def encode_freeze(self, *, on: bool) -> Frames:
        """Section 4.25."""
        return self._class_2("FREZ", "1" if on else "0")

    def query_freeze(self) -> Frames:
        """Section 4.26."""
        return self._class_2("FREZ")

    def query_status(self, name: str) -> Frames:
        """Read-only words: ERST, LAMP, NAME, INF1, INF2, CLSS."""
        return _frame(BODIES[name])

    def encode_action(self, name: str, arguments: Mapping[str, Value]) -> Frames:
        """`volume_step`, section 4.23."""
        if name != "volume_step":
            return super().encode_action(name, arguments)
        if arguments["direction"] not in {-1, 1}:
            raise BadSetting("'direction' must be 1 (louder) or -1 (quieter)", key="direction")
        return self._class_2("SVOL", "1" if arguments["direction"] == 1 else "0")

    # -- bytes to values --

    def interpret(self, message: bytes, pending: Command | None) -> Iterable[Event]:
        """Events of one line. Replies carry no number: shape and body decide, so a late one never ends a command of another kind."""
        reply = protocol.parse_reply(message)
        if reply is None:
            greeting = protocol.parse_greeting(message)
            return (
                [Failed(WrongPassword("the projector refuses our password"))] if greeting and greeting.refused else []
            )
        asked = reply.body == _body(pending)
        if reply.error:
            return self._error(reply, pending) if asked else []
        if reply.acknowledged:
            return [Done()] if asked and not isinstance(pending, Query) else []
        readings = self._readings(reply)
        if not readings and asked:
            return [Failed(Refused(f"the answer '{reply.parameter[:40]}' to {reply.body} means nothing"))]
        self._identified.update(reading.property for reading in readings if reading.property in IDENTITY)
        return readings

    def _readings(self, reply: Reply) -> list[Reported]:
        text = reply.parameter
        values: dict[str, Value] = {}
        match reply.body:
            case "POWR":
                values = {"power": protocol.POWER_STATES.get(text)}
            case "INPT":
                values = {"input": self._input_name(text)}
            case "AVMT":
                picture, sound = protocol.mutes(text) or (None, None)
                values = {"blank": picture, "mute": sound}
            case "FREZ":
                values = {"freeze": {"0": False, "1": True}.get(text)}
            case "ERST":
                values = {"fault": protocol.faults(text)}
            case "LAMP":
                values = {"lamp_hours": protocol.lamp_hours(text)}
            case "CLSS":
                values = {"class": int(text) if text in {"1", "2"} else None}
            case "NAME" | "INF1" | "INF2" as body:
                values = {name: text for name in IDENTITY if BODIES[name] == body}
        return [Reported(name, value) for name, value in values.items() if value is not None]

    def _error(self, reply: Reply, pending: Command | None) -> list[Event]:
        asked = pending.property if isinstance(pending, Query | Set) else reply.body
        error: DeviceError
        match reply.error:
            case "ERR3" if isinstance(pending, Query) and asked != "power":
                # In standby and on the way there is no input and no picture: that is the state, not a failure.
                return [Reported(name, None) for name, body in BODIES.items() if body == reply.body]
            case "ERR3":
                error = Busy(
                    "the projector refuses for now: warming, cooling or in standby", retry_after=WARMING_RETRY_S
                )
            case "ERR1":
                error = NotSupported(f"this projector does not know {reply.body} (ERR1)", device_code="ERR1")
            case "ERR2":
                error = NotSupported(f"this projector does not have that {asked} (ERR2)", device_code="ERR2")
            case _:
                error = Refused(
                    "the projector reports a failure of its own (ERR4); see its fault lamp", device_code="ERR4"
                )
        return [Failed(error)]

    def _input_name(self, code: str) -> str | None:
        own = next((name for name, its_code in self._codes.items() if its_code == code.upper()), None)
        return own or protocol.input_name(code)

    def _class_2(self, body: str, parameter: str = "?") -> Frames:
        if self._class == 1:
            raise NotSupported(f"{body} needs PJLink class 2; this projector is class 1")
        return _frame(body, parameter, pj_class=2)


def _frame(body: str, parameter: str = "?", *, pj_class: int = 1) -> Frames:
    return (Frame(protocol.command(body, parameter, pj_class=pj_class)),)


def _body(pending: Command | None) -> str:
    match pending:
        case Set(name, _) | Query(name):
            return BODIES[name]
        case Act():
            return "SVOL"
    return ""


def _own_inputs(given: Mapping[str, object], pj_class: int) -> dict[str, str]:
    codes: dict[str, str] = {}
    for name, code in given.items():
        text = str(code).upper()
        if not protocol.is_input_code(text):
            raise BadSetting(
                f"inputs: '{name}' is {code!r}, but must be a PJLink code from 11 to 6Z, for example 31 (first HDMI)",
                key="inputs",
            )
        if protocol.input_class(text) > pj_class:
            raise BadSetting(
                f"inputs: '{name}' is {code!r}, which needs class 2; change it or the setting class", key="inputs"
            )
        codes[name] = text
    return codes


async def _greeting(link: Link) -> protocol.Greeting:
    try:
        for _ in range(GREETING_LINES):
            greeting = protocol.parse_greeting(await link.receive())
            if greeting is not None:
                return _accepted(greeting)
    except (ReplyTimeout, HungUp):
        raise ReplyTimeout(
            "connected, but the projector does not greet: another controller may hold its only connection, or a broken one of ours for 30 s yet"
        ) from None
    raise ReplyTimeout("connected, but what answers there does not speak PJLink; check address and port")


async def _class_answer(link: Link) -> int:
    """The projector's class; 1 where it does not know the question."""
    for _ in range(GREETING_LINES):
        message = await link.receive()
        greeting = protocol.parse_greeting(message)
        if greeting is not None:
            _accepted(greeting)
        reply = protocol.parse_reply(message)
        if reply is not None and reply.body == "CLSS":
            return 2 if reply.parameter == "2" else 1
    raise ReplyTimeout("the projector did not answer its first question")


def _accepted(greeting: protocol.Greeting) -> protocol.Greeting:
    if greeting.refused:
        raise WrongPassword("the projector refuses our password; compare the secret with its network menu")
    return greeting
