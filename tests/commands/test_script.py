"""`smartroom script run`: a process of its own, a token of its own, and an end in every case."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from smartroom.client import Client, NotAllowed
from smartroom.commands.door import Door
from smartroom.commands.script import EXIT_TIMEOUT, BadScript, run_script, seconds
from smartroom.protocol.people import Role
from tests.control.web.house import ROOM, Served, serve

NOTHING = "async def main(room):\n    pass\n"


@dataclass
class Desk:
    """A server, and a folder for scripts."""

    served: Served
    folder: Path

    async def run(self, code: str, *, role: Role = Role.TECHNICIAN, timeout: float = 20.0) -> tuple[int, str]:  # noqa: ASYNC109
        """Run a script as an author of this role."""
        file = self.folder / "coba.py"
        file.write_text(code)
        door = Door(self.served.origin, await self.served.token(role))
        return await run_script(door, file, ROOM, timeout)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A fresh one."""
    async with serve(tmp_path / "data") as served:
        yield Desk(served, tmp_path)


async def test_its_token_ends_with_it(desk: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    """While the script runs there is one more token, named after script and author; afterwards it opens nothing."""
    code = "async def main(room):\n    print(room._wire.token)\n    print((await room.state()).room)\n"
    assert await desk.run(code) == (0, "")
    secret, room = capfd.readouterr().out.split()
    assert room == ROOM
    assert not list(desk.served.people.derived)
    async with Client(desk.served.origin, secret) as thief:
        with pytest.raises(NotAllowed):
            await thief.rooms()


async def test_a_loop_without_end_is_stopped(desk: Desk) -> None:
    """Time-out: a clear sentence, exit 124, and neither process nor token is left, whatever the script ignores."""
    began = time.monotonic()
    code, sentence = await desk.run(
        "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nasync def main(room):\n    while True:\n        pass\n",
        timeout=1.5,
    )
    assert code == EXIT_TIMEOUT
    assert "coba.py was stopped: still running after 1.5 s" in sentence
    assert time.monotonic() - began < 10
    assert not list(desk.served.people.derived)


async def test_what_it_starts_ends_with_it(desk: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    """A program the script left in the background is gone when the script is."""
    code = "import subprocess\nasync def main(room):\n    print(subprocess.Popen(['sleep', '600']).pid)\n"
    assert await desk.run(code) == (0, "")
    pid = int(capfd.readouterr().out)
    async with asyncio.timeout(5):
        while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("role", "deed"),
    [
        (Role.HOST, "await room.set('lamp', 'power', 'on')"),
        (Role.HOST, "await room.act('matrix', 'store_preset', {'number': 1})"),
        (Role.AUDITOR, "await room.apply('rapat')"),
        (Role.TECHNICIAN, "await Client.room(client, 'elsewhere').state()"),
        (Role.TECHNICIAN, "await client.derive('more', seconds=60, rooms=['ruang'])"),
        (
            Role.ADMIN,
            "await client._wire.ask('POST', 'tokens', object, {'name': 'x', 'role': 'admin', 'rooms': ['*']})",
        ),
        (Role.TECHNICIAN, "await client._wire.ask('POST', 'pairings', object, {'name': 'x', 'rooms': ['ruang']})"),
    ],
    ids=[
        "a host's technician's work",
        "a host's preset",
        "an auditor's press",
        "another room",
        "more tokens",
        "an account's token",
        "a link",
    ],
)
async def test_more_than_its_authors_rights(
    desk: Desk, capfd: pytest.CaptureFixture[str], role: Role, deed: str
) -> None:
    """Asked for more than its author may, in this one room, the server refuses; the line of the script is named."""
    code = (
        "from smartroom.client import Client\n"
        "async def main(room):\n"
        "    client = Client('', '')\n"
        "    client._wire = room._wire\n"
        f"    {deed}\n"
        "    print('done')\n"
    )
    found, _ = await desk.run(code, role=role)
    output = capfd.readouterr()
    assert found == 1
    assert "done" not in output.out
    assert output.err.startswith("error: coba.py:5: "), output.err
    assert not desk.served.desk.asked


async def test_it_ends_when_its_authors_rights_end(desk: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    """The author's token is revoked: the script's is worth nothing in the same moment."""
    running = asyncio.create_task(
        desk.run("async def main(room):\n    async for _ in room.watch():\n        print('sees')\n")
    )
    async with asyncio.timeout(15):
        while not desk.served.server.rooms.feed.watchers:
            await asyncio.sleep(0.02)
    for row in list(desk.served.people.tokens):
        await desk.served.people.tokens.revoke(row.id)
    code, _ = await running
    assert code == 1
    assert "coba.py:2" in capfd.readouterr().err


async def test_nothing_of_ours_is_passed_on(
    desk: Desk, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No variable of the environment, no open file, and not even its own token for what it starts."""
    monkeypatch.setenv("DB_PASSWORD", "rahasia")
    read, write = os.pipe()
    os.set_inheritable(read, True)
    code = (
        "import os, subprocess, sys\n"
        "async def main(room):\n"
        "    print(sorted(os.environ))\n"
        "    print([fd for fd in range(3, 64) if 'pipe:' in os.path.realpath(f'/proc/self/fd/{fd}')])\n"
        "    print(repr(sys.stdin.read()))\n"
        "    print(subprocess.run(['env'], capture_output=True, text=True).stdout)\n"
    )
    try:
        assert await desk.run(code) == (0, "")
    finally:
        os.close(read)
        os.close(write)
    output = capfd.readouterr().out
    assert "PASSWORD" not in output
    assert "sr_" not in output
    assert "TOKEN" not in output
    assert output.splitlines()[1] == "[]"
    assert output.splitlines()[2] == "''"


@pytest.mark.parametrize(("signal", "said"), [("SIGXCPU", "30 s of processor time"), ("SIGSEGV", "ended by SIGSEGV")])
async def test_a_killed_script_is_explained(desk: Desk, signal: str, said: str) -> None:
    """Ended by the kernel for its processor time or for a crash: the sentence says which."""
    code = f"import os, signal\nasync def main(room):\n    os.kill(os.getpid(), signal.{signal})\n"
    found, sentence = await desk.run(code)
    assert found == 1
    assert said in sentence


@pytest.mark.parametrize(
    ("code", "exit_code", "said"),
    [
        ("x = [bytearray(1 << 24)]\nasync def main(room):\n    while True:\n        x.append(bytearray(1 << 24))\n", 1, "MiB of memory"),
        ("def main(room):\n    pass\n", 2, "has no main"),
        ("async def main(room)\n", 1, "SyntaxError"),
        ("async def main(room):\n    await helper()\n\nasync def helper():\n    raise ValueError('salah')\n", 1, "ValueError: salah"),
        ("import sys\nasync def main(room):\n    sys.exit(7)\n", 7, ""),
    ],
    ids=["memory", "no main", "no Python", "its own mistake", "its own exit code"],
)  # fmt: skip
async def test_its_mistakes_are_named(
    desk: Desk, capfd: pytest.CaptureFixture[str], code: str, exit_code: int, said: str
) -> None:
    """Each mistake has its sentence and its exit code, and shows lines of the script, not ours."""
    assert (await desk.run(code))[0] == exit_code
    error = capfd.readouterr().err
    assert said in error
    assert "launch.py" not in error


async def test_a_neighbouring_file_can_be_imported(desk: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    """Scripts may share code that lies beside them."""
    (desk.folder / "bersama.py").write_text("WORD = 'sama'\n")
    assert await desk.run("import bersama\nasync def main(room):\n    print(bersama.WORD)\n") == (0, "")
    assert capfd.readouterr().out == "sama\n"


async def test_the_command_line(desk: Desk) -> None:
    """As a technician types it: output, exit code, and a sentence for each wrong word."""
    file = desk.folder / "coba.py"
    file.write_text("async def main(room):\n    print((await room.state()).room)\n")
    token = await desk.served.token(Role.HOST)

    async def typed(*words: str) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "smartroom", "script", "run", str(file), *words),
            env={**os.environ, "SMARTROOM_URL": desk.served.origin, "SMARTROOM_TOKEN": token},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        return process.returncode or 0, output.decode()

    assert await typed("--room", ROOM) == (0, f"{ROOM}\n")
    code, output = await typed("--room", "elsewhere")
    assert code == 1
    assert "more than host's own rights" in output
    assert await typed("--room", ROOM, "--timeout", "soon") == (
        2,
        "error: --timeout soon: write 60s or 2m, at most 58m\n",
    )


@pytest.mark.parametrize(("text", "expected"), [("60s", 60), ("2m", 120), ("1.5m", 90), ("5", 5)])
def test_durations(text: str, expected: float) -> None:
    """Seconds and minutes."""
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "-1s", "0s", "2h", "100000s", "1e3s"])
def test_durations_that_are_none(text: str) -> None:
    """Anything else is refused."""
    with pytest.raises(BadScript):
        seconds(text)
