"""The namespace /ceremony: pads ink, operators decide, walls follow. Parse, may they?, hand on."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from smartroom.control.ceremony.hall import Hall, Pad, Stage
from smartroom.control.ceremony.session import Session
from smartroom.control.errors import ProblemError
from smartroom.control.identity.actors import Actor
from smartroom.control.identity.rights import Action, Resource
from smartroom.control.limits import INK_BURST, INK_PER_S, PRESSES_AT_ONCE, REVOKE_CHECK_S
from smartroom.control.web.feed import Feed, Watcher
from smartroom.control.web.gate import invalid, shaped
from smartroom.control.web.metrics import Meters
from smartroom.control.web.namespace import Namespace, Visitor, bucket, clock, only, same_protocol, take
from smartroom.control.web.ports import Front, House
from smartroom.control.web.presses import check, fresh, note
from smartroom.control.web.problems import forbidden, not_found
from smartroom.control.web.rates import Bucket
from smartroom.control.web.sockets import Encoded, Outbox, Sockets, event_packet
from smartroom.protocol import ceremony as words
from smartroom.protocol.base import Message
from smartroom.protocol.commands import Watch
from smartroom.protocol.people import Role

NAMESPACE = "/ceremony"
_REMEMBERED = 256

PRESSES: Final[Mapping[str, tuple[type[words.CeremonyPress], Action]]] = {
    "open": (words.OpenPlaque, Action.CEREMONY_RUN),
    "turn": (words.BeginTurn, Action.CEREMONY_RUN),
    "mode": (words.SetMode, Action.CEREMONY_RUN),
    "done": (words.FinishTurn, Action.CEREMONY_RUN),
    "redo": (words.RedoTurn, Action.CEREMONY_RUN),
    "reveal": (words.RevealPlaque, Action.CEREMONY_REVEAL),
    "cover": (words.CoverPlaque, Action.CEREMONY_RUN),
    "count": (words.Count, Action.CEREMONY_RUN),
    "replay": (words.ReplayInk, Action.CEREMONY_RUN),
    "take": (words.TakeLead, Action.CEREMONY_RUN),
    "end": (words.EndCeremony, Action.CEREMONY_RUN),
    "void": (words.VoidCeremony, Action.CEREMONY_RUN),
    "sign-link": (words.SignLink, Action.CEREMONY_RUN),
    "sign-again": (words.SignAgain, Action.CEREMONY_RUN),
}
"""Event -> message and right; a pad may some of them by its own (`_by_hand`). With `watch`, `pad`, `ink`, `painted` and `time` this is all."""


@dataclass(slots=True, eq=False)
class _Page(Visitor):
    """`Face` of a hall over its socket."""

    watcher: Watcher
    ink: Bucket
    room: str | None = None
    pad: Pad | None = None
    under_way: int = 0

    def say(self, event: str, message: Message) -> None:
        """Send one event."""
        self.outbox.put_nowait(event_packet(NAMESPACE, event, message.model_dump_json()))


class CeremonyNamespace(Namespace[_Page]):
    """Pages of all ceremonies. `run()` as long as the server."""

    events = frozenset({*PRESSES, "watch", "pad", "ink", "painted", "time"})

    def __init__(self, house: House, front: Front, meters: Meters, sockets: Sockets) -> None:
        super().__init__(NAMESPACE, house, front, meters, sockets)
        self.feed = Feed(self._stage, NAMESPACE, front.build)
        self._answered: OrderedDict[str, words.CeremonyAnswer] = OrderedDict()

    async def run(self) -> None:
        """Every half second: rights that have ended."""
        while True:
            await asyncio.sleep(REVOKE_CHECK_S)
            await self.part_with_ended()

    def greet(self, sid: str, connection: str, actor: Actor, outbox: Outbox) -> _Page:
        """Anybody whom the server knows may come in; each event asks again."""
        return _Page(sid, connection, actor, outbox, bucket(), Watcher(outbox), Bucket(INK_PER_S, INK_BURST))

    def left(self, page: _Page) -> None:
        """It follows nothing any more; a pad's place is kept."""
        self._unfollow(page)

    async def answer(self, page: _Page, actor: Actor, event: str, arguments: tuple[object, ...]) -> Encoded:
        """Ink first: it comes sixty times a second."""
        said = only(arguments)
        if event == "ink":
            take(page.ink)
            return Encoded(self._ink(page, actor, shaped(words.InkBatch, said)).model_dump_json())
        take(page.ordinary, page.under_way, PRESSES_AT_ONCE)
        match event:
            case "time":
                return Encoded(clock(said).model_dump_json())
            case "watch":
                return self._watch(page, actor, shaped(Watch, said))
            case "pad":
                return Encoded((await self._join(page, actor, shaped(words.JoinPad, said))).model_dump_json())
            case "painted":
                self._hall(page).painted(shaped(words.InkPainted, said).lag_ms)
                return Encoded(words.CeremonyAnswer().model_dump_json())
        if event not in PRESSES:
            raise forbidden(f"there is no event {event[:32]!r}")
        model, action = PRESSES[event]
        return Encoded((await self._press(page, actor, event, shaped(model, said), action)).model_dump_json())

    # -- following --

    def _watch(self, page: _Page, actor: Actor, watch: Watch) -> Encoded:
        same_protocol(watch.protocol)
        check(actor, Action.CEREMONY_SEE, Resource(room=watch.room))
        hall = self._house.ceremonies.halls.get(watch.room) if self._house.ceremonies else None
        if hall is None:
            raise not_found(f"Tidak ada ruangan '{watch.room}'", f"There is no room '{watch.room}'")
        self._unfollow(page)
        page.room = watch.room
        hall.chorus = self._flows
        if actor.role is Role.DISPLAY:
            hall.walls += 1
            hall.changed()
        return self.feed.watch(page.watcher, watch.room, watch.since)

    async def _join(self, page: _Page, actor: Actor, join: words.JoinPad) -> words.PadWelcome:
        check(actor, Action.CEREMONY_INK, Resource(room=join.room))
        if page.room != join.room:
            raise invalid("`watch` comes first")
        hall = self._hall(page)
        page.pad = Pad(join.source, actor.id, actor.name, page)
        lead = await hall.join(page.pad)
        received, durable = hall.session.progress().get(join.source, (0, 0)) if hall.session else (0, 0)
        return words.PadWelcome(lead=lead, received=received, durable=durable)

    def _unfollow(self, page: _Page) -> None:
        if page.room is None:
            return
        hall = self._hall(page)
        self.feed.leave(page.watcher, page.room)
        if page.pad is not None:
            hall.leave(page.pad)
        if page.actor.role is Role.DISPLAY:
            hall.walls -= 1
            hall.changed()
        page.room = page.pad = None

    # -- ink --

    def _ink(self, page: _Page, actor: Actor, batch: words.InkBatch) -> words.InkTaken:
        hall = self._hall(page)
        check(actor, Action.CEREMONY_INK, Resource(room=hall.room))
        if page.pad is None or page.pad.source != batch.source:
            raise invalid("`pad` comes first")
        return hall.on_stage(batch.ceremony).ink(batch)

    def _flows(self, room: str, flow: words.InkFlow, source: str) -> None:
        """In the same turn to every page of the room but the one it came from, encoded once."""
        packet = event_packet(NAMESPACE, "ink", flow.model_dump_json())
        for page in self.visitors.values():
            if page.room == room and (page.pad is None or page.pad.source != source):
                page.outbox.put_nowait(packet)

    # -- presses --

    async def _press(
        self, page: _Page, actor: Actor, event: str, press: words.CeremonyPress, action: Action
    ) -> words.CeremonyAnswer:
        known = self._answered.get(press.id)
        if known is not None:
            return known
        page.under_way += 1
        try:
            check(actor, Action.CEREMONY_INK if _by_hand(page, press) else action, Resource(room=press.room))
            fresh(press.at)
            link = await _carry_out(self._room(press.room), press, actor)
        except ProblemError as error:
            note(self._house, actor, action, f"{press.room}/{event}", str(error.problem.code), error.problem.detail)
            raise
        finally:
            page.under_way -= 1
        note(self._house, actor, action, f"{press.room}/{event}", "ok", press.ceremony)
        answer = words.CeremonyAnswer(id=press.id, link=f"/tte/{link}" if link else "")
        if not link:
            self._answered[press.id] = answer
            while len(self._answered) > _REMEMBERED:
                self._answered.popitem(last=False)
        return answer

    # -- where --

    def _stage(self, room: str) -> Stage | None:
        hall = self._house.ceremonies.halls.get(room) if self._house.ceremonies else None
        return None if hall is None else hall.stage

    def _room(self, room: str) -> Hall:
        hall = self._house.ceremonies.halls.get(room) if self._house.ceremonies else None
        if hall is None:
            raise not_found(f"Tidak ada ruangan '{room}'", f"There is no room '{room}'")
        return hall

    def _hall(self, page: _Page) -> Hall:
        if page.room is None:
            raise invalid("`watch` comes first")
        return self._room(page.room)


def _by_hand(page: _Page, press: words.CeremonyPress) -> bool:
    """The protocol stands beside the pad: whoever holds it may finish, redo and turn the field, and a spare pad takes over by itself."""
    if page.pad is None:
        return False
    if isinstance(press, words.TakeLead):
        return page.pad.source == press.source
    return isinstance(press, words.FinishTurn | words.RedoTurn | words.SetMode)


async def _carry_out(hall: Hall, press: words.CeremonyPress, actor: Actor) -> str:
    """Do it; what is returned is the secret of a link, if it made one."""
    session, by = hall.on_stage(press.ceremony), actor.name
    match press:
        case words.SignLink():
            return hall.need_desk().link(press.signatory)
        case words.SignAgain():
            await hall.need_desk().again(press.signatory, by)
        case words.TakeLead():
            await hall.take(press.source, by)
        case words.Count():
            session.count(press.do, press.start, by)
        case words.ReplayInk():
            session.play(press.speed, press.signatory, by)
        case _:
            await _decide(session, press, by)
    return ""


async def _decide(session: Session, press: words.CeremonyPress, by: str) -> None:
    """On the disk before this returns."""
    match press:
        case words.OpenPlaque():
            await session.open(by)
        case words.BeginTurn():
            await session.turn(press.signatory, by)
        case words.SetMode():
            await session.mode(press.signatory, press.mode, by)
        case words.FinishTurn():
            await session.done(press.signatory, press.attempt, by)
        case words.RedoTurn():
            await session.redo(press.signatory, press.attempt, by)
        case words.RevealPlaque():
            await session.reveal(press.held_ms, by)
        case words.CoverPlaque():
            await session.cover(by)
        case words.EndCeremony():
            await session.end(press.retention, by)
        case words.VoidCeremony():
            await session.void(press.reason, by)
        case _:
            raise forbidden(type(press).__name__)
