"""`smartroom check DIR` and `smartroom plan --offline`: files alone, no server, nothing sent."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from devices.sdk.catalog import Family, find_families, load_family
from devices.sdk.document import DocumentError
from smartroom.control.ceremony import plaque
from smartroom.control.conference.agencies import load_roster
from smartroom.control.conference.stage import ID as STAGE
from smartroom.control.conference.stage import StageShape, stage_device
from smartroom.control.devices.gateway import Fact
from smartroom.control.displays.pictures.album import Album
from smartroom.control.displays.walls import Furniture
from smartroom.control.room.files import ROOM_FILE, load_room
from smartroom.control.room.model import Room
from smartroom.control.room.secrets import load_secrets
from smartroom.control.rooms import PICTURES
from smartroom.control.rundowns.model import load_rundowns
from smartroom.control.rundowns.shape import Shelf
from smartroom.control.scenes.files import load_scenes
from smartroom.control.scenes.planner import needed
from smartroom.control.scenes.stages import plan_of
from smartroom.protocol.scenes import Plan


@dataclass(slots=True)
class Findings:
    """What is wrong with a site, and what stands in it."""

    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    rooms: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    """Room -> number of devices, scenes, rundowns."""


def check(folder: Path) -> Findings:
    """Read a site (or one room's folder) as the server would."""
    findings = Findings()
    site, rooms = _rooms(folder)
    if not rooms:
        findings.errors.append(
            f"{folder}: no folder with a {ROOM_FILE}. Fix: name the site's folder, for example  smartroom check scenes"
        )
        return findings
    try:
        families = _families(site)
        secrets = load_secrets(site)
    except DocumentError as error:
        findings.errors.append(str(error))
        return findings
    try:
        load_roster(site)
    except DocumentError as error:
        findings.errors.append(str(error))
    for path in rooms:
        try:
            room = _furnished(path, load_room(path, families, secrets))
        except DocumentError as error:
            findings.errors.append(str(error))
            continue
        findings.warnings += room.warnings
        scenes, errors = load_scenes(path, room)
        rundowns, more = load_rundowns(path, room, scenes)
        findings.errors += [str(error) for error in (*errors.values(), *more.values())]
        findings.rooms[path.name] = (
            sum(device.kind not in (STAGE, plaque.ID) for device in room.devices.values()),
            len(scenes),
            len(rundowns),
        )
    return findings


def offline_plan(site: Path, room_id: str, scene_id: str) -> Plan:
    """A plan from the files alone: every present value is unknown. DocumentError or KeyError with what is wrong."""
    room = _furnished(site / room_id, load_room(site / room_id, _families(site), load_secrets(site)))
    scenes, errors = load_scenes(site / room_id, room)
    if scene_id in errors:
        raise errors[scene_id]
    scene = scenes.get(scene_id)
    if scene is None:
        message = f"no scene '{scene_id}' in {room_id}; there are: {', '.join(scenes)}"
        raise KeyError(message)
    facts = {key: Fact() for key in needed(scene.touched)}
    shapes = {key: device.driver for key, device in room.devices.items()}
    return plan_of(room_id, scene, shapes, facts, base=0, now=time.monotonic(), offline=True)


def _rooms(folder: Path) -> tuple[Path, list[Path]]:
    if (folder / ROOM_FILE).exists():
        return folder.resolve().parent, [folder]
    return folder, sorted(path.parent for path in folder.glob(f"*/{ROOM_FILE}"))


def _furnished(folder: Path, room: Room) -> Room:
    """With its walls, its rundowns and its stage, as the server would have them."""
    furnished = Shelf().furnished(Furniture(Album(None, folder / PICTURES)).furnished(room), folder)
    furnished = plaque.furnished(furnished, plaque.PlaqueShape())
    if STAGE in furnished.devices:
        return furnished
    stage = stage_device(StageShape(lambda: load_roster(folder.parent)))
    return replace(furnished, devices={**furnished.devices, STAGE: stage})


def _families(site: Path) -> Mapping[str, Family]:
    return {name: load_family(path) for name, path in find_families(site / "drivers").items()}
