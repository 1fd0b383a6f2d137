"""The meeting as a device of its room: a scene opens it, sets the stage, spotlights an agency. What it reads is what everybody sees."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from devices.sdk.commands import Command, Priority
from devices.sdk.errors import BadSetting, Refused
from devices.sdk.manifest import PropertySpec, ValueType
from devices.sdk.readings import Reading, ReadingSource, Value
from smartroom.control.conference.agencies import Roster
from smartroom.control.conference.ports import By
from smartroom.control.conference.session import Session
from smartroom.control.devices.inprocess import InProcess, InProcessShape, sets_of
from smartroom.control.errors import ProblemError
from smartroom.control.room.model import Device
from smartroom.protocol.base import Text
from smartroom.protocol.conference import Layout, SeatRole
from smartroom.protocol.state import ChoiceLabel

ID: Final = "stage"
OPEN, CLOSED = "open", "closed"

SPECS: Final[Mapping[str, PropertySpec]] = {
    "meeting": PropertySpec(
        capability="stage", type=ValueType.CHOICE, values=(OPEN, CLOSED), expected_ms=100, deadline_ms=15_000
    ),
    "layout": PropertySpec(
        capability="stage",
        type=ValueType.CHOICE,
        values=tuple(map(str, Layout)),
        expected_ms=20,
        after={"meeting": OPEN},
    ),
    "spotlight": PropertySpec(capability="stage", type=ValueType.TEXT, expected_ms=20, after={"meeting": OPEN}),
    "people": PropertySpec(capability="stage", type=ValueType.INTEGER, settable=False),
    "waiting": PropertySpec(capability="stage", type=ValueType.INTEGER, settable=False),
}
"""Properties of every stage. `spotlight` is an agency's id; empty follows who speaks."""

_WORDS: Final[Mapping[tuple[str, Value], Text]] = {
    ("meeting", OPEN): Text(id="Berlangsung", en="Open"),
    ("meeting", CLOSED): Text(id="Tidak ada rapat", en="No meeting"),
    ("layout", "grid"): Text(id="Kisi", en="Grid"),
    ("layout", "speaker"): Text(id="Pembicara", en="Speaker"),
    ("layout", "pair"): Text(id="Berdua", en="Two"),
    ("layout", "slides"): Text(id="Paparan", en="Slides"),
    ("spotlight", ""): Text(id="Yang berbicara", en="Who speaks"),
}

_EMPTY: Final[Mapping[str, Value]] = {
    "meeting": CLOSED,
    "layout": str(Layout.GRID),
    "spotlight": "",
    "people": 0,
    "waiting": 0,
}
"""A stage without a meeting."""

_BY = By(SeatRole.HOST, "mode")


class StageShape(InProcessShape):
    """The roster is asked anew each time: its file may be saved."""

    noun = ID
    specs = SPECS

    def __init__(self, roster: Callable[[], Roster]) -> None:
        self._roster = roster

    def judge(self, name: str, spec: PropertySpec, value: Value) -> Value:
        """A value of the list; an agency of the roster."""
        if spec.values and value not in spec.values:
            raise BadSetting(f"'{name}' cannot be {value!r}; it must be one of: {', '.join(spec.values)}", key=name)
        if name == "spotlight" and value != "" and (not isinstance(value, str) or self._roster().find(value) is None):
            known = ", ".join(agency.id for agency in self._roster().agencies) or "none"
            raise BadSetting(f"no agency '{value}' in agencies.yaml; there are: {known}", key=name)
        return value

    def words(self, name: str, value: object) -> Text | None:
        """An agency by its short name."""
        if isinstance(value, str):
            found = _WORDS.get((name, value))
            agency = self._roster().find(value) if name == "spotlight" else None
            return found or (Text.of(agency.short) if agency else None)
        return None

    def choices(self, name: str) -> list[ChoiceLabel]:
        """Every layout; every agency in protocol order."""
        spec = SPECS.get(name)
        values = list(spec.values) if spec else []
        if name == "spotlight":
            values = ["", *(agency.id for agency in self._roster().agencies)]
        return [ChoiceLabel(value=value, label=self.words(name, value) or Text.of(value)) for value in values]


def stage_device(shape: StageShape) -> Device:
    """The device every room has beside its own."""
    name = Text(id="Rapat", en="Meeting")
    return Device(id=ID, name=name, kind=ID, family=ID, driver=shape, wire=None, speech=shape)


class Host(Protocol):
    """What a stage asks of the meetings."""

    def session_in(self, room: str) -> Session | None:
        """The open meeting of a room."""
        ...

    async def open_next(self, room: str, by: str) -> None:
        """Open the meeting that is planned for now, or a new one."""
        ...

    async def end_in(self, room: str) -> None:
        """End the open meeting of a room."""
        ...


class StageDevice(InProcess[StageShape]):
    """What a room's stage and its stand-in share: carry out, and report what is new."""

    def __init__(self, shape: StageShape, tell: Callable[[Reading], None]) -> None:
        super().__init__(shape)
        self._tell = tell
        self._told: dict[str, Value] = {}

    @abstractmethod
    async def _set(self, name: str, value: Value) -> None:
        """Bring about one property. Raises Refused, or ProblemError with the meeting's own words."""

    async def execute(
        self,
        command: Command,
        *,
        priority: Priority,
        name: str | None,
        timeout: float | None,  # noqa: ASYNC109  # the gateway's contract
    ) -> None:
        """Carry out; Refused says why not, in the meeting's own words."""
        for item in sets_of(command):
            try:
                await self._set(item.property, item.value)
            except ProblemError as error:
                raise Refused(error.problem.text.en) from None

    def refresh(self) -> None:
        """Something moved: report what is new."""
        for name in SPECS:
            value = self.value(name)
            if self._told.get(name) != value or name not in self._told:
                self._told[name] = value
                self._tell(self._reading(name, ReadingSource.UNSOLICITED))


class Stage(StageDevice):
    """It never sends guests away: closing a meeting with people in it is for people."""

    def __init__(self, room: str, host: Host, shape: StageShape, tell: Callable[[Reading], None]) -> None:
        super().__init__(shape, tell)
        self._room = room
        self._host = host

    def value(self, name: str) -> Value:
        """What everybody sees."""
        session = self._host.session_in(self._room)
        match name:
            case "meeting":
                return CLOSED if session is None else OPEN
            case "people":
                return 0 if session is None else len(session.people)
            case "waiting":
                return 0 if session is None else len(session.waiting)
            case "layout":
                return str(Layout.GRID if session is None else session.stage.layout)
            case _:
                return "" if session is None else _spotlit(session)

    async def _set(self, name: str, value: Value) -> None:
        session = self._host.session_in(self._room)
        if name == "meeting":
            if value == OPEN and session is None:
                await self._host.open_next(self._room, _BY.name)
            elif value == CLOSED and session is not None:
                guests = [person for person in session.people.values() if person.role is not SeatRole.ROOM]
                if guests:
                    raise Refused(f"{len(guests)} people are in the meeting: end it by hand")
                await self._host.end_in(self._room)
            return
        if session is None:
            raise Refused("no meeting is open")
        if name == "layout":
            session.set_layout(Layout(str(value)))
        else:
            session.spotlight_agency(str(value))


class StageStandIn(StageDevice):
    """The stage of a rehearsal: a meeting that nobody is invited to."""

    def __init__(self, shape: StageShape, tell: Callable[[Reading], None]) -> None:
        super().__init__(shape, tell)
        self._stands: dict[str, Value] = {**_EMPTY}

    def value(self, name: str) -> Value:
        """What was wished last."""
        return self._stands[name]

    async def _set(self, name: str, value: Value) -> None:
        if name != "meeting" and self._stands["meeting"] == CLOSED:
            raise Refused("no meeting is open")
        if name == "meeting" and value == CLOSED:
            self._stands = {**_EMPTY}
        self._stands[name] = value
        self.refresh()


def _spotlit(session: Session) -> str:
    for person in session.stage.spotlight:
        agency = session.people[person].agency if person in session.people else None
        if agency is not None:
            return agency
    return ""
