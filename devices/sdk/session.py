"""One device for its whole life: connect, log in, read everything, carry out commands, poll, come back after every failure."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from random import Random

from devices.sdk.address import Address
from devices.sdk.commands import Command, Priority, Query, Salvo, Set
from devices.sdk.connection import Connection, Counters, LinkState, LinkStatus, Observer, Rested
from devices.sdk.driver import Driver
from devices.sdk.errors import Busy, ConfigurationError, DeviceError, Refused, ReplyTimeout, Unreachable
from devices.sdk.follow_ups import FollowUps
from devices.sdk.observing import Guarded
from devices.sdk.patience import Patience
from devices.sdk.polling import Poll
from devices.sdk.queue import Answer, CommandQueue, Job, Motion
from devices.sdk.readings import Reading, ReadingSource
from devices.sdk.transport.base import open_transport
from devices.sdk.wear import Wear

BACKOFF_FIRST_S = 0.5
BACKOFF_LONGEST_S = 30.0
BACKOFF_SHARE = 0.25
"""Never wait longer than this share of the time the device was away: who was off for 20 s is found within 5 s, and the waits grow exponentially."""
COMMAND_LIMIT_S = 30.0
"""Waiting and sending together, when the caller names no time of its own: a queue of 64 slow commands needs less."""

BUSY_PATIENCE_S = 2.0
"""A device that says it is busy for a moment (a full command buffer) is asked again for so long; then the caller decides."""
BUSY_MOMENT_S = 0.2
"""What counts as a moment: longer waits (a warming lamp) are the caller's."""
STEADY_S = 2.0
MAX_BRIEF = 4
"""A device that hangs up sooner than this after it was read, more often than this in a row, is not resting but failing."""
PARTING_S = 0.5
"""For follow-ups when the session is stopped; a server that shuts down waits no longer for one device."""

log = logging.getLogger(__name__)

_TOLD = frozenset({ReadingSource.QUERY, ReadingSource.UNSOLICITED})
_NOTES = {priority: priority.name.lower() for priority in Priority}


def backoff(away: float, random: Random) -> float:
    """Seconds to wait before the next attempt after being away so long: full jitter up to a ceiling that grows from 0.5 to 30 s."""
    return random.uniform(0.0, min(BACKOFF_LONGEST_S, max(BACKOFF_FIRST_S, away * BACKOFF_SHARE)))


class Session:
    """A device that is kept connected. `run` lives in the owner's TaskGroup; everything else may be called at any time."""

    def __init__(
        self,
        driver: Driver,
        address: Address,
        observer: Observer,
        *,
        clock: Callable[[], float] = time.monotonic,
        random: Random | None = None,
    ) -> None:
        self.driver = driver
        self.address = address
        self.counters = Counters()
        self._observer = Guarded(observer)
        self._clock = clock
        self._random = random or Random()  # noqa: S311  # jitter, not secrecy
        self._status = LinkStatus(LinkState.CONNECTING, clock())
        self._epoch = 0
        self._queue = CommandQueue()
        self._wake = asyncio.Event()
        self._connection: Connection | None = None
        self._poll: Poll | None = None
        self._worked_at = float("-inf")
        self._follow_ups = FollowUps(driver, self._queue, lambda: self._connection is not None, self._wake.set)
        self._complained = False
        self._whole = False
        """True when this connection has read everything: only then is its end perhaps a rest."""
        self._whole_at = 0.0
        self._brief = 0
        self._wear = Wear(driver, self.reading, clock)
        self._patience = Patience()
        driver.attach(address)

    @property
    def status(self) -> LinkStatus:
        """State of the connection."""
        return self._status

    @property
    def epoch(self) -> int:
        """Connections so far; a reading of an older one is not fresh."""
        return self._epoch

    @property
    def waiting(self) -> int:
        """Commands in the queue."""
        return len(self._queue)

    @property
    def unsupported(self) -> frozenset[str]:
        """Properties this device did not answer for on this connection."""
        return frozenset(self._poll.unsupported if self._poll else ())

    def reading(self, name: str) -> Reading | None:
        """Last reading of a property, of any epoch."""
        return self._observer.readings.get(name)

    async def run(self) -> None:
        """Connect and stay connected for ever. Ends by cancellation only; then everything is closed and every waiter told."""
        lost_at: float | None = None
        try:
            while True:
                if self._status.state is not LinkState.READY:
                    self._set_status(LinkState.CONNECTING)
                error = await self._live()
                if isinstance(error, Rested) and self._was_steady():
                    log.debug("%s %s: %s", self.driver.manifest.family, self.address, error)
                    await self._rest()
                    continue
                self._queue.clear(Unreachable(f"{self.address}: the connection was lost"))
                if self._status.state is LinkState.READY or lost_at is None:
                    lost_at = self._clock()
                refused = isinstance(error, ConfigurationError)
                wait = BACKOFF_LONGEST_S if refused else backoff(self._clock() - lost_at, self._random)
                self._complain(error)
                self._set_status(LinkState.REFUSED if refused else LinkState.OFFLINE, error, wait)
                await asyncio.sleep(wait)
        finally:
            self._follow_ups.cancel()
            self._queue.clear(Unreachable("the session was stopped"))
            self._patience.close()
            self._set_status(LinkState.STOPPED)

    async def execute(
        self,
        command: Command,
        *,
        priority: Priority = Priority.OPERATOR,
        name: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109  # a plan's deadline for the whole of it
        wait_done: bool = False,
    ) -> None:
        """Carry out a command; returns when the device acknowledged it, with `wait_done` when it finished moving. An ack is no state: read afterwards.

        BadSetting and NotSupported before anything is sent; Unreachable at once when not READY; Busy when too much waits; Superseded by a newer
        command of the same `name`; Refused with the device's code; ReplyTimeout, also after `timeout` seconds in all.
        """
        await self._submit(command, priority, name, timeout or COMMAND_LIMIT_S, wait_done=wait_done)

    async def read(self, name: str, *, priority: Priority = Priority.OPERATOR, timeout: float | None = None) -> Reading:  # noqa: ASYNC109  # as above
        """Ask the device now and return the reading of this answer; errors as `execute`."""
        answer = await self._submit(Query(name), priority, None, timeout or COMMAND_LIMIT_S)
        if answer.reading is None:
            raise ReplyTimeout(f"'{name}' was asked, but the answer held no value")
        if self._poll is not None:
            self._poll.unsupported.discard(name)
        return answer.reading

    # -- waiting for an answer --

    async def _submit(
        self, command: Command, priority: Priority, name: str | None, limit: float, *, wait_done: bool = False
    ) -> Answer:
        frames = self.driver.encode(command)
        if self._status.state is not LinkState.READY:
            raise Unreachable(
                f"{self.address} is {self._status.state}" + (f": {self._status.error}" if self._status.error else "")
            )
        job = Job(command, frames, priority, name, attempts=self.driver.manifest.timing.retries + 1)
        return await self._wait(job, limit, wait_done=wait_done)

    async def _wait(self, job: Job, limit: float | None, *, wait_done: bool = False) -> Answer:
        job.asked_at = self._clock()
        if job.priority is not Priority.POLL:
            self._worked_at = job.asked_at
        job = self._queue.put(job)
        waiter = job.waiter()
        self._wake.set()
        loop = asyncio.get_running_loop()
        gives_up_at = loop.time() + (limit or 0)

        def give_up() -> None:
            if not waiter.done():
                waiter.set_exception(ReplyTimeout(f"not carried out within {limit:g} s"))

        if limit is not None:
            self._patience.until(waiter, gives_up_at, give_up)
        try:
            answer = await waiter
            if wait_done and answer.motion is not None:
                await self._moved(answer.motion, None if limit is None else gives_up_at - loop.time())
            return answer
        finally:
            self._patience.forget(waiter)
            job.waiters.remove(waiter)
            if not job.waiters and job.outcome is None and self._queue.discard(job):
                job.fail(ReplyTimeout("withdrawn"))

    async def _moved(self, motion: Motion, remaining: float | None) -> None:
        deadline = asyncio.timeout(remaining)
        try:
            async with deadline:
                await asyncio.shield(motion.done)
        except TimeoutError:
            if not deadline.expired():
                raise
            raise ReplyTimeout("the motion did not end in time") from None

    # -- one connection --

    async def _live(self) -> DeviceError:
        """One connection from beginning to end; returns why it ended. After a rest the device stays READY meanwhile, and what waits is carried out first."""
        timing = self.driver.manifest.timing
        resumed = self._status.state is LinkState.READY
        self._whole = False
        connection: Connection | None = None
        try:
            async with asyncio.timeout(timing.connect_timeout_ms / 1000):
                transport = await open_transport(self.address)
            self._epoch += 1
            self.driver.reset()
            connection = Connection(
                self.driver,
                transport,
                self._epoch,
                self._observer,
                self._patience,
                clock=self._clock,
                counters=self.counters,
                freed=self._wake.set,
            )
            if not resumed:
                self._set_status(LinkState.LOGIN)
            await connection.login()
            if resumed:
                self._set_status(LinkState.READY)  # a new epoch: what was read before the rest is not fresh any more
            self._connection = connection
            return await self._serve(connection)
        except TimeoutError:
            return Unreachable(f"{self.address} does not answer: cable, power, address?")
        except DeviceError as error:
            return error
        except OSError as error:  # of a kind no transport names: still only this device's trouble
            return Unreachable(f"{self.address}: {error.strerror or error}")
        except asyncio.CancelledError:
            if self._connection is not None:
                await self._part(self._connection)
            raise
        finally:
            self._connection = None
            if connection is not None:
                connection.close()

    async def _serve(self, connection: Connection) -> DeviceError:
        """Talk, work and poll until the connection ends; returns why."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._work(connection), name=f"{self.address} work")
                tasks.create_task(self._keep_reading(connection), name=f"{self.address} poll")
                # In the body: before Python 3.13 a failure met in __aexit__ leaves the task marked as cancelled.
                await connection.talk()
        except BaseExceptionGroup as group:
            expected, bugs = group.split(DeviceError)
            if bugs is not None:
                raise
            task = asyncio.current_task()
            if task is not None and task.cancelling():  # it met the end of the connection: the group would hide it
                raise asyncio.CancelledError from None
            return _first(expected)
        return _first(None)

    async def _keep_reading(self, connection: Connection) -> None:
        async def ask(query: Query, attempts: int) -> Answer:
            return await self._wait(Job(query, self.driver.encode(query), Priority.POLL, attempts=attempts), None)

        self._follow_ups.settle()
        self._poll = Poll(self.driver, ask, lambda: self._worked_at, self._clock, self._random)
        await self._poll.snapshot(connection.answered)
        self._whole, self._whole_at = True, self._clock()
        if self._status.state is not LinkState.READY:
            self._set_status(LinkState.READY)
        self._rejoice()
        if self.driver.holds_line:
            await self._poll.run()
        else:
            await self._release(connection)

    async def _release(self, connection: Connection) -> None:
        """Give the line back when nothing has been said on it for a while."""
        pause = self.driver.manifest.timing.release_s
        while True:
            left = pause - connection.quiet_s
            if left <= 0 and connection.idle and not self._queue:
                break
            await asyncio.sleep(max(left, pause / 4))
        connection.fail(Rested("given back to other controllers"))

    async def _rest(self) -> None:
        """Leave a device alone that wants its line back, until a command waits or the next poll is due; another one is called back at once."""
        if not self.driver.holds_line:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.driver.manifest.timing.poll_s or None):
                    while not self._queue:
                        self._wake.clear()
                        await self._wake.wait()

    def _was_steady(self) -> bool:
        """True when the end of this connection may be called a rest."""
        brief = self.driver.holds_line and self._clock() - self._whole_at < STEADY_S
        self._brief = self._brief + 1 if brief else 0
        return self._whole and self._brief <= MAX_BRIEF

    async def _work(self, connection: Connection) -> None:
        """Carry out what waits, one command at a time."""
        while True:
            job = self._queue.take(lambda job: self._may_go(connection, job))
            if job is None:
                self._wake.clear()
                await self._wake.wait()
                continue
            try:
                job.succeed(self._told_meanwhile(job) or await self._carry_out(connection, job))
            except DeviceError as error:
                job.fail(error)
            finally:
                if job.outcome is None:
                    job.fail(Unreachable(f"{self.address}: the connection was lost before the answer"))

    def _told_meanwhile(self, job: Job) -> Answer | None:
        """The answer to a question that another answer, or the device by itself, gave since it was asked: many tell several properties."""
        if not isinstance(job.command, Query):
            return None
        reading = self.reading(job.command.property)
        told = reading is not None and reading.epoch == self._epoch and reading.at > job.asked_at
        return Answer(reading) if told and reading is not None and reading.source in _TOLD else None

    def _may_go(self, connection: Connection, job: Job) -> bool:
        if connection.ended:  # given back this very moment: it goes out on the next one
            return False
        if (
            isinstance(job.command, Query)
            or job.priority is Priority.SAFETY
            or len(connection.executing) < self.driver.manifest.timing.max_executing
        ):
            return True
        return bool(self.driver.preempt(job.command))

    async def _carry_out(self, connection: Connection, job: Job) -> Answer:
        self._wear.admit(job.command, urgent=job.priority is Priority.SAFETY)
        follow_ups = self.driver.follow_ups(job.command)
        for follow_up in follow_ups:
            if follow_up.command is not None:  # armed before anything is sent, since an acknowledgement may get lost
                self._follow_ups.plan(follow_up)
        answer = await self._send(connection, job)
        for follow_up in follow_ups:
            if follow_up.command is None:
                self._follow_ups.plan(follow_up)
        sets = job.command.sets if isinstance(job.command, Salvo) else (job.command,)
        for item in sets:
            if isinstance(item, Set) and not self.driver.spec(item.property).readable:
                written = Reading(item.property, item.value, self._clock(), self._epoch, ReadingSource.WRITTEN)
                self._observer.reading(written)
        return answer

    async def _send(self, connection: Connection, job: Job) -> Answer:
        """Clear the way and send; ask again while the device is busy for moments only and nothing more urgent waits."""
        give_up_at = self._clock() + BUSY_PATIENCE_S
        while True:
            for command in self.driver.preempt(job.command):
                try:
                    await connection.exchange(command, self.driver.encode(command), note="first")
                except (Refused, Busy, ReplyTimeout) as error:
                    log.debug("%s: %s before %s: %s", self.address, command, job.command, error)
            try:
                return await connection.exchange(
                    job.command, job.frames, attempts=job.attempts, note=_NOTES[job.priority]
                )
            except Busy as busy:
                urgent = any(waiting.priority < job.priority for waiting in self._queue)
                if busy.retry_after > BUSY_MOMENT_S or urgent or self._clock() >= give_up_at:
                    raise
                await asyncio.sleep(busy.retry_after)

    async def _part(self, connection: Connection) -> None:
        """The session is stopped: what was to follow is sent now, since nobody will be there later."""
        commands = [*self._follow_ups.cancel()]
        commands += [job.command for job in self._queue if job.priority is Priority.SAFETY]
        with contextlib.suppress(DeviceError, TimeoutError):
            async with asyncio.timeout(PARTING_S):
                for command in commands:
                    for part in (*self.driver.preempt(command), command):
                        for frame in self.driver.encode(part):
                            await connection.write(self.driver.stamp(frame), "last")

    # -- telling --

    def _set_status(self, state: LinkState, error: DeviceError | None = None, retry_in: float | None = None) -> None:
        since = self._status.since if state is self._status.state else self._clock()
        self._status = LinkStatus(state, since, self._epoch, error, retry_in)
        self._observer.link(self._status)

    def _complain(self, error: DeviceError) -> None:
        """Loud once, then quiet."""
        log.log(
            logging.DEBUG if self._complained else logging.WARNING,
            "%s %s: %s",
            self.driver.manifest.family,
            self.address,
            error,
        )
        self._complained = True

    def _rejoice(self) -> None:
        if self._complained:
            log.info("%s %s: back", self.driver.manifest.family, self.address)
        self._complained = False


def _first(group: BaseExceptionGroup[DeviceError] | None) -> DeviceError:
    """The first error of a group: the one that ended the connection."""
    for error in group.exceptions if group is not None else ():
        return _first(error) if isinstance(error, BaseExceptionGroup) else error
    return Unreachable("the connection ended")
