"""The web over a real room: drivers, simulators, engine, records. What a page and a program see of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from smartroom.protocol.commands import Accepted, Answer, ApplyReport, Watching
from smartroom.protocol.people import Role
from smartroom.protocol.scenes import Plan
from smartroom.protocol.state import Patch, RoomState, Run, RunResult, SceneLight
from tests.control.web.house import Page, Served, serve
from tests.rooms import TestRoom, living

ROOM = "hall"


@dataclass
class Hall:
    """A living room behind a running server."""

    room: TestRoom
    served: Served


@pytest.fixture
async def hall(tmp_path: Path) -> AsyncIterator[Hall]:
    """The test room, served."""
    async with living(tmp_path) as room, serve(tmp_path / "web", desks={ROOM: room.live.desk}) as served:
        yield Hall(room, served)


class Follower:
    """A page's state: the snapshot, and every patch applied as the page applies it."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._document: dict[str, object] = {}

    async def begin(self) -> None:
        """Watch."""
        found = Watching.model_validate(await self._page.watch(room=ROOM))
        assert found.snapshot is not None
        self._document = found.snapshot.model_dump(mode="json")

    async def until_light(self, scene: str, light: SceneLight) -> None:
        """Apply patches until a tile shows a light."""
        async with asyncio.timeout(15):
            while self.state.scenes[scene].light is not light:
                self._take(Patch.model_validate(await self._page.patches.get()))

    @property
    def state(self) -> RoomState:
        """What the page shows."""
        return RoomState.model_validate(self._document)

    def _take(self, patch: Patch) -> None:
        known = self._document["version"]
        assert isinstance(known, int)
        if patch.version <= known:
            return
        assert (patch.version - 1 if patch.since is None else patch.since) <= known
        for change in patch.changes:
            place = self._document
            for key in change.path[:-1]:
                inner = place[key]
                assert isinstance(inner, dict)
                place = inner
            place[change.path[-1]] = change.value
            if change.value is None and len(change.path) > 1:
                del place[change.path[-1]]
        self._document["version"] = patch.version


async def test_a_tap_lights_every_panel_by_read_back(hall: Hall) -> None:
    """A press is acknowledged within 100 ms, both pages show sending, then active when the devices said so; the states agree."""
    token = await hall.served.token(Role.HOST, ROOM)
    async with hall.served.page(token) as one, hall.served.page(token) as two:
        pages = [Follower(one), Follower(two)]
        for page in pages:
            await page.begin()
        began = time.monotonic()
        answer = Answer.model_validate(await one.press("apply", room=ROOM, scene="meeting"))
        assert answer.ok is not None
        assert time.monotonic() - began < 0.1
        for page in pages:
            await page.until_light("meeting", SceneLight.ACTIVE)
        await asyncio.sleep(0.25)
        for page, io in zip(pages, (one, two), strict=True):
            while not io.patches.empty():
                page._take(Patch.model_validate(io.patches.get_nowait()))
        truth = hall.room.state
        for page in pages:
            assert page.state.model_copy(update={"time": 0.0}).scenes == truth.scenes
            assert page.state.version == truth.version
    assert truth.devices["projector"].properties["power"].value == "on"
    assert truth.last_action is not None
    assert truth.last_action.by == "host"


async def test_a_program_plans_applies_and_reads_the_history(hall: Hall) -> None:
    """GET plan names bytes, POST apply?wait=true reports the readings, the run is then in the history."""
    async with hall.served.client(await hall.served.token(Role.TECHNICIAN, ROOM)) as http:
        path = f"/api/v1/rooms/{ROOM}"
        async with http.get(f"{path}/scenes/meeting/plan") as answer:
            plan = Plan.model_validate(await answer.json())
        assert plan.changes > 0
        assert any(step.bytes for step in plan.steps)
        async with http.post(f"{path}/scenes/meeting/apply?wait=true") as answer:
            report = ApplyReport.model_validate(await answer.json())
        assert report.run.result is RunResult.ACHIEVED
        assert report.readings["projector"]["power"] == "on"
        async with http.get(f"{path}/scenes/meeting/plan") as answer:
            assert Plan.model_validate(await answer.json()).changes == 0
        async with http.get(f"{path}/runs/{report.run.id}") as answer:
            assert ApplyReport.model_validate(await answer.json()).run.result is RunResult.ACHIEVED
        for unknown in ("scenes/none/plan", "runs/none"):
            async with http.get(f"{path}/{unknown}") as answer:
                assert answer.status == 404
    async with asyncio.timeout(2):
        while not (kept := await hall.room.records.runs.recent(ROOM, 5)):
            await asyncio.sleep(0.02)
    assert [Run.model_validate_json(text).scene for text in kept] == ["meeting"]


async def test_a_program_takes_the_last_change_back(hall: Hall) -> None:
    """POST undo?wait=true reports the old values as read back, the trail has it; twice is `invalid`, as nothing is left."""
    async with hall.served.client(await hall.served.token(Role.HOST, ROOM)) as http:
        path = f"/api/v1/rooms/{ROOM}"
        for scene in ("slides", "meeting"):
            async with http.post(f"{path}/scenes/{scene}/apply?wait=true") as answer:
                assert ApplyReport.model_validate(await answer.json()).run.result is RunResult.ACHIEVED
        offered = hall.room.state.undo
        assert offered is not None
        async with http.post(f"{path}/undo?wait=true", json={"run": "another"}) as answer:
            assert (answer.status, (await answer.json())["code"]) == (409, "stale")
        async with http.post(f"{path}/undo?wait=true", json={"run": offered.run}) as answer:
            report = ApplyReport.model_validate(await answer.json())
        assert report.run.result is RunResult.ACHIEVED
        assert report.readings["matrix"]["route.1"] == 2
        async with http.post(f"{path}/undo", json={}) as answer:
            assert (answer.status, (await answer.json())["code"]) == (400, "invalid")
    async with asyncio.timeout(2):
        while hall.served.records.trail.waiting:
            await asyncio.sleep(0.02)
    rows = [row for row in await hall.served.records.trail.read(limit=20) if row.action == "undo"]
    assert [row.outcome for row in reversed(rows)] == ["stale", "accepted", "invalid"]


async def test_a_hand_gets_the_read_back(hall: Hall) -> None:
    """Setting the volume answers with what the matrix then reported; a value out of range is `invalid` and names the place."""
    async with hall.served.client(await hall.served.token(Role.HOST, ROOM)) as http:
        path = f"/api/v1/rooms/{ROOM}/devices/matrix/properties/volume.1"
        async with http.put(path, json={"value": 40}) as answer:
            accepted = Accepted.model_validate(await answer.json())
        assert accepted.value == pytest.approx(40, abs=1)
        assert hall.room.device("matrix").properties["volume.1"].value == accepted.value
        async with http.put(path, json={"value": 4000}) as answer:
            problem = await answer.json()
        assert (answer.status, problem["code"], problem["device"], problem["property"]) == (
            400,
            "invalid",
            "matrix",
            "volume.1",
        )


async def test_two_hosts_press_different_scenes(hall: Hall) -> None:
    """Both presses are answered, all pages see the same order, and one scene holds the outputs in the end."""
    first, second = await hall.served.token(Role.HOST, ROOM), await hall.served.token(Role.HOST, ROOM)
    async with hall.served.page(first) as one, hall.served.page(second) as two:
        followers = [Follower(one), Follower(two)]
        for follower in followers:
            await follower.begin()
        answers = await asyncio.gather(
            one.press("apply", room=ROOM, scene="meeting"), two.press("apply", room=ROOM, scene="slides")
        )
        assert all(Answer.model_validate(answer).ok for answer in answers)
        for follower in followers:
            await follower.until_light("slides", SceneLight.ACTIVE)
    properties = hall.room.device("matrix").properties
    assert {properties["route.1"].value, properties["route.2"].value} == {properties["route.1"].value}


async def test_the_same_press_on_two_roads_is_one_run(hall: Hall) -> None:
    """A press sent by a page and again by HTTP with the same id recalls the scene once."""
    token = await hall.served.token(Role.HOST, ROOM)
    async with hall.served.page(token) as page:
        answer = Answer.model_validate(await page.press("apply", id="press-77777777", room=ROOM, scene="slides"))
    async with (
        hall.served.client(token) as http,
        http.post(f"/api/v1/rooms/{ROOM}/scenes/slides/apply", json={"id": "press-77777777"}) as again,
    ):
        repeated = Accepted.model_validate(await again.json())
    assert answer.ok is not None
    assert answer.ok.run == repeated.run
