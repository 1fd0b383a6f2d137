"""Composition root: builds everything, starts it in order and stops it in the opposite order."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

from devices.sdk.catalog import Family, find_families, load_family
from devices.sdk.document import DocumentError
from smartroom.control.ceremony.ceremonies import Ceremonies
from smartroom.control.ceremony.ports import Index, Rules
from smartroom.control.ceremony.trust import HouseConfined
from smartroom.control.chain import FileStorage
from smartroom.control.conference.agencies import FILE as AGENCIES_FILE
from smartroom.control.conference.agencies import load_roster
from smartroom.control.conference.engine import EmbeddedEngine, Placement
from smartroom.control.conference.meetings import Meetings
from smartroom.control.conference.ports import Place
from smartroom.control.conference.turn import Turn
from smartroom.control.devices.bench import Bench
from smartroom.control.devices.simulation import Simulation
from smartroom.control.displays.walls import Walls
from smartroom.control.errors import ProblemError
from smartroom.control.garbage import QuietCollector
from smartroom.control.history.eventlog import EventLog
from smartroom.control.identity.people import People
from smartroom.control.limits import FILE_POLL_S
from smartroom.control.logbook import LogBook
from smartroom.control.records.database import RecordsError
from smartroom.control.records.records import Records
from smartroom.control.rehearsal.mode import Rehearsals
from smartroom.control.room.files import ROOM_FILE
from smartroom.control.room.secrets import SECRETS_FILE, load_secrets
from smartroom.control.rooms import LiveRoom, RoomRecords, WallPlace, file_problem
from smartroom.control.rundowns.rundowns import Rundowns
from smartroom.control.scenes.desk import Desk
from smartroom.control.web.outside import FrameCheck
from smartroom.control.web.ports import Front, House
from smartroom.control.web.server import WebServer
from smartroom.protocol.errors import Problem
from smartroom.protocol.people import ActorKind, NewUser, Role
from smartroom.protocol.rehearsal import original_of
from smartroom.settings import CeremonySettings

_LOG = logging.getLogger(__name__)


LOGS = "log"
"""Folder of the rooms' event logs in the data folder."""


class CannotStart(Exception):
    """The server cannot start; the sentence names the fix."""


@dataclass(frozen=True, slots=True)
class Media:
    """Where media workers listen, and how many there are."""

    placement: Placement = field(default_factory=Placement)
    workers: int = 1
    turn: Turn | None = None
    """A TURN server that shares a secret with us."""


class Application:
    """`async with Application(...)`: records open, people loaded, rooms alive. `desks` grows when a broken room's file is mended."""

    def __init__(
        self,
        site: Path,
        data: Path,
        *,
        database: str | None = None,
        addresses: Mapping[str, Mapping[str, str]] | None = None,
        simulation: Simulation | None = None,
        media: Media | None = None,
        ceremony: CeremonySettings | None = None,
    ) -> None:
        self.site = site
        self.data = data
        self.records = Records(data, database)
        self.people = People(self.records.people)
        self.desks: dict[str, Desk] = {}
        self.rooms: dict[str, LiveRoom] = {}
        self.benches: dict[str, Bench] = {}
        self.histories: dict[str, EventLog] = {}
        self.log = LogBook()
        self.walls: dict[str, Walls] = {}
        self.rundowns: dict[str, Rundowns] = {}
        self.outside = FrameCheck()
        media = media or Media()
        self.engine = EmbeddedEngine(media.workers, media.placement, standby=True)
        self.meetings = Meetings(
            self.records.meetings,
            self.engine,
            _RoomsOf(self),
            lambda meeting: FileStorage(data / "attendance" / meeting),
            media.turn,
        )
        self.ceremonies = _ceremonies(data, ceremony or CeremonySettings(), self.records.ceremonies)
        self._families = _families(site)
        self.rehearsals = Rehearsals(self._families, self.rooms.get, self._let_in, self._put_out)
        self.broken: dict[str, Problem] = {}
        """Rooms whose room.yaml cannot be used, and why."""
        self._addresses = addresses or {}
        self._simulation = simulation
        self._hidden = 0
        self._listed = 0
        self._open = AsyncExitStack()
        self._collector = QuietCollector()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Records, then people, then rooms."""
        async with AsyncExitStack() as opening:
            opening.enter_context(self.log)
            try:
                await opening.enter_async_context(self.records)
            except RecordsError as error:
                raise CannotStart(str(error)) from error
            await self.people.load()
            opened = asyncio.Event()
            self._task = asyncio.create_task(self._supervise(opened), name="supervisor")
            opening.push_async_callback(self._stop, self._task)
            await opened.wait()
            self._open = opening.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Rooms, then records."""
        await self._open.aclose()

    @property
    def alive(self) -> bool:
        """False when the root supervisor has ended: nothing is served any more."""
        return self._task is not None and not self._task.done()

    def web(self, front: Front) -> WebServer:
        """The way in for browsers and programs; `async with` it inside the application."""
        house = House(
            desks=self.desks,
            people=self.people,
            trail=self.records.trail,
            recent_runs=self.records.runs.recent,
            writable=self.records.writable,
            histories=self.histories,
            benches=self.benches,
            log=self.log,
            simulation=self._simulation,
            walls=self.walls,
            meetings=self.meetings,
            rundowns=self.rundowns,
            ceremonies=self.ceremonies,
            rehearsals=self.rehearsals,
        )
        self.outside.front = front
        self.meetings.url = front.url
        self.ceremonies.url = self.ceremonies.url or front.url
        return WebServer(house, front)

    async def machine_token(self, name: str) -> str:
        """A technician's token for this machine's command line; earlier ones of the name end."""
        tokens = self.people.tokens
        for row in list(tokens):
            if row.name == name and row.kind == ActorKind.TOKEN:
                await tokens.revoke(row.id)
        return (await tokens.create(name, Role.TECHNICIAN, ["*"], "server")).secret

    async def pairing(self, name: str, role: Role, rooms: Sequence[str] = ()) -> str:
        """The path of a one-use link that makes a browser a screen of these rooms, or of all."""
        offered = await self.people.tokens.offer(name, role, rooms or sorted(self.rooms), "server")
        return f"/pair/{offered.code}"

    async def known_accounts(self, accounts: Mapping[str, Role], password: str) -> None:
        """Accounts that must exist (the demo's); those that do are left as they are."""
        known = {row.name for row in self.people.users()}
        for name, role in accounts.items():
            if name not in known:
                await self.people.add_user(NewUser(name=name, password=password, role=role, rooms=["*"]))

    async def _stop(self, task: asyncio.Task[None]) -> None:
        task.cancel()
        await asyncio.wait({task})

    async def _supervise(self, opened: asyncio.Event) -> None:
        async with self.engine, self.ceremonies, self.rehearsals, asyncio.TaskGroup() as group:
            while True:
                try:
                    self._read_roster()
                    self._open_rooms(group)
                    if not opened.is_set():
                        group.create_task(self._keep_meetings(), name="meetings")
                        group.create_task(self.ceremonies.run(), name="ceremonies")
                finally:
                    opened.set()
                self._collector.look(quiet=not any(room.engine.busy for room in self.rooms.values()))
                await asyncio.sleep(FILE_POLL_S)

    def _open_rooms(self, group: asyncio.TaskGroup) -> None:
        """Every folder of the site with a room.yaml is a room; one that is broken is tried again when it was saved."""
        self._hide_secrets()
        for path in sorted(self.site.glob(f"*/{ROOM_FILE}")):
            name = path.parent.name
            if name in self.rooms:
                continue
            records = RoomRecords(
                self.records.runs, self.records.standing, self.records.learned, self.data / LOGS / name
            )
            place = WallPlace(self.data / "pictures" / name, self.outside, self.people.tokens.walls)
            try:
                room = LiveRoom(
                    path.parent,
                    self._families,
                    self._addresses.get(name, {}),
                    records,
                    place,
                    self.meetings,
                    hall=self.ceremonies.hall(name),
                )
            except DocumentError as error:
                trouble = file_problem(error)
                if self.broken.get(name) != trouble:
                    _LOG.error("%s", error)
                self.broken[name] = trouble
                continue
            self.broken.pop(name, None)
            self.rooms[name] = room
            self._let_in(room)
            if room.log is not None:
                self.histories[name] = room.log
            self.walls[name] = room.walls
            self.ceremonies.enter(name)
            group.create_task(self._keep(room), name=f"room:{name}")
        for name in sorted(self.desks, key=self._place_of):
            self.desks[name] = self.desks.pop(name)

    def _place_of(self, room: str) -> tuple[int, str]:
        """A twin stands behind its room."""
        live = self.rooms.get(original_of(room))
        return (0 if live is None else live.order, room)

    def _let_in(self, room: LiveRoom) -> None:
        """People find the room, or a twin of one."""
        self.desks[room.id] = room.desk
        self.benches[room.id] = room.bench
        self.rundowns[room.id] = room.rundowns

    def _put_out(self, room: str) -> None:
        self.desks.pop(room, None)
        self.benches.pop(room, None)
        self.rundowns.pop(room, None)

    def _hide_secrets(self) -> None:
        """No line of the log holds a password; each room itself says what is wrong with the file."""
        with suppress(OSError, DocumentError):
            stamp = (self.site / SECRETS_FILE).stat().st_mtime_ns
            if stamp != self._hidden:
                self.log.hide(load_secrets(self.site).values())
                self._hidden = stamp

    def _read_roster(self) -> None:
        """Who sends people to meetings; a list that cannot be used leaves the last good one in force."""
        with suppress(OSError):
            stamp = (self.site / AGENCIES_FILE).stat().st_mtime_ns
            if stamp != self._listed:
                self._listed = stamp
                try:
                    self.meetings.roster = load_roster(self.site)
                except DocumentError as error:
                    _LOG.warning("%s; the last good list stays in force", error)

    async def _keep_meetings(self) -> None:
        while True:
            try:
                await self.meetings.run()
            except Exception:  # noqa: BLE001  # a bug here must not take the rooms with it
                _LOG.exception("meetings stopped; they are opened again from their records")
            await asyncio.sleep(FILE_POLL_S)

    async def _keep(self, room: LiveRoom) -> None:
        try:
            await room.run()
        except Exception:  # noqa: BLE001  # one room's bug must not take the others with it
            _LOG.exception("room %s stopped", room.id)
            self.rehearsals.end(room.id)
            self.rooms.pop(room.id, None)
            self._put_out(room.id)
            self.histories.pop(room.id, None)


class _RoomsOf:
    """`Rooms` of the meetings: what the application's rooms do for them."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def place(self, room: str) -> Place | None:
        """A room in words."""
        live = self._application.rooms.get(room)
        if live is None:
            return None
        room_ = live.described
        seats = {key: seat.name for key, seat in room_.meetings.seats.items()}
        return Place(room_.name, room_.place, room_.timezone, seats)

    def apply(self, room: str, scene: str, by: str) -> None:
        """Recall a scene; what hinders it is shown on the panel, and hinders no meeting."""
        try:
            self._application.rooms[room].desk.apply(scene, by=by, press=uuid4().hex)
        except (ProblemError, KeyError) as error:
            _LOG.warning("scene %s of a meeting was not recalled in %s: %s", scene, room, error)

    def recall(self, room: str, agency: str) -> None:
        """Turn a camera to an agency's seat."""
        live = self._application.rooms.get(room)
        if live is not None and live.floor is not None:
            live.floor.call(agency)

    def between(self, room: str) -> str | None:
        """The scene between two meetings."""
        live = self._application.rooms.get(room)
        return None if live is None else live.described.meetings.between


@dataclass(frozen=True, slots=True)
class Tls:
    """What the server presents, and the root a tablet must trust first (none for a certificate from elsewhere)."""

    context: ssl.SSLContext
    root: Path | None


def certificate(data: Path, names: Sequence[str], chain: Path | None = None, key: Path | None = None) -> Tls:
    """The given certificate, or one of the local CA in the data folder for these names. CannotStart when it cannot be used."""
    from smartroom.control.identity import authority  # noqa: PLC0415  # cryptography costs a fifth of a second

    if (chain is None) != (key is None):
        raise CannotStart("a certificate needs its key. Fix: give both --tls-cert and --tls-key")
    try:
        found = authority.given(chain, key) if chain and key else authority.own(data / "ca", list(names))
        return Tls(found.context(), found.root)
    except (OSError, ValueError, ssl.SSLError) as error:
        raise CannotStart(f"the certificate cannot be used: {error}. Fix: check --tls-cert and --tls-key") from error


@asynccontextmanager
async def people_of(data: Path, database: str | None = None) -> AsyncIterator[People]:
    """The accounts of a data folder, for the command line of its owner; a running server notices within a minute."""
    try:
        async with Records(data, database) as records:
            people = People(records.people)
            await people.load()
            yield people
    except RecordsError as error:
        raise CannotStart(str(error)) from error


def _ceremonies(data: Path, settings: CeremonySettings, index: Index) -> Ceremonies:
    rules = Rules(
        seal=settings.seal,
        seal_level=settings.level,
        rehearsal_key=settings.rehearsal_key,
        remote=settings.remote,
        rehearsal_remote=settings.rehearsal_remote,
        signer_keys=settings.signer_keys,
        copy=settings.second_copy,
        escrow=settings.escrow,
        escrow_s=settings.escrow_days * 86_400.0,
        reserve=settings.reserve_mb << 20,
    )
    made = Ceremonies(data, rules, HouseConfined(data), signing=settings.signing, index=index)
    made.url = settings.public_url.rstrip("/")
    return made


def _families(site: Path) -> Mapping[str, Family]:
    try:
        return {name: load_family(folder) for name, folder in find_families(site / "drivers").items()}
    except DocumentError as error:
        raise CannotStart(str(error)) from error
