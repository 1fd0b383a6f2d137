"""What control says to a media worker, and what the worker reports. SDP travels opaque to control."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from smartroom.protocol.base import Message


class Source(StrEnum):
    """Where a track comes from."""

    MICROPHONE = "mic"
    CAMERA = "camera"
    SCREEN = "screen"


class Side(StrEnum):
    """The two connections of a participant."""

    PUBLISH = "pub"
    SUBSCRIBE = "sub"


class Slots(Message):
    """How many pictures and voices a subscriber has room for."""

    audio: int = Field(3, ge=0, le=8)
    video: int = Field(9, ge=0, le=25)
    screen: int = Field(1, ge=0, le=2)


class Wish(Message):
    """One picture a subscriber shows: a track or the current speaker; size in pixels, highest priority first."""

    track: str = "speaker"
    width: int = Field(320, ge=0, le=7680)
    height: int = Field(180, ge=0, le=4320)
    rank: Literal["stage", "pinned", "thumbnail"] = "thumbnail"


class Track(Message):
    """A published track; its name is `peer.mid`, so it keeps it when a worker dies and the peer comes back."""

    track: str
    peer: str
    mid: str
    kind: Literal["audio", "video"]
    source: Source


# requests


class OpenRoom(Message):
    """Make a room; known rooms stay as they are."""

    room: str


class CloseRoom(Message):
    """End a room and everybody in it."""

    room: str


class Publish(Message):
    """A publisher's offer; `sources` maps mid to source, `codecs` orders the video codecs."""

    room: str
    peer: str
    sdp: str
    sources: dict[str, Source] = {}
    codecs: list[str] = ["vp8", "h264", "vp9", "av1"]


class Subscribe(Message):
    """A participant wants to receive; the answer is an offer."""

    room: str
    peer: str
    slots: Slots = Slots()


class AcceptOffer(Message):
    """The subscriber's answer."""

    room: str
    peer: str
    sdp: str


class Play(Message):
    """A player's own offer (WHEP); `show` names a participant, a track, or `speaker`."""

    room: str
    peer: str
    sdp: str
    show: str = "speaker"


class Restart(Message):
    """ICE restart of one connection."""

    room: str
    peer: str
    side: Side


class Leave(Message):
    """End one connection of a participant, or all of them."""

    room: str
    peer: str
    side: Side | None = None


class View(Message):
    """What a subscriber shows; none = everything, as thumbnails."""

    room: str
    peer: str
    wishes: list[Wish] | None = None


class Mute(Message):
    """Stop or resume forwarding of a track."""

    room: str
    track: str
    muted: bool


class ForceAudible(Message):
    """Tracks that keep an audio slot whoever speaks: chair, roll call."""

    room: str
    tracks: list[str]


class Ceiling(Message):
    """Upper bound of one subscriber's bitrate, bit/s; 0 = none."""

    room: str
    peer: str
    bitrate: int = Field(ge=0)


class AskStatistics(Message):
    """Counters of the worker, or of one room."""

    room: str = ""


class Ping(Message):
    """A sign of life."""


class Stop(Message):
    """End the worker."""


# answers


class Description(Message):
    """An SDP with what it means."""

    sdp: str
    ufrag: str
    tracks: list[Track] = []
    slots: dict[str, str] = {}
    """Slot id by mid."""


class Fragment(Message):
    """New ICE credentials; `fragment` for WHIP, `sdp` for a subscriber to answer."""

    ufrag: str
    password: str
    fragment: str
    sdp: str = ""


class Done(Message):
    """Nothing to tell."""


class Statistics(Message):
    """Numbers, flat: `name -> value`."""

    values: dict[str, float]


# notifications


class TrackOpened(Message):
    """A track carries packets."""

    room: str
    track: Track


class TrackClosed(Message):
    """A track has ended."""

    room: str
    track: str


class Assigned(Message):
    """What a slot shows now: facts, not wishes."""

    room: str
    peer: str
    slot: str
    track: str | None
    layer: int = 0
    reason: Literal["", "bandwidth", "muted", "off", "overload", "codec"] = ""


class Layers(Message):
    """Which encodings a publisher should keep sending; nobody watches the others."""

    room: str
    peer: str
    track: str
    mid: str
    rids: list[str]


class Speaker(Message):
    """Who is speaking, and whose voices are forwarded."""

    room: str
    track: str
    audible: list[str]


class Connection(Message):
    """A connection changed its state."""

    room: str
    peer: str
    side: Side
    state: Literal["new", "connecting", "connected", "closed"]
    reason: str = ""


class Quality(Message):
    """A subscriber's path: bit/s, fraction lost, seconds."""

    room: str
    peer: str
    estimate: int
    loss: float
    rtt: float


class Slow(Message):
    """A subscriber that cannot follow gets voices and one small picture; sign empty = it follows again."""

    room: str
    peer: str
    sign: Literal["", "bandwidth", "loss", "delay"]


class RoomMoved(Message):
    """Said by control, not by workers: the room lives in a new worker, every connection is to be made anew."""

    room: str
    reason: str


class Load(Message):
    """A worker's share of its core, 0..1, and how many it serves."""

    cpu: float
    peers: int
    rooms: int
    forwards: float
    """Forwarded packets per second."""
    cost: float = 0
    """Seconds of processor time per forwarded packet, measured here."""
    load: float = 0
    """Predicted from the two above, 0..1."""
    stage: int = 0
    """What is given up: 0 nothing, 1 larger layers, 2 upper temporal layers, 3 thumbnails, 4 more than 360p, 5 new cameras."""


REQUESTS: dict[str, type[Message]] = {
    model.__name__: model
    for model in (
        OpenRoom, CloseRoom, Publish, Subscribe, AcceptOffer, Play, Restart, Leave, View, Mute, ForceAudible,
        Ceiling, AskStatistics, Ping, Stop,
    )
}  # fmt: skip
NOTIFICATIONS: dict[str, type[Message]] = {
    model.__name__: model
    for model in (TrackOpened, TrackClosed, Assigned, Layers, Speaker, Connection, Quality, Slow, Load)
}
