"""Every fault a simulator knows, under every policy: the run ends, says the truth about each property, and puts back what it may.

The projector has the fault; matrix and camera are well. On virtual time, so that minutes of waiting cost nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from devices.sdk.readings import Value, matches
from smartroom.control.rehearsal.loop import run_virtual
from smartroom.control.rehearsal.twin import Original, Twin, twinned
from smartroom.protocol.state import Member, MemberState, Restored, Run, RunResult
from tests.rooms import ROOM, families, write_site

FAMILIES = families()
REACHED = {MemberState.VERIFIED, MemberState.SKIPPED}
SCENE = """
name: Rapat
on_failure: POLICY
timeout: 90s
desired:
  matrix: {route: {main: meeting, left: camera}, volume: {main: 80}}
  projector: {power: on, input: hdmi2}
  camera: {power: on, preset: podium}
"""
POLICIES = ("restore", "hold", "continue")
HARMLESS = (
    "delay=0.3",
    "half=1",
    "join",
    "duplicate=3,shuffle",
    "drop=0.1",
    "drop_ack=0.1",
    "garbage=0.3",
    "reset=0.2",
    "idle_close=1",
    "warmup=20,cooling=10",
    "reboot=6",
    "front_panel=input:hdmi1",
)
"""What a run overcomes by itself: it ends achieved, whatever the policy."""
FATAL = ("drop=1", "drop_ack=1", "nak=1", "cut=1", "lie", "reset=1", "silent", "refuse_clients=0,reset=1")
"""What it cannot overcome: the property has failed, with its reason."""


@dataclass(slots=True)
class Ended:
    """A run, and what the devices themselves were before and after it."""

    run: Run
    before: Mapping[str, Value]
    after: Mapping[str, Value]

    def member(self, name: str) -> Member:
        """One property of the run."""
        return self.run.members[name]


def recall(folder: Path, policy: str, fault: str, later: str = "") -> Ended:
    """Recall the scene with a projector that has the fault from the first byte on; `later`: what the matrix has 5 s after that."""
    original = Original(write_site(folder, ROOM, {"rapat": SCENE.replace("POLICY", policy)}), FAMILIES)
    ended: list[Ended] = []

    async def told() -> None:
        async with twinned(original, f"{policy}", seed=7, watches_files=False) as twin:
            twin.simulators["camera"].speed_up(20)
            await twin.connected()
            before = truth(twin)
            twin.simulators["projector"].faults.update(fault)
            accepted = twin.live.desk.apply("rapat", by="Ani", press="press-0001")
            if later:
                await asyncio.sleep(5)
                twin.simulators["matrix"].faults.update(later)
            report = await twin.live.desk.wait(accepted.run or "")
            ended.append(Ended(report.run, before, truth(twin)))

    run_virtual(told(), 1_790_000_000.0)
    return ended[0]


def truth(twin: Twin) -> dict[str, Value]:
    """Every property as the devices themselves have it."""
    return {
        f"{key}.{name}": value for key, device in twin.simulators.items() for name, value in device.snapshot().items()
    }


def same(value: Value, other: Value) -> bool:
    """Within the steps of a fader."""
    return matches(value, other, 1.0)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("fault", HARMLESS)
def test_what_can_be_overcome_is(tmp_path: Path, fault: str, policy: str) -> None:
    """Slow, lossy, repeating, garbled, rebooting, touched by a hand in the middle: every goal is read back in the end, and the device agrees."""
    ended = recall(tmp_path, policy, fault)
    assert ended.run.result is RunResult.ACHIEVED, {name: (m.state, m.problem) for name, m in ended.run.members.items()}
    assert {member.state for member in ended.run.members.values()} <= REACHED
    assert {member.restored for member in ended.run.members.values()} == {None}
    assert (ended.after["projector.power"], ended.after["projector.input"]) == ("on", "hdmi2")


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("fault", FATAL)
def test_what_cannot_be_overcome_ends_as_the_policy_says(tmp_path: Path, fault: str, policy: str) -> None:
    """Lost, refused, cut, lied about, silent, gone: the property is named with its reason, and the rest is kept, held or put back."""
    ended = recall(tmp_path, policy, fault)
    power = ended.member("projector.power")
    assert power.state in (MemberState.FAILED, MemberState.UNVERIFIED)
    for name, member in ended.run.members.items():
        if member.state not in REACHED:
            assert member.problem is not None, name
            assert member.problem.text.id
    others = {name: member for name, member in ended.run.members.items() if member.device != "projector"}
    if policy == "continue":
        assert ended.run.result is RunResult.PARTIAL
        assert {member.state for member in others.values()} <= REACHED, "devices that are well are not held up"
        assert {member.restored for member in ended.run.members.values()} == {None}
    elif policy == "hold":
        assert ended.run.result in (RunResult.PARTIAL, RunResult.FAILED)
        assert {member.restored for member in ended.run.members.values()} == {None}, "nothing is put back"
        assert ended.member("projector.input").state in (MemberState.FAILED, MemberState.CANCELLED)
    else:
        put_back(ended, others)


def put_back(ended: Ended, others: Mapping[str, Member]) -> None:
    """What was changed on devices that are well reads as before; a lamp is declared, never claimed."""
    for name, member in others.items():
        if member.restored is None:
            assert member.state is MemberState.SKIPPED, f"{name} was changed and nothing is said of it"
            continue
        assert member.restored is Restored.RESTORED, name
        assert same(ended.after[name], ended.before[name]), name
    power = ended.member("projector.power")
    moved = ended.after["projector.power"] != ended.before["projector.power"]
    assert power.restored is not Restored.RESTORED
    assert power.restored is Restored.IRREVERSIBLE or not moved, "a lamp that was switched on is declared"
    assert ended.run.result is RunResult.RESTORED


def test_what_does_not_come_back_is_named(tmp_path: Path) -> None:
    """The matrix begins to lie before it is put back: each of its properties says that it was not, with the reason, and the result is no restoring."""
    ended = recall(tmp_path, "restore", "lie", later="lie")
    assert ended.run.result is RunResult.PARTIAL
    for name in ("matrix.route.1", "matrix.route.2", "matrix.volume.1"):
        member = ended.member(name)
        assert (member.state, member.restored) == (MemberState.VERIFIED, Restored.FAILED)
        assert member.problem is not None
        assert ended.after[name] != ended.before[name]
    assert ended.member("camera.preset").restored is Restored.RESTORED
