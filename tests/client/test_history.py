"""History on the command line and by program; the log proved and asked for a past second from its files alone."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from smartroom.protocol.history import EventKind, HistoryQuery
from tests.client.conftest import Hall
from tests.client.test_plans import smartroom


@pytest.fixture
async def lived(hall: Hall, tmp_path: Path) -> Hall:
    """A hall in which something happened, with its log on the disk."""
    await hall.remote.apply("slides")
    await hall.remote.set("matrix", "route.1", 4)
    assert hall.room.live.log is not None
    await hall.room.live.log.settled()
    return hall


async def test_history_is_asked_by_program_and_printed(lived: Hall) -> None:
    """Newest first, with person, result and time; the bytes when asked; nothing is said in so many words."""
    found = await lived.remote.history(HistoryQuery(kind="run,hand"))
    assert [entry.kind for entry in found.entries] == [EventKind.HAND, EventKind.RUN]
    code, output = await smartroom(lived, "history", "hall", "--kind", "run,hand", "--bytes")
    assert code == 0, output
    lines = output.splitlines()
    assert lines[0].split() == ["when", "who", "what", "result", "ms"]
    assert "Main: 4" in lines[1]
    assert "matrix < 4*1!" in lines[2]
    assert "ran Slides" in lines[3]
    assert "achieved" in lines[3]
    code, output = await smartroom(lived, "history", "hall", "--by", "nobody at all")
    assert (code, output) == (0, "nothing happened\n")


async def test_the_log_is_proved(lived: Hall, tmp_path: Path) -> None:
    """Whole, with an end to note down; a changed word is named and the exit says so; an end noted earlier must still stand."""
    data = tmp_path / "data"
    code, output = await smartroom(lived, "log", "verify", "--data", str(data))
    assert code == 0, output
    assert ": whole" in output.replace("records, whole", "records: whole")
    end = output.strip().rpartition("ends with ")[2]
    code, output = await smartroom(lived, "log", "verify", "hall", "--head", end, "--data", str(data))
    assert code == 0, output
    (page,) = (data / "log/hall").glob("*.log")
    copy = tmp_path / "copy"
    (copy / "log/hall").mkdir(parents=True)
    (copy / "log/hall" / page.name).write_bytes(page.read_bytes().replace(b"Presentasi", b"Konferensi"))
    code, output = await smartroom(lived, "log", "verify", "--data", str(copy))
    assert code == 1
    assert "was changed" in output
    code, output = await smartroom(lived, "log", "verify", "annex", "--data", str(data))
    assert code == 1
    assert "no log of annex" in output


async def test_the_room_at_a_past_second(lived: Hall, tmp_path: Path) -> None:
    """Values and movers as they were then; before the log begins it says so."""
    before = datetime.now().astimezone()
    await lived.remote.set("matrix", "route.1", 3)
    assert lived.room.live.log is not None
    await lived.room.live.log.settled()
    data = str(tmp_path / "data")
    code, output = await smartroom(lived, "log", "at", "hall", before.isoformat(), "--data", data)
    assert code == 0, output
    (line,) = [line for line in output.splitlines() if line.startswith("matrix.route.1 ")]
    assert line.split()[1] == "4"
    now = datetime.now().astimezone() + timedelta(seconds=1)
    code, output = await smartroom(lived, "log", "at", "hall", now.isoformat(), "--data", data)
    (line,) = [line for line in output.splitlines() if line.startswith("matrix.route.1 ")]
    assert line.split()[1] == "3"
    code, output = await smartroom(lived, "log", "at", "hall", "2001-01-01T00:00:00", "--data", data)
    assert code == 1
    assert "begins later" in output
