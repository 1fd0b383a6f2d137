"""Guides whose commands are run as they stand, against the demo: `python -m tests.guides docs/guides/scenes.md` writes today's answers into the guide."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from smartroom.client import Client
from smartroom.protocol.state import RoomState

ROOT = Path(__file__).resolve().parents[1]
ROOM = "smart-room-centre"
_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_VISCA_COUNT = re.compile(r"(\\x01\\x00\\x00\\x[0-9a-f]{2}(?:\\x00){3})(?:\\x[0-9a-f]{2}|\\.|.)")
"""A camera's sequence number: its last byte may read as a figure, `\\n` or a letter."""
_ANSWER_S = 90
"""A cold projector of the demo takes ten seconds."""
_SAVED_S = 8
"""Where a guide waits three seconds for a saved file or a report, a busy machine may need more."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a guide, and what the guide says it answers."""

    line: str
    answer: str


def commands(text: str) -> list[Command]:
    """All commands of a guide's console blocks, in order."""
    found: list[Command] = []
    for block in _BLOCK.findall(text):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            line, _, answer = part.partition("\n")
            found.append(Command(line, answer))
    return found


def plain(answer: str) -> list[str]:
    """What must be the same on every day and machine: its lines of words. Figures, widths and which of two devices was faster are not."""
    text = re.sub(r"[0-9a-f]{64}", "HASH", answer)
    text = _VISCA_COUNT.sub(r"\1#", text)
    text = re.sub(r"\d[\d.:-]*", "#", text)
    return sorted(re.sub(r"\s+", " ", line).strip() for line in text.splitlines() if line.strip())


async def answers(text: str, data: Path, url: str) -> AsyncIterator[tuple[Command, str]]:
    """Run a guide's commands in the folder above `data`, as whoever started that demo."""
    token = json.loads((data / "server.json").read_text())["token"]
    async with Client(url, token) as client:
        await client.room(ROOM).until(_all_there)
    env = {**os.environ, "SMARTROOM_DATA": str(data), "URL": url, "TOKEN": token}
    env["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    for command in commands(text):
        async with asyncio.timeout(_ANSWER_S):
            process = await asyncio.create_subprocess_exec(
                *("bash", "-c", command.line.replace("sleep 3", f"sleep {_SAVED_S}")),
                cwd=data.parent,
                env=env,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            output, _ = await process.communicate()
        yield command, output.decode()


def _all_there(state: RoomState) -> bool:
    """Every device answers, but walls that no page shows."""
    return all(device.link == "ready" for device in state.devices.values() if device.kind != "wall")


async def rewritten(text: str) -> str:
    """The guide with today's answers."""
    from tests.flows.conftest import running  # noqa: PLC0415  # brings a browser's library along

    fresh: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        async with running(Path(folder) / "data") as demo:
            async for command, answer in answers(text, demo.data, demo.url):
                fresh.append(f"$ {command.line}\n{answer.replace(folder + '/', '')}")

    def block(found: re.Match[str]) -> str:
        count = len(re.findall(r"^\$ ", found[1], flags=re.MULTILINE))
        return "```console\n" + "".join(fresh.pop(0) for _ in range(count)) + "```"

    return _BLOCK.sub(block, text)


if __name__ == "__main__":
    guide = Path(sys.argv[1])
    guide.write_text(asyncio.run(rewritten(guide.read_text())))
