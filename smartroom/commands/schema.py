"""JSON Schemas of room, scene and rundown files, for editors: `python -m smartroom.commands.schema scenes/schema`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from devices.sdk.catalog import find_families, load_family
from devices.sdk.manifest import Manifest, SettingSpec, ValueType
from smartroom.control.room.files import RoomFile
from smartroom.control.rundowns.model import RundownFile
from smartroom.control.scenes.files import SceneFile

_TYPES = {
    ValueType.BOOLEAN: "boolean",
    ValueType.INTEGER: "integer",
    ValueType.NUMBER: "number",
    ValueType.TEXT: "string",
    ValueType.CHOICE: "string",
    ValueType.MAPPING: "object",
}
_NAME = {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/Text"}]}


def schemas() -> dict[str, dict[str, object]]:
    """File name -> schema."""
    room = RoomFile.model_json_schema(mode="validation")
    families = [load_family(path).manifest for _, path in sorted(find_families().items())]
    room["properties"]["devices"]["additionalProperties"] = {"oneOf": [_device(manifest) for manifest in families]}
    scene = SceneFile.model_json_schema(mode="validation")
    rundown = RundownFile.model_json_schema(mode="validation")
    for found in (room, scene, rundown):
        _words(found)
    return {"room.schema.json": room, "scene.schema.json": scene, "rundown.schema.json": rundown}


def write(folder: Path) -> None:
    """Write every schema into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, schema in schemas().items():
        (folder / name).write_text(text(schema))


def text(schema: dict[str, object]) -> str:
    """A schema as it stands in its file."""
    return json.dumps(schema, indent=1, sort_keys=True) + "\n"


def _device(manifest: Manifest) -> dict[str, object]:
    known: dict[str, object] = {
        "driver": {"const": manifest.family, "description": manifest.title},
        "at": {"type": "string", "description": f"{' | '.join(manifest.transports)}; port {manifest.default_port}"},
        "name": _NAME,
    }
    known |= {key: _setting(spec) for key, spec in manifest.settings.items()}
    required = ["driver", "at", *(key for key, spec in manifest.settings.items() if spec.required)]
    return {
        "type": "object",
        "title": manifest.family,
        "properties": known,
        "required": required,
        "additionalProperties": False,
    }


def _setting(spec: SettingSpec) -> dict[str, object]:
    found: dict[str, object] = {"description": spec.help}
    if spec.type in _TYPES and not spec.secret:  # a secret is written as a tag: any type
        found["type"] = _TYPES[spec.type]
    if spec.values:
        found["enum"] = list(spec.values)
    if spec.default is not None:
        found["default"] = spec.default
    if spec.minimum is not None:
        found["minimum"] = spec.minimum
    if spec.maximum is not None:
        found["maximum"] = spec.maximum
    return found


def _words(node: object) -> None:
    """A text may also be written as one string for both languages."""
    if isinstance(node, dict):
        properties = node.get("properties")
        if isinstance(properties, dict):
            for key in ("name", "place", "note", "says", "fallback"):
                if key in properties:
                    properties[key] = _NAME
        for child in node.values():
            _words(child)
    elif isinstance(node, list):
        for child in node:
            _words(child)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
