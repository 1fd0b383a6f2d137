"""Texts with gaps, as manuals print them: `{in}V{out}.`, `A5 5B 02 03 {in} 00 {out} {sum}`. Filled by one end of the wire, read by the other."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from devices.ascii_matrix.linear import escape

NUMBERS = frozenset({"in", "out", "preset"})
FIELDS = NUMBERS | {"outs", "each", "sum"}
_GAP = re.compile(r"\{(\w+)(?::([^{}]*))?\}")
_WIDTH = re.compile(r"0([1-4])")
_NUMBER = r"\d"
_BYTE = "[0-9A-F]{2}"


class TemplateError(ValueError):
    """A template that is not understood."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A place to fill: `width` digits at least, or `between` several outputs."""

    name: str
    width: int = 0
    between: str = ","


@dataclass(frozen=True, slots=True)
class Template:
    """Fixed texts and gaps in their order. In hex form a text is pairs of digits with blanks between, and a number is one such pair."""

    parts: tuple[str | Gap, ...]
    hexadecimal: bool

    @property
    def gaps(self) -> frozenset[str]:
        """Names of the gaps."""
        return frozenset(part.name for part in self.parts if isinstance(part, Gap))

    def fill(self, values: Mapping[str, int | str | tuple[int, ...]]) -> str:
        """The text with its gaps filled; `sum` is left for the frame."""
        return "".join(part if isinstance(part, str) else self._filled(part, values) for part in self.parts)

    def pattern(self, *, strict: bool) -> str:
        """A pattern that reads the text back. Strict (a device reads commands): digits as wide as written; else (we read a device): any width, any blanks."""
        named: set[str] = set()
        found = ""
        for part in self.parts:
            if isinstance(part, str):
                found += self._fixed(part, strict=strict)
                continue
            pattern = self._readable(part, strict=strict)
            found += pattern if part.name in ("sum", *named) else f"(?P<{part.name}>{pattern})"
            named.add(part.name)
        return found

    def _filled(self, gap: Gap, values: Mapping[str, int | str | tuple[int, ...]]) -> str:
        if gap.name == "sum":
            return "{sum}"
        value = values.get(gap.name, 0)
        if isinstance(value, tuple):
            return gap.between.join(map(str, value))
        if isinstance(value, str):
            return value
        return f"{value:02X}" if self.hexadecimal else f"{value:0{gap.width}d}"

    def _fixed(self, text: str, *, strict: bool) -> str:
        if strict:
            return escape(text)
        return r"\s+".join(escape(word) for word in re.split(r"\s+", text))

    def _readable(self, gap: Gap, *, strict: bool) -> str:
        if self.hexadecimal:
            return _BYTE
        if gap.name == "each":
            return ".*"
        number = f"{_NUMBER}{{{max(gap.width, 1) if strict else 1},4}}"
        return f"{number}(?:{escape(gap.between)}{number})+" if gap.name == "outs" else number


def parse_template(text: str, allowed: frozenset[str], *, hexadecimal: bool) -> Template:
    """Read a template; TemplateError says what may stand in it."""
    parts: list[str | Gap] = []
    at = 0
    for found in _GAP.finditer(text):
        parts += [text[at : found.start()]] if found.start() > at else []
        parts.append(_gap(found[1], found[2], allowed, hexadecimal=hexadecimal))
        at = found.end()
    parts += [text[at:]] if text[at:] else []
    fixed = "".join(part for part in parts if isinstance(part, str))
    if set("{}") & set(fixed):
        raise TemplateError(f"a brace is open; gaps are {_listed(allowed)}")
    if not text.isascii() and not hexadecimal:
        raise TemplateError("only ASCII characters can be sent")
    if hexadecimal and not re.fullmatch(r"(?:[0-9A-F]{2}|\{\w+\})(?: (?:[0-9A-F]{2}|\{\w+\}))*", text):
        raise TemplateError("hex form is pairs of 0-9 A-F and gaps, one blank between them: A5 5B {in} 00")
    return Template(tuple(parts), hexadecimal)


def _gap(name: str, detail: str | None, allowed: frozenset[str], *, hexadecimal: bool) -> Gap:
    if name not in allowed:
        raise TemplateError(f"{{{name}}} cannot stand here; gaps are {_listed(allowed)}")
    if detail is None:
        return Gap(name)
    if name == "outs" and detail and not detail.isdigit():
        return Gap(name, between=detail)
    width = _WIDTH.fullmatch(detail)
    if width is None or hexadecimal or name not in NUMBERS:
        raise TemplateError(
            f"{{{name}:{detail}}}: write {{in:02}} for two digits, {{outs:,}} for outputs with commas between"
        )
    return Gap(name, width=int(width[1]))


def _listed(names: frozenset[str]) -> str:
    return " ".join(f"{{{name}}}" for name in sorted(names)) or "none"
