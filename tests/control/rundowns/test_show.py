"""Rundowns on a room of real drivers and simulators: one press fires one cue, each is closed by read-back, and a restart fires nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest

from smartroom.control.displays.stand_in import StandIn
from smartroom.control.errors import ProblemError
from smartroom.protocol.commands import RunCue
from smartroom.protocol.errors import ErrorCode
from smartroom.protocol.rundowns import CueDeed, CueEntry, CueResult, Phase, RundownState
from smartroom.protocol.state import Link, SceneLight
from tests.rooms import ROOM, TestRoom, living

WALLS = ROOM + "walls: {kiri: {name: Layar kiri}}\n"

SHOW = """
name: {id: Acara, en: Show}
cues:
  - {id: meja, name: Meja, scene: slides, planned: 10s}
  - {id: keras, name: Keras, desired: {matrix: {volume: {main: 70}}}, planned: 20s}
  - {id: pidato, name: Pidato, hold: true, planned: 1m}
  - id: buka
    name: Buka
    fire: hold
    hold_for: 0.3s
    guard: is('matrix.mute.main', true)
    desired: {matrix: {route: {main: camera}}}
  - {id: tunggu, name: Tunggu, hold: {until: "value('matrix.volume.main') < 30"}}
"""


class Stage:
    """One rundown of a test room, as operators use it."""

    def __init__(self, room: TestRoom, rundown: str = "acara") -> None:
        self.room = room
        self.rundown = rundown
        self._presses = 0

    @property
    def state(self) -> RundownState:
        """As pages see it."""
        return self.room.state.rundowns[self.rundown]

    def entry(self, cue: str) -> CueEntry:
        """The last firing of a cue."""
        return next(entry for entry in reversed(self.state.entries) if entry.cue == cue)

    async def press(
        self, do: str, by: str = "operator", *, turn: int | None = None, cue: str | None = None, force: bool = False
    ) -> None:
        """One deed; what was seen is the present state unless told otherwise."""
        self._presses += 1
        press = RunCue(
            id=f"press-{self._presses:04}",
            at=0,
            room="hall",
            rundown=self.rundown,
            do=cast("CueDeed", do),
            turn=turn,
            cue=cue,
            force=force,
        )
        await self.room.live.rundowns.press(press, by, may_force=by != "host")

    async def go(self, by: str = "operator", **rest: bool) -> CueEntry:
        """Fire the next cue and wait until its result is known."""
        cue = self.state.next
        assert cue is not None
        await self.press("go", by, turn=self.state.turn, cue=cue, **rest)
        await self.room.until(lambda: self.entry(cue).result is not None)
        return self.entry(cue)


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[TestRoom]:
    """The test room with one rundown."""
    async with living(tmp_path, rundowns={"acara": SHOW}) as found:
        yield found


@pytest.fixture
async def stage(room: TestRoom) -> Stage:
    """Its rundown, opened."""
    found = Stage(room)
    await found.press("open")
    return found


async def told(stage: Stage, do: str, by: str = "operator", **rest: object) -> ErrorCode:
    """The code a press is refused with."""
    with pytest.raises(ProblemError) as found:
        await stage.press(do, by, **rest)  # type: ignore[arg-type]
    return found.value.problem.code


async def test_opening_fires_nothing(stage: Stage) -> None:
    """An open rundown stands before its first cue; times are planned, nothing is sent."""
    assert stage.state.phase is Phase.READY
    assert stage.state.next == "meja"
    assert stage.state.entries == []
    assert [cue.planned_at for cue in stage.state.cues] == [0, 10, 30, 90, None]
    assert stage.room.device("rundown.acara").properties["open"].value is True
    assert stage.room.scene("slides").run is None


async def test_a_cue_is_closed_by_what_was_read_back(stage: Stage) -> None:
    """Go recalls the scene: its tile lights, the cue says achieved with every property counted, the next one is next."""
    entry = await stage.go()
    assert entry.result is CueResult.ACHIEVED
    assert (entry.reached, entry.total) == (3, 3)
    assert entry.runs
    assert stage.room.scene("slides").light is SceneLight.ACTIVE
    assert stage.state.next == "keras"
    assert (await stage.go()).result is CueResult.ACHIEVED
    assert stage.room.simulators["matrix"].snapshot()["volume.1"] == pytest.approx(70, abs=1)


async def test_a_cue_that_fails_names_why(stage: Stage) -> None:
    """A device that lies: the cue is partial or failed, with the first problem, and the show goes on."""
    stage.room.simulators["matrix"].faults.update("lie")
    entry = await stage.go()
    assert entry.result is CueResult.PARTIAL
    assert entry.problem is not None
    assert entry.problem.device == "matrix"
    stage.room.simulators["matrix"].faults.update("none")
    assert (await stage.go()).result is CueResult.ACHIEVED


async def test_two_operators_fire_one_cue(stage: Stage) -> None:
    """Both press Go at one moment: one cue is fired, the other press is told that it has moved on."""
    turn = stage.state.turn
    presses = [stage.press("go", by, turn=turn, cue="meja") for by in ("Ani", "Budi")]
    results = await asyncio.gather(*presses, return_exceptions=True)
    refused = [item for item in results if isinstance(item, ProblemError)]
    assert len(refused) == 1
    assert refused[0].problem.code is ErrorCode.STALE
    assert [entry.cue for entry in stage.state.entries] == ["meja"]


async def test_held_means_nothing_is_fired(stage: Stage) -> None:
    """Hold: everybody sees by whom, Go is refused until it is resumed."""
    await stage.press("hold", "Ani")
    assert stage.state.phase is Phase.HELD
    assert stage.state.held is not None
    assert stage.state.held.by == "Ani"
    assert await told(stage, "go") is ErrorCode.BLOCKED
    assert stage.state.entries == []
    await stage.press("resume")
    assert (await stage.go()).result is CueResult.ACHIEVED


async def test_skip_and_back_fire_nothing(stage: Stage) -> None:
    """Skip leaves a cue out, back makes the one before next again; the hardware is not touched."""
    before = stage.room.simulators["matrix"].snapshot()
    await stage.press("skip", turn=stage.state.turn)
    assert stage.entry("meja").result is CueResult.SKIPPED
    assert stage.state.next == "keras"
    await stage.press("back", turn=stage.state.turn)
    assert stage.state.next == "meja"
    assert await told(stage, "back") is ErrorCode.INVALID
    assert stage.room.simulators["matrix"].snapshot() == before


async def test_a_cue_that_stands_ends_with_the_next_go(stage: Stage) -> None:
    """A speech has no result of its own until the operator goes on."""
    for _ in range(2):
        await stage.press("skip")
    await stage.press("go")
    assert stage.entry("pidato").result is None
    assert stage.state.phase is Phase.RUNNING
    await stage.press("skip")
    await stage.room.until(lambda: stage.entry("pidato").result is CueResult.ACHIEVED)
    assert stage.entry("pidato").ended is not None


async def test_a_cue_that_waits_ends_when_its_condition_holds(stage: Stage) -> None:
    """`hold: {until}` looks again at every reading."""
    await stage.room.live.desk.set("matrix", "volume.1", 60, by="operator", press="press-9000")
    for _ in range(4):
        await stage.press("skip")
    await stage.press("go")
    await asyncio.sleep(0.1)
    assert stage.entry("tunggu").result is None
    stage.room.simulators["matrix"].front_panel("volume.1", 20)
    await stage.room.until(lambda: stage.entry("tunggu").result is CueResult.ACHIEVED)
    assert stage.state.phase is Phase.DONE


async def test_a_held_button_is_held(stage: Stage) -> None:
    """A tap on a held cue is refused; held long enough by the same operator it fires. Others see who holds it."""
    await stage.room.live.desk.set("matrix", "mute.1", True, by="operator", press="press-9001")
    for _ in range(3):
        await stage.press("skip")
    assert await told(stage, "go") is ErrorCode.BLOCKED
    await stage.press("arm", "Ani", turn=stage.state.turn, cue="buka")
    assert stage.state.arming is not None
    assert stage.state.arming.by == "Ani"
    assert await told(stage, "go", "Ani") is ErrorCode.BLOCKED
    await asyncio.sleep(0.35)
    assert await told(stage, "go", "Budi") is ErrorCode.BLOCKED
    await stage.press("go", "Ani", turn=stage.state.turn)
    await stage.room.until(lambda: stage.entry("buka").result is CueResult.ACHIEVED)
    assert stage.state.arming is None


async def test_a_guard_is_looked_at_when_it_is_fired(stage: Stage) -> None:
    """Its reason is shown before anybody presses; force fires it all the same, is kept in the book, and is not everybody's."""
    await stage.room.live.desk.set("matrix", "mute.1", False, by="operator", press="press-9002")
    for _ in range(3):
        await stage.press("skip")
    assert stage.state.guard is not None
    await stage.press("arm", turn=stage.state.turn)
    await asyncio.sleep(0.35)
    assert await told(stage, "go") is ErrorCode.BLOCKED
    assert await told(stage, "go", "host", force=True) is ErrorCode.FORBIDDEN
    await stage.press("arm", turn=stage.state.turn)
    await asyncio.sleep(0.35)
    entry = await stage.go(force=True)
    assert entry.forced
    assert entry.result is CueResult.ACHIEVED


async def test_a_scene_may_open_it_and_choose_the_next_cue(tmp_path: Path) -> None:
    """As a device it can be opened by a scene; firing is no state, so no scene can fire."""
    opening = {"siap": "name: Siap\ndesired: {rundown.acara: {open: true, next: keras}}\n"}
    slides = {"slides": "name: Slides\ndesired: {matrix: {mute: {main: false}}}\n"}
    async with living(tmp_path, scenes={**slides, **opening}, rundowns={"acara": SHOW}) as room:
        report = await room.apply("siap")
        assert report.run.result == "achieved"
        stage = Stage(room)
        assert stage.state.next == "keras"
        assert stage.state.entries == []
        assert room.scene("siap").light is SceneLight.ACTIVE


async def test_a_restart_fires_nothing(tmp_path: Path) -> None:
    """The server ends in the middle of a cue: afterwards the book says cut, the same cue is next, held, and no byte but questions was sent."""
    async with living(tmp_path, rundowns={"acara": SHOW}) as room:
        stage = Stage(room)
        await stage.press("open")
        await stage.go()
        room.simulators["matrix"].faults.update("silent")
        await stage.press("go", "Ani")
    async with living(tmp_path, rundowns={"acara": SHOW}) as room:
        stage = Stage(room)
        await room.until(lambda: stage.state.phase is Phase.HELD)
        truth = room.simulators["matrix"].snapshot()
        assert stage.entry("meja").result is CueResult.ACHIEVED
        assert stage.entry("keras").result is CueResult.CUT
        assert stage.entry("keras").by == "Ani"
        assert stage.state.next == "keras"
        await asyncio.sleep(0.3)
        assert room.simulators["matrix"].snapshot() == truth
        assert await told(stage, "go") is ErrorCode.BLOCKED
        await stage.press("resume")
        assert (await stage.go()).result is CueResult.ACHIEVED


async def test_a_saved_file_keeps_the_show(stage: Stage) -> None:
    """A cue is added while the rundown is open: it is there, what was fired stays; a broken file keeps the last good one and says file:line."""
    await stage.go()
    path = stage.room.folder / "rundowns/acara.yaml"
    path.write_text(SHOW.replace("  - {id: pidato", "  - {id: baru, name: Baru, hold: true}\n  - {id: pidato"))
    await stage.room.until(lambda: any(cue.id == "baru" for cue in stage.state.cues))
    assert stage.entry("meja").result is CueResult.ACHIEVED
    assert stage.state.next == "keras"
    path.write_text(SHOW.replace("scene: slides", "scene: slidez"))
    await stage.room.until(lambda: stage.state.problem is not None)
    assert stage.state.problem is not None
    assert "acara.yaml:4" in stage.state.problem.text.id
    assert stage.state.phase is Phase.READY
    assert (await stage.go()).result is CueResult.ACHIEVED


COUNT = """
name: Hitung
cues:
  - {id: hitung, name: Hitung, countdown: {seconds: 2, title: Peresmian}}
  - {id: pesan, name: Pesan, message: {title: Selamat}}
"""


@asynccontextmanager
async def screened(room: TestRoom) -> AsyncIterator[StandIn]:
    """A page that paints what the room's only wall is told."""
    wall = room.live.walls.find("wall.kiri")
    assert wall is not None
    page = StandIn(wall)
    task = asyncio.create_task(page.run())
    await room.until(lambda: room.device("wall.kiri").link is Link.READY)
    yield page
    task.cancel()
    await asyncio.wait({task})


async def test_a_countdown_is_held_and_skipped_by_the_operator(tmp_path: Path) -> None:
    """It runs on the wall, stands still while it is held, and ends at once when it is skipped."""
    async with living(tmp_path, room=WALLS, rundowns={"acara": COUNT}, ready=False) as room, screened(room) as glass:
        await room.until(lambda: room.device("matrix").link is Link.READY)
        stage = Stage(room)
        await stage.press("open")
        await stage.press("go")
        await room.until(lambda: '"to":' in (glass.shown.text or ""))
        await stage.press("hold")
        await room.until(lambda: '"left":' in (glass.shown.text or ""))
        assert stage.entry("hitung").left is not None
        await stage.press("resume")
        await room.until(lambda: '"to":' in (glass.shown.text or ""))
        await stage.press("skip")
        assert stage.entry("hitung").result is CueResult.SKIPPED
        assert stage.state.next == "pesan"
        assert (await stage.go()).result is CueResult.ACHIEVED
        assert "Selamat" in (glass.shown.text or "")


async def test_a_countdown_ends_by_itself(tmp_path: Path) -> None:
    """At zero the cue is achieved, and the next one waits for the operator."""
    async with living(tmp_path, room=WALLS, rundowns={"acara": COUNT}, ready=False) as room, screened(room):
        await room.until(lambda: room.device("matrix").link is Link.READY)
        stage = Stage(room)
        await stage.press("open")
        entry = await stage.go()
        assert entry.result is CueResult.ACHIEVED
        assert (entry.settled or 0) - entry.started >= 2
        assert stage.state.next == "pesan"
        assert [item.cue for item in stage.state.entries] == ["hitung"]
