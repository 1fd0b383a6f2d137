"""What the technician's page shows of a room's devices: health, wire traces, the server's log; and what it asks of simulators."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from smartroom.protocol.base import Id, Message, Text, Value
from smartroom.protocol.commands import Press
from smartroom.protocol.errors import Problem


class PropertyFacts(Message):
    """What driver.yaml says of a property beyond its shape."""

    readable: bool
    settable: bool
    risk: str = ""
    wears: bool = False
    after: dict[str, Value] = {}
    """Properties of the same device that must hold first."""
    max_age_s: float
    deadline_ms: int


class ActionFacts(Message):
    """An action and the types of its arguments."""

    arguments: dict[str, Literal["boolean", "integer", "number", "text", "choice", "position"]] = {}
    help: str = ""


class DeviceFacts(Message):
    """What a driver's family says of itself; fixed while the room file stays the same."""

    title: str
    maker: str = ""
    poll_s: float
    reply_timeout_ms: int
    properties: dict[str, PropertyFacts] = {}
    actions: dict[str, ActionFacts] = {}
    faults: bool = False
    """A simulator of this server stands in its place and takes faults."""


class LastError(Message):
    """The last thing that went wrong on a device's line."""

    at: float
    problem: Problem


class DeviceHealth(Message):
    """How a device's line is doing now. Times are server time in seconds (Unix)."""

    link: Literal["connecting", "login", "ready", "offline", "refused", "stopped"]
    since: float
    epoch: int
    """Connections so far."""
    retry_at: float | None = None
    restarts: int = 0
    """How often its driver failed and was started again."""
    waiting: int = 0
    """Commands in its queue."""
    heard_at: float | None = None
    """Last bytes from the device."""
    read_at: float | None = None
    """Last reading of any property."""
    median_ms: float | None = None
    """From a command to the first bytes after it, over the last hundred."""
    p95_ms: float | None = None
    sent: int = 0
    received: int = 0
    timeouts: int = 0
    stray: int = 0
    """Answers to nothing we asked."""
    garbage: int = 0
    """Bytes or messages that meant nothing."""
    unanswered: str = ""
    """The last command, as readable bytes, while nothing has come after it for longer than its deadline."""
    unanswered_since: float | None = None
    unsupported: list[str] = []
    """Properties it did not answer for on this connection."""
    last_error: LastError | None = None
    faults: str = ""
    """Faults its simulator has now: `delay=2,drop=0.1`; empty without any."""


class TraceLine(Message):
    """One thing that happened on a device's line; secrets are masked."""

    number: int
    """Grows by one; a gap means that lines were dropped."""
    at: float
    kind: Literal["out", "in", "silence", "link"]
    hex: str = ""
    """`AA 12 01`; at most 128 bytes."""
    text: str = ""
    """The same, readable: `1*3!\\r`; or what a `link` or `silence` line says."""
    left_out: int = 0
    """Bytes beyond the first 128."""
    note: str = ""
    """Why it was sent: poll, operator, scene, safety, login."""
    meaning: Text | None = None
    """Which command it was, or which readings it became, where the driver can tell."""


class LogLine(Message):
    """One line of the server's log; secrets are masked."""

    number: int
    at: float
    level: Literal["debug", "info", "warning", "error", "critical"]
    source: str
    text: str


class Bench(Message):
    """A room's devices from the technician's side."""

    room: Id
    time: float
    facts: dict[str, DeviceFacts]
    health: dict[str, DeviceHealth]


class OpenBench(Message):
    """First message of a technician's page: follow the health of a room's devices, and the log."""

    room: Id
    protocol: int


class BenchOpened(Message):
    """Answer to `open`."""

    protocol: int
    build: str
    bench: Bench
    log: list[LogLine] = []


class FollowTrace(Message):
    """Follow the wire of one device; null ends it. `since`: number of the last line the page has."""

    device: Id | None
    since: int = 0


class Traced(Message):
    """Lines of the followed device, and how fresh each of its properties is."""

    device: Id
    lines: list[TraceLine] = []
    missed: int = 0
    """Lines that were dropped before these."""
    read_at: dict[str, float] = {}
    """Property -> server time of its last reading."""


class HealthChanged(Message):
    """Devices whose health changed."""

    time: float
    health: dict[str, DeviceHealth]


class Logged(Message):
    """New lines of the log."""

    lines: list[LogLine]
    missed: int = 0


FaultWords = Annotated[
    str, Field(min_length=1, max_length=200, pattern=r"^[a-z_]+(=[\w.:/-]+)?(,[a-z_]+(=[\w.:/-]+)?)*$")
]


class SwitchFaults(Press):
    """Switch faults of a simulated device: `delay=2,drop=0.1`, `lie=off`, `none`."""

    device: Id
    faults: FaultWords


class PressFront(Press):
    """Change a property as if by hand at the simulated device."""

    device: Id
    property: Annotated[str, Field(max_length=64, pattern=r"^[a-z][a-z0-9_.]*$")]
    value: Value


class CutPower(Press):
    """Take a simulated device's power for so many seconds."""

    device: Id
    seconds: Annotated[float, Field(gt=0, le=600)]
