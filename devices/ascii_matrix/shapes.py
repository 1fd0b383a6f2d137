"""What stands in a profile file, word for word. `profile.py` makes it usable; docs/guides/new-matrix.md explains it to a technician."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Effect(StrEnum):
    """What a command does; the words under `commands`."""

    ROUTE = "route"
    ROUTE_MANY = "route_many"
    """One input to several outputs at one moment."""
    ROUTE_ALL = "route_all"
    STRAIGHT = "straight"
    """Each output shows the input of its number."""
    OFF = "off"
    OFF_ALL = "off_all"
    ASK = "ask"
    """Which input an output shows."""
    ASK_ALL = "ask_all"
    STORE = "store"
    RECALL = "recall"


GAPS: Mapping[Effect, frozenset[str]] = {
    Effect.ROUTE: frozenset({"in", "out"}),
    Effect.ROUTE_MANY: frozenset({"in", "outs"}),
    Effect.ROUTE_ALL: frozenset({"in"}),
    Effect.STRAIGHT: frozenset(),
    Effect.OFF: frozenset({"out"}),
    Effect.OFF_ALL: frozenset(),
    Effect.ASK: frozenset({"out"}),
    Effect.ASK_ALL: frozenset(),
    Effect.STORE: frozenset({"preset"}),
    Effect.RECALL: frozenset({"preset"}),
}
"""Gaps each command must have."""


class Meaning(StrEnum):
    """What a reply says; the words of `means`."""

    ROUTE = "route"
    """Which input an output shows. Without {in}: none. Without {out}: the output that was asked for."""
    DONE = "done"
    REFUSED = "refused"
    BUSY = "busy"
    UNSUPPORTED = "unsupported"
    NOTHING = "nothing"
    """Said by the device, but of no interest: sound routes, banners."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Checksum(_Model):
    """How the byte {sum} of a frame is made."""

    rule: Literal["sum", "negated_sum", "xor"]
    """Sum of the bytes before it, the number that brings that sum to zero, or their exclusive or; each mod 256."""
    skip: int = Field(default=0, ge=0, le=16)
    """Bytes at the frame's beginning that are not counted."""


class Wire(_Model):
    """Form of what is sent and said."""

    form: Literal["text", "hex"] = "text"
    commands_end: tuple[str, ...] = ()
    """Text: what ends a command; part of each template."""
    replies_end: tuple[str, ...] = ("\r\n", "\n", "\r")
    """Text: what ends a reply; not part of the templates. The simulator uses the first."""
    length: int | None = Field(default=None, ge=2, le=64)
    """Hex: bytes of every frame."""
    start: str = ""
    """Hex: bytes every frame begins with."""
    checksum: Checksum | None = None
    counts_from: Literal[0, 1] = 1
    """What the device calls its first port."""


class Pace(_Model):
    """Milliseconds; what `timing` of driver.yaml does not say."""

    min_gap_ms: int = Field(default=50, ge=0, le=5000)
    reply_timeout_ms: int = Field(default=1000, ge=50, le=20000)
    settle_ms: int = Field(default=300, ge=0, le=10000)


class CommandText(_Model):
    """A command: what is sent, and the reply that ends it. Without reply the device says nothing to it."""

    send: str
    reply: str | None = None
    reply_when_off: str | None = None
    """`ask` and `ask_all`: what is said of an output that shows nothing."""
    also: tuple[str, ...] = ()
    """Other spellings the device understands. The driver never sends them; the simulator obeys them too."""


class ReplyText(_Model):
    """A reply: what the device says, and how we recognise it when it says it a little differently."""

    means: Meaning
    says: str
    match: str | None = None
    each: str | None = None
    """What stands once for each output in the gap {each} of `says`; its last characters (a comma) may be missing at the end."""


class ProfileText(_Model):
    """A profile as written."""

    title: str
    source: str
    """Manual and page, or who measured it."""
    cabling: str = ""
    models: tuple[str, ...] = ()
    wire: Wire
    pace: Pace = Pace()
    commands: Mapping[Effect, CommandText]
    replies: Mapping[str, ReplyText] = Field(default_factory=dict)
    front_panel: str | None = None
    """The reply that is said unasked when somebody switches by hand, where the device does."""
    greeting: str = ""
    """Text form: what is said when somebody connects over the network, without an end of line. Passed over."""
