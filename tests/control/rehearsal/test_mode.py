"""Rehearsals on the pages: a twin beside the room, as the room reads now, that people enter and leave and that moves nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio

from smartroom.control.errors import ProblemError
from smartroom.control.identity.actors import Actor
from smartroom.control.rehearsal.mode import Rehearsals
from smartroom.control.room.files import load_room
from smartroom.control.rooms import LiveRoom
from smartroom.protocol.base import Text
from smartroom.protocol.errors import ErrorCode
from smartroom.protocol.people import ActorKind, Role
from smartroom.protocol.state import RunResult
from tests.rooms import TestRoom, families, living

FAMILIES = families()


@dataclass
class Stage:
    """The test room, and the rehearsals beside it."""

    room: TestRoom
    rehearsals: Rehearsals
    twins: dict[str, LiveRoom] = field(default_factory=dict)


@pytest_asyncio.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """A living room; nothing is rehearsed yet."""
    twins: dict[str, LiveRoom] = {}
    async with living(tmp_path) as room:
        await room.apply("slides", "Ani")
        originals = {"hall": room.live}

        def opened(live: LiveRoom) -> None:
            twins[live.id] = live

        async with Rehearsals(FAMILIES, originals.get, opened, twins.pop) as rehearsals:
            yield Stage(room, rehearsals, twins)


async def test_it_begins_as_the_room_reads_and_moves_nothing_of_it(stage: Stage) -> None:
    """The twin shows what the room shows; a scene in it is achieved with the same proof, while no simulator of the room hears a byte."""
    begun = await stage.rehearsals.begin("hall", "Budi")
    twin = stage.twins[begun.room]
    assert (begun.room, begun.of, begun.by) == ("hall-gladi", "hall", "Budi")
    assert begun.seeded > 5
    assert stage.room.state.rehearsal == begun == twin.store.state.rehearsal
    assert twin.store.state.devices["matrix"].properties["route.1"].value == 2
    assert all(twin.store.state.devices[key].simulated for key in stage.room.simulators)
    before = {key: simulator.snapshot() for key, simulator in stage.room.simulators.items()}
    accepted = twin.desk.apply("off", by="Budi", press="press-0001")
    report = await twin.desk.wait(accepted.run or "")
    assert report.run.result is RunResult.ACHIEVED
    assert {key: simulator.snapshot() for key, simulator in stage.room.simulators.items()} == before
    assert stage.room.scene("off").run is None


async def test_one_goes_on_for_all_and_ends_for_all(stage: Stage) -> None:
    """A second press joins; the end takes everything away, and the next one begins anew from the room."""
    first = await stage.rehearsals.begin("hall", "Budi")
    assert await stage.rehearsals.begin("hall", "Citra") == first
    await stage.twins[first.room].desk.set("matrix", "route.1", 4, by="Budi", press="press-0001")
    stage.rehearsals.end("hall")
    await stage.room.until(lambda: stage.room.state.rehearsal is None)
    assert stage.twins == {}
    again = await stage.rehearsals.begin("hall", "Citra")
    assert stage.twins[again.room].store.state.devices["matrix"].properties["route.1"].value == 2


async def test_nothing_of_it_is_kept(stage: Stage) -> None:
    """A scene recorded in a rehearsal is refused by name, and no file appears; there is no history either."""
    twin = stage.twins[(await stage.rehearsals.begin("hall", "Budi")).room]
    files = sorted(path.name for path in stage.room.folder.rglob("*"))
    with pytest.raises(ProblemError) as refused:
        twin.desk.record("sore", Text(id="Sore"), "scene", None, [], by="Budi", press="press-0001")
    assert refused.value.problem.text.en == "A rehearsal keeps nothing"
    assert sorted(path.name for path in stage.room.folder.rglob("*")) == files
    assert twin.log is None


async def test_a_twin_that_cannot_begin_says_why(stage: Stage) -> None:
    """A room whose file was broken meanwhile cannot be rehearsed: the reason is told, the room lives on, and the next try may do."""
    file = stage.room.folder / "room.yaml"
    good = file.read_text()
    file.write_text("devices: [")
    with pytest.raises(ProblemError, match=r"room\.yaml:2: the file cannot be used"):
        await stage.rehearsals.begin("hall", "Budi")
    assert stage.room.state.rehearsal is None
    file.write_text(good)
    assert (await stage.rehearsals.begin("hall", "Budi")).room in stage.twins
    with pytest.raises(ProblemError) as nowhere:
        await stage.rehearsals.begin("aula", "Budi")
    assert nowhere.value.problem.code is ErrorCode.NOT_FOUND


def test_rights_are_those_of_the_room(tmp_path: Path) -> None:
    """Who may enter a room may enter its twin, nobody else; and no real room can take such a name."""
    here = Actor(ActorKind.USER, "a-1", "Ani", Role.HOST, frozenset({"hall"}))
    assert here.enters("hall-gladi")
    assert not here.enters("aula-gladi")
    folder = tmp_path / "hall-gladi"
    folder.mkdir()
    (folder / "room.yaml").write_text("name: Aula\n")
    with pytest.raises(Exception, match="give the folder another name"):
        load_room(folder, FAMILIES, {})
