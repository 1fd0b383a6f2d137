"""Conditions in scenes and rundowns: a closed part of CEL, judged before it is kept. No macros, no regular expressions: the cost is its length.

| | |
|---|---|
| `is('projector.power', 'on')` | a property at a value, with names and tolerance as in a scene |
| `value('matrix.volume.main') > 40` | what was last reported on this connection |
| `known('cam-back.power')` | the device is there and has told |
| `steps.naik.result == 'achieved'` | how an earlier step of this scene ended; also `.seconds` |
| `time.hour >= 17` | the room's clock: `hour`, `minute`, `weekday` (1 = Monday) |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from devices.sdk.readings import Value
from smartroom.control.limits import EXPRESSION_LENGTH, EXPRESSION_NESTING
from smartroom.control.room.model import PropertyKey

EXAMPLE = "is('projector.power', 'on') && time.hour < 17"

_OPEN, _CLOSE, _QUOTES = "([{", ")]}", "'\""


class BadExpression(ValueError):
    """An expression cannot be used; `fix` says what to write instead."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.fix = fix


class Unknown(Exception):
    """A property has not been reported on this connection."""


class Names(Protocol):
    """What words mean in the file at hand. Both may raise the file's own error, with its line."""

    def key(self, name: str) -> PropertyKey:
        """`matrix.route.main` as device and property."""
        ...

    def goal(self, name: str, written: Value) -> tuple[PropertyKey, Value, float]:
        """The same with the value it is compared to, and how near counts."""
        ...


class Look(Protocol):
    """How things stand at the moment of asking."""

    def reading(self, key: PropertyKey) -> Value:
        """A property as reported on this connection; Unknown with the reason."""
        ...

    def steps(self) -> Mapping[str, Mapping[str, Value]]:
        """Steps that have ended: id -> {result, seconds}."""
        ...

    def time(self) -> Mapping[str, int]:
        """The room's clock: hour, minute, weekday."""
        ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """True, false, or None: not to be said, and why."""

    holds: bool | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Expression:
    """A condition that was judged. `reads` are the properties it looks at, `steps` the earlier steps."""

    text: str
    reads: tuple[PropertyKey, ...]
    steps: frozenset[str]
    judge: Callable[[Look], Verdict] = field(repr=False, compare=False)
    """Whether it holds now. Never raises: what cannot be said is None with the reason."""


def compile_expression(text: str, names: Names) -> Expression:
    """Judge an expression and keep it. BadExpression, or the file's own error, before anything runs."""
    _check_size(text)
    from smartroom.control.room import cel  # noqa: PLC0415  # a fifth of a second, for sites that have conditions

    return cel.judged(text, names)


def _check_size(text: str) -> None:
    """Before parsing: what is nested too deep would cost the parser more than it is worth."""
    if len(text) > EXPRESSION_LENGTH:
        raise BadExpression(f"an expression of {len(text)} characters", f"keep it below {EXPRESSION_LENGTH}")
    depth, quote = 0, ""
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in _QUOTES:
            quote = letter
        elif letter in _OPEN:
            depth += 1
        elif letter in _CLOSE:
            depth -= 1
        if depth > EXPRESSION_NESTING:
            raise BadExpression("an expression nested too deep", f"keep it below {EXPRESSION_NESTING} levels")
    for sign in "!-?":
        if text.count(sign) > EXPRESSION_NESTING:
            raise BadExpression(f"an expression with more than {EXPRESSION_NESTING} times '{sign}'", "split it in two")
