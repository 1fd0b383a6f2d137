"""The plaque as a device: cues open and unveil it, guards ask it, and it reads what is on the disk."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from devices.sdk.commands import Set
from devices.sdk.errors import BadSetting
from smartroom.control.ceremony.ceremonies import Ceremonies
from smartroom.control.ceremony.hall import Hall
from smartroom.control.ceremony.plaque import ID, PlaqueShape
from smartroom.control.ceremony.ports import Rules
from smartroom.control.ceremony.trust import HouseConfined
from smartroom.control.records.records import Records
from smartroom.control.rooms import LiveRoom, RoomRecords
from tests.ceremonies import ALONE, Pen, begin, freeze, rest, sign, until
from tests.rooms import families, write_site

ROOM = """
name: {id: Ruang Uji, en: Test room}
devices:
  camera: {driver: visca, at: udp://127.0.0.1:9, presets: {wide: {number: 0, pan: 0, tilt: 0, zoom: 0}}}
ceremony: {reveal: lampu}
"""
SCENES = {
    "buka": "name: Buka\ntimeout: 5s\ndesired:\n  plaque: {state: open}\n",
    "resmikan": "name: Resmikan\ntimeout: 5s\ndesired:\n  plaque: {state: revealed}\n",
    "lampu": "name: Lampu\ntimeout: 1s\ndesired:\n  camera: {preset: wide}\n",
}


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[tuple[LiveRoom, Hall]]:
    """A room with a hall."""
    ceremonies = Ceremonies(tmp_path / "data", Rules(reserve=0), HouseConfined(tmp_path))
    folder = write_site(tmp_path / "site", ROOM, SCENES)
    async with AsyncExitStack() as stack:
        records = await stack.enter_async_context(Records(tmp_path / "data"))
        await stack.enter_async_context(ceremonies)
        room = LiveRoom(
            folder,
            families(),
            {},
            RoomRecords(records.runs, records.standing, records.learned),
            hall=ceremonies.hall("hall"),
        )
        group = await stack.enter_async_context(asyncio.TaskGroup())
        ceremonies.enter("hall")
        for work in (ceremonies.run(), room.run()):
            task = group.create_task(work)
            stack.callback(task.cancel)
        await until(lambda: room.engine.alive)
        yield room, ceremonies.hall("hall")


async def recall(room: LiveRoom, scene: str) -> str:
    """Recall a scene and wait for its end."""
    accepted = room.desk.apply(scene, by="operator", press=f"uji-{time.monotonic_ns()}")
    report = await room.desk.wait(accepted.run or "")
    return str(report.run.result)


def state(room: LiveRoom) -> object:
    """What the plaque reported."""
    found = room.store.state.devices[ID].properties.get("state")
    return found.value if found else None


async def test_a_cue_opens_and_unveils_the_plaque(place: tuple[LiveRoom, Hall]) -> None:
    """A scene that wants it open opens it; one that wants it unveiled fails until all have signed, then ends as the cloth falls."""
    room, hall = place
    assert state(room) == "none"
    session = await hall.bring(hall.create(ALONE, rehearsal=False).id)
    await freeze(session)
    await until(lambda: state(room) == "ready")
    assert await recall(room, "resmikan") == "failed"
    assert session.told().reveal is None
    await session.take_lead("tabletutama", "Tablet", "-")
    assert await recall(room, "buka") == "achieved"
    assert state(room) == "open"
    await sign(session, Pen(session.id))
    await until(lambda: state(room) == "signed")
    assert await recall(room, "resmikan") == "achieved"
    assert session.story.reveal is not None
    assert 0 <= time.time() - session.story.reveal.at < 3
    assert state(room) == "revealed"


async def test_covered_again_it_reads_signed(place: tuple[LiveRoom, Hall]) -> None:
    """Tutup kembali takes the reading back, so that the cue can be fired again."""
    room, hall = place
    session = await hall.bring(hall.create(ALONE, rehearsal=False).id)
    await begin(session)
    for batch in Pen(session.id).stroke():
        session.ink(batch)
    rest(session)
    await session.done(0, 0, "-")
    await session.reveal(1000, "-")
    await until(lambda: state(room) == "revealed")
    await session.cover("-")
    await until(lambda: state(room) == "signed")


async def test_lights_begin_with_the_walls(place: tuple[LiveRoom, Hall]) -> None:
    """Unveiled by hand: the room's scene for it begins when the cloth falls, not before; covered again before that, it never does."""
    room, hall = place
    session = await hall.bring(hall.create(ALONE, rehearsal=False).id)
    await begin(session)
    await sign(session, Pen(session.id))
    await session.reveal(1000, "-")
    assert session.story.reveal is not None
    at = session.story.reveal.at
    await until(lambda: room.store.state.scenes["lampu"].run is not None)
    first = room.store.state.scenes["lampu"].run
    assert first is not None
    assert first.started >= at
    await session.cover("-")
    await session.reveal(1000, "-")
    await session.cover("-")
    await asyncio.sleep(max(0.0, session.story.reveal.at + 0.3 - time.time()))
    last = room.store.state.scenes["lampu"].run
    assert last is not None
    assert last.id == first.id


def test_what_happens_cannot_be_wished() -> None:
    """`signed` is for guards; nobody plans it."""
    shape = PlaqueShape()
    assert shape.check("state", "signed") == "signed"
    with pytest.raises(BadSetting, match="open, revealed"):
        shape.encode(Set("state", "signed"))
    with pytest.raises(BadSetting):
        shape.check("state", "hilang")
