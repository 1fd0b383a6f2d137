"""Errors that reach a page or a program: a stable code, and a sentence for a person in the room."""

from __future__ import annotations

from enum import StrEnum

from smartroom.protocol.base import Message, Text


class ErrorCode(StrEnum):
    """What went wrong, sorted by what the reader does next."""

    # the device: look at it or wait
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    BUSY = "busy"
    REFUSED = "refused"
    NOT_SUPPORTED = "not_supported"
    NOT_REACHED = "not_reached"
    """Acknowledged, but the read-back differs."""
    UNVERIFIED = "unverified"
    """Written, and the device cannot be asked."""
    DEGRADED = "degraded"
    """The driver was parked after repeated failures."""
    # configuration: a technician
    WRONG_PASSWORD = "wrong_password"  # noqa: S105  # an error's name
    PORT_IN_USE = "port_in_use"
    CONFIGURATION = "configuration"
    # the request
    INVALID = "invalid"
    NOT_FOUND = "not_found"
    EXPIRED = "expired"
    STALE = "stale"
    """The plan's base has moved, or the client's version is unknown."""
    SUPERSEDED = "superseded"
    """Somebody else's later command took its place."""
    OVERRIDDEN = "overridden"
    """Changed by hand during the run; the hand wins."""
    CANCELLED = "cancelled"
    BLOCKED = "blocked"
    """A property it waits for was not reached."""
    RULE = "rule"
    """A rule of wear or safety forbids it; `detail` begins with its name: `sound-limit: matrix.volume.1`."""
    # rights
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    RATE_LIMITED = "rate_limited"
    # the server
    OVERLOADED = "overloaded"
    INTERNAL = "internal"


class Rule(StrEnum):
    """Rules of wear and safety."""

    EEPROM = "eeprom"
    """A stored setting is written only when it changes, and once for each change."""
    LAMP_MINIMUM = "lamp-minimum"
    """A lamp stays on, and off, for a while."""
    INTERLOCK = "interlock"
    """Contacts that must never be closed together, with a pause between."""
    NO_TOGGLE = "no-toggle"
    """A scene names states, never toggles or steps."""
    SOUND_LIMIT = "sound-limit"
    """A zone is never louder than its limit, and becomes louder by ramps."""
    RECORDING = "recording"
    """What feeds a recording or a transmission stays as it is."""
    PTZ_STOP = "ptz-stop"
    """A continuous drive stops by itself."""
    RELAY_RATE = "relay-rate"
    """A relay switches so many times a minute and no more."""
    EMERGENCY = "emergency"
    """An emergency scene outranks every rule but the interlock, and every hand."""


class Problem(Message):
    """An error as people and programs get it (fields follow RFC 9457 where they have a counterpart)."""

    code: ErrorCode
    text: Text
    detail: str = ""
    """For a technician: the device's own word, file:line, limits."""
    fix: Text | None = None
    device: str | None = None
    property: str | None = None
