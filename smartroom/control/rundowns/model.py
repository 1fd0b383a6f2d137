"""`<room>/rundowns/NAME.yaml` -> Rundown: what each cue does, how it is fired and when it is over. Every refusal names file, line and fix."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import chain
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from devices.sdk.document import Document, DocumentError, read_document
from smartroom.control.limits import CUE_HOLD_MAX_S, CUE_TIME_MAX_S, RUNDOWN_CUES, SCENE_TIMEOUT_S
from smartroom.control.room.expressions import Expression
from smartroom.control.room.files import Id, Words, from_validation
from smartroom.control.room.model import Room
from smartroom.control.scenes.goals import condition, goals_at, seconds
from smartroom.control.scenes.model import Goal, Place, Scene
from smartroom.protocol.base import Text

FOLDER = "rundowns"
"""Folder of a room beside its scenes."""
KIND = "rundown"

WALL = "wall"


@dataclass(frozen=True, slots=True)
class Countdown:
    """Figures on walls, held and skipped by the operator."""

    seconds: float
    goals: tuple[Goal, ...]
    """Content of each wall; the figure is put in when it begins."""
    title: str
    done: str

    def content(self, **moment: object) -> dict[str, object]:
        """What the walls are asked to show: `to` a moment, or `left` so many seconds, standing still."""
        return {"kind": "countdown", "title": self.title, "done": self.done, **moment}


@dataclass(frozen=True, slots=True)
class Cue:
    """One moment of a rundown."""

    id: str
    name: Text
    note: Text | None
    says: Text | None
    fallback: Text | None
    scene: Scene | None
    """Recalled as if its tile were tapped."""
    goals: tuple[Goal, ...]
    """What it wants beside its scene."""
    countdown: Countdown | None
    waits: bool
    until: Expression | None
    """A cue that waits is over when this holds."""
    guard: Expression | None
    """What must hold before it may be fired."""
    fire: Literal["tap", "hold"]
    hold_s: float
    planned_s: float | None
    planned_at: float | None = None

    def own(self, rundown: str, goals: tuple[Goal, ...]) -> Scene:
        """Goals of its own as something the engine can carry out."""
        return Scene(
            id=f"{rundown}.{self.id}",
            name=self.name,
            icon="cue",
            order=0,
            danger=False,
            hidden=True,
            on_failure="continue",
            timeout_s=SCENE_TIMEOUT_S,
            goals=goals,
        )


@dataclass(frozen=True, slots=True)
class Rundown:
    """A rundown ready to be opened."""

    id: str
    name: Text
    note: Text | None
    cues: tuple[Cue, ...]
    planned_s: float | None

    def cue(self, key: str | None) -> Cue | None:
        """A cue by its id."""
        return next((cue for cue in self.cues if cue.id == key), None)

    def after(self, key: str) -> str | None:
        """The cue that follows; None after the last, and after one that is no longer in the file."""
        ids = [cue.id for cue in self.cues]
        place = ids.index(key) + 1 if key in ids else len(ids)
        return ids[place] if place < len(ids) else None

    def before(self, key: str | None) -> str | None:
        """The cue that stands before; before the end it is the last one."""
        ids = [cue.id for cue in self.cues]
        place = ids.index(key) - 1 if key in ids else len(ids) - 1
        return ids[place] if place >= 0 else None


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)


Walls = Annotated[list[Id], Field(min_length=1, max_length=64)]


class _MessageFile(_Part):
    title: str
    text: str = ""
    tone: str = "info"
    walls: Walls | None = None


class _CountdownFile(_Part):
    seconds: Annotated[int, Field(ge=1, le=3600)]
    title: str = ""
    done: str = ""
    walls: Walls | None = None


class _WaitFile(_Part):
    until: str


class CueFile(_Part):
    """Keys of one cue."""

    id: Id
    name: Words
    note: Words | None = None
    says: Words | None = None
    """What the master of ceremonies says."""
    fallback: Words | None = None
    """What to do when it does not work."""
    scene: Id | None = None
    """Recall this scene."""
    desired: dict[str, dict[str, object]] = {}
    """Bring these properties to their values, as in a scene."""
    message: _MessageFile | None = None
    """One sentence on the walls."""
    countdown: _CountdownFile | None = None
    """Count down on the walls; the operator may hold or skip it."""
    hold: Literal[True] | _WaitFile | None = None
    """It stands until the operator goes on, or until a condition holds."""
    guard: str | None = None
    """A condition that must hold before it may be fired."""
    fire: Literal["tap", "hold"] = "tap"
    """`hold`: its button is held down for `hold_for`."""
    hold_for: str | None = None
    planned: str | None = None
    """How long it is meant to stand: 5m, 30s."""


class RundownFile(_Part):
    """Keys of a rundown's file."""

    name: Words
    note: Words | None = None
    cues: Annotated[list[CueFile], Field(min_length=1, max_length=RUNDOWN_CUES)]


KEYS = {"RundownFile": list(RundownFile.model_fields), "cues": list(CueFile.model_fields)}


def rundown_files(folder: Path) -> list[Path]:
    """Files of a room's rundowns, in the order of their names."""
    return sorted((folder / FOLDER).glob("*.yaml"))


def load_rundowns(
    folder: Path, room: Room, scenes: Mapping[str, Scene]
) -> tuple[dict[str, Rundown], dict[str, DocumentError]]:
    """All rundowns of a room's folder, and for each file that cannot be used its error."""
    found: dict[str, Rundown] = {}
    errors: dict[str, DocumentError] = {}
    for path in rundown_files(folder):
        try:
            found[path.stem] = load_rundown(path, room, scenes)
        except DocumentError as error:
            errors[path.stem] = error
    return found, errors


def load_rundown(path: Path, room: Room, scenes: Mapping[str, Scene]) -> Rundown:
    """One rundown. DocumentError names file, line and fix."""
    document = read_document(path)
    try:
        written = RundownFile.model_validate(document.value)
    except ValidationError as error:
        raise from_validation(document, error, KEYS) from None
    reader = _Reader(document, room, scenes)
    cues = list(reader.cues(written))
    at: float | None = 0.0
    for index, cue in enumerate(cues):
        cues[index] = replace(cue, planned_at=at)
        at = at + cue.planned_s if at is not None and cue.planned_s is not None else None
    return Rundown(path.stem, written.name, written.note, tuple(cues), at)


class _Reader:
    def __init__(self, document: Document, room: Room, scenes: Mapping[str, Scene]) -> None:
        self._document = document
        self._room = room
        self._scenes = scenes

    def cues(self, written: RundownFile) -> Iterator[Cue]:
        """Every cue, checked."""
        lines: dict[str, int] = {}
        for index, item in enumerate(written.cues):
            place: Place = ("cues", index)
            if item.id in lines:
                raise self._document.error(
                    (*place, "id"),
                    f"cue '{item.id}' stands twice, first on line {lines[item.id]}",
                    value=item.id,
                    fix="give each cue an id of its own",
                )
            lines[item.id] = self._document.line((*place, "id"))
            yield self._cue(place, item)

    def _cue(self, place: Place, item: CueFile) -> Cue:
        if not (item.scene or item.desired or item.message or item.countdown or item.hold):
            raise self._document.error(
                place,
                f"cue '{item.id}' does nothing",
                fix="add scene:, desired:, message: or countdown:, or  hold: true  for one that only stands",
            )
        scene = self._scene((*place, "scene"), item.scene)
        cue = Cue(
            id=item.id,
            name=item.name,
            note=item.note,
            says=item.says,
            fallback=item.fallback,
            scene=scene,
            goals=tuple(self._goals(place, item, scene)),
            countdown=self._countdown(place, item, scene),
            waits=item.hold is not None,
            until=self._condition(
                (*place, "hold", "until"), item.hold.until if isinstance(item.hold, _WaitFile) else None
            ),
            guard=self._condition((*place, "guard"), item.guard),
            fire=item.fire,
            hold_s=self._seconds((*place, "hold_for"), item.hold_for, CUE_HOLD_MAX_S) or 1.0,
            planned_s=self._seconds((*place, "planned"), item.planned, CUE_TIME_MAX_S),
        )
        if item.hold_for and item.fire == "tap":
            raise self._document.error(
                (*place, "hold_for"), "'hold_for' is for cues that are held", fix="add  fire: hold  or remove the line"
            )
        return cue

    def _scene(self, place: Place, name: str | None) -> Scene | None:
        if name is None:
            return None
        found = self._scenes.get(name)
        if found is None:
            near = get_close_matches(name, self._scenes, n=1)
            raise self._document.error(
                place,
                f"no scene '{name}' in this room",
                value=name,
                fix=f"did you mean '{near[0]}'?" if near else f"scenes: {', '.join(self._scenes) or 'none'}",
            )
        return found

    def _goals(self, place: Place, item: CueFile, scene: Scene | None) -> Iterator[Goal]:
        taken = {goal.key: f"its scene '{item.scene}'" for goal in (scene.goals if scene else ())}
        written = goals_at(self._document, (*place, "desired"), item.desired, self._room)
        for goal, where in chain(written, self._message(place, item)):
            if goal.key in taken:
                raise self._document.error(
                    where,
                    f"cue '{item.id}' wants {goal.device}.{goal.property} twice: here and by {taken[goal.key]}",
                    fix="remove one of the two, or put it into a cue of its own",
                )
            taken[goal.key] = "another line of it"
            yield goal

    def _message(self, place: Place, item: CueFile) -> Iterator[tuple[Goal, Place]]:
        if item.message is None:
            return
        place = (*place, "message")
        content = {"kind": "message", **item.message.model_dump(exclude={"walls"}, exclude_defaults=True)}
        for wall in self._walls(place, item.message.walls):
            for goal, _ in goals_at(self._document, place, {wall: {"content": content}}, self._room):
                yield goal, place

    def _countdown(self, place: Place, item: CueFile, scene: Scene | None) -> Countdown | None:
        if item.countdown is None:
            return None
        place = (*place, "countdown")
        walls = list(self._walls(place, item.countdown.walls))
        for goal in scene.goals if scene else ():
            if goal.device in walls and goal.property == "content":
                raise self._document.error(
                    place,
                    f"cue '{item.id}' wants {goal.device}.content twice: here and by its scene '{item.scene}'",
                    fix="put the countdown into a cue of its own, or name other walls:",
                )
        counting = Countdown(float(item.countdown.seconds), (), item.countdown.title, item.countdown.done)
        shown = {wall: {"content": counting.content(left=item.countdown.seconds)} for wall in walls}
        return replace(counting, goals=tuple(goal for goal, _ in goals_at(self._document, place, shown, self._room)))

    def _walls(self, place: Place, named: list[str] | None) -> Iterator[str]:
        """Device ids of walls: those named, or every wall of the room."""
        known = list(self._room.walls)
        for index, name in enumerate(named or []):
            if name not in known:
                near = get_close_matches(name, known, n=1)
                raise self._document.error(
                    (*place, "walls", index),
                    f"no wall '{name}' in room.yaml",
                    value=name,
                    fix=f"did you mean '{near[0]}'?" if near else f"walls: {', '.join(known) or 'none'}",
                )
        if not known:
            raise self._document.error(
                place, "this room has no wall to show it", fix="name one under walls: in room.yaml"
            )
        return (f"{WALL}.{name}" for name in named or known)

    def _condition(self, place: Place, text: str | None) -> Expression | None:
        return None if text is None else condition(self._document, place, text, self._room)

    def _seconds(self, place: Place, text: str | None, longest: float) -> float | None:
        return None if text is None else seconds(self._document, place, text, 0.1, longest)
