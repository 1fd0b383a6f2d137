"""YAML files written by people: YAML 1.2 core words (`on` and `off` stay text), bounded, each value with its line.

Used for driver manifests here and for rooms and scenes by the server. Limits follow from size: nobody writes 256 KiB of room by hand, and an alias bomb
needs only a few lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

MAX_BYTES = 256 * 1024
"""A scene or room file above this is not written by a person."""
MAX_DEPTH = 32
"""Deeper nesting has no meaning in any of our files."""
MAX_NODES = 50_000
"""Counted after aliases are followed, so that an alias bomb meets it."""

Path_ = tuple[str | int, ...]
"""Where a value stands: keys and indexes from the top of the file."""


@dataclass(frozen=True, slots=True)
class Secret:
    """`!secret NAME`: the value stands in the secrets file, never here."""

    name: str


class DocumentError(ValueError):
    """A file that cannot be used: says file, line and how to mend it."""

    def __init__(self, file: str, line: int, message: str, *, value: str = "", fix: str = "") -> None:
        super().__init__(f"{file}:{line}: {message}" + (f". Fix: {fix}" if fix else ""))
        self.file = file
        self.line = line
        self.message = message
        self.value = value
        self.fix = fix


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file: plain values, and the line of each."""

    file: str
    value: object
    lines: Mapping[Path_, int]

    def line(self, path: Path_) -> int:
        """Line of the value at `path`, or of the nearest parent that has one."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def error(self, path: Path_, message: str, *, value: str = "", fix: str = "") -> DocumentError:
        """An error that points at the value at `path`."""
        return DocumentError(self.file, self.line(path), message, value=value, fix=fix)


def read_document(path: Path) -> Document:
    """Read a YAML file; DocumentError names what is wrong with it."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise DocumentError(str(path), 1, "file not found", fix="create it or correct the name") from None
    except OSError as error:
        raise DocumentError(
            str(path), 1, f"cannot be read: {error.strerror}", fix="check the file's permissions"
        ) from None
    if len(raw) > MAX_BYTES:
        raise DocumentError(str(path), 1, f"file has {len(raw)} bytes", fix=f"keep it below {MAX_BYTES} bytes")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise DocumentError(str(path), line, "not UTF-8 text", fix="save the file as UTF-8") from None
    return parse_document(text, file=str(path))


def parse_document(text: str, *, file: str = "<text>") -> Document:
    """Parse YAML text; DocumentError names what is wrong with it."""
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise DocumentError(
            file,
            line,
            f"not valid YAML: {error.problem or error.context}",
            fix="check indentation, colons and quotes near this line",
        ) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise DocumentError(
            file, 1, f"not valid YAML: {type(error).__name__}", fix="remove control characters and deep nesting"
        ) from None
    if node is None:
        return Document(file, {}, {(): 1})
    lines: dict[Path_, int] = {}
    value = _Builder(file, lines).build(node, (), 0)
    return Document(file, value, lines)


def to_text(value: object, *, flow: bool = False) -> str:
    """Plain values as YAML that reads back as the same: `on` stays a word, long texts stay on their line. `flow`: innermost parts on one line."""
    style = None if flow else False
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000, default_flow_style=style)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # libyaml where the wheel has it: ten times faster
    """SafeLoader with the scalars of the YAML 1.2 core schema."""


class _Dumper(yaml.SafeDumper):
    """Quotes exactly what `_Loader` would not read as the same text."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # pyyaml's own signature
        """Lists are indented below their key, as people write them."""
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: object) -> bool:  # pyyaml's own signature
        """A value that stands twice is written twice."""
        return True


# A number with a plus is left a word: whoever writes `+5` means a step, and no file of ours has steps.
_Loader.yaml_implicit_resolvers = {}
_Dumper.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("tag:yaml.org,2002:bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("tag:yaml.org,2002:null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("tag:yaml.org,2002:int", r"^(?:-?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", "-0123456789"),
    ("tag:yaml.org,2002:float", r"^-?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", "-.0123456789"),
):
    _Loader.add_implicit_resolver(_tag, re.compile(_pattern), list(_first))
    _Dumper.add_implicit_resolver(_tag, re.compile(_pattern), list(_first))

_SCALARS = {"tag:yaml.org,2002:" + name for name in ("bool", "null", "int", "float", "str")}


class _Builder:
    def __init__(self, file: str, lines: dict[Path_, int]) -> None:
        self._file = file
        self._lines = lines
        self._nodes = 0

    def build(self, node: yaml.Node, path: Path_, depth: int) -> object:
        line = node.start_mark.line + 1
        self._lines[path] = line
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise DocumentError(
                self._file, line, f"more than {MAX_NODES} values", fix="remove aliases (*name) that repeat large parts"
            )
        if depth > MAX_DEPTH:
            raise DocumentError(self._file, line, f"nested deeper than {MAX_DEPTH} levels", fix="flatten the file")
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, line)
        if isinstance(node, yaml.SequenceNode) and node.tag == "tag:yaml.org,2002:seq":
            return [self.build(child, (*path, index), depth + 1) for index, child in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode) and node.tag == "tag:yaml.org,2002:map":
            return dict(self._items(node, path, depth))
        raise DocumentError(self._file, line, f"unknown tag {node.tag}", value=node.tag, fix="only !secret is allowed")

    def _items(self, node: yaml.MappingNode, path: Path_, depth: int) -> Iterator[tuple[str, object]]:
        seen: dict[str, int] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise DocumentError(self._file, line, "a key must be a word", fix="quote it or use a plain name")
            key = str(key_node.value)
            if key in seen:
                raise DocumentError(
                    self._file,
                    line,
                    f"'{key}' stands twice, first on line {seen[key]}",
                    value=key,
                    fix="remove or rename one of them",
                )
            seen[key] = line
            yield key, self.build(value_node, (*path, key), depth + 1)
            self._lines[(*path, key)] = line

    def _scalar(self, node: yaml.ScalarNode, line: int) -> object:
        text = str(node.value)
        if node.tag == "!secret":
            if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", text):
                raise DocumentError(
                    self._file,
                    line,
                    f"'{text}' is not a secret's name",
                    value=text,
                    fix="use letters, digits, - and _: !secret projector",
                )
            return Secret(text)
        if node.tag not in _SCALARS:
            raise DocumentError(
                self._file, line, f"unknown tag {node.tag}", value=node.tag, fix="only !secret is allowed"
            )
        kind = node.tag.rsplit(":", 1)[1]
        if kind == "bool":
            return text.lower() == "true"
        if kind == "null":
            return None
        if kind == "int":
            if len(text) > 18:  # beyond 64 bit nothing of ours counts, and huge digits cost time to parse
                raise DocumentError(
                    self._file, line, "number too long", value=text[:20], fix="use a smaller number or quote it"
                )
            return int(text, 8) if text.startswith("0o") else int(text, 16) if text.startswith("0x") else int(text)
        return float(text) if kind == "float" else text
