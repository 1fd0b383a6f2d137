"""The namespace /technician: health of a room's lines, the wire of one device, the server's log, faults of simulators."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from smartroom.control.errors import ProblemError
from smartroom.control.identity.actors import Actor
from smartroom.control.identity.rights import HOUSE, Action
from smartroom.control.limits import BENCH_INTERVAL_S, PATCH_INTERVAL_S, PRESSES_AT_ONCE, REVOKE_CHECK_S
from smartroom.control.web.bench import Benches
from smartroom.control.web.gate import shaped
from smartroom.control.web.metrics import Meters
from smartroom.control.web.namespace import Namespace, Visitor, bucket, only, same_protocol, take
from smartroom.control.web.ports import Front, House
from smartroom.control.web.presses import check, note
from smartroom.control.web.problems import forbidden
from smartroom.control.web.sockets import Encoded, Outbox, Sockets, event_packet
from smartroom.protocol import PROTOCOL_VERSION
from smartroom.protocol.commands import Answer
from smartroom.protocol.technician import (
    BenchOpened,
    CutPower,
    DeviceHealth,
    FollowTrace,
    HealthChanged,
    Logged,
    OpenBench,
    PressFront,
    SwitchFaults,
    Traced,
)

NAMESPACE = "/technician"

PRESSES: Final[Mapping[str, type[SwitchFaults | PressFront | CutPower]]] = {
    "faults": SwitchFaults,
    "front": PressFront,
    "power-cut": CutPower,
}
"""Event -> message. With `open` and `trace` this is everything a technician's page may say here; commands to devices go through /room."""


@dataclass(slots=True, eq=False)
class _Page(Visitor):
    room: str | None = None
    known: dict[str, DeviceHealth] = field(default_factory=dict)
    """Health as the page was last told it."""
    log: int = 0
    """Number of the last line of the log it has."""
    device: str | None = None
    """Whose wire it follows."""
    trace: int = 0
    under_way: int = 0


class TechnicianNamespace(Namespace[_Page]):
    """Technicians' pages of all rooms. `run()` as long as the server; it costs nothing while nobody looks."""

    events = frozenset({*PRESSES, "open", "trace"})

    def __init__(self, house: House, front: Front, meters: Meters, sockets: Sockets) -> None:
        super().__init__(NAMESPACE, house, front, meters, sockets)
        self._benches = Benches(house)

    def greet(self, sid: str, connection: str, actor: Actor, outbox: Outbox) -> _Page:
        """Who may not read any bench does not come in."""
        check(actor, Action.BENCH_READ, HOUSE)
        return _Page(sid, connection, actor, outbox, bucket())

    async def answer(self, page: _Page, actor: Actor, event: str, arguments: tuple[object, ...]) -> Encoded:
        """Open the bench, follow a wire, do something to a simulator."""
        take(page.ordinary, page.under_way, PRESSES_AT_ONCE)
        if event == "open":
            return self._open(page, actor, shaped(OpenBench, only(arguments)))
        if event == "trace":
            return self._follow(page, actor, shaped(FollowTrace, only(arguments)))
        model = PRESSES.get(event)
        if model is None:
            note(self._house, actor, event[:32], "", "unknown event")
            raise forbidden(f"there is no event {event[:32]!r}")
        page.under_way += 1
        try:
            accepted = await self._benches.take(actor, shaped(model, only(arguments)))
        finally:
            page.under_way -= 1
        return Encoded(Answer(ok=accepted).model_dump_json())

    async def run(self) -> None:
        """Wires and log ten times a second, health twice, rights as often as for every page."""
        told = checked = 0.0
        while True:
            await asyncio.sleep(PATCH_INTERVAL_S if self.visitors else REVOKE_CHECK_S)
            now = time.monotonic()
            if now - checked >= REVOKE_CHECK_S:
                checked = now
                await self.part_with_ended()
            if self.visitors:
                self._tell_lines()
            if self.visitors and now - told >= BENCH_INTERVAL_S:
                told = now
                self._tell_health()

    def _open(self, page: _Page, actor: Actor, wish: OpenBench) -> Encoded:
        same_protocol(wish.protocol)
        bench = self._benches.bench(actor, wish.room)
        log = self._benches.log(actor)
        page.room, page.known, page.device = wish.room, bench.health, None
        page.log = self._house.log.number
        opened = BenchOpened(protocol=PROTOCOL_VERSION, build=self._front.build, bench=bench, log=log)
        return Encoded(opened.model_dump_json())

    def _follow(self, page: _Page, actor: Actor, wish: FollowTrace) -> Encoded:
        if wish.device is None or page.room is None:
            page.device = None
            return Encoded("null")
        traced = self._benches.trace(actor, page.room, wish.device, wish.since)
        page.device, page.trace = wish.device, self._benches.newest(page.room, wish.device)
        return Encoded(traced.model_dump_json())

    def _tell_lines(self) -> None:
        """New lines to each page that has taken the last ones; who is slow misses some and is told how many."""
        for page in self.visitors.values():
            if not page.outbox.ready or page.room is None:
                continue
            if page.device is not None and self._benches.newest(page.room, page.device) > page.trace:
                self._tell_trace(page, page.room, page.device)
            if self._house.log.number > page.log:
                lines = self._benches.log(page.actor, page.log)
                missed = lines[0].number - page.log - 1 if lines else 0
                page.log = self._house.log.number
                self._send(page, "log", Logged(lines=lines, missed=missed))

    def _tell_trace(self, page: _Page, room: str, device: str) -> None:
        try:
            traced = self._benches.trace(page.actor, room, device, page.trace)
        except ProblemError:  # the device left the room's file; the page sees that by its state
            page.device = None
            return
        page.trace = self._benches.newest(room, device)
        self._send(page, "trace", traced)

    def _tell_health(self) -> None:
        """What has changed since each page was told; measured once for all pages of a room."""
        rooms = {page.room for page in self.visitors.values() if page.room is not None}
        health = {room: self._benches.health(room) for room in rooms}
        now = time.time()
        for page in self.visitors.values():
            if page.room is None or not page.outbox.ready:
                continue
            fresh = health[page.room]
            changed = {key: item for key, item in fresh.items() if page.known.get(key) != item}
            if changed:
                page.known = fresh
                self._send(page, "health", HealthChanged(time=now, health=changed))

    def _send(self, page: _Page, event: str, body: Traced | Logged | HealthChanged) -> None:
        page.outbox.put_nowait(event_packet(NAMESPACE, event, body.model_dump_json()))
