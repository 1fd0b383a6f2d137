"""`python -m smartroom.protocol`: JSON Schema of all words, from which the pages' types are generated."""

from __future__ import annotations

import inspect
import json
import sys

from pydantic.json_schema import models_json_schema

from smartroom.protocol import (
    ceremony,
    commands,
    conference,
    displays,
    errors,
    history,
    people,
    rundowns,
    scenes,
    state,
    technician,
)
from smartroom.protocol.base import Message

_MODULES = (errors, state, scenes, history, rundowns, commands, people, technician, displays, conference, ceremony)


def schema() -> dict[str, object]:
    """One JSON Schema document with every message under `$defs`."""
    found = {
        model
        for module in _MODULES
        for _, model in inspect.getmembers(module, inspect.isclass)
        if issubclass(model, Message) and model.__module__ == module.__name__
    }
    ordered = sorted(found, key=lambda model: model.__name__)
    _, definitions = models_json_schema([(model, "serialization") for model in ordered], title="smartroom protocol")
    return definitions


if __name__ == "__main__":
    json.dump(schema(), sys.stdout, indent=1, sort_keys=True)
    sys.stdout.write("\n")
