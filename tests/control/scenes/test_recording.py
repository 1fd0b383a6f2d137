"""The room as it is becomes a scene: the smallest difference, in the file's own words, and nothing is written that is not valid."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from devices.sdk.document import parse_document
from smartroom.control.errors import ProblemError
from smartroom.protocol.base import Text
from smartroom.protocol.errors import ErrorCode, Problem
from smartroom.protocol.scenes import RecordedLine, Recording
from smartroom.protocol.state import SceneLight
from tests.rooms import ROOM, SCENES, TestRoom, living

BASE = """
name: {id: Dasar, en: Base}
hidden: true
desired:
  matrix: {blank: {main: false, left: false}, mute: {main: false}}   # dibaca orang
  camera: {power: on}
"""
POWERED = """
name: {id: Menyala, en: Powered}
hidden: true
desired:
  projector: {power: on, input: hdmi1}
"""


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[TestRoom]:
    """The test room with two scenes that are there to be extended."""
    async with living(tmp_path, ROOM, {**SCENES, "base": BASE, "powered": POWERED}) as found:
        yield found


def reviewed(recording: Recording, *names: str) -> list[RecordedLine]:
    """The proposed lines, or only these."""
    wanted = [line for line in recording.lines if (f"{line.device}.{line.property}" in names if names else line.ticked)]
    return [RecordedLine(device=line.device, property=line.property, value=line.value) for line in wanted]


def record(room: TestRoom, scene: str, recording: Recording, lines: list[RecordedLine], name: str = "Baru") -> None:
    """Write it."""
    press = f"press-{time.monotonic_ns()}"
    room.live.desk.record(scene, Text(id=name), "scene", recording.extends, lines, by="Ani", press=press)


def refused(room: TestRoom, scene: str, recording: Recording, lines: list[RecordedLine], name: str = "Baru") -> Problem:
    """Why it is not written; no file may be left."""
    before = sorted(path.name for path in room.folder.iterdir())
    with pytest.raises(ProblemError) as caught:
        record(room, scene, recording, lines, name)
    assert sorted(path.name for path in room.folder.iterdir()) == before
    return caught.value.problem


async def test_only_what_differs_is_proposed(room: TestRoom) -> None:
    """Against `base`: what it sets and what is so is not a line; what no scene of the room ever sets is offered, not ticked."""
    await room.live.desk.set("matrix", "route.2", 3, by="Ani", press="press-0001")
    await room.live.desk.set("matrix", "blank.2", value=True, by="Ani", press="press-0002")
    found = await room.live.desk.recording("base")
    lines = {f"{line.device}.{line.property}": line for line in found.lines}
    assert "matrix.blank.1" not in lines
    assert found.same >= 2
    changed = lines["matrix.blank.2"]
    assert changed.base_said is not None
    assert (changed.said.id, changed.base_said.id, changed.ticked) == ("Gelap", "Tampil", True)
    assert lines["matrix.route.2"].written == "matrix.route.left: camera"
    assert not lines["matrix.route.4"].ticked, "no scene sets output 4"


async def test_what_cannot_be_recorded_is_named(room: TestRoom) -> None:
    """A projector that is off has no input; a device that is cut off has no readings: left out, with the reason."""
    found = await room.live.desk.recording("base")
    left = {f"{item.device}.{item.property}": item.why.id for item in found.left}
    assert "tidak menyala" in left["projector.input"]
    room.simulators["projector"].power_cut(30)
    await room.until(lambda: room.device("projector").link != "ready", 10)
    found = await room.live.desk.recording("base")
    left = {f"{item.device}.{item.property}": item.why.id for item in found.left}
    assert "terputus" in left["projector.power"]


async def test_a_camera_at_a_stored_position_is_its_name(room: TestRoom) -> None:
    """`preset: podium`, and neither direction nor zoom; away from every stored position it is direction and zoom."""
    await room.apply("meeting")
    lines = {f"{line.device}.{line.property}": line for line in (await room.live.desk.recording("base")).lines}
    assert lines["camera.preset"].written == "camera.preset: podium"
    assert "camera.position" not in lines
    room.simulators["camera"].front_panel("position", (300, 20))
    await room.until(lambda: room.device("camera").properties["preset"].value is None)
    lines = {f"{line.device}.{line.property}": line for line in (await room.live.desk.recording("base")).lines}
    assert lines["camera.position"].written == "camera.position: [300, 20]"
    assert "camera.preset" not in lines


async def test_the_file_is_valid_and_its_tile_appears(room: TestRoom) -> None:
    """Written as a technician would have, other files untouched; the tile appears by itself, and the room is what it says."""
    await room.apply("slides")
    others = {path: path.read_bytes() for path in room.folder.iterdir()}
    found = await room.live.desk.recording("base")
    record(room, "paparan-sore", found, reviewed(found), "Paparan: sore #1")
    text = (room.folder / "paparan-sore.yaml").read_text()
    assert "# Recorded from the room on" in text
    assert "by Ani." in text
    document = parse_document(text).value
    assert isinstance(document, dict)
    assert document["name"] == {"id": "Paparan: sore #1", "en": "Paparan: sore #1"}
    assert document["extends"] == "base"
    assert document["desired"]["matrix"]["route"] == {"main": "meeting", "left": "meeting"}
    assert {path: path.read_bytes() for path in others} == others
    await room.until(lambda: "paparan-sore" in room.state.scenes)
    plan = await room.live.desk.plan("paparan-sore")
    assert plan.changes == 0, [step for step in plan.steps if step.action == "set"]
    await room.apply("paparan-sore")
    await room.until(lambda: room.scene("paparan-sore").light is SceneLight.ACTIVE)


async def test_the_best_base_is_one_the_room_does_not_contradict(room: TestRoom) -> None:
    """`powered` wants a projector that is on; with the projector off it cannot be extended, `base` can."""
    assert (await room.live.desk.recording("*")).extends == "base"
    found = await room.live.desk.recording("powered")
    assert found.problem is not None
    assert "Projector" in found.problem.text.en
    why = refused(room, "baru", found, reviewed(found, "projector.power"))
    assert why.code is ErrorCode.CONFIGURATION


async def test_what_was_reviewed_is_what_is_written(room: TestRoom) -> None:
    """The room moves between review and approval: the file has the reviewed value."""
    found = await room.live.desk.recording(None)
    line = next(line for line in found.lines if line.property == "route.1")
    await room.live.desk.set("matrix", "route.1", 4, by="Budi", press="press-0003")
    record(room, "baru", found, reviewed(found, "matrix.route.1"))
    document = parse_document((room.folder / "baru.yaml").read_text()).value
    assert isinstance(document, dict)
    assert document["desired"] == {"matrix": {"route": {"main": "laptop"}}}
    assert line.value == 1


async def test_bad_recordings_are_refused(room: TestRoom) -> None:
    """A name that is taken or empty, a base that does not exist, a device or value that does not, a folder that cannot be written."""
    found = await room.live.desk.recording("base")
    lines = reviewed(found, "matrix.route.1")
    assert "taken" in refused(room, "slides", found, lines).text.en
    assert "taken" in refused(room, "room", found, lines).text.en
    assert "taken" in refused(room, "kembalikan", found, lines).text.en
    assert "needs a name" in refused(room, "baru", found, lines, " ").text.en
    assert refused(room, "baru", found.model_copy(update={"extends": "none"}), lines).code is ErrorCode.NOT_FOUND
    for device, name, value in (("annex", "power", "on"), ("matrix", "route.1", "x"), ("matrix", "firmware", "x")):
        why = refused(room, "baru", found, [RecordedLine(device=device, property=name, value=value)])
        assert (why.code, why.device) == (ErrorCode.INVALID, device)
    with pytest.raises(ProblemError):
        await room.live.desk.recording("none")


async def test_a_folder_that_cannot_be_written_says_so(room: TestRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    """A site on a read-only disk: a clear sentence, and no half file."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    found = await room.live.desk.recording("base")
    monkeypatch.setattr(Path, "write_text", refuse)
    why = refused(room, "baru", found, reviewed(found, "matrix.route.1"))
    assert "cannot be written" in why.text.en
    assert why.fix is not None
