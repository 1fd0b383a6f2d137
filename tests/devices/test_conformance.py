"""Every family that ships keeps the SDK's promises against its own simulator."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from devices.sdk.catalog import find_families, load_family
from devices.sdk.testing.conformance import Finding, check_driver
from devices.sdk.testing.table import Row, row_of, table_of

FAMILIES = find_families()


@pytest.mark.parametrize("name", sorted(FAMILIES))
async def test_family_conforms(name: str, record_property: Callable[[str, object], None]) -> None:
    """Manifest, capabilities, pure encoding, read-back over each line, every fault survived, lies not believed; its row ends the report."""
    findings = await check_driver(FAMILIES[name])
    record_property("conformance", json.dumps(asdict(row_of(load_family(FAMILIES[name]), findings))))
    assert not findings, "\n".join(f"{finding.check}: {finding.message}" for finding in findings)


async def test_template_conforms(tmp_path: Path) -> None:
    """A copied template is a working family outside the package before anybody changes it."""
    template = Path(next(iter(FAMILIES.values()))).parent / "_template"
    copy = tmp_path / "new_matrix"
    for source in template.rglob("*"):
        target = copy / source.relative_to(template)
        if source.is_file() and "__pycache__" not in source.parts:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(source.read_text("utf-8").replace("template_family", "new_matrix"), "utf-8")
    assert find_families(tmp_path)["new_matrix"] == copy
    findings = await check_driver(copy)
    assert not findings, "\n".join(f"{finding.check}: {finding.message}" for finding in findings)


def test_the_table_says_what_was_proved() -> None:
    """Read back, only read, and what a finding spoils."""
    matrix = load_family(FAMILIES["videohub"])
    spoilt = row_of(matrix, [Finding("read-back", "tcp: route.1 never became 1")])
    assert row_of(matrix) == Row("videohub", "tcp", 0, {"routing": "●", "status": "○"})
    assert (spoilt.findings, spoilt.marks["routing"], spoilt.marks["status"]) == (1, "✗", "○")
    assert table_of([spoilt, Row("dumb", "serial", 0, {"routing": "▲"})])[:3] == [
        "                  routing  status",
        "dumb      serial     ▲",
        "videohub  tcp        ✗       ○     1 findings",
    ]
