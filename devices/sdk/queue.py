"""The order in which one device's commands go out. Pure bookkeeping: no clock, no socket, no task."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from devices.sdk.commands import Command, Frames, Priority, Query
from devices.sdk.errors import Busy, DeviceError, Superseded
from devices.sdk.readings import Reading

CAPACITY = 64
"""More waiting commands than this means nobody looks at the room any more."""


@dataclass(slots=True)
class Motion:
    """A command the device accepted and is still carrying out (a VISCA socket)."""

    token: int
    done: asyncio.Future[None]


@dataclass(frozen=True, slots=True)
class Answer:
    """How an exchange ended: the reading a query asked for, or the motion a command started."""

    reading: Reading | None = None
    motion: Motion | None = None


@dataclass(slots=True, eq=False)
class Job:
    """One command on its way: waiting, then on the line, then answered."""

    command: Command
    frames: Frames
    priority: Priority
    name: str | None = None
    attempts: int = 1
    asked_at: float = 0.0
    """When somebody last asked for it, session clock: a reading made since answers a question as well as one of its own."""
    waiters: list[asyncio.Future[Answer]] = field(default_factory=list)
    outcome: Answer | DeviceError | None = None
    """None until it is told."""

    def waiter(self) -> asyncio.Future[Answer]:
        """A future of one's own: whoever gives up takes nothing from the others."""
        mine: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.waiters.append(mine)
        return mine

    def succeed(self, answer: Answer) -> None:
        """Tell who waits; nothing when already told."""
        if self.outcome is None:
            self.outcome = answer
            for waiter in self.waiters:
                if not waiter.done():
                    waiter.set_result(answer)

    def fail(self, error: DeviceError) -> None:
        """Tell who waits; nothing when already told."""
        if self.outcome is None:
            self.outcome = error
            for waiter in self.waiters:
                if not waiter.done():
                    waiter.set_exception(error)
                    waiter.exception()  # seen: a follow-up's may have nobody left


class CommandQueue:
    """Waiting jobs by priority, first in first out inside one priority.

    A newer job with the same name takes the older one's place; identical queries are asked once; when full, a poll is dropped and a press is refused.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._lanes: dict[Priority, list[Job]] = {priority: [] for priority in Priority}

    def __len__(self) -> int:
        return sum([len(lane) for lane in self._lanes.values()])

    def __iter__(self) -> Iterator[Job]:
        for lane in self._lanes.values():
            yield from lane

    def put(self, job: Job) -> Job:
        """Add a job; returns the one to wait for, which is an older one when that asks the same. Busy when there is no room."""
        if (older := self._named(job.name)) is not None:
            self._replace(older, job)
            older.fail(Superseded(f"replaced by a newer '{job.name}'"))
            return job
        if (same := self._same_query(job)) is not None:
            if job.priority < same.priority:
                self._lanes[same.priority].remove(same)
                same.priority = job.priority
                self._lanes[job.priority].append(same)
            same.attempts = max(same.attempts, job.attempts)
            same.asked_at = max(same.asked_at, job.asked_at)
            return same
        if len(self) >= self._capacity:
            self._make_room(job.priority)
        self._lanes[job.priority].append(job)
        return job

    def take(self, may_go: Callable[[Job], bool]) -> Job | None:
        """Remove and return the first job that may go now; None when there is none."""
        for lane in self._lanes.values():
            for index, job in enumerate(lane):
                if may_go(job):
                    return lane.pop(index)
        return None

    def discard(self, job: Job) -> bool:
        """Withdraw a job nobody waits for any more; False when it is not waiting."""
        lane = self._lanes[job.priority]
        if job not in lane:
            return False
        lane.remove(job)
        return True

    def clear(self, error: DeviceError) -> None:
        """Fail everything that waits."""
        for lane in self._lanes.values():
            waiting, lane[:] = list(lane), []
            for job in waiting:
                job.fail(error)

    def _named(self, name: str | None) -> Job | None:
        if name is not None:
            for lane in self._lanes.values():
                for job in lane:
                    if job.name == name:
                        return job
        return None

    def _same_query(self, job: Job) -> Job | None:
        asked = job.command
        if isinstance(asked, Query):
            for lane in self._lanes.values():
                for other in lane:
                    if other.command == asked:
                        return other
        return None

    def _replace(self, older: Job, job: Job) -> None:
        lane = self._lanes[older.priority]
        if job.priority == older.priority:
            lane[lane.index(older)] = job  # keeps its place: a stream of updates must not starve itself
        else:
            lane.remove(older)
            self._lanes[job.priority].append(job)

    def _make_room(self, priority: Priority) -> None:
        for victim_priority in (Priority.POLL, Priority.SCENE):
            lane = self._lanes[victim_priority]
            droppable = victim_priority is Priority.POLL or priority is Priority.SAFETY
            if lane and priority < victim_priority and droppable:
                lane.pop().fail(Busy("dropped: too many commands wait for this device"))
                return
        raise Busy("too many commands wait for this device")
