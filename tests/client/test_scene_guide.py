"""docs/guides/scenes.md tells the truth: each command is run, and its answer is compared."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.flows.conftest import running
from tests.guides import ROOT, answers, plain

GUIDE = ROOT / "docs/guides/scenes.md"


@pytest.mark.timeout(180)
async def test_every_command_answers_as_the_guide_says(tmp_path: Path) -> None:
    """The words are the same, whatever the figures of the day; otherwise `python -m tests.guides docs/guides/scenes.md`."""
    async with running(tmp_path / "data") as demo:
        async for command, answer in answers(GUIDE.read_text(), demo.data, demo.url):
            assert plain(command.answer) == plain(answer.replace(f"{tmp_path}/", "")), command.line
