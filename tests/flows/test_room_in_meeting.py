"""The room takes part in its meetings by a page of its own: the camera, microphone and loudspeakers of the room."""

from __future__ import annotations

import pytest
from playwright.async_api import async_playwright, expect

from smartroom.control.app import Media
from smartroom.control.conference.engine import Placement
from smartroom.protocol.conference import SeatRole
from smartroom.protocol.people import Role
from tests.guests import WATCH, Window, chromium_window, link
from tests.media.browsers import CHROMIUM, FLAGS
from tests.media.test_browsers import host_address
from tests.meetings import ROOM, house

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(90)]


async def test_the_room_takes_part_in_every_meeting(tmp_path: object) -> None:
    """One touch, then by itself: this meeting and the next, also after a reload, until it is told to stop."""
    media = Media(Placement((host_address(),)))
    async with house(tmp_path, media=media) as place, async_playwright() as playwright:  # type: ignore[arg-type]
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        offered = await place.application.people.tokens.offer("Kamera aula", Role.DISPLAY, [ROOM], "test")
        context = await browser.new_context(viewport={"width": 1280, "height": 800})
        await context.add_init_script(WATCH)
        page = await context.new_page()
        page.set_default_timeout(30_000)
        await page.goto(f"{place.origin}/meet/room/{ROOM}")
        assert "/meet/" not in page.url, "a stranger is nobody's camera"
        await page.goto(f"{place.origin}/pair/{offered.code}")
        await page.get_by_test_id("pair-submit").click()
        await page.get_by_test_id("pair-done").wait_for()
        await page.goto(f"{place.origin}/meet/room/{ROOM}")
        await page.get_by_test_id("turn-on").or_(page.get_by_test_id("mic")).first.wait_for()
        await page.get_by_test_id("attend").click()
        room = Window(page.evaluate, page)
        for turn in range(2):
            await expect(page.get_by_test_id("standby")).to_have_attribute("data-attends", "true")
            meeting = await place.meeting()
            guest = await chromium_window(browser, link(place, meeting))
            await guest.join("Kepala Bappeda")
            await room.inside()
            await guest.inside()
            await guest.sees_and_hears()
            await room.sees_and_hears()
            (seat,) = [one for one in place.session(meeting).people.values() if one.role is SeatRole.ROOM]
            assert (seat.name, seat.rank) == ("Ruang Uji", -1)
            if turn == 0:
                await page.reload()
                await room.inside()
                assert await room.evaluate("document.querySelector('[data-testid=call]').dataset.me") == seat.id
                await guest.sees_and_hears()
            await place.application.meetings.end(meeting.id)
        await page.get_by_test_id("attend-stop").click()
        await expect(page.get_by_test_id("standby")).to_have_attribute("data-attends", "false")
        await browser.close()
