"""The meeting page in a real browser: what an eye, a finger, a screen reader and somebody with a stubborn camera need."""

from __future__ import annotations

import asyncio
import struct
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, Playwright, async_playwright, expect

from smartroom.control.app import Media
from smartroom.control.conference.engine import Placement
from smartroom.protocol.conference import Voice
from smartroom.protocol.people import Role
from tests.guests import Window, chromium_window, link, soon
from tests.media.browsers import CHROMIUM, FLAGS
from tests.media.test_browsers import host_address
from tests.meetings import ROOM, House, house
from tests.pages.test_panel import LEGAL, violations

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="module")]

SIZES = {"laptop": (1280, 800), "phone": (390, 844)}
NAME = "ruang.test"
NO_UI = [flag for flag in FLAGS if flag != "--use-fake-ui-for-media-stream"]
"""Without it nobody answers the browser's question, and headless means no."""

SMALL = """() => [...document.querySelectorAll('button, a, input:not([type=radio]), [role=option], label:has(input)')]
  .filter((element) => !element.closest('[inert]') && element.tabIndex >= 0)
  .map((element) => [element.dataset.testid ?? element.className, element.getBoundingClientRect()])
  .filter(([, box]) => box.width > 0 && (box.width < 51.5 || box.height < 55.5))
  .map(([name, box]) => `${name}: ${Math.round(box.width)} x ${Math.round(box.height)}`)"""
"""Smaller than a finger; six buttons side by side on a phone are 52 px wide and higher than 60."""

WIDER = "() => document.documentElement.scrollWidth > innerWidth + 1"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def studio(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[House, Browser, Playwright]]:
    """One server, one Chromium for all tests."""
    media = Media(Placement((host_address(),)))
    async with (
        house(tmp_path_factory.mktemp("meeting"), media=media, host=NAME) as place,
        async_playwright() as playwright,
    ):
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield place, browser, playwright
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def place(studio: tuple[House, Browser, Playwright]) -> AsyncIterator[House]:
    """The server; whatever meeting a test has opened ends with it."""
    yield studio[0]
    for row in list(studio[0].application.meetings.of_room(ROOM)):
        await studio[0].application.meetings.end(row.id)


@pytest.fixture
def browser(studio: tuple[House, Browser, Playwright]) -> Browser:
    """The Chromium."""
    return studio[1]


@pytest.fixture
def play(studio: tuple[House, Browser, Playwright]) -> Playwright:
    """What starts others."""
    return studio[2]


@asynccontextmanager
async def stubborn(play: Playwright, flags: list[str]) -> AsyncIterator[Browser]:
    """A Chromium whose camera or microphone makes trouble."""
    browser = await play.chromium.launch(executable_path=CHROMIUM, args=flags)
    try:
        yield browser
    finally:
        await browser.close()


async def looked_at(window: Window, where: str) -> None:
    """Nothing is wider than the screen, every target suits a finger, axe finds nothing."""
    page = page_of(window)
    assert not await page.evaluate(WIDER), where
    assert await page.evaluate(SMALL) == [], where
    assert await violations(page) == [], where


def page_of(window: Window) -> Page:
    """The page of a Chromium window."""
    assert window.page is not None
    return window.page


async def a_context(browser: Browser, size: str, theme: str) -> BrowserContext:
    """A device of a size and theme; axe comes past the page's policy."""
    width, height = SIZES[size]
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        has_touch=size == "phone",
        is_mobile=size == "phone",
        bypass_csp=True,
    )
    await context.add_init_script(f"localStorage.setItem('smartroom.theme', '{theme}'); window.__connections = []")
    return context


@pytest.mark.parametrize(("size", "theme"), [("laptop", "dark"), ("phone", "light")])
async def test_every_face_of_the_page_can_be_read_and_reached(
    place: House, browser: Browser, size: str, theme: str
) -> None:
    """From the pre-join page with its sheets over the waiting room to the meeting with chat, people and settings."""
    assert "wcag22aa" in LEGAL
    meeting = await place.meeting(lobby=True, agenda=["Pembukaan", "Laporan"])
    panel = await place.panel()
    window = await chromium_window(browser, link(place, meeting), context=await a_context(browser, size, theme))
    await window.allow()
    await looked_at(window, "pre-join")
    for opener, sheet, closer in (("devices", "device-sheet", "device-close"), ("rehearse", "rehearsal-sheet", "")):
        await window.click(opener)
        await window.see(sheet)
        await looked_at(window, sheet)
        await (window.click(closer) if closer else page_of(window).keyboard.press("Escape"))
        await window.gone(sheet)
    await window.join("Kepala Bappeda", agency="Bappeda")
    await window.see("lobby")
    await looked_at(window, "lobby")
    await panel.until(lambda: panel.backstage.lobby)
    await panel.act("admit", everybody=True)
    await window.inside()
    others = [await place.guest(meeting, f"Camat {letter}", agency="camat-a") for letter in "AB"]
    await panel.act("admit", everybody=True)
    await others[0].until(lambda: others[0].heard("seated"))
    await others[0].act("say", text="Kamera saya matikan, sinyal lemah.")
    await others[0].act("hand", up=True)
    await window.click("bar-hand")
    await window.see("my-turn")
    await looked_at(window, "meeting")
    if size == "phone":
        await window.click("bar-chat")
        await window.see("chat-line")
        await looked_at(window, "chat")
        await window.click("chat-close")
    for opener, sheet in (("bar-more", "more-sheet"), ("more-people", "people-sheet"), ("person", "person-sheet")):
        await window.click(opener)
        await window.see(sheet)
        await looked_at(window, sheet)
    await page_of(window).keyboard.press("Escape")
    await window.press_twice("bar-leave")
    await window.see("notice")
    await looked_at(window, "the end")


async def test_nothing_needs_a_pointer(place: House, browser: Browser) -> None:
    """Name, agency by arrows, joining by Enter; hand and leaving by Space, held; focus stands where reading goes on."""
    meeting = await place.meeting()
    window = await chromium_window(browser, link(place, meeting))
    await window.allow()
    page, keys = page_of(window), page_of(window).keyboard
    await page.get_by_test_id("name").focus()
    await keys.type("Camat B")
    await keys.press("Tab")
    await keys.press("Tab")
    await keys.type("camat")
    for key in ("ArrowDown", "ArrowDown", "Enter"):
        await keys.press(key)
    await expect(page.get_by_test_id("agency")).to_have_value("Camat B · Kecamatan B")
    await keys.press("Tab")
    await keys.press("Tab")
    await keys.press("Enter")
    await window.inside()
    assert place.session(meeting).in_order()[0].agency == "camat-b"
    await page.get_by_test_id("bar-hand").focus()
    await keys.press(" ")
    await window.see("my-turn")
    await page.get_by_test_id("tile-open").first.focus()
    await keys.press("Enter")
    await window.see("person-sheet")
    await keys.press("Escape")
    await expect(page.get_by_test_id("tile-open").first).to_be_focused()
    await page.get_by_test_id("bar-leave").focus()
    await keys.press(" ")
    assert await window.evaluate("document.querySelector('[data-testid=call]') !== null"), (
        "a short press does not leave"
    )
    await keys.down(" ")
    await page.wait_for_timeout(1150)
    await keys.up(" ")
    await window.see("notice")


async def test_a_refused_camera_has_a_cure_and_no_power(place: House, play: Playwright) -> None:
    """The browser says no: the page says so, shows where to tap in this browser, and joining goes on without; others see a name."""
    meeting = await place.meeting()
    async with stubborn(play, NO_UI) as browser:
        window = await chromium_window(browser, link(place, meeting))
        await window.click("turn-on")
        await window.until("document.querySelector('[data-testid=device-trouble]')?.dataset.trouble === 'refused'")
        await window.click("cure")
        await window.see("cure-steps")
        steps = await window.evaluate(
            "[...document.querySelectorAll('[data-testid=cure-steps] li')].map((step) => step.dataset.step)"
        )
        assert steps == ["tuneIcon", "allowBoth", "reload", "without"]
        await page_of(window).keyboard.press("Escape")
        await window.fill("name", "Camat A")
        await window.click("enter")
        await window.until("document.querySelector('[data-testid=call]')?.dataset.cut === 'false'")
        await window.until("document.querySelector('[data-testid=bar-mic]').dataset.muted === 'true'")
        await soon(lambda: place.session(meeting).in_order()[0].voice is Voice.MUTED)
        (person,) = place.session(meeting).in_order()
        assert (person.name, person.camera) == ("Camat A", False)


TAKEN = """() => {
  const media = navigator.mediaDevices, get = media.getUserMedia.bind(media);
  media.getUserMedia = (wanted) => wanted.video && !window.__free
    ? Promise.reject(new DOMException('Could not start video source', 'NotReadableError')) : get(wanted);
}"""
"""No browser's own fake camera can be busy: its answer is what Chromium says when Windows refuses."""


async def test_a_camera_taken_by_another_program_leaves_the_voice(place: House, browser: Browser) -> None:
    """The camera cannot be started: that is said with what to close, the microphone is there all the same; once it is free one touch has it."""
    meeting = await place.meeting()
    context = await browser.new_context()
    await context.add_init_script(f"({TAKEN})(); window.__connections = []")
    window = await chromium_window(browser, link(place, meeting), context=context)
    await window.until("document.querySelector('[data-testid=device-trouble]')?.dataset.trouble === 'busy'")
    await window.click("cure")
    await window.see("cure-steps")
    assert (await window.text("cure-steps")).startswith("Tutup Zoom")
    await window.evaluate("window.__free = true")
    await window.click("cure-again")
    await window.gone("device-trouble")
    await window.fill("name", "Camat A")
    await window.click("enter")
    await window.inside()
    await window.until("document.querySelector('[data-testid=bar-camera]').dataset.muted === 'false'")


async def test_without_a_secure_address_the_page_says_where_to_go(place: House, play: Playwright) -> None:
    """Plain http on the network has no camera: the page names the secure address and the room's certificate; listening works."""
    meeting = await place.meeting()
    async with stubborn(play, [*FLAGS, f"--host-resolver-rules=MAP {NAME} 127.0.0.1"]) as browser:
        window = await chromium_window(browser, link(place, meeting).replace("127.0.0.1", NAME))
        await window.until("document.querySelector('[data-testid=device-trouble]')?.dataset.trouble === 'insecure'")
        await window.click("cure")
        assert await page_of(window).get_by_test_id("trust").get_attribute("href") == "/trust"
        await page_of(window).keyboard.press("Escape")
        await window.fill("name", "Camat A")
        await window.click("listen")
        await window.inside()
        assert str(place.session(meeting).in_order()[0].role) == "listener"


async def test_speaking_while_muted_is_noticed(place: House, play: Playwright, tmp_path: Path) -> None:
    """`Anda sedang bisu` for somebody who speaks on with a closed microphone; one touch opens it."""
    with wave.open(str(tmp_path / "voice.wav"), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(48_000)
        out.writeframes(b"".join(struct.pack("<h", 12_000 if at // 60 % 2 else -12_000) for at in range(48_000)))
    meeting = await place.meeting()
    async with stubborn(play, [*FLAGS, f"--use-file-for-fake-audio-capture={tmp_path / 'voice.wav'}"]) as browser:
        window = await chromium_window(browser, link(place, meeting))
        await window.join("Camat A")
        await window.inside()
        await window.click("bar-mic")
        await window.see("banner-muted")
        await window.click("open-mic")
        await window.gone("banner-muted")
        await window.until("document.querySelector('[data-testid=bar-mic]').dataset.muted === 'false'")


PULLED = """() => {
  const media = navigator.mediaDevices, list = media.enumerateDevices.bind(media);
  media.enumerateDevices = async () => (await list()).filter((device) => device.label !== window.__pulled);
  const get = media.getUserMedia.bind(media);
  media.getUserMedia = async (wanted) => {
    const stream = await get(wanted);
    window.__mic = stream.getAudioTracks()[0] ?? window.__mic;
    return stream;
  };
}"""


async def test_a_pulled_microphone_is_replaced_and_told(place: House, browser: Browser) -> None:
    """The headset is pulled in the meeting: another microphone goes on in its place, others still hear, and the page says what happened."""
    meeting = await place.meeting()
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    await context.add_init_script(f"({PULLED})(); window.__connections = []")
    window = await chromium_window(browser, link(place, meeting), context=context)
    await window.join("Camat A")
    await window.inside()
    pulled = await window.evaluate("window.__pulled = window.__mic.label")
    await window.evaluate(
        "(window.__mic.stop(), window.__mic.dispatchEvent(new Event('ended')), navigator.mediaDevices.dispatchEvent(new Event('devicechange')), true)"
    )
    await window.until(
        f"document.querySelector('[data-testid=notices]').textContent.includes('tercabut') && window.__mic.label !== '{pulled}'"
    )
    await window.until("document.querySelector('[data-testid=bar-mic]').dataset.muted === 'false'")


OTHERS = """[...document.querySelectorAll('[data-testid=tile][data-picture=true]')]
  .filter((tile) => tile.dataset.person !== document.querySelector('[data-testid=call]').dataset.me).length"""
"""Pictures of others: one's own rests where the machine is too busy to send it."""


async def test_saving_data_is_seen_and_lifted(place: House, browser: Browser) -> None:
    """On a phone `Hemat data` is on from the start, is said, and one touch lifts it; sound only asks for no picture and is lifted the same way."""
    meeting = await place.meeting()
    one = await chromium_window(browser, link(place, meeting))
    await one.join("Kepala Bappeda")
    phone = await chromium_window(browser, link(place, meeting), context=await a_context(browser, "phone", "dark"))
    await phone.join("Camat A")
    await asyncio.gather(one.inside(), phone.inside())
    await phone.see("banner-chosen")
    await phone.click("saver-auto")
    await phone.gone("banner-chosen")
    await phone.until(f"{OTHERS} === 1")
    await phone.click("bar-more")
    await phone.click("sound-only")
    await page_of(phone).keyboard.press("Escape")
    await phone.see("banner-sound")
    await phone.until(f"{OTHERS} === 0")
    await phone.click("want-all")
    await phone.until(f"{OTHERS} === 1")


async def test_the_stage_follows_the_host_until_this_page_pins(place: House, browser: Browser) -> None:
    """Grid, speaker and strip, two-up as the host says; a pin is mine alone; slides go large while somebody shares; tiles stay in protocol order."""
    meeting = await place.meeting()
    panel = await place.panel()
    people = [
        await place.guest(meeting, name, agency=agency) for name, agency in (("Camat A", "camat-a"), ("Sekda", "setda"))
    ]
    window = await chromium_window(browser, link(place, meeting))
    await window.join("Kepala Bappeda", agency="Bappeda")
    await window.inside()
    order = "[...document.querySelectorAll('[data-testid=tile]')].map((tile) => tile.querySelector('b').textContent)"
    await window.until("document.querySelectorAll('[data-testid=tile]').length === 3")
    assert [name.removesuffix("Setda") for name in await window.evaluate(order)] == [
        "Sekda",
        "Anda · Bappeda",
        "Camat A",
    ]
    large = "[...document.querySelectorAll('[data-testid=tile].big')].map((tile) => tile.dataset.person).join()"
    await panel.act("stage", layout="speaker", spotlight=[people[0].person])
    await window.until(f"{large} === '{people[0].person}'")
    await panel.act("stage", layout="pair", spotlight=[people[0].person, people[1].person])
    await window.until(f"{large}.split(',').length === 2")
    await window.click("bar-people")
    await window.until("document.querySelectorAll('[data-testid=person]').length === 3")
    await window.click("person")  # Sekda stands first
    await window.click("pin")
    await window.until(f"{large} === '{people[1].person}'")
    await panel.act("stage", layout="grid", spotlight=[])
    await asyncio.sleep(0.3)
    assert await window.evaluate(large) == people[1].person, "the pin holds"
    await window.click("bar-more")
    await window.click("layout-host")
    await page_of(window).keyboard.press("Escape")
    await window.until(f"{large} === ''")


async def test_a_host_who_joins_by_the_link_can_host(place: House, browser: Browser) -> None:
    """The room's own tablet opens the link: it passes no lobby, lets people in, calls the roll, spotlights, mutes and ends it for all."""
    meeting = await place.meeting(lobby=True, agenda=["Pembukaan"])
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    offered = await place.application.people.tokens.offer("Tablet", Role.HOST, [ROOM], "test")
    page = await context.new_page()
    await page.goto(f"{place.origin}/pair/{offered.code}")
    await page.get_by_test_id("pair-submit").click()
    await page.get_by_test_id("pair-done").wait_for()
    host = await chromium_window(browser, link(place, meeting), context=context)
    await host.join("Sekda", agency="Setda")
    await host.inside()
    assert await host.evaluate("document.querySelector('[data-testid=call]').dataset.role") == "host"
    guest = await place.page({"meeting": meeting.code})
    await guest.join(meeting=meeting.code, name="Kepala Bappeda", agency="bappeda")
    await host.until("document.querySelector('[data-testid=bar-host] b')?.textContent === '1'")
    await host.click("bar-host")
    await host.click("admit")
    await guest.until(lambda: guest.heard("seated"))
    await host.click("tab-roll")
    await host.click("roll-start")
    await guest.until(lambda: guest.state.roll is not None)
    await host.click("roll-next")
    await host.click("tab-stage")
    await host.click("stage-speaker")
    await guest.until(lambda: str(guest.state.stage.layout) == "speaker")
    await host.click("rule-chat")
    await guest.until(lambda: not guest.state.rules.chat)
    assert await violations(page_of(host)) == []
    await host.press_twice("end-all")
    await guest.until(lambda: guest.heard("ended"))
    await host.until("document.querySelector('[data-testid=notice]')?.dataset.kind === 'closed'")


async def test_a_pin_is_asked_and_its_errors_stand_at_its_field(place: House, browser: Browser) -> None:
    """Without and with a wrong PIN the field says so and keeps what else was typed; the right one leads in."""
    meeting = await place.meeting(pin="246810")
    window = await chromium_window(browser, link(place, meeting))
    await window.allow()
    await window.fill("name", "Camat A")
    await window.click("enter")
    await window.see("pin")
    await expect(page_of(window).locator("#pin-error")).to_have_text("Harus diisi.")
    await window.fill("pin", "111111")
    await window.click("enter")
    await expect(page_of(window).locator("#pin-error")).to_have_text("PIN salah")
    assert await window.evaluate("document.querySelector('[data-testid=name]').value") == "Camat A"
    await asyncio.sleep(1.1)  # wrong ones are slowed down
    await window.fill("pin", "246810")
    await window.click("enter")
    await window.inside()


@pytest.mark.parametrize("code", ["AAAAAAAAAAAAAAAAAAAAAA", "kurang"])
async def test_a_wrong_link_says_what_to_do(place: House, browser: Browser, code: str) -> None:
    """A guessed or cut link leads to words, not to a form."""
    window = await chromium_window(browser, f"{place.origin}/meet/{code}")
    await window.until("['gone', 'bad-link'].includes(document.querySelector('[data-testid=notice]')?.dataset.kind)")


async def test_the_join_button_takes_120_kilobytes_at_most(place: House, browser: Browser) -> None:
    """An empty cache, 400 kbit/s and 200 ms there and back: all that came over the wire before the button could be pressed, which is 2.4 s
    of such a line. A phone that saves data never fetches our typeface, a laptop does.
    """
    meeting = await place.meeting()
    weights = []
    for phone in (True, False):
        context = await browser.new_context(
            viewport={"width": 390 if phone else 1280, "height": 800}, is_mobile=phone, has_touch=phone
        )
        page = await context.new_page()
        wire = await context.new_cdp_session(page)
        came: list[float] = []
        wire.on("Network.loadingFinished", lambda said, came=came: came.append(said["encodedDataLength"]))
        await wire.send("Network.enable")
        await wire.send(
            "Network.emulateNetworkConditions",
            {"offline": False, "latency": 200, "downloadThroughput": 50_000, "uploadThroughput": 50_000},
        )
        await page.goto(link(place, meeting), wait_until="commit")
        await page.get_by_test_id("enter").wait_for()
        weights.append(sum(came))
        if phone:
            await Window(page.evaluate, page).until(
                "performance.getEntriesByType('resource').some((one) => one.name.includes('/call'))"
            )
            assert not await page.evaluate(
                "performance.getEntriesByType('resource').some((one) => one.name.includes('woff2'))"
            )
        else:
            await Window(page.evaluate, page).until("document.documentElement.dataset.face === 'own'")
        await context.close()
    assert all(0 < weight < 120_000 for weight in weights), weights
