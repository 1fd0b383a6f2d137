"""The namespace /room, spoken by python-socketio's own client over real sockets."""

from __future__ import annotations

import asyncio
import json
import time

import aiohttp
import pytest
import socketio

from smartroom.control.identity.actors import Actor
from smartroom.control.identity.rights import Action, Resource, may
from smartroom.control.limits import PRESSES_AT_ONCE, PRESSES_BURST, SOCKETS_PER_SCREEN
from smartroom.control.web.room import PRESSES
from smartroom.protocol import PROTOCOL_VERSION
from smartroom.protocol.commands import Answer, Clock, Watching
from smartroom.protocol.people import ActorKind, ChangeUser, Role
from smartroom.protocol.state import Patch, RoomState
from tests.control.web.house import PASSWORD, ROOM, Page, Served, SmallStore, add

WORDS: dict[str, dict[str, object]] = {
    "apply": {"scene": "rapat"},
    "retry": {"scene": "rapat"},
    "record": {
        "scene": "sore",
        "name": {"id": "Sore"},
        "lines": [{"device": "matrix", "property": "volume", "value": 30}],
    },
    "cancel": {"run": "run-1"},
    "undo": {"run": "run-1"},
    "set": {"device": "matrix", "property": "volume", "value": 30},
    "act": {"device": "matrix", "action": "drive", "arguments": {"pan": 0.5}},
    "blank": {"on": True},
    "dismiss": {},
    "cue": {"rundown": "acara", "do": "go"},
}
ACTIONS = {
    "apply": Action.SCENE_APPLY,
    "retry": Action.SCENE_RETRY,
    "record": Action.SCENE_RECORD,
    "cancel": Action.SCENE_CANCEL,
    "undo": Action.UNDO,
    "set": Action.CONTROL_SET,
    "act": Action.CONTROL_ACT,
    "blank": Action.BLANK,
    "dismiss": Action.DISMISS,
    "cue": Action.RUNDOWN_RUN,
}


async def next_patch(page: Page) -> Patch:
    """The next patch a page gets."""
    async with asyncio.timeout(2):
        return Patch.model_validate(await page.patches.get())


@pytest.mark.parametrize("role", Role)
async def test_every_event_by_every_role(served: Served, role: Role) -> None:
    """A press is taken exactly when `may` allows its action to the role; so is watching."""
    assert set(WORDS) == set(PRESSES) == set(ACTIONS)
    actor = Actor(ActorKind.TOKEN, "x", "x", role, frozenset({ROOM}))
    async with served.page(await served.token(role)) as page:
        for event, words in WORDS.items():
            answer = Answer.model_validate(await page.press(event, **words))
            allowed = may(actor, ACTIONS[event], Resource(room=ROOM))
            assert allowed is (answer.ok is not None), event
            assert allowed or (answer.problem is not None and answer.problem.code == "forbidden"), event
        watched = await page.watch()
        assert may(actor, Action.ROOM_SEE, Resource(room=ROOM)) is ("snapshot" in watched)


async def test_an_unlisted_event_is_denied(served: Served) -> None:
    """What stands in no table is answered `forbidden`, for the strongest role as well."""
    async with served.page(await served.token(Role.TECHNICIAN, "*")) as page:
        for event in ("raw", "trigger_event", "run", "_connect", "shutdown", "Apply"):
            answer = Answer.model_validate(await page.press(event))
            assert answer.problem is not None
            assert answer.problem.code == "forbidden"
    assert served.desk.asked == []


async def test_other_rooms_are_out_of_reach(served: Served) -> None:
    """Neither watching nor pressing reaches a room that is not the actor's."""
    async with served.page(await served.token(Role.HOST, "aula")) as page:
        assert "problem" in await page.watch()
        answer = await page.press("blank", on=True)
        assert answer["ok"] is None
    assert served.desk.asked == []


async def test_watching_gives_a_snapshot_then_numbered_patches(served: Served) -> None:
    """The first answer names protocol and build and carries the state; every change follows in order, without a gap."""
    async with served.page(await served.token(Role.DISPLAY)) as page:
        watching = Watching.model_validate(await page.watch())
        assert (watching.protocol, watching.build) == (PROTOCOL_VERSION, "test-build")
        assert watching.snapshot is not None
        assert abs(watching.time - time.time()) < 1
        version = watching.snapshot.version
        for number in range(5):
            served.desk.store.change("timezone", value=str(number))
            patch = await next_patch(page)
            assert (patch.since or patch.version - 1) == version
            version = patch.version
        assert version == served.desk.store.version


async def test_changes_are_merged_to_ten_a_second(served: Served) -> None:
    """Two hundred changes in a moment reach a page in two patches at most; the last value of each place wins."""
    async with served.page(await served.token(Role.DISPLAY)) as page:
        await page.watch()
        served.desk.store.kept = 1000
        before = served.desk.store.version
        for number in range(200):
            served.desk.store.change("devices", "matrix", "properties", f"volume.{number % 4}", value=number)
        patches = [await next_patch(page)]
        while patches[-1].version < served.desk.store.version:
            patches.append(await next_patch(page))
    assert len(patches) <= 2
    assert (patches[0].since, patches[-1].version) == (before, before + 200)
    last = {change.path[-1]: change.value for patch in patches for change in patch.changes}
    assert last == {"volume.0": 196, "volume.1": 197, "volume.2": 198, "volume.3": 199}


async def test_a_busy_room_sends_ten_patches_a_second(served: Served) -> None:
    """Fifty changes within half a second become six patches at most, the first at once."""
    async with served.page(await served.token(Role.DISPLAY)) as page:
        await page.watch()
        began = time.monotonic()
        served.desk.store.change("timezone", value="first")
        await next_patch(page)
        assert time.monotonic() - began < 0.08
        for number in range(50):
            served.desk.store.change("timezone", value=str(number))
            await asyncio.sleep(0.01)
        took = time.monotonic() - began
        got = page.patches.qsize()
    assert got <= took / 0.1 + 1


async def test_a_page_too_far_behind_watches_again(served: Served) -> None:
    """More changes at once than are kept: the patch begins beyond the page's version; watching again gives a snapshot."""
    async with served.page(await served.token(Role.DISPLAY)) as page:
        start = Watching.model_validate(await page.watch()).snapshot
        assert start is not None
        for number in range(100):
            served.desk.store.change("timezone", value=str(number))
        gap = await next_patch(page)
        assert gap.since == gap.version == start.version + 100
        assert gap.changes == []
        again = Watching.model_validate(await page.watch(start.version))
        assert again.snapshot is not None
        served.desk.store.change("timezone", value="x")
        assert (await next_patch(page)).version == again.snapshot.version + 1


async def test_coming_back_gives_what_was_missed(served: Served) -> None:
    """`since N` gives the patches after N while they are kept, else a snapshot; an unknown N gives a snapshot."""
    token = await served.token(Role.DISPLAY)
    start = served.desk.store.version
    for number in range(3):
        served.desk.store.change("timezone", value=str(number))
    async with served.page(token) as page:
        missed = Watching.model_validate(await page.watch(start))
        assert missed.snapshot is None
        assert [(patch.since, patch.version) for patch in missed.patches] == [(start, start + 3)]
        nothing = Watching.model_validate(await page.watch(start + 3))
        assert (nothing.snapshot, nothing.patches) == (None, [])
        for number in range(100):
            served.desk.store.change("timezone", value=str(number))
        for unknown in (start, 10**12):
            again = Watching.model_validate(await page.watch(unknown))
            assert again.snapshot is not None
            assert again.snapshot.version == served.desk.store.version


async def test_a_page_of_another_protocol_is_told_to_reload(served: Served) -> None:
    """A stale page gets `stale`, not words it does not understand."""
    async with served.page(await served.token(Role.DISPLAY)) as page:
        answer = await page.say("watch", room=ROOM, since=None, protocol=PROTOCOL_VERSION + 1)
        problem = Answer.model_validate(answer).problem
        assert problem is not None
        assert problem.code == "stale"


async def test_a_late_press_is_refused(served: Served) -> None:
    """A press older than five seconds, or from a clock ahead, is answered `expired` and moves nothing."""
    async with served.page(await served.token(Role.HOST)) as page:
        for at in (time.time() - 5.5, time.time() + 5.5, 0.0, 1e18):
            problem = Answer.model_validate(await page.press("apply", scene="rapat", at=at)).problem
            assert problem is not None
            assert problem.code == "expired"
        assert Answer.model_validate(await page.press("apply", scene="rapat", at=time.time() - 4)).ok is not None
    assert len(served.desk.asked) == 1


async def test_a_double_press_changes_nothing(served: Served) -> None:
    """The same id again, from the same or another page, gets the same answer and is carried out once."""
    token = await served.token(Role.HOST)
    async with served.page(token) as one, served.page(token) as two:
        answers = [await page.press("apply", id="press-000001", scene="rapat") for page in (one, one, two)]
    assert answers[0] == answers[1] == answers[2]
    assert len(served.desk.asked) == 1


async def test_the_clock_is_told(served: Served) -> None:
    """`time` answers what was sent and the server's time, from which the page reckons its offset."""
    async with served.page(await served.token(Role.GUEST)) as page:
        answer = Clock.model_validate(await page.io.call("time", 12345.5, namespace="/room", timeout=2))
        assert answer.sent == 12345.5
        assert abs(answer.time - time.time()) < 1


@pytest.mark.parametrize(
    "words",
    [
        {},
        {"scene": "rapat"},
        {"id": "press-1", "at": "now", "room": ROOM, "scene": "rapat"},
        {"id": "x", "at": 1.0, "room": ROOM, "scene": "rapat"},
        {"id": "press-0001", "at": 1.0, "room": "../etc", "scene": "rapat"},
        {"id": "press-0001", "at": 1.0, "room": ROOM, "scene": "rapat", "admin": True},
        {"id": "press-0001", "at": 1.0, "room": ROOM, "scene": ["rapat"]},
    ],
)
async def test_misshaped_presses_are_answered(served: Served, words: dict[str, object]) -> None:
    """Missing, wrong, extra fields: `invalid` with the field's name; the page stays."""
    async with served.page(await served.token(Role.HOST)) as page:
        problem = Answer.model_validate(await page.say("apply", **words)).problem
        assert problem is not None
        assert problem.code == "invalid"
        assert problem.detail
        assert "snapshot" in await page.watch()


async def test_a_page_needs_a_credential(served: Served) -> None:
    """Nobody, a wrong token, a stale cookie: refused with a problem, and the connection is ended within seconds."""
    for token, cookie in ((None, None), ("sr_wrong", None), (None, "sid=stale")):
        with pytest.raises(socketio.exceptions.ConnectionError):
            async with served.page(token, cookie=cookie):
                pass
    assert served.server.rooms.pages == 0


async def test_a_cookie_is_heard_from_our_own_page_only(served: Served) -> None:
    """With our Origin the session's cookie is enough; without an Origin it is not, and a token is."""
    await add(served.people, Role.HOST)
    _, secret = await served.people.login("host", PASSWORD, "here")
    async with served.page(cookie=f"sid={secret}") as page:
        assert "snapshot" in await page.watch()
    with pytest.raises(socketio.exceptions.ConnectionError):
        async with served.page(cookie=f"sid={secret}", origin=None):
            pass
    async with served.page(await served.token(Role.HOST), origin=None) as page:
        assert "snapshot" in await page.watch()


async def test_an_ended_right_cuts_the_page_within_a_second(served: Served) -> None:
    """Signing out, a changed role, a revoked token: the page is gone within a second, and the press before that is refused."""
    await add(served.people, Role.HOST)
    await add(served.people, Role.OPERATOR)
    _, host = await served.people.login("host", PASSWORD, "here")
    _, operator = await served.people.login("operator", PASSWORD, "here")
    issued = await served.people.tokens.create("tv", Role.HOST, [ROOM], "k")
    async with (
        served.page(cookie=f"sid={host}") as one,
        served.page(cookie=f"sid={operator}") as two,
        served.page(issued.secret) as three,
    ):
        actor = served.people.by_cookie(host)
        assert actor is not None
        await served.people.sessions.end(actor.credential)
        await served.people.change_user("operator", ChangeUser(role=Role.DISPLAY))
        await served.people.tokens.revoke(issued.row.id)
        answer = Answer.model_validate(await three.press("blank", on=True))
        assert answer.problem is not None
        assert answer.problem.code == "unauthenticated"
        async with asyncio.timeout(1.0):
            await asyncio.gather(*(page.gone.wait() for page in (one, two, three)))
    assert served.desk.asked == []


async def test_a_room_opened_anew_calls_its_pages_back(served: Served) -> None:
    """When a room's store is replaced its pages are cut, come back and get a snapshot of the new history; other pages stay."""
    token = await served.token(Role.HOST)
    async with served.page(token) as one, served.page(token) as idle:
        await one.watch()
        served.desk.store = SmallStore(ROOM)
        async with asyncio.timeout(2):
            await one.gone.wait()
        assert not idle.gone.is_set()
    async with served.page(token) as again:
        assert Watching.model_validate(await again.watch(5)).snapshot is not None
        served.desk.store.change("timezone", value="x")
        await next_patch(again)


async def test_mute_and_blank_pass_a_page_full_of_presses(served: Served) -> None:
    """With every ordinary place taken and the rate used up, mute, blank and cancel are still taken at once."""
    served.desk.slow_s = 0.6
    async with served.page(await served.token(Role.HOST)) as page:
        slow = [
            asyncio.create_task(page.press("set", device="matrix", property=f"volume.{number}", value=1))
            for number in range(int(PRESSES_BURST) + 20)
        ]
        await asyncio.sleep(0.1)
        before = time.monotonic()
        for event, words in (
            ("set", {"device": "matrix", "property": "mute", "value": True}),
            ("blank", {"on": True}),
            ("cancel", {"run": "run-1"}),
        ):
            assert Answer.model_validate(await page.press(event, **words)).ok is not None
        assert time.monotonic() - before < 0.3
        answers = [Answer.model_validate(await task) for task in slow]
    codes = [answer.problem.code if answer.problem else "ok" for answer in answers]
    assert codes.count("ok") == PRESSES_AT_ONCE
    assert set(codes) == {"ok", "busy", "rate_limited"}


async def test_a_screen_opens_eight_pages(served: Served) -> None:
    """The ninth page of one paired screen is told that too many are open."""
    issued = await served.people.tokens.create("tablet", Role.HOST, [ROOM], "k", kind=ActorKind.DEVICE)
    pages = [served.page(issued.secret) for _ in range(SOCKETS_PER_SCREEN)]
    for page in pages:
        await page.__aenter__()
    with pytest.raises(socketio.exceptions.ConnectionError, match="namespaces failed"):
        async with served.page(issued.secret):
            pass
    for page in pages:
        await page.__aexit__(None, None, None)


async def test_only_the_websocket_is_spoken(served: Served) -> None:
    """Long polling answers 400: its bodies would need a second gate."""
    async with served.client(await served.token(Role.HOST)) as http:
        async with http.get("/socket.io/?EIO=4&transport=polling") as answer:
            assert answer.status == 400
        async with http.post("/socket.io/?EIO=4&transport=polling", data=b"40") as answer:
            assert answer.status == 405


async def test_the_heartbeat_lets_a_page_show_its_banner_in_time(served: Served) -> None:
    """Ping interval plus timeout, as told to the page, is below eight seconds."""
    token = await served.token(Role.HOST)
    async with (
        aiohttp.ClientSession(headers={"Origin": served.origin, "Authorization": f"Bearer {token}"}) as http,
        http.ws_connect(served.origin + "/socket.io/?EIO=4&transport=websocket") as socket,
    ):
        opened = (await socket.receive_str())[1:]
        told = json.loads(opened)
    assert told["pingInterval"] + told["pingTimeout"] < 8000
    assert told["upgrades"] == []


async def test_snapshots_are_whole(served: Served) -> None:
    """What a page gets is a RoomState, byte for byte as the protocol says."""
    async with served.page(await served.token(Role.HOST)) as page:
        found = await page.watch()
        assert RoomState.model_validate(found["snapshot"]).devices.keys() == {"matrix", "lamp"}
