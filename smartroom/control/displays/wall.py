"""One wall as a device of this process. It believes nothing but what its page says it painted."""

from __future__ import annotations

import asyncio
import itertools
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from devices.sdk.commands import Act, Command, Priority, Query, Salvo, Set
from devices.sdk.connection import LinkState, LinkStatus
from devices.sdk.errors import Refused, ReplyTimeout, Superseded, Unreachable
from devices.sdk.readings import Reading, ReadingSource, Value
from smartroom.control import clock
from smartroom.control.displays.content import BadContent, canonical, parse
from smartroom.control.displays.outside import Outside
from smartroom.control.displays.shape import WallShape
from smartroom.control.limits import (
    WALL_ANSWER_S,
    WALL_BACK_S,
    WALL_FRESH_S,
    WALL_NUMBER_S,
    WALL_PAINT_S,
    WALL_PICTURE_S,
)
from smartroom.protocol.base import Text
from smartroom.protocol.displays import Ask, Hello, Identify, Leave, Painted, SendPicture, Show, WallLook

_COVERED = "the browser draws no frames: its window is covered or the screen is asleep"
_AWAY = "no page of this wall is connected"


class Page(Protocol):
    """The wall's page on the other side of a socket. Calls never wait."""

    def show(self, show: Show) -> None:
        """Bring the glass to this."""
        ...

    def identify(self, identify: Identify) -> None:
        """Show number and name."""
        ...

    def ask(self, ask: Ask) -> None:
        """Say what stands there."""
        ...

    def leave(self, leave: Leave) -> None:
        """Its place is taken, it is silent, or it shall be loaded anew."""
        ...

    def look(self, look: SendPicture) -> None:
        """Send a small picture of the glass."""
        ...


@dataclass(frozen=True, slots=True)
class Events:
    """Whom a wall tells."""

    reading: Callable[[Reading], None]
    link: Callable[[LinkStatus], None]
    saw: Callable[[], None]
    """The words of its contents changed."""


@dataclass(frozen=True, slots=True)
class Glass:
    """What a page should show."""

    text: str = ""
    page: int = 1
    blank: bool = False


class Wall:
    """`Endpoint` of the gateway. `moment()` gives the server time of the next change, the same for all walls of a scene."""

    def __init__(
        self, number: int, name: Text, shape: WallShape, events: Events, moment: Callable[[], float], outside: Outside
    ) -> None:
        self.number = number
        self.name = name
        self.painted: Painted | None = None
        """The last report of the page that is here."""
        self.picture: tuple[float, bytes] | None = None
        """The last picture of its glass, and when it came (server time)."""
        self._looked = float("-inf")
        self._shape = shape
        self._events = events
        self._moment = moment
        self._outside = outside
        self._page: Page | None = None
        self._status = LinkStatus(LinkState.OFFLINE, clock.monotonic(), error=Unreachable(_AWAY))
        self._readings: dict[str, Reading] = {}
        self._text = ""
        self._wanted = Glass()
        self._orders = itertools.count(1)
        self._order = 0
        self._changes = 0
        self._heard = 0.0
        self._news = asyncio.Event()
        self._asked = itertools.count(1)

    # -- what the gateway asks --

    @property
    def driver(self) -> WallShape:
        """What can be asked of it."""
        return self._shape

    @property
    def status(self) -> LinkStatus:
        """READY while its page is here and reports."""
        return self._status

    def reading(self, name: str) -> Reading | None:
        """What the page last said."""
        return self._readings.get(name)

    async def read(
        self,
        name: str,
        *,
        priority: Priority,
        timeout: float | None,  # noqa: ASYNC109  # the gateway's contract
    ) -> Reading:
        """What stands on the glass: as just reported, or asked now. Raises Unreachable or ReplyTimeout."""
        self._shape.spec(name)
        page = self._here()
        if clock.monotonic() - self._heard > WALL_FRESH_S:
            number = next(self._asked)
            page.ask(Ask(asked=number))
            limit = WALL_ANSWER_S if timeout is None else min(timeout, WALL_ANSWER_S)
            await self._until(lambda: (self.painted.asked if self.painted else None) == number, limit)
        return self._readings[name]

    async def execute(
        self,
        command: Command,
        *,
        priority: Priority,
        name: str | None,
        timeout: float | None,  # noqa: ASYNC109  # the gateway's contract
    ) -> None:
        """Push and wait until the page painted it. Raises Refused with the page's reason, ReplyTimeout, Unreachable."""
        match command:
            case Set():
                await self._bring((command,), timeout)
            case Salvo(sets):
                await self._bring(sets, timeout)
            case Query(what):
                await self.read(what, priority=priority, timeout=timeout)
            case Act(action):
                await self._act(action)

    # -- what the page tells --

    def attach(self, page: Page, hello: Hello) -> Show | None:
        """A page is here; an older one leaves. Returns what to show when it shows nothing: the content of its predecessor."""
        if self._page is not None:
            self._page.leave(Leave(why="replaced"))
        before = self._wanted
        self._page = page
        self._status = LinkStatus(LinkState.READY, clock.monotonic(), self._status.epoch + 1)
        self._text = ""
        self._order = 0
        self.heard(page, hello.painted.model_copy(update={"order": 0, "text": hello.painted.text or ""}))
        self._events.link(self._status)
        if self._text or not before.text:
            return None
        self._wanted = before
        return self._next(clock.wall())

    def detach(self, page: Page, why: str = _AWAY) -> None:
        """The page is gone; one that was replaced changes nothing."""
        if self._page is not page:
            return
        self._page = None
        self._status = LinkStatus(LinkState.OFFLINE, clock.monotonic(), self._status.epoch, Unreachable(why))
        self._wake()
        self._events.link(self._status)

    def heard(self, page: Page, painted: Painted) -> None:
        """The page says what it painted."""
        if self._page is not page:
            return
        self.painted = painted
        self._heard = clock.monotonic()
        if painted.text is not None:
            self._text = _known(painted.text)
            if self._shape.saw(self._text):
                self._events.saw()
        if painted.order >= self._order:
            self._wanted = Glass(self._text, painted.page, painted.blank)
        fault = painted.problem or ("" if painted.visible else _COVERED)
        for name, value in (
            ("content", self._text),
            ("page", painted.page),
            ("blank", painted.blank),
            ("fault", fault),
        ):
            self._tell(name, value)
        self._wake()

    def check_silence(self, limit: float) -> None:
        """A page that has not reported for so long is cut: hung, or asleep."""
        if self._page is not None and clock.monotonic() - self._heard > limit:
            page = self._page
            self.detach(page, f"its page has not reported for {limit:g} s")
            page.leave(Leave(why="silent"))

    # -- a picture of the glass --

    async def look(self) -> None:
        """Have a young picture, if the page is here and sends one in time."""
        if self._page is None or self._pictured_s() < WALL_PICTURE_S:
            return
        if not self.expects_picture:
            self._looked = clock.monotonic()
            self._page.look(SendPicture())
        with suppress(ReplyTimeout, Unreachable):
            await self._until(lambda: self._pictured_s() < WALL_PICTURE_S, WALL_PICTURE_S)

    @property
    def expects_picture(self) -> bool:
        """True while one was asked for and none has come: others are refused."""
        return clock.monotonic() - self._looked < WALL_PICTURE_S * 2

    def pictured(self, body: bytes) -> None:
        """The page sent one."""
        self.picture = (clock.wall(), body)
        self._looked = float("-inf")
        self._wake()

    def seen(self, key: str) -> WallLook:
        """How it is doing."""
        at, body = self.picture or (None, b"")
        ago = clock.monotonic() - self._status.since
        return WallLook(
            wall=key,
            connected=self._page is not None,
            since=clock.wall() - ago,
            heard_at=clock.wall() - (clock.monotonic() - self._heard) if self._heard else None,
            painted=self.painted,
            picture=b64encode(body).decode(),
            picture_at=at,
        )

    def _pictured_s(self) -> float:
        return clock.wall() - self.picture[0] if self.picture else float("inf")

    # -- inside --

    async def _bring(self, sets: tuple[Set, ...], limit: float | None) -> None:
        self._here()
        wanted = self._wanted
        for item in sets:
            if item.property == "content":
                if item.value != "":
                    await parse(item.value).ready(self._outside)
                if item.value != self._text or item.value != wanted.text:
                    wanted = replace(wanted, text=str(item.value), page=1)
        for item in sets:
            if item.property == "page":
                wanted = replace(wanted, page=_page(item.value, wanted.text))
            elif item.property == "blank":
                wanted = replace(wanted, blank=item.value is True)
        await self._change(wanted, limit)

    async def _act(self, action: str) -> None:
        page = self._here()
        match action:
            case "identify":
                page.identify(Identify(number=self.number, name=self.name, seconds=WALL_NUMBER_S))
            case "reload":
                page.leave(Leave(why="reload"))
            case _:
                now = self.painted.page if self.painted else 1
                pages = _pages(self._text)
                step = 1 if action == "next" else -1
                there = min(max(now + step, 1), pages)
                if there != now:
                    await self._change(replace(self._wanted, page=there), None)

    async def _change(self, wanted: Glass, limit: float | None) -> None:
        """Have it painted; told once more when the page was away for a moment: a road that broke is no wall that failed."""
        number = self._changes = self._changes + 1
        at = self._moment()
        wait = at - clock.wall() + WALL_PAINT_S
        ends = clock.monotonic() + min(wait, limit or wait)
        while True:
            self._wanted = wanted
            show = self._next(max(at, clock.wall()))
            self._here().show(show)
            try:
                await self._until(partial(self._over, number, show.order), ends - clock.monotonic())
            except Unreachable as lost:
                await self._back(lost, ends)
            if self._changes != number:
                raise Superseded("a newer order took its place")
            if self._carried_out(show.order):
                break
        painted = self.painted
        if painted is not None and painted.problem:
            raise Refused(painted.problem)

    def _over(self, number: int, order: int) -> bool:
        """A newer change has begun, or this one is painted."""
        return self._changes != number or self._carried_out(order)

    async def _back(self, lost: Unreachable, ends: float) -> None:
        """Wait for a page that was lost; raises `lost` when none comes."""
        try:
            async with asyncio.timeout(min(WALL_BACK_S, ends - clock.monotonic())):
                while self._page is None:
                    await self._news.wait()
        except TimeoutError:
            raise lost from None

    def _next(self, at: float) -> Show:
        self._order = next(self._orders)
        wanted = self._wanted
        return Show(order=self._order, text=wanted.text, page=wanted.page, blank=wanted.blank, at=at)

    def _carried_out(self, order: int) -> bool:
        return self.painted is not None and self.painted.order >= order

    def _here(self) -> Page:
        if self._page is None:
            raise self._status.error or Unreachable(_AWAY)
        return self._page

    async def _until(self, true: Callable[[], bool], limit: float) -> None:
        """Wait for the page's word; a page that leaves ends it."""
        epoch = self._status.epoch
        try:
            async with asyncio.timeout(max(limit, 0.0)):
                while not true():
                    await self._news.wait()
                    self._here()
                    if self._status.epoch != epoch:
                        raise Unreachable("the page was loaded anew")
        except TimeoutError:
            why = _COVERED if self.painted and not self.painted.visible else "the page has not said that it painted it"
            raise ReplyTimeout(why) from None

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    def _tell(self, name: str, value: Value) -> None:
        reading = Reading(name, value, self._heard, self._status.epoch, ReadingSource.QUERY)
        self._readings[name] = reading
        self._events.reading(reading)


def _known(text: str) -> str:
    """A page's words come from outside: what is no content of ours reads as nothing."""
    try:
        return canonical(parse(text)) if text else ""
    except BadContent:
        return ""


def _pages(text: str) -> int:
    return parse(text).pages() if text else 1


def _page(value: Value, text: str) -> int:
    pages = _pages(text)
    if not isinstance(value, int) or not 1 <= value <= pages:
        raise Refused(f"there is no page {value}; there are {pages}")
    return value
