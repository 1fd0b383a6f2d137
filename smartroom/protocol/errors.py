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
    # rights
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    RATE_LIMITED = "rate_limited"
    # the server
    OVERLOADED = "overloaded"
    INTERNAL = "internal"


class Problem(Message):
    """An error as people and programs get it (fields follow RFC 9457 where they have a counterpart)."""

    code: ErrorCode
    text: Text
    detail: str = ""
    """For a technician: the device's own word, file:line, limits."""
    fix: Text | None = None
    device: str | None = None
    property: str | None = None
