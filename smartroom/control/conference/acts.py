"""What an act changes. Who may is `roles`; what moves more than one meeting (`end`, `hand-over`) is done by `meetings`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from smartroom.control.conference import roll
from smartroom.control.conference.ports import By
from smartroom.control.conference.roles import ACTS, LEADERS, may
from smartroom.control.conference.session import Session
from smartroom.control.errors import ProblemError, problem
from smartroom.protocol import conference as say
from smartroom.protocol.conference import Asked, Ended, Hand, SeatRole
from smartroom.protocol.errors import ErrorCode


def act(session: Session, by: By, event: str, asked: say.Act) -> None:
    """Carry out one act; raises ProblemError FORBIDDEN when the table refuses, and what the act itself refuses."""
    if not may(by.role, event):
        raise ProblemError(
            problem(ErrorCode.FORBIDDEN, "Hanya untuk tuan rumah", "For hosts only", detail=f"{event} as {by.role}")
        )
    if session.first_time(f"{by.person or by.name} {asked.id}"):
        with session.public.batch(), session.backstage.batch():
            _DO[event](session, by, asked)


def _hand(session: Session, by: By, asked: say.RaiseHand) -> None:
    me = _own(by)
    others = [hand for hand in session.hands if hand.person != me]
    if not asked.up:
        session.set_hands(others)
    elif len(others) == len(session.hands):
        session.set_hands([*others, Hand(person=me, at=session.now())])


def _say(session: Session, by: By, asked: say.Say) -> None:
    if not session.rules.chat and by.role not in LEADERS:
        raise _refused(ErrorCode.FORBIDDEN, "Obrolan ditutup tuan rumah", "The host has closed the chat")
    line = session.chat.add(session.people[_own(by)], asked.text, session.now())
    if line is not None:
        session.tell_all("chat", line)


def _quit(session: Session, by: By, _asked: say.Quit) -> None:
    session.quit(_own(by), Ended(why="left"))


def _admit(session: Session, _by: By, asked: say.Admit) -> None:
    session.admit(
        key
        for key, waiter in session.waiting.items()
        if asked.everybody
        or key in asked.people
        or (asked.agency is not None and waiter.agency == asked.agency)
        or (asked.group is not None and waiter.group == asked.group)
    )


def _turn_away(session: Session, _by: By, asked: say.TurnAway) -> None:
    session.refuse(asked.person)


def _mute(session: Session, by: By, asked: say.Mute) -> None:
    if asked.everybody:
        spared = {SeatRole.HOST, SeatRole.CO_HOST, SeatRole.ROOM}
        wanted = [key for key in session.people if session.role_of(key) not in spared and key != by.person]
    else:
        wanted = [key for key in asked.people if key in session.people]
    for key in wanted:
        seat = session.seats[key]
        seat.sends[asked.source] = False
        if asked.source == "mic" and key != by.person:
            seat.held = True
        session.refresh(key)


def _give_turn(session: Session, _by: By, asked: say.GiveTurn) -> None:
    person = _known(session, asked.person)
    session.set_hands([hand for hand in session.hands if hand.person != person])
    session.seats[person].held = False
    session.refresh(person)
    if asked.spotlight:
        session.set_spotlight([person])
    session.tell(person, "asked", Asked(what="turn"))
    agency = session.people[person].agency
    if agency is not None and session.people[person].in_room:
        session.crew.recall(agency)


def _lower(session: Session, _by: By, asked: say.LowerHands) -> None:
    session.set_hands([hand for hand in session.hands if asked.person not in (None, hand.person)])


def _remove(session: Session, by: By, asked: say.RemovePerson) -> None:
    person = _known(session, asked.person)
    if session.role_of(person) is SeatRole.HOST and by.role is not SeatRole.HOST:
        raise _refused(ErrorCode.FORBIDDEN, "Tuan rumah tidak dapat dikeluarkan", "A host cannot be removed")
    if asked.block:
        session.block(session.people[person].name)
    session.quit(person, Ended(why="removed"))


def _role(session: Session, by: By, asked: say.SetRole) -> None:
    person = _known(session, asked.person)
    seat = session.seats[person]
    if SeatRole.HOST in (asked.role, session.role_of(person)) and by.role is not SeatRole.HOST:
        raise _refused(ErrorCode.FORBIDDEN, "Hanya tuan rumah yang menunjuk tuan rumah", "Only a host makes a host")
    if seat.role is SeatRole.ROOM:
        raise _refused(ErrorCode.NOT_SUPPORTED, "Ruangan tetap ruangan", "The room stays the room")
    session.set_role(person, SeatRole(asked.role))


def _arrange(session: Session, _by: By, asked: say.Arrange) -> None:
    said = {key: value for key, value in asked.model_dump(exclude={"id", "at"}).items() if value is not None}
    session.set_rules(session.rules.model_copy(update=said))


def _stage(session: Session, _by: By, asked: say.SetStage) -> None:
    if asked.spotlight is not None:
        session.set_spotlight(_known(session, person) for person in asked.spotlight)
    if asked.layout is not None:
        session.set_layout(asked.layout)


def _call_seat(session: Session, _by: By, asked: say.CallSeat) -> None:
    if asked.seat not in {seat.id for seat in session.backstage.state.seats}:
        raise _refused(ErrorCode.NOT_FOUND, "Kursi itu tidak ada", "There is no such seat", name="seat")
    session.crew.recall(asked.seat)


def _item(session: Session, _by: By, asked: say.SetItem) -> None:
    agenda = session.public.state.agenda
    if asked.item > len(agenda):
        raise _refused(ErrorCode.INVALID, "Butir itu tidak ada", "There is no such item", name="item")
    session.public.put(("item",), asked.item)


def _extend(session: Session, _by: By, asked: say.Extend) -> None:
    if not session.now() - 60 <= asked.ends <= session.now() + 86_400:
        raise _refused(ErrorCode.INVALID, "Waktu selesai tidak masuk akal", "That is no time to end", name="ends")
    session.set_ends(asked.ends)


def _own(by: By) -> str:
    if by.person is None:
        raise _refused(ErrorCode.NOT_SUPPORTED, "Panel tidak duduk dalam rapat", "A panel has no seat in the meeting")
    return by.person


def _known(session: Session, person: str) -> str:
    if person not in session.people:
        raise _refused(ErrorCode.NOT_FOUND, "Peserta itu sudah keluar", "That participant has left", name="person")
    return person


def _refused(code: ErrorCode, indonesian: str, english: str, *, name: str | None = None) -> ProblemError:
    return ProblemError(problem(code, indonesian, english, name=name))


_DO: Final[Mapping[str, Callable[[Session, By, Any], None]]] = {
    "hand": _hand,
    "say": _say,
    "here": roll.here,
    "quit": _quit,
    "admit": _admit,
    "turn-away": _turn_away,
    "mute": _mute,
    "give-turn": _give_turn,
    "lower-hands": _lower,
    "remove": _remove,
    "role": _role,
    "arrange": _arrange,
    "stage": _stage,
    "roll-start": roll.start,
    "roll-call": roll.call,
    "roll-mark": roll.mark,
    "roll-stop": roll.stop,
    "call-seat": _call_seat,
    "item": _item,
    "extend": _extend,
}
assert _DO.keys() | {"end", "hand-over"} == ACTS.keys()
