"""`smartroom record`: shown, chosen, approved, written; anything else writes nothing."""

from __future__ import annotations

from tests.client.conftest import Hall
from tests.client.test_plans import smartroom


async def test_a_scene_is_recorded_from_the_terminal(hall: Hall) -> None:
    """Lines can be left out and taken in; the file appears and the room has its tile."""
    await hall.remote.apply("slides")
    code, output = await smartroom(
        hall, "record", "hall", "sore", "--extends", "", "--drop", "matrix.mute.1", "--add", "matrix.route.3", "--yes"
    )
    assert code == 0, output
    assert "[x]  matrix.route.1" in output
    assert "[ ]  matrix.mute.1" in output
    assert "left out: projector.input: " in output
    assert "wrote sore.yaml" in output
    await hall.room.until(lambda: "sore" in hall.room.state.scenes)
    assert (await hall.remote.plan("sore")).changes == 0
    code, output = await smartroom(hall, "record", "hall", "sore", "--extends", "", "--yes")
    assert code == 1
    assert "The name 'sore' is taken. Fix: Choose another name" in output


async def test_without_approval_nothing_is_written(hall: Hall) -> None:
    """No answer is no; a line that does not exist is named."""
    code, output = await smartroom(hall, "record", "hall", "sore", "--extends", "")
    assert code == 1, "click aborts when nobody answers"
    assert "Write sore.yaml" in output
    assert not (hall.room.folder / "sore.yaml").exists()
    code, output = await smartroom(hall, "record", "hall", "sore", "--drop", "lamp.power", "--yes")
    assert code == 1
    assert "'lamp.power' is none of the lines" in output
