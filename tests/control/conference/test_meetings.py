"""Meetings over real sockets and a real media worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest
import socketio

from smartroom.control.conference import meetings as controlled
from smartroom.control.errors import ProblemError
from smartroom.control.limits import PIN_TRIES
from smartroom.protocol.conference import Done, MeetingPhase, SeatRole, Voice
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
    encoders = await one.publish()
    await two.receive()
    await one.talk(encoders, lambda: two.sub and len(two.sub.received) >= 2)
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


async def test_a_meeting_started_in_the_servers_first_moment_waits_for_those_still_to_come_back(
    place: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It opens as soon as they are back, and is refused in words when that takes too long."""
    meetings = place.application.meetings
    meeting = await place.meeting(started=False)
    meetings._restored.clear()
    starting = asyncio.create_task(meetings.start(meeting.id))
    await asyncio.sleep(0.05)
    assert not starting.done()
    meetings._restored.set()
    assert (await starting).phase is MeetingPhase.OPEN
    meetings._restored.clear()
    monkeypatch.setattr(controlled, "MEETING_RESTORE_S", 0.01)
    with pytest.raises(ProblemError, match="just starting"):
        await meetings.start(meeting.id)


async def test_the_lobby_is_opened_from_the_panel(place: House) -> None:
    """Who waits is seen by hosts only; the panel admits, and the guest is in."""
    meeting = await place.meeting(lobby=True)
    panel = await place.panel()
    guest = await place.guest(meeting, "Camat B", agency="camat-b")
    assert guest.waits
    await panel.until(lambda: guest.person in panel.backstage.lobby)
    with pytest.raises(Refused, match="forbidden"):
        await guest.act("admit", everybody=True)
    await panel.act("admit", group="camat")
    await guest.until(lambda: guest.heard("seated"))
    assert guest.me().role is SeatRole.PARTICIPANT
    await panel.until(lambda: not panel.backstage.lobby)


async def test_the_door_says_when_it_opens(place: House) -> None:
    """Who waits before a planned meeting is told, without asking, that it begins."""
    meeting = await place.meeting(started=False)
    guest = await place.page({"meeting": meeting.code})
    await place.application.meetings.start(meeting.id)
    await guest.until(lambda: guest.heard("door"))
    assert guest.heard("door")[-1]["phase"] == "open"


async def test_a_rehearsal_comes_back_over_the_media_path(place: House) -> None:
    """Before the meeting, even before it began: what is sent is received, and the path is measured."""
    meeting = await place.meeting(started=False)
    guest = await place.page({"meeting": meeting.code})
    encoders = await guest.publish(echo=True)
    await guest.receive(echo=True)
    await guest.talk(encoders, lambda: guest.sub and len(guest.sub.received) >= 2)
    await guest.talk(encoders, lambda: guest.heard("quality"))
    assert guest.heard("quality")[0]["echo"]
    await guest.ask("echo.end", Done)
    assert not [room for room in place.application.engine._rooms if room.startswith("echo-")]


async def test_a_lost_page_comes_back_to_its_seat(place: House) -> None:
    """A socket that drops costs nothing: same person, hand in its place; the media go on meanwhile."""
    meeting = await place.meeting()
    one, two = await place.guest(meeting, "Satu"), await place.guest(meeting, "Dua")
    await one.act("hand", up=True)
    await two.act("hand", up=True)
    await one.close()
    await two.until(lambda: not two.state.people[one.person].here)
    again = await place.page({"meeting": meeting.code})
    await again.join(meeting=meeting.code, name="lain", seat=one.secret)
    assert again.seated.resumed
    assert again.me().name == "Satu"
    assert [hand.person for hand in again.state.hands] == [one.person, two.person]


async def test_the_newer_of_two_windows_has_the_seat(place: House) -> None:
    """The same seat in a second window: the first is told and heard no more, nobody sees a second person."""
    meeting = await place.meeting()
    first = await place.guest(meeting)
    second = await place.page({"meeting": meeting.code})
    await second.join(meeting=meeting.code, name="x", seat=first.secret)
    await first.until(lambda: first.heard("ended"))
    assert first.heard("ended")[0]["why"] == "elsewhere"
    with pytest.raises(Refused, match="unauthenticated"):
        await first.act("hand", up=True)
    assert len(second.state.people) == 1
    await first.close()
    await second.act("hand", up=True)
    await second.until(lambda: second.state.hands)


async def test_a_dead_worker_costs_the_connections_only(place: House) -> None:
    """The worker is killed in mid-meeting: everybody is told to connect anew, and hears the others again under the same names."""
    meeting = await place.meeting()
    one, two = await place.guest(meeting, "Satu"), await place.guest(meeting, "Dua")
    encoders = await one.publish(camera=False)
    await two.receive()
    await one.talk(encoders, lambda: two.sub and two.sub.received)
    before = dict(two.state.people[one.person].tracks)
    place.application.engine.process_of(meeting.id).kill()
    await two.until(lambda: two.heard("remake") and one.heard("remake"), 15)
    encoders = await one.publish(camera=False)
    await two.receive()
    await one.talk(encoders, lambda: two.sub and two.sub.received)
    assert two.state.people[one.person].tracks == before


async def test_a_pin_is_asked_for_and_guessing_closes_it(place: House) -> None:
    """Right: in. Wrong: refused, slower and slower. After twenty from anywhere nobody's is heard, and the host lets people in; the
    host himself never types one, and who is inside notices nothing.
    """
    meeting = await place.meeting(pin="123456")
    with pytest.raises(Refused, match="unauthenticated"):
        await place.guest(meeting)
    inside = await place.guest(meeting, "Dalam", pin="123456")
    panel = await place.panel()
    guesser = await place.page({"meeting": meeting.code})
    codes = []
    for number in range(8):
        with pytest.raises(Refused) as refused:
            await guesser.join(meeting=meeting.code, name="Tebak", pin=f"{number:06}")
        codes.append(refused.value.code)
    assert codes[:3] == ["unauthenticated"] * 3
    assert set(codes[4:]) == {"rate_limited"}
    session = place.session(meeting)
    for _ in range(PIN_TRIES):
        session.wrong_pin()
    late = await place.guest(meeting, "Benar tapi terlambat", pin="123456")
    assert late.waits
    await panel.until(lambda: late.person in panel.backstage.lobby)
    assert panel.backstage.lobby[late.person].without_pin
    host = await place.page({"token": place.token})
    await host.join(meeting=meeting.code, name="Sekda")
    assert host.seated.role is SeatRole.HOST
    await inside.act("hand", up=True)


@pytest.mark.parametrize("code", ["", "x", "A" * 22, "../../etc/passwd", "ü" * 22, "0" * 400])
async def test_a_guessed_link_opens_nothing(place: House, code: str) -> None:
    """Unknown codes of whatever form are refused by HTTP and by socket, before anything else is asked."""
    await place.meeting()
    async with place.http("") as stranger, stranger.get("/api/v1/meet/" + quote(code, safe="")) as answer:
        assert answer.status == 404
    with pytest.raises(socketio.exceptions.ConnectionError):
        await place.page({"meeting": code})


async def test_the_link_is_a_picture(place: House) -> None:
    """Hosts get the link as a QR code they can print; strangers do not."""
    meeting = await place.meeting(started=False)
    path = f"/api/v1/rooms/hall/meetings/{meeting.id}/qr.svg"
    async with place.http() as http, http.get(path) as answer:
        assert answer.status == 200
        assert answer.content_type == "image/svg+xml"
        assert "viewBox" in await answer.text()
    async with place.http("") as stranger, stranger.get(path) as answer:
        assert answer.status == 401
