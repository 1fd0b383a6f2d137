"""Meetings over real sockets and a real media worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from smartroom.protocol.conference import MeetingPhase, SeatRole, Voice
from tests.meetings import House, Refused, house


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[House]:
    """A server with one room."""
    async with house(tmp_path) as running:
        yield running


async def test_two_guests_see_and_hear_each_other(place: House) -> None:
    """Created by REST, joined by the link, negotiated, left: packets of one arrive at the other."""
    meeting = await place.meeting()
    one = await place.guest(meeting, "Kepala Bappeda", agency="bappeda")
    two = await place.guest(meeting, "Camat A", agency="camat-a")
    microphone, camera = await one.publish()
    await two.receive()
    async with asyncio.timeout(10):
        while not (two.sub and len(two.sub.received) >= 2):
            microphone.voice()
            camera.frame()
            await asyncio.sleep(0.02)
    await two.until(lambda: two.heard("assigned"))
    await two.until(lambda: two.state.people[one.person].voice is Voice.ON)
    assert [person.name for person in two.state.people.values()] == ["Kepala Bappeda", "Camat A"]
    await one.act("quit")
    await two.until(lambda: one.person not in two.state.people)
    assert one.heard("ended")[0]["why"] == "left"


async def test_a_link_waits_until_the_meeting_begins(place: House) -> None:
    """Planned: the door says when; joining is refused with the reason. Started: the same link leads in. Ended: it leads nowhere."""
    meeting = await place.meeting(started=False)
    with pytest.raises(Refused, match="blocked"):
        await place.guest(meeting)
    async with place.http("") as stranger:
        async with stranger.get(f"/api/v1/meet/{meeting.code}") as answer:
            door = await answer.json()
        assert (door["phase"], door["title"]) == ("planned", "Rapat HUT Kota")
        assert [agency["short"] for agency in door["agencies"]][:2] == ["Setda", "Bappeda"]
    async with place.http() as http:
        await http.post(f"/api/v1/rooms/hall/meetings/{meeting.id}/start")
        guest = await place.guest(meeting)
        assert guest.state.phase is MeetingPhase.OPEN
        await http.post(f"/api/v1/rooms/hall/meetings/{meeting.id}/end")
    await guest.until(lambda: guest.heard("ended"))
    assert guest.heard("ended")[0]["why"] == "closed"
    async with place.http("") as stranger, stranger.get(f"/api/v1/meet/{meeting.code}") as answer:
        assert answer.status == 410


async def test_the_lobby_is_opened_from_the_panel(place: House) -> None:
    """Who waits is seen by hosts only; the panel admits, and the guest is in."""
    meeting = await place.meeting(lobby=True)
    panel = await place.panel()
    guest = await place.guest(meeting, "Camat B", agency="camat-b")
    assert guest.joined is not None
    assert guest.joined.waiting is not None
    await panel.until(lambda: guest.person in panel.backstage.lobby)
    with pytest.raises(Refused, match="forbidden"):
        await guest.act("admit", everybody=True)
    await panel.act("admit", group="camat")
    await guest.until(lambda: guest.heard("seated"))
    assert guest.me().role is SeatRole.PARTICIPANT
    await panel.until(lambda: not panel.backstage.lobby)
