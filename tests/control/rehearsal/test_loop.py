"""The virtual clock: time jumps when nothing else is to be done, in order, and never stands still for ever."""

import asyncio
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smartroom.control import clock
from smartroom.control.rehearsal.loop import Stuck, VirtualLoop, run_virtual


def test_forty_minutes_pass_at_once() -> None:
    """Sleeping takes no real time, both clocks move by exactly what was slept."""

    async def sleep() -> tuple[float, float]:
        await asyncio.sleep(2400)
        return clock.monotonic(), clock.wall()

    begun = time.perf_counter()
    assert run_virtual(sleep(), 1_000_000.0) == (2400.0, 1_002_400.0)
    assert time.perf_counter() - begun < 1


@settings(max_examples=50)
@given(st.lists(st.floats(0.001, 3600), min_size=1, max_size=20))
def test_whatever_waits_is_woken_in_the_order_of_its_time(waits: list[float]) -> None:
    """Sleepers, deadlines and callbacks see the time they asked for, the earliest first, the same each time."""

    async def all_of_them() -> list[tuple[float, int]]:
        seen: list[tuple[float, int]] = []

        async def one(index: int, wait: float) -> None:
            await asyncio.sleep(wait)
            seen.append((clock.monotonic(), index))

        async with asyncio.TaskGroup() as group:
            for index, wait in enumerate(waits):
                group.create_task(one(index, wait))
        return seen

    seen = run_virtual(all_of_them(), 0.0)
    assert [at for at, _ in seen] == pytest.approx(sorted(waits))
    assert seen == run_virtual(all_of_them(), 0.0)


def test_a_deadline_ends_what_would_last_for_ever() -> None:
    """`asyncio.timeout` counts virtual seconds."""

    async def wait() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(900):
                await asyncio.Event().wait()
        return clock.monotonic()

    assert run_virtual(wait(), 0.0) == 900


def test_other_threads_are_waited_for() -> None:
    """What runs beside the loop takes real time and its answer arrives."""

    def slowly() -> int:
        time.sleep(0.05)
        return 7

    async def ask() -> int:
        return await asyncio.to_thread(slowly)

    assert run_virtual(ask(), 0.0) == 7


def test_a_motor_that_asks_too_soon_does_not_stop_the_clock() -> None:
    """A timer that is re-armed with ever smaller rests moves on: no wait takes no time at all."""

    async def settle() -> int:
        loop = asyncio.get_running_loop()
        arrived, asked = asyncio.Event(), 0

        def ask() -> None:
            nonlocal asked
            asked += 1
            rest = 100.0 - loop.time()
            if rest > 1e-5:
                loop.call_later(min(rest, 1.0) if asked < 90 else rest * 1e-12, ask)
            else:
                arrived.set()

        loop.call_later(99.9, ask)
        async with asyncio.timeout(200):
            await arrived.wait()
        return asked

    assert run_virtual(settle(), 0.0) < 200_000


def test_waiting_for_nobody_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that waits for something nobody will do is an error, not a program that hangs."""
    monkeypatch.setattr("smartroom.control.rehearsal.loop.PATIENCE_S", 0.05)

    async def wait() -> None:
        await asyncio.Event().wait()

    loop = VirtualLoop(0.0)
    with pytest.raises(Stuck):
        loop.run_until_complete(wait())
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
