"""The REST API over real HTTP: every route by every role, described, and nothing beside the table."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import aiohttp
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from smartroom.control.identity.actors import Actor
from smartroom.control.identity.rights import Action, may
from smartroom.control.web.api import public
from smartroom.control.web.keys import ROUTES
from smartroom.control.web.routes import Route, answer_call
from smartroom.protocol.people import ActorKind, Role
from tests.ceremonies import TEXT
from tests.control.web.house import PASSWORD, ROOM, Served, add, serve

PARTS = {
    "{room}": ROOM,
    "{scene}": "rapat",
    "{run}": "run-1",
    "{device}": "matrix",
    "{property}": "volume",
    "{action}": "drive",
    "{rundown}": "acara",
    "{do}": "go",
    "{name}": "nobody",
    "{id}": "none",
    "{picture}": "0" * 32,
    "{meeting}": "maaaaaaaaa",
    "{ceremony}": "a" * 26,
    "{template}": "peresmian",
    "{code}": "A" * 22,
    "{token}": "x" * 32,
    "{wall}": "kiri",
}
BODIES: dict[str, dict[str, object]] = {
    "SetBody": {"value": 1},
    "BlankBody": {"on": True},
    "NewUser": {"name": "baru", "password": "x", "role": "host"},  # too weak: asked after `may`
    "NewToken": {"name": "t", "role": "host", "rooms": [ROOM]},
    "NewPairing": {"name": "t", "rooms": [ROOM]},
    "SetUp": {"code": "x", "name": "baru", "password": PASSWORD},
    "Login": {"name": "x", "password": "x"},
    "Redeem": {"code": "x"},
    "ChangeText": {"text": TEXT.model_dump(mode="json"), "revision": 1},
    "Confirm": {"wish": "freeze", "digest": "0" * 64},
    "AskCode": {"signer": "x"},
    "SaveTemplate": {"name": "x", "text": TEXT.model_dump(mode="json")},
}
OPEN = {
    "GET /api/v1/me",
    "GET /api/v1/meet/{code}",
    *(f"{line.method} {line.path}" for line in public.TABLE),
    "POST /api/v1/setup",
    "POST /api/v1/login",
    "POST /api/v1/pairings/redeem",
}


def lines(served: Served) -> list[Route]:
    """The API's lines of the table."""
    return [line for line in served.server.app[ROUTES].values() if not line.page]


async def ask(http: aiohttp.ClientSession, line: Route) -> int:
    """Send the line's request; returns the status."""
    path = line.path
    for part, value in PARTS.items():
        path = path.replace(part, value)
    async with http.request(
        line.method, path, json=BODIES.get(line.body.__name__, {}) if line.method != "GET" else None
    ) as answer:
        return answer.status


async def patiently(http: aiohttp.ClientSession, line: Route) -> int:
    """As `ask`, at the pace that strangers are allowed."""
    while (status := await ask(http, line)) == 429:
        await asyncio.sleep(0.05)
    return status


@pytest.mark.parametrize("role", Role)
async def test_every_route_by_every_role(served: Served, role: Role) -> None:
    """A route answers 403 exactly when `may` denies its action to the role; nothing else about the request matters before."""
    token = await served.token(role)
    actor = Actor(ActorKind.TOKEN, "x", "x", role, frozenset({ROOM}))
    async with served.client(token) as http:
        for line in lines(served):
            if line.path.endswith("/logout"):
                continue
            status = await ask(http, line)
            own = line.path.endswith("/sessions")  # a list of one's own is everybody's
            filmed = "/tte/" in line.path and role in (Role.SIGNER, Role.DISPLAY)  # no secret is typed before cameras
            expected = not filmed and (may(actor, line.action) or own or f"{line.method} {line.path}" in OPEN)
            assert expected is (status != 403), (line.method, line.path, status)


async def test_a_stranger_gets_nothing(served: Served) -> None:
    """Without a credential every route but the entrances answers 401; a wrong token answers 401 everywhere."""
    async with served.client() as http, served.client("sr_wrong") as wrong:
        for line in lines(served):
            entrance = f"{line.method} {line.path}" in OPEN
            status = await patiently(http, line)
            if not entrance:
                assert status == 401, line.path
            assert await patiently(wrong, line) == 401, line.path


async def test_other_rooms_are_out_of_reach(served: Served) -> None:
    """A host of another room is refused, before being told whether the room exists."""
    async with served.client(await served.token(Role.HOST, "aula")) as http:
        for room in (ROOM, "tidak-ada"):
            async with http.post(f"/api/v1/rooms/{room}/blank", json={"on": True}) as answer:
                assert answer.status == 403
        async with http.get("/api/v1/rooms") as answer:
            assert await answer.json() == []
    assert served.desk.asked == []


async def test_a_route_outside_the_table_is_refused(tmp_path: Path) -> None:
    """A path somebody adds behind the table's back answers 404 and answers nothing else: deny is the default."""
    async with serve(tmp_path) as served:
        app = served.server.app
        assert all(route.handler is answer_call for route in app.router.routes())
        assert len(app[ROUTES]) == len(list(app.router.routes()))
        app[ROUTES].pop(("GET", "/api/v1/rooms"))  # as if somebody had added it to the router alone
        async with served.client(await served.token(Role.TECHNICIAN)) as http, http.get("/api/v1/rooms") as answer:
            assert answer.status == 404
            assert "table of routes" in await answer.text()


async def test_the_description_is_valid_and_complete(served: Served) -> None:
    """OpenAPI 3.1 by its own validator; every line of the table is in it, with a summary and the problem answer."""
    async with served.client(await served.token(Role.AUDITOR)) as http, http.get("/api/v1/openapi.json") as answer:
        document = json.loads(await answer.read())
    OpenAPIV31SpecValidator(document).validate()
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert described == {(line.method, line.path) for line in lines(served)}
    operations = [operation for methods in document["paths"].values() for operation in methods.values()]
    assert all(operation["summary"].endswith(".") for operation in operations)
    assert len(operations) == len({operation["operationId"] for operation in operations})
    assert all("application/problem+json" in operation["responses"]["default"]["content"] for operation in operations)


async def test_answers_have_the_described_shape(served: Served) -> None:
    """What the description calls the answer is what comes: checked by pydantic, strictly."""
    token = await served.token(Role.TECHNICIAN)
    async with served.client(token) as http:
        for line in lines(served):
            if line.method != "GET" or line.answer is None:
                continue
            path = line.path
            for part, value in PARTS.items():
                path = path.replace(part, value)
            async with http.get(path) as answer:
                if answer.status != 200:
                    continue
                found = await answer.json()
            for one in found if line.many else [found]:
                line.answer.model_validate(one)


async def test_apply_answers_at_once_or_waits(served: Served) -> None:
    """Without `wait` the answer is the run's id, with it the report; the same press id again is carried out once."""
    async with served.client(await served.token(Role.HOST)) as http:
        path = f"/api/v1/rooms/{ROOM}/scenes/rapat/apply"
        for _ in range(2):
            async with http.post(path, json={"id": "press-0001", "at": time.time()}) as answer:
                assert (await answer.json())["run"] == "run-press-0001"
        async with http.post(path + "?wait=true") as answer:
            assert (await answer.json())["run"]["result"] == "achieved"
    assert len(served.desk.asked) == 2


async def test_an_old_press_is_refused(served: Served) -> None:
    """A press made six seconds ago, or by a clock that runs ahead, answers 410 and moves nothing."""
    async with served.client(await served.token(Role.HOST)) as http:
        for age in (6, -6):
            async with http.post(f"/api/v1/rooms/{ROOM}/blank", json={"on": True, "at": time.time() - age}) as answer:
                assert answer.status == 410
                assert (await answer.json())["code"] == "expired"
    assert served.desk.asked == []


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b'{"on": true, "extra": 1}', "application/json", 400),
        (b'{"on": "true"}', "application/json", 400),
        (b"{", "application/json", 400),
        (b'{"on": NaN}', "application/json", 400),
        (b'{"on": true, "id": "' + b"x" * 70_000 + b'"}', "application/json", 413),
        (b"[" * 60_000, "application/json", 400),
        (b'{"on":' + b"[" * 40 + b"]" * 40 + b"}", "application/json", 400),
        (b"on=true", "application/x-www-form-urlencoded", 415),
        (b'{"on": true}', "text/plain", 415),
        (b"", "application/json", 400),
    ],
)
async def test_bad_bodies_are_named_problems(served: Served, body: bytes, kind: str, status: int) -> None:
    """Unknown fields, wrong types, broken or deep JSON, forms: a Problem that says what is wrong, and nothing happens."""
    path, headers = f"/api/v1/rooms/{ROOM}/blank", {"Content-Type": kind}
    async with (
        served.client(await served.token(Role.HOST)) as http,
        http.post(path, data=body, headers=headers) as answer,
    ):
        assert answer.status == status
        assert answer.content_type == "application/problem+json"
        assert (await answer.json())["code"] == "invalid"
    assert served.desk.asked == []


async def test_packed_bodies_are_refused_unread(served: Served) -> None:
    """Content-Encoding answers 415: no bomb is unpacked here."""
    async with served.client(await served.token(Role.HOST)) as http:
        headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
        async with http.post(f"/api/v1/rooms/{ROOM}/blank", data=b"\x1f\x8b" + bytes(1000), headers=headers) as answer:
            assert answer.status == 415


async def test_strange_paths_are_not_found(served: Served) -> None:
    """Ids of the path are checked like a body: no traversal, no control characters, no crash."""
    async with served.client(await served.token(Role.TECHNICIAN, "*")) as http:
        for room in ("..%2f..%2fetc", "%00", "Ruang", "x" * 200):
            async with http.get(f"/api/v1/rooms/{room}") as answer:
                assert answer.status == 404, room
        async with http.put(f"/api/v1/rooms/{ROOM}/devices/%0d%0a/properties/x", json={"value": 1}) as answer:
            assert answer.status == 400
        async with http.get("/assets/..%2f..%2f..%2f..%2fetc/passwd") as answer:
            assert answer.status == 404


async def test_deeds_are_in_the_trail(served: Served) -> None:
    """Who, what, to what, and how it ended: for what was done and for what was refused."""
    host, auditor = await served.token(Role.HOST), await served.token(Role.AUDITOR)
    async with served.client(host) as http:
        await (await http.post(f"/api/v1/rooms/{ROOM}/blank", json={"on": True})).read()
        await (await http.put(f"/api/v1/rooms/{ROOM}/devices/lamp/properties/power", json={"value": True})).read()
    async with served.client(auditor) as http:
        rows: list[dict[str, object]] = []
        while len(rows) < 2:
            async with http.get("/api/v1/audit") as answer:
                rows = await answer.json()
    assert (rows[0]["action"], rows[0]["outcome"], rows[0]["actor"]) == ("device.set", "forbidden", "host")
    assert ("blank", "accepted", f"{ROOM}/on") == (rows[1]["action"], rows[1]["outcome"], rows[1]["resource"])


async def test_too_many_requests_wait(served: Served) -> None:
    """Beyond the burst an actor answers 429 with Retry-After; another actor is served on."""
    one, two = await served.token(Role.HOST), await served.token(Role.HOST)
    async with served.client(one) as http:
        found = set()
        for _ in range(400):
            async with http.get("/api/v1/me") as answer:
                found.add((answer.status, answer.headers.get("Retry-After")))
        assert found == {(200, None), (429, "1")}
    async with served.client(two) as http, http.get("/api/v1/me") as answer:
        assert answer.status == 200


async def test_actions_say_who_may(served: Served) -> None:
    """A host turns the volume and drives a camera, and does not switch a relay; a technician does."""
    await add(served.people, Role.HOST)
    host, technician = await served.token(Role.HOST), await served.token(Role.TECHNICIAN)
    for token, expected in ((host, (200, 200, 403, 403)), (technician, (200, 200, 200, 200))):
        async with served.client(token) as http:
            path = f"/api/v1/rooms/{ROOM}/devices"
            found = []
            for request in (
                http.put(f"{path}/matrix/properties/mute", json={"value": True}),
                http.post(f"{path}/matrix/actions/drive", json={"arguments": {"pan": 1.0}}),
                http.put(f"{path}/lamp/properties/power", json={"value": True}),
                http.post(f"{path}/matrix/actions/store_preset", json={"arguments": {"number": 1}}),
            ):
                async with request as answer:
                    found.append(answer.status)
        assert expected == tuple(found)


async def test_me_names_what_may_be_done(served: Served) -> None:
    """A page asks once what to show: the actions of the role, and whether set-up is needed."""
    async with served.client(await served.token(Role.DISPLAY)) as http, http.get("/api/v1/me") as answer:
        found = await answer.json()
    assert {"enter", "me", "room.see", "meeting.attend", "ceremony.see"} == set(found["actions"])
    assert {str(action) for action in Action} >= set(found["actions"])
    assert found["set_up_needed"]
