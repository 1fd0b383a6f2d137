"""A demo that is killed leaves nothing behind."""

import asyncio
from pathlib import Path

import psutil
import pytest

from tests.flows.conftest import running

pytestmark = pytest.mark.timeout(60)


async def test_no_simulator_outlives_a_killed_demo(tmp_path: Path) -> None:
    """SIGKILL to the demo alone: within 3 s every process it had started is gone, its simulators among them."""
    async with running(tmp_path / "data") as demo:
        started = {child.pid for child in psutil.Process(demo.process.pid).children(recursive=True)}
        assert set(demo.pids.values()) <= started
        demo.process.kill()
        async with asyncio.timeout(3):
            while any(psutil.pid_exists(pid) for pid in started):
                await asyncio.sleep(0.02)
