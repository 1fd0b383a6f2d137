"""The meeting as a device: scenes open it, set its stage, and are proved by what everybody sees."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from devices.sdk.errors import BadSetting
from smartroom.control.conference.agencies import Roster
from smartroom.control.conference.stage import SPECS, StageShape
from smartroom.protocol.conference import Layout, MeetingPhase
from smartroom.protocol.state import RunResult, SceneLight
from tests.meetings import House, house


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[House]:
    """A server with one room and three scenes."""
    async with house(tmp_path) as running:
        yield running


async def test_a_scene_opens_a_meeting_and_reads_it_back(place: House) -> None:
    """One tap: a meeting is open with the wanted layout, the tile is active by read-back, the panel names the meeting. A change by the
    host shows as drift of the scene.
    """
    report = await place.recall("konferensi")
    assert report.run.result is RunResult.ACHIEVED
    found = place.application.meetings.open_in("hall")
    assert found is not None
    store = place.application.desks["hall"].store
    assert str(store.state.scenes["konferensi"].light) == SceneLight.ACTIVE
    assert store.state.meeting is not None
    assert store.state.meeting.title.startswith("Rapat ")
    panel = await place.panel()
    assert panel.state.stage.layout is Layout.SPEAKER
    await panel.act("stage", layout="grid")
    assert str(store.state.scenes["konferensi"].light) == SceneLight.DRIFTED


async def test_the_planned_meeting_is_the_one_that_opens(place: House) -> None:
    """A meeting that is due is opened under its own link, and no second one is made."""
    meeting = await place.meeting(started=False)
    await place.recall("konferensi")
    assert place.application.meetings.row(meeting.id).phase is MeetingPhase.OPEN
    assert len(place.application.meetings.of_room("hall")) == 1


async def test_a_scene_spotlights_an_agency_that_is_here(place: House) -> None:
    """Nobody of it is here: the scene fails and says who. Somebody comes: it succeeds, and they stand large on every page."""
    meeting = await place.meeting()
    other = await place.guest(meeting, "Diskominfo", agency="diskominfo")
    failed = await place.recall("sorot")
    member = failed.run.members["stage.spotlight"]
    assert failed.run.result is RunResult.FAILED
    assert member.problem is not None
    assert "Bappeda" in member.problem.detail
    guest = await place.guest(meeting, "Kepala Bappeda", agency="bappeda")
    report = await place.recall("sorot")
    assert report.run.result is RunResult.ACHIEVED
    await other.until(lambda: other.state.stage.shown == [guest.person])


async def test_no_scene_sends_guests_away(place: House) -> None:
    """Closing is refused while somebody is in the meeting, by a scene and by taking the opening back; an empty one is closed."""
    await place.recall("konferensi")
    row = place.application.meetings.of_room("hall")[0]
    meeting = place.application.meetings.meeting(row)
    panel = await place.panel()
    guest = await place.guest(meeting, "Camat A", agency="camat-a")
    await panel.act("admit", everybody=True)
    await guest.until(lambda: not guest.waits)
    closing = await place.recall("tutup")
    assert closing.run.result is RunResult.FAILED
    assert "1 people" in str(closing.run.members["stage.meeting"].problem)
    assert place.application.meetings.row(row.id).phase is MeetingPhase.OPEN
    await guest.act("quit")
    await panel.until(lambda: not panel.state.people)
    assert (await place.recall("tutup")).run.result is RunResult.ACHIEVED
    assert place.application.meetings.row(row.id).phase is MeetingPhase.ENDED


async def test_a_plan_says_what_would_happen(place: House) -> None:
    """Before anything is done: open and layout, the one after the other; nothing is opened by looking."""
    async with place.http() as http, http.get("/api/v1/rooms/hall/scenes/konferensi/plan") as answer:
        plan = await answer.json()
    steps = {step["property"]: step for step in plan["steps"]}
    assert steps["layout"]["after"] == ["stage.meeting"]
    assert (steps["meeting"]["now"], steps["meeting"]["goal"]) == ("closed", "open")
    assert place.application.meetings.open_in("hall") is None


@pytest.mark.parametrize(
    ("name", "value"),
    [("meeting", "maybe"), ("layout", "circle"), ("spotlight", "nobody"), ("spotlight", 1), ("people", 3)],
)
def test_what_a_stage_cannot_be_is_told(name: str, value: object) -> None:
    """Each wrong value names what it can be."""
    with pytest.raises(BadSetting):
        StageShape(Roster).check(name, value)  # type: ignore[arg-type]
    assert name in SPECS
