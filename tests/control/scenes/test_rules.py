"""Rules of wear and safety: each has a limit, a name and a refusal before the first byte; an override needs a right and leaves a trace."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from devices.sdk.catalog import find_families, load_family
from devices.sdk.document import DocumentError
from devices.sdk.readings import Value
from smartroom.control.errors import ProblemError
from smartroom.control.room.files import load_room
from smartroom.control.room.model import PropertyKey, Room, Shape
from smartroom.control.scenes.files import load_scenes
from smartroom.control.scenes.model import Scene
from smartroom.control.scenes.rules import DEADMAN, Judge, stages, violations
from smartroom.protocol.errors import ErrorCode, Problem, Rule
from smartroom.protocol.scenes import Override, Risk
from smartroom.protocol.state import MemberState, RunResult
from tests.rooms import ROOM, SCENES, TestRoom, families, living, write_site

RULES = """
rules:
  interlock: [{relays: [screen.relay.up, screen.relay.down], pause: 1s}]
  lamp-minimum: {projector: {on: 5m, off: 2m}}
  sound-limit: {main: {at_most: 80, step: 30}}
  recording: [{while: {matrix.route.left: 3}, keep: [camera.power, camera.preset, matrix.route.main]}]
  relay-rate: {screen.relay.up: 3}
  eeprom: [matrix.volume.left]
"""
BOARD = '  screen: {driver: modbus_relay, at: "tcp://10.0.0.4:502", relays: 4, channels: {up: 1, down: 2}}\nsources:'
RULED = ROOM.replace("sources:", BOARD, 1) + RULES
MORE = {
    "raise": "name: Naik\ndesired: {screen: {relay: {up: true, down: false}}}\n",
    "both": "name: Dua-dua\ndesired: {screen: {relay: {up: true, down: true}}}\n",
    "lower-only": "name: Turun saja\ndesired: {screen: {relay: {down: true}}}\n",
    "loud": "name: Keras\ndesired: {matrix: {volume: {main: 90}}}\n",
    "jump": "name: Loncat\ndesired: {matrix: {volume: {main: 70}}}\n",
    "ramp": "name: Pelan\nsteps: [{ramp: {property: matrix.volume.main, to: 70, over: 1s}}]\n",
    "reroute": "name: Alih\ndesired: {matrix: {route: {main: laptop}}, camera: {power: off}}\n",
    "stored": "name: Simpan\ndesired: {matrix: {volume: {left: 20}}}\n",
    "later": "name: Nanti\ndesired: {screen: {relay: {up: false}}}\nsteps: [{set: {screen: {relay: {up: true}}}}, {set: {screen: {relay: {down: true}}}}]\n",
    "fire": "name: Darurat\nemergency: true\ntimeout: 20s\ndesired: {matrix: {volume: {main: 95}}, projector: {power: on}}\n",
    "fire-up": "name: Darurat layar\nemergency: true\ndesired: {screen: {relay: {up: true, down: true}}}\n",
}
SCENES_RULED = {**SCENES, **MORE}


def rule_of(problem: Problem) -> Rule:
    """The rule a refusal names first."""
    return Rule(problem.detail.partition(":")[0])


@dataclass
class Facts:
    """What a test says is known."""

    room: Room
    values: Mapping[PropertyKey, Value] = field(default_factory=dict)
    ages: Mapping[PropertyKey, float] = field(default_factory=dict)
    switchings: Mapping[PropertyKey, int] = field(default_factory=dict)

    def value(self, key: PropertyKey) -> Value | None:
        """What it reads."""
        return self.values.get(key)

    def since(self, key: PropertyKey) -> float | None:
        """How long it has."""
        return self.ages.get(key)

    def switched(self, key: PropertyKey) -> int:
        """How often within a minute."""
        return self.switchings.get(key, 0)

    def shape(self, device: str) -> Shape:
        """Its driver."""
        return self.room.devices[device].driver


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> tuple[Room, dict[str, Scene]]:
    """The ruled room's model; nothing is connected."""
    folder = write_site(tmp_path_factory.mktemp("site"), RULED, SCENES_RULED)
    room = load_room(folder, families(), {})
    scenes, errors = load_scenes(folder, room)
    assert errors == {}
    return room, scenes


UP, DOWN = ("screen", "relay.1"), ("screen", "relay.2")
LAMP, MAIN, LEFT = ("projector", "power"), ("matrix", "volume.1"), ("matrix", "route.2")
CASES = [
    ("a lamp switched on two minutes ago", "off", {LAMP: "on"}, {LAMP: 120.0}, {}, {Rule.LAMP_MINIMUM}),
    ("a lamp that has burned long enough", "off", {LAMP: "on"}, {LAMP: 301.0}, {}, set()),
    ("a lamp switched off a minute ago", "meeting", {LAMP: "off", MAIN: 50}, {LAMP: 60.0}, {}, {Rule.LAMP_MINIMUM}),
    ("a lamp that has cooled", "meeting", {LAMP: "off", MAIN: 50}, {LAMP: 121.0}, {}, set()),
    ("a lamp that is on already", "meeting", {LAMP: "on", MAIN: 50}, {LAMP: 5.0}, {}, set()),
    ("a lamp nobody knows since when", "off", {LAMP: "on"}, {}, {}, set()),
    ("above the limit of the zone", "loud", {MAIN: 70}, {}, {}, {Rule.SOUND_LIMIT}),
    ("too much louder at once", "jump", {MAIN: 30}, {}, {}, {Rule.SOUND_LIMIT}),
    ("louder by as much as may be", "jump", {MAIN: 40}, {}, {}, set()),
    ("softer is never a jump", "jump", {MAIN: 100}, {}, {}, set()),
    ("louder by a ramp", "ramp", {MAIN: 10}, {}, {}, set()),
    ("what feeds a recording", "reroute", {LEFT: 3, ("matrix", "route.1"): 2}, {}, {}, {Rule.RECORDING}),
    ("nothing is recorded", "reroute", {LEFT: 2, ("matrix", "route.1"): 2}, {}, {}, set()),
    (
        "a recording whose sources stay",
        "reroute",
        {LEFT: 3, ("matrix", "route.1"): 1, ("camera", "power"): "off"},
        {},
        {},
        set(),
    ),
    ("a relay switched too often", "raise", {UP: False, DOWN: False}, {}, {UP: 3}, {Rule.RELAY_RATE}),
    ("a relay that need not move", "raise", {UP: True, DOWN: False}, {}, {UP: 9}, set()),
    ("both directions wanted", "both", {}, {}, {}, {Rule.INTERLOCK}),
    ("one direction while the other runs", "lower-only", {UP: True}, {}, {}, {Rule.INTERLOCK}),
    ("turning round", "raise", {UP: False, DOWN: True}, {}, {}, set()),
    ("a later step closes the other", "later", {}, {}, {}, {Rule.INTERLOCK}),
]


@pytest.mark.parametrize(
    ("what", "scene", "values", "ages", "switchings", "rules"), CASES, ids=[case[0] for case in CASES]
)
def test_each_rule_has_its_limit(
    hall: tuple[Room, dict[str, Scene]],
    what: str,
    scene: str,
    values: Mapping[PropertyKey, Value],
    ages: Mapping[PropertyKey, float],
    switchings: Mapping[PropertyKey, int],
    rules: set[Rule],
) -> None:
    """Just above the limit it is refused with the rule's name, just below it is not."""
    room, scenes = hall
    found = violations(room, list(stages(scenes[scene])), Facts(room, values, ages, switchings))
    assert {each.rule for each in found} == rules, what
    for each in found:
        assert each.text.id.startswith(each.label.id)
        assert each.may_be_overridden is (each.rule is not Rule.INTERLOCK)


def test_an_emergency_outranks_all_but_interlocks(hall: tuple[Room, dict[str, Scene]]) -> None:
    """Too loud and too soon for the lamp, it runs; two interlocked contacts it may not close either."""
    room, scenes = hall
    judge = Judge(lambda: room, Facts(room, {MAIN: 10, LAMP: "off"}, {LAMP: 1.0}))
    assert judge.allow(scenes["fire"], None, None) == []
    with pytest.raises(ProblemError) as caught:
        judge.allow(scenes["fire-up"], None, None)
    assert rule_of(caught.value.problem) is Rule.INTERLOCK


def test_an_override_names_its_rules(hall: tuple[Room, dict[str, Scene]]) -> None:
    """Only what it names is set aside, and never an interlock."""
    room, scenes = hall
    judge = Judge(lambda: room, Facts(room, {MAIN: 10, UP: True}))
    with pytest.raises(ProblemError):
        judge.allow(scenes["loud"], None, Override(rules=[Rule.RECORDING], reason="uji coba"))
    assert judge.allow(scenes["loud"], None, Override(rules=[Rule.SOUND_LIMIT], reason="uji coba")) == [
        Rule.SOUND_LIMIT
    ]
    with pytest.raises(ProblemError):
        judge.allow(scenes["lower-only"], None, Override(rules=[Rule.INTERLOCK], reason="uji coba"))


@pytest.mark.parametrize("written", ["toggle", "+5", "-5%", "up", "step-up", "next"])
def test_toggles_and_steps_are_no_states(tmp_path: Path, written: str) -> None:
    """A scene that would switch round or go one further is refused when it is read, with file, line and the rule's name."""
    text = f"name: S\ndesired: {{matrix: {{volume: {{main: {written}}}}}}}\n"
    folder = write_site(tmp_path, ROOM, {"s": text})
    _, errors = load_scenes(folder, load_room(folder, families(), {}))
    assert "rule no-toggle" in str(errors["s"])
    assert "s.yaml:2" in str(errors["s"])


@pytest.mark.parametrize("family", sorted(find_families()))
def test_a_drive_stops_by_itself(family: str) -> None:
    """Rule ptz-stop: every family whose head can be driven has a dead-man stop; what has none is never driven."""
    manifest = load_family(find_families()[family]).manifest
    drives = {"drive", "drive_zoom"} & manifest.actions.keys()
    assert not drives or DEADMAN in manifest.settings


BAD = [
    ("interlock: [{relays: [screen.relay.up, screen.relay.nine], pause: 1s}]", "has no 'relay.nine'"),
    ("interlock: [{relays: [screen.relay.up, projector.power]}]", "is no relay"),
    ("interlock: [{relays: [screen.relay.up]}]", "at least 2"),
    ("interlock: [{relays: [screen.relay.up, screen.relay.down], pause: soon}]", "'soon' is no duration"),
    ("lamp-minimum: {projektor: {on: 5m}}", "did you mean 'projector'?"),
    ("sound-limit: {main: {at_most: 120}}", "less than or equal to 100"),
    ("recording: [{while: {matrix.route.left: many}, keep: [camera.power]}]", "route.2"),
    ("relay-rate: {screen.relay.up: 0}", "greater than or equal to 1"),
    ("lamp-minimun: {projector: {on: 5m}}", "did you mean 'lamp-minimum'?"),
]


@pytest.mark.parametrize(("line", "words"), BAD)
def test_a_bad_rule_names_line_and_fix(tmp_path: Path, line: str, words: str) -> None:
    """room.yaml with a rule that cannot be is refused: file, line, value, fix."""
    text = ROOM.replace("sources:", BOARD, 1) + f"rules:\n  {line}\n"
    folder = write_site(tmp_path, text, {})
    with pytest.raises(DocumentError) as caught:
        load_room(folder, families(), {})
    assert words in str(caught.value)
    assert caught.value.line >= text[: text.index(line)].count("\n")
    assert caught.value.fix


# -- the living room --


@asynccontextmanager
async def ruled(tmp_path: Path) -> AsyncIterator[TestRoom]:
    """The ruled room with its relay board."""
    board: dict[str, tuple[str, Mapping[str, object]]] = {"screen": ("modbus_relay", {"relays": 4})}
    async with living(tmp_path, RULED, SCENES_RULED, more=board) as room:
        yield room


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[TestRoom]:
    """Connected."""
    async with ruled(tmp_path) as found:
        yield found


async def test_a_refused_scene_sends_nothing_and_names_the_rule(room: TestRoom) -> None:
    """Plan and press say the same; the room stays as it is; with the override it runs and the deed says why."""
    plan = await room.live.desk.plan("loud")
    assert [(each.rule, each.device, each.property) for each in plan.violations] == [
        (Rule.SOUND_LIMIT, "matrix", "volume.1")
    ]
    before = room.simulators["matrix"].snapshot()["volume.1"]
    with pytest.raises(ProblemError) as caught:
        room.live.desk.apply("loud", by="Ani", press="press-0001")
    why = caught.value.problem
    assert (why.code, rule_of(why), why.property) == (ErrorCode.RULE, Rule.SOUND_LIMIT, "volume.1")
    assert "sound-limit" in why.text.id
    assert room.simulators["matrix"].snapshot()["volume.1"] == before
    override = Override(rules=[Rule.SOUND_LIMIT], reason="konser")
    accepted = room.live.desk.apply("loud", override, by="Ani", press="press-0002")
    assert (await room.live.desk.wait(accepted.run or "")).run.result is RunResult.ACHIEVED
    assert room.state.last_action is not None
    assert room.state.last_action.text.id == "menjalankan Keras, mengesampingkan aturan sound-limit: konser"


async def test_a_hand_is_held_to_the_rules(room: TestRoom) -> None:
    """A fader above the limit is refused; a fader drawn up slowly or quickly below it is not."""
    with pytest.raises(ProblemError) as caught:
        await room.live.desk.set("matrix", "volume.1", 85, by="Ani", press="press-0003")
    assert rule_of(caught.value.problem) is Rule.SOUND_LIMIT
    assert (await room.live.desk.set("matrix", "volume.1", 80, by="Ani", press="press-0004")).value == pytest.approx(
        80, abs=1
    )


async def test_turning_round_waits_and_never_closes_both(room: TestRoom) -> None:
    """Down runs, up is wanted: down opens first, the pause passes, then up closes; at no moment are both closed."""
    await room.live.desk.set("screen", "relay.2", value=True, by="Ani", press="press-0005")
    seen: list[tuple[object, object]] = []

    async def watch() -> None:
        while True:
            state = room.simulators["screen"].snapshot()
            seen.append((state["relay.1"], state["relay.2"]))
            await asyncio.sleep(0.005)

    watching = asyncio.create_task(watch())
    began = asyncio.get_running_loop().time()
    report = await room.apply("raise")
    took = asyncio.get_running_loop().time() - began
    watching.cancel()
    assert report.run.result is RunResult.ACHIEVED
    assert (True, True) not in seen
    assert took >= 1.0


async def test_no_path_closes_two_contacts(room: TestRoom) -> None:
    """By hand with the other closed: refused. Closed at the device behind our back: the last gate reads it and refuses the scene's part."""
    await room.live.desk.set("screen", "relay.2", value=True, by="Ani", press="press-0006")
    with pytest.raises(ProblemError) as caught:
        await room.live.desk.set("screen", "relay.1", value=True, by="Ani", press="press-0007")
    assert rule_of(caught.value.problem) is Rule.INTERLOCK
    await room.live.desk.set("screen", "relay.2", value=False, by="Ani", press="press-0008")
    await asyncio.sleep(0.6)
    accepted = room.live.desk.apply("raise", by="Ani", press="press-0009")
    room.simulators["screen"].front_panel("relay.2", value=True)
    report = await room.live.desk.wait(accepted.run or "")
    member = report.run.members["screen.relay.1"]
    if member.state is MemberState.FAILED:
        assert member.problem is not None
        assert rule_of(member.problem) is Rule.INTERLOCK
    state = room.simulators["screen"].snapshot()
    assert not (state["relay.1"] and state["relay.2"])


async def test_two_hands_at_one_moment_close_one_contact(room: TestRoom) -> None:
    """Both were open when both were asked for: one is closed, the other refused by name, and at no moment are both closed."""
    hands = [
        room.live.desk.set("screen", f"relay.{number}", value=True, by="Ani", press=f"press-020{number}")
        for number in (1, 2)
    ]
    ends = await asyncio.gather(*hands, return_exceptions=True)
    (refused,) = [end for end in ends if isinstance(end, ProblemError)]
    assert rule_of(refused.problem) is Rule.INTERLOCK
    state = room.simulators["screen"].snapshot()
    assert state["relay.1"] is not state["relay.2"]


async def test_a_relay_has_a_rate(room: TestRoom) -> None:
    """Three changes within a minute are allowed here; the fourth is refused by name."""
    for number, value in enumerate((True, False, True)):
        await room.live.desk.set("screen", "relay.1", value=value, by="Ani", press=f"press-01{number:02}")
    with pytest.raises(ProblemError) as caught:
        await room.live.desk.set("screen", "relay.1", value=False, by="Ani", press="press-0199")
    assert rule_of(caught.value.problem) is Rule.RELAY_RATE


async def test_a_stored_setting_is_written_once(room: TestRoom) -> None:
    """Rule eeprom: a device that lies is asked three times for anything else, for a stored setting once; the plan shows the wear."""
    plan = await room.live.desk.plan("stored")
    assert [step.risks for step in plan.steps] == [[Risk.EEPROM]]
    room.simulators["matrix"].faults.update("lie")
    report = await room.apply("stored")
    assert report.run.members["matrix.volume.2"].attempts == 1
    report = await room.apply("jump")
    assert report.run.members["matrix.volume.1"].attempts == 3


async def test_an_emergency_gives_nothing_away(room: TestRoom) -> None:
    """While it goes on, another scene and a hand on what it moves are refused by name; afterwards they are free."""
    room.simulators["projector"].faults.update("warmup=1.5")
    accepted = room.live.desk.apply("fire", by="Ani", press="press-0010")
    await room.until(lambda: room.device("projector").properties["power"].value == "warming")
    with pytest.raises(ProblemError) as caught:
        room.live.desk.apply("off", by="Budi", press="press-0011")
    assert rule_of(caught.value.problem) is Rule.EMERGENCY
    with pytest.raises(ProblemError):
        await room.live.desk.set("projector", "power", "off", by="Budi", press="press-0012")
    assert (await room.live.desk.wait(accepted.run or "")).run.result is RunResult.ACHIEVED
    override = Override(rules=[Rule.LAMP_MINIMUM], reason="latihan selesai")
    accepted = room.live.desk.apply("off", override, by="Budi", press="press-0013")
    await room.live.desk.wait(accepted.run or "")
    assert room.simulators["projector"].snapshot()["power"] in ("cooling", "off")
