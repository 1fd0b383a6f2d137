"""The media of one meeting: offers and answers to the engine, its facts to the pages, what pages show within their rung."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TypeVar

from smartroom.control.clock import monotonic
from smartroom.control.conference.engine import EngineError, MediaEngine
from smartroom.control.conference.links import FULL, SLIDES, Ladder, within
from smartroom.control.conference.session import Session
from smartroom.control.conference.signaling import Connections
from smartroom.control.errors import ProblemError, problem
from smartroom.control.limits import MEDIA_ORDERS, MEDIA_READY_S, MEDIA_RETRY_S, VIEW_EVERY_S
from smartroom.protocol import conference as words
from smartroom.protocol import media as say
from smartroom.protocol.base import Message
from smartroom.protocol.errors import ErrorCode

T = TypeVar("T")

log = logging.getLogger(__name__)

_CODES = {
    "invalid": (ErrorCode.INVALID, "Tawaran media tidak dapat dipakai", "The media offer cannot be used"),
    "unacceptable": (
        ErrorCode.INVALID,
        "Tawaran media tidak didukung",
        "The media offer asks for what is not supported",
    ),
    "not_found": (ErrorCode.STALE, "Sambungan media sudah tidak ada", "The media connection is gone"),
    "overloaded": (ErrorCode.OVERLOADED, "Server media penuh", "The media server is full"),
}
_LOST = (ErrorCode.BUSY, "Server media sedang dimulai ulang", "The media server is starting anew")


class Lines:
    """`Crew`'s media half. `run()` carries out orders one after the other, as long as the meeting."""

    def __init__(self, engine: MediaEngine, session: Session) -> None:
        self._engine = engine
        self._session = session
        self._room = session.row.id
        self._connections: defaultdict[str, Connections] = defaultdict(Connections)
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._orders: asyncio.Queue[Callable[[], Awaitable[None]]] = asyncio.Queue(MEDIA_ORDERS)
        self._ready = asyncio.Event()
        self._muted: dict[str, bool] = {}
        self._forced: list[str] = []
        self._deaf: set[str] = set()
        self._views: dict[str, list[words.Look]] = {}
        self._facts: defaultdict[str, dict[str, tuple[str, Message]]] = defaultdict(dict)
        """What each page was told of its media last: a page that was away missed some of it."""
        self._ladders: defaultdict[str, Ladder] = defaultdict(Ladder)
        self._shown: dict[str, float] = {}
        self._late: dict[str, asyncio.TimerHandle] = {}

    async def run(self) -> None:
        """Until cancelled: a place for the meeting, then its orders. A meeting begins without waiting for its media."""
        while not self._ready.is_set():
            try:
                await self._engine.open_room(self._room)
                self._ready.set()
            except EngineError as error:
                log.warning("meeting %s has no media yet: %s", self._room, error)
                await asyncio.sleep(MEDIA_RETRY_S)
        while True:
            order = await self._orders.get()
            with suppress(EngineError):  # a worker that died forgets; everybody makes new connections
                await order()

    # -- what pages ask --

    def greet(self, person: str) -> None:
        """A page has this seat from now on: it counts its offers anew, and hears what stands."""
        self._connections.pop(person, None)
        for event, fact in self._facts[person].values():
            self._session.tell(person, event, fact)

    async def publish(self, person: str, offer: words.PubOffer) -> words.PubAnswer:
        """A page's offer of what it sends; raises ProblemError."""
        offers = self._connections[person].pub
        async with self._locks[person]:
            offers.theirs(offer.rev)
            sources = {mid: say.Source(source) for mid, source in offer.sources.items()}
            answer = await self._asked(lambda: self._engine.publish(self._room, person, offer.sdp, sources))
        tracks = [
            words.SentTrack(track=track.track, mid=track.mid, source=track.source.value) for track in answer.tracks
        ]
        for track in tracks:
            self._muted.pop(track.track, None)
        self._session.published(person, {track.source: track.track for track in tracks})
        return words.PubAnswer(rev=offer.rev, sdp=answer.sdp, tracks=tracks)

    async def open(self, person: str, wish: words.SubOpen) -> words.SubOffer:
        """An offer for what a page receives; raises ProblemError."""
        offers = self._connections[person].sub
        async with self._locks[person]:
            if wish.restart:
                fragment = await self._asked(lambda: self._engine.restart(self._room, person, say.Side.SUBSCRIBE))
                self._judge_anew(person)
                return words.SubOffer(rev=offers.ours(), sdp=fragment.sdp)
            slots = say.Slots(
                audio=0 if person in self._deaf else wish.slots.audio, video=wish.slots.video, screen=wish.slots.screen
            )
            made = await self._asked(lambda: self._engine.subscribe(self._room, person, slots))
            self._forget(person, "assigned")
            self._judge_anew(person)
            return words.SubOffer(rev=offers.ours(), sdp=made.sdp, slots=made.slots)

    async def answer(self, person: str, answer: words.SubAnswer) -> None:
        """The page's answer; raises ProblemError."""
        async with self._locks[person]:
            self._connections[person].sub.answer(answer.rev)
            await self._asked(lambda: self._engine.accept(self._room, person, answer.sdp))

    def view(self, person: str, wish: words.ViewWish) -> None:
        """What a page shows from now on; four times a second at most, the newest counts."""
        self._views[person] = list(wish.looks)
        wait = self._shown.get(person, 0.0) + VIEW_EVERY_S - monotonic()
        if wait <= 0:
            self._show(person)
        elif person not in self._late:
            self._late[person] = asyncio.get_running_loop().call_later(wait, self._show, person)

    def saver(self, person: str, saver: words.Saver) -> None:
        """How a person wants to save data."""
        ladder = self._ladders[person]
        ladder.choose(saver.mode, listen=saver.listen)
        self._tell_quality(person, ladder)
        self._show(person)

    # -- what the session decides --

    def mute(self, track: str, *, muted: bool) -> None:
        """Stop or resume forwarding of a track."""
        if self._muted.get(track) is not muted:
            self._muted[track] = muted
            self._order(lambda: self._engine.mute(self._room, track, muted=muted))

    def force_audible(self, tracks: Sequence[str]) -> None:
        """Tracks that keep an audio slot."""
        if list(tracks) != self._forced:
            self._forced = list(tracks)
            self._order(lambda: self._engine.force_audible(self._room, list(tracks)))

    def drop(self, person: str) -> None:
        """End both connections."""
        self._connections.pop(person, None)
        self._views.pop(person, None)
        self._ladders.pop(person, None)
        self._facts.pop(person, None)
        self._deaf.discard(person)
        late = self._late.pop(person, None)
        if late is not None:
            late.cancel()
        self._order(lambda: self._engine.leave(self._room, person))

    def deafen(self, person: str) -> None:
        """No sound from now on: slots are asked for later."""
        self._deaf.add(person)

    # -- what the engine tells --

    def hear(self, event: Message) -> None:
        """A notification about this meeting."""
        session = self._session
        match event:
            case say.TrackClosed(track=track):
                session.unpublished(track)
            case say.Speaker(track=track):
                session.heard(track)
            case say.Assigned(peer=peer, slot=slot, track=shown, layer=layer, reason=reason):
                paused = self._ladders[peer].paused
                (paused.add if shown is not None and layer < 0 and reason == "bandwidth" else paused.discard)(slot)
                assigned = words.AssignedSlot(slot=slot, track=shown, layer=layer, reason=reason)
                self._tell(peer, "assigned", slot, assigned)
            case say.Layers(peer=peer, track=track, mid=mid, rids=rids):
                self._tell(peer, "layers", mid, words.ActiveLayers(track=track, mid=mid, rids=rids))
            case say.Connection(peer=peer, side=side, state=state, reason=reason) if state != "new":
                session.tell(peer, "path", words.PathChanged(side=side.value, state=state, reason=reason))
            case say.Quality(peer=peer, estimate=estimate, loss=loss, rtt=rtt) if peer in session.seats:
                ladder = self._ladders[peer]
                if ladder.look(estimate, loss, rtt, monotonic()):
                    self._show(peer)
                self._tell_quality(peer, ladder)
            case say.RoomMoved(reason=reason):
                self._muted.clear()
                self._facts.clear()
                for ladder in self._ladders.values():
                    ladder.paused.clear()
                session.tell_all("remake", words.Remake(why=reason))
            case _:
                pass

    # -- inside --

    def _tell(self, person: str, event: str, about: str, fact: Message) -> None:
        if person in self._session.seats:
            self._facts[person][f"{event} {about}"] = (event, fact)
            self._session.tell(person, event, fact)

    def _forget(self, person: str, event: str) -> None:
        facts = self._facts[person]
        self._facts[person] = {key: fact for key, fact in facts.items() if fact[0] != event}

    def _show(self, person: str) -> None:
        late = self._late.pop(person, None)
        if late is not None:
            late.cancel()
        self._shown[person] = monotonic()
        looks = self._views.get(person)
        rung = self._ladders[person].rung
        if looks is None and rung == FULL:
            return  # it has said nothing yet, and may see everything
        screens = {me.tracks["screen"] for me in self._session.people.values() if "screen" in me.tracks}
        shown = [say.Wish(**look.model_dump()) for look in within(looks or [words.Look()], rung, screens)]
        self._order(lambda: self._engine.view(self._room, person, shown))

    def _judge_anew(self, person: str) -> None:
        ladder = self._ladders[person]
        if ladder.anew():
            self._tell_quality(person, ladder)
            self._show(person)

    def _tell_quality(self, person: str, ladder: Ladder) -> None:
        found = words.PathQuality(
            rung=ladder.rung, why=ladder.why, mode=ladder.mode, estimate=ladder.estimate, loss=ladder.loss,
            rtt=ladder.rtt, camera=ladder.rung < SLIDES,
        )  # fmt: skip
        self._session.tell(person, "quality", found)
        self._session.linked(person, found)

    def _order(self, order: Callable[[], Awaitable[None]]) -> None:
        if self._orders.full():  # a worker that answers nothing is killed within seconds, and forgets all of them
            self._orders.get_nowait()
        self._orders.put_nowait(order)

    async def _asked(self, request: Callable[[], Awaitable[T]]) -> T:
        try:
            async with asyncio.timeout(MEDIA_READY_S):
                await self._ready.wait()
        except TimeoutError:
            raise _problem(EngineError("lost", "no media worker is ready")) from None
        return await asked(request())


async def asked(request: Awaitable[T]) -> T:
    """What the engine answers; its refusals as ProblemError."""
    try:
        return await request
    except EngineError as error:
        raise _problem(error) from None


def _problem(error: EngineError) -> ProblemError:
    code, indonesian, english = _CODES.get(error.code, _LOST)
    return ProblemError(problem(code, indonesian, english, detail=str(error)))
