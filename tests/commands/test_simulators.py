"""Simulators of a site: processes of their own, forked by one nursery, and gone with the server in every case."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from smartroom.commands.simulators import Simulators

ROOM = """
name: Uji
devices:
  matrix: {driver: extron_sis, at: "tcp://10.0.0.1:23", inputs: 4, outputs: 2}
  projector: {driver: pjlink, at: "tcp://10.0.0.2:4352", password: !secret lampu}
  camera: {driver: visca, at: "udp://10.0.0.3:52381"}
  wired: {driver: extron_sis, at: "serial:///dev/ttyUSB0?baud=9600"}
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site of one room over TCP, UDP and a serial line."""
    (tmp_path / "site/hall").mkdir(parents=True)
    (tmp_path / "site/hall/room.yaml").write_text(ROOM)
    secrets = tmp_path / "site/secrets.yaml"
    secrets.touch(mode=0o600)
    secrets.write_text("lampu: rahasia\n")
    return tmp_path / "site"


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.02)


async def asked(address: str, line: bytes) -> bytes:
    """Talk to a simulator as its driver would, skipping the greeting."""
    host, _, port = address.removeprefix("tcp://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        async with asyncio.timeout(5):
            writer.write(line)
            while (answer := await reader.readuntil(b"\n"))[:1].isdigit() is False:
                pass  # the unit introduces itself first
            return answer
    finally:
        writer.close()


async def test_one_process_each(site: Path, tmp_path: Path) -> None:
    """Each device has an address of its transport, a process of its own, and a command that starts it again."""
    async with Simulators(site, tmp_path / "sims") as simulators:
        addresses = simulators.addresses["hall"]
        assert {key: address.partition("://")[0] for key, address in addresses.items()} == {
            "matrix": "tcp",
            "projector": "tcp",
            "camera": "udp",
            "wired": "serial",
        }
        pids = [item.pid for item in simulators.running]
        assert len(set(pids)) == 4
        assert all(psutil.pid_exists(pid) for pid in pids)
        assert await asked(addresses["matrix"], b"1!") == b"01\r\n"
    await until(lambda: not any(psutil.pid_exists(pid) for pid in pids))


async def test_one_can_be_killed_and_started_again(site: Path, tmp_path: Path) -> None:
    """SIGKILL takes one device away and no other; the printed command brings it back at the same address."""
    async with Simulators(site, tmp_path / "sims") as simulators:
        matrix, projector = simulators.running[:2]
        os.kill(matrix.pid, signal.SIGKILL)
        await until(lambda: not psutil.pid_exists(matrix.pid))
        with pytest.raises(ConnectionRefusedError):
            await asked(matrix.address, b"1!")
        assert psutil.pid_exists(projector.pid)
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            await simulators.switch_faults("hall", "matrix", "lie")
        again = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", *matrix.command.split()), stdout=asyncio.subprocess.PIPE
        )
        try:
            assert again.stdout is not None
            assert matrix.address in (await again.stdout.readline()).decode()
            assert await asked(matrix.address, b"1!") == b"01\r\n"
        finally:
            again.terminate()
            await again.wait()


async def test_each_has_its_own_console(site: Path, tmp_path: Path) -> None:
    """Faults, the front panel and the power of one device are switched without touching another."""
    async with Simulators(site, tmp_path / "sims") as simulators:
        assert await simulators.switch_faults("hall", "matrix", "delay=1") == "delay=1"
        assert simulators.faults("hall", "matrix") == "delay=1"
        assert simulators.faults("hall", "projector") == ""
        assert await simulators.switch_faults("hall", "matrix", "none") == ""
        assert "route.1 = 3" in await simulators.press_front("hall", "matrix", "route.1", 3)
        assert await asked(simulators.addresses["hall"]["matrix"], b"1!") == b"03\r\n"
        with pytest.raises(ValueError, match="nonsense"):
            await simulators.switch_faults("hall", "camera", "nonsense")


async def test_nothing_survives_a_killed_server(site: Path, tmp_path: Path) -> None:
    """A server that is killed takes nursery and simulators with it: their lines to it have ended."""
    code = (
        "import asyncio, pathlib, sys\n"
        "from smartroom.commands.simulators import Simulators\n"
        "async def main():\n"
        "    async with Simulators(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])) as found:\n"
        "        print(*(item.pid for item in found.running), flush=True)\n"
        "        await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code, str(site), str(tmp_path / "sims")), stdout=asyncio.subprocess.PIPE
    )
    assert server.stdout is not None
    pids = [int(word) for word in (await server.stdout.readline()).split()]
    assert len(pids) == 4
    server.kill()
    await server.communicate()  # to the end of its pipe, so that the loop closes none unread
    await until(lambda: not any(psutil.pid_exists(pid) for pid in pids))


async def test_a_broken_setting_is_named(site: Path, tmp_path: Path) -> None:
    """A simulator that cannot start ends the start, with the device's name, and leaves none of the others."""
    (site / "hall/room.yaml").write_text(ROOM.replace("inputs: 4", "inputs: 4000"))
    with pytest.raises(RuntimeError, match="hall/matrix"):
        async with Simulators(site, tmp_path / "sims"):
            raise AssertionError
    assert not [
        item for item in psutil.process_iter(["cmdline"]) if str(tmp_path) in " ".join(item.info["cmdline"] or [])
    ]
