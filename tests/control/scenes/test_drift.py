"""Who moved a property: told truthfully for every way there is, repaired one at a time, and never fought over."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from smartroom.protocol.state import Cause, Moved, RunResult, SceneLight
from tests.rooms import TestRoom, living


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[TestRoom]:
    """The test room, connected, with `slides` recalled by Ani."""
    async with living(tmp_path) as found:
        await found.apply("slides", "Ani")
        yield found


def moved(room: TestRoom, device: str, name: str) -> Moved:
    """Who moved a property last."""
    found = room.device(device).properties[name].moved
    assert found is not None, f"nobody is known to have moved {device}.{name}"
    return found


async def drifted(room: TestRoom, *names: str) -> None:
    """Wait until exactly these properties of the scene have fallen."""
    await room.until(lambda: [drift.property for drift in room.scene("slides").drifted] == list(names))


async def test_a_scene_is_named_with_who_recalled_it(room: TestRoom) -> None:
    """What a run set says so: scene, person, moment and the value before."""
    who = moved(room, "matrix", "route.1")
    assert (who.cause, who.by, who.scene and who.scene.id) == (Cause.SCENE, "Ani", "Presentasi")
    assert who.before != 2
    assert abs(who.at - room.state.time) < 5


async def test_a_hand_is_named(room: TestRoom) -> None:
    """A goal that fell because somebody set it names that person; one changed at the device since then says that instead."""
    await room.live.desk.set("matrix", "route.1", 4, by="Budi", press="press-0110")
    await drifted(room, "route.1")
    assert (moved(room, "matrix", "route.1").cause, moved(room, "matrix", "route.1").by) == (Cause.HAND, "Budi")
    room.simulators["matrix"].front_panel("route.1", 3)
    await room.until(lambda: moved(room, "matrix", "route.1").cause is Cause.DEVICE)
    assert moved(room, "matrix", "route.1").before == 4


async def test_a_front_panel_is_named(room: TestRoom) -> None:
    """A change that nobody here sent was made at the device."""
    room.simulators["matrix"].front_panel("route.1", 4)
    await drifted(room, "route.1")
    who = moved(room, "matrix", "route.1")
    assert (who.cause, who.by, who.before) == (Cause.DEVICE, "", 2)


async def test_a_front_panel_that_turns_back_is_named(room: TestRoom) -> None:
    """Moved away at the device and back to what the scene had sent a moment ago: both were the front panel's doing."""
    room.simulators["matrix"].front_panel("route.1", 4)
    await drifted(room, "route.1")
    room.simulators["matrix"].front_panel("route.1", 2)
    await drifted(room)
    who = moved(room, "matrix", "route.1")
    assert (who.cause, who.by, who.before) == (Cause.DEVICE, "", 4)


async def test_a_restart_of_the_device_is_named(room: TestRoom) -> None:
    """A device that comes back with its defaults is no front panel: the values changed while it was cut off."""
    room.simulators["matrix"].power_cut(0.3)
    await room.until(lambda: room.device("matrix").link != "ready")
    await room.until(lambda: room.scene("slides").light is SceneLight.DRIFTED, 10)
    for drift in room.scene("slides").drifted:
        assert moved(room, "matrix", drift.property).cause is Cause.RETURN


async def test_what_follows_by_itself_is_the_doing_of_who_began_it(room: TestRoom) -> None:
    """Power off takes the input with it, a preset turns the head: nobody touched the device."""
    await room.apply("meeting", "Budi")
    camera = moved(room, "camera", "position")
    assert (camera.cause, camera.by) == (Cause.SCENE, "Budi")
    await room.live.desk.act("camera", "drive", {"pan": 0.5, "tilt": 0.0}, by="Citra", press="press-0111")
    await room.until(lambda: moved(room, "camera", "position").by == "Citra")
    assert moved(room, "camera", "position").cause is Cause.HAND


async def test_one_property_is_repaired_and_no_other(room: TestRoom) -> None:
    """Repair sends one command for one property; another that fell stays as the hand left it, and who recalled the scene stays named."""
    room.simulators["matrix"].front_panel("route.1", 4)
    room.simulators["matrix"].front_panel("route.2", 4)
    await drifted(room, "route.1", "route.2")
    since = room.scene("slides").since
    accepted = room.live.desk.retry("slides", "matrix", "route.2", by="Citra", press="press-0112")
    report = await room.live.desk.wait(accepted.run or "")
    assert report.run.result is RunResult.ACHIEVED
    truth = room.simulators["matrix"].snapshot()
    assert (truth["route.1"], truth["route.2"]) == (4, 2)
    await drifted(room, "route.1")
    assert (room.scene("slides").by, room.scene("slides").since) == ("Ani", since)
    assert room.state.last_action is not None
    assert room.state.last_action.text.id == "memulihkan Left"


async def test_nobody_is_fought(room: TestRoom) -> None:
    """Drift is reported and nothing is sent: after several polls the hand's value still stands."""
    trace = room.live.supervisor.charges["matrix"].trace
    began = trace.number
    room.simulators["matrix"].front_panel("route.1", 4)
    await drifted(room, "route.1")
    await asyncio.sleep(1)
    assert room.simulators["matrix"].snapshot()["route.1"] == 4
    assert room.scene("slides").light is SceneLight.DRIFTED
    told = [line.meaning.en for line in trace.lines(began) if line.kind == "out" and line.meaning]
    assert told
    assert not [words for words in told if not words.startswith("ask ")]
