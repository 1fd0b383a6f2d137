"""`smartroom room new`: a folder to start from, at once good."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from smartroom.cli import main
from smartroom.commands.check import check, offline_plan
from smartroom.commands.new_room import BadRoom, new_room


@pytest.mark.parametrize("name", ["ruang-rapat", "aula2", "2", "on", "x" * 64])
def test_what_it_writes_is_accepted(tmp_path: Path, name: str) -> None:
    """`smartroom check` has neither error nor warning, and both scenes can be planned."""
    folder = new_room(tmp_path / "site", name)
    findings = check(tmp_path / "site")
    assert findings.errors == []
    assert findings.warnings == []
    assert findings.rooms == {name: (3, 3, 0)}
    for scene in ("rapat", "semua-mati"):
        assert offline_plan(tmp_path / "site", name, scene).changes > 0
    for path in folder.iterdir():
        first = path.read_text().splitlines()[0]
        schema = first.removeprefix("# yaml-language-server: $schema=")
        assert (folder / schema).resolve().is_file(), "editors find the schema"


def test_a_second_room_leaves_the_first_and_the_schemas_alone(tmp_path: Path) -> None:
    """What is there is not touched."""
    new_room(tmp_path, "satu")
    (tmp_path / "schema/room.schema.json").write_text("mine")
    (tmp_path / "satu/room.yaml").write_text("mine")
    new_room(tmp_path, "dua")
    assert (tmp_path / "schema/room.schema.json").read_text() == "mine"
    with pytest.raises(BadRoom, match="exists already"):
        new_room(tmp_path, "satu")
    assert (tmp_path / "satu/room.yaml").read_text() == "mine"


@pytest.mark.parametrize("name", ["Ruang Rapat", "../luar", "a/b", "", "drivers", "schema", "-x", "x" * 65, "ruang\n"])
def test_names_that_are_none(tmp_path: Path, name: str) -> None:
    """Refused with a name that would do; nothing is written."""
    with pytest.raises(BadRoom, match="Fix: "):
        new_room(tmp_path / "site", name)
    assert not (tmp_path / "site").exists()
    assert not (tmp_path / "luar").exists()


def test_the_command_says_what_comes_next(tmp_path: Path) -> None:
    """It asks nothing, lists what it wrote and names the next command."""
    found = CliRunner().invoke(main, ["room", "new", "aula", "--site", str(tmp_path)])
    assert found.exit_code == 0
    assert f"wrote {tmp_path}/aula/room.yaml" in found.output
    assert f"smartroom check {tmp_path}/aula" in found.output
    again = CliRunner().invoke(main, ["room", "new", "aula", "--site", str(tmp_path)])
    assert again.exit_code == 1
