"""Session descriptions as a tree: parsed with limits, written anew, never passed on (RFC 8866, 8829)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

MAX_SIZE = 32 << 10  # bytes; browsers stay below 20 KiB with a dozen m-lines
MAX_MEDIA = 16
MAX_CANDIDATES = 64  # per description; ours never need them, so more is an attack
MAX_FINGERPRINTS = 8
MAX_CODECS = 64  # per m-line
MAX_SOURCES = 64  # SSRC lines kept per m-line

_TOKEN = re.compile(r"[A-Za-z0-9._~+/!*$&'%^`{|}#-]{1,64}")
_ICE = re.compile(r"[A-Za-z0-9+/_=-]{4,256}")  # RFC 8839 5.4, and the characters browsers add
_SPELLING = {"vp8": "VP8", "vp9": "VP9", "h264": "H264", "av1": "AV1"}  # browsers look encoders up by these
_HASH = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){19,63}")


@dataclass(frozen=True, slots=True)
class Codec:
    """One payload type of an m-line; the name is lower case."""

    payload_type: int
    name: str
    clock: int
    channels: int = 1
    parameters: str = ""
    feedback: tuple[str, ...] = ()

    def parameter(self, name: str) -> str:
        """One format parameter, empty when absent."""
        for part in self.parameters.split(";"):
            key, _, value = part.strip().partition("=")
            if key.lower() == name:
                return value
        return ""


@dataclass(slots=True)
class Media:
    """One m-line with everything the engine reads of it."""

    kind: str
    mid: str = ""
    port: int = 9
    protocol: str = "UDP/TLS/RTP/SAVPF"
    direction: str = "sendrecv"
    codecs: list[Codec] = field(default_factory=list)
    extensions: dict[int, str] = field(default_factory=dict)
    rids: list[str] = field(default_factory=list)
    simulcast: list[str] = field(default_factory=list)
    rid_direction: str = ""
    sources: dict[int, str] = field(default_factory=dict)  # SSRC -> CNAME
    retransmissions: dict[int, int] = field(default_factory=dict)  # RTX SSRC -> SSRC
    stream: str = ""  # msid: stream and track
    ufrag: str = ""
    password: str = ""
    fingerprints: list[tuple[str, str]] = field(default_factory=list)
    setup: str = ""
    rtcp_mux: bool = False
    reduced_rtcp: bool = False

    @property
    def streams(self) -> set[str]:
        """Stream ids this m-line belongs to."""
        return {self.stream.split()[0]} if self.stream.strip() else set()


@dataclass(slots=True)
class Session:
    """A whole description."""

    media: list[Media] = field(default_factory=list)
    bundle: list[str] = field(default_factory=list)
    ice_lite: bool = False
    mixed_extensions: bool = False  # one- and two-byte header extensions in one stream (RFC 8285 6)
    candidates: list[tuple[str, int]] = field(default_factory=list)  # ours, when writing


def parse(text: str) -> Session:
    """Parse a description; ValueError says what is wrong with it."""
    if len(text) > MAX_SIZE:
        raise ValueError("description too long")
    session = Session()
    common = Media("session")
    media = common
    formats: dict[int, dict[str, str | list[str]]] = {}
    order: list[int] = []
    candidates = 0
    lines = text.replace("\r\n", "\n").split("\n")
    if not lines or lines[0] != "v=0":
        raise ValueError("description does not begin with v=0")
    for line in lines[1:]:
        if not line:
            continue
        if len(line) < 2 or line[1] != "=":
            raise ValueError("line without a type")
        kind, value = line[0], line[2:]
        if kind == "m":
            _finish(media, order, formats)
            if len(session.media) >= MAX_MEDIA:
                raise ValueError("too many m-lines")
            media, order = _media(value)
            formats = {}
            session.media.append(media)
        elif kind == "a":
            name, _, value = value.partition(":")
            if name == "candidate":
                candidates += 1
                if candidates > MAX_CANDIDATES:
                    raise ValueError("too many candidates")
            elif media is not common or not _session_attribute(session, name, value):
                _attribute(media, name, value, formats)
    _finish(media, order, formats)
    if not session.media:
        raise ValueError("description without an m-line")
    _inherit(session, common)
    return session


def write(session: Session, host: str) -> str:
    """The description as text; `host` stands in the origin and connection lines."""
    family = "IP6" if ":" in host else "IP4"
    lines = ["v=0", f"o=- 1 1 IN {family} {host}", "s=-", "t=0 0"]
    if session.ice_lite:
        lines.append("a=ice-lite")
    if session.bundle:
        lines.append("a=group:BUNDLE " + " ".join(session.bundle))
    if session.mixed_extensions:
        lines.append("a=extmap-allow-mixed")
    lines.append("a=msid-semantic: WMS *")
    for media in session.media:
        lines += _write_media(media, session, f"c=IN {family} {host}")
    return "\r\n".join(lines) + "\r\n"


def write_fragment(ufrag: str, password: str, mid: str, candidates: list[tuple[str, int]]) -> str:
    """A fragment with new credentials and all candidates, for an ICE restart over WHIP (RFC 8840 9)."""
    lines = ["a=ice-lite", f"a=ice-ufrag:{ufrag}", f"a=ice-pwd:{password}", "m=audio 9 RTP/AVP 0", f"a=mid:{mid}"]
    lines += _candidates(candidates)
    return "\r\n".join(lines) + "\r\n"


def _media(value: str) -> tuple[Media, list[int]]:
    parts = value.split()
    if len(parts) < 4 or not parts[1].split("/")[0].isdigit() or not _TOKEN.fullmatch(parts[0]):
        raise ValueError("malformed m-line")
    if len(parts) > 3 + MAX_CODECS:
        raise ValueError("too many formats")
    order = [int(part) for part in parts[3:] if part.isdigit() and len(part) < 4 and int(part) < 128]
    return Media(parts[0], port=int(parts[1].split("/")[0][:5]), protocol=parts[2]), order


def _session_attribute(session: Session, name: str, value: str) -> bool:
    if name == "group" and value.startswith("BUNDLE"):
        session.bundle = value.split()[1:]
    elif name == "ice-lite":
        session.ice_lite = True
    elif name == "extmap-allow-mixed":
        session.mixed_extensions = True
    else:
        return False
    return True


def _attribute(media: Media, name: str, value: str, formats: dict[int, dict[str, str | list[str]]]) -> None:
    if name in ("rtpmap", "fmtp", "rtcp-fb"):
        _format(name, value, formats)
    elif name in ("sendrecv", "sendonly", "recvonly", "inactive"):
        media.direction = name
    elif name == "mid":
        media.mid = _matched(_TOKEN, value, "mid")
    elif name == "rtcp-mux":
        media.rtcp_mux = True
    elif name == "rtcp-rsize":
        media.reduced_rtcp = True
    elif name == "bundle-only":
        media.port = media.port or 9  # not refused: it only has no address of its own (RFC 8843, 6)
    elif name == "ice-ufrag":
        media.ufrag = _matched(_ICE, value, "ice-ufrag")
    elif name == "ice-pwd":
        media.password = _matched(_ICE, value, "ice-pwd")
    elif name == "setup":
        if value not in ("actpass", "active", "passive", "holdconn"):
            raise ValueError("unknown setup")
        media.setup = value
    elif name == "fingerprint":
        _fingerprint(media, value)
    elif name == "extmap":
        _extension(media, value)
    else:
        _sources(media, name, value)


def _sources(media: Media, name: str, value: str) -> None:
    words = value.split()
    if name == "rid" and len(words) >= 2:
        if words[1] == "send" and len(media.rids) < 8:
            media.rids.append(_matched(_TOKEN, words[0], "rid"))
    elif name == "simulcast" and "send" in words[:-1]:
        choice = words[words.index("send") + 1]
        media.simulcast = [part.split(",")[0].lstrip("~") for part in choice.split(";")][:8]
    elif name == "ssrc" and words and words[0].isdigit() and len(media.sources) < MAX_SOURCES:
        _, _, text = value.partition(" ")
        ssrc = int(words[0]) & 0xFFFFFFFF
        media.sources.setdefault(ssrc, "")
        if text.startswith("cname:"):
            media.sources[ssrc] = text[6:][:64]
    elif name == "ssrc-group" and len(words) == 3 and words[0] == "FID" and words[1].isdigit() and words[2].isdigit():
        if len(media.retransmissions) < MAX_SOURCES:
            media.retransmissions[int(words[2]) & 0xFFFFFFFF] = int(words[1]) & 0xFFFFFFFF
    elif name == "msid":
        media.stream = value[:130]


def _format(name: str, value: str, formats: dict[int, dict[str, str | list[str]]]) -> None:
    number, _, rest = value.partition(" ")
    if number == "*" and name == "rtcp-fb":
        for entry in formats.values():
            _append(entry, rest)
        return
    if not number.isdigit() or int(number[:4]) > 127 or len(formats) >= MAX_CODECS:
        return
    entry = formats.setdefault(int(number), {})
    if name == "rtcp-fb":
        _append(entry, rest)
    else:
        entry[name] = rest[:512]


def _append(entry: dict[str, str | list[str]], feedback: str) -> None:
    known = entry.setdefault("rtcp-fb", [])
    if isinstance(known, list) and len(known) < 16:
        known.append(feedback.strip()[:32])


def _finish(media: Media, order: list[int], formats: dict[int, dict[str, str | list[str]]]) -> None:
    """Turn the collected format lines into codecs, in the order of the m-line."""
    for number in order:
        entry = formats.get(number, {})
        name, _, rest = str(entry.get("rtpmap", "")).partition("/")
        clock, _, channels = rest.partition("/")
        if not name or not clock.isdigit():
            continue
        feedback = entry.get("rtcp-fb", [])
        media.codecs.append(
            Codec(
                number,
                name.lower(),
                int(clock[:7]),
                int(channels[:2]) if channels.isdigit() else 1,
                str(entry.get("fmtp", "")),
                tuple(feedback) if isinstance(feedback, list) else (),
            )
        )


def _fingerprint(media: Media, value: str) -> None:
    algorithm, _, digest = value.partition(" ")
    if not _HASH.fullmatch(digest) or not _TOKEN.fullmatch(algorithm):
        raise ValueError("malformed fingerprint")
    if len(media.fingerprints) >= MAX_FINGERPRINTS:
        raise ValueError("too many fingerprints")
    media.fingerprints.append((algorithm.lower(), digest.upper()))


def _extension(media: Media, value: str) -> None:
    words = value.split()
    number = words[0].partition("/")[0] if words else ""
    if len(words) < 2 or not number.isdigit() or not 0 < int(number[:4]) < 256:
        raise ValueError("malformed extmap")
    if len(media.extensions) < 32:
        media.extensions[int(number)] = words[1]


def _matched(pattern: re.Pattern[str], value: str, name: str) -> str:
    if not pattern.fullmatch(value):
        raise ValueError(f"malformed {name}")
    return value


def _inherit(session: Session, common: Media) -> None:
    first = next((m for m in session.media if m.ufrag or common.ufrag), None)
    mids = [media.mid for media in session.media if media.mid]
    if len(mids) != len(set(mids)):
        raise ValueError("two m-lines with one mid")
    for media in session.media:
        media.ufrag = media.ufrag or common.ufrag or (first.ufrag if first else "")
        media.password = media.password or common.password or (first.password if first else "")
        media.fingerprints = media.fingerprints or list(common.fingerprints)
        media.setup = media.setup or common.setup


def _write_media(media: Media, session: Session, connection: str) -> list[str]:
    port = session.candidates[0][1] if session.candidates and media.port else media.port
    numbers = " ".join(str(codec.payload_type) for codec in media.codecs) or "0"
    lines = [f"m={media.kind} {port} {media.protocol} {numbers}", connection]
    if not media.port:
        return [*lines, "a=inactive", *([f"a=mid:{media.mid}"] if media.mid else [])]
    lines += [f"a={media.direction}", f"a=mid:{media.mid}", "a=rtcp-mux"]
    if media.reduced_rtcp:
        lines.append("a=rtcp-rsize")
    lines += [f"a=ice-ufrag:{media.ufrag}", f"a=ice-pwd:{media.password}"]
    lines += [f"a=fingerprint:{algorithm} {digest}" for algorithm, digest in media.fingerprints]
    lines.append(f"a=setup:{media.setup}")
    lines += [f"a=extmap:{number} {uri}" for number, uri in media.extensions.items()]
    if media.stream:
        lines.append(f"a=msid:{media.stream}")
    for codec in media.codecs:
        channels = f"/{codec.channels}" if codec.channels > 1 else ""
        name = _SPELLING.get(codec.name, codec.name)
        lines.append(f"a=rtpmap:{codec.payload_type} {name}/{codec.clock}{channels}")
        if codec.parameters:
            lines.append(f"a=fmtp:{codec.payload_type} {codec.parameters}")
        lines += [f"a=rtcp-fb:{codec.payload_type} {feedback}" for feedback in codec.feedback]
    lines += [f"a=rid:{rid} {media.rid_direction}" for rid in media.rids]
    if media.simulcast:
        lines.append(f"a=simulcast:{media.rid_direction} {';'.join(media.simulcast)}")
    for retransmission, ssrc in media.retransmissions.items():
        lines.append(f"a=ssrc-group:FID {ssrc} {retransmission}")
    for ssrc, cname in media.sources.items():
        lines.append(f"a=ssrc:{ssrc} cname:{cname}")
        if media.stream:
            lines.append(f"a=ssrc:{ssrc} msid:{media.stream}")
    return lines + _candidates(session.candidates)


def _candidates(candidates: list[tuple[str, int]]) -> list[str]:
    lines = [
        f"a=candidate:{i} 1 udp {2130706431 - 256 * i} {host} {port} typ host"
        for i, (host, port) in enumerate(candidates)
    ]
    return [*lines, "a=end-of-candidates"]
