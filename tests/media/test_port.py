"""When a worker wakes up: packets wake it, checks only where no packet does."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from smartroom.protocol import media as say
from tests.media.conftest import Room, in_virtual_time
from tests.media.rtcclient import Client, Publisher

FRAME = 0.03  # s


async def busy(room: Room) -> tuple[Client, Publisher]:
    """Somebody who has sent pictures for a while."""
    client, [camera] = await room.publisher("ana")
    for _ in range(30):
        camera.frame()
        await asyncio.sleep(FRAME)
    return client, camera


async def _send(camera: Publisher) -> None:
    while True:
        camera.frame()
        await asyncio.sleep(FRAME)


@in_virtual_time
async def test_while_packets_come_a_check_wakes_nobody_and_is_answered_with_the_next_one(room: Room) -> None:
    """RFC 7675 wants an answer, not at once; a waking for each would cost what ten forwards cost."""
    client, camera = await busy(room)
    checks = room.worker.port.counters.stun
    client.validated.clear()
    client._check()
    await asyncio.sleep(FRAME / 2)
    assert room.worker.port.counters.stun == checks
    camera.frame()
    await asyncio.sleep(FRAME / 2)
    assert room.worker.port.counters.stun == checks + 1
    assert client.validated.is_set()


@in_virtual_time
async def test_where_no_packet_comes_a_check_is_answered_at_once(room: Room) -> None:
    """Whoever joins a silent room does not wait; nor does he long where the last packet has just come."""
    client, _ = await busy(room)
    client.validated.clear()
    client._check()
    await asyncio.sleep(0.6)
    assert client.validated.is_set()
    client.validated.clear()
    client._check()
    await asyncio.sleep(0.001)
    assert client.validated.is_set()


@in_virtual_time
async def test_who_joins_is_answered_at_once_while_packets_come(room: Room) -> None:
    """His first check wakes the worker, though others send pictures."""
    _, camera = await busy(room)
    sending = asyncio.create_task(_send(camera))
    await asyncio.sleep(1)
    guest = Client()
    answer = await room.worker.obey(say.Publish(room=room.name, peer="budi", sdp=guest.offer()))
    assert isinstance(answer, say.Description)
    asked = asyncio.get_running_loop().time()
    joining = asyncio.create_task(guest.connect(answer.sdp))
    await guest.validated.wait()
    assert asyncio.get_running_loop().time() - asked < FRAME / 10
    await joining
    await asyncio.sleep(0.5)
    assert not room.worker.port._prompt, "and then checks wait again"
    await guest.close()
    sending.cancel()


@in_virtual_time
async def test_who_has_moved_is_known_before_what_he_sends(room: Room) -> None:
    """A check from a new address is taken in before the packet that came with it: not one is dropped as a stranger's."""
    client, camera = await busy(room)
    client.move()
    camera.frame()
    await asyncio.sleep(FRAME)
    assert room.worker.port.counters.stranger == 0


@pytest.mark.parametrize("busy", [False, True])
@in_virtual_time
async def test_a_worker_gives_signs_of_life_by_itself(room: Room, *, busy: bool) -> None:
    """Two a second or more, whether packets come or none: control waits a second and a half for one."""
    signs: list[float] = []
    room.worker.on_sign = lambda: signs.append(asyncio.get_running_loop().time())
    _, [camera] = await room.publisher("ana")
    sending = asyncio.create_task(_send(camera)) if busy else None
    await asyncio.sleep(10)
    assert all(after - before < 0.6 for before, after in pairwise(signs))
    assert len(signs) >= 16
    if sending:
        sending.cancel()
