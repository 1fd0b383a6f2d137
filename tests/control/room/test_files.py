"""What a technician reads when a file is wrong: file, line, value and fix."""

from pathlib import Path

import pytest

from devices.sdk.document import DocumentError
from smartroom.control.room.files import load_room
from smartroom.control.room.secrets import load_secrets
from smartroom.control.scenes.files import load_scenes
from tests.rooms import ROOM, SCENES, families, write_site

BAD_ROOMS = [
    ("no driver", "name: R\ndevices:\n  m: {at: 'tcp://10.0.0.1:23'}\n", 3, "'driver' is missing"),
    (
        "misspelt driver",
        "name: R\ndevices:\n  m: {driver: extron_sys, at: 'tcp://10.0.0.1:23'}\n",
        3,
        "did you mean 'extron_sis'",
    ),
    (
        "unknown key",
        "name: R\ndevises: {}\ndevices:\n  m: {driver: pjlink, at: 'tcp://10.0.0.1'}\n",
        2,
        "did you mean 'devices'",
    ),
    (
        "unknown setting",
        "name: R\ndevices:\n  m:\n    driver: extron_sis\n    at: tcp://10.0.0.1\n    output: 4\n",
        6,
        "did you mean 'outputs'",
    ),
    (
        "wrong type",
        "name: R\ndevices:\n  m:\n    driver: extron_sis\n    at: tcp://10.0.0.1\n    outputs: many\n",
        6,
        "must be of type integer",
    ),
    (
        "duplicate id",
        "name: R\ndevices:\n  m: {driver: pjlink, at: 'tcp://10.0.0.1'}\n  m: {driver: pjlink, at: 'tcp://10.0.0.2'}\n",
        4,
        "stands twice, first on line 3",
    ),
    ("address without host", "name: R\ndevices:\n  m: {driver: pjlink, at: 'tcp://'}\n", 3, "lacks a host"),
    ("wrong scheme", "name: R\ndevices:\n  m: {driver: pjlink, at: 'http://10.0.0.1'}\n", 3, "speaks over tcp"),
    ("password in the address", "name: R\ndevices:\n  m: {driver: pjlink, at: 'tcp://u:p@10.0.0.1'}\n", 3, "!secret"),
    ("no such port", ROOM.replace("matrix.out.2", "matrix.out.9"), 13, "has no output 9"),
    ("not a port", ROOM.replace("matrix.in.1", "matrix-1"), 10, "DEVICE.in.NUMBER"),
    ("unknown screen", ROOM.replace("screen: projector", "screen: projektor"), 12, "did you mean 'projector'"),
    ("no audio there", ROOM.replace("volume: matrix.out.1", "volume: camera"), 14, "camera has no 'volume'"),
    ("not YAML", "name: [R\ndevices: {}\n", 2, "not valid YAML"),
    ("no devices", "name: R\n", 1, "'devices' is missing"),
    ("tag", "name: !!python/object:os.system R\n", 1, "only !secret"),
]

BAD_SCENES = [
    ("unknown device", "name: S\ndesired:\n  projektor: {power: on}\n", 3, "did you mean 'projector'"),
    ("unknown property", "name: S\ndesired:\n  projector:\n    powr: on\n", 4, "did you mean 'power'"),
    ("wrong value", "name: S\ndesired:\n  projector: {power: maybe}\n", 3, "one of on, off"),
    ("YAML 1.1 boolean is text", "name: S\ndesired:\n  projector: {power: true}\n", 3, "cannot be True"),
    ("unknown source", "name: S\ndesired:\n  matrix: {route: {main: laptp}}\n", 3, "did you mean 'laptop'"),
    ("unknown output", "name: S\ndesired:\n  matrix: {route: {mian: laptop}}\n", 3, "did you mean 'route.main'"),
    ("unknown preset", "name: S\ndesired:\n  camera: {preset: podum}\n", 3, "did you mean 'podium'"),
    ("toggle", "name: S\ndesired:\n  projector: {power: toggle}\n", 3, "rule no-toggle"),
    ("volume beyond", "name: S\ndesired:\n  matrix: {volume: {main: 140}}\n", 3, "from 0 to 100"),
    ("read-only", "name: S\ndesired:\n  projector: {lamp_hours: 3}\n", 3, "can only be read"),
    ("extends itself", "name: S\nextends: bad\n", 2, "extends itself"),
    ("extends nobody", "name: S\nextends: meting\n", 2, "did you mean 'meeting'"),
    ("contradiction", "name: S\ndesired:\n  projector: {power: off, input: hdmi1}\n", 3, "needs power: on"),
    ("duration", "name: S\ntimeout: soon\n", 2, "write 60s or 2m"),
    ("unknown key", "name: S\ndesire: {}\n", 2, "did you mean 'desired'"),
    ("steps", "name: S\nsteps: [1]\n", 2, "steps"),
]


@pytest.mark.parametrize(("why", "text", "line", "words"), BAD_ROOMS, ids=[item[0] for item in BAD_ROOMS])
def test_a_bad_room_file_names_line_and_fix(tmp_path: Path, why: str, text: str, line: int, words: str) -> None:
    """Every mistake in room.yaml is refused with its line and a fix a technician can follow."""
    folder = write_site(tmp_path, text, {})
    with pytest.raises(DocumentError) as caught:
        load_room(folder, families(), {})
    assert f"room.yaml:{line}:" in str(caught.value), str(caught.value)
    assert words in str(caught.value)
    assert caught.value.fix


@pytest.mark.parametrize(("why", "text", "line", "words"), BAD_SCENES, ids=[item[0] for item in BAD_SCENES])
def test_a_bad_scene_file_names_line_and_fix(tmp_path: Path, why: str, text: str, line: int, words: str) -> None:
    """Every mistake in a scene is refused alone: the other scenes stay usable."""
    folder = write_site(tmp_path, ROOM, {**SCENES, "bad": text})
    scenes, errors = load_scenes(folder, load_room(folder, families(), {}))
    assert set(scenes) == set(SCENES)
    assert f"bad.yaml:{line}:" in str(errors["bad"]), str(errors["bad"])
    assert words in str(errors["bad"])


def test_no_scene_may_be_called_taking_back(tmp_path: Path) -> None:
    """`kembalikan` is the name of undo on pages, in runs and in records."""
    folder = write_site(tmp_path, ROOM, {**SCENES, "kembalikan": SCENES["slides"]})
    scenes, errors = load_scenes(folder, load_room(folder, families(), {}))
    assert "kembalikan" not in scenes
    assert errors["kembalikan"].fix == "give the file another name"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A folder without room.yaml is told as a missing file."""
    with pytest.raises(DocumentError, match="file not found"):
        load_room(tmp_path, families(), {})


def test_an_alias_bomb_ends_quickly(tmp_path: Path) -> None:
    """Nested aliases that would unfold to billions of values are refused by their number."""
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(8)
    )
    with pytest.raises(DocumentError, match="aliases"):
        load_room(write_site(tmp_path, bomb, {}), families(), {})


def test_a_scene_inherits_and_overrides(tmp_path: Path) -> None:
    """`extends` takes every goal of the other scene; what both set is the own value."""
    folder = write_site(
        tmp_path, ROOM, {**SCENES, "late": "name: L\nextends: meeting\ndesired: {matrix: {volume: {main: 20}}}\n"}
    )
    scenes, errors = load_scenes(folder, load_room(folder, families(), {}))
    assert not errors
    goals = {f"{goal.device}.{goal.property}": goal.value for goal in scenes["late"].goals}
    assert goals["matrix.volume.1"] == 20
    assert goals["projector.power"] == "on"
    assert len(goals) == len(scenes["meeting"].goals)


def test_a_missing_secret_is_the_devices_problem_alone(tmp_path: Path) -> None:
    """Without its password a device says so; the room is there all the same."""
    folder = write_site(
        tmp_path, ROOM.replace('at: "tcp://10.0.0.2:4352"', 'at: "tcp://10.0.0.2:4352", password: !secret lamp'), SCENES
    )
    room = load_room(folder, families(), {})
    assert room.devices["projector"].problem is not None
    assert room.devices["matrix"].problem is None
    assert "secrets.yaml" in room.warnings[0]
    assert load_room(folder, families(), {"lamp": "x"}).devices["projector"].problem is None


def test_secrets_others_may_read_are_refused(tmp_path: Path) -> None:
    """A secrets file open to other users is not used, and the fix is named."""
    path = tmp_path / "secrets.yaml"
    path.write_text("lamp: hunter2\n")
    path.chmod(0o644)
    with pytest.raises(DocumentError, match="chmod 600") as caught:
        load_secrets(tmp_path)
    assert "hunter2" not in str(caught.value)
    path.chmod(0o600)
    assert load_secrets(tmp_path) == {"lamp": "hunter2"}
