"""Commands that follow by themselves: the stop of a camera head that nobody steers any more."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from devices.sdk.commands import Command, Priority
from devices.sdk.driver import Driver, FollowUp
from devices.sdk.errors import Busy, Retryable, Superseded
from devices.sdk.queue import Answer, CommandQueue, Job

INSIST_FIRST_S = 0.2
INSIST_LONGEST_S = 5.0
"""One that fails is tried again after the first, doubling up to the second."""

log = logging.getLogger(__name__)


class FollowUps:
    """Plans them, queues them when due, insists until the device took them; what falls due without a connection is owed to the next one."""

    def __init__(
        self, driver: Driver, queue: CommandQueue, connected: Callable[[], bool], wake: Callable[[], None]
    ) -> None:
        self._driver = driver
        self._queue = queue
        self._connected = connected
        self._wake = wake
        self._planned: dict[str, tuple[asyncio.TimerHandle, Command]] = {}
        self._owed: dict[str, Command] = {}

    def plan(self, follow_up: FollowUp) -> None:
        """Take the place of one of the same name; without a command only call that off."""
        if planned := self._planned.pop(follow_up.name, None):
            planned[0].cancel()
        self._owed.pop(follow_up.name, None)
        if follow_up.command is not None:
            self._later(follow_up.after, follow_up.name, follow_up.command, INSIST_FIRST_S)

    def settle(self) -> None:
        """The connection is back: what is owed goes out first."""
        while self._owed:
            self._due(*self._owed.popitem(), INSIST_FIRST_S)

    def cancel(self) -> tuple[Command, ...]:
        """Call everything off; returns what will not happen now."""
        commands = tuple(command for _, command in self._planned.values())
        for timer, _ in self._planned.values():
            timer.cancel()
        self._planned.clear()
        return commands

    def _later(self, seconds: float, name: str, command: Command, insist_after: float) -> None:
        timer = asyncio.get_running_loop().call_later(seconds, self._due, name, command, insist_after)
        self._planned[name] = (timer, command)

    def _due(self, name: str, command: Command, insist_after: float) -> None:
        self._planned.pop(name, None)
        if not self._connected():
            self._owed[name] = command
            return

        def again() -> None:
            if name not in self._planned and name not in self._owed:
                self._later(insist_after, name, command, min(insist_after * 2, INSIST_LONGEST_S))

        def answered(answer: asyncio.Future[Answer]) -> None:
            error = answer.exception()
            if isinstance(error, Retryable):
                again()
            elif error is not None and not isinstance(error, Superseded):
                log.warning("%s: %s was refused: %s", self._driver.manifest.family, command, error)

        job = Job(command, self._driver.encode(command), Priority.SAFETY, name, attempts=2)
        try:
            self._queue.put(job)
        except Busy:
            again()
        else:
            job.waiter().add_done_callback(answered)
            self._wake()
