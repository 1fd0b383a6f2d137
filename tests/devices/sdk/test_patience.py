"""Deadlines that share one timer."""

from __future__ import annotations

import asyncio

from devices.sdk.patience import Patience


async def test_each_expires_in_its_time_and_the_forgotten_never() -> None:
    """The earliest first although it came last; what ended in time is not called."""
    patience, expired = Patience(), list[str]()
    done = asyncio.Event()
    now = asyncio.get_running_loop().time()
    patience.until("last", now + 0.05, done.set)
    patience.until("late", now + 0.04, lambda: expired.append("late"))
    patience.until("forgotten", now + 0.03, lambda: expired.append("forgotten"))
    patience.until("soon", now + 0.01, lambda: expired.append("soon"))
    patience.forget("forgotten")
    async with asyncio.timeout(2):
        await done.wait()
    assert expired == ["soon", "late"]


async def test_who_expires_may_be_patient_again() -> None:
    """A deadline set anew from its own expiry is kept."""
    patience, expired = Patience(), list[int]()
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    def again() -> None:
        expired.append(len(expired))
        if len(expired) < 3:
            patience.until("one", loop.time() + 0.005, again)
        else:
            done.set()

    patience.until("one", loop.time() + 0.005, again)
    async with asyncio.timeout(2):
        await done.wait()
    assert expired == [0, 1, 2]


async def test_nothing_expires_after_the_end() -> None:
    """Closed: the timer is called off, and a forgotten one leaves none behind that rings for nobody."""
    patience, expired = Patience(), list[str]()
    patience.until("one", asyncio.get_running_loop().time() + 0.01, lambda: expired.append("one"))
    patience.close()
    await asyncio.sleep(0.03)
    assert expired == []
