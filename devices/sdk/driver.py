"""A driver: pure translation between values and bytes. Sockets, queues, time and retries are the session's (`devices.sdk.session`).

`encode` is final here: it checks names and values against `driver.yaml` and calls the capability methods (`encode_power`, `query_route` ...), so a driver holds
only what is particular to its protocol, and a planner can name exact bytes without importing one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from devices.sdk import capabilities as can
from devices.sdk.address import Address
from devices.sdk.commands import Act, Command, Frame, Frames, Query, Salvo, Set
from devices.sdk.errors import BadSetting, DeviceError, NotSupported
from devices.sdk.framing import Framer
from devices.sdk.manifest import Manifest, PropertySpec, ValueType
from devices.sdk.readings import ReadingSource, Value
from devices.sdk.settings import Settings

if TYPE_CHECKING:
    from ssl import SSLContext

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Reported:
    """The device told the value of a property. `source` is decided by the session unless the driver knows better (None)."""

    property: str
    value: Value
    source: ReadingSource | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The pending command was taken and is being carried out; the line is free again. `token` comes back in `Done` (a VISCA socket)."""

    token: int


@dataclass(frozen=True, slots=True)
class Done:
    """The pending command (or the accepted one with this token) is finished. Says nothing about state: only a reading does."""

    token: int | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The device refused the pending command (or the accepted one with this token)."""

    error: DeviceError
    token: int | None = None


@dataclass(frozen=True, slots=True)
class Learned:
    """A fact worth keeping across restarts (the position a preset was stored at); comes back in `Driver.recall`."""

    key: str
    value: Value


@dataclass(frozen=True, slots=True)
class Desync:
    """A message that fits nothing we asked: the session closes the connection and starts again."""

    reason: str


Event = Reported | Accepted | Done | Failed | Learned | Desync


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A command the session carries out by itself, at SAFETY priority, `after` seconds from now: the dead-man stop of a continuous drive.

    A newer one of the same `name` takes its place (the drive was renewed); without a command it is called off.
    """

    name: str
    after: float = 0.0
    command: Command | None = None


class Link(Protocol):
    """What `Driver.login` may use before the session is ready."""

    async def send(self, payload: bytes) -> None:
        """Write bytes as they are."""
        ...

    async def receive(self) -> bytes:
        """Next whole message of the driver's framer; raises ReplyTimeout after `reply_timeout_ms`."""
        ...

    async def start_tls(self, context: SSLContext) -> None:
        """Encrypt the line from here on; Unreachable when the device cannot, BadSetting where the line cannot."""
        ...


class Driver(ABC):
    """Base of all drivers. One object serves one device for its whole life; `reset` is called at each new connection."""

    def __init__(self, manifest: Manifest, settings: Settings) -> None:
        self.manifest = manifest
        self.settings = settings
        self._specs: dict[str, PropertySpec] = {}
        self._secrets = tuple(secret for key in settings.secrets if (secret := settings.text(key).encode()))

    # -- to be written by each driver, beside the methods of its capabilities --

    @abstractmethod
    def framer(self) -> Framer:
        """A fresh framer for a new connection."""

    @abstractmethod
    def interpret(self, message: bytes, pending: Command | None) -> Iterable[Event]:
        """Events of one whole message. `pending` is the unanswered command, if any. Never raises on bytes from outside."""

    async def login(self, link: Link) -> None:
        """Talk after connecting, before the first command. WrongPassword sends the session to its longest back-off."""

    def reset(self) -> None:
        """Forget everything of the old connection."""

    def stamp(self, frame: Frame) -> bytes:
        """Final bytes of a frame: fill in what is fixed only on the wire. A retry sends the same bytes again."""
        return frame.payload

    def repeat(self, frame: Frame, payload: bytes) -> bytes:
        """Bytes that ask again after no answer came to `payload`; the same ones, so that a counting device carries nothing out twice."""
        del frame
        return payload

    def attach(self, address: Address) -> None:
        """Told once, before anything is encoded, where the device is: the transport may decide the wire form (VISCA has a header over UDP)."""

    def preempt(self, command: Command) -> tuple[Command, ...]:
        """Commands to be carried out first because of what the device is doing now (cancel a running motion); their refusal is no failure."""
        del command
        return ()

    def follow_ups(self, command: Command) -> tuple[FollowUp, ...]:
        """What must happen by itself after this command was sent, even when whoever asked for it is gone."""
        del command
        return ()

    def keepalive(self) -> Query | None:
        """A harmless question for an idle connection; None = the first question of the snapshot that was answered (over UDP: none).

        Also asked after a timeout: its answer tells a lost reply from a dead device, and flushes a late one. So it should be unmistakable.
        """
        return None

    @property
    def holds_line(self) -> bool:
        """False: the line is given back whenever nothing waits, for a device shared with another controller; only the poll then sees it vanish."""
        return True

    def masked(self, payload: bytes) -> bytes:
        """Bytes as a trace may show them: secrets replaced. Extended where a secret travels in another form."""
        for secret in self._secrets:
            payload = payload.replace(secret, b"***")
        return payload

    def snapshot(self) -> tuple[Query, ...]:
        """Questions that read the whole state; fewer than the properties where one answer tells several."""
        return tuple(Query(name) for name in self.properties() if self.spec(name).readable)

    def recall(self, key: str, value: Value) -> None:
        """Take back a `Learned` fact of an earlier life."""

    # -- final --

    def properties(self) -> tuple[str, ...]:
        """Concrete property names: `route.*` becomes `route.1` .. `route.8` by its setting."""
        names: list[str] = []
        for name, spec in self.manifest.properties.items():
            if name.endswith(".*"):
                names += [f"{name[:-1]}{number}" for number in range(1, self.settings.integer(spec.each or "") + 1)]
            else:
                names.append(name)
        return tuple(names)

    def spec(self, name: str) -> PropertySpec:
        """Spec of a concrete property; NotSupported when this device has none of that name."""
        known = self._specs.get(name)
        if known is not None:
            return known
        spec = self.manifest.spec(name)
        if spec is None or (spec.each and not 1 <= _channel(name, 0) <= self.settings.integer(spec.each)):
            message = f"{self.manifest.family} has no property '{name}'"
            raise NotSupported(message)
        self._specs[name] = spec
        return spec

    def check(self, name: str, value: Value) -> Value:
        """The value a scene or a person asks for, checked and in its canonical type; BadSetting says what is allowed."""
        spec = self.spec(name)
        if not spec.settable:
            message = f"'{name}' can only be read"
            raise BadSetting(message, key=name)
        return _canonical(name, spec, value)

    def encode(self, command: Command) -> Frames:
        """Exact frames of a command. Pure. BadSetting or NotSupported when it cannot be said."""
        match command:
            case Set(name, value):
                return self._encode_set(name, self.check(name, value))
            case Salvo(sets):
                goals = {_channel(item.property, 0): self.check(item.property, item.value) for item in sets}
                if not all(self.spec(item.property).salvo for item in sets):
                    message = f"{self.manifest.family} cannot set these together"
                    raise NotSupported(message)
                if {self.spec(item.property).capability for item in sets} == {"relay"}:
                    return cast("can.Relays", self).encode_relays(cast("Mapping[int, bool]", goals))
                return cast("can.Routing", self).encode_routes(cast("Mapping[int, int]", goals))
            case Query(name):
                return self._encode_query(name)
            case Act(name, arguments):
                return self._encode_act(name, arguments)

    def encode_action(self, name: str, arguments: Mapping[str, Value]) -> Frames:
        """Frames of an action of this family alone; overridden by drivers that declare such actions."""
        message = f"{self.manifest.family} has no action '{name}'"
        raise NotSupported(message)

    def _encode_set(self, name: str, value: Value) -> Frames:
        channel = _channel(name, None)
        match self.spec(name).capability:
            case "power":
                return cast("can.Power", self).encode_power(on=value == "on")
            case "input":
                return cast("can.InputSelect", self).encode_input(str(value))
            case "routing":
                return cast("can.Routing", self).encode_routes({_channel(name, 0): cast("int", value)})
            case "blank":
                return cast("can.Blank", self).encode_blank(channel, on=value is True)
            case "mute":
                return cast("can.Mute", self).encode_mute(channel, on=value is True)
            case "volume":
                return cast("can.Volume", self).encode_volume(channel, cast("float", value))
            case "freeze":
                return cast("can.Freeze", self).encode_freeze(on=value is True)
            case "presets":
                return cast("can.Presets", self).encode_preset(cast("int", value))
            case "pan_tilt":
                pan, tilt = cast("tuple[int, int]", value)
                return cast("can.PanTilt", self).encode_position(pan, tilt)
            case "zoom":
                return cast("can.Zoom", self).encode_zoom(cast("int", value))
            case "relay":
                return cast("can.Relays", self).encode_relay(_channel(name, 0), on=value is True)
            case "level":
                return cast("can.Levels", self).encode_level(channel, cast("float", value))
        message = f"'{name}' can only be read"
        raise NotSupported(message)

    def _encode_query(self, name: str) -> Frames:
        spec = self.spec(name)
        if not spec.readable:
            message = f"'{name}' cannot be read"
            raise NotSupported(message)
        channel = _channel(name, None)
        match spec.capability:
            case "power":
                return cast("can.Power", self).query_power()
            case "input":
                return cast("can.InputSelect", self).query_input()
            case "routing":
                return cast("can.Routing", self).query_route(_channel(name, 0))
            case "blank" | "mute" | "volume" | "level" | "signal" as what:
                return cast("Callable[[int | None], Frames]", getattr(self, f"query_{what}"))(channel)
            case "freeze":
                return cast("can.Freeze", self).query_freeze()
            case "presets":
                return cast("can.Presets", self).query_preset()
            case "pan_tilt":
                return cast("can.PanTilt", self).query_position()
            case "zoom":
                return cast("can.Zoom", self).query_zoom()
            case "relay":
                return cast("can.Relays", self).query_relay(_channel(name, 0))
        return cast("can.Status", self).query_status(name)

    def _encode_act(self, name: str, arguments: Mapping[str, Value]) -> Frames:
        spec = self.manifest.actions.get(name)
        if spec is None:
            message = (
                f"{self.manifest.family} has no action '{name}'; it has: {', '.join(self.manifest.actions) or 'none'}"
            )
            raise NotSupported(message)
        if set(arguments) != set(spec.arguments):
            message = f"action '{name}' needs: {', '.join(spec.arguments) or 'nothing'}"
            raise BadSetting(message, key=name)
        for key, kind in spec.arguments.items():
            if kind in (ValueType.INTEGER, ValueType.NUMBER) and (
                isinstance(arguments[key], bool) or not isinstance(arguments[key], int | float)
            ):
                message = f"action '{name}': '{key}' must be a number"
                raise BadSetting(message, key=key)
        match name:
            case "drive":
                return cast("can.PanTilt", self).encode_drive(_unit(arguments, "pan"), _unit(arguments, "tilt"))
            case "drive_zoom":
                return cast("can.Zoom", self).encode_drive_zoom(_unit(arguments, "speed"))
            case "home":
                return cast("can.PanTilt", self).encode_home()
            case "store_preset":
                return cast("can.Presets", self).encode_store_preset(cast("int", arguments["number"]))
        return self.encode_action(name, arguments)


def _channel(name: str, missing: _T) -> int | _T:
    _, dot, last = name.rpartition(".")
    return int(last) if dot and last.isascii() and last.isdigit() else missing


def _unit(arguments: Mapping[str, Value], key: str) -> float:
    return max(-1.0, min(1.0, float(cast("float", arguments[key]))))


def _canonical(name: str, spec: PropertySpec, value: Value) -> Value:
    wanted = ""
    match spec.type:
        case ValueType.BOOLEAN:
            if isinstance(value, bool):
                return value
            wanted = "true or false"
        case ValueType.CHOICE:
            if isinstance(value, str) and value in spec.values:
                return value
            wanted = "one of " + ", ".join(spec.values)
        case ValueType.TEXT:
            if isinstance(value, str) and not set(value) & set("\r\n\0"):
                return value
            wanted = "text on one line"
        case ValueType.INTEGER:
            if isinstance(value, int) and not isinstance(value, bool) and _in_range(value, spec):
                return value
            wanted = "a whole number" + _range(spec)
        case ValueType.NUMBER:
            if isinstance(value, int | float) and not isinstance(value, bool) and _in_range(value, spec):
                return float(value)
            wanted = "a number" + _range(spec)
        case ValueType.POSITION:
            pair = 2
            if isinstance(value, list | tuple) and len(value) == pair and all(type(part) is int for part in value):
                return (value[0], value[1])
            wanted = "[pan, tilt]"
        case ValueType.MAPPING:
            wanted = "a single value"
    message = f"'{name}' cannot be {value!r}; it must be {wanted}"
    raise BadSetting(message, key=name)


def _in_range(value: float, spec: PropertySpec) -> bool:
    return (spec.minimum is None or value >= spec.minimum) and (spec.maximum is None or value <= spec.maximum)


def _range(spec: PropertySpec) -> str:
    if spec.minimum is None and spec.maximum is None:
        return ""
    return f" from {spec.minimum or 0:g} to {spec.maximum:g}" if spec.maximum is not None else f" from {spec.minimum:g}"
