"""The order of commands: a model of it, and every rule by itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.sdk import Busy, Command, Frame, Priority, Query, Set, Superseded
from devices.sdk.queue import CommandQueue, Job


def job(command: Command, priority: Priority = Priority.OPERATOR, name: str | None = None) -> Job:
    """A job nobody waits for."""
    return Job(command, (Frame(b"x"),), priority, name)


def drained(queue: CommandQueue) -> list[Job]:
    """Everything in the order it would go out."""
    return list(iter(lambda: queue.take(lambda _: True), None))


@given(st.lists(st.tuples(st.sampled_from(Priority), st.integers(0, 999)), max_size=60))
def test_order_is_by_priority_then_by_arrival(arrivals: list[tuple[Priority, int]]) -> None:
    """A stable sort by priority is the whole truth, for any mix."""
    queue = CommandQueue()
    jobs = [queue.put(job(Set("power", number), priority)) for priority, number in arrivals]
    assert drained(queue) == sorted(jobs, key=lambda job: job.priority)


@given(st.lists(st.tuples(st.sampled_from(Priority), st.sampled_from(["a", "b", None]), st.booleans()), max_size=200))
def test_the_queue_is_bounded_and_loses_nobody(arrivals: list[tuple[Priority, str | None, bool]]) -> None:
    """Whatever comes: never above its bound, one job for each name, and each job goes out or is told why not."""
    queue = CommandQueue(capacity=8)
    waiting: list[Job] = []
    for index, (priority, name, ask) in enumerate(arrivals):
        try:
            waiting.append(queue.put(job(Query("power") if ask else Set("power", index), priority, name)))
        except Busy:
            assert len(queue) == 8
        assert len(queue) <= 8
        names = [item.name for item in queue if item.name]
        assert len(names) == len(set(names))
    out = drained(queue)
    assert all(item in out or item.outcome is not None for item in waiting)
    assert not any(item.outcome is not None for item in out)


def test_the_newest_of_a_name_takes_the_olders_place() -> None:
    """A stream of drives does not move to the back each time, and the older waiter is told."""
    queue = CommandQueue()
    first, other, second = job(Set("power", 1), name="drive"), job(Set("power", 2)), job(Set("power", 3), name="drive")
    for item in (first, other, second):
        queue.put(item)
    assert drained(queue) == [second, other]
    assert isinstance(first.outcome, Superseded)


def test_the_same_question_is_asked_once() -> None:
    """An operator's read joins the poll that waits, and pulls it forward."""
    queue = CommandQueue()
    poll, press = queue.put(job(Query("power"), Priority.POLL)), queue.put(job(Set("power", 1), Priority.SCENE))
    assert queue.put(job(Query("power"), Priority.OPERATOR)) is poll
    assert drained(queue) == [poll, press]


def test_a_full_queue_drops_polls_and_refuses_presses() -> None:
    """Polls give way to anything, scenes to safety alone; otherwise the newcomer is refused."""
    queue = CommandQueue(capacity=2)
    poll = queue.put(job(Query("power"), Priority.POLL))
    scene = queue.put(job(Set("power", 1), Priority.SCENE))
    press = queue.put(job(Set("power", 2), Priority.OPERATOR))
    assert isinstance(poll.outcome, Busy)
    with pytest.raises(Busy):
        queue.put(job(Set("power", 3), Priority.OPERATOR))
    stop = queue.put(job(Set("power", 4), Priority.SAFETY))
    assert isinstance(scene.outcome, Busy)
    assert drained(queue) == [stop, press]


def test_what_may_not_go_is_passed_by() -> None:
    """A command that needs a socket waits, a question behind it does not."""
    queue = CommandQueue()
    command, question = queue.put(job(Set("power", 1))), queue.put(job(Query("power")))
    assert queue.take(lambda item: isinstance(item.command, Query)) is question
    assert drained(queue) == [command]


def test_a_withdrawn_job_does_not_go_out() -> None:
    """Whoever stopped waiting costs the line nothing."""
    queue = CommandQueue()
    item = queue.put(job(Set("power", 1)))
    assert queue.discard(item)
    assert not queue.discard(item)
    assert not drained(queue)
