"""A page that comes back: to its seat, its offers and what it missed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from smartroom.control.conference import links
from smartroom.protocol import conference as words
from tests.media.rtcclient import Client
from tests.meetings import House, house


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[House]:
    """A server with one room."""
    async with house(tmp_path) as running:
        yield running


async def test_a_page_that_was_loaded_anew_counts_its_offers_from_one(place: House) -> None:
    """The seat is the same, the page knows nothing of its past: its first offer is taken."""
    meeting = await place.meeting()
    guest = await place.guest(meeting)
    await guest.publish()
    await guest.io.disconnect()
    again = await place.page({"meeting": meeting.code})
    await again.join(meeting=meeting.code, name="Kepala Bappeda", seat=guest.secret)
    assert again.person == guest.person
    answer = await again.ask("pub.offer", words.PubAnswer, rev=1, sdp=Client().offer(video=1), sources={"0": "camera"})
    assert [track.mid for track in answer.tracks] == ["0"]


async def test_what_slots_show_is_told_again(place: House) -> None:
    """The line was cut while the media went on: whoever returns is told what stands in its slots and which layers are watched."""
    meeting = await place.meeting()
    one = await place.guest(meeting, "Kepala Bappeda", agency="bappeda")
    two = await place.guest(meeting, "Camat A", agency="camat-a")
    encoders = await one.publish()
    await two.receive()
    await one.talk(encoders, lambda: len(two.heard("assigned")) >= 2)
    before = {str(said["slot"]): said["track"] for said in two.heard("assigned")}
    await two.io.disconnect()
    again = await place.page({"meeting": meeting.code})
    await again.join(meeting=meeting.code, name="Camat A", seat=two.secret)
    await one.talk(encoders, lambda: {str(said["slot"]): said["track"] for said in again.heard("assigned")} == before)


async def test_new_addresses_are_a_new_path(place: House) -> None:
    """Sound alone was left of a path that died: who comes back with new addresses is shown everything again, and told so."""
    meeting = await place.meeting()
    guest = await place.guest(meeting)
    await guest.receive()
    live = place.application.meetings.live(meeting.id)
    assert live is not None
    ladder = live.lines._ladders[guest.person]
    for report in range(3):
        ladder.look(20_000, 0.9, 0.1, float(report))
    assert ladder.rung == links.THIN
    await guest.ask("sub.open", words.SubOffer, slots={}, restart=True)
    await guest.until(lambda: [said["rung"] for said in guest.heard("quality")][-1:] == [links.FULL])
