"""A PJLink projector as a program: password, one controller at a time, idle close, class 2 search and notifications.

It has its own parser and shares no word with `protocol.py`, so that a mistake there cannot hide here. What the projector is and does stands in
`projector.py`; here is how it is reached. Sections are those of JBMIA "PJLink Specifications" version 2.00.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import re
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from devices.pjlink import projector as device
from devices.pjlink.projector import Projector
from devices.sdk import Manifest, Settings, Value
from devices.sdk.testing import Client, Faults, Simulator
from devices.sdk.testing.clients import UdpClient

WARM_UP_S: Final = 8.0
"""Real ones take 30-120 s; a demo is to be watched. The fault `warmup=40` makes it real, `warmup=0` makes a test quick."""
COOLING_S: Final = 5.0
IDLE_CLOSE_S: Final = 30.0
"""Section 5.4: the projector hangs up this long after its last answer."""
BACKLOG_S: Final = 2.0
"""How long a second controller waits, connected but not greeted, for the first to leave."""
MAX_LINE: Final = 32 + 136
"""Digest and the longest command (sections 2.1 and 5.1)."""

_LINE: Final = re.compile(rb"%([12])([A-Z0-9]{4}) (.{1,128})", re.IGNORECASE | re.DOTALL)
_HALF_LINE: Final = re.compile(rb"%([12])([A-Z0-9]{4})", re.IGNORECASE)
_WORDS: Final = {"1": "rgb", "2": "video", "3": "hdmi", "4": "storage", "5": "network", "6": "internal"}
_POWER: Final = {device.OFF: "off", device.ON: "on", device.COOLING: "cooling", device.WARMING: "warming"}
_FAULTS: Final = ("fan", "lamp", "temperature", "cover", "filter", "other")


@dataclass(slots=True)
class _Visit:
    """One controller's connection."""

    salt: str
    greeted: bool = False
    admitted: bool = False
    answered_at: float = 0.0
    unread: bytearray = field(default_factory=bytearray)


class PJLinkSimulator(Simulator):
    """The simulated projector; `projector` is its inside, open to tests."""

    def __init__(
        self,
        manifest: Manifest,
        settings: Settings,
        *,
        faults: Faults | None = None,
        clock: Callable[[], float] = time.monotonic,
        seed: int = 0,
    ) -> None:
        given = settings.mapping("inputs")
        terminals = {str(code).upper(): name for name, code in given.items()} or device.TERMINALS
        self.names = {code: name if given else _usual_name(code) for code, name in terminals.items()}
        self.projector = Projector("1" if settings.text("class") == "1" else "2", terminals, clock)
        self.idle_close_s = IDLE_CLOSE_S
        self._pace = 1.0
        self.registered: set[tuple[str, int]] = set()
        self._visits: dict[Client, _Visit] = {}
        self._notifier: socket.socket | None = None
        super().__init__(manifest, settings, faults=faults, clock=clock, seed=seed)

    # -- what the base asks for --

    def defaults(self) -> dict[str, Value]:
        """State after power on."""
        return self.snapshot()

    def boot(self) -> None:
        """Mains came on: standby. Lamp hours and menu stay."""
        self.projector.lose_power()
        super().boot()

    def booted(self) -> None:
        """The network link is up again (LKUP, section 3.3)."""
        self._notify(f"LKUP={self.mac}")

    def speed_up(self, pace: float) -> None:
        """A lamp that warms and cools so many times faster, unless a fault names the time."""
        self._pace = pace

    def snapshot(self) -> dict[str, Value]:
        """The true state in property names."""
        inside = self.projector
        self._tick()
        return {
            "power": _POWER[inside.power],
            "input": self.names[inside.source],
            "blank": inside.picture_muted,
            "mute": inside.sound_muted,
            "freeze": inside.frozen,
            "fault": _fault_words(inside.errors),
            "lamp_hours": int(inside.lamp_s // 3600),
            "name": inside.name,
            "maker": inside.maker,
            "model": inside.model,
            "class": int(inside.pj_class),
        }

    def front_panel(self, name: str, value: Value) -> None:
        """What the remote control or the menu does; PJLink tells nobody over TCP, class 2 notifies over UDP."""
        inside = self.projector
        match name, value:
            case "power", "on" | "off":
                self._obey_timing()
                inside.switch(on=value == "on")
            case "input", str() if value in self.names.values():
                inside.show(next(code for code, its_name in self.names.items() if its_name == value))
            case "blank", bool():
                inside.picture_muted = value
            case "mute", bool():
                inside.sound_muted = value
            case "freeze", bool():
                inside.frozen = value
            case "fault", str():
                inside.fail(_fault_digits(value))
            case "lamp_hours", int() if value >= 0:
                inside.lamp_s = value * 3600.0
            case "name", str():
                inside.name = value
            case _:
                raise ValueError(f"nobody can bring '{name}' to {value!r} by hand at this projector")
        self._tick()

    def connected(self, client: Client) -> None:
        """Greet the first controller; a second one waits."""
        if isinstance(client, UdpClient):
            return
        self._visits[client] = _Visit(f"{self.random.getrandbits(32):08x}")
        client.later(BACKLOG_S, lambda: None if self._visits[client].greeted else client.close())
        self._greet_next()

    def disconnected(self, client: Client) -> None:
        """The next one in the backlog has its turn."""
        self._visits.pop(client, None)
        self._greet_next()

    def received(self, client: Client, chunk: bytes) -> None:
        """Lines that end with CR; a line too long to be a command is dropped."""
        if isinstance(client, UdpClient):
            self._search(client, chunk)
            return
        visit = self._visits[client]
        visit.unread += chunk
        while b"\r" in visit.unread and visit.greeted and not client.closed:
            line, _, rest = visit.unread.partition(b"\r")
            visit.unread = bytearray(rest)
            if len(line) <= MAX_LINE:
                self._line(client, visit, bytes(line))
        if len(visit.unread) > MAX_LINE:
            visit.unread.clear()

    # -- sockets --

    @property
    def mac(self) -> str:
        """Hardware address in ACKN and LKUP."""
        return "02:53:4D:52:00:01"

    async def serve_tcp(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen; a class 2 projector takes search datagrams on the same port number."""
        bound = await super().serve_tcp(host, port)
        if self.projector.pj_class == "2":
            with contextlib.suppress(
                OSError
            ):  # another program has that UDP port: the projector is just not found by a search
                await self.serve_udp(host, bound)
        return bound

    async def close(self) -> None:
        """End everything."""
        if self._notifier is not None:
            self._notifier.close()
            self._notifier = None
        await super().close()

    # -- the talk --

    def _greet_next(self) -> None:
        if any(visit.greeted for visit in self._visits.values()):
            return
        for client, visit in list(self._visits.items()):
            if not client.closed:
                self._greet(client, visit)
                return

    def _greet(self, client: Client, visit: _Visit) -> None:
        visit.greeted = True
        visit.admitted = not self.settings.text("password")
        visit.answered_at = self.clock()
        client.send(b"PJLINK 0\r" if visit.admitted else f"PJLINK 1 {visit.salt}\r".encode("ascii"))
        client.later(self.idle_close_s, lambda: self._close_idle(client, visit))

    def _close_idle(self, client: Client, visit: _Visit) -> None:
        left = visit.answered_at + self.idle_close_s - self.clock()
        if left <= 0:
            client.close()
        else:
            client.later(left, lambda: self._close_idle(client, visit))

    def _line(self, client: Client, visit: _Visit, line: bytes) -> None:
        if not visit.admitted:
            expected = (
                hashlib.md5((visit.salt + self.settings.text("password")).encode(), usedforsecurity=False)
                .hexdigest()
                .encode("ascii")
            )
            if not line.startswith(expected):
                client.refuse(b"PJLINK ERRA\r")
                return
            visit.admitted = True
            line = line.removeprefix(expected)
        reply = self._reply(line)
        if reply:
            visit.answered_at = self.clock()
            client.send(reply)

    def _reply(self, line: bytes) -> bytes:
        found = _LINE.fullmatch(line)
        if found is None:
            half = _HALF_LINE.search(line)
            return b"%" + half[1] + half[2].upper() + b"=ERR1\r" if half else b""
        header, body, parameter = found[1].decode(), found[2].decode().upper(), found[3].decode("utf-8", "replace")
        self._obey_timing()
        if self.naks():
            answer = device.BROKEN
        elif self.faults.lie and "?" not in parameter:
            pretender = copy.copy(self.projector)
            pretender.news = []
            answer = pretender.ask(header, body, parameter)
        else:
            answer = self.projector.ask(header, body, parameter)
        self._tick()
        return f"%{header}{body}={answer}\r".encode()

    def _obey_timing(self) -> None:
        warm_up, cooling = self.faults.warmup, self.faults.cooling
        self.projector.warm_up_s = WARM_UP_S / self._pace if warm_up is None else warm_up
        self.projector.cooling_s = COOLING_S / self._pace if cooling is None else cooling

    def _tick(self) -> None:
        """Let time pass inside, tell what happened, and come back when the lamp is ready."""
        left = self.projector.settle()
        news, self.projector.news = self.projector.news, []
        for item in news:
            self._notify(item)
        if left is not None and any(item in {"POWR=2", "POWR=3"} for item in news):
            self.later(left, self._tick)

    # -- class 2 over UDP (sections 3.2, 3.3) --

    def _search(self, client: UdpClient, datagram: bytes) -> None:
        if datagram.upper() != b"%2SRCH\r":
            return
        host, _, port = client.peer.rpartition(":")
        self.registered.add((host, int(port)))  # a real one has a menu for this: whoever searched is told what changes
        client.send(f"%2ACKN={self.mac}\r".encode("ascii"))

    def _notify(self, item: str) -> None:
        if self.projector.pj_class != "2" or self.faults.silent:
            return
        for host, port in self.registered:
            if self._notifier is None:
                self._notifier = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
            with contextlib.suppress(OSError):  # a datagram may get lost
                self._notifier.sendto(f"%2{item}\r".encode("ascii"), (host, port))


def _usual_name(code: str) -> str:
    return f"{_WORDS[code[0]]}{int(code[1], 36)}"


def _fault_words(errors: str) -> str:
    words = [
        f"{place} {word}"
        for level, word in (("2", "error"), ("1", "warning"))
        for place, digit in zip(_FAULTS, errors, strict=True)
        if digit == level
    ]
    return ", ".join(words) or "none"


def _fault_digits(words: str) -> str:
    levels = dict.fromkeys(_FAULTS, "0")
    for item in filter(None, words.removeprefix("none").split(", ")):
        place, _, word = item.partition(" ")
        if place not in levels or word not in {"warning", "error"}:
            raise ValueError(f"'{item}' is no fault: one of {', '.join(_FAULTS)}, then warning or error")
        levels[place] = "2" if word == "error" else "1"
    return "".join(levels.values())
