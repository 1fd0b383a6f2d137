"""A device that vanishes without a word: its cable pulled behind a switch, so that nobody says goodbye."""

from __future__ import annotations

import asyncio
import itertools
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from devices.sdk import LinkState, Settings, find_families, load_family, parse_address
from devices.sdk.session import Session
from devices.sdk.testing.rig import AtOnce, Witness

pytestmark = [pytest.mark.netns, pytest.mark.needs("ip")]
FAMILY = load_family(find_families()["extron_sis"])
_numbers = itertools.count(1)
PROGRAM = """
import asyncio
from devices.sdk.testing.run import run_simulator
asyncio.run(run_simulator("extron_sis", host="10.203.0.2", port=2323, announce=lambda line: print(line, flush=True), listen_to_stdin=False))
"""


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, timeout=10)


@contextmanager
def island() -> Iterator[str]:
    """A network namespace with a simulator in it, reached by one cable; gives the cable's far side name."""
    name = f"sr{os.getpid() % 100000}x{next(_numbers)}"  # the kernel takes its time to forget a name
    _ip("netns", "add", name)
    try:
        _ip("link", "add", f"{name}a", "type", "veth", "peer", "name", f"{name}b", "netns", name)
        _ip("addr", "add", "10.203.0.1/24", "dev", f"{name}a")
        _ip("link", "set", f"{name}a", "up")
        _ip("netns", "exec", name, "ip", "addr", "add", "10.203.0.2/24", "dev", f"{name}b")
        _ip("netns", "exec", name, "ip", "link", "set", f"{name}b", "up")
        with subprocess.Popen(
            ["ip", "netns", "exec", name, sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE
        ) as simulator:
            try:
                assert simulator.stdout is not None
                assert simulator.stdout.readline()
                yield name
            finally:
                simulator.kill()
    finally:
        subprocess.run(["ip", "link", "del", f"{name}a"], check=False, timeout=10)
        _ip("netns", "del", name)


@pytest.mark.parametrize("quiet", [False, True])
async def test_a_vanished_device_is_offline_within_five_seconds(*, quiet: bool) -> None:
    """With the family's own timing: polled it is known by its silence, unpolled by the kernel's keepalive."""
    timing = FAMILY.manifest.timing.model_copy(update={"poll_s": 0.0} if quiet else {})
    manifest = FAMILY.manifest.model_copy(update={"timing": timing})
    settings = Settings(manifest, {"inputs": 4, "outputs": 2})
    with island() as name:
        session = Session(
            FAMILY.driver(manifest, settings),
            parse_address("tcp://10.203.0.2:2323", manifest),
            Witness(),
            random=AtOnce(),
        )
        async with asyncio.TaskGroup() as tasks:
            life = tasks.create_task(session.run())
            async with asyncio.timeout(10):
                while session.status.state is not LinkState.READY:  # no event for tests
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0.5)
            # Bytes vanish on the way: the cable itself stays up on our side, as behind a switch.
            await asyncio.to_thread(_ip, "netns", "exec", name, "ip", "addr", "flush", "dev", f"{name}b")
            await asyncio.to_thread(_ip, "netns", "exec", name, "ip", "link", "set", f"{name}b", "arp", "off")
            pulled = time.monotonic()
            async with asyncio.timeout(10):
                while str(session.status.state) == "ready":  # no event for tests
                    await asyncio.sleep(0.01)
            gone_after = time.monotonic() - pulled
            life.cancel()
    assert gone_after <= 5.0
