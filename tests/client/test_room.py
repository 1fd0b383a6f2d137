"""The client against a real server with a real room: drivers, simulators, engine, records."""

from __future__ import annotations

import asyncio

import pytest

from smartroom.client import (
    Client,
    ClientError,
    DeviceTrouble,
    NotAllowed,
    NotFound,
    Overtaken,
    Refused,
    ServerGone,
    WrongRequest,
)
from smartroom.client.errors import refused
from smartroom.protocol.base import Text
from smartroom.protocol.errors import ErrorCode, Problem
from smartroom.protocol.people import Role
from smartroom.protocol.state import MemberState, RunResult, SceneLight
from tests.client.conftest import Hall
from tests.control.web.house import Served


async def test_a_program_recalls_a_scene(hall: Hall) -> None:
    """Rooms, plan, apply with its read-backs, and the run in the history."""
    (summary,) = await hall.client.rooms()
    assert summary.id == "hall"
    plan = await hall.remote.plan("meeting")
    assert plan.changes > 0
    report = await hall.remote.apply("meeting")
    assert RunResult.ACHIEVED is report.run.result
    assert report.readings["matrix"]["route.1"] == 1
    assert (await hall.remote.plan("meeting")).changes == 0
    async with asyncio.timeout(5):
        while not (runs := await hall.remote.runs()):
            await asyncio.sleep(0.02)  # the diary is written beside the run
    assert [report.run.id] == [run.id for run in runs]


async def test_a_run_can_be_started_watched_and_cancelled(hall: Hall) -> None:
    """Without waiting there is a run id at once; its report says what was cancelled, and what was reached stays."""
    hall.room.simulators["projector"].faults.update("warmup=5")
    accepted = await hall.remote.apply("meeting", wait=False)
    assert accepted.run is not None
    await hall.remote.until(lambda state: state.scenes["meeting"].light is SceneLight.SENDING)
    await hall.remote.cancel(accepted.run)
    report = await hall.remote.report(accepted.run)
    assert RunResult.CANCELLED is report.run.result
    assert MemberState.CANCELLED in {member.state for member in report.run.members.values()}
    again = await hall.remote.retry("meeting", wait=False)
    assert again.run is not None
    await hall.remote.cancel(again.run)


async def test_the_last_change_is_taken_back(hall: Hall) -> None:
    """`undo` puts back what was there, read back; another run than the one seen is refused."""
    await hall.remote.apply("meeting")
    await hall.remote.apply("slides")
    offered = (await hall.remote.until(lambda state: state.undo is not None)).undo
    assert offered is not None
    with pytest.raises(Refused):
        await hall.remote.undo("another")
    report = await hall.remote.undo(offered.run)
    assert report.readings["matrix"]["route.1"] == 1


async def test_setting_returns_the_read_back(hall: Hall) -> None:
    """`set` answers with the device's own value, `act` and `blank` reach the hardware."""
    assert await hall.remote.set("matrix", "route.2", 3) == 3
    assert hall.room.simulators["matrix"].snapshot()["route.2"] == 3
    await hall.remote.act("camera", "home")
    await hall.remote.blank(on=True)
    state = await hall.remote.until(lambda state: state.devices["matrix"].properties["blank.1"].value is True)
    assert state.devices["matrix"].properties["blank.1"].fresh


async def test_the_stream_shows_what_the_hardware_reports(hall: Hall) -> None:
    """A hand on the front panel reaches `watch`, in an order in which versions only grow."""
    versions: list[int] = []
    async with asyncio.timeout(10):
        async for state in hall.remote.watch():
            versions.append(state.version)
            if len(versions) == 1:
                hall.room.simulators["matrix"].front_panel("route.1", 4)
            if state.devices["matrix"].properties["route.1"].value == 4:
                break
    assert sorted(set(versions)) == versions


async def test_a_break_is_mended_with_what_was_missed(hall: Hall) -> None:
    """Cut in the middle, the stream comes back by `since` and has the newest state."""
    asked: list[int | None] = []
    feed = hall.served.server.rooms.feed
    original = feed.watch

    def noted(watcher: object, room: str, since: int | None) -> object:
        asked.append(since)
        return original(watcher, room, since)  # type: ignore[arg-type]

    feed.watch = noted  # type: ignore[method-assign,assignment]
    cut = False
    async with asyncio.timeout(10):
        async for state in hall.remote.watch():
            if not cut:
                cut = True
                for outbox in hall.served.server.sockets.outboxes.values():
                    assert outbox.link is not None
                    outbox.link.cut("test")
                hall.room.simulators["matrix"].front_panel("route.2", 2)
            elif state.devices["matrix"].properties["route.2"].value == 2:
                break
    assert len(asked) == 2
    assert asked[0] is None
    assert asked[1] is not None


async def test_a_revoked_token_ends_the_stream(served: Served) -> None:
    """When the right ends, the stream says so instead of trying for ever."""
    token = await served.token(Role.HOST)
    async with Client(served.origin, token) as client:
        states = client.room("ruang").watch()
        await anext(states)
        for row in list(served.people.tokens):
            await served.people.tokens.revoke(row.id)
        with pytest.raises(NotAllowed):
            await asyncio.wait_for(anext(states), 10)


async def test_a_slow_reader_gets_the_newest_state(served: Served) -> None:
    """Who sleeps between two states is not given every step that lay between."""
    async with Client(served.origin, await served.token(Role.HOST)) as client:
        seen: list[str] = []
        async with asyncio.timeout(10):
            async for state in client.room("ruang").watch():
                seen.append(state.timezone)
                if state.timezone == "29":
                    break
                if len(seen) == 1:
                    for number in range(30):
                        served.desk.store.change("timezone", value=str(number))
                        await asyncio.sleep(0.01)
        assert len(seen) < 10


async def test_many_streams_of_one_client(served: Served) -> None:
    """Streams are independent, and leaving the client ends them."""
    async with Client(served.origin, await served.token(Role.HOST)) as client:
        streams = [client.room("ruang").watch() for _ in range(5)]
        states = await asyncio.gather(*(anext(stream) for stream in streams))
        assert {served.desk.store.version} == {state.version for state in states}
    for stream in streams:
        await stream.aclose()


async def test_errors_say_what_to_do_next(hall: Hall) -> None:
    """Each kind of refusal is a class of its own, with the server's sentence."""
    with pytest.raises(NotFound) as missing:
        await hall.remote.plan("nowhere")
    assert missing.value.problem.text.id
    with pytest.raises(WrongRequest):
        await hall.remote.set("matrix", "volume.1", 900)
    with pytest.raises(NotAllowed):
        await hall.client.room("elsewhere").state()
    with pytest.raises(NotAllowed):
        await anext(hall.client.room("elsewhere").watch())
    async with Client(hall.served.origin, "sr_wrong") as stranger:
        with pytest.raises(NotAllowed):
            await stranger.rooms()
        with pytest.raises(NotAllowed):
            await anext(stranger.room("hall").watch())


async def test_hardware_that_is_away_is_the_devices_trouble(hall: Hall) -> None:
    """A device without power raises DeviceTrouble that names it."""
    hall.room.simulators["matrix"].power_cut(30)
    await hall.room.until(lambda: hall.room.device("matrix").link != "ready", 10)
    with pytest.raises(DeviceTrouble) as trouble:
        await hall.remote.set("matrix", "route.1", 2)
    assert trouble.value.problem.device == "matrix"


async def test_no_server_is_said_at_once_by_a_request_and_after_patience_by_a_stream() -> None:
    """Nobody at the address: ServerGone, from both."""
    async with Client("http://127.0.0.1:9", "sr_none") as client:
        with pytest.raises(ServerGone, match=r"127\.0\.0\.1:9"):
            await client.rooms()
        with pytest.raises(ServerGone):
            await anext(client.room("hall").watch(patience=0.3))


async def test_waiting_has_an_end(served: Served) -> None:
    """`until` gives up when it was told to."""
    async with Client(served.origin, await served.token(Role.HOST)) as client:
        with pytest.raises(TimeoutError):
            await client.room("ruang").until(lambda _state: False, timeout=0.2)


@pytest.mark.parametrize("code", ErrorCode)
def test_every_code_has_its_class(code: ErrorCode) -> None:
    """No code but a bug of the server's is left without a class of its own."""
    error = refused(Problem(code=code, text=Text(id="x", en="y")), 400)
    assert isinstance(error, ClientError)
    assert (code is ErrorCode.INTERNAL) is (type(error) is Refused)
    assert code is error.code
    assert Overtaken is type(refused(Problem(code=ErrorCode.EXPIRED, text=Text(id="x"))))
