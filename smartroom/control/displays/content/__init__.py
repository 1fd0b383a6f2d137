"""Kinds of content: every module of this package that is no `base` holds one."""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from importlib import import_module

from pydantic import ValidationError

from smartroom.control.displays.content.base import BadContent, Content

MAX_TEXT = 16_384
"""Characters of a content document: an agenda, not a book; `protocol.displays` refuses more."""


@cache
def kinds() -> Mapping[str, type[Content]]:
    """Kind -> its model, of all modules of this package."""
    found: dict[str, type[Content]] = {}
    for module in pkgutil.iter_modules(__path__):
        if module.name == "base":
            continue
        for member in vars(import_module(f"{__name__}.{module.name}")).values():
            if isinstance(member, type) and issubclass(member, Content) and member is not Content:
                found[module.name] = member
    return found


def parse(value: object) -> Content:
    """A content document from JSON text or a mapping. BadContent says where and what is wrong, and how to write it."""
    if isinstance(value, str):
        value = _json(value)
    if not isinstance(value, dict):
        raise BadContent("content is a mapping with a kind", fix="write it as  content: {kind: welcome, title: …}")
    known = kinds()
    kind = value.get("kind")
    if not isinstance(kind, str) or kind not in known:
        near = get_close_matches(str(kind), known, n=1)
        fix = f"did you mean '{near[0]}'?" if near else f"kinds: {', '.join(sorted(known))}"
        raise BadContent("'kind' is missing" if kind is None else f"no content kind '{kind}'", where=("kind",), fix=fix)
    try:
        return known[kind].model_validate_json(json.dumps(value))  # JSON, so that strict models read times and lists
    except ValidationError as error:
        raise _wrong(known[kind], error) from None


def canonical(content: Content) -> str:
    """The one text of a content document: the same content, the same text. BadContent when it is too long."""
    plain = {"kind": content.kind, **content.model_dump(mode="json", exclude_defaults=True)}
    text = json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    if len(text) > MAX_TEXT:
        raise BadContent(f"the content has {len(text)} characters", fix=f"keep it below {MAX_TEXT}")
    return text


def _json(text: str) -> object:
    if len(text) > MAX_TEXT * 2:
        raise BadContent(f"the content has {len(text)} characters", fix=f"keep it below {MAX_TEXT}")
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        raise BadContent("the content is no JSON", fix='write it as  {"kind": "welcome", "title": "…"}') from None
    return found


def _wrong(model: type[Content], error: ValidationError) -> BadContent:
    first = error.errors()[0]
    where = tuple(first["loc"])
    name = ".".join(map(str, where))
    if first["type"] == "extra_forbidden":
        near = get_close_matches(str(where[-1]), model.model_fields, n=1)
        fix = f"did you mean '{near[0]}'?" if near else f"it has: {', '.join(key for key in model.model_fields)}"
        return BadContent(f"content has no '{name}'", where=where, fix=fix)
    if first["type"] == "missing":
        return BadContent(f"content needs '{name}'", where=where[:-1], fix=f"add {where[-1]}: …")
    fix = 'put it in quotes: "09.30"' if first["type"] == "string_type" else ""
    return BadContent(f"content '{name}': {first['msg']}, found {str(first['input'])[:60]!r}", where=where, fix=fix)


__all__ = ["BadContent", "Content", "canonical", "kinds", "parse"]
