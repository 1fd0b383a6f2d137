"""A meeting from the link to the last word, in real browsers: two makers see and hear each other, whatever breaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from smartroom.control.app import Media
from smartroom.control.conference.engine import Placement
from smartroom.protocol.conference import Meeting
from tests.guests import WATCH, Window, chromium_window, firefox_window, link, soon
from tests.media.browsers import CHROMIUM, FLAGS, firefox
from tests.media.test_browsers import host_address
from tests.meetings import House, house

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="module")]

HOSTILE = [
    "<img src=x onerror=window.__struck=1>",
    "<script>window.__struck=1</script>",
    '"><svg onload=window.__struck=1>',
    "javascript:window.__struck=1",
    "{{constructor.constructor('window.__struck=1')()}}",
    "</title><script>window.__struck=1</script>",
    "\u202eevil\u202c <b onmouseover=window.__struck=1>tebal</b>",
]
"""Names and lines that would do something where text is taken for markup."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[House, Browser]]:
    """One server, one Chromium for all tests; each has a meeting of its own."""
    media = Media(Placement((host_address(),)))
    async with house(tmp_path_factory.mktemp("meetings"), media=media) as place, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield place, browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def place(stage: tuple[House, Browser]) -> AsyncIterator[House]:
    """The server; whatever meeting a test has opened ends with it."""
    yield stage[0]
    for row in list(stage[0].application.meetings.of_room("hall")):
        await stage[0].application.meetings.end(row.id)


@pytest.fixture
def browser(stage: tuple[House, Browser]) -> Browser:
    """The Chromium."""
    return stage[1]


async def two(place: House, browser: Browser, meeting: Meeting) -> tuple[Window, Window]:
    """Two persons in two windows, in the meeting."""
    one = await chromium_window(browser, link(place, meeting))
    other = await chromium_window(browser, link(place, meeting))
    await one.join("Kepala Bappeda", agency="Bappeda")
    await other.join("Camat A", agency="Camat A")
    await asyncio.gather(one.inside(), other.inside())
    return one, other


async def test_two_windows_see_and_hear_each_other(place: House, browser: Browser) -> None:
    """From the link to moving pictures and sound, hands in the server's order, chat that a late joiner reads, and leaving."""
    meeting = await place.meeting(agenda=["Pembukaan"])
    one, other = await two(place, browser, meeting)
    await asyncio.gather(one.sees_and_hears(), other.sees_and_hears())
    await other.click("bar-hand")
    await one.click("bar-hand")
    await one.see("my-turn")
    assert "nomor 2" in await one.text("my-turn")
    assert "setelah Camat A" in await one.text("my-turn")
    await one.fill("chat-input", "Data anggaran sudah siap")
    await one.click("chat-send")
    await other.until("document.querySelector('[data-testid=chat-line]')?.textContent.includes('anggaran')")
    late = await chromium_window(browser, link(place, meeting), size=(390, 844))
    await late.join("Kepala Dinkes")
    await late.inside()
    await late.until("document.querySelector('[data-testid=unread]')?.textContent === '1'")
    await late.click("bar-chat")
    await late.until("document.querySelector('[data-testid=chat-line]')?.textContent.includes('anggaran')")
    await late.gone("unread")
    await other.press_twice("bar-leave")
    await other.until("document.querySelector('[data-testid=notice]')?.dataset.kind === 'left'")
    await one.until("document.querySelectorAll('[data-testid=tile]').length === 2")


@pytest.mark.needs("firefox-esr")
async def test_chromium_and_firefox_in_one_meeting(place: House, browser: Browser) -> None:
    """Two makers' browsers see and hear each other; names and lines that look like markup stay text in both."""
    meeting = await place.meeting()
    async with AsyncExitStack() as stack:
        fox = await stack.enter_async_context(firefox(preload=WATCH))
        one = await chromium_window(browser, link(place, meeting))
        other = await firefox_window(fox, link(place, meeting))
        await asyncio.gather(one.join("Kepala Bappeda", agency="Bappeda"), other.join("Camat A", agency="Camat A"))
        await asyncio.gather(one.inside(), other.inside())
        await asyncio.gather(one.sees_and_hears(limit=40), other.sees_and_hears(limit=40))
        guests = [await place.guest(meeting, name, office=name) for name in HOSTILE[:4]]
        for line in HOSTILE:
            await guests[0].act("say", text=line)
            await asyncio.sleep(0)
            if line == HOSTILE[4]:
                await asyncio.sleep(2)  # the chat takes six at once, then one in two seconds
        for window in (one, other):
            await window.until(f"document.querySelectorAll('[data-testid=chat-line]').length === {len(HOSTILE)}")
            said = await window.evaluate(
                "[...document.querySelectorAll('[data-testid=chat-line]')].map((line) => line.lastChild.textContent)"
            )
            assert said[:2] == HOSTILE[:2]
            await window.until("document.querySelectorAll('[data-testid=tile]').length === 6")
            assert HOSTILE[0] in await window.evaluate("document.querySelector('[data-testid=stage]').innerText")
            await window.click("bar-people")
            await window.see("person")
            assert await window.evaluate("window.__struck ?? 0") == 0
            assert (
                await window.evaluate(
                    "document.querySelectorAll('[data-testid=call] script, [data-testid=call] img').length"
                )
                == 0
            )


async def test_pictures_are_back_after_the_worker_was_killed(place: House, browser: Browser) -> None:
    """Kill -9 in a meeting: both pages make new connections by themselves, and see and hear again; nobody loses his seat or his hand."""
    meeting = await place.meeting()
    one, other = await two(place, browser, meeting)
    await other.click("bar-hand")
    await asyncio.gather(one.sees_and_hears(), other.sees_and_hears())
    place.application.engine.process_of(meeting.id).kill()
    await asyncio.gather(
        *(w.until("document.querySelector('[data-testid=call]').dataset.sub === 'false'") for w in (one, other))
    )
    await asyncio.gather(one.inside(), other.inside())
    await asyncio.gather(one.sees_and_hears(), other.sees_and_hears())
    session = place.session(meeting)
    assert [person.name for person in session.in_order()] == ["Kepala Bappeda", "Camat A"]
    assert len(session.hands) == 1


async def test_a_reload_returns_to_the_seat_muted(place: House, browser: Browser) -> None:
    """The page is loaded anew: the same person, hand and place, with a closed microphone, without the pre-join page."""
    meeting = await place.meeting()
    one, other = await two(place, browser, meeting)
    await one.click("bar-hand")
    session = place.session(meeting)
    await soon(lambda: session.hands)
    before = {person.id for person in session.in_order()}
    assert one.page is not None
    await one.page.reload()
    await one.inside()
    await one.see("my-turn")
    assert {person.id for person in session.in_order()} == before
    await one.until("document.querySelector('[data-testid=bar-mic]').dataset.muted === 'true'")
    await one.click("bar-mic")
    await one.click("bar-camera")
    await other.sees_and_hears()


async def test_a_second_tab_asks_before_it_takes_the_seat(place: House, browser: Browser) -> None:
    """Another tab of the same browser: it may come in as somebody else, or take the seat; then the first says so and can take it back."""
    meeting = await place.meeting()
    first = await chromium_window(browser, link(place, meeting))
    assert first.page is not None
    await first.join("Kepala Bappeda")
    await first.inside()
    second = await chromium_window(browser, link(place, meeting), context=first.page.context)
    await second.see("elsewhere")
    await second.click("move-here")
    await second.inside()
    await first.until("document.querySelector('[data-testid=notice]')?.dataset.kind === 'elsewhere'")
    session = place.session(meeting)
    assert len(session.people) == 1
    await first.click("notice-action")
    await first.inside()
    await second.until("document.querySelector('[data-testid=notice]')?.dataset.kind === 'elsewhere'")
    assert len(session.people) == 1


async def test_waiting_goes_on_by_itself(place: House, browser: Browser) -> None:
    """A meeting that has not begun counts down; when it begins the guest stands in the lobby, and is in when the host admits; or is told why not."""
    meeting = await place.meeting(started=False, lobby=True, minutes=30)
    guest = await chromium_window(browser, link(place, meeting))
    other = await chromium_window(browser, link(place, meeting))
    await guest.join("Camat B", agency="Camat B")
    await other.join("Tamu")
    await guest.see("not-begun")
    await place.application.meetings.start(meeting.id)
    await asyncio.gather(guest.see("lobby"), other.see("lobby"))
    panel = await place.panel()
    await panel.until(lambda: len(panel.backstage.lobby) == 2)
    await panel.act("admit", group="camat")
    await guest.inside()
    left = next(iter(panel.backstage.lobby))
    await panel.act("turn-away", person=left)
    await other.until("document.querySelector('[data-testid=notice]')?.dataset.kind === 'refused'")


async def test_the_echo_of_the_rehearsal_is_heard(place: House, browser: Browser) -> None:
    """Ten seconds through the real media worker before joining: the voice comes back, is played, and the path gets its advice."""
    meeting = await place.meeting()
    guest = await chromium_window(browser, link(place, meeting))
    await guest.allow()
    await guest.click("rehearse")
    await guest.click("rehearsal-start")
    await guest.until("document.querySelector('[data-testid=rehearsal]').dataset.stage === 'asked'", 30)
    found = await guest.evaluate("({...document.querySelector('[data-testid=rehearsal]').dataset})")
    assert (found["played"], found["verdict"] in ("good", "fair", "sound")) == ("true", True), found
    await guest.click("rehearsal-yes")
    await guest.join("Camat A")
    await guest.inside()
