"""A room: who publishes what, who sees and hears whom, in which slot and layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from smartroom.media.allocator import PAUSED, Rank, Want
from smartroom.media.consumer import Consumer
from smartroom.media.negotiation import Incoming, Slot
from smartroom.media.observer import Observer
from smartroom.media.overload import Stage
from smartroom.media.producer import Producer, Stream
from smartroom.media.publication import Publication
from smartroom.media.rtp.layers import ALL_LAYERS
from smartroom.media.sdp import Session
from smartroom.media.subscription import Rung, Subscription
from smartroom.media.transport import Transport
from smartroom.protocol import media as say
from smartroom.protocol.base import Message

NOMINAL = (150_000.0, 500_000.0, 1_500_000.0)  # bit/s of a layer before it was measured
NOMINAL_SINGLE = 500_000.0
BASE_SHARE = 0.6  # of a stream's bitrate is in its temporal base layer
UNWATCHED_FOR = 5.0  # s until a layer nobody watches is stopped at the publisher
ARRANGE_EVERY = 5.0  # s at most between two arrangements
RATES_AFTER = 1.0  # s at most until measured rates are taken into account, where they have changed
RATE_CHANGE = 0.1  # of a rate: less is no change
SPEAKER = "speaker"
SMALL = 360  # lines of a camera's picture under overload

Reason = Literal["", "bandwidth", "off", "overload", "codec"]
Fact = tuple[str | None, int, Reason]
"""What a slot shows: track, layer, why not."""

_RANKS = {"stage": Rank.STAGE, "pinned": Rank.PINNED, "thumbnail": Rank.THUMBNAIL}


@dataclass(slots=True)
class Member:
    """One participant of the room: its two sides and its wishes."""

    peer: str
    publication: Publication | None = None
    subscription: Subscription | None = None
    wishes: list[say.Wish] | None = None
    seats: dict[str, Consumer] = field(default_factory=dict)  # video track -> slot
    told: dict[str, Fact] = field(default_factory=dict)  # by slot


class Router:
    """A room of one worker. Reports what changes through `notify`."""

    def __init__(self, room: str, notify: Callable[[Message], None]) -> None:
        self.room = room
        self.members: dict[str, Member] = {}
        self.producers: dict[str, Producer] = {}
        self.observer = Observer()
        self.stage = Stage.NORMAL
        self._notify = notify
        self._rates: dict[int, float] = {}  # bit/s of the streams that carried packets when they were arranged
        self._arranged = 0.0
        self._open: set[str] = set()  # tracks that carry packets
        self._unwatched: dict[str, float] = {}
        self._publishers: dict[str, Publication] = {}  # track -> connection

    def member(self, peer: str) -> Member:
        """The participant of this name, made when new."""
        return self.members.setdefault(peer, Member(peer))

    def publish(
        self, peer: str, transport: Transport, tracks: list[Incoming], sources: dict[str, say.Source]
    ) -> list[say.Track]:
        """Open a producer per negotiated track; a renegotiation keeps the known ones."""
        member = self.member(peer)
        publication = member.publication
        if publication is None or publication.transport is not transport:
            self._retire(publication)
            publication = member.publication = Publication(transport)
            publication.on_stream = self._stream_opened
        for mid in set(publication.producers) - {track.mid for track in tracks}:
            self._close(publication.withdraw(mid))
        for incoming in tracks:
            producer = publication.producers.get(incoming.mid)
            if producer is None:
                fallback = say.Source.MICROPHONE if incoming.kind == "audio" else say.Source.CAMERA
                source = sources.get(incoming.mid, fallback)
                producer = Producer(f"{peer}.{incoming.mid}", peer, incoming, source, transport.outbox)
                self.producers[producer.key] = producer
                self._publishers[producer.key] = publication
            publication.accept(incoming, producer)
        return [self._track(mid, producer) for mid, producer in publication.producers.items()]

    def new_pictures(self, peer: str, offer: Session) -> bool:
        """Whether this offer of a publisher brings pictures the room does not have yet."""
        known = {key for key, producer in self.producers.items() if producer.kind == "video"}
        return any(
            media.kind == "video" and media.port and media.direction in ("sendonly", "sendrecv")
            and f"{peer}.{media.mid}" not in known
            for media in offer.media
        )  # fmt: skip

    def subscribe(self, peer: str, transport: Transport) -> Subscription:
        """Open the receiving side; an older one of the same participant ends."""
        member = self.member(peer)
        if member.subscription is not None:
            member.subscription.close()
        member.seats.clear()
        member.told.clear()
        subscription = member.subscription = Subscription(transport, self._keyframe)
        subscription.on_ready = lambda: self.arrange(transport.clock())
        subscription.on_slow = lambda sign: self._notify(say.Slow(room=self.room, peer=peer, sign=sign))
        return subscription

    def settle(self, peer: str, slots: list[Slot], now: float) -> None:
        """The subscriber accepted these slots: fill them."""
        subscription = self.members[peer].subscription
        if subscription is not None:
            subscription.settle(slots)
            self.arrange(now)

    def view(self, peer: str, wishes: list[say.Wish] | None, now: float) -> None:
        """What a subscriber shows from now on."""
        self.member(peer).wishes = wishes
        self.arrange(now)

    def mute(self, track: str, *, muted: bool, now: float) -> None:
        """Stop or resume forwarding of a track; KeyError when unknown."""
        self.producers[track].muted = muted
        self.arrange(now)

    def leave(self, peer: str, side: say.Side | None, now: float) -> list[Transport]:
        """Close one side or both; the transports that are to be closed."""
        member = self.members.get(peer)
        transports: list[Transport] = []
        if member is None:
            return transports
        if member.publication is not None and side in (None, say.Side.PUBLISH):
            transports.append(member.publication.transport)
            self._retire(member.publication)
            member.publication = None
        if member.subscription is not None and side in (None, say.Side.SUBSCRIBE):
            transports.append(member.subscription.transport)
            member.subscription.close()
            member.subscription = None
            member.seats.clear()
            member.told.clear()
        if member.publication is None and member.subscription is None:
            del self.members[peer]
        self.arrange(now)
        return transports

    def lost(self, transport: Transport, now: float) -> None:
        """A transport has closed by itself."""
        for member in list(self.members.values()):
            if member.publication is not None and member.publication.transport is transport:
                self.leave(member.peer, say.Side.PUBLISH, now)
            elif member.subscription is not None and member.subscription.transport is transport:
                self.leave(member.peer, say.Side.SUBSCRIBE, now)

    def close(self) -> list[Transport]:
        """End the room; the transports that are to be closed."""
        transports: list[Transport] = []
        for peer in list(self.members):
            transports += self.leave(peer, None, 0.0)
        return transports

    def tick(self, now: float) -> None:
        """A few times a second: speakers, rates, slots, layers."""
        for producer in self.producers.values():
            thin = self.stage >= Stage.THIN and producer.source == say.Source.CAMERA
            for stream in producer.streams.values():
                stream.measure(now)
                stream.thin(on=thin)
        changed, speaker = self.observer.update(list(self.producers.values()), now)
        if changed or speaker:
            self._notify(say.Speaker(room=self.room, track=self.observer.speaker, audible=list(self.observer.audible)))
        since = now - self._arranged
        rates = {stream.number: stream.rate for p in self.producers.values() for stream in p.ladder(now)}
        other = rates.keys() != self._rates.keys() or (since >= RATES_AFTER and _differ(rates, self._rates))
        if changed or speaker or other or since >= ARRANGE_EVERY:
            self._rates = rates
            self.arrange(now)
        self._stop_unwatched(now)
        for member in self.members.values():
            if member.subscription is not None and member.subscription.tick(now):
                self._tell(member)

    def arrange(self, now: float) -> None:
        """Put voices and pictures into slots; what already sits stays where it is."""
        self._arranged = now
        self.observer.update(list(self.producers.values()), now)
        for member in self.members.values():
            if member.subscription is not None and member.subscription.ready:
                self._arrange_audio(member, member.subscription, now)
                self._arrange_video(member, member.subscription, now)
                self._tell(member)

    def _arrange_audio(self, member: Member, subscription: Subscription, now: float) -> None:
        slots = [c for c in subscription.consumers if c.slot.kind == "audio"]
        audible = [
            producer
            for key in self.observer.audible
            if (producer := self.producers.get(key)) is not None and producer.peer != member.peer and not producer.muted
        ]
        if member.wishes is not None and member.wishes and _names_participant(member.wishes[0].track):
            only = member.wishes[0].track.removeprefix("peer:")
            audible = [p for p in self.producers.values() if p.peer == only and p.kind == "audio" and not p.muted]
        wanted = audible[: len(slots)]
        free = [slot for slot in slots if slot.producer not in wanted]
        for producer in wanted:
            consumer = next((slot for slot in slots if slot.producer is producer), None) or free.pop(0)
            consumer.producer = producer
            stream = producer.streams.get("")
            if stream is not None:
                consumer.show(stream, now)
        for consumer in free:
            consumer.producer = None
            consumer.show(None, now)

    def _arrange_video(self, member: Member, subscription: Subscription, now: float) -> None:
        wishes = self._resolve(member)
        slots = [c for c in subscription.consumers if c.slot.kind == "video"]
        seats = {key: seat for key, seat in member.seats.items() if key in wishes}
        taken = set(map(id, seats.values()))
        for key in wishes:
            if key not in seats:
                screen = self.producers[key].source == say.Source.SCREEN
                seat = next((c for c in slots if id(c) not in taken and _fits(c, screen=screen)), None)
                if seat is not None:
                    seats[key] = seat
                    taken.add(id(seat))
        for consumer in slots:
            if id(consumer) not in taken:
                consumer.producer = None
                consumer.show(None, now)
        member.seats = seats
        subscription.hold = self.stage >= Stage.NO_RAISE
        subscription.wants = []
        subscription.ladders = {}
        for key, consumer in seats.items():
            producer = self.producers[key]
            consumer.producer = producer
            rank, height = wishes[key]
            ladder = producer.ladder(now)
            ladder = ladder[: _layers_for(height, len(producer.incoming.rids) or 1)]
            if rank is Rank.THUMBNAIL and self.stage >= Stage.NO_THUMBNAILS:
                ladder = []
            rungs = _rungs(ladder)
            subscription.ladders[key] = (consumer, rungs)
            subscription.wants.append(Want(key, rank, tuple(rung.cost for rung in rungs)))
        subscription.choose(now)

    def _resolve(self, member: Member) -> dict[str, tuple[Rank, int]]:
        """Wishes as tracks: rank and height; screens come first whoever asked for what, and never shrink."""
        most = SMALL if self.stage >= Stage.SMALL else 4320
        wished = self._wished(member)
        return {
            key: (rank, height if rank is Rank.SCREEN else min(height, most)) for key, (rank, height) in wished.items()
        }

    def _wished(self, member: Member) -> dict[str, tuple[Rank, int]]:
        visible = {
            p.key: p for p in self.producers.values()
            if p.kind == "video" and p.peer != member.peer and not p.muted and p.key in self._open
        }  # fmt: skip
        if member.wishes is None:
            return {
                key: (Rank.SCREEN, 2160) if p.source == say.Source.SCREEN else (Rank.THUMBNAIL, 720)
                for key, p in visible.items()
            }
        found: dict[str, tuple[Rank, int]] = {}
        for wish in member.wishes:
            if wish.height <= 0:
                continue
            for key in self._tracks(wish.track, visible):
                screen = visible[key].source == say.Source.SCREEN
                found.setdefault(key, (Rank.SCREEN if screen else _RANKS[wish.rank], wish.height))
        return found

    def _tracks(self, name: str, visible: dict[str, Producer]) -> list[str]:
        if name in visible:
            return [name]
        if _names_participant(name):
            return [key for key, p in visible.items() if p.peer == name.removeprefix("peer:")][:1]
        if name != SPEAKER:
            return []
        voice = self.producers.get(self.observer.speaker)
        cameras = [key for key, p in visible.items() if p.source != say.Source.SCREEN]
        speaking = [key for key in cameras if voice is not None and visible[key].peer == voice.peer]
        return (speaking or cameras)[:1]

    def _tell(self, member: Member) -> None:
        subscription = member.subscription
        if subscription is None:
            return
        for consumer in subscription.consumers:
            slot = consumer.slot.mid
            fact = _fact(consumer, subscription)
            if fact[2] == "off" and self._withheld(member, fact[0]):
                fact = (fact[0], fact[1], "overload")
            before = member.told.get(slot)
            if fact != before and (fact[0] or before):
                member.told[slot] = fact
                track, layer, reason = fact
                self._notify(
                    say.Assigned(
                        room=self.room, peer=member.peer, slot=slot, track=track, layer=layer, reason=reason
                    )
                )  # fmt: skip

    def _withheld(self, member: Member, track: str | None) -> bool:
        """Whether overload, not its publisher, keeps this track from the subscriber."""
        rank, _ = self._resolve(member).get(track or "", (None, 0))
        return rank is Rank.THUMBNAIL and self.stage >= Stage.NO_THUMBNAILS

    def _stream_opened(self, producer: Producer) -> None:
        publication = self._publishers.get(producer.key)
        if publication is None:
            return
        if producer.key not in self._open:
            self._open.add(producer.key)
            self._notify(say.TrackOpened(room=self.room, track=self._track(producer.incoming.mid, producer)))
        now = publication.transport.clock()
        for stream in producer.streams.values():
            stream.last_time = max(stream.last_time, now) if not stream.packets else stream.last_time
        self.arrange(now)

    def _keyframe(self, stream: Stream, now: float) -> None:
        publication = self._publishers.get(stream.producer.key)
        if publication is not None:
            publication.request_keyframe(stream, now)

    def _stop_unwatched(self, now: float) -> None:
        """Tell publishers which layers nobody has room for; more at once, fewer after a while."""
        for key, producer in self.producers.items():
            rids = producer.incoming.rids
            if not rids:
                continue
            most = 1
            for member in self.members.values():
                seat = member.seats.get(key)
                if seat is not None:
                    most = max(most, _layers_for(self._resolve(member).get(key, (Rank.THUMBNAIL, 0))[1], len(rids)))
            if most >= len(producer.enabled):
                self._unwatched.pop(key, None)
            since = self._unwatched.setdefault(key, now) if most < len(producer.enabled) else now
            if most > len(producer.enabled) or now - since > UNWATCHED_FOR:
                self._unwatched.pop(key, None)
                producer.enabled = rids[:most]
                self._notify(
                    say.Layers(
                        room=self.room, peer=producer.peer, track=key, mid=producer.incoming.mid,
                        rids=list(producer.enabled),
                    )
                )  # fmt: skip

    def _track(self, mid: str, producer: Producer) -> say.Track:
        kind = "audio" if producer.kind == "audio" else "video"
        return say.Track(track=producer.key, peer=producer.peer, mid=mid, kind=kind, source=say.Source(producer.source))

    def _retire(self, publication: Publication | None) -> None:
        if publication is not None:
            for mid in list(publication.producers):
                self._close(publication.withdraw(mid))

    def _close(self, producer: Producer | None) -> None:
        if producer is None:
            return
        for stream in producer.streams.values():
            for sink in tuple(stream.sinks):
                if isinstance(sink, Consumer):
                    sink.close()
                    sink.producer = None
        self.producers.pop(producer.key, None)
        self._publishers.pop(producer.key, None)
        if producer.key in self._open:
            self._open.discard(producer.key)
            self._notify(say.TrackClosed(room=self.room, track=producer.key))


def _fact(consumer: Consumer, subscription: Subscription) -> Fact:
    producer = consumer.producer
    if producer is None:
        return None, 0, ""
    if producer.kind == "audio":
        return producer.key, 0, ""
    if not _playable(consumer, producer):
        return producer.key, 0, "codec"
    rung = subscription.chosen.get(producer.key, PAUSED)
    _, rungs = subscription.ladders.get(producer.key, (None, []))
    if rung == PAUSED:
        return producer.key, PAUSED, "bandwidth" if rungs else "off"
    streams = list(dict.fromkeys(step.stream.number for step in rungs[: rung + 1]))
    return producer.key, len(streams) - 1, ""


def _differ(rates: dict[int, float], before: dict[int, float]) -> bool:
    return any(abs(rate - before[number]) > RATE_CHANGE * rate for number, rate in rates.items())


def _names_participant(name: str) -> bool:
    return name.startswith("peer:")


def _fits(consumer: Consumer, *, screen: bool) -> bool:
    return consumer.slot.mid.startswith("s") == screen or not consumer.slot.mid[:1].isalpha()


def _playable(consumer: Consumer, producer: Producer) -> bool:
    return not producer.codec or producer.codec in consumer.slot.payload_types


def _layers_for(height: int, layers: int) -> int:
    """How many layers of a 180/360/720 ladder a picture of this height can use."""
    wanted = 1 if height <= 180 else 2 if height <= 360 else 3
    return max(1, min(layers, wanted + max(0, layers - 3)))


def _rungs(ladder: list[Stream]) -> list[Rung]:
    """Streams as steps of cost; the smallest one first with fewer pictures, where its codec can do that."""
    if len(ladder) == 1:
        rungs = [Rung(ladder[0], ladder[0].rate or NOMINAL_SINGLE, ALL_LAYERS)]
    else:
        rungs = [Rung(stream, stream.rate or NOMINAL[min(i, 2)], ALL_LAYERS) for i, stream in enumerate(ladder)]
    if ladder and ladder[0].temporal_layers > 1:
        rungs.insert(0, Rung(ladder[0], BASE_SHARE * rungs[0].cost, 0))
    return rungs
