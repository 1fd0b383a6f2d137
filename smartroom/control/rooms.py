"""A room that lives: its files watched, its devices supervised, its runs kept. Put together here, owned by `app`."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from devices.sdk.catalog import Family
from devices.sdk.commands import Query, Salvo, Set
from devices.sdk.connection import Traffic
from devices.sdk.document import DocumentError
from devices.sdk.readings import Reading, Value
from smartroom.control.ceremony import plaque
from smartroom.control.ceremony.effects import Effects
from smartroom.control.ceremony.hall import Hall
from smartroom.control.conference.agencies import load_roster
from smartroom.control.conference.floor import Floor
from smartroom.control.conference.meetings import Meetings
from smartroom.control.devices.bench import Bench
from smartroom.control.devices.gateway import Gateway
from smartroom.control.devices.supervisor import Supervisor
from smartroom.control.displays.outside import Nowhere, Outside
from smartroom.control.displays.pictures.album import Album
from smartroom.control.displays.walls import Furniture, Walls
from smartroom.control.errors import ProblemError, problem
from smartroom.control.history.eventlog import EventLog
from smartroom.control.history.scribe import Scribe
from smartroom.control.limits import FILE_POLL_S, RECORD_QUEUE, SNAPSHOT_S, STOP_S
from smartroom.control.room.files import load_room
from smartroom.control.room.model import Room, SeatCamera
from smartroom.control.room.secrets import NoSecrets, load_secrets
from smartroom.control.room.store import Store
from smartroom.control.room.words import zone_hours
from smartroom.control.rundowns.model import FOLDER as RUNDOWNS
from smartroom.control.rundowns.rundowns import Keeping, Rundowns
from smartroom.control.rundowns.shape import Shelf
from smartroom.control.scenes.claims import Owner, Remembered
from smartroom.control.scenes.desk import Desk
from smartroom.control.scenes.engine import Diary, Engine
from smartroom.control.scenes.files import load_scenes
from smartroom.control.scenes.model import without
from smartroom.control.scenes.ports import RunRecords, StandingRecords, StandingScene
from smartroom.control.scenes.recall import Recall
from smartroom.control.scenes.rules import Guard, Judge, Present
from smartroom.protocol.base import Text
from smartroom.protocol.base import Value as WireValue
from smartroom.protocol.errors import ErrorCode, Problem
from smartroom.protocol.state import Cause, Moved, Unfinished

_LOG = logging.getLogger(__name__)

_PRESSED = frozenset({Cause.SCENE, Cause.HAND})

PICTURES = "pictures"
"""Folder of a room beside its scenes: pictures that slides may name."""


class LearnedRecords(Protocol):
    """Facts drivers learnt: (device, key) -> JSON."""

    async def save(self, room: str, device: str, key: str, value_json: str) -> None:
        """Keep one fact."""
        ...

    async def load(self, room: str) -> Mapping[tuple[str, str], str]:
        """All facts of a room."""
        ...


@dataclass(frozen=True, slots=True)
class RoomRecords:
    """Storage of one room."""

    runs: RunRecords
    standing: StandingRecords
    learned: LearnedRecords
    events: Path | None = None
    """Folder of the room's event log; none: nothing is kept of what happened."""


@dataclass(frozen=True, slots=True)
class WallPlace:
    """What the room's walls need of the server."""

    uploads: Path | None = None
    outside: Outside = field(default_factory=Nowhere)
    paired: Callable[[str], Collection[str]] | None = None
    """Room -> walls that have a screen of their own; None: every wall is taken for paired."""


@dataclass(frozen=True, slots=True)
class TwinOf:
    """A room that stands in for another one in a rehearsal: its own name, no secrets, the same chances each time."""

    id: str
    seed: int = 0
    wire: Callable[[str, Traffic], None] | None = None
    """Hears everything that goes out to devices."""
    watches_files: bool = True


class LiveRoom:
    """One folder of the site. `run` ends only by cancellation; `desk` is the way in."""

    def __init__(
        self,
        folder: Path,
        families: Mapping[str, Family],
        addresses: Mapping[str, str],
        records: RoomRecords,
        place: WallPlace | None = None,
        meetings: Meetings | None = None,
        twin: TwinOf | None = None,
        hall: Hall | None = None,
    ) -> None:
        """Read the folder; DocumentError when its room.yaml cannot be used."""
        self.folder = folder
        self._families = families
        self._addresses = addresses
        self._records = records
        self._known: dict[tuple[str, str], Value] = {}
        self._stamp = _stamp(folder)
        self._place = place or WallPlace()
        self._twin = twin
        self._furniture = Furniture(Album(self._place.uploads, folder / PICTURES))
        self._diary: asyncio.Queue[Callable[[], Awaitable[None]]] = asyncio.Queue(RECORD_QUEUE)
        self._shelf = Shelf()
        self._standing: Sequence[StandingScene] | None = None
        """What is to be written of standing scenes, while its write waits in the diary."""
        self.floor = _floor(folder.parent, meetings, rehearsed=twin is not None)
        self._plaque_shape = plaque.PlaqueShape() if hall is not None or twin is not None else None
        room = self._read()
        self.id = room.id
        self.store = Store(room)
        self.gateway = Gateway()
        self.engine = Engine(self.store, self.gateway, Diary(self._begun, self._ended, self._stand))
        self.engine.judge = Judge(lambda: self._room, Present(self.store, self.gateway, self.engine.movers))
        self.gateway.guard = Guard(lambda: self._room.rules, self.gateway, self.engine.movers)
        self.store.ask_who(self._blame)
        self.supervisor = Supervisor(
            self.store, self.gateway, self._moved, self._learned, self._sent, seed=twin.seed if twin else None
        )
        self.log = (
            EventLog(records.events, room.id, lambda: zone_hours(self._room.timezone)) if records.events else None
        )
        self._scribe: Scribe | None = None
        self.bench = Bench(self.supervisor)
        self.desk = Desk(room, self.store, self.gateway, self.engine, self._dismissed, folder if twin is None else None)
        self.walls = Walls(
            self._furniture,
            self.store,
            self.gateway,
            self._place.outside,
            moved=self._moved,
            arrived=lambda: self._take(self._room),
        )
        self.rundowns = Rundowns(
            self._shelf, self.store, self.gateway, self.engine, self._moved, Keeping(self._learn_now, self._learned)
        )
        self._room = room
        self.walls.describe(room)
        self._plaque = (
            plaque.Plaque(hall, self._plaque_shape, self.store, self._moved) if self._plaque_shape is not None else None
        )
        self._effects = Effects(self._perform)
        if hall is not None:
            hall.effects = self._effects
        self._pair()
        self._take(room)
        self._set_floor(room)

    @property
    def described(self) -> Room:
        """The room as its files describe it now."""
        return self._room

    @property
    def order(self) -> int:
        """Place among the rooms of the site."""
        return self._room.order

    async def run(self) -> None:
        """Recover what earlier lives left, then keep the room alive."""
        async with AsyncExitStack() as stack:
            if self.log is not None:
                await stack.enter_async_context(self.log)
                scribe = self._remember(self.log)
                stack.callback(self.store.subscribe(lambda: scribe.watch(self.store.newest)))
            await self._live()

    async def _live(self) -> None:
        await self._recover()
        self.supervisor.describe(self._room, self._known)
        try:
            async with self.engine, asyncio.TaskGroup() as group:
                group.create_task(self.supervisor.run(), name=f"supervisor:{self.id}")
                group.create_task(self.walls.run(), name=f"walls:{self.id}")
                group.create_task(self.rundowns.run(), name=f"rundowns:{self.id}")
                if self.floor is not None:
                    turning = self.floor.run(self._seat, self._turn)
                    group.create_task(turning, name=f"floor:{self.id}")
                if self._twin is None or self._twin.watches_files:
                    group.create_task(self._watch_files(), name=f"files:{self.id}")
                group.create_task(self._keep_diary(), name=f"diary:{self.id}")
                if self.log is not None:
                    group.create_task(self.log.run(), name=f"log:{self.id}")
        finally:
            await self._close_diary()

    # -- files --

    def _read(self) -> Room:
        self._furniture.album.refresh()
        secrets = load_secrets(self.folder.parent) if self._twin is None else NoSecrets()
        room = load_room(self.folder, self._families, secrets, self._addresses)
        room = self._shelf.furnished(self._furniture.furnished(room), self.folder)
        if self._twin is not None:
            room = replace(room, id=self._twin.id)
        room = room if self.floor is None else self.floor.furnished(room)
        return room if self._plaque_shape is None else plaque.furnished(room, self._plaque_shape)

    def _set_floor(self, room: Room) -> None:
        if self.floor is not None:
            self.floor.describe(room, self.store, self.gateway, self._moved)
        if self._plaque is not None:
            self._plaque.describe(room, self.gateway)

    def _perform(self, scene: str) -> None:
        """What hinders a scene is shown on the panel, and hinders no ceremony."""
        try:
            self.desk.apply(scene, by="prasasti", press=uuid4().hex)
        except ProblemError as error:
            _LOG.warning("scene %s of the plaque was not recalled in %s: %s", scene, self.id, error)

    def _seat(self, agency: str) -> SeatCamera | None:
        return self._room.meetings.seats.get(agency)

    async def _turn(self, seat: SeatCamera) -> object:
        return await self.desk.set(seat.camera, "preset", seat.preset, by="rapat", press=uuid4().hex)

    def _pair(self) -> bool:
        return self._place.paired is not None and self.walls.pair(self._place.paired(self.id))

    def _take(self, room: Room) -> None:
        scenes, errors = load_scenes(self.folder, room)
        for error in errors.values():
            _LOG.warning("%s", error)
        self.walls.offer((*goal.key, goal.value) for scene in scenes.values() for goal in scene.goals)
        scenes = {key: without(scene, self.walls.unpaired) for key, scene in scenes.items()}
        self.gateway.stored = room.rules.eeprom
        self.desk.describe(self.walls.marked(room))
        self.engine.describe(scenes, {key: file_problem(error) for key, error in errors.items()})
        for error in self.rundowns.describe(self.folder, room, scenes, file_problem):
            _LOG.warning("%s", error)
        for warning in room.warnings:
            _LOG.warning("%s", warning)
        self._effects.scenes = room.ceremony
        for what, scene in room.ceremony.items():
            if scene not in scenes:
                _LOG.warning("%s: ceremony.%s names a scene '%s' that is not there", room.id, what, scene)

    def _moved(self, device: str) -> None:
        self.engine.moved(device)
        self.rundowns.moved(device)

    async def _watch_files(self) -> None:
        while True:
            await asyncio.sleep(FILE_POLL_S)
            if self._pair():
                self._take(self._room)
            stamp = _stamp(self.folder)
            if stamp == self._stamp:
                continue
            self._stamp = stamp
            try:
                room = self._read()
            except DocumentError as error:
                _LOG.warning("%s; the last good room stays in force", error)
                self.store.put(("problem",), file_problem(error))
                continue
            _LOG.info("room %s: files read again", self.id)
            self._room = room
            with self.store.batch():
                self.store.put(("problem",), None)
                self.store.describe(room)
                self.desk.describe(room)
                self.supervisor.describe(room, self._known)
                self.walls.describe(room)
                self._pair()
                self._take(room)
                self._set_floor(room)

    # -- records --

    async def _recover(self) -> None:
        """After a restart the room is read and shown; what was cut short is offered, nothing is sent."""
        for key, text in (await self._records.learned.load(self.id)).items():
            value = json.loads(text)
            self._known[key] = tuple(value) if isinstance(value, list) else value
        self.rundowns.recall_books(self._known)
        self.engine.restore_standing(tuple(await self._records.standing.load(self.id)))
        cut = await self._records.runs.unfinished(self.id)
        if cut is not None and cut.scene in self.engine.scenes:
            self.store.put(("unfinished",), Unfinished(scene=cut.scene, run=cut.run, by=cut.by, started=cut.started))

    def _remember(self, log: EventLog) -> Scribe:
        """What each property was when the server ended, and who had moved it; what a run that was cut short may have sent."""
        movers = self.engine.movers
        movers.remembered = {key: Remembered(then.value, then.moved) for key, then in log.last.items()}
        movers.cut_short = {
            (device, name): (
                tuple(value) if isinstance(value, list) else value,
                Owner(Cause.SCENE, begun.by, begun.name),
            )
            for begun in log.cut_short
            for key, value in begun.goals.items()
            for device, name in [_key_of(key, self._room)]
        }
        self._scribe = Scribe(log, lambda: self._room)
        return self._scribe

    def _blame(self, device: str, reading: Reading, before: tuple[WireValue, bool] | None) -> Moved | None:
        """Who moved a property. What is part of this server (a wall, the stage) has no front panel that somebody could have touched."""
        moved = self.engine.movers.moved(device, reading, before)
        ours = device in self._room.devices and self._room.devices[device].wire is None
        return None if ours and moved is not None and moved.cause not in _PRESSED else moved

    def _sent(self, device: str, traffic: Traffic) -> None:
        if self._twin is not None and self._twin.wire is not None:
            self._twin.wire(device, traffic)
        command = traffic.command
        if self._scribe is None or command is None or isinstance(command, Query):
            return
        names = [item.property for item in command.sets] if isinstance(command, Salvo) else []
        names += [command.property] if isinstance(command, Set) else []
        owner = self.engine.movers.sender(device, names)
        if owner is not None:
            masked = self.supervisor.charges[device].device.wire
            self._scribe.sent(device, traffic, masked.driver.masked if masked else bytes, owner.by, owner.run)

    async def _keep_diary(self) -> None:
        while True:
            await self._record(await self._diary.get())

    async def _close_diary(self) -> None:
        """What the last moments left is still written."""
        try:
            async with asyncio.timeout(STOP_S):
                while not self._diary.empty():
                    await self._record(self._diary.get_nowait())
        except TimeoutError:
            _LOG.error("room %s: %d records were not kept", self.id, self._diary.qsize())

    async def _record(self, write: Callable[[], Awaitable[None]]) -> None:
        try:
            await write()
        except Exception:  # noqa: BLE001  # records may fail in many ways; a room goes on without them and says so
            _LOG.exception("room %s: a record was not kept", self.id)

    def _write(self, write: Callable[[], Awaitable[None]]) -> None:
        if self._diary.full():
            if self._diary.get_nowait() == self._keep_standing:
                self._standing = None
            _LOG.error("room %s: the records cannot keep up; the oldest waiting one was dropped", self.id)
        self._diary.put_nowait(write)

    async def _begun(self, recall: Recall, snapshot_json: str) -> None:
        run = recall.run
        if self._scribe is not None:
            self._scribe.begun(run, recall.scene.name)
        try:
            async with asyncio.timeout(SNAPSHOT_S):
                await self._records.runs.begin(run.id, self.id, run.scene, run.by, run.started, snapshot_json)
        except Exception:  # noqa: BLE001  # a full or broken disk must not keep a room from working
            _LOG.exception("room %s: run %s goes on without a snapshot", self.id, run.id)

    def _ended(self, recall: Recall) -> None:
        run = recall.run
        if self._scribe is not None:
            self._scribe.ended(run)
        self._write(lambda: self._records.runs.end(run.id, run.model_dump_json()))

    def _stand(self, scenes: tuple[StandingScene, ...]) -> None:
        """Only the newest matters: one write waits at a time."""
        if self._standing is None:
            self._write(self._keep_standing)
        self._standing = scenes

    async def _keep_standing(self) -> None:
        standing, self._standing = self._standing, None
        await self._records.standing.replace(self.id, standing or ())

    def _dismissed(self, run: str) -> None:
        self._write(lambda: self._records.runs.dismiss(run))

    def _learned(self, device: str, key: str, value: Value) -> None:
        self._known[device, key] = value
        self._write(lambda: self._save_learned(device, key))

    async def _learn_now(self, device: str, key: str, value: Value) -> None:
        self._known[device, key] = value
        await self._save_learned(device, key)

    async def _save_learned(self, device: str, key: str) -> None:
        """The newest value, however long this write has waited."""
        await self._records.learned.save(self.id, device, key, json.dumps(self._known[device, key]))


def _key_of(key: str, room: Room) -> tuple[str, str]:
    """`wall.left.content` as device and property: ids of devices may have dots themselves."""
    device = max((name for name in room.devices if key.startswith(f"{name}.")), key=len, default=key.partition(".")[0])
    return device, key[len(device) + 1 :]


def _floor(site: Path, meetings: Meetings | None, *, rehearsed: bool) -> Floor | None:
    """The meetings' side of a room: theirs, a stand-in in a rehearsal, or none."""
    if meetings is not None:
        return Floor(meetings, lambda: meetings.roster)
    if not rehearsed:
        return None
    roster = load_roster(site)
    return Floor(None, lambda: roster)


def file_problem(error: DocumentError) -> Problem:
    """A file's error as pages show it."""
    name = Path(error.file).name
    where = f"{name}:{error.line}"
    return problem(
        ErrorCode.CONFIGURATION,
        f"{where}: berkas tidak bisa dipakai",
        f"{where}: the file cannot be used",
        detail=str(error).replace(error.file, name),  # where the server keeps its files is nobody's business
        fix=Text.of(error.fix) if error.fix else None,
    )


def _stamp(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Changes when a file of the room or the site's secrets is saved."""
    found: list[tuple[str, int, int]] = []
    watched = ("*.yaml", f"{RUNDOWNS}/*.yaml", f"{PICTURES}/*")
    found_now = [path for pattern in watched for path in folder.glob(pattern)]
    for path in sorted([*found_now, *folder.parent.glob("secrets.yaml")]):
        with suppress(OSError):
            status = path.stat()
            found.append((path.name, status.st_mtime_ns, status.st_size))
    return tuple(found)
