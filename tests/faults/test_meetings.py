"""Meetings under a crowd, in a hurry, and when something dies."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from smartroom.control.limits import CHAT_BURST, OVERRUN_WARN_S
from smartroom.protocol.base import Message
from smartroom.protocol.conference import ChatLines, MeetingPhase, RollOutcome, Voice
from tests.meetings import ROOM_FILE, House, Refused, house
from tests.rooms import simulate


class Anything(Message):
    """An answer that is not looked at."""

    model_config = Message.model_config | {"extra": "ignore"}


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[House]:
    """A server with one room."""
    async with house(tmp_path) as running:
        yield running


async def test_seventy_two_join_at_once(place: House) -> None:
    """Everybody is in, everybody sees everybody, and the room's own controls answer meanwhile, again and again."""
    meeting = await place.meeting()
    answered = 0

    async def tap() -> None:
        nonlocal answered
        async with place.http() as http:
            while True:
                async with http.get("/api/v1/rooms/hall") as answer:
                    assert answer.status == 200
                answered += 1
                await asyncio.sleep(0.05)

    tapping = asyncio.create_task(tap())
    guests = await asyncio.gather(*(place.guest(meeting, f"Camat {number}") for number in range(72)))
    for guest in guests:
        await guest.until(lambda: len(guest.state.people) == 72, 60)  # noqa: B023  # awaited before the next
    tapping.cancel()
    assert len({guest.person for guest in guests}) == 72
    assert answered > 0, "how fast is [meet-25]'s to say"


async def test_two_hundred_wait_in_the_lobby(place: House) -> None:
    """The host sees all of them in order of arrival and lets a group in at one tap."""
    meeting = await place.meeting(lobby=True)
    panel = await place.panel()
    groups = ("camat-a", "bappeda")
    guests = []
    for tens in range(20):
        guests += await asyncio.gather(
            *(place.guest(meeting, f"Tamu {tens}-{n}", agency=groups[n % 2]) for n in range(10))
        )
    await panel.until(lambda: len(panel.backstage.lobby) == 200, 60)
    await panel.act("admit", people=[guest.person for guest in guests[:60]])
    await guests[59].until(lambda: not guests[59].waits, 60)
    await panel.until(lambda: len(panel.backstage.lobby) == 140, 60)
    assert len(panel.state.people) == 60


async def test_a_flood_of_chat_is_slowed_down(place: House) -> None:
    """A handful at once, then one in two seconds; others still write, and who comes late reads what was kept."""
    meeting = await place.meeting()
    loud, calm = await place.guest(meeting, "Ramai"), await place.guest(meeting, "Tenang")

    async def flood() -> int:
        for number in range(50):
            try:
                await loud.act("say", text=f"pesan {number}")
            except Refused as refused:
                assert refused.code == "rate_limited"  # noqa: PT017  # how many went through is the claim
                return number
        return 50

    said = await flood()
    assert said <= CHAT_BURST + 2
    await calm.act("say", text="  tertib\n\u202e ")
    late = await place.guest(meeting, "Terlambat")
    found = await late.ask("chat.read", ChatLines, before=None)
    assert [line.text for line in found.lines][-2:] == [f"pesan {said - 1}", "tertib"]
    assert late.seated.chat == said + 1


async def test_the_worker_dies_in_the_roll_call(place: House) -> None:
    """Nothing of the roll is lost: the called answer by hand or word, the next is called, and hears the meeting again."""
    meeting = await place.meeting()
    panel = await place.panel()
    setda = await place.guest(meeting, "Sekda", agency="setda")
    bappeda = await place.guest(meeting, "Kepala Bappeda", agency="bappeda")
    encoders = await bappeda.publish(camera=False)
    await setda.receive()
    await panel.act("roll-start", agencies=["setda", "bappeda"])
    await setda.act("here")
    place.application.engine.process_of(meeting.id).kill()
    await panel.act("roll-call")
    await bappeda.until(lambda: bappeda.heard("remake"), 20)
    encoders = await bappeda.publish(camera=False)
    await setda.receive()
    await bappeda.talk(encoders, lambda: setda.sub and setda.sub.received)
    await bappeda.act("here")
    await panel.act("roll-call")
    await panel.until(lambda: panel.state.roll is not None and panel.state.roll.ended is not None)
    assert panel.state.roll is not None
    assert [entry.outcome for entry in panel.state.roll.entries] == [RollOutcome.PRESENT] * 2
    assert panel.state.people[bappeda.person].voice is Voice.ON


async def test_the_hosts_tablet_is_lost_and_returns(place: House) -> None:
    """The meeting goes on without it; the tablet that returns hosts at once, and knows what happened."""
    meeting = await place.meeting(lobby=True)
    panel = await place.panel()
    await panel.close()
    guest = await place.guest(meeting, "Camat A")
    again = await place.panel()
    assert guest.person in again.backstage.lobby
    await again.act("admit", everybody=True)
    await guest.until(lambda: not guest.waits)


async def test_one_meeting_after_the_other(place: House) -> None:
    """The next is near: everybody is warned. Handed over: guests, chat and lobby of the first are gone, the second begins empty under its
    own link, and nobody of the first slips in.
    """
    first = await place.meeting(title="Rapat HUT Kota")
    second = await place.meeting(
        started=False, title="Rapat Baznas", starts=time.time() + OVERRUN_WARN_S - 20, lobby=True
    )
    panel = await place.panel()
    guest = await place.guest(first, "Camat A")
    await guest.act("say", text="rahasia rapat pertama")
    await guest.until(lambda: guest.state.overrun is not None)
    assert guest.state.overrun is not None
    assert guest.state.overrun.next_title == "Rapat Baznas"
    async with place.http() as http, http.post(f"/api/v1/rooms/hall/meetings/{second.id}/start") as answer:
        assert answer.status == 409
    await panel.act("hand-over", next=second.id)
    await guest.until(lambda: guest.heard("ended"))
    await panel.until(lambda: panel.heard("ended"))
    meetings = place.application.meetings
    assert [meetings.row(m.id).phase for m in (first, second)] == [MeetingPhase.ENDED, MeetingPhase.OPEN]
    with pytest.raises(Refused, match="expired"):
        await (await place.page({"token": place.token})).join(meeting=first.code, name="x", seat=guest.secret)
    slipped = await place.page({"meeting": second.code})
    await slipped.join(meeting=second.code, name="Camat A", seat=guest.secret)
    assert slipped.waits
    host = await place.page({"token": place.token})
    await host.join(meeting=second.code, name="Sekda")
    assert (await host.ask("chat.read", ChatLines, before=None)).lines == []


async def test_calling_an_agency_turns_the_camera_to_its_seat(tmp_path: Path) -> None:
    """room.yaml says which preset sees which seat: the real driver recalls it, by hand as far as scenes are concerned."""
    presets = {"wide": {"number": 0}, "left": {"number": 3, "pan": 40, "tilt": 10, "zoom": 256}}
    room = (
        ROOM_FILE.replace("devices: {matrix", 'devices: {camera: {driver: visca, at: "udp://127.0.0.1:9", presets: '
        "{wide: {number: 0, pan: 0, tilt: 0, zoom: 0}, left: {number: 3, pan: 40, tilt: 10, zoom: 256}}}, matrix")
        + "meetings: {seats: {bappeda: {camera: camera, preset: left}}}\n"
    )  # fmt: skip
    async with (
        simulate({"camera": ("visca", {"presets": presets})}) as (_, addresses),
        house(tmp_path, room=room, addresses=addresses) as place,
    ):
        await place.meeting()
        panel = await place.panel()
        store = place.application.desks["hall"].store
        async with asyncio.timeout(30):
            while str(store.state.devices["camera"].link) != "ready":
                await asyncio.sleep(0.02)
        await panel.act("roll-start", agencies=["bappeda"])
        async with asyncio.timeout(30):
            while (found := store.state.devices["camera"].properties.get("preset")) is None or found.value != 3:
                await asyncio.sleep(0.02)
