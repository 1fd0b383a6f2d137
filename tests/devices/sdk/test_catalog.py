"""Families are found, and what is wrong with one is said with file and fix."""

from __future__ import annotations

from pathlib import Path

import pytest

from devices.sdk import BadSetting, DocumentError, find_families, load_family, open_session, parse_address
from devices.sdk.testing.rig import Witness

SHIPPED = find_families()


def test_the_three_families_ship() -> None:
    """And the template is not one of them."""
    assert {"extron_sis", "pjlink", "visca"} <= set(SHIPPED)
    assert "_template" not in SHIPPED


def test_a_folder_of_the_site_wins(tmp_path: Path) -> None:
    """A technician's own copy of a family takes the shipped one's place."""
    own = tmp_path / "visca"
    own.mkdir()
    (own / "driver.yaml").write_text("family: visca\n")
    assert find_families(tmp_path)["visca"] == own


def test_a_broken_manifest_names_file_and_line(tmp_path: Path) -> None:
    """Like every file a technician writes."""
    text = (SHIPPED["extron_sis"] / "driver.yaml").read_text()
    (tmp_path / "driver.yaml").write_text(text.replace("kind: matrix", "kind: toaster"))
    with pytest.raises(DocumentError, match=r"driver\.yaml:3: "):
        load_family(tmp_path)


@pytest.mark.parametrize(
    ("target", "complaint"),
    [
        ("driver", "must be module:Class"),
        ("nothing:Here", "nothing"),
        ("driver:Nobody", "no class Nobody"),
        ("protocol:Tied", "is no Driver"),
    ],
)
def test_a_wrong_class_is_explained(tmp_path: Path, target: str, complaint: str) -> None:
    """`driver:` of driver.yaml points at a class of the folder."""
    folder = tmp_path / "copy_of_matrix"
    folder.mkdir()
    for source in SHIPPED["extron_sis"].glob("*.py"):
        (folder / source.name).write_text(source.read_text())
    text = (SHIPPED["extron_sis"] / "driver.yaml").read_text()
    (folder / "driver.yaml").write_text(text.replace("driver: driver:ExtronSis", f"driver: {target}"))
    with pytest.raises(BadSetting, match=complaint):
        _ = load_family(folder).driver


async def test_a_session_opens_from_what_room_yaml_says() -> None:
    """Settings and address are checked; each refusal names its key."""
    family = load_family(SHIPPED["extron_sis"])
    session = open_session(family, {"outputs": 4}, "tcp://10.0.0.1", Witness())
    assert str(session.address) == "tcp://10.0.0.1:23"
    with pytest.raises(BadSetting, match="did you mean 'outputs'"):
        open_session(family, {"output": 4}, "tcp://10.0.0.1", Witness())
    with pytest.raises(BadSetting) as error:
        open_session(family, {}, "udp://10.0.0.1", Witness())
    assert error.value.key == "at"


@pytest.mark.parametrize(
    "text",
    ["tcp://h:23?baud=9600", "serial:///dev/ttyS0?speed=1", "tcp://user:pw@h", "serial://dev/ttyS0", "tcp://:x", "h"],
)
def test_a_wrong_address_is_explained(text: str) -> None:
    """Unknown options, passwords and missing parts are refused with the key `at`."""
    with pytest.raises(BadSetting) as error:
        parse_address(text, load_family(SHIPPED["extron_sis"]).manifest)
    assert error.value.key == "at"
