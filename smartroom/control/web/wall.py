"""The namespace /wall: a wall's own page says what it painted and is told what to paint. Nobody else is heard here."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from smartroom.control.displays.wall import Wall
from smartroom.control.identity.actors import Actor
from smartroom.control.identity.rights import Action, Resource
from smartroom.control.limits import REVOKE_CHECK_S, WALL_REPORTS_BURST, WALL_REPORTS_PER_S
from smartroom.control.web.gate import invalid, shaped
from smartroom.control.web.metrics import Meters
from smartroom.control.web.namespace import Namespace, Visitor, clock, only, same_protocol, take
from smartroom.control.web.ports import Front, House
from smartroom.control.web.presses import check
from smartroom.control.web.problems import forbidden, not_found
from smartroom.control.web.rates import Bucket
from smartroom.control.web.sockets import Encoded, Outbox, Sockets, event_packet
from smartroom.protocol import PROTOCOL_VERSION
from smartroom.protocol.base import Message
from smartroom.protocol.displays import Ask, Hello, Identify, Leave, Painted, SendPicture, Show, WallAnswer, WallHere
from smartroom.protocol.people import Role

NAMESPACE = "/wall"


@dataclass(slots=True, eq=False)
class _Screen(Visitor):
    """`Page` of a wall over its socket."""

    wall: Wall | None = None

    def show(self, show: Show) -> None:
        """Bring the glass to this."""
        self._say("show", show)

    def identify(self, identify: Identify) -> None:
        """Show number and name."""
        self._say("identify", identify)

    def ask(self, ask: Ask) -> None:
        """Say what stands there."""
        self._say("report", ask)

    def leave(self, leave: Leave) -> None:
        """Tell it why; the page goes by itself, and one that is silent is cut."""
        self._say("leave", leave)
        if leave.why == "silent" and self.outbox.link is not None:
            self.outbox.link.cut("silent wall")

    def look(self, look: SendPicture) -> None:
        """Send a small picture of the glass."""
        self._say("look", look)

    def _say(self, event: str, message: Message) -> None:
        self.outbox.put_nowait(event_packet(NAMESPACE, event, message.model_dump_json()))


class WallNamespace(Namespace[_Screen]):
    """Pages of all walls. `run()` as long as the server: it ends who may no longer be here."""

    events = frozenset({"hello", "painted", "time"})

    def __init__(self, house: House, front: Front, meters: Meters, sockets: Sockets) -> None:
        super().__init__(NAMESPACE, house, front, meters, sockets)

    def greet(self, sid: str, connection: str, actor: Actor, outbox: Outbox) -> _Screen:
        """Only a screen that was paired with a wall speaks here."""
        if actor.role is not Role.DISPLAY or actor.wall is None:
            raise forbidden("only a screen that was paired with a wall speaks here")
        return _Screen(sid, connection, actor, outbox, Bucket(WALL_REPORTS_PER_S, WALL_REPORTS_BURST))

    def left(self, page: _Screen) -> None:
        """Its wall is offline, unless another page has taken its place."""
        if page.wall is not None:
            page.wall.detach(page)

    async def run(self) -> None:
        """Every half second: screens that were revoked."""
        while True:
            await asyncio.sleep(REVOKE_CHECK_S)
            await self.part_with_ended()

    async def answer(self, page: _Screen, actor: Actor, event: str, arguments: tuple[object, ...]) -> Encoded:
        """`hello` first, then what it painted, and the time."""
        take(page.ordinary)
        said = only(arguments)
        match event:
            case "time":
                return Encoded(clock(said).model_dump_json())
            case "hello":
                return Encoded(self._hello(page, actor, shaped(Hello, said)).model_dump_json())
            case "painted":
                if page.wall is None:
                    raise invalid("`hello` comes first")
                page.wall.heard(page, shaped(Painted, said))
                return Encoded(WallAnswer().model_dump_json())
        raise forbidden(f"there is no event {event[:32]!r}")

    def _hello(self, page: _Screen, actor: Actor, hello: Hello) -> WallHere:
        same_protocol(hello.protocol)
        (room,) = actor.rooms
        check(actor, Action.ROOM_SEE, Resource(room=room))
        key = actor.wall or ""
        walls = self._house.walls.get(room)
        wall = walls.find(key) if walls is not None else None
        if wall is None:
            raise not_found(f"Tidak ada layar '{key}'", f"There is no wall '{key}' in {room}")
        self._house.people.touch(actor)
        page.wall = wall
        show = wall.attach(page, hello)
        return WallHere(
            protocol=PROTOCOL_VERSION,
            build=self._front.build,
            time=time.time(),
            room=room,
            wall=key,
            name=wall.name,
            number=wall.number,
            timezone=self._house.desks[room].store.state.timezone,
            show=show,
        )
