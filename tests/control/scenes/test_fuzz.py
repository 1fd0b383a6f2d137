"""[engine-fuzz] A room of simulators that reboot, lie, repeat, reorder and go silent, on virtual time: it converges once they are sane, switches nothing twice,
never says achieved when it is not, and no property ever has two writers.

`make test` runs the short form, `make test ARGS='-m fuzz'` ten thousand steps and ten thousand overlapping recalls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices.sdk.commands import Command, Salvo, Set
from devices.sdk.readings import Value, matches
from devices.sdk.session import Session
from smartroom.control import clock
from smartroom.control.errors import ProblemError
from smartroom.control.rehearsal.loop import run_virtual
from smartroom.control.rehearsal.twin import Original, Twin, twinned
from smartroom.control.room.model import PropertyKey
from smartroom.protocol.state import Link, MemberState, RunResult
from tests.rooms import ROOM, SCENES, families, write_site

FAULTS = (
    "delay=0.4",
    "drop=0.4",
    "drop_ack=0.4",
    "nak=0.5",
    "cut=0.3",
    "duplicate=3,shuffle",
    "garbage=0.4",
    "flip=0.02",
    "lie",
    "reset=0.3",
    "silent",
    "refuse_clients=0",
)
SANE_S = 10.0
"""After the last fault ended a room must be where its scene wants it within this."""
HOME: dict[str, str] = {
    **SCENES,
    "meeting": SCENES["meeting"].replace("timeout: 20s", "timeout: 60s"),
    "bertahap": """
name: Bertahap
steps:
  - set: {matrix: {route: {main: camera}}}
  - {ramp: {property: matrix.volume.main, to: 30, over: 2s}}
  - wait: 1s
  - set: {matrix: {mute: {left: true}}}
""",
}
FAMILIES = families()
_CUT_S = 3.0
"""The longest power cut."""


ROOMS = st.randoms(use_true_random=False)
"""Every step of a room is a choice of hypothesis: a story that fails is told again with fewer and simpler steps."""


def stories(count: int) -> settings:
    """So many rooms; the same ones each time where there are few."""
    few = count < 100
    return settings(max_examples=count, derandomize=few, suppress_health_check=list(HealthCheck))


def run_room(
    folder: Path, random: Random, story: Callable[[Twin, Random], Coroutine[Any, Any, None]], seed: int
) -> None:
    """A story in a fresh room of simulators, on virtual time; `seed` decides what the faults hit."""
    original = Original(write_site(folder / "site", ROOM, HOME), FAMILIES)

    async def told() -> None:
        async with twinned(original, f"fuzz{seed}", seed=seed, watches_files=False) as twin:
            twin.simulators["projector"].speed_up(20)
            twin.simulators["camera"].speed_up(20)
            await twin.connected()
            await story(twin, random)

    run_virtual(told(), 1_790_000_000.0)


# -- one writer for each property --


class Writers:
    """Who is at work on a property: from the first byte of a set to the end of its verification."""

    def __init__(self) -> None:
        self.at_work: dict[PropertyKey, object] = {}
        self.collisions: list[str] = []

    @contextmanager
    def writing(self, device: str, names: list[str]) -> Iterator[None]:
        """Somebody brings these to their goals."""
        me = object()
        for name in names:
            if self.at_work.setdefault((device, name), me) is not me:
                self.collisions.append(f"{device}.{name} at {clock.monotonic():.3f}")
        try:
            yield
        finally:
            for name in names:
                if self.at_work.get((device, name)) is me:
                    del self.at_work[device, name]


def watch_writers(twin: Twin) -> Writers:
    """Every `bring` of the room's gateway is noted."""
    writers, bring = Writers(), twin.live.gateway.bring

    async def noted(device: str, sets: tuple[Set, ...], **rest: Any) -> Any:
        with writers.writing(device, [item.property for item in sets]):
            return await bring(device, sets, **rest)

    twin.live.gateway.bring = noted  # type: ignore[method-assign]
    return writers


# -- nothing is switched twice --


class Lamp:
    """Every change of power inside the projector itself."""

    def __init__(self, twin: Twin) -> None:
        self.switched: list[tuple[float, bool]] = []
        projector = twin.simulators["projector"].projector  # type: ignore[attr-defined]  # the simulated device itself
        switch = projector.switch

        def noted(*, on: bool) -> object:
            before = projector.power
            answer = switch(on=on)
            if projector.power is not before:
                self.switched.append((clock.monotonic(), on))
            return answer

        projector.switch = noted

    def was_switched_off(self) -> bool:
        """Nobody in the story wants it off: a lamp that went off was toggled by a repeated or reordered command."""
        return any(not on for _, on in self.switched)


def sent_sets(twin: Twin) -> list[tuple[float, str, Value]]:
    """Every set of the projector's power that a session was asked to carry out."""
    found: list[tuple[float, str, Value]] = []
    endpoint = twin.live.gateway.endpoint("projector")
    assert isinstance(endpoint, Session)
    execute = endpoint.execute

    async def noted(command: Command, **rest: Any) -> None:
        items = command.sets if isinstance(command, Salvo) else (command,)
        power = [item for item in items if isinstance(item, Set) and item.property == "power"]
        found.extend((clock.monotonic(), item.property, item.value) for item in power)
        await execute(command, **rest)

    endpoint.execute = noted  # type: ignore[method-assign]
    return found


# -- what must hold --


def truth(twin: Twin, device: str, name: str) -> Value:
    """What the device itself is, without the wire."""
    return twin.simulators[device].snapshot().get(name)


def wrongly_achieved(twin: Twin, scene: str) -> list[str]:
    """Properties that a run calls reached while the device says otherwise; only meaningful in the moment it ended, with nobody at the device."""
    wrong: list[str] = []
    found = twin.live.engine.scenes[scene]
    for goal in found.goals:
        value = truth(twin, goal.device, goal.property)
        if goal.property != "preset" and not matches(
            value, goal.value, max(goal.tolerance, 1.0 if "volume" in goal.property else 0.0)
        ):
            wrong.append(f"{goal.device}.{goal.property} is {value!r}, not {goal.value!r}")
    return wrong


async def converge(twin: Twin, scene: str) -> None:
    """Everything is sane again: within ten seconds the scene is recalled to its end and holds."""
    for simulator in twin.simulators.values():
        simulator.faults.clear()
        simulator.faults.update("warmup=1,cooling=1")
    await asyncio.sleep(_CUT_S)  # without power nobody is sane
    begun = clock.monotonic()
    while any(twin.live.store.state.devices[key].link is not Link.READY for key in twin.simulators):
        await asyncio.sleep(0.1)
    link_s = clock.monotonic() - begun
    begun = clock.monotonic()
    accepted = twin.live.desk.apply(scene, by="uji", press=f"press-{int(clock.monotonic() * 1000):09}")
    report = await twin.live.desk.wait(accepted.run or "")
    took = clock.monotonic() - begun
    detail = {name: (member.state, member.value, member.problem) for name, member in report.run.members.items()}
    assert report.run.result is RunResult.ACHIEVED, detail
    assert took <= SANE_S, (took, detail)
    assert wrongly_achieved(twin, scene) == []
    assert link_s <= 31, link_s  # the longest back-off of a link that was away for long


async def chaos(twin: Twin, random: Random, steps: int) -> None:
    """Faults come and go while scenes are recalled, tried again, cancelled and hands interfere."""
    writers = watch_writers(twin)
    lamp = Lamp(twin)
    asked = sent_sets(twin)
    scenes = [key for key in twin.live.engine.scenes if key != "off"]
    runs: list[str] = []
    for step in range(steps):
        device = random.choice(sorted(twin.simulators))
        simulator = twin.simulators[device]
        match random.randrange(10):
            case 0 | 1 | 2:
                simulator.faults.update(random.choice(FAULTS))
            case 3 | 4:
                simulator.faults.clear()
                simulator.faults.update("warmup=1,cooling=1")
            case 5:
                simulator.power_cut(random.choice((0.2, _CUT_S)))
            case _:
                runs += await press(twin, random, random.choice(scenes), step)
        await asyncio.sleep(random.choice((0.0, 0.02, 0.3, 2.0)))
        for scene in scenes:
            check_tile(twin, scene)
    for run in runs:
        async with asyncio.timeout(300):
            await twin.live.desk.wait(run)
    assert writers.collisions == []
    assert not lamp.was_switched_off(), lamp.switched
    assert len({value for _, _, value in asked}) <= 1, (
        asked
    )  # no scene of the story wants it off: so nobody ever asked for that
    await converge(twin, random.choice(("meeting", "slides")))


async def press(twin: Twin, random: Random, scene: str, step: int) -> list[str]:
    """One thing that people do."""
    desk, press_id = twin.live.desk, f"press-{step:06}"
    try:
        match random.randrange(6):
            case 0:
                return [desk.retry(scene, None, by="Ani", press=press_id).run or ""]
            case 1:
                run = twin.live.store.state.scenes[scene].run
                if run is not None and run.result is None:
                    desk.cancel(run.id, by="Budi", press=press_id)
                return []
            case 2:
                hand = asyncio.create_task(
                    desk.set("matrix", "volume.1", random.randrange(100), by="Citra", press=press_id)
                )
                hand.add_done_callback(lambda task: task.cancelled() or task.exception())
                return []
            case _:
                return [desk.apply(scene, by="Ani", press=press_id).run or ""]
    except ProblemError:
        return []


def check_tile(twin: Twin, scene: str) -> None:
    """Members that say verified were read back at their goal, on the present connection or before the run ended."""
    run = twin.live.store.state.scenes[scene].run
    if run is None or run.result is not RunResult.ACHIEVED:
        return
    for name, member in run.members.items():
        assert member.state in (MemberState.VERIFIED, MemberState.SKIPPED), (name, member)
        value = tuple(member.value) if isinstance(member.value, list) else member.value
        goal = tuple(member.goal) if isinstance(member.goal, list) else member.goal
        assert matches(value, goal, 1.0), (name, member)


@stories(4)
@given(random=ROOMS)
def test_a_room_survives_chaos(tmp_path_factory: pytest.TempPathFactory, random: Random) -> None:
    """Two hundred steps of faults and presses; then it converges."""
    run_room(tmp_path_factory.mktemp("room"), random, lambda twin, rng: chaos(twin, rng, 50), random.randrange(1 << 16))


@pytest.mark.fuzz
@pytest.mark.timeout(900)
@stories(100)
@given(random=ROOMS)
def test_a_room_survives_ten_thousand_steps_of_chaos(tmp_path_factory: pytest.TempPathFactory, random: Random) -> None:
    """The long form: a hundred rooms of a hundred steps."""
    run_room(
        tmp_path_factory.mktemp("room"), random, lambda twin, rng: chaos(twin, rng, 100), random.randrange(1 << 16)
    )


async def overlaps(twin: Twin, random: Random, recalls: int) -> None:
    """Scenes that want the same properties, one on top of the other, and hands between them."""
    writers = watch_writers(twin)
    scenes = list(twin.live.engine.scenes)
    runs: list[str] = []
    for step in range(recalls):
        runs.append(
            twin.live.desk.apply(random.choice(scenes), by=f"host{step % 3}", press=f"press-{step:06}").run or ""
        )
        await asyncio.sleep(random.choice((0.0, 0.0, 0.01, 0.1, 0.5, 3.0)))
    async with asyncio.timeout(600):
        reports = [await twin.live.desk.wait(run) for run in dict.fromkeys(runs)]
    assert writers.collisions == []
    assert all(report.run.result is not None for report in reports)
    await converge(twin, "meeting")


@stories(2)
@given(random=ROOMS)
def test_overlapping_recalls_have_one_writer_and_an_end(
    tmp_path_factory: pytest.TempPathFactory, random: Random
) -> None:
    """A hundred recalls on top of each other: no property has two writers at any moment, every recall ends, the last one stands."""
    run_room(tmp_path_factory.mktemp("room"), random, lambda twin, rng: overlaps(twin, rng, 100), 1007)


@pytest.mark.fuzz
@pytest.mark.timeout(900)
@stories(100)
@given(random=ROOMS)
def test_ten_thousand_overlapping_recalls(tmp_path_factory: pytest.TempPathFactory, random: Random) -> None:
    """The long form: a hundred rooms of a hundred recalls."""
    run_room(tmp_path_factory.mktemp("room"), random, lambda twin, rng: overlaps(twin, rng, 100), 1007)
