"""Recalls on a room of real drivers and simulators: proof by read-back, ownership per property, named failures."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from smartroom.control.errors import ProblemError
from smartroom.protocol.errors import ErrorCode
from smartroom.protocol.state import Link, MemberState, Restored, RunResult, SceneLight
from tests.rooms import ROOM, SCENES, TestRoom, living


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[TestRoom]:
    """The test room, connected."""
    async with living(tmp_path) as found:
        yield found


async def test_a_scene_moves_the_hardware_and_lights_by_read_back(room: TestRoom) -> None:
    """A recall ends achieved when every property was read back, and the simulators themselves hold the goal."""
    report = await room.apply("meeting")
    assert report.run.result is RunResult.ACHIEVED
    assert room.simulators["matrix"].snapshot()["route.2"] == 1
    assert room.simulators["projector"].snapshot()["power"] == "on"
    assert report.readings["camera"]["preset"] == 1
    assert room.scene("meeting").light is SceneLight.ACTIVE


async def test_nothing_is_sent_twice(room: TestRoom) -> None:
    """A scene that holds already ends achieved with every property skipped."""
    await room.apply("slides")
    report = await room.apply("slides")
    assert report.run.result is RunResult.ACHIEVED
    assert {member.state for member in report.run.members.values()} == {MemberState.SKIPPED}


async def test_a_double_press_is_one_recall(room: TestRoom) -> None:
    """The second press of the same scene joins the first; the same press id gets the same answer."""
    first = room.live.desk.apply("meeting", by="a", press="press-0001")
    second = room.live.desk.apply("meeting", by="b", press="press-0002")
    assert second.attached
    assert second.run == first.run
    assert room.live.desk.apply("meeting", by="a", press="press-0001") == first
    await room.live.desk.wait(first.run or "")


async def test_a_device_that_lies_is_found_out(room: TestRoom) -> None:
    """Acknowledged without a change: three attempts, then the property has failed by name and nothing lights."""
    room.simulators["matrix"].faults.update("lie")
    report = await room.apply("slides")
    member = report.run.members["matrix.route.1"]
    assert report.run.result is RunResult.PARTIAL  # the mute held before
    assert member.state is MemberState.FAILED
    assert member.attempts == 3
    assert member.problem is not None
    assert member.problem.code is ErrorCode.NOT_REACHED
    assert room.scene("slides").light is SceneLight.PARTIAL


async def test_only_the_failed_part_is_tried_again(room: TestRoom) -> None:
    """After the cause is gone, a retry touches what was missed and the tile lights."""
    room.simulators["matrix"].faults.update("lie")
    await room.apply("slides")
    room.simulators["matrix"].faults.update("none")
    accepted = room.live.desk.retry("slides", "matrix", by="host", press="press-0003")
    report = await room.live.desk.wait(accepted.run or "")
    assert report.run.result is RunResult.ACHIEVED
    assert room.scene("slides").light is SceneLight.ACTIVE


async def test_a_front_panel_shows_as_drift(room: TestRoom) -> None:
    """A hand on the device itself: the tile is drifted and names the property; the way back lights it again."""
    await room.apply("slides")
    room.simulators["matrix"].front_panel("route.1", 4)
    await room.until(lambda: room.scene("slides").light is SceneLight.DRIFTED)
    assert [drift.property for drift in room.scene("slides").drifted] == ["route.1"]
    room.simulators["matrix"].front_panel("route.1", 2)
    await room.until(lambda: room.scene("slides").light is SceneLight.ACTIVE)


async def test_two_hosts_one_winner(room: TestRoom) -> None:
    """Two different scenes at one moment: the later owns what both want, the earlier host is told by whom; the room is not mixed."""
    first = room.live.desk.apply("meeting", by="Ani", press="press-0004")
    second = room.live.desk.apply("slides", by="Budi", press="press-0005")
    early = await room.live.desk.wait(first.run or "")
    late = await room.live.desk.wait(second.run or "")
    assert late.run.result is RunResult.ACHIEVED
    lost = early.run.members["matrix.route.1"]
    assert lost.state is MemberState.OVERRIDDEN
    assert lost.problem is not None
    assert "Budi" in lost.problem.text.id
    assert early.run.members["projector.power"].state is MemberState.VERIFIED  # disjoint properties go on
    truth = room.simulators["matrix"].snapshot()
    assert (truth["route.1"], truth["route.2"]) == (2, 2)
    assert room.scene("meeting").light is SceneLight.IDLE


async def test_the_hand_beats_a_running_scene(room: TestRoom) -> None:
    """A fader moved during a recall stays where the hand left it; the scene reports it as taken over."""
    room.simulators["matrix"].faults.update("delay=0.2")
    await room.live.desk.set("matrix", "volume.1", 10, by="operator", press="press-0006")
    accepted = room.live.desk.apply("meeting", by="host", press="press-0007")
    await asyncio.sleep(0.05)
    done = await room.live.desk.set("matrix", "volume.1", 25, by="operator", press="press-0008")
    report = await room.live.desk.wait(accepted.run or "")
    assert done.value == pytest.approx(25, abs=1)
    assert report.run.members["matrix.volume.1"].state is MemberState.OVERRIDDEN
    assert room.simulators["matrix"].snapshot()["volume.1"] == pytest.approx(25, abs=1)


async def test_the_newest_hand_wins(room: TestRoom) -> None:
    """A slider dragged quickly: the last value stands, earlier presses are told they were replaced."""
    room.simulators["matrix"].faults.update("delay=0.05")
    presses = [
        room.live.desk.set("matrix", "volume.1", value, by="host", press=f"press-v{value:03}")
        for value in (10, 20, 30, 40)
    ]
    results = await asyncio.gather(*presses, return_exceptions=True)
    assert not isinstance(results[-1], BaseException)
    assert all(isinstance(result, ProblemError) for result in results[:-1])
    assert room.simulators["matrix"].snapshot()["volume.1"] == pytest.approx(40, abs=1)


async def test_a_warming_projector_is_not_started_twice(room: TestRoom) -> None:
    """A scene called while the lamp warms up inherits the wait; the input follows when the projector is on."""
    room.simulators["projector"].faults.update("warmup=0.8")
    first = room.live.desk.apply("meeting", by="host", press="press-0009")
    await room.until(lambda: room.device("projector").properties["power"].value == "warming")
    assert room.scene("meeting").run is not None
    room.live.desk.cancel(first.run or "", by="host", press="press-0010")
    cancelled = await room.live.desk.wait(first.run or "")
    assert cancelled.run.members["projector.input"].state in (MemberState.CANCELLED, MemberState.FAILED)
    report = await room.apply("meeting")
    assert report.run.result is RunResult.ACHIEVED
    assert report.run.members["projector.power"].attempts <= 1


async def test_a_device_away_from_the_start_fails_alone(tmp_path: Path) -> None:
    """An unreachable projector: the others converge at once, the failure names it, and nothing waits for its time-out."""
    async with living(tmp_path) as room:
        await room.simulators["projector"].close()
        await room.until(lambda: room.device("projector").link is Link.OFFLINE)
        async with asyncio.timeout(3):
            report = await room.apply("meeting")
        assert report.run.result is RunResult.PARTIAL
        failed = {member.device for member in report.run.members.values() if member.state is MemberState.FAILED}
        assert failed == {"projector"}
        problem = report.run.members["projector.power"].problem
        assert problem is not None
        assert problem.code is ErrorCode.UNREACHABLE
        assert problem.fix is not None


async def test_a_reboot_in_mid_scene_converges(room: TestRoom) -> None:
    """A matrix that loses power during the run is planned again when it returns, and nobody had to press anything."""
    room.simulators["matrix"].faults.update("delay=0.1")
    accepted = room.live.desk.apply("slides", by="host", press="press-0011")
    await asyncio.sleep(0.05)
    room.simulators["matrix"].power_cut(1.0)
    report = await room.live.desk.wait(accepted.run or "")
    assert report.run.result is RunResult.ACHIEVED
    truth = room.simulators["matrix"].snapshot()
    assert (truth["route.1"], truth["route.2"]) == (2, 2)


async def test_a_device_that_answers_twice_changes_nothing(room: TestRoom) -> None:
    """Every reply twice: the recall is achieved, and the reading is the truth."""
    for simulator in room.simulators.values():
        simulator.faults.update("duplicate=2")
    report = await room.apply("meeting")
    assert report.run.result is RunResult.ACHIEVED


async def test_blank_names_what_did_not_follow(room: TestRoom) -> None:
    """Blank all hides every picture; a screen that cannot follow is named instead of claimed."""
    await room.live.desk.blank(on=True, by="host", press="press-0012")
    truth = room.simulators["matrix"].snapshot()
    assert truth["blank.1"] is True
    assert truth["blank.2"] is True
    room.simulators["matrix"].faults.update("lie")
    with pytest.raises(ProblemError) as caught:
        await room.live.desk.blank(on=False, by="host", press="press-0013")
    assert "Matrix" in caught.value.problem.text.id


async def test_hold_stops_what_was_not_sent(tmp_path: Path) -> None:
    """`on_failure: hold`: after a failure nothing new is sent."""
    scenes = {"strict": SCENES["meeting"] + "on_failure: hold\n"}
    async with living(tmp_path, ROOM, scenes) as room:
        room.simulators["projector"].faults.update("nak=1")
        report = await room.apply("strict")
        assert report.run.members["projector.power"].state is MemberState.FAILED
        assert report.run.members["projector.input"].state in (MemberState.FAILED, MemberState.CANCELLED)


async def test_a_hidden_scene_runs_by_its_name(tmp_path: Path) -> None:
    """It moves the room and displaces what stood; no tile shows it."""
    async with living(tmp_path, ROOM, SCENES | {"start": SCENES["meeting"] + "hidden: true\n"}) as room:
        await room.apply("slides")
        report = await room.apply("start")
        assert report.run.result is RunResult.ACHIEVED
        assert "start" not in room.state.scenes
        assert room.scene("slides").light is SceneLight.IDLE
        await room.live.desk.set("matrix", "volume.1", 20, by="host", press="press-0301")


async def test_after_a_restart_the_room_is_read_and_nothing_is_sent(tmp_path: Path) -> None:
    """A scene that stood is shown by what is read now; a run cut short is offered, never sent."""
    async with living(tmp_path) as room:
        await room.apply("slides")
        await room.records.runs.begin("cut-short", "hall", "meeting", "host", 4e9, "{}")
    async with living(tmp_path) as room:
        await asyncio.sleep(0.2)
        assert room.scene("slides").light in (SceneLight.ACTIVE, SceneLight.DRIFTED)
        assert room.state.unfinished is not None
        assert room.state.unfinished.scene == "meeting"
        assert room.simulators["projector"].snapshot()["power"] == "off"
        room.live.desk.dismiss_unfinished(by="host", press="press-0014")
        assert room.state.unfinished is None


async def test_a_saved_file_takes_effect_and_a_bad_one_does_not(room: TestRoom) -> None:
    """Saving a scene reloads it; saving nonsense keeps the last good one in force and says file and line."""
    (room.folder / "slides.yaml").write_text(SCENES["slides"].replace("Presentasi", "Paparan"))
    await room.until(lambda: room.scene("slides").name.id == "Paparan")
    (room.folder / "slides.yaml").write_text("name: S\ndesired: {projektor: {power: on}}\n")
    await room.until(lambda: room.scene("slides").problem is not None)
    problem = room.scene("slides").problem
    assert problem is not None
    assert "slides.yaml:2" in problem.text.en
    assert (await room.apply("slides")).run.result is RunResult.ACHIEVED
    (room.folder / "room.yaml").write_text("name: [")
    await room.until(lambda: room.state.problem is not None)
    assert room.device("matrix").link is Link.READY


async def test_patches_rebuild_the_state(room: TestRoom) -> None:
    """Snapshot at version n plus the patches since n is the state now, and an unknown version asks for a snapshot."""
    before = room.state.model_dump(mode="json")
    await room.apply("meeting")
    patches = room.live.store.since(before["version"])
    assert patches
    for patch in patches:
        for change in patch.changes:
            place = before
            for key in change.path[:-1]:
                place = place[key]
            if change.value is None:
                place.pop(change.path[-1], None)
            else:
                place[change.path[-1]] = change.value
    after = room.state.model_dump(mode="json")
    for name in ("devices", "scenes"):
        for key, item in after[name].items():
            trimmed = {
                part: value for part, value in item.items() if value is not None and part not in ("properties", "run")
            }
            assert trimmed == {
                part: value
                for part, value in before[name][key].items()
                if value is not None and part not in ("properties", "run")
            }
    assert room.live.store.since(10**9) is None
    runs = [
        change.value for patch in patches for change in patch.changes if change.path == ["scenes", "meeting", "run"]
    ]
    assert len(runs) == 1, "a run is said whole when it begins, then only what moves"
    assert after["scenes"]["meeting"]["run"] == before["scenes"]["meeting"]["run"]


async def test_a_failed_scene_is_put_back(room: TestRoom) -> None:
    """`on_failure: restore`: what was reached returns to its old value, proved by read-back; the scene that stood stands again."""
    await room.apply("slides")
    before = room.simulators["matrix"].snapshot()
    report = await room.apply("careful")  # the projector is off: its sound cannot be muted
    assert report.run.result is RunResult.RESTORED
    assert report.run.members["matrix.route.2"].restored is Restored.RESTORED
    assert report.run.members["projector.mute"].state is MemberState.FAILED
    after = room.simulators["matrix"].snapshot()
    names = ("route.1", "route.2", "volume.1")
    assert {name: after[name] for name in names} == {name: before[name] for name in names}
    assert room.scene("careful").light is SceneLight.RESTORED
    assert room.scene("slides").light is SceneLight.ACTIVE


async def test_what_cannot_be_put_back_is_declared(tmp_path: Path) -> None:
    """A lamp that was switched on stays on; the result says so instead of cooling it."""
    scenes = {"bright": SCENES["meeting"] + "on_failure: restore\n"}
    async with living(tmp_path, ROOM, scenes) as room:
        room.simulators["matrix"].faults.update("lie")
        report = await room.apply("bright")
        assert report.run.result is RunResult.RESTORED
        assert report.run.members["projector.power"].restored is Restored.IRREVERSIBLE
        assert room.simulators["projector"].snapshot()["power"] == "on"


async def test_a_hand_during_the_run_is_not_put_back(room: TestRoom) -> None:
    """Putting back touches only what the scene still owns: a fader moved meanwhile stays."""
    room.simulators["matrix"].faults.update("delay=0.1")
    accepted = room.live.desk.apply("careful", by="host", press="press-0100")
    await asyncio.sleep(0.1)
    await room.live.desk.set("matrix", "volume.1", 33, by="operator", press="press-0101")
    report = await room.live.desk.wait(accepted.run or "")
    assert report.run.members["matrix.volume.1"].restored is None
    assert room.simulators["matrix"].snapshot()["volume.1"] == pytest.approx(33, abs=1)


async def test_the_last_change_can_be_taken_back(room: TestRoom) -> None:
    """`Kembalikan`: every property the last scene changed reads its old value again; what a hand changed since is left alone."""
    await room.apply("slides")
    await room.apply("meeting")
    assert room.state.undo is not None
    await room.live.desk.set("matrix", "volume.1", 12, by="operator", press="press-0102")
    accepted = room.live.desk.undo(by="host", press="press-0103")
    report = await room.live.desk.wait(accepted.run or "")
    assert report.run.result is RunResult.ACHIEVED
    truth = room.simulators["matrix"].snapshot()
    assert (truth["route.1"], truth["route.2"]) == (2, 2)
    assert truth["volume.1"] == pytest.approx(12, abs=1)
    assert room.scene("slides").light is SceneLight.ACTIVE
    assert room.state.undo is None
    with pytest.raises(ProblemError):
        room.live.desk.undo(by="host", press="press-0104")


async def test_taking_back_is_shown_and_tried_again(room: TestRoom) -> None:
    """While it goes on every page sees the run; what did not come back stays named, and only that is tried again."""
    await room.apply("slides")
    await room.apply("meeting")
    offered = room.state.undo
    assert offered is not None
    room.simulators["matrix"].faults.update("lie")
    accepted = room.live.desk.undo(offered.run, by="host", press="press-0120")
    again = room.live.desk.undo(offered.run, by="other", press="press-0121")
    assert (again.run, again.attached) == (accepted.run, True)
    assert room.state.undoing is not None
    assert room.state.undo is None
    assert room.scene("meeting").light is SceneLight.IDLE
    report = await room.live.desk.wait(accepted.run or "")
    assert report.run.members["matrix.route.1"].state is MemberState.FAILED
    assert room.state.undoing is not None
    assert room.state.undoing.result is report.run.result
    room.simulators["matrix"].faults.update("none")
    retried = room.live.desk.retry("kembalikan", "matrix", by="host", press="press-0122")
    report = await room.live.desk.wait(retried.run or "")
    assert report.run.result is RunResult.ACHIEVED
    assert room.state.undoing is None
    assert room.scene("slides").light is SceneLight.ACTIVE


async def test_only_what_was_offered_is_taken_back(room: TestRoom) -> None:
    """Somebody ran another scene between the look and the press: `stale`, and nothing moves; a hand on all of it ends the offer."""
    await room.apply("slides")
    seen = room.state.undo
    assert seen is not None
    await room.apply("meeting")
    with pytest.raises(ProblemError) as told:
        room.live.desk.undo(seen.run, by="host", press="press-0130")
    assert told.value.problem.code is ErrorCode.STALE
    assert room.scene("meeting").light is SceneLight.ACTIVE
    await room.apply("slides")
    await room.live.desk.set("matrix", "route.1", 3, by="operator", press="press-0131")
    assert room.state.undo is not None
    await room.live.desk.set("matrix", "route.2", 3, by="operator", press="press-0132")
    assert room.state.undo is None
