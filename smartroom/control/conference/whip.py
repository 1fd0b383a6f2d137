"""WHIP and WHEP: encoders publish into a meeting, players watch one, over plain HTTP (RFC 9725, WHEP draft).

No web framework here: requests and responses are small values, `control/web/whip.py` carries them.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from smartroom.control.conference.engine import EngineError, MediaEngine
from smartroom.protocol import media as say
from smartroom.protocol.base import Message

MAX_BODY = 64 << 10  # bytes; the engine refuses descriptions above 32 KiB with a better sentence
RETRY_AFTER = 2  # s told to a player whose source is not live yet
REQUESTS_PER_SECOND = 5.0  # per address and token
BURST = 20.0
MAX_CALLERS = 4096  # callers whose rate is remembered; the oldest is forgotten
SDP, FRAGMENT = "application/sdp", "application/trickle-ice-sdpfrag"
EXPOSED = "Location, ETag, Link, Accept-Post, Accept-Patch, Retry-After"

_RESTART = ("*", '"*"')  # the specification's examples put the asterisk into quotes
_ICE_LINE = re.compile(r"^a=(ice-ufrag|ice-pwd):([A-Za-z0-9+/_=-]{4,256})$")
_MEDIA_LINE = re.compile(r"^m=(\w{1,32}) ", re.MULTILINE)
_STREAM = re.compile(r"^a=msid:(\S{1,64})", re.MULTILINE)


class Kind(StrEnum):
    """The two protocols."""

    WHIP = "whip"
    WHEP = "whep"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What an endpoint URL names: a room, and the source in it."""

    kind: Kind
    room: str
    name: str
    """WHIP: the participant the encoder becomes. WHEP: participant, track or `speaker` to watch."""


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request, as far as it matters here; header names in lower case."""

    method: str
    headers: Mapping[str, str]
    body: bytes
    caller: str
    """Address and token, for the rate limit."""

    @property
    def content_type(self) -> str:
        """Without parameters, lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP response."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    links: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class IceServer:
    """A TURN or STUN server told to clients."""

    url: str
    username: str = ""
    credential: str = ""

    @property
    def link(self) -> str:
        """As a Link header (RFC 9725 4.6)."""
        text = f'<{self.url}>; rel="ice-server"'
        if self.username:
            text += f'; username="{self.username}"; credential="{self.credential}"; credential-type="password"'
        return text


@dataclass(slots=True)
class Session:
    """One encoder or player."""

    endpoint: Endpoint
    peer: str
    etag: str
    ufrag: str  # of the client

    @property
    def side(self) -> say.Side:
        """Which connection of the participant this is."""
        return say.Side.PUBLISH if self.endpoint.kind is Kind.WHIP else say.Side.SUBSCRIBE


class Sessions:
    """All WHIP and WHEP sessions of this server."""

    def __init__(self, engine: MediaEngine) -> None:
        self._engine = engine
        self._sessions: dict[str, Session] = {}
        self._rates: dict[str, tuple[float, float]] = {}
        self._stop = engine.listen(self._hear)

    def close(self) -> None:
        """Hear the engine no more."""
        self._stop()

    def get(self, session: str) -> Session | None:
        """A session by the last part of its URL."""
        return self._sessions.get(session)

    def options(self) -> Reply:
        """What may be posted and patched; no ICE servers on a plain preflight."""
        return Reply(204, {"Accept-Post": SDP, "Accept-Patch": FRAGMENT})

    async def create(self, endpoint: Endpoint, call: Call, prefix: str, servers: tuple[IceServer, ...] = ()) -> Reply:
        """POST to an endpoint: 201 with an answer; `prefix` = path of session URLs."""
        refusal = self._refuse(call, SDP)
        if refusal is not None:
            return refusal
        try:
            offer = call.body.decode()
        except UnicodeDecodeError:
            return problem(400, "the body is not text")
        shape = check_offer(offer)
        if shape:
            return problem(422 if offer.startswith("v=0") else 400, shape)
        name = secrets.token_urlsafe(24)
        try:
            peer, answer = await self._connect(endpoint, offer, name)
        except EngineError as error:
            return _engine_problem(error)
        ufrag, _ = read_fragment(offer)
        session = Session(endpoint, peer, etag=f'"{answer.ufrag}"', ufrag=ufrag)
        self._sessions[name] = session
        headers = {
            "Content-Type": SDP,
            "Location": f"{prefix}/{name}",
            "ETag": session.etag,
            "Accept-Patch": FRAGMENT,
        }
        return Reply(201, headers, answer.sdp, tuple(server.link for server in servers))

    async def patch(self, name: str, call: Call) -> Reply:
        """PATCH of a session: trickle 204, ICE restart 200 with a new ETag."""
        refusal = self._refuse(call, FRAGMENT)
        if refusal is not None:
            return refusal
        session = self._sessions.get(name)
        if session is None:
            return problem(404, "unknown session")
        try:
            ufrag, password = read_fragment(call.body.decode())
        except ValueError as error:
            return problem(400, str(error))
        match = call.headers.get("if-match", "").strip()
        changed = bool(ufrag and password) and ufrag != session.ufrag
        if match in _RESTART or (not match and changed):  # some encoders restart without If-Match
            if not ufrag or not password:
                return problem(400, "an ICE restart needs ice-ufrag and ice-pwd")
            return await self._restart(session, ufrag)
        if match and match.removeprefix("W/") != session.etag:
            return problem(412, "this ETag is not current")
        return Reply(204)  # ours is ICE-lite: checks come from the client, its candidates are not needed

    async def delete(self, name: str, call: Call) -> Reply:
        """DELETE of a session: ends ICE and DTLS."""
        if not self._within_rate(call):
            return problem(429, "too many requests", {"Retry-After": "1"})
        session = self._sessions.pop(name, None)
        if session is None:
            return problem(404, "unknown session")
        try:
            await self._engine.leave(session.endpoint.room, session.peer, session.side)
        except EngineError as error:
            if error.code != "lost":  # gone with its worker is gone
                return _engine_problem(error)
        return Reply(200)

    async def _connect(self, endpoint: Endpoint, offer: str, name: str) -> tuple[str, say.Description]:
        if endpoint.kind is Kind.WHIP:
            await self._engine.open_room(endpoint.room)
            self._replace(endpoint)
            return endpoint.name, await self._engine.publish(endpoint.room, endpoint.name, offer, {})
        peer = f"player-{name[:12]}"
        return peer, await self._engine.play(endpoint.room, peer, offer, endpoint.name)

    def _replace(self, endpoint: Endpoint) -> None:
        """An encoder that comes again takes its own place; its older session is over."""
        for name, session in list(self._sessions.items()):
            if session.endpoint == endpoint:
                del self._sessions[name]

    async def _restart(self, session: Session, ufrag: str) -> Reply:
        try:
            fresh = await self._engine.restart(session.endpoint.room, session.peer, session.side)
        except EngineError as error:
            return _engine_problem(error)
        session.ufrag = ufrag
        session.etag = f'"{fresh.ufrag}"'
        return Reply(200, {"Content-Type": FRAGMENT, "ETag": session.etag}, fresh.fragment)

    def _refuse(self, call: Call, wanted: str) -> Reply | None:
        if not self._within_rate(call):
            return problem(429, "too many requests", {"Retry-After": "1"})
        if call.content_type != wanted:
            return problem(415, f"send {wanted}", {"Accept-Post": SDP, "Accept-Patch": FRAGMENT})
        if len(call.body) > MAX_BODY:
            return problem(413, "the body is too long")
        return None

    def _within_rate(self, call: Call) -> bool:
        now = time.monotonic()
        left, at = self._rates.pop(call.caller, (BURST, now))
        left = min(BURST, left + (now - at) * REQUESTS_PER_SECOND) - 1
        self._rates[call.caller] = (max(left, -1.0), now)
        if len(self._rates) > MAX_CALLERS:
            del self._rates[next(iter(self._rates))]
        return left >= 0

    def _hear(self, event: Message) -> None:
        if isinstance(event, say.RoomMoved):
            ended = [name for name, session in self._sessions.items() if session.endpoint.room == event.room]
        elif isinstance(event, say.Connection) and event.state == "closed" and event.reason != "replaced":
            ended = [
                name
                for name, session in self._sessions.items()
                if (session.endpoint.room, session.peer, session.side) == (event.room, event.peer, event.side)
            ]
        else:
            return
        for name in ended:
            del self._sessions[name]


def check_offer(offer: str) -> str:
    """Why this offer cannot be taken as a whole; empty when it can."""
    if not offer.startswith("v=0"):
        return "the body is not a session description"
    kinds = _MEDIA_LINE.findall(offer)
    for kind in ("audio", "video"):
        if kinds.count(kind) > 1:
            return f"one {kind} line at most"
    if len(kinds) > 16:
        return "too many m-lines"
    if len(set(_STREAM.findall(offer)) - {"-"}) > 1:
        return "one stream at most"
    return ""


def read_fragment(text: str) -> tuple[str, str]:
    """First ice-ufrag and ice-pwd of a description or fragment; ValueError when it is neither."""
    if len(text) > MAX_BODY:
        raise ValueError("fragment too long")
    found = {"ice-ufrag": "", "ice-pwd": ""}
    useful = False
    for line in text.replace("\r\n", "\n").split("\n"):
        if not line:
            continue
        if line[1:2] != "=" or not line[0].isalpha():
            raise ValueError("not a session description fragment")
        match = _ICE_LINE.match(line)
        if match:
            found[match[1]] = found[match[1]] or match[2]
        elif line.startswith(("a=ice-ufrag:", "a=ice-pwd:")):
            raise ValueError("malformed ICE credentials")
        useful = useful or line.startswith(("a=candidate:", "a=end-of-candidates", "a=ice-", "m="))
    if not useful:
        raise ValueError("a fragment without content")
    return found["ice-ufrag"], found["ice-pwd"]


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> Reply:
    """An error as `application/problem+json` (RFC 9457)."""
    body = json.dumps({"type": "about:blank", "status": status, "detail": detail})
    return Reply(status, {"Content-Type": "application/problem+json", **(headers or {})}, body)


def _engine_problem(error: EngineError) -> Reply:
    retry = {"Retry-After": str(RETRY_AFTER)}
    if error.code in ("invalid", "unacceptable"):
        return problem(400 if error.code == "invalid" else 422, str(error))
    if error.code in ("not_live", "not_found"):
        return problem(409, str(error), retry)
    return problem(503, str(error), retry)
