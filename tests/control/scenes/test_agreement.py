"""A plan made earlier is carried out exactly, or not at all and it is said why."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.sdk.document import parse_document, to_text
from smartroom.control.errors import ProblemError
from smartroom.control.limits import PLAN_LIFE_S
from smartroom.control.scenes.agreement import Change, departures
from smartroom.protocol.base import Text, Value
from smartroom.protocol.errors import ErrorCode, Problem
from smartroom.protocol.scenes import Plan, PlanAction, PlanStep
from smartroom.protocol.state import RunResult
from tests.rooms import SCENES, TestRoom, living


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[TestRoom]:
    """The test room, connected."""
    async with living(tmp_path) as found:
        yield found


async def refusal(room: TestRoom, plan: Plan | str, scene: str = "slides") -> Problem:
    """Why a plan is not carried out; nothing may have been sent."""
    trace = room.live.supervisor.charges["matrix"].trace
    began = trace.number
    with pytest.raises(ProblemError) as caught:
        await room.live.desk.apply_planned(scene, plan, by="Budi", press=f"press-{id(plan)}-{scene}")
    sent = [line.meaning.en for line in trace.lines(began) if line.kind == "out" and line.meaning]
    assert not [words for words in sent if words.startswith("set")], "a refused plan sends nothing"
    return caught.value.problem


async def test_a_plan_that_holds_is_carried_out(room: TestRoom) -> None:
    """Whole, or by the digest it was shown under; both end as the scene does."""
    plan = await room.live.desk.plan("slides", by="Ani")
    assert plan.intact
    accepted = await room.live.desk.apply_planned("slides", plan, by="Ani", press="press-0001")
    assert (await room.live.desk.wait(accepted.run or "")).run.result is RunResult.ACHIEVED
    shown = await room.live.desk.plan("meeting", by="Ani")
    accepted = await room.live.desk.apply_planned("meeting", shown.digest, by="Ani", press="press-0002")
    assert (await room.live.desk.wait(accepted.run or "")).run.result is RunResult.ACHIEVED


async def test_a_front_panel_between_plan_and_apply(room: TestRoom) -> None:
    """The base moved: refused, with what, from what to what, and by whom; and nothing is sent."""
    plan = await room.live.desk.plan("slides", by="Ani")
    was = room.device("matrix").properties["route.2"].value
    room.simulators["matrix"].front_panel("route.2", 4)
    await room.until(lambda: room.device("matrix").properties["route.2"].value == 4)
    why = await refusal(room, plan)
    assert why.code is ErrorCode.STALE
    assert why.text.id.startswith("Rencana basi: Left kini 4, semula ")
    assert "di alat sendiri" in why.text.id
    assert why.detail == f"matrix.route.2: {was} -> 4"
    assert why.fix is not None


async def test_a_hand_between_plan_and_apply(room: TestRoom) -> None:
    """A person who moved it is named; a second look then holds."""
    plan = await room.live.desk.plan("slides", by="Ani")
    await room.live.desk.set("matrix", "route.1", 3, by="Citra", press="press-0003")
    why = await refusal(room, plan.digest)
    assert "Citra" in why.text.en
    again = await room.live.desk.plan("slides", by="Ani")
    accepted = await room.live.desk.apply_planned("slides", again.digest, by="Ani", press="press-0004")
    assert (await room.live.desk.wait(accepted.run or "")).run.result is RunResult.ACHIEVED


async def test_a_scene_saved_since_is_another_plan(room: TestRoom) -> None:
    """The file wants something else now: refused, although nothing in the room moved."""
    plan = await room.live.desk.plan("slides", by="Ani")
    (room.folder / "slides.yaml").write_text(SCENES["slides"].replace("left: meeting", "left: camera"))
    await room.until(lambda: room.live.engine.scenes["slides"].goals[1].value == 3)
    why = await refusal(room, plan)
    assert why.code is ErrorCode.STALE
    assert why.detail == "matrix.route.2: scene"


async def test_a_device_that_went_or_came_is_another_plan(room: TestRoom) -> None:
    """A plan made with the projector says what would be sent to it; without it that is another plan."""
    plan = await room.live.desk.plan("meeting", by="Ani")
    room.simulators["projector"].power_cut(30)
    await room.until(lambda: room.device("projector").link != "ready", 10)
    why = await refusal(room, plan, "meeting")
    assert why.detail.startswith("projector.power: link")


async def test_what_is_no_plan_of_ours_is_refused(room: TestRoom) -> None:
    """Edited, of another room, another scene, another version, of yesterday, from the future, made offline, or never shown: each says so."""
    plan = await room.live.desk.plan("slides", by="Ani")

    def other(**changes: object) -> Plan:
        return plan.model_copy(update=changes).seal()

    cases: list[tuple[Plan | str, ErrorCode, str]] = [
        (plan.model_copy(update={"expected_ms": 1}), ErrorCode.INVALID, "changed after it was made"),
        (other(room="annex"), ErrorCode.INVALID, "is for annex, slides"),
        (other(scene="meeting"), ErrorCode.INVALID, "is for hall, meeting"),
        (other(format=2), ErrorCode.INVALID, "another version"),
        (other(offline=True), ErrorCode.INVALID, "without asking the devices"),
        (other(made=plan.made - PLAN_LIFE_S - 1), ErrorCode.STALE, "too old"),
        (other(made=plan.made + 3600), ErrorCode.STALE, "too old"),
        ("sha256:0", ErrorCode.STALE, "not known"),
    ]
    for given_plan, code, words in cases:
        why = await refusal(room, given_plan)
        assert (why.code, words in why.text.en) == (code, True), why.text.en


async def test_a_forged_goal_is_worth_nothing(room: TestRoom) -> None:
    """A plan whose digest was computed anew over another goal is refused: what is carried out is the scene, never the file."""
    plan = await room.live.desk.plan("slides", by="Ani")
    steps = [
        step.model_copy(update={"goal": 4}) if step.property == "route.1" and step.device == "matrix" else step
        for step in plan.steps
    ]
    why = await refusal(room, plan.model_copy(update={"steps": steps}).seal())
    assert why.detail == "matrix.route.1: scene"


VALUES: st.SearchStrategy[Value] = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 5), st.floats(-5, 5), st.sampled_from(["on", "off", "1", "1e5", "null"])
)


def step(number: int, now: Value, goal: Value) -> PlanStep:
    """A step as a planner would make it."""
    return PlanStep(
        device="matrix",
        property=f"route.{number}",
        label=Text.of("x"),
        now=now,
        now_known=now is not None,
        goal=goal,
        action=PlanAction.SET,
    )


@given(values=st.lists(st.tuples(VALUES, VALUES), max_size=6), moved=st.integers(0, 5), to=VALUES)
@settings(max_examples=80)
def test_exactly_what_moved_is_found(values: list[tuple[Value, Value]], moved: int, to: Value) -> None:
    """A plan agrees with itself, written to YAML and read again; one reading that differs is the one departure."""
    steps = [step(number, *pair) for number, pair in enumerate(values)]
    plan = Plan(room="r", scene="s", name=Text.of("s"), base=1, steps=steps, changes=0, unchanged=0, expected_ms=0)
    plan = plan.seal()
    read = Plan.model_validate(parse_document(to_text(plan.model_dump(mode="json", exclude_defaults=True))).value)
    assert read.intact
    assert departures(read, plan, lambda *_: 0.0) == []
    if moved < len(steps):
        changed = [*steps[:moved], step(moved, to, steps[moved].goal), *steps[moved + 1 :]]
        found = departures(read, plan.model_copy(update={"steps": changed}), lambda *_: 0.0)
        same = type(steps[moved].now) is type(to) and steps[moved].now == to
        numbers = isinstance(to, int | float) and not isinstance(to, bool) and steps[moved].now == to
        expected = (
            [] if same or (numbers and type(steps[moved].now) is not bool) else [(f"route.{moved}", Change.MOVED)]
        )
        assert [(each.property, each.change) for each in found] == expected
