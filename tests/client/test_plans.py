"""Plans as files: `smartroom plan --out`, `smartroom apply --plan`, and every plan that is none any more."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from smartroom.client import Overtaken, WrongRequest
from tests.client.conftest import Hall


async def smartroom(hall: Hall, *words: str) -> tuple[int, str]:
    """Run a command against the hall's server: exit code, and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "smartroom", *words),
        env={**os.environ, "SMARTROOM_URL": hall.served.origin, "SMARTROOM_TOKEN": hall.token},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


async def test_a_plan_is_kept_read_and_applied(hall: Hall, tmp_path: Path) -> None:
    """The file says to people what stands in it, and applying it does exactly that; the second time the base has moved."""
    file = tmp_path / "rapat.yaml"
    code, output = await smartroom(hall, "plan", "hall", "meeting", "--out", str(file))
    assert code == 0, output
    assert f"kept in {file}" in output
    text = file.read_text()
    assert "#   projector.power" in text or "# projector.power" in text
    assert "lamp" in text
    code, output = await smartroom(hall, "apply", "--plan", str(file))
    assert code == 0, output
    assert "meeting: achieved" in output
    assert hall.room.simulators["projector"].snapshot()["power"] == "on"
    code, output = await smartroom(hall, "apply", "--plan", str(file))
    assert code == 1
    assert "The plan no longer holds" in output
    assert "meeting, technician" in output.lower()
    assert "Fix: Make the plan anew" in output


async def test_a_plan_that_is_none_any_more(hall: Hall, tmp_path: Path) -> None:
    """Changed by hand, of another version, no plan at all, a bomb: each is told before the server is even asked."""
    file = tmp_path / "plan.yaml"
    await smartroom(hall, "plan", "hall", "slides", "--out", str(file))
    text = file.read_text()
    bomb = "a: &a [1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\n"
    bomb += "d: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e]\n"
    cases = [
        (text.replace("goal: 2", "goal: 3"), "was changed after it was made: its digest does not match"),
        (text.replace("goal: 2", "goal: {}"), "it was changed after it was made"),
        (text.replace("format: 1", "format: 2"), "made by another version (format 2, this one reads 1)"),
        ("name: Rapat\n", "is no plan"),
        ("[1, 2", "not valid YAML"),
        (bomb, "more than 50000 values"),
    ]
    for content, words in cases:
        file.write_text(content)
        code, output = await smartroom(hall, "apply", "--plan", str(file))
        assert code == 1
        assert words in output
        assert "Fix:" in output
    code, output = await smartroom(hall, "apply", "hall")
    assert code == 2
    assert "--plan" in output


async def test_a_program_applies_a_plan(hall: Hall) -> None:
    """The client takes the plan object; another scene's is a wrong request, a moved base is `Overtaken` and names the property."""
    plan = await hall.remote.plan("slides")
    with pytest.raises(WrongRequest, match="is for hall, slides"):
        await hall.remote.apply("meeting", plan=plan)
    await hall.remote.set("matrix", "route.1", 3)
    with pytest.raises(Overtaken) as caught:
        await hall.remote.apply("slides", plan=plan)
    assert caught.value.problem.property == "route.1"
    report = await hall.remote.apply("slides", plan=await hall.remote.plan("slides"))
    assert report.run.result == "achieved"


async def test_a_plan_larger_than_a_press_is_taken(hall: Hall) -> None:
    """A room of a hundred properties has a plan above 64 KiB: a body may be that long here, and nowhere else."""
    plan = await hall.remote.plan("slides")
    large = plan.model_copy(update={"steps": plan.steps * 120})
    assert len(large.model_dump_json()) > 65_536
    with pytest.raises(WrongRequest, match="changed after it was made"):
        await hall.remote.apply("slides", plan=large)
