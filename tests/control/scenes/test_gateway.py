"""What the gateway believes: a reading proves something only while nothing was sent after it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from devices.sdk.commands import Priority, Set
from smartroom.control.rehearsal.loop import run_virtual
from smartroom.control.rehearsal.twin import Original, twinned
from tests.rooms import ROOM, SCENES, families, write_site

KEY = ("matrix", "volume.1")


def test_a_reading_from_before_an_interrupted_set_proves_nothing(tmp_path: Path) -> None:
    """A run is taken over while its command is on the way: what was read before is asked anew, and the answer is what the device is."""
    original = Original(write_site(tmp_path, ROOM, SCENES), families())

    async def told() -> None:
        async with twinned(original, "gateway", seed=1, watches_files=False) as twin:
            await twin.connected()
            gateway, simulator = twin.live.gateway, twin.simulators["matrix"]
            before = (await gateway.facts([KEY]))[KEY]
            assert gateway.fact(*KEY).fresh
            simulator.faults.update("delay=0.4")
            bringing = asyncio.create_task(gateway.bring(KEY[0], (Set(KEY[1], 37),), priority=Priority.SCENE))
            await asyncio.sleep(0.1)
            bringing.cancel()
            await asyncio.wait({bringing})
            assert not gateway.fact(*KEY).fresh
            simulator.faults.clear()
            await asyncio.sleep(0.5)  # what was on the way has arrived
            after = (await gateway.facts([KEY]))[KEY]
            assert after.value == simulator.snapshot()[KEY[1]] != before.value

    run_virtual(told(), 1_790_000_000.0)
