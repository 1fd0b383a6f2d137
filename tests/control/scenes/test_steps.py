"""Scenes with steps: in order, proved, cancelled wherever they stand, put back in reverse; and files that are refused before anything runs."""

import asyncio
import time
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import pytest

from devices.sdk.document import DocumentError
from smartroom.control.room.files import load_room
from smartroom.control.scenes.files import load_scene
from smartroom.control.scenes.model import Scene
from smartroom.control.scenes.steps import SetStep, every
from smartroom.protocol.errors import ErrorCode
from smartroom.protocol.scenes import PlanAction
from smartroom.protocol.state import MemberState, Restored, Run, RunResult, SceneLight, StepState
from tests.rooms import SCENES, TestRoom, families, living, write_site

STEPPED = {
    "pelan": """
name: {id: Pelan, en: Slow}
desired: {matrix: {route: {main: laptop}}}
steps:
  - set: {matrix: {volume: {main: 20}}}
    name: Turunkan dulu
  - {id: naik, ramp: {property: matrix.volume.main, from: 20, to: 60, over: 0.6s}}
  - if: steps.naik.result == 'achieved' && value('matrix.volume.main') > 50
    then:
      - set: {matrix: {mute: {left: true}}}
    else:
      - set: {matrix: {mute: {left: false}}}
  - wait: 0.2s
  - set: {matrix: {route: {left: camera}}}
""",
    "tunggu": """
name: Tunggu
steps:
  - wait: {until: "is('matrix.route.main', 'camera')", within: 3s}
  - set: {matrix: {volume: {main: 33}}}
""",
    "hati": """
name: Hati
on_failure: restore
steps:
  - set: {matrix: {volume: {main: 10}}}
  - set: {matrix: {route: {main: camera}}}
  - wait: {until: "is('matrix.mute.left', true)", within: 0.3s}
  - set: {matrix: {route: {left: camera}}}
""",
    "berurut": """
name: Berurut
on_failure: hold
steps:
  - set: {matrix: {volume: {main: 15}}}
  - parallel:
      - ramp: {property: matrix.volume.main, to: 45, over: 0.4s}
      - scene: slides
  - set: {camera: {preset: podium}}
""",
    **SCENES,
}


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[TestRoom]:
    """The test room with scenes that have steps."""
    async with living(tmp_path, scenes=STEPPED) as found:
        yield found


def states(run: Run) -> dict[str, StepState]:
    """Number -> how far a step came."""
    return {step.number: step.state for step in run.steps}


async def test_steps_run_in_order_and_are_proved(room: TestRoom) -> None:
    """Each step begins after the one before it ended; a ramp ends read back; the way not taken is passed over; the tile lights by what lasts."""
    report = await room.apply("pelan")
    assert report.run.result is RunResult.ACHIEVED
    assert states(report.run) == {
        "1": StepState.DONE,
        "2": StepState.DONE,
        "3": StepState.DONE,
        "3a.1": StepState.DONE,
        "3b.1": StepState.PASSED,
        "4": StepState.DONE,
        "5": StepState.DONE,
    }
    times = [(step.started or 0, step.ended or 0) for step in report.run.steps if "." not in step.number]
    assert times == sorted(times)
    assert all(later[0] >= earlier[1] for earlier, later in pairwise(times))
    assert times[1][1] - times[1][0] >= 0.6
    truth = room.simulators["matrix"].snapshot()
    assert truth["volume.1"] == pytest.approx(60, abs=1)
    assert (truth["route.2"], truth["mute.2"]) == (3, True)
    assert report.run.members["matrix.volume.1"].state is MemberState.VERIFIED
    assert room.scene("pelan").light is SceneLight.ACTIVE


async def test_the_plan_names_every_step_and_the_whole_time(room: TestRoom) -> None:
    """What each step would do is reckoned from those before it; the time is that of the desired state and all steps."""
    plan = await room.live.desk.plan("pelan")
    assert [stage.number for stage in plan.stages] == ["1", "2", "3", "3a.1", "3b.1", "4", "5"]
    ramp = plan.stages[1]
    assert (ramp.kind, ramp.actions[0].now, ramp.actions[0].goal) == ("ramp", 20, 60)
    assert plan.stages[0].actions[0].bytes
    assert plan.expected_ms >= 800
    assert plan.stages[0].actions[0].action is PlanAction.SET


async def test_a_wait_ends_when_its_condition_holds(room: TestRoom) -> None:
    """Something moved at the device itself: the wait sees it and the next step runs."""
    accepted = room.live.desk.apply("tunggu", by="host", press="press-0001")
    await asyncio.sleep(0.1)
    run = room.scene("tunggu").run
    assert run is not None
    assert states(run)["1"] is StepState.RUNNING
    assert run.steps[0].until is not None
    room.simulators["matrix"].front_panel("route.1", 3)
    report = await room.live.desk.wait(accepted.run or "")
    assert report.run.result is RunResult.ACHIEVED


async def test_a_wait_that_is_not_fulfilled_is_named(room: TestRoom) -> None:
    """After its limit the step has failed with its condition; everything was reached, so the run is partial, never achieved."""
    report = await room.apply("tunggu")
    assert report.run.result is RunResult.PARTIAL
    assert report.run.steps[0].problem is not None
    assert report.run.steps[0].problem.code is ErrorCode.TIMEOUT
    assert "matrix.route.main" in report.run.steps[0].problem.detail
    assert states(report.run)["2"] is StepState.DONE  # on_failure: continue


async def test_a_failed_step_puts_everything_back(room: TestRoom) -> None:
    """`restore`: steps are put back in reverse, each value proved; steps after the failed one never ran."""
    before = room.simulators["matrix"].snapshot()
    report = await room.apply("hati")
    assert report.run.result is RunResult.RESTORED
    assert states(report.run) == {
        "1": StepState.DONE,
        "2": StepState.DONE,
        "3": StepState.FAILED,
        "4": StepState.PASSED,
    }
    assert report.run.members["matrix.volume.1"].restored is Restored.RESTORED
    assert "matrix.route.2" not in report.run.members
    assert room.simulators["matrix"].snapshot() == before


async def test_cancel_works_between_and_inside_steps(room: TestRoom) -> None:
    """A ramp stops where it is, what comes after never runs, and the run says cancelled."""
    accepted = room.live.desk.apply("pelan", by="host", press="press-0001")
    await room.until(lambda: (room.scene("pelan").run or Run(id="", scene="x", by="", started=0)).steps != [])
    await room.until(lambda: states(room.scene("pelan").run or report_never())["2"] is StepState.RUNNING)
    await asyncio.sleep(0.15)
    room.live.desk.cancel(accepted.run or "", by="host", press="press-0002")
    report = await room.live.desk.wait(accepted.run or "")
    assert report.run.result is RunResult.CANCELLED
    assert states(report.run)["2"] is StepState.CANCELLED
    assert states(report.run)["5"] is StepState.PASSED
    volume = room.simulators["matrix"].snapshot()["volume.1"]
    assert isinstance(volume, int | float)
    assert volume < 60
    await asyncio.sleep(0.3)
    assert room.simulators["matrix"].snapshot()["volume.1"] == volume


async def test_a_cancelled_camera_stands_still(tmp_path: Path) -> None:
    """Cancelled while a head moves: it is told to stop, and never arrives."""
    scenes = {"jauh": "name: Jauh\ndesired: {camera: {preset: podium}}\n"}
    async with living(tmp_path, scenes=scenes) as room:
        await room.live.desk.set("camera", "power", "on", by="host", press="press-0000")
        room.simulators["camera"].speed_up(0.02)
        accepted = room.live.desk.apply("jauh", by="host", press="press-0001")
        await room.until(lambda: room.scene("jauh").run is not None)
        await asyncio.sleep(0.3)
        room.live.desk.cancel(accepted.run or "", by="host", press="press-0002")
        await room.live.desk.wait(accepted.run or "")
        await asyncio.sleep(0.2)
        stood = room.simulators["camera"].snapshot()["position"]
        await asyncio.sleep(0.3)
        assert room.simulators["camera"].snapshot()["position"] == stood


async def test_steps_side_by_side_and_a_scene_inside(room: TestRoom) -> None:
    """`parallel` ends when both have; a nested scene brings its own desired state; `hold` stops after a failure."""
    report = await room.apply("berurut")
    assert report.run.result is RunResult.ACHIEVED
    begun = {step.number: step.started or 0 for step in report.run.steps}
    assert abs(begun["2.1"] - begun["2.2"]) < 0.2
    assert room.simulators["matrix"].snapshot()["volume.1"] == pytest.approx(45, abs=1)
    room.simulators["matrix"].faults.update("lie")
    report = await room.apply("berurut")
    assert report.run.result in (RunResult.PARTIAL, RunResult.FAILED)
    assert states(report.run)["3"] is StepState.PASSED


async def test_the_hand_beats_a_ramp(room: TestRoom) -> None:
    """A fader moved during a ramp stays where the hand left it; the rest of the steps goes on."""
    accepted = room.live.desk.apply("pelan", by="host", press="press-0001")
    await room.until(lambda: states(room.scene("pelan").run or report_never()).get("2") is StepState.RUNNING)
    await room.live.desk.set("matrix", "volume.1", 5, by="Ani", press="press-0002")
    report = await room.live.desk.wait(accepted.run or "")
    assert report.run.members["matrix.volume.1"].state is MemberState.OVERRIDDEN
    assert states(report.run)["5"] is StepState.DONE
    assert room.simulators["matrix"].snapshot()["volume.1"] == pytest.approx(5, abs=1)


def report_never() -> Run:
    """A run without steps, where none has begun yet."""
    return Run(id="none", scene="none", by="", started=0)


def loaded(folder: Path, text: str, **more: str) -> Scene:
    """A scene of the test room."""
    hall = write_site(folder, scenes={**SCENES, **more, "uji": text})
    return load_scene(hall / "uji.yaml", load_room(hall, families(), {}))


@pytest.mark.parametrize(
    ("steps", "line", "told"),
    [
        ("  - {}", 3, "does nothing"),
        ("  - {wait: 1s, set: {matrix: {mute: {main: true}}}}", 3, "one in each step"),
        ("  - {wiat: 1s}", 3, "did you mean 'wait'?"),
        ("  - {wait: besok}", 3, "write 60s or 2m"),
        ("  - {wait: {until: \"is('matrix.mute.main', true)\"}}", 3, "within"),
        ("  - {wait: {until: \"steps.x.result == 'failed'\", within: 3s}}", 3, "no earlier step 'x'"),
        ("  - {id: x, wait: 1s}\n  - {id: x, wait: 1s}", 4, "an id of its own"),
        ("  - {set: {matrix: {route: {main: laptopp}}}}", 3, "did you mean 'laptop'?"),
        ("  - {ramp: {property: matrix.mute.main, to: 1, over: 3s}}", 3, "Fix:"),
        ("  - {ramp: {property: projector.power, to: 1, over: 3s}}", 3, "Fix:"),
        ("  - {ramp: {property: matrix.volume.main, to: 500, over: 3s}}", 3, "matrix"),
        ("  - {ramp: {property: matrix.volume.main, to: 50, over: 10m}}", 3, "0.1s to 2m"),
        ("  - {scene: uji}", 3, "'uji' holds itself: uji → uji"),
        ("  - {scene: satu}", 3, "holds itself: uji → satu → uji"),
        ("  - {scene: slidez}", 3, "did you mean 'slides'?"),
        ("  - {then: [{wait: 1s}]}", 3, "need an 'if'"),
        ('  - {if: "[1].all(x, x > 0)", then: [{wait: 1s}]}', 3, "no function 'all'"),
        ('  - {if: "' + "(" * 100 + "true" + ")" * 100 + '", then: [{wait: 1s}]}', 3, "nested too deep"),
        ("  - parallel:\n      - set: {matrix: {mute: {main: true}}}\n      - set: {matrix: {mute: {main: false}}}", 3, "one after the other"),
        ("  - {parallel: [{wait: 1s}]}", 3, "add one"),
        ("  - {wait: 14m}\n  - {wait: 14m}", 2, "make a rundown of it"),
        ("".join("  - {wait: 1s}\n" for _ in range(10_000)), 2, "split it in two"),
        ("".join("  - {scene: banyak}\n" for _ in range(3)), 20, "make a rundown of it"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_line_and_fix(tmp_path: Path, steps: str, line: int, told: str) -> None:
    """Unknown words, loops, bombs, ten thousand steps: refused at load, quickly, with file, line and what to write."""
    begun = time.perf_counter()
    many = "name: Banyak\nsteps:\n" + "".join("  - {wait: 1s}\n" for _ in range(40))
    with pytest.raises(DocumentError) as found:
        loaded(tmp_path, f"name: Uji\nsteps:\n{steps}", satu="name: Satu\nsteps:\n  - {scene: uji}\n", banyak=many)
    assert f".yaml:{line}:" in str(found.value), found.value
    assert told in str(found.value), found.value
    assert found.value.fix
    assert time.perf_counter() - begun < 5


def test_a_timeout_leaves_room_for_the_steps(tmp_path: Path) -> None:
    """A limit that is shorter than its steps is refused with the right one; without any it grows with them."""
    with pytest.raises(DocumentError, match="shorter than its steps"):
        loaded(tmp_path / "a", "name: Uji\ntimeout: 10s\nsteps:\n  - {wait: 30s}\n")
    assert loaded(tmp_path / "b", "name: Uji\nsteps:\n  - {wait: 30s}\n").timeout_s == 90


def test_what_lasts_is_what_every_way_leads_to(tmp_path: Path) -> None:
    """A pulse ends as its last value; what only one way of an `if` sets is nobody's promise; nested scenes count."""
    text = """
name: Uji
steps:
  - set: {matrix: {mute: {main: true}}}
  - set: {matrix: {mute: {main: false}}}
  - scene: slides
  - if: time.hour > 12
    then: [{set: {matrix: {volume: {main: 10}, mute: {left: true}}}}]
    else: [{set: {matrix: {volume: {main: 20}, mute: {left: true}}}}]
"""
    found = loaded(tmp_path, text)
    values = {goal.property: goal.value for goal in found.goals}
    assert values == {"mute.1": False, "route.1": 2, "route.2": 2, "mute.2": True}
    assert {goal.property for goal in found.touched} == {"mute.1", "route.1", "route.2", "mute.2", "volume.1"}
    assert [step.head.number for step in every(found.steps)] == ["1", "2", "3", "3.0", "4", "4a.1", "4b.1"]
    assert isinstance(next(step for step in every(found.steps) if step.head.number == "3.0"), SetStep)
