"""Every family that ships keeps the SDK's promises against its own simulator."""

from __future__ import annotations

from pathlib import Path

import pytest

from devices.sdk.catalog import find_families
from devices.sdk.testing.conformance import check_driver

FAMILIES = find_families()


@pytest.mark.parametrize("name", sorted(FAMILIES))
async def test_family_conforms(name: str) -> None:
    """Manifest, capabilities, pure encoding, read-back over each line, every fault survived, lies not believed."""
    findings = await check_driver(FAMILIES[name])
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
