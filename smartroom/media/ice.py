"""ICE-lite: who may speak to this port, and under which credentials (RFC 8445 2.5, RFC 7675)."""

from __future__ import annotations

import secrets
import socket
import struct
from dataclasses import dataclass, field
from typing import Protocol

from smartroom.media import stun

MAX_ADDRESSES = 8  # per peer, oldest out: a peer has a few interfaces, not a scan
CHECKS_PER_SOURCE = 20  # STUN requests a second from one address, before any HMAC
CHECKS_IN_ALL = 5000  # the same for the whole port
MAX_SOURCES = 4096  # sources counted per second; more are refused
CONSENT_MUTE = 15.0  # s without a valid check: no media (browsers check about every 5 s)
CONSENT_CLOSE = 30.0  # s without a valid check: closed


@dataclass(frozen=True, slots=True)
class Remote:
    """An address a datagram came from: raw for the kernel, as text for answers."""

    raw: bytes
    host: str
    port: int

    @property
    def family(self) -> int:
        """AF_INET or AF_INET6."""
        return socket.AF_INET if len(self.raw) == 16 else socket.AF_INET6

    @classmethod
    def of(cls, raw: bytes) -> Remote:
        """From a raw `sockaddr_in` or `sockaddr_in6`."""
        (port,) = struct.unpack_from("!H", raw, 2)
        if len(raw) == 16:
            return cls(raw, socket.inet_ntop(socket.AF_INET, raw[4:8]), port)
        return cls(raw, socket.inet_ntop(socket.AF_INET6, raw[8:24]), port)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a peer must know to be answered."""

    ufrag: str
    password: str
    key: stun.Key = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Hash the password, once for all checks."""
        object.__setattr__(self, "key", stun.Key(self.password))

    @classmethod
    def fresh(cls, worker: int) -> Credentials:
        """Random ones; the worker's number comes first, so that a wrong worker is recognised."""
        return cls(f"{worker}{secrets.token_hex(5)}", secrets.token_hex(16))


class Owner(Protocol):
    """Who is told about a validated path."""

    def path_validated(self) -> None:
        """The first address is known, or the selected one has changed."""


@dataclass(slots=True)
class Agent:
    """The ICE-lite side of one peer connection."""

    owner: Owner
    credentials: Credentials
    previous: Credentials | None = None  # valid until the new ones were nominated
    addresses: dict[bytes, Remote] = field(default_factory=dict)
    selected: Remote | None = None
    checked: float = float("-inf")  # time of the last valid check
    received: int = 0  # bytes of valid checks


class IceLite:
    """All agents of one port: answers checks, keeps the table of validated addresses."""

    def __init__(self) -> None:
        self.agents: dict[bytes, Agent] = {}  # by validated raw address: the source filter
        self.awaited: set[str] = set()  # user names of those of whom no check has come yet
        self._by_ufrag: dict[str, Agent] = {}
        self._second = 0
        self._sources: dict[bytes, int] = {}
        self._checks = 0
        self.refused = 0  # requests that got no success

    def add(self, agent: Agent) -> None:
        """Answer checks for this agent from now on."""
        self._by_ufrag[agent.credentials.ufrag] = agent
        self.awaited.add(agent.credentials.ufrag)

    def restart(self, agent: Agent, fresh: Credentials) -> None:
        """ICE restart: new credentials; the old ones live until the new pair is nominated."""
        if agent.previous is not None:
            self._forget(agent.previous)
        agent.previous = agent.credentials
        agent.credentials = fresh
        self._by_ufrag[fresh.ufrag] = agent

    def remove(self, agent: Agent) -> None:
        """Forget an agent and every address of it."""
        for credentials in (agent.credentials, agent.previous):
            if credentials is not None:
                self._forget(credentials)
        for raw in agent.addresses:
            self.agents.pop(raw, None)
        agent.addresses.clear()
        agent.selected = None

    def answer(self, data: bytes, raw: bytes, now: float) -> bytes | None:
        """The reply to a STUN datagram, None for silence.

        Unknown users and bad integrity get silence: no oracle, no amplification.
        """
        if not self._within_limits(raw, now):
            self.refused += 1
            return None
        try:
            message = stun.parse(data)
        except ValueError:
            self.refused += 1
            return None
        if message.kind != stun.BINDING_REQUEST:
            return None
        ufrag = message.username.partition(":")[0]
        agent = self._by_ufrag.get(ufrag)
        credentials: Credentials | None = None
        if agent is not None:
            credentials = agent.credentials if ufrag == agent.credentials.ufrag else agent.previous
        if agent is None or credentials is None or not message.authentic(credentials.key):
            self.refused += 1
            return None
        key = credentials.key
        if message.unknown:
            return stun.error(message, 420, "Unknown Attribute", key)
        if stun.ICE_CONTROLLED in message.attributes:
            return stun.error(message, 487, "Role Conflict", key)
        remote = agent.addresses.get(raw) or Remote.of(raw)
        agent.checked = now
        agent.received += len(data)
        self._validate(agent, remote, nominated=stun.USE_CANDIDATE in message.attributes, fresh=credentials)
        return stun.success(message, remote.host, remote.port, key)

    def _validate(self, agent: Agent, remote: Remote, *, nominated: bool, fresh: Credentials) -> None:
        self.awaited.discard(agent.credentials.ufrag)
        before = self.agents.get(remote.raw)
        if before is not None and before is not agent:
            before.addresses.pop(remote.raw, None)  # the client reused its port for a new connection
        agent.addresses.pop(remote.raw, None)
        agent.addresses[remote.raw] = remote
        self.agents[remote.raw] = agent
        # Chromium that restarted keeps nominating its new port under our old name when that was valid before our answer came.
        if nominated and fresh is agent.credentials and agent.previous is not None:
            self._forget(agent.previous)
            agent.previous = None
        if agent.selected is None or (nominated and agent.selected.raw != remote.raw):
            agent.selected = remote
            agent.owner.path_validated()
        while len(agent.addresses) > MAX_ADDRESSES:
            chosen = agent.selected.raw
            oldest = next(raw for raw in agent.addresses if raw != chosen)
            del agent.addresses[oldest]
            self.agents.pop(oldest, None)

    def _forget(self, credentials: Credentials) -> None:
        self._by_ufrag.pop(credentials.ufrag, None)
        self.awaited.discard(credentials.ufrag)

    def _within_limits(self, raw: bytes, now: float) -> bool:
        if int(now) != self._second:
            self._second = int(now)
            self._sources.clear()
            self._checks = 0
        self._checks += 1
        count = self._sources.get(raw, 0) + 1
        if count == 1 and len(self._sources) >= MAX_SOURCES:
            return raw in self.agents
        self._sources[raw] = count
        return count <= CHECKS_PER_SOURCE and (self._checks <= CHECKS_IN_ALL or raw in self.agents)
