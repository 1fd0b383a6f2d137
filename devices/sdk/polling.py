"""Reading a device's state: all of it after connecting, then bit by bit for ever."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from random import Random

from devices.sdk.commands import Query
from devices.sdk.driver import Driver
from devices.sdk.errors import DeviceError, NotSupported, ReplyTimeout, Unreachable

RECHECK_S = 60.0
"""A property that did not answer is asked again so rarely: each question without answer costs the line a timeout."""
GIVE_WAY_S = 0.3
"""A device that is being worked on is not asked what it shows in the same moment: the line is the scene's. Each question is put off once."""
GIVE_UP_AFTER = 2
"""So many members of one family of properties without an answer (`volume.1`, `volume.2`) speak for all of them."""


class Poll:
    """Asks one question at a time through `ask(query, attempts)`, so nobody waits behind more than one exchange.

    `worked_at`: when somebody else last wanted something of the device, by `clock`.
    """

    def __init__(
        self,
        driver: Driver,
        ask: Callable[[Query, int], Awaitable[object]],
        worked_at: Callable[[], float],
        clock: Callable[[], float],
        random: Random,
    ) -> None:
        self.unsupported: set[str] = set()
        self._driver = driver
        self._ask = ask
        self._worked_at = worked_at
        self._clock = clock
        self._random = random
        self._recheck_at = 0.0

    async def snapshot(self, answered: Callable[[Query], None]) -> None:
        """Read everything once, calling `answered` for each question that was. ReplyTimeout when nothing answers at all.

        A property that alone stays silent is unsupported: many devices say nothing to a command they do not know.
        """
        queries = self._driver.snapshot()
        quiet: Counter[str] = Counter()
        lively = not queries
        for query in queries:
            if quiet[_kind(query)] >= GIVE_UP_AFTER:
                self.unsupported.add(query.property)
                continue
            try:
                await self._ask(query, self._driver.manifest.timing.retries + 1)
            except ReplyTimeout:
                self.unsupported.add(query.property)
                quiet[_kind(query)] += 1
                continue
            except NotSupported:
                self.unsupported.add(query.property)
            except Unreachable:
                raise
            except DeviceError:  # not now: asked again by the poll
                pass
            else:
                answered(query)
            lively = True
        if not lively:
            raise ReplyTimeout("connected, but the device does not answer")
        self._recheck_at = self._clock() + RECHECK_S

    async def run(self) -> None:
        """Keep reading: the whole state every `poll_s`, spread evenly; a keep-alive when the line idles longer than `keepalive_s`."""
        timing = self._driver.manifest.timing
        queries = self._driver.snapshot()
        step = timing.poll_s / len(queries) if queries and timing.poll_s else float("inf")
        pause = min([step, *([timing.keepalive_s] if timing.keepalive_s else [])])
        if pause == float("inf"):
            return
        # Somewhere within its first step: devices that were connected together would otherwise be asked together for ever.
        at, due, put_off = 0, self._clock() + step * self._random.random(), False
        while True:
            await asyncio.sleep(max(0.0, min(pause, due - self._clock())))
            if self._clock() < due:
                if alive := self._driver.keepalive():
                    await self._once(alive)
                continue
            put_off = not put_off and self._clock() - self._worked_at() < GIVE_WAY_S
            if put_off:
                due += GIVE_WAY_S
                continue
            due = max(due + step, self._clock())
            query, at = queries[at % len(queries)], at + 1
            if query.property not in self.unsupported:
                await self._once(query)
            elif self._clock() >= self._recheck_at:
                self._recheck_at = self._clock() + RECHECK_S / len(self.unsupported)
                if await self._once(query):
                    self.unsupported.discard(query.property)

    async def _once(self, query: Query) -> bool:
        """Ask; False without a value."""
        try:
            await self._ask(query, 1)
        except Unreachable:
            raise
        except DeviceError:
            return False
        return True


def _kind(query: Query) -> str:
    name, dot, channel = query.property.rpartition(".")
    return name if dot and channel.isdigit() else query.property
