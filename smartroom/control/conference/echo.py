"""The rehearsal before the meeting: what a page sends comes back to it over the real media path."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

from smartroom.control.conference import names
from smartroom.control.conference.engine import EngineError, MediaEngine
from smartroom.control.conference.lines import asked
from smartroom.control.conference.ports import Page
from smartroom.control.conference.signaling import Connections
from smartroom.control.errors import ProblemError, problem
from smartroom.control.limits import ECHO_LIFE_S, ECHOES
from smartroom.protocol import conference as words
from smartroom.protocol import media as say
from smartroom.protocol.base import Message
from smartroom.protocol.errors import ErrorCode

_OUT, _BACK = "out", "back"


@dataclass(slots=True)
class _Echo:
    room: str
    page: Page
    connections: Connections = field(default_factory=Connections)
    timer: asyncio.TimerHandle | None = None


class Echoes:
    """Each page has one for a minute. Nobody hears himself in a meeting, so two names stand for one person here."""

    def __init__(self, engine: MediaEngine, tasks: asyncio.TaskGroup) -> None:
        self._engine = engine
        self._tasks = tasks
        self._by_page: dict[Page, _Echo] = {}
        self._by_room: dict[str, _Echo] = {}

    async def publish(self, page: Page, offer: words.PubOffer) -> words.PubAnswer:
        """What the page sends; raises ProblemError."""
        echo = await self._of(page)
        echo.connections.pub.theirs(offer.rev)
        sources = {mid: say.Source(source) for mid, source in offer.sources.items()}
        answer = await asked(self._engine.publish(echo.room, _OUT, offer.sdp, sources))
        tracks = [words.SentTrack(track=t.track, mid=t.mid, source=t.source.value) for t in answer.tracks]
        return words.PubAnswer(rev=offer.rev, sdp=answer.sdp, tracks=tracks)

    async def open(self, page: Page, wish: words.SubOpen) -> words.SubOffer:
        """What comes back; raises ProblemError."""
        echo = await self._of(page)
        made = await asked(self._engine.subscribe(echo.room, _BACK, say.Slots(audio=1, video=1, screen=0)))
        return words.SubOffer(rev=echo.connections.sub.ours(), sdp=made.sdp, slots=made.slots)

    async def answer(self, page: Page, answer: words.SubAnswer) -> None:
        """The page's answer; raises ProblemError."""
        echo = await self._of(page)
        echo.connections.sub.answer(answer.rev)
        await asked(self._engine.accept(echo.room, _BACK, answer.sdp))

    def end(self, page: Page) -> None:
        """Enough, or the page is gone."""
        echo = self._by_page.pop(page, None)
        if echo is not None:
            del self._by_room[echo.room]
            if echo.timer is not None:
                echo.timer.cancel()
            self._tasks.create_task(self._close(echo.room), name=f"end {echo.room}")

    def hear(self, event: Message) -> bool:
        """A notification; False when it is about no echo."""
        echo = self._by_room.get(getattr(event, "room", ""))
        if echo is None:
            return False
        match event:
            case say.Connection(side=side, state=state, reason=reason) if state != "new":
                echo.page.tell("path", words.PathChanged(side=side.value, state=state, reason=reason, echo=True))
            case say.Assigned(slot=slot, track=track, layer=layer, reason=reason):
                echo.page.tell("assigned", words.AssignedSlot(slot=slot, track=track, layer=layer, reason=reason))
            case say.Quality(estimate=estimate, loss=loss, rtt=rtt):
                echo.page.tell(
                    "quality",
                    words.PathQuality(
                        rung=0, mode=words.SaverMode.AUTO, estimate=estimate, loss=loss, rtt=rtt, echo=True
                    ),
                )
            case say.RoomMoved():
                self.end(echo.page)
            case _:
                pass
        return True

    async def _of(self, page: Page) -> _Echo:
        found = self._by_page.get(page)
        if found is None:
            if len(self._by_page) >= ECHOES:
                raise ProblemError(
                    problem(ErrorCode.OVERLOADED, "Uji suara sedang penuh", "Too many test their sound at once")
                )
            found = self._by_page[page] = _Echo(f"echo-{names.person_id()}", page)
            self._by_room[found.room] = found
            found.timer = asyncio.get_running_loop().call_later(ECHO_LIFE_S, self.end, page)
            await asked(self._engine.open_room(found.room))
        return found

    async def _close(self, room: str) -> None:
        with suppress(EngineError):
            await self._engine.close_room(room)
