"""A wall as a device: it believes its page's reports and nothing else."""
# ruff: noqa: D102  # the methods are those of `Page`, and say there what they do

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

import pytest

from devices.sdk.commands import Act, Priority, Salvo, Set
from devices.sdk.connection import LinkState, LinkStatus
from devices.sdk.errors import Refused, ReplyTimeout, Superseded, Unreachable
from devices.sdk.readings import Reading
from smartroom.control.displays.outside import Nowhere
from smartroom.control.displays.pictures.album import Album
from smartroom.control.displays.shape import WallShape
from smartroom.control.displays.wall import Events, Wall
from smartroom.control.limits import WALL_BACK_S
from smartroom.protocol import PROTOCOL_VERSION
from smartroom.protocol.base import Text
from smartroom.protocol.displays import Ask, Hello, Identify, Leave, Painted, SendPicture, Show

PATTERN = '{"kind":"pattern"}'
BLANK = '{"kind":"blank"}'


@dataclass(eq=False)
class Glass:
    """A page that does what it is told, or not."""

    wall: Wall
    obeys: bool = True
    said: list[object] = field(default_factory=list)
    painted: Painted = field(default_factory=lambda: Painted(text=""))

    def show(self, show: Show) -> None:
        self.said.append(show)
        if self.obeys:
            self.report(order=show.order, text=show.text, page=show.page, blank=show.blank)

    def identify(self, identify: Identify) -> None:
        self.said.append(identify)

    def ask(self, ask: Ask) -> None:
        self.said.append(ask)
        if self.obeys:
            self.report(asked=ask.asked)

    def leave(self, leave: Leave) -> None:
        self.said.append(leave)

    def look(self, look: SendPicture) -> None:
        self.said.append(look)

    def report(self, **words: object) -> None:
        self.painted = self.painted.model_copy(update={"asked": None, **words})
        asyncio.get_running_loop().call_soon(self.wall.heard, self, self.painted)


@dataclass
class Told:
    """What the wall told the room."""

    readings: list[Reading] = field(default_factory=list)
    links: list[LinkStatus] = field(default_factory=list)


@pytest.fixture
def told() -> Told:
    """An empty ear."""
    return Told()


@pytest.fixture
def wall(told: Told, tmp_path_factory: pytest.TempPathFactory) -> Wall:
    """A wall without a page."""
    shape = WallShape(Album(None, tmp_path_factory.mktemp("pictures")))
    events = Events(told.readings.append, told.links.append, lambda: None)
    return Wall(1, Text.of("Layar"), shape, events, lambda: time.time() + 0.01, Nowhere())


def here(wall: Wall, **painted: object) -> Glass:
    """A page that has come in."""
    glass = Glass(wall, painted=Painted.model_validate({"text": "", **painted}))
    wall.attach(glass, Hello(protocol=PROTOCOL_VERSION, painted=glass.painted))
    return glass


async def bring(wall: Wall, *sets: Set, limit: float = 0.3) -> None:
    """As the gateway does."""
    command = sets[0] if len(sets) == 1 else Salvo(sets)
    await wall.execute(command, priority=Priority.SCENE, name="x", timeout=limit)


def value(wall: Wall, name: str) -> object:
    """What is known of a property."""
    found = wall.reading(name)
    return found.value if found else None


async def test_without_a_page_it_is_unreachable(wall: Wall) -> None:
    """Offline, with a reason, and nothing is promised."""
    assert wall.status.state is LinkState.OFFLINE
    with pytest.raises(Unreachable):
        await bring(wall, Set("content", PATTERN))
    with pytest.raises(Unreachable):
        await wall.read("content", priority=Priority.SCENE, timeout=0.1)


async def test_an_order_ends_with_what_was_painted(wall: Wall, told: Told) -> None:
    """Content, page and darkness of one moment travel in one order; the readings are the page's words."""
    glass = here(wall)
    await bring(wall, Set("content", PATTERN), Set("blank", True))
    (show,) = glass.said
    assert isinstance(show, Show)
    assert (show.text, show.page, show.blank) == (PATTERN, 1, True)
    assert (value(wall, "content"), value(wall, "blank")) == (PATTERN, True)
    assert all(reading.epoch == 1 and reading.verified for reading in told.readings)


async def test_sent_is_not_painted(wall: Wall) -> None:
    """A page that takes an order and paints nothing: a deadline, and the old reading stays."""
    glass = here(wall)
    glass.obeys = False
    with pytest.raises(ReplyTimeout):
        await bring(wall, Set("content", PATTERN), limit=0.05)
    assert value(wall, "content") == ""


async def test_the_pages_reason_is_told(wall: Wall) -> None:
    """A content that broke: the order is refused with the page's words, the reading is what still stands."""
    glass = here(wall, text=BLANK)
    glass.obeys = False
    task = asyncio.create_task(bring(wall, Set("content", PATTERN)))
    await asyncio.sleep(0.01)
    glass.report(order=1, problem="rusak")
    with pytest.raises(Refused, match="rusak"):
        await task
    assert (value(wall, "content"), value(wall, "fault")) == (BLANK, "rusak")


async def test_a_newer_order_wins(wall: Wall) -> None:
    """Two hands at once: the earlier one is told that it was superseded."""
    glass = here(wall)
    glass.obeys = False
    first = asyncio.create_task(bring(wall, Set("content", PATTERN), limit=1))
    await asyncio.sleep(0.01)
    second = asyncio.create_task(bring(wall, Set("content", BLANK), limit=1))
    await asyncio.sleep(0.01)
    glass.report(order=2, text=BLANK)
    with pytest.raises(Superseded):
        await first
    await second


async def test_a_page_that_leaves_and_stays_away_ends_the_wait(wall: Wall) -> None:
    """In mid-switch: Unreachable after WALL_BACK_S, not at the deadline."""
    glass = here(wall)
    glass.obeys = False
    task = asyncio.create_task(bring(wall, Set("content", PATTERN), limit=5))
    await asyncio.sleep(0.01)
    wall.detach(glass)
    with pytest.raises(Unreachable):
        async with asyncio.timeout(WALL_BACK_S + 0.5):
            await task
    assert wall.status.state is LinkState.OFFLINE


@pytest.mark.parametrize("text", ["", BLANK], ids=["loaded anew", "only its road broke"])
async def test_a_page_that_comes_back_in_time_is_told_again(wall: Wall, text: str) -> None:
    """In mid-switch: the same change reaches the new page and is proved by it."""
    glass = here(wall, text=BLANK)
    glass.obeys = False
    task = asyncio.create_task(bring(wall, Set("content", PATTERN), limit=5))
    await asyncio.sleep(0.01)
    wall.detach(glass)
    await asyncio.sleep(0.01)
    here(wall, text=text)
    async with asyncio.timeout(0.5):
        await task
    assert value(wall, "content") == PATTERN


async def test_a_change_made_after_the_page_came_back_is_not_undone(wall: Wall) -> None:
    """The earlier one, still waiting for the page, gives way."""
    glass = here(wall)
    glass.obeys = False
    first = asyncio.create_task(bring(wall, Set("content", PATTERN), limit=5))
    await asyncio.sleep(0.01)
    wall.detach(glass)
    here(wall)
    await bring(wall, Set("content", BLANK), limit=1)
    with pytest.raises(Superseded):
        await first
    assert value(wall, "content") == BLANK


async def test_the_newest_page_has_the_wall(wall: Wall) -> None:
    """An older page is told to go; its late words and its end change nothing; epochs tell the readings apart."""
    old = here(wall, text=PATTERN)
    new = here(wall, text=BLANK)
    assert old.said == [Leave(why="replaced")]
    wall.heard(old, Painted(text=PATTERN))
    wall.detach(old)
    assert (value(wall, "content"), wall.status.state, wall.status.epoch) == (BLANK, LinkState.READY, 2)
    assert new.said == []


async def test_a_new_computer_takes_over_the_content(wall: Wall) -> None:
    """A page that shows nothing gets what its predecessor was to show."""
    here(wall)
    await bring(wall, Set("content", PATTERN))
    glass = Glass(wall)
    show = wall.attach(glass, Hello(protocol=PROTOCOL_VERSION, painted=glass.painted))
    assert show is not None
    assert show.text == PATTERN


async def test_a_question_reaches_the_glass(wall: Wall) -> None:
    """A reading that is not fresh is asked for; a page that stays silent is a timeout."""
    glass = here(wall, text=PATTERN)
    wall._heard -= 5
    assert (await wall.read("content", priority=Priority.SCENE, timeout=0.5)).value == PATTERN
    assert isinstance(glass.said[0], Ask)
    glass.obeys = False
    wall._heard -= 5
    with pytest.raises(ReplyTimeout):
        await wall.read("content", priority=Priority.SCENE, timeout=0.05)


async def test_a_silent_page_is_offline(wall: Wall) -> None:
    """After the limit it is cut and the wall says so."""
    glass = here(wall)
    wall.check_silence(6)
    assert glass.said == []
    wall._heard -= 7
    wall.check_silence(6)
    assert wall.status.state is LinkState.OFFLINE
    assert glass.said == [Leave(why="silent")]


async def test_a_foreign_text_reads_as_nothing(wall: Wall) -> None:
    """A page that claims to show what is no content of ours is not quoted on panels."""
    glass = here(wall, text='{"kind":"hack","x":1}')
    assert value(wall, "content") == ""
    wall.heard(glass, Painted(text='{ "kind" : "pattern" }'))
    assert value(wall, "content") == PATTERN


async def test_a_covered_window_is_a_fault(wall: Wall) -> None:
    """The browser draws no frames: said in words."""
    here(wall, visible=False)
    assert "covered" in str(value(wall, "fault"))


async def test_actions(wall: Wall) -> None:
    """Identify reaches the page with number and name; next stops at the last page; others do not exist."""
    glass = here(wall, text=PATTERN)
    await wall.execute(Act("identify"), priority=Priority.OPERATOR, name=None, timeout=None)
    await wall.execute(Act("next"), priority=Priority.OPERATOR, name=None, timeout=None)
    assert [type(word) for word in glass.said] == [Identify]
    with pytest.raises(Refused):
        wall.driver.encode(Act("dance"))


async def test_no_site_is_allowed_by_default(wall: Wall) -> None:
    """A server whose administrator listed none frames none, and nothing is sent."""
    glass = here(wall)
    with pytest.raises(Refused, match="list of sites"):
        await bring(wall, Set("content", '{"kind":"web","url":"https://dasbor.example/"}'))
    assert glass.said == []
