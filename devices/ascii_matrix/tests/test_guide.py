"""The guide's example is no prose: its two files make a driver and a simulator that keep every promise."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from devices.ascii_matrix.shapes import GAPS, Meaning
from devices.sdk import DocumentError, Query, Set, Settings, find_families, load_family
from devices.sdk.testing.conformance import check_driver
from devices.sdk.testing.conversation import conversation

GUIDE = Path(__file__).parents[3] / "docs/guides/new-matrix.md"
TEXT = GUIDE.read_text("utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The family folder of the guide, on a site of its own."""
    folder = tmp_path / "drivers" / "ekl_414h"
    folder.mkdir(parents=True)
    for name, text in re.findall(r"```yaml\n# (driver\.yaml|profile\.yaml)\n(.*?)```", TEXT, re.DOTALL):
        (folder / name).write_text(text, "utf-8")
    return folder


async def test_a_sixth_dialect_needs_yaml_only(folder: Path) -> None:
    """Found on the site, checked like every family, with no code of its own."""
    assert find_families(folder.parent)["ekl_414h"] == folder
    assert await check_driver(folder) == []


def test_two_files_are_enough(folder: Path) -> None:
    """Nothing else was written into the folder."""
    assert sorted(path.name for path in folder.iterdir()) == ["driver.yaml", "profile.yaml"]


async def test_it_speaks_as_its_manual_prints(folder: Path) -> None:
    """The three lines of the manual's table, on a real session."""
    family = load_family(folder)
    driver = family.driver(family.manifest, Settings(family.manifest, {}))
    answers = {b"MT00RD0000NT": b"LINK:O1I1;O2I1;O3I3;O4I4;END"}
    async with conversation(driver, answers=answers) as talk:
        talk.expect(b"MT00SW0402NT")
        await talk.execute(Set("route.2", 4))
        talk.expect(b"MT00RD0000NT")
        talk.reply(b"LINK:O1I1;O2I4;O3I3;O4I4;END")
        assert await talk.read("route.2") == 4
        assert talk.session.driver.snapshot() == (Query("route.1"),)


def test_the_guide_names_every_word() -> None:
    """Commands and meanings that exist are explained, so nobody has to read the code."""
    assert [effect for effect in GAPS if f"`{effect}`" not in TEXT and f'`"{effect}"`' not in TEXT] == []
    assert [meaning for meaning in Meaning if f"`{meaning}`" not in TEXT] == []


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("extends: ascii_matrix", "extends: ascii_matrx", r"driver\.yaml:1: no shipped family 'ascii_matrx'"),
        ("family: ekl_414h", "family: ekl", r"driver\.yaml:2: family 'ekl' and its folder 'ekl_414h' differ"),
        ("inputs: 4", "input: 4", r"driver\.yaml:5: ascii_matrix has no setting 'input'"),
        ("maker: EKL", "makr: EKL", r"driver\.yaml:4: Extra inputs"),
    ],
)
def test_a_mistake_in_driver_yaml_is_named(folder: Path, old: str, new: str, why: str) -> None:
    """File, line, and what is wrong."""
    path = folder / "driver.yaml"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(DocumentError, match=why):
        load_family(folder)


async def test_a_mistake_in_the_profile_is_found_by_the_check(folder: Path) -> None:
    """`smartroom drivers check` names the profile's line."""
    path = folder / "profile.yaml"
    path.write_text(path.read_text().replace("{out:02}", "{output:02}"))
    (finding,) = await check_driver(folder)
    assert "profile.yaml:" in finding.message
    assert "{output} cannot stand here" in finding.message
