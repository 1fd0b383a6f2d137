"""A poll never stands in a scene's way, and never starves."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from random import Random

import pytest

from devices.sdk import Query
from devices.sdk.polling import GIVE_WAY_S, Poll
from tests.devices.sdk.toy import MANIFEST, Toy

STEP_S = 0.05


async def polled(*, working: bool, questions: int) -> list[float]:
    """When so many questions were asked of a device that is worked on all the time, or never."""
    loop = asyncio.get_running_loop()
    toy = Toy()
    timing = MANIFEST.timing.model_copy(update={"poll_s": STEP_S * len(toy.snapshot())})
    toy.manifest = MANIFEST.model_copy(update={"timing": timing})
    asked: list[float] = []
    enough = asyncio.Event()

    async def ask(_query: Query, _attempts: int) -> None:
        asked.append(loop.time())
        if len(asked) == questions:
            enough.set()

    poll = Poll(toy, ask, lambda: loop.time() if working else float("-inf"), loop.time, Random(1))
    task = asyncio.create_task(poll.run())
    await enough.wait()
    task.cancel()
    return asked


@pytest.mark.parametrize(("working", "apart"), [(False, STEP_S), (True, STEP_S + GIVE_WAY_S)])
async def test_a_question_is_put_off_once_while_the_device_is_worked_on(*, working: bool, apart: float) -> None:
    """One that is left alone is asked each step; one that is worked on without end is asked more seldom, and still asked."""
    times = await polled(working=working, questions=4)
    gaps = [after - before for before, after in pairwise(times)]
    assert sum(gaps) >= apart * len(gaps) - 0.02
    assert working or min(gaps) < GIVE_WAY_S
