"""Plans: pure, exact, and honest about what is not known."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices.sdk.readings import Reading, ReadingSource, Value
from smartroom.control.devices.gateway import Fact
from smartroom.control.room.files import load_room
from smartroom.control.room.model import PropertyKey, Room
from smartroom.control.scenes.files import load_scenes
from smartroom.control.scenes.model import Scene
from smartroom.control.scenes.planner import batches, make_plan, needed
from smartroom.protocol.scenes import Plan, PlanAction
from tests.rooms import families, write_site


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> tuple[Room, dict[str, Scene]]:
    """The test room's model; nothing is connected."""
    folder = write_site(tmp_path_factory.mktemp("site"))
    room = load_room(folder, families(), {})
    return room, load_scenes(folder, room)[0]


def known(value: Value, *, age: float = 0.0) -> Fact:
    """A fresh reading."""
    return Fact(
        Reading("x", value, at=100.0 - age, epoch=1, source=ReadingSource.QUERY), ready=True, current=True, fresh=True
    )


def plan_of(hall: tuple[Room, dict[str, Scene]], scene: str, facts: dict[PropertyKey, Fact]) -> Plan:
    """The plan of a scene; whatever is not told is unknown on a connected device."""
    room, scenes = hall
    found = scenes[scene]
    shapes = {key: device.driver for key, device in room.devices.items()}
    return make_plan(
        "hall", found, shapes, {key: facts.get(key, Fact(ready=True)) for key in needed(found.goals)}, base=7, now=100.0
    )


def test_exact_bytes_of_a_simultaneous_route(hall: tuple[Room, dict[str, Scene]]) -> None:
    """Two routes of one matrix travel as one +Q block, and the plan shows its bytes."""
    plan = plan_of(hall, "slides", {("matrix", "route.1"): known(3), ("matrix", "mute.1"): known(value=False)})
    steps = {step.property: step for step in plan.steps}
    assert bytes.fromhex(steps["route.1"].bytes[0].hex) == b"\x1b+Q2*1!2*2!\r"
    assert steps["route.2"].bytes == []
    assert steps["route.2"].together == ["matrix.route.1"]
    assert steps["mute.1"].action is PlanAction.SKIP
    assert (plan.changes, plan.unchanged) == (2, 1)


def test_only_a_fresh_reading_leaves_a_write_out(hall: tuple[Room, dict[str, Scene]]) -> None:
    """A value of an earlier connection that equals the goal is written again: belief is not knowledge."""
    old = Fact(Reading("x", 2, at=1.0, epoch=1), ready=True, current=False, fresh=False)
    plan = plan_of(hall, "slides", {("matrix", "route.1"): old, ("matrix", "route.2"): known(2)})
    steps = {step.property: step for step in plan.steps}
    assert steps["route.1"].action is PlanAction.SET
    assert not steps["route.1"].now_known
    assert steps["route.1"].now == 2
    assert steps["route.2"].action is PlanAction.SKIP


def test_input_waits_for_power(hall: tuple[Room, dict[str, Scene]]) -> None:
    """The projector's input stands after its power, and the expected time is the sum along that path."""
    plan = plan_of(hall, "meeting", {})
    names = [f"{step.device}.{step.property}" for step in plan.steps]
    assert names.index("projector.power") < names.index("projector.input")
    step = next(step for step in plan.steps if step.property == "input")
    assert step.after == ["projector.power"]
    assert plan.expected_ms == 43_000


def test_an_offline_device_is_named_and_the_rest_goes_on(hall: tuple[Room, dict[str, Scene]]) -> None:
    """A device that is away makes its own steps unavailable, no others."""
    plan = plan_of(hall, "meeting", {("projector", "power"): Fact(), ("projector", "input"): Fact()})
    away = {step.device for step in plan.steps if step.action is PlanAction.UNAVAILABLE}
    assert away == {"projector"}
    assert all(step.problem for step in plan.steps if step.action is PlanAction.UNAVAILABLE)


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(0, 4), st.sampled_from(["on", "off", "warming", "hdmi1"]), st.floats(0, 100)
)


@given(values=st.lists(st.tuples(VALUES, st.booleans(), st.booleans()), min_size=12, max_size=12))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_plan_is_pure_and_complete(
    hall: tuple[Room, dict[str, Scene]], values: list[tuple[Value, bool, bool]]
) -> None:
    """Whatever is known: the same facts give the same plan, each goal stands in it once, and nothing comes before what it waits for."""
    room, scenes = hall
    shapes = {key: device.driver for key, device in room.devices.items()}
    for scene in scenes.values():
        keys = needed(scene.goals)
        facts = {
            key: Fact(
                Reading(key[1], value, at=50.0, epoch=1), ready=ready, current=ready and fresh, fresh=ready and fresh
            )
            for key, (value, fresh, ready) in zip(keys, values, strict=False)
        }
        first = make_plan("hall", scene, shapes, facts, base=1, now=100.0)
        assert first == make_plan("hall", scene, shapes, facts, base=1, now=100.0)
        order = [(step.device, step.property) for step in first.steps]
        assert sorted(order) == sorted(goal.key for goal in scene.goals)
        for goal in scene.goals:
            assert all(order.index(key) < order.index(goal.key) for key in goal.after)
        sent = [goal.key for batch in batches(scene.goals, shapes) for goal in batch.goals]
        assert sorted(sent) == sorted(goal.key for goal in scene.goals)
