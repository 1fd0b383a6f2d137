"""Offers and answers of the engine: what is accepted from publishers, what subscribers are offered."""

from __future__ import annotations

from dataclasses import dataclass, field

from smartroom.media import sdp
from smartroom.media.rtp import dependency
from smartroom.media.sdp import Codec, Media, Session
from smartroom.media.transport import Fingerprint

URI_MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
URI_RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
URI_REPAIRED = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
URI_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
URI_TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
URI_ORIENTATION = "urn:3gpp:video-orientation"

DESCRIBED = ("vp8", "vp9")  # their payloads name the layers; with the extension agreed VP8 would no longer do it
VIDEO_CODECS = ("vp8", "h264", "vp9", "av1")
PUBLISHED = (URI_MID, URI_RID, URI_REPAIRED, URI_LEVEL, URI_TRANSPORT_CC, URI_ORIENTATION)
PLAYED = {"audio": (URI_LEVEL, URI_TRANSPORT_CC), "video": (URI_TRANSPORT_CC, URI_ORIENTATION)}

_VIDEO_FEEDBACK = ("goog-remb", "transport-cc", "ccm fir", "nack", "nack pli")
_OPUS = "minptime=10;useinbandfec=1;usedtx=1"
_H264 = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
_SLOT_CODECS = {
    "audio": (
        Codec(111, "opus", 48000, 2, _OPUS, ("transport-cc",)),
        Codec(63, "red", 48000, 2, "111/111"),
    ),
    "video": tuple(
        codec
        for number, name, parameters in (
            (96, "VP8", ""),
            (102, "H264", _H264),
            (98, "VP9", "profile-id=0"),
            (45, "AV1", ""),
        )
        for codec in (
            Codec(number, name, 90000, 1, parameters, _VIDEO_FEEDBACK),
            Codec(number + 1, "rtx", 90000, 1, f"apt={number}"),
        )
    ),
}
_SLOT_EXTENSIONS = {
    "audio": {1: URI_LEVEL, 3: URI_TRANSPORT_CC},
    "video": {3: URI_TRANSPORT_CC, 5: URI_ORIENTATION},
}


class Unacceptable(ValueError):
    """A well-formed description that asks for what this engine does not do."""


@dataclass(frozen=True, slots=True)
class Local:
    """Our side of a connection, as descriptions need it."""

    ufrag: str
    password: str
    fingerprint: Fingerprint
    candidates: list[tuple[str, int]]

    @property
    def host(self) -> str:
        """The address of the origin line."""
        return self.candidates[0][0]


@dataclass(frozen=True, slots=True)
class Peer:
    """Their side: what the transport needs."""

    ufrag: str
    fingerprints: list[Fingerprint]
    client: bool  # they insisted on being the DTLS server
    mid: str  # of the line the others are bundled with


@dataclass(frozen=True, slots=True)
class Incoming:
    """One accepted track of a publisher."""

    mid: str
    kind: str
    codecs: dict[int, Codec]
    retransmission_of: dict[int, int]  # RTX payload type -> payload type
    extensions: dict[str, int]  # URI -> id
    rids: tuple[str, ...]
    sources: tuple[int, ...]
    retransmissions: dict[int, int]
    reduced_rtcp: bool
    transport_cc: bool


@dataclass(frozen=True, slots=True)
class Slot:
    """One outgoing slot of a subscriber connection as negotiated."""

    mid: str
    kind: str
    ssrc: int
    rtx_ssrc: int
    payload_types: dict[str, int] = field(default_factory=dict)  # codec -> number
    rtx_types: dict[str, int] = field(default_factory=dict)
    extensions: dict[str, int] = field(default_factory=dict)
    reduced_rtcp: bool = False


def read_peer(description: Session) -> Peer:
    """Credentials of the other side; ValueError when the description cannot carry a connection."""
    active = [media for media in description.media if media.port] or description.media
    first = active[0]
    if not first.fingerprints:
        raise Unacceptable("description without a fingerprint")
    if not any(algorithm in ("sha-256", "sha-384", "sha-512") for algorithm, _ in first.fingerprints):
        raise Unacceptable("only fingerprints of sha-256 and above are accepted")
    if first.setup == "holdconn":
        raise Unacceptable("a connection on hold cannot be answered")
    if not first.ufrag or not first.password:
        raise Unacceptable("description without ICE credentials")
    if not all(media.rtcp_mux for media in active):
        raise Unacceptable("rtcp-mux is required")
    if len(active) > 1 and not {media.mid for media in active} <= set(description.bundle):
        raise Unacceptable("all lines must be bundled")
    fingerprints = [Fingerprint(algorithm, digest) for algorithm, digest in first.fingerprints]
    return Peer(first.ufrag, fingerprints, client=first.setup == "passive", mid=first.mid)


def answer_publisher(
    offer: Session, local: Local, codecs: tuple[str, ...] = VIDEO_CODECS
) -> tuple[str, list[Incoming]]:
    """Accept every audio and video line that sends; `codecs` = video codecs in order of preference."""
    tracks: list[Incoming] = []
    answer = Session(ice_lite=True, mixed_extensions=offer.mixed_extensions, candidates=local.candidates)
    peer = read_peer(offer)
    for offered in offer.media:
        chosen = _choose(offered, codecs)
        if not chosen or not offered.mid or offered.direction not in ("sendonly", "sendrecv") or not offered.port:
            answer.media.append(_rejected(offered))
            continue
        wanted = PUBLISHED if chosen[0].name in DESCRIBED else (*PUBLISHED, dependency.URI)
        extensions = {number: uri for number, uri in offered.extensions.items() if uri in wanted}
        rids = tuple(rid for rid in offered.simulcast if rid in offered.rids)
        accepted = _line(offered.kind, offered.mid, local, "active" if peer.client else "passive")
        accepted.direction = "recvonly"
        accepted.codecs = chosen
        accepted.extensions = extensions
        accepted.reduced_rtcp = offered.reduced_rtcp
        accepted.rids = accepted.simulcast = list(rids)
        accepted.rid_direction = "recv"
        answer.media.append(accepted)
        answer.bundle.append(offered.mid)
        tracks.append(_incoming(offered, chosen, extensions, rids))
    if not tracks:
        raise Unacceptable("nothing in the offer can be received")
    return sdp.write(answer, local.host), tracks


def offer_slots(slots: list[Slot], local: Local) -> str:
    """The constant offer of a subscriber connection: one sending line per slot."""
    offer = Session(ice_lite=True, candidates=local.candidates)
    for slot in slots:
        line = _line(slot.kind, slot.mid, local, "actpass")
        line.direction = "sendonly"
        line.codecs = list(_SLOT_CODECS[slot.kind])
        line.extensions = dict(_SLOT_EXTENSIONS[slot.kind])
        line.reduced_rtcp = True
        _announce(line, slot)
        offer.media.append(line)
        offer.bundle.append(slot.mid)
    return sdp.write(offer, local.host)


def read_slots(answer: Session, slots: list[Slot]) -> list[Slot]:
    """The slots as the subscriber accepted them; rejected ones are left out."""
    by_mid = {media.mid: media for media in answer.media}
    accepted: list[Slot] = []
    for slot in slots:
        media = by_mid.get(slot.mid)
        if media is None or not media.port or media.direction not in ("recvonly", "sendrecv"):
            continue
        accepted.append(_settled(slot, media))
    return accepted


def answer_player(offer: Session, local: Local, slots: list[Slot]) -> tuple[str, list[Slot]]:
    """Answer a WHEP offer: each receiving line takes the next slot of its kind; slots come back settled."""
    answer = Session(ice_lite=True, candidates=local.candidates)
    peer = read_peer(offer)
    waiting = list(slots)
    accepted: list[Slot] = []
    for offered in offer.media:
        slot = next((slot for slot in waiting if slot.kind == offered.kind), None)
        codecs = _playable(offered)
        if slot is None or not codecs or not offered.mid or offered.direction not in ("recvonly", "sendrecv"):
            answer.media.append(_rejected(offered))
            continue
        waiting.remove(slot)
        line = _line(offered.kind, offered.mid, local, "active" if peer.client else "passive")
        line.direction = "sendonly"
        line.codecs = codecs
        line.extensions = {n: uri for n, uri in offered.extensions.items() if uri in PLAYED[offered.kind] and n < 15}
        line.reduced_rtcp = offered.reduced_rtcp
        settled = _settled(slot, line)
        _announce(line, settled)
        answer.media.append(line)
        answer.bundle.append(offered.mid)
        accepted.append(settled)
    if not accepted:
        raise Unacceptable("nothing in the offer can be sent")
    return sdp.write(answer, local.host), accepted


def _line(kind: str, mid: str, local: Local, setup: str) -> Media:
    return Media(
        kind,
        mid,
        port=local.candidates[0][1],
        ufrag=local.ufrag,
        password=local.password,
        fingerprints=[(local.fingerprint.algorithm, local.fingerprint.value)],
        setup=setup,
        rtcp_mux=True,
    )


def _rejected(offered: Media) -> Media:
    codecs = offered.codecs[:1]
    return Media(offered.kind, offered.mid, port=0, protocol=offered.protocol, codecs=codecs)


def _announce(line: Media, slot: Slot) -> None:
    line.stream = f"slot-{slot.mid} track-{slot.mid}"
    line.sources = {slot.ssrc: "smartroom"}
    if slot.kind == "video":
        line.sources[slot.rtx_ssrc] = "smartroom"
        line.retransmissions = {slot.rtx_ssrc: slot.ssrc}


def _choose(offered: Media, preferred: tuple[str, ...]) -> list[Codec]:
    """The codecs of our answer: Opus and RED, or one video codec and its RTX."""
    if offered.kind == "audio":
        known = [c for c in offered.codecs if c.name in ("opus", "red") and c.clock == 48000]
        return [_with_feedback(c) for c in known] if any(c.name == "opus" for c in known) else []
    if offered.kind != "video":
        return []
    for name in preferred:
        found = [c for c in offered.codecs if c.name == name and _compatible(c)]
        if found:
            return _and_rtx(found[0], offered)
    return []


def _playable(offered: Media) -> list[Codec]:
    if offered.kind not in ("audio", "video"):
        return []
    if offered.kind == "audio":
        return _choose(offered, ())
    chosen: list[Codec] = []
    for name in VIDEO_CODECS:
        found = [c for c in offered.codecs if c.name == name and _compatible(c)]
        if found:
            chosen += _and_rtx(found[0], offered)
    return chosen


def _compatible(codec: Codec) -> bool:
    if codec.name == "h264":
        return codec.parameter("packetization-mode") == "1" and codec.parameter("profile-level-id").lower()[:2] == "42"
    if codec.name == "vp9":
        return codec.parameter("profile-id") in ("", "0")
    return codec.name in VIDEO_CODECS


def _and_rtx(codec: Codec, offered: Media) -> list[Codec]:
    rtx = [c for c in offered.codecs if c.name == "rtx" and c.parameter("apt") == str(codec.payload_type)]
    return [_with_feedback(codec), *rtx[:1]]


def _with_feedback(codec: Codec) -> Codec:
    known = (*_VIDEO_FEEDBACK, "transport-cc")
    wanted = tuple(feedback for feedback in codec.feedback if feedback in known)
    return Codec(codec.payload_type, codec.name, codec.clock, codec.channels, codec.parameters, wanted)


def _incoming(offered: Media, chosen: list[Codec], extensions: dict[int, str], rids: tuple[str, ...]) -> Incoming:
    repairs = set(offered.retransmissions)
    return Incoming(
        offered.mid,
        offered.kind,
        {codec.payload_type: codec for codec in chosen if codec.name != "rtx"},
        {codec.payload_type: int(codec.parameter("apt")) for codec in chosen if codec.name == "rtx"},
        {uri: number for number, uri in extensions.items()},
        rids,
        tuple(ssrc for ssrc in offered.sources if ssrc not in repairs),
        dict(offered.retransmissions),
        offered.reduced_rtcp,
        URI_TRANSPORT_CC in extensions.values(),
    )


def _settled(slot: Slot, media: Media) -> Slot:
    rtx = {codec.parameter("apt"): codec.payload_type for codec in media.codecs if codec.name == "rtx"}
    playable = [c for c in media.codecs if c.name in ("opus", "red") or _compatible(c)]
    return Slot(
        slot.mid,
        slot.kind,
        slot.ssrc,
        slot.rtx_ssrc,
        {codec.name: codec.payload_type for codec in reversed(playable)},
        {c.name: rtx[str(c.payload_type)] for c in reversed(playable) if str(c.payload_type) in rtx},
        {uri: number for number, uri in media.extensions.items() if uri in PLAYED[slot.kind]},
        media.reduced_rtcp,
    )
