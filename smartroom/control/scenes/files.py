"""A scene as its file describes it: a desired state, complete with everything it inherits by `extends`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from devices.sdk.document import Document, DocumentError, read_document
from smartroom.control.limits import SCENE_STEPS, SCENE_TIMEOUT_MAX_S, SCENE_TIMEOUT_S
from smartroom.control.room.expressions import Expression
from smartroom.control.room.files import ROOM_FILE, Words, from_validation
from smartroom.control.room.model import PropertyKey, Room
from smartroom.control.scenes.goals import FileNames, coherent, condition, goals_at, linked, seconds
from smartroom.control.scenes.model import UNDO, Goal, Place, Scene
from smartroom.control.scenes.steps import (
    Count,
    Head,
    Policy,
    SetStep,
    Step,
    StepFile,
    lasting,
    longest,
    read_steps,
)


class SceneFile(BaseModel):
    """Keys of a scene file."""

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    name: Words
    icon: str = "scene"
    order: int = 100
    danger: bool = False
    """Ask by holding the tile."""
    hidden: bool = False
    """No tile: only there to be extended."""
    emergency: bool = False
    """Nothing may stand in its way but interlocks."""
    extends: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")] | None = None
    on_failure: Policy | None = None
    timeout: str | None = None
    desired: dict[str, dict[str, object]] = {}
    steps: Annotated[list[StepFile], Field(max_length=SCENE_STEPS)] = []
    """Ordered steps, after `desired`; only where a desired state is not enough."""


def load_scenes(folder: Path, room: Room) -> tuple[dict[str, Scene], dict[str, DocumentError]]:
    """All scenes of a room's folder, and for each file that cannot be used its error."""
    scenes: dict[str, Scene] = {}
    errors: dict[str, DocumentError] = {}
    for path in sorted(folder.glob("*.yaml")):
        if path.name == ROOM_FILE:
            continue
        try:
            scenes[path.stem] = load_scene(path, room)
        except DocumentError as error:
            errors[path.stem] = error
    return scenes, errors


def load_scene(path: Path, room: Room) -> Scene:
    """One scene with everything it inherits and all steps of nested scenes. DocumentError names file, line and fix."""
    chain = list(_chain(path))
    if path.stem == UNDO:
        raise chain[0][0].error((), f"'{UNDO}' is taking the last change back", fix="give the file another name")
    document, written = chain[0]
    first = _desired(chain, room)
    steps = _steps(chain, room, (path.stem,), "", Count())
    timeout = next((item.timeout for _, item in chain if item.timeout), None)
    return Scene(
        id=path.stem,
        name=written.name,
        icon=written.icon,
        order=written.order,
        danger=written.danger,
        hidden=written.hidden,
        on_failure=next((item.on_failure for _, item in chain if item.on_failure), "continue"),
        timeout_s=_timeout(document, timeout, longest(steps)),
        goals=lasting(first, steps) if steps else first,
        first=first if steps else None,
        steps=steps,
        emergency=written.emergency,
    )


def _desired(chain: Sequence[tuple[Document, SceneFile]], room: Room) -> tuple[Goal, ...]:
    """The desired state with everything inherited, each goal linked to what must hold before it."""
    goals: dict[PropertyKey, tuple[Goal, Document, Place]] = {}
    for document, written in reversed(chain):
        for goal, where in goals_at(document, ("desired",), written.desired, room):
            goals[goal.key] = (goal, document, where)
    coherent(goals)
    wanted = {key: goal for key, (goal, _, _) in goals.items()}
    return tuple(linked(goal, wanted, room.rules) for goal in wanted.values())


def _steps(
    chain: Sequence[tuple[Document, SceneFile]], room: Room, inside: tuple[str, ...], prefix: str, count: Count
) -> tuple[Step, ...]:
    """The steps of the nearest file that has any. `inside`: the scenes that are being read, for one must not hold itself."""
    document, written = next(((at, item) for at, item in chain if item.steps), chain[0])
    return tuple(read_steps(_FileSteps(document, room, inside), ("steps",), written.steps, prefix, count))


@dataclass(frozen=True, slots=True)
class _FileSteps:
    """`Source` of one scene's file."""

    document: Document
    room: Room
    inside: tuple[str, ...]

    def goals(self, place: Place, desired: Mapping[str, Mapping[str, object]]) -> tuple[Goal, ...]:
        found = {
            goal.key: (goal, self.document, where) for goal, where in goals_at(self.document, place, desired, self.room)
        }
        coherent(found)
        wanted = {key: goal for key, (goal, _, _) in found.items()}
        return tuple(linked(goal, wanted, self.room.rules) for goal in wanted.values())

    def goal(self, place: Place, name: str, value: float) -> Goal:
        return FileNames(self.document, place, self.room).whole(name, value)

    def condition(self, place: Place, text: str, steps: Collection[str]) -> Expression:
        return condition(self.document, place, text, self.room, steps)

    def duration(self, place: Place, text: str, longest: float) -> float:
        return seconds(self.document, place, text, 0.1, longest)

    def nested(self, place: Place, scene: str, number: str, count: Count) -> tuple[Step, ...]:
        if scene in self.inside:
            raise self.document.error(
                place,
                f"'{scene}' holds itself: {' → '.join([*self.inside, scene])}",
                value=scene,
                fix="break the circle: copy the steps you need",
            )
        path = Path(self.document.file).with_name(f"{scene}.yaml")
        if not path.exists():
            names = [item.stem for item in path.parent.glob("*.yaml") if item.name != ROOM_FILE]
            near = get_close_matches(scene, names, n=1)
            fix = f"did you mean '{near[0]}'?" if near else f"scenes: {', '.join(sorted(names))}"
            raise self.document.error(place, f"no scene '{scene}' to put in", value=scene, fix=fix)
        chain = list(_chain(path))
        first, inner = _desired(chain, self.room), Count(count.steps)  # ids of another scene are its own
        steps = _steps(chain, self.room, (*self.inside, scene), number, inner)
        count.steps = inner.steps
        begin = Head(f"{number}0", None, chain[0][1].name, None)
        return (*((SetStep(begin, first),) if first else ()), *steps)


def _timeout(document: Document, written: str | None, steps_s: float) -> float:
    """Steps need their own time: what is written must leave room for it, what is not written grows with it."""
    if written is None:
        if steps_s > SCENE_TIMEOUT_MAX_S - SCENE_TIMEOUT_S:
            raise document.error(
                ("steps",), f"these steps take up to {steps_s:g} s", fix="make a rundown of it, or shorten its waits"
            )
        return SCENE_TIMEOUT_S + steps_s
    limit = seconds(document, ("timeout",), written, 1, SCENE_TIMEOUT_MAX_S)
    if limit < steps_s:
        raise document.error(
            ("timeout",),
            f"timeout {written} is shorter than its steps, which take up to {steps_s:g} s",
            value=written,
            fix=f"timeout: {min(steps_s + SCENE_TIMEOUT_S, SCENE_TIMEOUT_MAX_S):g}s",
        )
    return limit


def _chain(path: Path) -> Iterator[tuple[Document, SceneFile]]:
    seen: list[str] = []
    while True:
        document = read_document(path)
        try:
            written = SceneFile.model_validate(document.value)
        except ValidationError as error:
            raise from_validation(document, error) from None
        yield document, written
        if written.extends is None:
            return
        seen.append(path.stem)
        if written.extends in seen:
            raise document.error(
                ("extends",),
                f"'{path.stem}' extends itself through {' → '.join([*seen, written.extends])}",
                value=written.extends,
                fix="break the circle",
            )
        following = path.with_name(f"{written.extends}.yaml")
        if not following.exists():
            names = [item.stem for item in path.parent.glob("*.yaml") if item.name != ROOM_FILE]
            near = get_close_matches(written.extends, names, n=1)
            raise document.error(
                ("extends",),
                f"no scene '{written.extends}' to extend",
                value=written.extends,
                fix=f"did you mean '{near[0]}'?" if near else "create that file or remove the line",
            )
        path = following
