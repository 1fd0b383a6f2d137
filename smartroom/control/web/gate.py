"""The one gate for strangers' bytes: size, depth, shape."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from smartroom.control.errors import ProblemError, problem
from smartroom.control.limits import BODY_LIMIT, JSON_DEPTH
from smartroom.protocol.base import Message
from smartroom.protocol.errors import ErrorCode

_MessageT = TypeVar("_MessageT", bound=Message)
_SHOWN = 3


def parse_json(text: str | bytes, limit: int = BODY_LIMIT) -> object:
    """JSON no larger than `limit` and no deeper than JSON_DEPTH; raises ValueError. Never recurses."""
    if len(text) > limit:
        raise ValueError(f"more than {limit} bytes")
    value: object = from_json(text, allow_inf_nan=False)  # refuses what is nested deeper than 200 itself
    level: list[object] = [value]  # scalars of the deepest level are one step further
    for _ in range(JSON_DEPTH + 1):
        if any(isinstance(part, float) and not math.isfinite(part) for part in level):
            raise ValueError("a number without end")
        level = [child for part in level for child in _children(part)]
        if not level:
            return value
    raise ValueError(f"nested deeper than {JSON_DEPTH}")


def parse(model: type[_MessageT], text: str | bytes, limit: int = BODY_LIMIT) -> _MessageT:
    """A message from JSON; raises ProblemError INVALID that names the fields."""
    try:
        return shaped(model, parse_json(text, limit))
    except ValueError as error:
        raise invalid(str(error)) from None


def shaped(model: type[_MessageT], value: object) -> _MessageT:
    """A message from parsed JSON; types are not bent: `"1"` is no number. Raises ProblemError INVALID."""
    try:
        return model.model_validate_json(to_json(value), strict=True)
    except ValidationError as error:
        raise misshaped(error) from None


def from_query(model: type[_MessageT], query: Iterable[tuple[str, str]]) -> _MessageT:
    """A message from a query string, where everything is text. Raises ProblemError INVALID."""
    try:
        return model.model_validate_strings(dict(query))
    except ValidationError as error:
        raise misshaped(error) from None


def invalid(detail: str, name: str | None = None) -> ProblemError:
    """What a request that cannot be read is answered with."""
    return ProblemError(
        problem(
            ErrorCode.INVALID, "Permintaan tidak dapat dibaca", "The request cannot be read", detail=detail, name=name
        )
    )


def misshaped(error: ValidationError) -> ProblemError:
    """The first few fields that are wrong, in words."""
    wrong = error.errors(include_url=False, include_context=False, include_input=False)
    words = [f"{'.'.join(str(step) for step in one['loc']) or 'body'}: {one['msg']}" for one in wrong[:_SHOWN]]
    if len(wrong) > _SHOWN:
        words.append(f"and {len(wrong) - _SHOWN} more")
    first = ".".join(str(step) for step in wrong[0]["loc"]) or None
    return invalid("; ".join(words), first)


def _children(part: object) -> Iterable[object]:
    if isinstance(part, dict):
        return part.values()
    if isinstance(part, list):
        return part
    return ()
