"""`Panggil hadir`: agencies are called in protocol order, stand large, and answer; every step has its time."""

from __future__ import annotations

from smartroom.control.conference.ports import By
from smartroom.control.conference.session import Session
from smartroom.control.errors import ProblemError, problem
from smartroom.protocol import conference as say
from smartroom.protocol.conference import Asked, RollCall, RollEntry, RollOutcome
from smartroom.protocol.errors import ErrorCode


def start(session: Session, _by: By, asked: say.StartRoll) -> None:
    """Begin; agencies not in the site's list are refused."""
    unknown = [key for key in asked.agencies if session.roster.find(key) is None]
    called = session.roster.those(asked.agencies or session.row.invited)
    if unknown or not called:
        raise ProblemError(
            problem(
                ErrorCode.INVALID, "Daftar OPD kosong atau salah", "The list of agencies is empty or wrong",
                detail=", ".join(unknown) or "agencies.yaml names nobody",
            )
        )  # fmt: skip
    entries = [RollEntry(agency=agency.id, name=agency.short) for agency in called]
    _put(session, RollCall(started=session.now(), entries=entries))
    _book(session)
    _call(session, entries[0].agency)


def call(session: Session, _by: By, asked: say.CallRoll) -> None:
    """The next one, or one again. Who was called and did not answer is marked absent; the host may mark otherwise later."""
    roll = _going_on(session)
    if asked.agency is not None:
        _call(session, _entry(roll, asked.agency).agency)
        return
    if roll.current is not None and _entry(roll, roll.current).outcome is RollOutcome.WAITING:
        _mark(session, roll.current, RollOutcome.ABSENT, None)
    following = next((entry.agency for entry in _going_on(session).entries if entry.called is None), None)
    if following is None:
        _end(session)
    else:
        _call(session, following)


def mark(session: Session, _by: By, asked: say.MarkRoll) -> None:
    """What the host says counts, during the call and after it."""
    if session.roll is None:
        raise _none()
    entry = _entry(session.roll, asked.agency)
    _mark(session, entry.agency, asked.outcome, entry.person)


def here(session: Session, by: By, _asked: say.Here) -> None:
    """`Hadir` by somebody of the called agency."""
    roll = _going_on(session)
    person = session.people.get(by.person or "")
    if person is None or person.agency is None or person.agency != roll.current:
        raise ProblemError(problem(ErrorCode.BLOCKED, "OPD Anda belum dipanggil", "Your agency is not being called"))
    if _entry(roll, person.agency).outcome is not RollOutcome.PRESENT:
        _mark(session, person.agency, RollOutcome.PRESENT, person.id)


def stop(session: Session, _by: By, _asked: say.StopRoll) -> None:
    """End; who was not called stays as they are."""
    _going_on(session)
    _end(session)


def _call(session: Session, agency: str) -> None:
    roll = _going_on(session)
    entry = _entry(roll, agency)
    called = entry.model_copy(update={"called": session.now()})
    _put(session, _with(roll, called).model_copy(update={"current": agency}))
    people = [person for person in session.in_order() if person.agency == agency and person.here]
    session.set_spotlight(person.id for person in people[:1])
    for person in people:
        session.seats[person.id].held = False
        session.refresh(person.id)
        session.tell(person.id, "asked", Asked(what="roll"))
    session.crew.recall(agency)
    session.crew.book("called", called.model_dump(mode="json"))


def _mark(session: Session, agency: str, outcome: RollOutcome, person: str | None) -> None:
    assert session.roll is not None
    answered = session.now() if outcome is RollOutcome.PRESENT else None
    entry = _entry(session.roll, agency).model_copy(update={"outcome": outcome, "answered": answered, "person": person})
    _put(session, _with(session.roll, entry))
    session.crew.book("marked", entry.model_dump(mode="json"))


def _end(session: Session) -> None:
    assert session.roll is not None
    _put(session, session.roll.model_copy(update={"current": None, "ended": session.now()}))
    _book(session)
    session.set_spotlight(())


def _book(session: Session) -> None:
    assert session.roll is not None
    session.crew.book("roll", session.roll.model_dump(mode="json"))


def _put(session: Session, roll: RollCall) -> None:
    session.roll = roll
    session.public.put(("roll",), roll)


def _with(roll: RollCall, changed: RollEntry) -> RollCall:
    entries = [changed if entry.agency == changed.agency else entry for entry in roll.entries]
    return roll.model_copy(update={"entries": entries})


def _entry(roll: RollCall, agency: str) -> RollEntry:
    for entry in roll.entries:
        if entry.agency == agency:
            return entry
    raise ProblemError(problem(ErrorCode.NOT_FOUND, "OPD itu tidak dalam daftar", "That agency is not on the list"))


def _going_on(session: Session) -> RollCall:
    if session.roll is None or session.roll.ended is not None:
        raise _none()
    return session.roll


def _none() -> ProblemError:
    return ProblemError(problem(ErrorCode.BLOCKED, "Panggil hadir belum dimulai", "The roll call has not begun"))
