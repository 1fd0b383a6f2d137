"""The guides' Python is run as it stands, against a living room."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest

from smartroom.commands.door import Door
from smartroom.commands.script import run_script
from tests.client.conftest import Hall

GUIDES = Path(__file__).resolve().parents[2] / "docs/guides"


def examples(guide: str) -> list[str]:
    """The Python blocks of a guide, in order."""
    return re.findall(r"^```python\n(.*?)^```$", (GUIDES / guide).read_text(), re.DOTALL | re.MULTILINE)


async def printed(hall: Hall, code: str) -> str:
    """Run a program with the token in its environment; what it prints."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code),
        env={**os.environ, "SMARTROOM_URL": hall.served.origin, "SMARTROOM_TOKEN": hall.token},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()


async def test_ask_and_press(hall: Hall) -> None:
    """The first example recalls a scene and sets a volume."""
    output = await printed(hall, examples("python-client.md")[0])
    assert "hall: 3 of 3 devices ready" in output
    assert "achieved: matrix shows input 1" in output
    assert "volume is now" in output


async def test_follow(hall: Hall) -> None:
    """The second ends when the front panel shows what it waits for."""
    following = asyncio.create_task(printed(hall, examples("python-client.md")[1]))
    await hall.room.until(lambda: hall.served.server.rooms.feed.watchers == 1, 10)
    hall.room.simulators["matrix"].front_panel("route.1", 4)
    assert "input 4, reported by the device: True" in await following


async def test_errors(hall: Hall) -> None:
    """The third names the device that is away."""
    hall.room.simulators["projector"].power_cut(30)
    await hall.room.until(lambda: hall.room.device("projector").link != "ready", 10)
    assert (await printed(hall, examples("python-client.md")[2])).startswith("projector: ")


async def test_a_script_that_decides_by_what_is_reported(
    hall: Hall, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The first worked script recalls `off` while something is on, and does nothing afterwards."""
    file = tmp_path / "malam.py"
    file.write_text(examples("scripts.md")[0])
    await hall.remote.apply("meeting")
    door = Door(hall.served.origin, hall.token)
    assert await run_script(door, file, "hall", 30) == (0, "")
    assert "off: achieved" in capfd.readouterr().out
    assert hall.room.simulators["projector"].snapshot()["power"] == "off"
    (run,) = [scene.run for scene in hall.room.state.scenes.values() if scene.id == "off"]
    assert run is not None
    assert run.by == "malam.py (technician)"


async def test_a_script_that_waits_for_a_hand(hall: Hall, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The second worked script acts when the projector is switched on by hand."""
    file = tmp_path / "siap.py"
    file.write_text(examples("scripts.md")[1])
    running = asyncio.create_task(run_script(Door(hall.served.origin, hall.token), file, "hall", 30))
    await hall.room.until(lambda: hall.served.server.rooms.feed.watchers == 1, 10)
    hall.room.simulators["projector"].front_panel("power", "on")
    assert await running == (0, "")
    output = capfd.readouterr().out
    assert "volume read back: 2" in output or "volume read back: 1" in output
    assert hall.room.simulators["matrix"].snapshot()["route.1"] == 1
