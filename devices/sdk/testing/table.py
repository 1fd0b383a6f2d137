"""Driver x capability as a table: what was proved by reading back, what can only be read, what can only be sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from devices.sdk.capabilities import CAPABILITIES
from devices.sdk.catalog import Family
from devices.sdk.testing.conformance import Finding, settings_of, wires

LEGEND = "● set and read back   ○ only read   ▲ only sent, never verified   ✗ see findings"


@dataclass(frozen=True, slots=True)
class Row:
    """One family in the table."""

    family: str
    lines: str
    findings: int
    marks: dict[str, str] = field(default_factory=dict)
    """Capability -> mark."""


def row_of(family: Family, findings: Sequence[Finding] = ()) -> Row:
    """A family's row; a finding that names a property spoils its capability."""
    driver = family.driver(family.manifest, settings_of(family))
    marks: dict[str, str] = {}
    for name in driver.properties():
        spec = driver.spec(name)
        mark = "▲" if not spec.readable else "●" if spec.settable else "○"
        spoilt = any(name in finding.message for finding in findings)
        kept = marks.get(spec.capability, mark)
        marks[spec.capability] = "✗" if spoilt or kept == "✗" else "●" if "●" in (kept, mark) else kept
    return Row(family.manifest.family, " ".join(wires(family)), len(findings), marks)


def table_of(rows: Iterable[Row]) -> list[str]:
    """Lines of text: capabilities that some family has, in the order of the SDK."""
    found = sorted(rows, key=lambda row: row.family)
    columns = [name for name in CAPABILITIES if any(name in row.marks for row in found)]
    width = max((len(row.family) for row in found), default=0)
    lines = max((len(row.lines) for row in found), default=0)
    text = [f"{'':{width}}  {'':{lines}}  " + "  ".join(columns)]
    for row in found:
        cells = "  ".join(f"{row.marks.get(name, ''):^{len(name)}}" for name in columns)
        verdict = f"  {row.findings} findings" if row.findings else ""
        text.append(f"{row.family:{width}}  {row.lines:{lines}}  {cells}{verdict}".rstrip())
    return [*text, LEGEND]
