"""Ways in: set-up, sign-in, pairing, over real HTTP with a browser's cookies."""

from __future__ import annotations

import ssl
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from smartroom.control.identity.authority import own
from smartroom.control.web.ports import Front
from smartroom.protocol.people import Role
from tests.control.web.house import PASSWORD, ROOM, Served, add, serve


async def sign_in(http: aiohttp.ClientSession, name: str, password: str = PASSWORD) -> int:
    """Sign in; returns the status."""
    async with http.post("/api/v1/login", json={"name": name, "password": password}) as answer:
        await answer.read()
        return answer.status


async def test_from_nothing_to_the_first_administrator(served: Served) -> None:
    """A new server sends browsers to /setup; the printed code makes the administrator, who is signed in at once."""
    code = served.people.open_setup()
    async with served.client() as http:
        async with http.get("/", allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/setup")
        async with http.post("/api/v1/setup", json={"code": code, "name": "kepala", "password": PASSWORD}) as answer:
            assert answer.status == 200
        async with http.get("/api/v1/me") as answer:
            me = await answer.json()
        assert (me["name"], me["role"], me["set_up_needed"]) == ("kepala", "admin", False)
    async with served.client() as http, http.get("/panel/ruang", allow_redirects=False) as answer:
        assert answer.headers["Location"] == "/login?next=/panel/ruang"


async def test_a_session_is_new_at_every_sign_in(served: Served) -> None:
    """A cookie planted before the sign-in is worth nothing after it; signing in again ends the first session."""
    await add(served.people, Role.HOST)
    async with served.client() as http:
        http.cookie_jar.update_cookies({"sid": "planted-by-somebody"}, URL(served.origin))
        assert await sign_in(http, "host") == 200
        first = next(cookie.value for cookie in http.cookie_jar if cookie.key == "sid")
        assert first != "planted-by-somebody"
        assert await sign_in(http, "host") == 200
        second = next(cookie.value for cookie in http.cookie_jar if cookie.key == "sid")
    assert first != second
    assert served.people.by_cookie(first) is None
    assert served.people.by_cookie(second) is not None


async def test_signing_out_ends_the_session_on_the_server(served: Served) -> None:
    """A cookie kept after signing out opens nothing."""
    await add(served.people, Role.HOST)
    async with served.client() as http:
        await sign_in(http, "host")
        kept = next(cookie.value for cookie in http.cookie_jar if cookie.key == "sid")
        async with http.post("/api/v1/logout") as answer:
            assert answer.status == 204
        assert not list(http.cookie_jar)
        http.cookie_jar.update_cookies({"sid": kept}, URL(served.origin))
        async with http.get("/api/v1/rooms") as answer:
            assert answer.status == 401


async def test_cookies_are_flagged(served: Served) -> None:
    """HttpOnly, SameSite=Strict, the whole path, no Domain; on plain loopback without Secure, or browsers drop it."""
    await add(served.people, Role.HOST)
    async with (
        served.client() as http,
        http.post("/api/v1/login", json={"name": "host", "password": PASSWORD}) as answer,
    ):
        cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("sid=")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert "Domain" not in cookie


async def test_over_https_the_cookie_is_bound_to_the_host(tmp_path: Path) -> None:
    """With TLS it is __Host-sid and Secure; the page's chain verifies with the root the server gives away at /trust."""
    made = own(tmp_path / "tls", ("localhost",))
    assert made.root is not None
    async with serve(tmp_path) as probe:
        port = probe.port
    front = Front("127.0.0.1", port, frozenset({f"https://localhost:{port}"}), "b", made.context(), made.root)
    async with serve(tmp_path, front=front) as served:
        await add(served.people, Role.HOST)
        trust = ssl.create_default_context(cafile=str(made.root))
        connector = aiohttp.TCPConnector(ssl=trust)
        origin = f"https://localhost:{port}"
        async with aiohttp.ClientSession(origin, connector=connector, headers={"Origin": origin}) as http:
            async with http.post("/api/v1/login", json={"name": "host", "password": PASSWORD}) as answer:
                cookie = answer.headers["Set-Cookie"]
            async with http.get("/trust/root.crt") as answer:
                assert made.root.read_bytes() == await answer.read()
            async with http.get("/trust") as answer:
                assert "SHA" not in await answer.text()
            async with http.get("/api/v1/me") as answer:
                assert (await answer.json())["name"] == "host"
        await connector.close()
    assert cookie.startswith("__Host-sid=")
    assert "Secure" in cookie


async def test_wrong_passwords_and_unknown_names_look_alike(served: Served) -> None:
    """The same status and the same words; after three the next try is 429 with Retry-After."""
    await add(served.people, Role.HOST)
    async with served.client() as http:
        answers = []
        for name in ("host", "tidak-ada"):
            async with http.post("/api/v1/login", json={"name": name, "password": "salah salah salah"}) as answer:
                answers.append((answer.status, await answer.text()))
        assert answers[0] == answers[1]
        assert answers[0][0] == 401
        for _ in range(2):
            await sign_in(http, "host", "salah salah salah")
        async with http.post("/api/v1/login", json={"name": "host", "password": PASSWORD}) as answer:
            assert answer.status == 429
            assert int(answer.headers["Retry-After"]) >= 1


async def test_a_tablet_is_paired_by_a_link_that_works_once(served: Served) -> None:
    """A technician makes the link, the tablet takes it and is the tablet; a second tablet gets 404; revoked, it is nobody."""
    async with (
        served.client(await served.token(Role.TECHNICIAN)) as http,
        http.post("/api/v1/pairings", json={"name": "tablet depan", "rooms": [ROOM]}) as answer,
    ):
        link = await answer.json()
    assert f"{served.origin}/pair/{link['code']}" == link["url"]
    async with served.client() as tablet:
        async with tablet.post("/api/v1/pairings/redeem", json={"code": link["code"]}) as answer:
            paired = await answer.json()
        assert (f"/panel/{ROOM}", None) == (paired["open"], paired["secret"])
        async with tablet.get("/api/v1/me") as answer:
            me = await answer.json()
        assert (me["kind"], me["name"], me["role"]) == ("device", "tablet depan", "host")
        async with (
            served.client() as second,
            second.post("/api/v1/pairings/redeem", json={"code": link["code"]}) as answer,
        ):
            assert answer.status == 404
        async with (
            served.client(await served.token(Role.ADMIN)) as http,
            http.delete(f"/api/v1/tokens/{paired['token']['id']}") as answer,
        ):
            assert answer.status == 204
        async with tablet.get("/api/v1/rooms") as answer:
            assert answer.status == 401


async def test_a_program_asks_for_the_secret(served: Served) -> None:
    """`deliver: token` gives the secret once, and it works as a bearer token."""
    offered = await served.people.tokens.offer("dinding", Role.DISPLAY, [ROOM], "k")
    async with (
        served.client(origin=False) as http,
        http.post("/api/v1/pairings/redeem", json={"code": offered.code, "deliver": "token"}) as answer,
    ):
        secret = (await answer.json())["secret"]
        assert "Set-Cookie" not in answer.headers
    async with served.client(secret, origin=False) as http, http.get("/api/v1/me") as answer:
        assert (await answer.json())["name"] == "dinding"


async def test_nobody_hands_on_what_they_have_not(served: Served) -> None:
    """A technician pairs no administrator and no room beyond their own; a host makes no link at all."""
    for role, body, status in (
        (Role.TECHNICIAN, {"name": "t", "rooms": ["aula"]}, 403),
        (Role.TECHNICIAN, {"name": "t", "rooms": ["*"]}, 403),
        (Role.TECHNICIAN, {"name": "t", "rooms": [ROOM], "role": "admin"}, 400),
        (Role.HOST, {"name": "t", "rooms": [ROOM]}, 403),
    ):
        async with served.client(await served.token(role)) as http, http.post("/api/v1/pairings", json=body) as answer:
            assert status == answer.status, (role, body)


async def test_an_administrator_rules_accounts(served: Served) -> None:
    """Add, list, change, remove; no answer ever carries a password."""
    async with served.client(await served.token(Role.ADMIN)) as http:
        body = {"name": "budi", "password": PASSWORD, "role": "host", "rooms": [ROOM]}
        async with http.post("/api/v1/users", json=body) as answer:
            assert answer.status == 201
        async with http.post("/api/v1/users", json=body) as answer:
            assert answer.status == 400
        async with http.patch("/api/v1/users/budi", json={"role": "operator"}) as answer:
            assert (await answer.json())["role"] == "operator"
        async with http.get("/api/v1/users") as answer:
            text = await answer.text()
        assert "budi" in text
        assert "argon2" not in text
        async with http.delete("/api/v1/users/budi") as answer:
            assert answer.status == 204
        async with http.delete("/api/v1/users/budi") as answer:
            assert answer.status == 404


async def test_everybody_sees_and_ends_their_own_sessions(served: Served) -> None:
    """A host sees one session, their own, and ends it; another's is out of reach."""
    await add(served.people, Role.HOST)
    await add(served.people, Role.OPERATOR)
    async with served.client() as host, served.client() as operator:
        await sign_in(host, "host")
        await sign_in(operator, "operator")
        async with host.get("/api/v1/sessions") as answer:
            mine = await answer.json()
        assert [(session["user"], session["own"]) for session in mine] == [("host", True)]
        async with operator.delete(f"/api/v1/sessions/{mine[0]['id']}") as answer:
            assert answer.status == 403
        async with host.delete(f"/api/v1/sessions/{mine[0]['id']}") as answer:
            assert answer.status == 204
        async with host.get("/api/v1/sessions") as answer:
            assert answer.status == 401


@pytest.mark.parametrize("path", ["/metrics"])
async def test_figures_are_for_this_machine_and_those_who_may(
    served: Served, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From loopback without a token; from elsewhere only for roles that may read the server's state."""
    async with served.client() as http, http.get(path) as answer:
        assert answer.status == 200
        text = await answer.text()
    assert 'smartroom_device_links{room="ruang",link="connecting"} 2' in text
    assert "smartroom_loop_lag_seconds" in text
    monkeypatch.setattr("smartroom.control.web.api.house._from_here", lambda _request: False)
    for role, status in ((None, 401), (Role.HOST, 403), (Role.TECHNICIAN, 200)):
        token = await served.token(role) if role else None
        async with served.client(token) as http, http.get(path) as answer:
            assert status == answer.status
