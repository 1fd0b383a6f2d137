"""The log of a room: what happened is told to people, survives the server, proves itself unaltered, and knows the room at any second."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from smartroom.control.chain import Head, Record
from smartroom.control.history import eventlog
from smartroom.control.history.chronicle import Chronicle
from smartroom.control.history.eventlog import EventLog
from smartroom.control.history.pages import pages, records, told, verify
from smartroom.protocol.history import HistoryEntry, HistoryQuery
from smartroom.protocol.state import Cause, RunResult
from tests.rooms import TestRoom, living

LOG = Path("data/log/hall")


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[TestRoom]:
    """The test room, connected."""
    async with living(tmp_path) as found:
        yield found


async def history(room: TestRoom, **query: object) -> list[HistoryEntry]:
    """Entries that fit, newest first."""
    assert room.live.log is not None
    return (await room.live.log.read(HistoryQuery.model_validate(query))).entries


async def test_a_run_is_told_with_its_bytes(room: TestRoom) -> None:
    """Who, when, what changed, how long, and the bytes that went over the wire; secrets and routine questions are not among them."""
    await room.apply("slides", "Ani")
    entry = (await history(room, kind="run"))[0]
    assert (entry.by, entry.text.id) == ("Ani", "menjalankan Presentasi")
    assert entry.run is not None
    assert entry.run.result is RunResult.ACHIEVED
    assert entry.ms is not None
    assert entry.run.members["matrix.route.1"].before != 2
    assert [frame.text for frame in entry.sent if frame.device == "matrix"] == ["2*1!"]
    assert entry.sent[0].hex == "32 2a 31 21"


async def test_a_hand_and_a_front_panel_are_told(room: TestRoom) -> None:
    """A press on a page with its bytes and time; a change at the device with its cause; a device that goes and returns."""
    await room.live.desk.set("matrix", "route.1", 4, by="Budi", press="press-0001")
    entry = (await history(room, kind="hand"))[0]
    assert (entry.by, entry.text.id, entry.device, entry.property) == ("Budi", "Main: 4", "matrix", "route.1")
    assert entry.ms is not None
    assert [frame.text for frame in entry.sent] == ["4*1!"]
    room.simulators["matrix"].front_panel("route.2", 3)
    await room.until(lambda: room.device("matrix").properties["route.2"].value == 3)
    entry = (await history(room, kind="change"))[0]
    assert (entry.text.id, entry.cause, entry.value) == ("Left: Camera", Cause.DEVICE, 3)
    room.simulators["matrix"].power_cut(0.3)
    await room.until(lambda: room.device("matrix").link != "ready")
    await room.until(lambda: room.device("matrix").link == "ready", 10)
    words = [entry.text.en for entry in await history(room, kind="link", device="matrix")]
    assert words[0] == "Matrix: connected again"
    assert words[1].startswith("Matrix: ")


async def test_what_comes_with_the_power_is_not_told(room: TestRoom) -> None:
    """Switched on at the device: the power is told as a change; inputs and pictures that a sleeping projector does not know are not."""
    room.simulators["projector"].front_panel("power", "on")
    await room.until(lambda: room.device("projector").properties["freeze"].value is False, 20)
    told = await history(room, kind="change", device="projector")
    assert {entry.property for entry in told} == {"power"}


async def test_history_is_asked_by_kind_device_scene_person_and_page(room: TestRoom) -> None:
    """Filters leave out what does not fit; a second page goes on where the first ended."""
    await room.apply("slides", "Ani")
    await room.apply("off", "Budi")
    for number in range(4):
        await room.live.desk.set("matrix", "volume.1", 10 + number, by="Citra", press=f"press-01{number:02}")
    assert {entry.by for entry in await history(room, kind="run,hand", by="citra")} == {"Citra"}
    assert [entry.run.scene for entry in await history(room, scene="off") if entry.run] == ["off"]
    assert {entry.device for entry in await history(room, kind="hand", device="projector")} == set()
    assert [entry.run.scene for entry in await history(room, kind="run", device="projector") if entry.run] == ["off"]
    assert room.live.log is not None
    first = await room.live.log.read(HistoryQuery(kind="hand", limit=3))
    second = await room.live.log.read(HistoryQuery(kind="hand", limit=3, before=first.older or ""))
    shown = [entry.value for entry in (*first.entries, *second.entries)]
    assert shown == [13, 12, 11, 10]
    assert second.older is None


async def test_who_moved_a_property_survives_the_server(tmp_path: Path) -> None:
    """After a restart the cause of before still stands; what differs now changed while the server was not running, or was a cut-short run's."""
    async with living(tmp_path) as room:
        await room.apply("slides", "Ani")
        await room.live.desk.set("matrix", "volume.1", 30, by="Budi", press="press-0201")
        ports = room.simulators["matrix"].snapshot()
    async with living(tmp_path) as room:
        properties = room.device("matrix").properties
        # This process has new simulators: all they read differs from what the log remembers.
        assert ports["route.1"] == 2
        changed = properties["route.1"].moved
        assert changed is not None
        assert (changed.cause, changed.before) == (Cause.UNSEEN, 2)
        entry = next(entry for entry in await history(room, kind="change") if entry.property == "route.1")
        assert entry.cause is Cause.UNSEEN
    async with living(tmp_path, settings={"matrix": {}}) as room:
        still = room.device("matrix").properties["route.1"].moved
        assert still is not None
        assert still.cause is Cause.UNSEEN
        assert still.before == 2, "the same value as before the restart keeps its story"


async def test_a_run_that_the_end_cut_short(tmp_path: Path) -> None:
    """It is told as cut short, and what it had sent is its doing, not an unknown hand's."""
    folder = tmp_path / LOG
    async with EventLog(folder, "hall", lambda: 7) as log:
        log.write("link", {"device": "matrix", "link": "ready", "name": {"id": "Matrix", "en": ""}, "why": None})
        moved = {"cause": "hand", "at": 1.0, "by": "Budi", "scene": None, "before": 1}
        log.write("changed", {"device": "matrix", "property": "route.1", "value": 4, "at": 1.0, "moved": moved})
        goals = {"matrix.route.1": 0}
        name = {"id": "Mati", "en": "Off"}
        log.write("begun", {"run": "r1", "scene": "off", "name": name, "by": "Ani", "goals": goals})
        # The end of this life is no orderly one: what follows is the next life's.
    async with living(tmp_path) as room:
        found = room.device("matrix").properties["route.1"]
        cut = next(entry for entry in await history(room, kind="run"))
        assert cut.run is not None
        assert cut.run.result is None
        assert "terpotong" in cut.text.id
        assert found.moved is not None
        expected = (Cause.SCENE, "Ani") if found.value == 0 else (Cause.UNSEEN, "")
        assert (found.moved.cause, found.moved.by) == expected


async def test_a_page_ends_when_it_is_full_and_the_next_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each page names the end of the one before; the state and the history go on over it, and nothing is lost while it turns."""
    monkeypatch.setattr(eventlog, "LOG_PAGE_EVENTS", 20)
    monkeypatch.setattr(eventlog, "LOG_HELD_S", 0.01)
    monkeypatch.setattr(eventlog, "LOG_TURN_S", 0.05)
    folder = tmp_path / LOG
    written = 0
    async with EventLog(folder, "hall", lambda: 7) as log:
        turning = asyncio.create_task(log.run())
        while len(pages(folder)) < 4:
            log.write("deed", {"by": "Ani", "text": {"id": f"hal {written}", "en": ""}})
            written += 1
            await asyncio.sleep(0.005)
        turning.cancel()
        await asyncio.wait({turning})
        entries = (await log.read(HistoryQuery(kind="hand", limit=200))).entries
        assert [entry.text.id for entry in entries] == [f"hal {number}" for number in reversed(range(written))][:200]
    assert [each.broken for each in verify(folder)] == [""] * len(pages(folder))


async def test_every_alteration_is_found(tmp_path: Path) -> None:
    """A changed word, a removed record, a removed page, a cut end, a page computed anew: each is named; an untouched log is whole."""
    folder = tmp_path / LOG
    for life in range(2):
        async with EventLog(folder, "hall", lambda: 7) as log:
            for number in range(5):
                log.write("deed", {"by": "Ani", "text": {"id": f"{life}.{number}", "en": ""}})
                await log.settled()
            if life == 0:
                await log.turn()
    first, second = pages(folder)
    whole = {page: page.read_bytes() for page in (first, second)}
    heads = [(each.page, each.head) for each in verify(folder)]
    assert [each.broken for each in verify(folder, heads)] == ["", ""]

    def broken(page: Path, content: bytes | None, known: list[tuple[str, Head]] | None = None) -> list[str]:
        if content is None:
            page.unlink()
        else:
            page.write_bytes(content)
        found = [each.broken for each in verify(folder, known or ())]
        page.write_bytes(whole[page])
        return [words for words in found if words]

    lines = whole[first].splitlines(keepends=True)
    assert "was changed" in broken(first, whole[first].replace(b"0.3", b"0.9"))[0]
    assert broken(first, b"".join(lines[:4] + lines[5:]))
    assert "records were cut off" in broken(first, b"".join(lines[:-1]))[0]
    assert "is missing" in broken(first, None)[0]
    assert broken(second, None, heads) == ["this page is known from elsewhere and is not here"]
    shorter = b"".join(whole[second].splitlines(keepends=True)[:-2])
    assert broken(second, shorter) == [], "a cut end of the last page shows against a noted head only"
    assert "is known from elsewhere" in broken(second, shorter, heads)[0]


async def test_a_damaged_log_is_left_alone_and_a_new_page_begins(tmp_path: Path) -> None:
    """The room lives, says it in its history, and touches nothing of the evidence."""
    folder = tmp_path / LOG
    async with EventLog(folder, "hall", lambda: 7) as log:
        for number in range(5):
            log.write("deed", {"by": "Ani", "text": {"id": f"hal {number}", "en": ""}})
    page = pages(folder)[0]
    damaged = page.read_bytes().replace(b"hal 2", b"hal 9")
    page.write_bytes(damaged)
    async with EventLog(folder, "hall", lambda: 7) as log:
        entries = (await log.read(HistoryQuery(kind="system"))).entries
        assert any("rusak" in entry.text.id for entry in entries)
    assert page.read_bytes() == damaged
    assert [bool(each.broken) for each in verify(folder)] == [True, False]


async def test_the_room_at_a_past_second(room: TestRoom, tmp_path: Path) -> None:
    """From the log alone: what every property was, and whose doing it was."""
    await room.apply("slides", "Ani")
    await room.live.desk.set("matrix", "route.1", 4, by="Budi", press="press-0301")
    await room.apply("off", "Citra")
    assert room.live.log is not None
    await room.live.log.settled()
    page = pages(tmp_path / LOG)[0]
    lines = [json.loads(line[65:]) for line in page.read_bytes().splitlines()]
    events = [event for record in lines if record["kind"] == "events" for event in record["body"]["events"]]
    at = next(at for kind, at, body in events if kind == "deed" and body["by"] == "Budi")
    then = told(page, until=at)
    route = then.devices["matrix"].properties["route.1"]
    assert route.value == 4
    assert route.moved is not None
    assert (route.moved.cause, route.moved.by) == (Cause.HAND, "Budi")
    assert told(page).devices["matrix"].properties["mute.1"].value is True


async def test_a_disk_that_fails_never_stops_a_room(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A log that cannot be written is said once; scenes run as ever."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "log").write_text("a file where a folder should be")
    async with living(tmp_path) as room:
        report = await room.apply("slides")
        assert report.run.result is RunResult.ACHIEVED
        assert await history(room) == []
    assert len([record for record in caplog.records if "there is no event log" in record.getMessage()]) == 1


def test_kinds_of_later_versions_are_passed_over() -> None:
    """A page written by a newer server can be read as far as it is understood."""
    chronicle = Chronicle("p")
    chronicle.add(Record(1, "tomorrow", {"x": 1}, 1.0, 1.0, 0, ""))
    chronicle.add(Record(2, "events", {"events": [["tomorrow", 1.0, {}], ["stopped", 1.0, {}]]}, 1.0, 1.0, 0, ""))
    assert [entry.text.en for entry in chronicle.entries] == ["The server was stopped"]


async def test_what_happens_together_is_one_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each event keeps its own second; it waits a moment only, and what does not fit one record becomes several."""
    monkeypatch.setattr(eventlog, "LOG_HELD_S", 0.05)
    folder = tmp_path / LOG
    async with EventLog(folder, "hall", lambda: 7) as log:
        for number in range(40):
            log.write("deed", {"by": "Ani", "text": {"id": f"{number} " + "x" * 60_000, "en": ""}})
        assert not log._chronicle.entries, "nothing is hashed while it happens"
        await asyncio.sleep(0.1)
        log.write("deed", {"by": "Ani", "text": {"id": "40", "en": ""}})
        entries = (await log.read(HistoryQuery(kind="hand", limit=200))).entries
    assert [entry.text.id.split()[0] for entry in entries] == [str(number) for number in reversed(range(41))]
    assert len({entry.id for entry in entries}) == 41
    assert entries[0].at - entries[1].at > 0.05
    (page,) = pages(folder)
    sizes = [len(record.body["events"]) for record in records(page) if record.kind == "events"]
    assert sum(sizes) == 43, "with its start and its end"
    assert 3 < len(sizes) < 15
    assert [each.broken for each in verify(folder)] == [""]
