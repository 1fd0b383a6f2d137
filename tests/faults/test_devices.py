"""A device that misbehaves is named with what to do about it, and nothing else in the room slows down."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from devices.sdk.address import Address
from devices.sdk.transport.base import open_transport
from smartroom.protocol.errors import ErrorCode
from smartroom.protocol.state import Link, RunResult
from tests.rooms import ROOM, SCENES, TestRoom, living

SHOWN_S = 6.0
"""5 s of the fault matrix and what a loaded test machine adds."""


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[TestRoom]:
    """The test room, connected."""
    async with living(tmp_path) as found:
        yield found


@pytest.mark.parametrize("device", ["matrix", "camera"])
async def test_a_silent_device_is_shown_soon(room: TestRoom, device: str) -> None:
    """Connected and mute: offline within 5 s, with words for the host and its values marked as old."""
    room.simulators[device].faults.update("silent")
    await room.until(lambda: room.device(device).link is Link.OFFLINE, SHOWN_S)
    problem = room.device(device).problem
    assert problem is not None
    assert problem.code in (ErrorCode.TIMEOUT, ErrorCode.UNREACHABLE)
    assert problem.fix is not None
    assert not any(state.fresh for state in room.device(device).properties.values())
    room.simulators[device].faults.update("none")
    await room.until(lambda: room.device(device).link is Link.READY, 10)


@pytest.mark.parametrize("fault", ["garbage", "half", "join", "flip=0.2", "silent", "delay=2", "reset"])
async def test_one_bad_device_slows_no_other(room: TestRoom, fault: str) -> None:
    """Whatever the camera does, the matrix follows as quickly as ever, and the server lives."""
    room.simulators["camera"].faults.update(fault)
    await asyncio.sleep(0.3)
    took = []
    for step in range(5):
        began = time.monotonic()
        await room.live.desk.set("matrix", "volume.1", 20 + step * 5, by="host", press=f"fault-step-{step}")
        took.append(time.monotonic() - began)
    assert sorted(took)[2] < 0.5
    assert room.device("matrix").link is Link.READY


@pytest.mark.parametrize("fault", ["garbage", "join", "duplicate=2", "delay=0.05"])
async def test_a_scene_survives_a_noisy_line(room: TestRoom, fault: str) -> None:
    """Noise, joined frames and repeated answers on every line: the scene is achieved all the same."""
    for simulator in room.simulators.values():
        simulator.faults.update(fault)
    assert (await room.apply("meeting")).run.result is RunResult.ACHIEVED


async def test_a_wrong_password_goes_to_a_technician(tmp_path: Path) -> None:
    """The projector refuses our password: refused, not offline, and the fix names the secrets file."""
    text = ROOM.replace('at: "tcp://10.0.0.2:4352"', 'at: "tcp://10.0.0.2:4352", password: wrong')
    async with living(tmp_path, text, SCENES, ready=False, settings={"projector": {"password": "right"}}) as room:
        await room.until(lambda: room.device("projector").link is Link.REFUSED, 10)
        problem = room.device("projector").problem
        assert problem is not None
        assert problem.code is ErrorCode.WRONG_PASSWORD
        assert "rahasia" in (problem.fix.id if problem.fix else "")
        assert "right" not in problem.model_dump_json()
        assert "wrong" not in problem.detail


async def test_a_serial_port_in_use_names_its_owner(tmp_path: Path) -> None:
    """Another program holds the port: refused, and the technician reads which program."""
    master, other = os.openpty()
    path = os.ttyname(other)
    held = await open_transport(Address("serial", path=path))
    text = ROOM.replace('at: "tcp://10.0.0.1:23"', f'at: "serial://{path}?baud=9600"')
    try:
        async with living(tmp_path, text, SCENES, ready=False, real={"matrix"}) as room:
            await room.until(lambda: room.device("matrix").link is Link.REFUSED, 10)
            problem = room.device("matrix").problem
            assert problem is not None
            assert problem.code is ErrorCode.PORT_IN_USE
            assert str(os.getpid()) in problem.detail
    finally:
        held.close()
        os.close(master)
        os.close(other)


async def test_an_unreachable_device_never_keeps_the_room_waiting(tmp_path: Path) -> None:
    """Nobody listens at the address: the room is there at once, the device says what to look at."""
    text = ROOM.replace("10.0.0.2:4352", "127.0.0.1:9")
    async with living(tmp_path, text, SCENES, ready=False, real={"projector"}) as room:
        await room.until(lambda: room.device("matrix").link is Link.READY, 10)
        await room.until(lambda: room.device("projector").link is Link.OFFLINE, SHOWN_S)
        problem = room.device("projector").problem
        assert problem is not None
        assert problem.code is ErrorCode.UNREACHABLE
        assert (await room.apply("slides")).run.result is RunResult.ACHIEVED
