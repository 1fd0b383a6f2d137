"""The smallest driver that shows what the session does: lines, a socket table, a property that cannot be read."""

from __future__ import annotations

from collections.abc import Iterable

from devices.sdk import (
    Accepted,
    Act,
    Command,
    Done,
    Driver,
    Event,
    Failed,
    Frame,
    Framer,
    Frames,
    Manifest,
    Query,
    Refused,
    Reported,
    Settings,
    TerminatorFramer,
)

MANIFEST = Manifest.model_validate(
    {
        "family": "toy",
        "title": "Toy",
        "kind": "other",
        "driver": "toy:Toy",
        "simulator": "toy:Toy",
        "transports": ("memory",),
        "properties": {
            "power": {"capability": "power", "type": "choice", "values": ("on", "off")},
            "mute": {"capability": "mute", "type": "boolean"},
            "freeze": {"capability": "freeze", "type": "boolean", "readable": False},
        },
        "actions": {"home": {}},
        "timing": {"retries": 1, "max_executing": 1},
    }
)


class Toy(Driver):
    """`P1` sets, `P?` asks, `P=1` tells; `ok`, `no`, `ack`, `done` end commands."""

    def __init__(self) -> None:
        super().__init__(MANIFEST, Settings(MANIFEST, {}))
        self.asked_on_idle: Query | None = None
        self.broken = False

    def framer(self) -> Framer:
        """Lines."""
        return TerminatorFramer(b"\n", limit=64)

    def keepalive(self) -> Query | None:
        """As the test wants it."""
        return self.asked_on_idle

    def snapshot(self) -> tuple[Query, ...]:
        """Power alone: what a test answers is short."""
        return (Query("power"),)

    def interpret(self, message: bytes, pending: Command | None) -> Iterable[Event]:
        """What a line means."""
        if self.broken:
            raise RuntimeError("a bug of the driver")
        match message:
            case b"ok":
                return [Done()]
            case b"no":
                return [Failed(Refused("no", device_code="no"))]
            case b"ack":
                return [Accepted(1)]
            case b"done":
                return [Done(1)]
            case b"P=1" | b"P=0":
                return [Reported("power", "on" if message == b"P=1" else "off")]
            case b"M=1" | b"M=0":
                return [Reported("mute", message == b"M=1")]
        return []

    def encode_power(self, *, on: bool) -> Frames:
        """Switch."""
        return (Frame(b"P%d\n" % on),)

    def query_power(self) -> Frames:
        """Ask."""
        return (Frame(b"P?\n"),)

    def encode_mute(self, channel: int | None, *, on: bool) -> Frames:
        """Mute."""
        return (Frame(b"M%d\n" % on),)

    def query_mute(self, channel: int | None) -> Frames:
        """Ask."""
        return (Frame(b"M?\n"),)

    def encode_freeze(self, *, on: bool) -> Frames:
        """Freeze."""
        return (Frame(b"F%d\n" % on),)

    def query_freeze(self) -> Frames:
        """Nobody can."""
        return ()

    def encode_home(self) -> Frames:
        """Move."""
        return (Frame(b"H\n"),)


HOME = Act("home")
ANSWERS = {b"P?\n": b"P=0\n"}
