r"""Tests that read like a talk: what must go out, what the device says to it, what we then know.

    async with conversation(driver, answers={b"Q": b"1.07\r\n"}) as talk:
        talk.expect(b"1*3!")
        talk.reply(b"Out03 In01 All\r\n")
        await talk.execute(Set("route.3", 1))

A technician writes one from the maker's manual. A real session runs over a line in memory, so pacing, retries and attribution are the real ones.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from devices.sdk.address import Address
from devices.sdk.commands import Command
from devices.sdk.connection import LinkState
from devices.sdk.driver import Driver
from devices.sdk.errors import DeviceError
from devices.sdk.readings import Reading, Value
from devices.sdk.session import Session
from devices.sdk.testing.rig import PATIENCE_S, AtOnce, Witness, quick
from devices.sdk.transport import memory

FINISH_S = 2.0
"""What the script still expects at the end of a talk must come within this time."""
_numbers = itertools.count(1)
UNDISTURBED: Mapping[str, float] = {"poll_s": 0, "keepalive_s": 0}
"""Nothing is asked but what the test asks."""


@dataclass(frozen=True, slots=True)
class _Expected:
    payload: bytes


@dataclass(frozen=True, slots=True)
class _Reply:
    payload: bytes


class Talk:
    """The device's side of a talk: `expect` and `reply` write the script, the rest plays it."""

    def __init__(self, session: Session, told: Witness, answers: Mapping[bytes, bytes], greeting: bytes) -> None:
        self.session = session
        self.told = told
        self._answers = dict(answers)
        self._greeting = greeting
        self._script: deque[_Expected | _Reply] = deque()
        self._unexpected: list[bytes] = []
        self._line: memory.MemoryTransport | None = None
        self._accepted: asyncio.Queue[memory.MemoryTransport] = asyncio.Queue(maxsize=8)

    def expect(self, payload: bytes) -> None:
        """Next in the script: exactly these bytes must come."""
        self._script.append(_Expected(payload))

    def reply(self, payload: bytes) -> None:
        """Next in the script: the device says this."""
        self._script.append(_Reply(payload))

    def say(self, payload: bytes) -> None:
        """The device says this now, unasked."""
        assert self._line is not None, "nobody is connected"
        self._line.write(payload)

    def hang_up(self) -> None:
        """The device ends the connection."""
        assert self._line is not None, "nobody is connected"
        self._line.close()

    async def execute(self, command: Command, **how: object) -> None:
        """Carry out a command and see that the script was followed to its end."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self.session.execute(command, **how)  # type: ignore[arg-type]  # passed through as given
        finally:
            self.check()

    async def read(self, name: str) -> Value:
        """Ask for a property and see that the script was followed to its end."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                return (await self.session.read(name)).value
        finally:
            self.check()

    async def fails(self, command: Command) -> DeviceError:
        """Carry out a command that must fail; returns how it did."""
        try:
            await self.execute(command)
        except DeviceError as error:
            return error
        raise AssertionError(f"{command} was carried out, but should have failed")

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something to become true."""
        async with asyncio.timeout(PATIENCE_S):
            while not condition():  # noqa: ASYNC110  # the session has no event for tests
                await asyncio.sleep(0.001)

    async def hears(self, name: str, value: Value) -> Reading:
        """Wait until the session knows this value."""
        await self.until(lambda: (reading := self.session.reading(name)) is not None and reading.value == value)
        reading = self.session.reading(name)
        assert reading is not None
        return reading

    async def finish(self) -> None:
        """Give what follows by itself (a dead-man stop) the time to come, then check."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FINISH_S):
                while self._script:  # noqa: ASYNC110  # the script is no task to wait for
                    await asyncio.sleep(0.001)
        self.check()

    def check(self) -> None:
        """AssertionError when something came that was not expected, or something expected did not come."""
        unexpected, self._unexpected = self._unexpected, []
        left = [step.payload for step in self._script if isinstance(step, _Expected)]
        self._script.clear()
        assert not unexpected, f"the driver sent {unexpected}" + (
            f" instead of {left}" if left else ", which nobody expected"
        )
        assert not left, f"the driver never sent {left}"

    # -- the device's side --

    async def listen(self) -> None:
        """Answer each new connection, for ever."""
        while True:
            self._line = await self._accepted.get()
            if self._greeting:
                self._line.write(self._greeting)
            try:
                while True:
                    self._hear(await self._line.receive())
            except DeviceError:
                continue

    def accept(self, line: memory.MemoryTransport) -> None:
        """A driver connects."""
        self._accepted.put_nowait(line)

    def _hear(self, payload: bytes) -> None:
        if self._script and self._script[0] == _Expected(payload):
            self._script.popleft()
            while self._script and isinstance(self._script[0], _Reply):
                self.say(self._script.popleft().payload)
        elif payload in self._answers:
            self.say(self._answers[payload])
        else:
            self._unexpected.append(payload)


@asynccontextmanager
async def conversation(
    driver: Driver,
    *,
    answers: Mapping[bytes, bytes] | None = None,
    greeting: bytes = b"",
    timing: Mapping[str, float] | None = None,
    state: LinkState = LinkState.READY,
) -> AsyncIterator[Talk]:
    """A talk with a driver whose session has come to `state`. `answers`: what the device says at any time, for login and snapshot."""
    driver.manifest = quick(driver.manifest, {**UNDISTURBED, **(timing or {})})
    name, told = f"talk-{next(_numbers)}", Witness()
    session = Session(driver, Address("memory", path=name), told, random=AtOnce())
    talk = Talk(session, told, answers or {}, greeting)
    stop = memory.listen(name, talk.accept)
    try:
        async with asyncio.TaskGroup() as tasks:
            listening, life = tasks.create_task(talk.listen()), tasks.create_task(session.run())
            try:
                await talk.until(lambda: session.status.state is state)
                talk.check()
                yield talk
                await talk.finish()
            finally:
                listening.cancel()
                life.cancel()
    finally:
        stop()
