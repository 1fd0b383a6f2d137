"""OpenAPI 3.1, made from the table of routes and the messages. Nothing in it is written by hand."""

from __future__ import annotations

import json
import re
from functools import cache

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from smartroom import __version__
from smartroom.control.identity.rights import Action
from smartroom.control.web.credentials import screen_cookie, session_cookie
from smartroom.control.web.ports import Front
from smartroom.control.web.routes import Nothing, Route
from smartroom.protocol.commands import ApplyReport
from smartroom.protocol.errors import Problem

_REF = "#/components/schemas/{model}"
_PART = re.compile(r"\{(\w+)\}")
_WAITING = "wait"


@cache
def document(routes: tuple[Route, ...], front: Front) -> bytes:
    """The whole description as JSON; made once, when somebody asks."""
    listed = [line for line in routes if not line.page]
    models: set[type[BaseModel]] = {Problem, ApplyReport}
    for line in listed:
        models |= {model for model in (line.answer, line.body) if model is not None and model is not Nothing}
    ordered = sorted(models, key=lambda model: model.__name__)
    _, definitions = models_json_schema([(model, "serialization") for model in ordered], ref_template=_REF)
    paths: dict[str, dict[str, object]] = {}
    for line in listed:
        paths.setdefault(line.path, {})[line.method.lower()] = _operation(line)
    return json.dumps(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "smartroom",
                "version": __version__,
                "description": "Rooms, scenes and people of one smartroom server. Pages follow a room by Socket.IO (docs/protocol.md).",
            },
            "servers": [{"url": front.url}],
            "paths": paths,
            "components": {
                "schemas": definitions.get("$defs", {}),
                "securitySchemes": {
                    "token": {"type": "http", "scheme": "bearer"},
                    "session": {"type": "apiKey", "in": "cookie", "name": session_cookie(front)},
                    "screen": {"type": "apiKey", "in": "cookie", "name": screen_cookie(front)},
                },
            },
        },
        ensure_ascii=False,
    ).encode()


def _operation(line: Route) -> dict[str, object]:
    answers: dict[str, object] = {str(204 if line.answer is None else line.status): _answer(line)}
    answers["default"] = {
        "description": "A problem, in words for a person in the room.",
        "content": {"application/problem+json": {"schema": _ref(Problem)}},
    }
    operation: dict[str, object] = {
        "operationId": f"{line.method.lower()}{''.join(part.title() for part in re.findall(r'[a-z]+', line.path.removeprefix('/api/v1')))}",
        "summary": line.summary,
        "description": f"Action `{line.action}`.",
        "tags": list(line.tags),
        "responses": answers,
        "security": [] if line.action is Action.ENTER else [{"token": []}, {"session": []}, {"screen": []}],
    }
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PART.findall(line.path)
    ]
    parameters += _query(line.query)
    if parameters:
        operation["parameters"] = parameters
    if line.body is not Nothing:
        required = any(field.is_required() for field in line.body.model_fields.values())
        operation["requestBody"] = {"required": required, "content": {"application/json": {"schema": _ref(line.body)}}}
    return operation


def _answer(line: Route) -> dict[str, object]:
    if line.answer is None:
        return {"description": "Done."}
    schema: dict[str, object] = {"type": "array", "items": _ref(line.answer)} if line.many else _ref(line.answer)
    if _WAITING in line.query.model_fields:
        schema = {"anyOf": [schema, _ref(ApplyReport)]}
    return {
        "description": (line.answer.__doc__ or "").strip().partition("\n")[0],
        "content": {"application/json": {"schema": schema}},
    }


def _query(model: type[BaseModel]) -> list[dict[str, object]]:
    fields: dict[str, dict[str, object]] = model.model_json_schema().get("properties", {})
    return [{"name": name, "in": "query", "required": False, "schema": schema} for name, schema in fields.items()]


def _ref(model: type[BaseModel]) -> dict[str, object]:
    return {"$ref": _REF.format(model=model.__name__)}
