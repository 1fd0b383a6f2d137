"""One connection of one device, used once: frames out, messages in, one unanswered command at a time."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, Protocol

from devices.sdk.commands import Command, Frames, Query
from devices.sdk.driver import Accepted, Desync, Done, Driver, Event, Failed, Learned, Reported
from devices.sdk.errors import BadSetting, Desynchronised, DeviceError, HungUp, ReplyTimeout, Unreachable
from devices.sdk.patience import Patience
from devices.sdk.queue import Answer, Motion
from devices.sdk.readings import Reading, ReadingSource, Value
from devices.sdk.transport.base import Securable, Transport

if TYPE_CHECKING:
    from ssl import SSLContext

MAX_BAD_FRAMES = 20
"""So many messages in a row that mean nothing: wrong baud rate, noise or a wrong device; a fresh start is tried."""
MAX_SILENT = 2
"""Unanswered in a row, where the device has no question that proves it alive."""
MOTION_LIMIT_S = 20.0
"""The slowest camera head needs less from end to end; after this its completion was lost."""
MAX_SILENT_DATAGRAMS = 4
"""The same where datagrams get lost: one more than a command is sent."""
PATIENT_ROUNDS = 2
"""How often a probe's time is given again while a late answer to something else still arrives."""
DATAGRAM_PROBES = 3
"""Datagrams get lost: so many unanswered probes mean a silent device."""

log = logging.getLogger(__name__)


class LinkState(StrEnum):
    """Where a device's connection is in its life."""

    CONNECTING = "connecting"
    LOGIN = "login"
    """Connected: logging in and reading the whole state."""
    READY = "ready"
    OFFLINE = "offline"
    REFUSED = "refused"
    """Only a change of configuration helps: password, port, setting."""
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class LinkStatus:
    """State of the connection since a moment of the monotonic clock; `retry_in` is in seconds from then."""

    state: LinkState
    since: float
    epoch: int = 0
    error: DeviceError | None = None
    retry_in: float | None = None


@dataclass(slots=True)  # not frozen: there are hundreds a second, and freezing triples what one costs
class Traffic:
    """Bytes on the wire, secrets masked."""

    at: float
    direction: Literal["in", "out"]
    payload: bytes
    note: str = ""
    command: Command | None = None
    """What goes out, or what waited for an answer when this came in."""
    meant: tuple[Event, ...] = ()
    """What the driver understood of what came in; filled right after the observer was told."""


class Observer(Protocol):
    """Whoever owns a session. Calls are synchronous and must not block; an exception in one is logged once and changes nothing."""

    def reading(self, reading: Reading) -> None:
        """The device told a property."""
        ...

    def link(self, status: LinkStatus) -> None:
        """The connection changed."""
        ...

    def traffic(self, traffic: Traffic) -> None:
        """Bytes went over the wire."""
        ...

    def learned(self, key: str, value: Value) -> None:
        """A fact to keep across restarts; give it back through `driver.recall`."""
        ...


class Rested(Unreachable):
    """The line was given back in good order while nothing was asked, by the device's idle limit or by our courtesy: no failure."""


@dataclass(slots=True)
class Counters:
    """What went by; for technicians."""

    sent: int = 0
    received: int = 0
    timeouts: int = 0
    stray: int = 0
    """Answers to nothing we asked."""
    garbage: int = 0
    """Bytes or messages that meant nothing."""


class Connection:
    """Speaks for one epoch. `talk` reads for ever; `exchange` sends and waits for the answer."""

    def __init__(
        self,
        driver: Driver,
        transport: Transport,
        epoch: int,
        observer: Observer,
        patience: Patience,
        *,
        clock: Callable[[], float],
        counters: Counters,
        freed: Callable[[], None],
    ) -> None:
        self.epoch = epoch
        self.probe: Query | None = driver.keepalive()
        self.executing: dict[int, Motion] = {}
        self.heard_at = clock()
        self._driver = driver
        self._timing = driver.manifest.timing
        self._transport = transport
        self._observer = observer
        self._patience = patience
        self._clock = clock
        self._counters = counters
        self._freed = freed
        self._framer = driver.framer()
        self._unread: deque[bytes] = deque()
        self._pending: Command | None = None
        self._outcome: asyncio.Future[Event | None] | None = None
        self._heard: Traffic | None = None
        self._reading: Reading | None = None
        self._motion: Motion | None = None
        self._sent_at = float("-inf")
        self._bad = 0
        self._silent = 0
        self._more = 0
        self._garbage_seen = 0
        self._buggy = False
        self._error: DeviceError | None = None

    async def login(self) -> None:
        """Let the device settle and the driver log in."""
        await asyncio.sleep(self._timing.settle_ms / 1000)
        await self._driver.login(_LoginLink(self))

    async def talk(self) -> None:
        """Read until the connection ends, then raise why. Garbage never ends it, too much of it does."""
        self._interpret_all()
        try:
            await self._transport.listen(self._listen)
        except HungUp as error:
            if self._error is None and self.idle:
                raise Rested(str(error)) from None
            raise (self._error or error) from None
        except DeviceError as error:
            raise (self._error or error) from None

    async def exchange(self, command: Command, frames: Frames, *, attempts: int = 1, note: str = "") -> Answer:
        """Send each frame and wait for its answer. ReplyTimeout after `attempts` sendings; what the device refused is raised."""
        self._reading = self._motion = None
        for frame in frames:
            payload = self._driver.stamp(frame)
            if not frame.answered:
                await self.write(payload, note)
                continue
            for attempt in range(attempts):
                if attempt:
                    payload = self._driver.repeat(frame, payload)
                outcome = await self._once(command, payload, note if not attempt else f"{note} (again)")
                if outcome is not None:
                    break
                await self._prove_alive()
            else:
                raise ReplyTimeout(f"no answer within {self._timing.reply_timeout_ms * attempts / 1000:g} s")
        return Answer(self._reading, self._motion)

    @property
    def idle(self) -> bool:
        """True while no answer and no motion is awaited."""
        return self._pending is None and not self.executing

    @property
    def ended(self) -> bool:
        """True when we have ended it: nothing more may be sent."""
        return self._error is not None

    @property
    def quiet_s(self) -> float:
        """Seconds since the last byte in either direction."""
        return self._clock() - max(self.heard_at, self._sent_at)

    def answered(self, query: Query) -> None:
        """This question may prove the device alive. Not over datagrams, where nothing may come between a numbered one and its repetition."""
        if not self._transport.datagrams:
            self.probe = self.probe or query

    def fail(self, error: DeviceError) -> None:
        """End the connection for a reason of ours."""
        self._error = self._error or error
        self.close()

    def close(self) -> None:
        """Give the line back; whoever waits for a motion is told. Idempotent."""
        self._transport.close()
        for motion in self.executing.values():
            if not motion.done.done():
                motion.done.set_exception(self._error or Unreachable("the connection was lost before the motion ended"))
                motion.done.exception()
        self.executing.clear()

    async def write(self, payload: bytes, note: str) -> None:
        """Send bytes no sooner than the device's gap after the last ones."""
        wait = self._sent_at + self._timing.min_gap_ms / 1000 - self._clock()
        if wait > 0:
            await asyncio.sleep(wait)
        self._trace("out", payload, note)
        self._counters.sent += 1
        self._sent_at = self._clock()
        await self._transport.send(payload)

    async def start_tls(self, context: SSLContext) -> None:
        """Encrypt the line, for the login."""
        if not isinstance(self._transport, Securable):
            raise BadSetting("this line cannot be encrypted", key="at")
        await self._transport.start_tls(context)

    async def next_message(self) -> bytes:
        """Next whole message, for the login."""
        try:
            async with asyncio.timeout(self._timing.reply_timeout_ms / 1000):
                while not self._unread:
                    self._hear(await self._transport.receive())
        except TimeoutError:
            raise ReplyTimeout("no answer during login") from None
        return self._unread.popleft()

    async def _once(self, command: Command, payload: bytes, note: str, *, patient: bool = False) -> Event | None:
        """Send once; the event that ends it, or None without an answer in time. `patient` waits longer while something still arrives."""
        loop = asyncio.get_running_loop()
        limit = self._timing.reply_timeout_ms / 1000
        outcome: asyncio.Future[Event | None] = loop.create_future()
        self._more = PATIENT_ROUNDS if patient else 0
        self._outcome = outcome
        self._pending = command
        try:
            await self.write(payload, note)
            self._patience.until(outcome, loop.time() + limit, self._give_up)
            return await outcome
        finally:
            self._patience.forget(outcome)
            self._pending = self._outcome = None

    def _give_up(self) -> None:
        """The time for an answer is over; whoever is patient waits on while something still arrives."""
        outcome = self._outcome
        if outcome is None or outcome.done():
            return
        if self._more and self.heard_at > self._sent_at:
            self._more -= 1
            limit = self._timing.reply_timeout_ms / 1000
            self._patience.until(outcome, asyncio.get_running_loop().time() + limit, self._give_up)
            return
        self._counters.timeouts += 1
        outcome.set_result(None)

    async def _prove_alive(self) -> None:
        """After a timeout: one question whose answer tells a lost reply from a dead device, and flushes what comes late. Ends the connection if silent."""
        if self.probe is None:
            self._silent += 1
            if self._silent < (MAX_SILENT_DATAGRAMS if self._transport.datagrams else MAX_SILENT):
                return
        else:
            kept = self._reading
            for _ in range(DATAGRAM_PROBES if self._transport.datagrams else 1):
                try:
                    for frame in self._driver.encode(self.probe):
                        payload = self._driver.stamp(frame)
                        if not frame.answered:
                            await self.write(payload, "alive?")
                        elif await self._once(self.probe, payload, "alive?", patient=True) is None:
                            break
                    else:
                        return
                except Unreachable:
                    raise
                except DeviceError:  # it refused: also a sign of life
                    return
                finally:
                    self._reading = kept
        error = ReplyTimeout("connected, but the device does not answer")
        self.fail(error)
        raise error

    def _listen(self, chunk: bytes) -> None:
        self._hear(chunk)
        self._interpret_all()

    def _interpret_all(self) -> None:
        while self._unread:
            self._interpret(self._unread.popleft())

    def _hear(self, chunk: bytes) -> None:
        self.heard_at = self._clock()
        self._heard = self._trace("in", chunk, "")
        self._unread.extend(self._framer.feed(chunk))
        new_garbage, self._garbage_seen = self._framer.garbage - self._garbage_seen, self._framer.garbage
        if new_garbage:
            self._counters.garbage += new_garbage
            self._count_bad()

    def _interpret(self, message: bytes) -> None:
        self._counters.received += 1
        pending = self._pending
        try:
            events = tuple(self._driver.interpret(message, pending))
        except Exception as bug:  # a driver's bug must not take the device away, nor fill the log
            level = logging.DEBUG if self._buggy else logging.ERROR
            log.log(level, "%s: driver failed on %r", self._driver.manifest.family, message[:80], exc_info=bug)
            self._buggy = True
            events = ()
        if not events:
            self._counters.garbage += 1
            self._count_bad()
            return
        self._bad = self._silent = 0
        if self._heard is not None:
            self._heard.meant += events
        asked = pending.property if isinstance(pending, Query) else None
        answers = any(
            isinstance(event, Reported) and event.property == asked and event.source is not ReadingSource.UNSOLICITED
            for event in events
        )
        for event in events:
            self._apply(event, asked, answers=answers)

    def _apply(self, event: Event, asked: str | None, *, answers: bool) -> None:
        match event:
            case Reported(name, value, source):
                if self._driver.manifest.spec(name) is None:
                    return
                source = source or (ReadingSource.QUERY if answers else ReadingSource.UNSOLICITED)
                reading = Reading(name, value, self._clock(), self.epoch, source)
                self._observer.reading(reading)
                if name == asked and source is not ReadingSource.UNSOLICITED:
                    self._reading = reading
                    self._settle(event)
            case Learned(key, value):
                self._observer.learned(key, value)
            case Desync(reason):
                self.fail(Desynchronised(reason))
            case Accepted(token):
                if self._outcome is not None and not self._outcome.done():
                    self._motion = self._begin(token)  # at once: its completion may stand in the same chunk
                self._settle(event)
            case Done(None):
                self._settle(event)
            case Failed(error, None):
                self._settle(error)
            case Done(int(token)):
                self._finish(token, None)
            case Failed(error, int(token)):
                self._finish(token, error)

    def _settle(self, outcome: Event | DeviceError) -> None:
        if self._outcome is None or self._outcome.done():
            self._counters.stray += not isinstance(outcome, Reported)
        elif isinstance(outcome, DeviceError):
            self._outcome.set_exception(outcome)
            self._outcome.exception()
        else:
            self._outcome.set_result(outcome)

    def _begin(self, token: int) -> Motion:
        loop = asyncio.get_running_loop()
        self._finish(token, None)  # the device reuses the number: the older completion was lost
        motion = Motion(token, loop.create_future())
        self.executing[token] = motion

        def expire() -> None:
            if self.executing.get(token) is motion:
                self._finish(token, ReplyTimeout(f"not finished within {MOTION_LIMIT_S:g} s"))

        expiry = loop.call_later(MOTION_LIMIT_S, expire)
        motion.done.add_done_callback(lambda _: expiry.cancel())
        return motion

    def _finish(self, token: int, error: DeviceError | None) -> None:
        motion = self.executing.pop(token, None)
        if motion is None or motion.done.done():
            return
        if error is None:
            motion.done.set_result(None)
        else:
            motion.done.set_exception(error)
            motion.done.exception()
        self._freed()

    def _count_bad(self) -> None:
        self._bad += 1
        if self._bad >= MAX_BAD_FRAMES:
            self.fail(
                Desynchronised(f"{self._bad} messages in a row mean nothing: wrong baud rate, noise or another device?")
            )

    def _trace(self, direction: Literal["in", "out"], payload: bytes, note: str) -> Traffic:
        traffic = Traffic(self._clock(), direction, self._driver.masked(payload), note, self._pending)
        self._observer.traffic(traffic)
        return traffic


class _LoginLink:
    """What a driver's login sees."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def send(self, payload: bytes) -> None:
        await self._connection.write(payload, "login")

    async def receive(self) -> bytes:
        return await self._connection.next_message()

    async def start_tls(self, context: SSLContext) -> None:
        await self._connection.start_tls(context)


__all__ = ["Connection", "Counters", "LinkState", "LinkStatus", "Observer", "Traffic"]
