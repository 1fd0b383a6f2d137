"""The site that ships: both demo rooms, as `smartroom check` and the server read them."""

from __future__ import annotations

from pathlib import Path

import pytest

from smartroom.commands.check import _furnished, check, offline_plan
from smartroom.commands.demo import template
from smartroom.control.app import Application
from smartroom.control.room.files import load_room
from smartroom.control.scenes.files import load_scenes
from tests.rooms import families

CENTRE = template() / "command-centre"


def test_the_template_is_accepted() -> None:
    """No error; the only warning is the secret that `demo` fills in."""
    findings = check(template())
    assert findings.errors == []
    assert len(findings.warnings) == 1
    assert set(findings.rooms) == {"smart-room-centre", "command-centre"}


def test_the_command_centre_is_a_big_room() -> None:
    """Sixteen by sixteen, at least six screens, three cameras, six walls, and a tile for each thing a command centre does."""
    room = _furnished(CENTRE, load_room(CENTRE, families(), {}))
    scenes, errors = load_scenes(CENTRE, room)
    assert not errors
    assert [len([name for name in room.devices["matrix"].driver.properties() if name.startswith("route.")])] == [16]
    assert len(room.cameras) == 3
    assert len(room.walls) == 6
    assert sum(output.device == "matrix" for output in room.outputs.values()) >= 6
    shown = [key for key, scene in sorted(scenes.items(), key=lambda item: item[1].order) if not scene.hidden]
    assert shown == [
        "pantau-rutin",
        "siaga",
        "rapat-koordinasi",
        "rapat-darurat",
        "konferensi-pers",
        "tamu",
        "malam",
        "semua-mati",
    ]


def test_no_city_camera_is_on_a_screen_before_the_press() -> None:
    """`konferensi-pers` says of every screen in the room what it shows, and none shows CCTV."""
    room = load_room(CENTRE, families(), {})
    plan = offline_plan(template(), "command-centre", "konferensi-pers")
    shown = {step.property: step.goal for step in plan.steps if step.device == "matrix" and "route" in step.property}
    inputs = {
        source.input for source in room.sources.values() if "CCTV" in source.name.id and source.device == "matrix"
    }
    for output in room.outputs.values():
        if output.device == "matrix" and output.screen is not None:
            assert shown[f"route.{output.output}"] not in inputs


@pytest.mark.parametrize(("name", "relay"), [("depan", 1), ("siaga", 6)])
def test_a_relay_is_called_by_what_hangs_on_it(name: str, relay: int) -> None:
    """`channels:` of the board gives scenes their words."""
    assert f"{name}: true" in (CENTRE / "siaga.yaml").read_text()
    plan = offline_plan(template(), "command-centre", "siaga")
    assert tuple(step.goal for step in plan.steps if step.property == f"relay.{relay}") == (True,)


async def test_rooms_stand_in_the_order_of_their_files(tmp_path: Path) -> None:
    """The first is what a page opens that names none; without `order` it is the alphabet."""
    for name, order in (("a", "order: 7"), ("b", ""), ("c", "order: 3"), ("d", "")):
        (tmp_path / "site" / name).mkdir(parents=True)
        (tmp_path / "site" / name / "room.yaml").write_text(
            f"name: {name}\n{order}\ndevices:\n  m: {{driver: extron_sis, at: 'tcp://127.0.0.1:9'}}\n"
        )
    async with Application(tmp_path / "site", tmp_path / "data") as application:
        assert list(application.desks) == ["b", "d", "c", "a"]
