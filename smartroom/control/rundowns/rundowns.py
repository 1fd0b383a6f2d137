"""The rundowns of one room: registered as devices, shown to operators, kept across restarts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path

from devices.sdk.document import DocumentError
from devices.sdk.readings import Value
from smartroom.control.devices.gateway import Gateway
from smartroom.control.errors import ProblemError, problem
from smartroom.control.room.model import Room
from smartroom.control.room.store import Store
from smartroom.control.room.words import property_label, value_label
from smartroom.control.rundowns.book import Book, read_book
from smartroom.control.rundowns.model import KIND, Cue, load_rundowns
from smartroom.control.rundowns.shape import Shelf
from smartroom.control.rundowns.show import Ports, Show
from smartroom.control.scenes.conditions import Now
from smartroom.control.scenes.engine import Engine
from smartroom.control.scenes.model import Scene
from smartroom.control.scenes.recall import Recall
from smartroom.protocol.base import Text
from smartroom.protocol.commands import Accepted, RunCue
from smartroom.protocol.errors import ErrorCode, Problem
from smartroom.protocol.rundowns import CueLine, CueShape, RundownState

_BOOK = "book"
"""Key of what is kept of a rundown."""

_DEEDS: Mapping[str, Text] = {
    "open": Text(id="membuka susunan acara", en="opened the rundown"),
    "go": Text(id="menjalankan isyarat", en="fired the cue"),
    "skip": Text(id="melewati isyarat", en="skipped the cue"),
    "hold": Text(id="menahan susunan acara", en="held the rundown"),
    "resume": Text(id="melanjutkan susunan acara", en="resumed the rundown"),
    "close": Text(id="menutup susunan acara", en="closed the rundown"),
}


@dataclass(frozen=True, slots=True)
class Keeping:
    """Storage of books: device and key -> JSON text."""

    now: Callable[[str, str, str], Awaitable[None]]
    """On disk when it returns."""
    later: Callable[[str, str, str], None]


class Rundowns:
    """`run` ends only by cancellation. `describe` takes over files that were read."""

    def __init__(
        self,
        shelf: Shelf,
        store: Store,
        gateway: Gateway,
        engine: Engine,
        moved: Callable[[str], None],
        keeping: Keeping,
    ) -> None:
        self._store = store
        self._gateway = gateway
        self._engine = engine
        self._moved = moved
        self._keeping = keeping
        self._room: Room | None = None
        self._shapes = shelf.shapes
        self._shows: dict[str, Show] = {}
        self._books: dict[str, Book] = {}
        self._errors: Mapping[str, Problem] = {}
        self._group: asyncio.TaskGroup | None = None
        self._told: dict[str, dict[str, Value]] = {}
        self._dirty: set[str] = set()

    # -- files --

    def describe(
        self, folder: Path, room: Room, scenes: Mapping[str, Scene], problem_of: Callable[[DocumentError], Problem]
    ) -> list[DocumentError]:
        """Take the files. One with an error keeps its last good form and says so; returns the errors."""
        self._room = room
        rundowns, errors = load_rundowns(folder, room, scenes)
        self._errors = {key: problem_of(error) for key, error in errors.items()}
        for key in set(self._shows) - {*rundowns, *errors}:
            del self._shows[key], self._told[key]
            self._gateway.unregister(f"{KIND}.{key}")
        for key, rundown in rundowns.items():
            shape = self._shapes[f"{KIND}.{key}"]
            shape.rundown = rundown
            if key in self._shows:
                self._shows[key].describe()
        for key in sorted({*rundowns, *errors} - self._shows.keys()):
            show = self._shows[key] = Show(self._shapes[f"{KIND}.{key}"], self._ports(key))
            self._gateway.register(f"{KIND}.{key}", show)
            self._store.link(f"{KIND}.{key}", show.status)
        self._wake()
        with self._store.batch():
            self._store.put(
                ("rundowns",), {key: self.state(key).model_dump(mode="json") for key in sorted(self._shows)}
            )
            for key in self._shows:
                self._report(key)
        return list(errors.values())

    # -- life --

    def recall_books(self, known: Mapping[tuple[str, str], object]) -> None:
        """What earlier lives kept; before the files are taken for the first time."""
        for (device, key), text in known.items():
            kind, _, rundown = device.partition(".")
            if kind == KIND and key == _BOOK and isinstance(text, str):
                self._books[rundown] = read_book(text)

    async def run(self) -> None:
        """Carry cues out."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            self._wake()
            await asyncio.Event().wait()

    def moved(self, device: str) -> None:
        """A device reported something: conditions are looked at once the loop has a moment."""
        if not device.startswith(f"{KIND}.") and not self._dirty:
            self._dirty.add(device)
            asyncio.get_running_loop().call_soon(self._look_again)

    # -- operators --

    async def press(self, press: RunCue, by: str, *, may_force: bool) -> Accepted:
        """One deed of an operator. Raises ProblemError."""
        show = self._shows.get(press.rundown)
        if show is None:
            known = ", ".join(self._shows) or "none"
            raise ProblemError(
                problem(
                    ErrorCode.NOT_FOUND,
                    f"Susunan acara '{press.rundown}' tidak ada",
                    f"No rundown '{press.rundown}'",
                    detail=f"rundowns: {known}",
                )
            )
        if press.force and not may_force:
            raise ProblemError(
                problem(
                    ErrorCode.FORBIDDEN,
                    "Syarat isyarat tidak boleh dilewati",
                    "You may not pass over a cue's condition",
                )
            )
        before = show.book.next
        runs = await show.press(press.do, by, turn=press.turn, cue=press.cue, force=press.force)
        self._did(press, by, before)
        return Accepted(id=press.id, run=runs[0] if runs else None)

    # -- inside --

    def _did(self, press: RunCue, by: str, cue: str | None) -> None:
        deed = _DEEDS.get(press.do)
        rundown = self._shapes[f"{KIND}.{press.rundown}"].rundown
        if deed is None or rundown is None:
            return
        found = rundown.cue(cue) if press.do in ("go", "skip") else None
        name = found.name if found else rundown.name
        self._store.did(by, Text(id=f"{deed.id} {name.id}", en=f"{deed.en} {name.en or name.id}"))

    def _wake(self) -> None:
        """Books of an earlier life, as soon as their files are there and cues can be followed."""
        for key in self._books.keys() & self._shows.keys() if self._group is not None else ():
            self._shows[key].wake(self._books.pop(key))

    def _ports(self, key: str) -> Ports:
        device = f"{KIND}.{key}"
        return Ports(
            gateway=self._gateway,
            recall=self._recall,
            carry_out=self._engine.start_unlisted,
            judge=lambda condition: condition.judge(Now(self._gateway, self._room.timezone if self._room else "WIB")),
            keep=lambda text: self._keeping.now(device, _BOOK, text),
            later=lambda text: self._keeping.later(device, _BOOK, text),
            show=lambda: self._show(key),
            spawn=self._spawn,
        )

    def _recall(self, scene: Scene, by: str) -> Recall:
        """The scene as its file stands now."""
        return self._engine.start(self._engine.scenes.get(scene.id, scene), by)[0]

    def _spawn(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        if self._group is None:
            work.close()
            raise ProblemError(problem(ErrorCode.OVERLOADED, "Ruangan belum siap", "The room is not ready yet"))
        return self._group.create_task(work, name="cue")

    def _look_again(self) -> None:
        self._dirty.clear()
        for show in self._shows.values():
            show.moved()

    def _show(self, key: str) -> None:
        with self._store.batch():
            if key in self._shows:
                for part, value in self.state(key).model_dump(mode="json").items():
                    self._store.put(("rundowns", key, part), value)
                self._report(key)

    def _report(self, key: str) -> None:
        device, show = f"{KIND}.{key}", self._shows[key]
        told = self._told.setdefault(key, {})
        for name, value in show.values().items():
            reading = show.reading(name)
            if reading is not None and told.get(name, ...) != value:
                told[name] = value
                self._store.reading(device, reading)
        self._moved(device)

    def state(self, key: str) -> RundownState:
        """A rundown as operators see it."""
        show, rundown = self._shows[key], self._shapes[f"{KIND}.{key}"].rundown
        book = show.book
        return RundownState(
            id=key,
            name=rundown.name if rundown else Text.of(key),
            note=rundown.note if rundown else None,
            cues=[self._cue(cue) for cue in rundown.cues] if rundown else [],
            planned_s=rundown.planned_s if rundown else None,
            phase=book.phase,
            next=book.next if book.open else None,
            turn=book.turn,
            opened=book.opened,
            opened_by=book.opened_by,
            closed=book.closed,
            held=book.held,
            arming=next(iter(show.arming.values()), None),
            guard=show.guard,
            entries=book.entries,
            problem=self._errors.get(key),
        )

    def _cue(self, cue: Cue) -> CueShape:
        return CueShape(
            id=cue.id,
            name=cue.name,
            note=cue.note,
            says=cue.says,
            fallback=cue.fallback,
            does=self._lines(cue),
            scene=cue.scene.id if cue.scene else None,
            countdown_s=cue.countdown.seconds if cue.countdown else None,
            waits=cue.waits,
            fire=cue.fire,
            hold_s=cue.hold_s,
            planned_s=cue.planned_s,
            planned_at=cue.planned_at,
            guarded=cue.guard is not None,
        )

    def _lines(self, cue: Cue) -> list[CueLine]:
        """What it does, a line for each device."""
        room = self._room
        assert room is not None
        goals = [*(cue.scene.goals if cue.scene else ()), *cue.goals, *(cue.countdown.goals if cue.countdown else ())]
        lines: dict[str, list[Text]] = {}
        for goal in goals:
            device = room.devices[goal.device]
            label = property_label(device, goal.property, room)
            spec = device.driver.spec(goal.property)
            value = list(goal.value) if isinstance(goal.value, tuple) else goal.value
            words = value_label(goal.property, spec, value, room.sources_of(device.id), device)
            lines.setdefault(goal.device, []).append(
                words
                if goal.property in ("power", "input", "content", "preset")
                else Text(id=f"{_short(label.id)} {words.id}", en=f"{_short(label.en)} {words.en or words.id}")
            )
        return [
            CueLine(
                kind=room.devices[key].kind,
                name=room.devices[key].name,
                text=Text(id=", ".join(item.id for item in texts), en=", ".join(item.en or item.id for item in texts)),
            )
            for key, texts in lines.items()
        ]


def _short(label: str) -> str:
    """A property without its device: the line already names it."""
    return label.rpartition(" · ")[2]
