"""All meetings of this server: planned, opened, handed over, ended. Records first, then what everybody sees."""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from smartroom.control.chain import Chain, ChainDamaged, ChainStopped, Storage, examine
from smartroom.control.clock import monotonic, wall
from smartroom.control.conference import names
from smartroom.control.conference.agencies import Roster
from smartroom.control.conference.attendance import Book, fold, hour, missing
from smartroom.control.conference.echo import Echoes
from smartroom.control.conference.engine import EngineError, MediaEngine
from smartroom.control.conference.lines import Lines
from smartroom.control.conference.ports import MeetingRecords, MeetingRow, Place, Rooms
from smartroom.control.conference.session import Session
from smartroom.control.conference.turn import Turn
from smartroom.control.errors import ProblemError, problem
from smartroom.control.limits import (
    ATTENDANCE_BEAT_S,
    EARLY_S,
    MEETING_PIN_DIGITS,
    MEETING_RESTORE_S,
    MEETING_TICK_S,
    MEETINGS_PLANNED,
    OVERRUN_WARN_S,
    PLANNED_SHOWN,
    PLANNED_SHOWN_S,
    TURN_LIFE_S,
)
from smartroom.protocol import conference as words
from smartroom.protocol.base import Message
from smartroom.protocol.conference import Door, Ended, MeetingPhase
from smartroom.protocol.errors import ErrorCode
from smartroom.protocol.state import RoomMeeting

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Open:
    """An open meeting: who is in it, and its media."""

    session: Session
    lines: Lines
    book: Book
    task: asyncio.Task[None]


class Meetings:
    """`run()` as long as the server. Everything else asks or plans."""

    def __init__(
        self,
        records: MeetingRecords,
        engine: MediaEngine,
        rooms: Rooms,
        storage: Callable[[str], Storage],
        turn: Turn | None = None,
    ) -> None:
        """`storage`: where the attendance of a meeting is kept."""
        self.roster = Roster()
        self.url = ""
        """Where browsers reach us, for links."""
        self._records = records
        self._engine = engine
        self._rooms = rooms
        self._storage = storage
        self._turn = turn
        self._beats = 0.0
        self._rows: dict[str, MeetingRow] = {}
        self._watchers: dict[str, list[Callable[[], None]]] = {}
        self._open: dict[str, Open] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._restored = asyncio.Event()
        """What was open is open again: a room's next meeting cannot begin beside one that is still to come back."""
        self._doors: list[Callable[[MeetingRow], None]] = []
        self.echoes: Echoes | None = None

    async def run(self) -> None:
        """Open again what was open, then keep time."""
        for row in await self._records.load():
            self._rows[row.id] = row
        forget = self._engine.listen(self._hear)
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                self.echoes = Echoes(self._engine, tasks)
                for row in self._rows.values():
                    if row.phase is MeetingPhase.OPEN:
                        await self._begin_again(row)
                self._restored.set()
                while True:
                    await asyncio.sleep(MEETING_TICK_S)
                    self._tick()
        finally:
            forget()
            self._restored.clear()
            self._tasks = self.echoes = None
            for found in list(self._open.values()):
                found.session.close(Ended(why="moved"))
                await found.book.close(ended=False)
            self._open.clear()

    # -- finding --

    def row(self, meeting: str) -> MeetingRow:
        """A meeting on record; raises ProblemError NOT_FOUND."""
        found = self._rows.get(meeting)
        if found is None:
            raise _none()
        return found

    def of_room(self, room: str) -> Sequence[MeetingRow]:
        """A room's meetings by their start."""
        return sorted((row for row in self._rows.values() if row.room == room), key=lambda row: row.starts)

    def by_code(self, code: str) -> MeetingRow:
        """The meeting a link leads to; raises ProblemError NOT_FOUND or EXPIRED."""
        for row in self._rows.values():
            if hmac.compare_digest(row.code.encode(), code.encode()):
                if row.phase is MeetingPhase.ENDED:
                    raise ProblemError(problem(ErrorCode.EXPIRED, "Rapat sudah selesai", "The meeting is over"))
                return row
        raise ProblemError(
            problem(ErrorCode.NOT_FOUND, "Tautan rapat tidak dikenal", "This meeting link is unknown")
        )  # fmt: skip

    def open_in(self, room: str) -> Open | None:
        """The open meeting of a room."""
        return next((found for found in self._open.values() if found.session.row.room == room), None)

    def live(self, meeting: str) -> Open | None:
        """An open meeting by its id."""
        return self._open.get(meeting)

    def meeting(self, row: MeetingRow) -> words.Meeting:
        """As hosts see it."""
        return words.Meeting(
            id=row.id, room=row.room, title=row.title, phase=row.phase, starts=row.starts, ends=row.ends,
            opened=row.opened, ended=row.ended, code=row.code, path=f"/meet/{row.code}",
            url=f"{self.url}/meet/{row.code}", pin=row.pin, lobby=row.lobby, agenda=list(row.agenda),
            invited=list(row.invited), scene=row.scene, created=row.created, created_by=row.created_by,
        )  # fmt: skip

    def door(self, row: MeetingRow, protocol: int, build: str) -> Door:
        """What its link shows a stranger."""
        place, found = self._at(row.room), self._open.get(row.id)
        return Door(
            meeting=row.id, title=row.title, room_name=place.name, place=place.place, phase=row.phase,
            starts=row.starts, ends=row.ends, timezone=place.timezone, time=wall(), pin_needed=row.pin is not None,
            lobby=found.session.rules.lobby if found else row.lobby,
            locked=found.session.rules.locked if found else False,
            pin_closed=found.session.pin_closed if found else False,
            agencies=list(self.roster.agencies), protocol=protocol, build=build,
        )  # fmt: skip

    def watch(self, room: str, moved: Callable[[], None]) -> None:
        """Call back when anything of a room's meetings has changed."""
        self._watchers.setdefault(room, []).append(moved)

    def session_in(self, room: str) -> Session | None:
        """The open meeting of a room, from inside."""
        found = self.open_in(room)
        return None if found is None else found.session

    def in_line(self, room: str) -> tuple[RoomMeeting | None, list[RoomMeeting]]:
        """What a room's panel shows: the open meeting, and the next ones."""
        found, now = self.open_in(room), wall()
        planned = [
            RoomMeeting(meeting=row.id, title=row.title, starts=row.starts, ends=row.ends)
            for row in self.of_room(room)
            if row.phase is MeetingPhase.PLANNED and row.ends > now - PLANNED_SHOWN_S
        ][:PLANNED_SHOWN]
        if found is None:
            return None, planned
        session = found.session
        return RoomMeeting(
            meeting=session.row.id, title=session.row.title, starts=session.row.starts, ends=session.row.ends,
            opened=session.row.opened, people=len(session.people), hands=len(session.hands), waiting=len(session.waiting),
        ), planned  # fmt: skip

    def at_doors(self, changed: Callable[[MeetingRow], None]) -> None:
        """Call back when what a door shows has changed."""
        self._doors.append(changed)

    # -- planning --

    async def plan(self, room: str, asked: words.NewMeeting, by: str) -> MeetingRow:
        """A new meeting; raises ProblemError."""
        self._at(room)
        if (
            sum(row.phase is MeetingPhase.PLANNED and row.room == room for row in self._rows.values())
            >= MEETINGS_PLANNED
        ):
            raise ProblemError(
                problem(ErrorCode.OVERLOADED, "Terlalu banyak rapat terjadwal", "Too many meetings are planned")
            )
        now = wall()
        starts = now if asked.starts is None else asked.starts
        row = MeetingRow(
            id=names.meeting_id(), room=room, title=_titled(asked.title), phase=MeetingPhase.PLANNED,
            code=names.link_code(), starts=starts, ends=starts + asked.minutes * 60, created=now, created_by=by,
            pin=asked.pin or (names.digits(MEETING_PIN_DIGITS) if asked.make_pin else None), lobby=asked.lobby,
            agenda=_lines(asked.agenda), invited=self._known(asked.invited), scene=asked.scene,
        )  # fmt: skip
        await self._keep(row)
        return row

    async def change(self, meeting: str, asked: words.ChangeMeeting) -> MeetingRow:
        """Change what is written of one that has not ended; raises ProblemError."""
        row = self._not_ended(meeting)
        starts = row.starts if asked.starts is None else asked.starts
        length = row.ends - row.starts if asked.minutes is None else asked.minutes * 60.0
        row = replace(
            row,
            title=row.title if asked.title is None else _titled(asked.title),
            starts=starts,
            ends=starts + length,
            pin=None if asked.drop_pin else asked.pin or row.pin,
            lobby=row.lobby if asked.lobby is None else asked.lobby,
            agenda=row.agenda if asked.agenda is None else _lines(asked.agenda),
            invited=row.invited if asked.invited is None else self._known(asked.invited),
            scene=row.scene if asked.scene is None else asked.scene,
        )
        await self._keep(row)
        return row

    async def forget(self, meeting: str) -> None:
        """Take a planned meeting off; its link leads nowhere then."""
        row = self.row(meeting)
        if row.phase is not MeetingPhase.PLANNED:
            raise ProblemError(problem(ErrorCode.BLOCKED, "Rapat sudah dimulai", "The meeting has begun"))
        await self._records.remove(meeting)
        del self._rows[meeting]
        self._moved(row.room)
        self._plan_next(row.room)

    async def open_next(self, room: str, by: str) -> None:
        """Open the meeting that is planned for now, or a new one."""
        now = wall()
        due = [
            row
            for row in self.of_room(room)
            if row.phase is MeetingPhase.PLANNED and row.starts - EARLY_S <= now <= row.ends
        ]
        row = due[0] if due else await self.plan(room, words.NewMeeting(title=_untitled(self._at(room), now)), by)
        await self.start(row.id)

    async def end_in(self, room: str) -> None:
        """End the open meeting of a room."""
        found = self.open_in(room)
        if found is not None:
            await self.end(found.session.row.id)

    async def start(self, meeting: str) -> MeetingRow:
        """Open it; raises ProblemError BUSY while another one is open in the room, or while the server does not come to its records."""
        try:
            async with asyncio.timeout(MEETING_RESTORE_S):
                await self._restored.wait()
        except TimeoutError:
            raise ProblemError(
                problem(
                    ErrorCode.BUSY,
                    "Server sedang dimulai; coba lagi sebentar",
                    "The server is just starting; try again in a moment",
                )
            ) from None
        row = self._not_ended(meeting)
        if row.phase is MeetingPhase.OPEN:
            return row
        other = self.open_in(row.room)
        if other is not None:
            title = other.session.row.title
            raise ProblemError(
                problem(ErrorCode.BUSY, f"Masih berlangsung: {title}", f"Still going on: {title}", name="hand-over")
            )
        now = wall()
        length = row.ends - row.starts
        late = not row.starts - length <= now <= row.ends
        row = replace(row, phase=MeetingPhase.OPEN, opened=now, ends=now + length if late else row.ends)
        await self._keep(row)
        await self._begin(row)
        if row.scene is not None:
            self._rooms.apply(row.room, row.scene, row.title)
        self._moved(row.room)
        self._door(row.id)
        return row

    async def end(self, meeting: str) -> MeetingRow:
        """End it for everybody; one that has ended stays as it is."""
        row = self.row(meeting)
        if row.phase is MeetingPhase.ENDED:
            return row
        row = replace(row, phase=MeetingPhase.ENDED, ended=wall())
        found = self._open.pop(meeting, None)
        if found is not None:
            found.session.close(Ended(why="closed"))
            found.task.cancel()
            await found.book.close(ended=True)
            with suppress(EngineError):  # a worker that died has no room to close
                await self._engine.close_room(meeting)
        await self._keep(row)
        self._moved(row.room)
        return row

    async def hand_over(self, meeting: str, following: str) -> MeetingRow:
        """End one and start the next of the same room."""
        if self._not_ended(following).room != self.row(meeting).room:
            raise ProblemError(
                problem(ErrorCode.INVALID, "Rapat itu di ruangan lain", "That meeting is in another room")
            )
        ended = await self.end(meeting)
        between = self._rooms.between(ended.room)
        if between is not None and self.row(following).scene is None:
            self._rooms.apply(ended.room, between, ended.title)
        return await self.start(following)

    async def attendance(self, meeting: str) -> words.Attendance:
        """Who was there when, from the chain itself."""
        row, found = self.row(meeting), self._open.get(meeting)
        if found is not None:
            records, head, intact = list(found.book.records), found.book.head, found.book.kept
        else:
            examined = examine(await asyncio.to_thread(_read, self._storage(meeting)))
            records, head, intact = examined.records, examined.head.digest, examined.broken is None
        past, place = fold(records), self._at(row.room)
        roll = past.roll.entries if past.roll else []
        stays = sorted(past.stays, key=lambda stay: (self.roster.rank(stay.agency), stay.joined))
        absent = missing(row.invited, stays, roll)
        return words.Attendance(
            meeting=row.id, title=row.title, room_name=place.name, timezone=place.timezone, opened=row.opened,
            ended=row.ended, stays=stays, roll=roll,
            missing=[agency for agency in self.roster.agencies if agency.id in absent],
            records=len(records), head=head, intact=intact,
        )  # fmt: skip

    # -- inside --

    async def _begin_again(self, row: MeetingRow) -> None:
        try:
            await self._begin(row)
        except ProblemError as error:
            log.warning("meeting %s cannot be opened again: %s", row.id, error)

    async def _begin(self, row: MeetingRow) -> None:
        assert self._tasks is not None
        book = Book(await self._chain(row.id))
        crew = _Crew(book, lambda: self._door(row.id), lambda agency: self._rooms.recall(row.room, agency))
        session = Session(row, self._at(row.room), self.roster, crew, url=self.url, ice=self._ice)
        crew.lines = lines = Lines(self._engine, session)
        past = fold(book.records)
        session.restore(
            ((known.person, known.seat, known.here) for known in past.known.values()), past.roll, past.alive
        )
        task = self._tasks.create_task(lines.run(), name=f"media of {row.id}")
        self._open[row.id] = Open(session, lines, book, task)
        for ledger in (session.public, session.backstage):
            ledger.subscribe(lambda: self._moved(row.room))
        self._plan_next(row.room)

    async def _chain(self, meeting: str) -> Chain | None:
        chain = Chain(f"attendance-{meeting}", [self._storage(meeting)])
        try:
            return await chain.__aenter__()
        except (ChainDamaged, ChainStopped, OSError) as error:
            log.warning("attendance of %s is not kept: %s", meeting, error)
            return None

    def _ice(self, person: str) -> list[words.IceServer]:
        """Ways around a firewall, with credentials of this person's own that expire."""
        servers = self._turn.servers(person, wall(), TURN_LIFE_S) if self._turn is not None else ()
        return [words.IceServer(url=s.url, username=s.username, credential=s.credential) for s in servers]

    def _tick(self) -> None:
        beat = monotonic() - self._beats > ATTENDANCE_BEAT_S
        self._beats = monotonic() if beat else self._beats
        for found in list(self._open.values()):
            found.session.tick()
            found.session.backstage.put(("kept",), found.book.kept)
            self._plan_next(found.session.row.room)
            if beat and found.session.people:
                found.book.add("alive", {})

    def _moved(self, room: str) -> None:
        for moved in self._watchers.get(room, ()):
            moved()

    def _plan_next(self, room: str) -> None:
        """Hosts see which meeting follows; everybody is warned when it comes near."""
        found = self.open_in(room)
        if found is None:
            return
        following = next(
            (row for row in self.of_room(room) if row.phase is MeetingPhase.PLANNED and row.ends > wall()), None
        )
        session = found.session
        session.backstage.put(("next",), None if following is None else self.meeting(following))
        near = following is not None and following.starts - wall() < OVERRUN_WARN_S
        warned = None
        if following is not None and near:
            warned = words.Overrun(next_title=following.title, next_starts=following.starts)
        session.public.put(("overrun",), warned)

    def _door(self, meeting: str) -> None:
        row = self._rows.get(meeting)
        if row is not None:
            for changed in self._doors:
                changed(row)

    def _hear(self, event: Message) -> None:
        if self.echoes is not None and self.echoes.hear(event):
            return
        found = self._open.get(getattr(event, "room", ""))
        if found is not None:
            found.lines.hear(event)

    def _at(self, room: str) -> Place:
        place = self._rooms.place(room)
        if place is None:
            raise ProblemError(
                problem(ErrorCode.NOT_FOUND, f"Tidak ada ruangan '{room}'", f"There is no room '{room}'")
            )
        return place

    def _not_ended(self, meeting: str) -> MeetingRow:
        row = self.row(meeting)
        if row.phase is MeetingPhase.ENDED:
            raise ProblemError(problem(ErrorCode.EXPIRED, "Rapat sudah selesai", "The meeting is over"))
        return row

    def _known(self, agencies: Sequence[str]) -> tuple[str, ...]:
        unknown = [key for key in agencies if self.roster.find(key) is None]
        if unknown:
            raise ProblemError(
                problem(
                    ErrorCode.INVALID, "OPD tidak dikenal", "Unknown agency", detail=", ".join(unknown), name="invited"
                )
            )
        return tuple(dict.fromkeys(agencies))

    async def _keep(self, row: MeetingRow) -> None:
        await self._records.save(row)
        self._rows[row.id] = row
        found = self._open.get(row.id)
        if found is not None:
            found.session.set_plan(row)
        elif row.phase is not MeetingPhase.OPEN:  # one that begins is told when it can be joined
            self._door(row.id)
            self._moved(row.room)
        self._plan_next(row.room)


class _Crew:
    """`Crew` of one session, until its lines are there."""

    lines: Lines

    def __init__(self, book: Book, door: Callable[[], None], recall: Callable[[str], None]) -> None:
        self._book = book
        self.door = door
        self.recall = recall

    def mute(self, track: str, *, muted: bool) -> None:
        self.lines.mute(track, muted=muted)

    def force_audible(self, tracks: Sequence[str]) -> None:
        self.lines.force_audible(tracks)

    def drop(self, person: str) -> None:
        self.lines.drop(person)

    def deafen(self, person: str) -> None:
        self.lines.deafen(person)

    def book(self, kind: str, body: Mapping[str, object]) -> None:
        self._book.add(kind, body)


def _read(storage: Storage) -> bytes:
    try:
        return storage.load()
    finally:
        storage.close()


def _untitled(place: Place, now: float) -> str:
    return f"Rapat {hour(now, place.timezone)} {place.timezone}"


def _titled(title: str) -> str:
    found = names.clean(title)
    if not found:
        raise ProblemError(problem(ErrorCode.INVALID, "Isi nama rapat", "Name the meeting", name="title"))
    return found


def _lines(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(filter(None, map(names.clean, texts)))


def _none() -> ProblemError:
    return ProblemError(problem(ErrorCode.NOT_FOUND, "Rapat tidak ditemukan", "There is no such meeting"))
