"""The transcript in docs/media.md is what a shell says: its commands are run with the real curl, its answers compared."""

from __future__ import annotations

import asyncio
import re
import shlex
from pathlib import Path

import pytest

from smartroom.control.conference.engine import EmbeddedEngine, Placement
from tests.control.conference.test_whip import serving
from tests.media.rtcclient import Client, Publisher

DOCUMENT = Path(__file__).parents[3] / "docs" / "media.md"


def transcript() -> list[tuple[str, list[str]]]:
    """Commands with the lines shown below each."""
    (block,) = re.findall(r"```console\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    found: list[tuple[str, list[str]]] = []
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, shown = part.replace("\\\n", " ").partition("\n")
        found.append((command, [line for line in shown.splitlines() if line]))
    return found


async def curl(command: str, folder: Path) -> str:
    """What curl prints."""
    arguments = shlex.split(command)
    assert arguments[0] == "curl"
    process = await asyncio.create_subprocess_exec(*arguments, cwd=folder, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    assert not process.returncode, command
    return output.decode().replace("\r\n", "\n")


@pytest.mark.needs("curl")
async def test_the_documented_transcript_is_what_curl_prints(tmp_path: Path) -> None:
    """Every command works as it stands, with a real address and token; every line shown is in its answer, names apart."""
    encoder, player = Client(), Client()
    (tmp_path / "offer.sdp").write_text(encoder.offer(audio=1))
    (tmp_path / "play.sdp").write_text(player.offer(audio=1, direction="recvonly"))
    (tmp_path / "restart.sdpfrag").write_text("a=ice-ufrag:again\r\na=ice-pwd:" + "p" * 24 + "\r\n")
    sessions: dict[str, str] = {}
    statuses: list[str] = []
    async with EmbeddedEngine(1, Placement()) as engine, serving(engine) as server:
        for command, shown in transcript():
            here = command.replace("https://room.example", server.url).replace("TOKEN", "let-me-in")
            for documented, real in sessions.items():
                here = here.replace(documented, real)
            printed = await curl(here, tmp_path)
            statuses.append(shown[0].split("   ")[0])
            assert printed.startswith(statuses[-1]), printed
            for line in shown[1:]:
                if line != "…" and not line.startswith(("Location", "ETag", "o=", "m=")):
                    assert line in printed.splitlines(), command
            location = re.search(r"^Location: (\S+)", printed, re.MULTILINE)
            if location is not None:
                (documented,) = [line.removeprefix("Location: ") for line in shown if line.startswith("Location")]
                sessions[documented] = location[1]
            if "/whip/hall" in command:
                await encoder.connect(printed.partition("\n\n")[2])
                publisher = Publisher(encoder, ssrc=1001, mid="1")
                publisher.frame()
        await encoder.close()
    assert [status.split()[1] for status in statuses] == ["409", "201", "200", "201", "200", "200"]
