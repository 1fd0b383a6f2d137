"""Every family speaks inside one process as it does over its sockets: rehearsals have no others."""

import asyncio

import pytest

from devices.sdk.address import parse_address
from devices.sdk.catalog import Family, find_families, load_family
from devices.sdk.connection import LinkState
from devices.sdk.session import Session
from devices.sdk.settings import Settings
from devices.sdk.testing.rig import AtOnce, Rig, Witness, quick, required
from smartroom.control.rehearsal.twin import _LINES

FAMILIES = {name: load_family(folder) for name, folder in sorted(find_families().items())}


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())
async def test_a_family_is_ready_without_a_socket(family: Family) -> None:
    """Connected, logged in and read over `memory://`; after a power cut it is found again."""
    manifest = quick(family.manifest)
    settings = Settings(manifest, required(manifest))
    async with family.simulator(manifest, settings) as simulator:
        simulator.speed_up(1000)
        simulator.faults.update("warmup=0.02,cooling=0.02")
        at = simulator.serve_memory(f"test/{manifest.family}", _LINES.get(manifest.transports[0], "tcp"))
        told = Witness()
        session = Session(family.driver(manifest, settings), parse_address(at, manifest), told, random=AtOnce())
        async with asyncio.TaskGroup() as tasks:
            rig = Rig(simulator, session, told, tasks.create_task(session.run()))
            try:
                await rig.reach(LinkState.READY)
                assert told.sent or manifest.family == "wake_on_lan"
                simulator.power_cut(0.05)
                await asyncio.sleep(0.1)
                await rig.reach(LinkState.READY)
            finally:
                rig.life.cancel()


async def test_a_secured_display_agrees_inside_one_process() -> None:
    """TLS and PIN work over a line in memory."""
    family = FAMILIES["samsung_mdc"]
    manifest = quick(family.manifest, {"reply_timeout_ms": 1000})
    settings = Settings(manifest, {**required(manifest), "pin": "1234"})
    async with family.simulator(manifest, settings) as simulator:
        told = Witness()
        at = simulator.serve_memory("test/secured", "tcp")
        session = Session(family.driver(manifest, settings), parse_address(at, manifest), told, random=AtOnce())
        async with asyncio.TaskGroup() as tasks:
            rig = Rig(simulator, session, told, tasks.create_task(session.run()))
            try:
                await rig.reach(LinkState.READY)
            finally:
                rig.life.cancel()
