"""A media worker: obeys commands, owns the port, the rooms and the timers of its process."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Self

from smartroom.media import negotiation, sdp, transport
from smartroom.media.ice import Credentials
from smartroom.media.negotiation import Local, Peer, Slot
from smartroom.media.overload import CostModel, Overload, Stage
from smartroom.media.port import Port
from smartroom.media.router import Router
from smartroom.media.transport import Certificate, State, Transport
from smartroom.protocol import media as say
from smartroom.protocol.base import Message

TICK = 0.100  # s, after the packets that came; what cannot wait as long has a timer of its own
IDLE = 0.250  # s until a tick when no packet comes
GLANCE = 0.500  # s until we see whether packets still come
DECIDE_EVERY = 0.3  # s between decisions about speakers, layers, probes
LOAD_EVERY = 2.0  # s
SIGN_EVERY = 0.4  # s between signs of life: control waits no longer than 1.5 s for one
MAX_PEERS = 200  # connections per worker

log = logging.getLogger(__name__)


class Refused(Exception):
    """A command that cannot be obeyed: a code control can act on, and a sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(slots=True)
class _Connection:
    """A transport with its place in the room."""

    transport: Transport
    room: str
    peer: str
    side: say.Side
    slots: list[Slot]
    started: bool = False
    mid: str = ""  # of the line the others are bundled with


class Worker:
    """All rooms of one process. `async with` owns its tasks; `obey` takes commands."""

    def __init__(
        self,
        addresses: Sequence[str],
        port: int,
        notify: Callable[[Message], None],
        number: int = 0,
        announced: Sequence[str] = (),
    ) -> None:
        transport.check_libraries()
        self.port = Port(addresses, port, transport.protect, (transport.unprotect, transport.unprotect_rtcp))
        self.port.on_awake = self._tick
        self.rooms: dict[str, Router] = {}
        self.on_sign: Callable[[], None] = _nothing
        self._announced = tuple(announced) or tuple(addresses)
        self._number = number
        self._notify = notify
        self._certificate = Certificate.generateCertificate()
        self._connections: dict[tuple[str, str, say.Side], _Connection] = {}
        self._tasks = asyncio.TaskGroup()
        self._stopping = asyncio.Event()
        self.overload = Overload()
        self.costs = CostModel()
        self._forwarded = 0
        self._obeys: dict[type[Message], Callable[..., Awaitable[Message]]] = {
            say.OpenRoom: self._open_room,
            say.CloseRoom: self._close_room,
            say.Publish: self._publish,
            say.Subscribe: self._subscribe,
            say.AcceptOffer: self._accept,
            say.Play: self._play,
            say.Restart: self._restart,
            say.Leave: self._leave,
            say.View: self._view,
            say.Mute: self._mute,
            say.ForceAudible: self._force,
            say.Ceiling: self._ceiling,
            say.AskStatistics: self._statistics,
            say.Ping: self._ping,
            say.Stop: self._stop,
        }

    async def __aenter__(self) -> Self:
        """Bind the port and start the timers; OSError when the port is taken."""
        await self.port.__aenter__()
        await self._tasks.__aenter__()
        self._ticked = self._decided = self._second = self._loaded = self._signed = self.port.clock()
        self._spent = time.thread_time()
        self._idle = asyncio.get_running_loop().call_later(IDLE, self._wait)
        return self

    async def __aexit__(self, *failure: object) -> None:
        """Close every connection, then the port."""
        for connection in self._connections.values():
            connection.transport.close("worker stops")
        try:
            await self._tasks.__aexit__(None, None, None)
        finally:
            await self.port.__aexit__()
            self._idle.cancel()

    @property
    def candidates(self) -> list[tuple[str, int]]:
        """Where peers reach this worker."""
        return [(address, self.port.number) for address in self._announced]

    async def wait_stopped(self) -> None:
        """Return when control asked this worker to stop."""
        await self._stopping.wait()

    async def obey(self, command: Message) -> Message:
        """Carry out one command; Refused says why not."""
        try:
            return await self._obeys[type(command)](command)
        except negotiation.Unacceptable as error:
            raise Refused("unacceptable", str(error)) from error
        except ValueError as error:
            raise Refused("invalid", str(error)) from error
        except KeyError as error:
            raise Refused("not_found", f"unknown {error}") from error

    async def _open_room(self, command: say.OpenRoom) -> Message:
        self.rooms.setdefault(command.room, Router(command.room, self._notify))
        return say.Done()

    async def _close_room(self, command: say.CloseRoom) -> Message:
        router = self.rooms.pop(command.room, None)
        for closing in router.close() if router else ():
            closing.close("room closed")
        return say.Done()

    async def _publish(self, command: say.Publish) -> Message:
        router = self.rooms[command.room]
        offer = sdp.parse(command.sdp)
        peer = negotiation.read_peer(offer)
        if self.overload.stage >= Stage.NO_CAMERAS and router.new_pictures(command.peer, offer):
            raise Refused("overloaded", "this worker takes no more cameras now; a voice alone is welcome")
        connection = self._connections.get((command.room, command.peer, say.Side.PUBLISH))
        if connection is not None and peer.fingerprints == self._fingerprints(connection):
            if peer.ufrag != connection.transport.remote_ufrag:
                connection.transport.restart()
        else:
            connection = self._connect(command.room, command.peer, say.Side.PUBLISH)
        link = connection.transport
        try:
            text, tracks = negotiation.answer_publisher(offer, self._local(link), tuple(command.codecs))
        except ValueError:
            if not connection.started:
                self._abandon(connection)
            raise
        published = router.publish(command.peer, link, tracks, command.sources)
        self._start(connection, peer)
        return say.Description(sdp=text, ufrag=link.agent.credentials.ufrag, tracks=published)

    async def _subscribe(self, command: say.Subscribe) -> Message:
        router = self.rooms[command.room]
        counts = command.slots
        slots = [_slot(f"a{i}", "audio") for i in range(counts.audio)]
        slots += [_slot(f"v{i}", "video") for i in range(counts.video)]
        slots += [_slot(f"s{i}", "video") for i in range(counts.screen)]
        if not slots:
            raise ValueError("no slots asked for")
        connection = self._connect(command.room, command.peer, say.Side.SUBSCRIBE)
        connection.slots = slots
        router.subscribe(command.peer, connection.transport)
        return self._offer(connection)

    async def _accept(self, command: say.AcceptOffer) -> Message:
        router = self.rooms[command.room]
        connection = self._connections[command.room, command.peer, say.Side.SUBSCRIBE]
        answer = sdp.parse(command.sdp)
        peer = negotiation.read_peer(answer)
        accepted = negotiation.read_slots(answer, connection.slots)
        if not accepted:
            raise ValueError("the answer accepts no slot")
        router.settle(command.peer, accepted, self.port.clock())
        self._start(connection, peer)
        return say.Done()

    async def _play(self, command: say.Play) -> Message:
        router = self.rooms[command.room]
        wish = command.show
        if wish != "speaker" and wish not in router.producers:
            wish = f"peer:{wish}"
            if not any(p.peer == command.show for p in router.producers.values()):
                raise Refused("not_live", f"{command.show} is not live")
        elif not router.producers:
            raise Refused("not_live", "nobody is live")
        offer = sdp.parse(command.sdp)
        peer = negotiation.read_peer(offer)
        connection = self._connect(command.room, command.peer, say.Side.SUBSCRIBE)
        slots = [_slot("a0", "audio"), _slot("v0", "video")]
        try:
            text, accepted = negotiation.answer_player(offer, self._local(connection.transport), slots)
        except ValueError:
            self._abandon(connection)
            raise
        router.subscribe(command.peer, connection.transport)
        router.view(command.peer, [say.Wish(track=wish, width=1920, height=1080, rank="stage")], self.port.clock())
        router.settle(command.peer, accepted, self.port.clock())
        self._start(connection, peer)
        return say.Description(sdp=text, ufrag=connection.transport.agent.credentials.ufrag)

    async def _restart(self, command: say.Restart) -> Message:
        connection = self._connections[command.room, command.peer, command.side]
        fresh: Credentials = connection.transport.restart()
        fragment = sdp.write_fragment(fresh.ufrag, fresh.password, connection.mid, self.candidates)
        text = ""
        if connection.slots:
            text = negotiation.offer_slots(connection.slots, self._local(connection.transport))
        return say.Fragment(ufrag=fresh.ufrag, password=fresh.password, fragment=fragment, sdp=text)

    async def _leave(self, command: say.Leave) -> Message:
        router = self.rooms.get(command.room)
        if router is not None:
            router.leave(command.peer, command.side, self.port.clock())
        for side in (command.side,) if command.side else tuple(say.Side):
            connection = self._connections.get((command.room, command.peer, side))
            if connection is not None:
                self._abandon(connection)
        return say.Done()

    async def _view(self, command: say.View) -> Message:
        self.rooms[command.room].view(command.peer, command.wishes, self.port.clock())
        return say.Done()

    async def _mute(self, command: say.Mute) -> Message:
        self.rooms[command.room].mute(command.track, muted=command.muted, now=self.port.clock())
        return say.Done()

    async def _force(self, command: say.ForceAudible) -> Message:
        self.rooms[command.room].observer.forced = frozenset(command.tracks)
        return say.Done()

    async def _ceiling(self, command: say.Ceiling) -> Message:
        subscription = self.rooms[command.room].members[command.peer].subscription
        if subscription is not None:
            subscription.ceiling = float(command.bitrate or "inf")
        return say.Done()

    async def _statistics(self, command: say.AskStatistics) -> Message:
        return say.Statistics(values=self.statistics())

    async def _ping(self, _command: say.Ping) -> Message:
        return say.Done()

    async def _stop(self, _command: say.Stop) -> Message:
        self._stopping.set()
        return say.Done()

    def statistics(self) -> dict[str, float]:
        """Counters of the port and totals of the rooms."""
        counters = self.port.counters
        streams = [s for r in self.rooms.values() for p in r.producers.values() for s in p.streams.values()]
        consumers = [
            c
            for r in self.rooms.values()
            for m in r.members.values()
            if m.subscription
            for c in m.subscription.consumers
        ]
        for consumer in consumers:
            if consumer.in_fan:
                consumer.sync()
        return {
            "rooms": len(self.rooms),
            "peers": len(self._connections),
            "received": counters.received,
            "stun": counters.stun,
            "rtp": counters.rtp,
            "rtcp": counters.rtcp,
            "stranger": counters.stranger,
            "malformed": counters.malformed,
            "over_budget": counters.over_budget,
            "new_ssrc": counters.new_ssrc,
            "unreadable": counters.unreadable,
            "errors": counters.errors,
            "streams": len(streams),
            "forwarded": sum(c.packets for c in consumers),
            "repeated": sum(c.repeated for c in consumers),
            "refused": self.port.outbox.refused,
            "cpu_seconds": time.process_time(),
        }

    def _connect(self, room: str, peer: str, side: say.Side) -> _Connection:
        known = self._connections.get((room, peer, side))
        if known is not None:
            self._abandon(known, "replaced")
        if len(self._connections) >= MAX_PEERS:
            raise Refused("overloaded", "this worker is full")
        made = Transport(self.port, self._number, self._certificate)
        connection = _Connection(made, room, peer, side, [])
        made.on_state = lambda changed: self._changed(connection, changed)
        self._connections[room, peer, side] = connection
        return connection

    def _start(self, connection: _Connection, peer: Peer) -> None:
        connection.transport.remote_ufrag = peer.ufrag
        connection.mid = peer.mid
        if not connection.started:
            connection.started = True
            connection.transport.fingerprints = peer.fingerprints
            self._tasks.create_task(
                connection.transport.run(peer.fingerprints, client=peer.client),
                name=f"transport {connection.peer} {connection.side}",
            )

    def _abandon(self, connection: _Connection, reason: str = "closed") -> None:
        key = (connection.room, connection.peer, connection.side)
        if self._connections.get(key) is connection:
            del self._connections[key]
        if connection.started:
            connection.transport.close(reason)
        else:
            self.port.ice.remove(connection.transport.agent)

    def _changed(self, connection: _Connection, changed: Transport) -> None:
        self._notify(
            say.Connection(
                room=connection.room,
                peer=connection.peer,
                side=connection.side,
                state=changed.state.value,
                reason=changed.reason,
            )
        )
        if changed.state is State.CLOSED:
            key = (connection.room, connection.peer, connection.side)
            if self._connections.get(key) is connection:
                del self._connections[key]
            router = self.rooms.get(connection.room)
            if router is not None:
                router.lost(changed, self.port.clock())

    def _offer(self, connection: _Connection) -> say.Description:
        return say.Description(
            sdp=negotiation.offer_slots(connection.slots, self._local(connection.transport)),
            ufrag=connection.transport.agent.credentials.ufrag,
            slots={slot.mid: slot.mid for slot in connection.slots},
        )

    def _local(self, link: Transport) -> Local:
        credentials = link.agent.credentials
        return Local(credentials.ufrag, credentials.password, link.fingerprint, self.candidates)

    @staticmethod
    def _fingerprints(connection: _Connection) -> list[transport.Fingerprint]:
        return connection.transport.fingerprints

    def _wait(self) -> None:
        """Tick also while no packet comes."""
        now = self.port.clock()
        idle = now - self._ticked >= IDLE
        self._idle = asyncio.get_running_loop().call_later(IDLE if idle else GLANCE, self._wait)
        if idle:
            self._tick(now)

    def _tick(self, now: float) -> None:
        """Whatever is due, while we are awake anyway: waking up costs more than most of it."""
        if now - self._ticked < TICK:
            return
        self._ticked = now
        self.port.look(now)
        for router in self.rooms.values():
            for member in router.members.values():
                if member.publication is not None:
                    member.publication.tick(now)
        if now - self._decided >= DECIDE_EVERY:
            self._decided = now
            for router in self.rooms.values():
                router.tick(now)
        if now - self._signed >= SIGN_EVERY:
            self._signed = now
            self.on_sign()
        if now - self._second >= 1:
            self._second = now
            for connection in list(self._connections.values()):
                connection.transport.tick(now)
        if now - self._loaded >= LOAD_EVERY:
            before, self._spent = self._spent, time.thread_time()
            self.look_at_load(self._spent - before, now - self._loaded, now)
            self._loaded = now

    def look_at_load(self, spent: float, elapsed: float, now: float) -> None:
        """Take in the processor seconds of the last `elapsed` seconds: give up or take back, and tell control."""
        before, self._forwarded = self._forwarded, int(self.statistics()["forwarded"])
        forwards = max(0, self._forwarded - before)
        stage = self.overload.look(self.costs.measure(spent, forwards, elapsed), now)
        for router in self.rooms.values():
            if router.stage != stage:
                router.stage = stage
                router.arrange(now)
            for member in router.members.values():
                path = member.subscription
                if path is not None and path.consumers:
                    self._notify(
                        say.Quality(
                            room=router.room, peer=member.peer, estimate=int(min(1000000000.0, path.available)),
                            loss=path.loss, rtt=path.rtt,
                        )
                    )  # fmt: skip
        self._notify(
            say.Load(
                cpu=spent / elapsed,
                peers=len(self._connections),
                rooms=len(self.rooms),
                forwards=forwards / elapsed,
                cost=self.costs.cost,
                load=self.costs.load,
                stage=stage,
            )
        )


def _nothing() -> None:
    return


def _slot(name: str, kind: str) -> Slot:
    return Slot(name, kind, secrets.randbits(32), secrets.randbits(32))
