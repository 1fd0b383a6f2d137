"""WHIP and WHEP over HTTP: every status of the specification, and media behind it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from smartroom.control.conference import whip as pure
from smartroom.control.conference.engine import EmbeddedEngine, Placement
from smartroom.control.web import whip
from tests.media.rtcclient import Client, Publisher

SDP = {"Authorization": "Bearer let-me-in", "Content-Type": "application/sdp"}
FRAGMENT = {"Authorization": "Bearer let-me-in", "Content-Type": "application/trickle-ice-sdpfrag"}


class Http(NamedTuple):
    """A session and the server's URL."""

    http: aiohttp.ClientSession
    url: str

    def request(
        self, method: str, path: str, headers: dict[str, str], body: str = ""
    ) -> aiohttp.client._RequestContextManager:
        """One request."""
        return self.http.request(method, self.url + path, headers=headers, data=body)


@asynccontextmanager
async def serving(engine: EmbeddedEngine) -> AsyncIterator[Http]:
    """The routes before this engine."""
    app = web.Application()
    servers = (pure.IceServer("turn:turn.example:3478?transport=udp", "user", "secret"),)
    whip.mount(app, engine, lambda token, _: token == "let-me-in", lambda _: servers)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
    async with aiohttp.ClientSession() as http:
        yield Http(http, f"http://127.0.0.1:{port}")
    await runner.cleanup()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[Http]:
    """One worker behind the routes."""
    async with EmbeddedEngine(1, Placement()) as engine, serving(engine) as http:
        yield http


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rate limit is tested on its own."""
    monkeypatch.setattr(pure, "BURST", 1000.0)
    monkeypatch.setattr(pure, "REQUESTS_PER_SECOND", 1e6)


async def test_an_encoder_publishes_and_a_player_watches(server: Http) -> None:
    """201 with Location, ETag, Link and a complete answer; packets arrive; DELETE ends both."""
    encoder, player = Client(), Client()
    async with server.request("POST", "/whip/hall/camera", SDP, encoder.offer()) as response:
        assert response.status == 201
        assert response.headers["Content-Type"] == "application/sdp", "some encoders compare it whole"
        assert response.headers["ETag"].startswith('"')
        assert (
            'rel="ice-server"; username="user"; credential="secret"; credential-type="password"'
            in response.headers["Link"]
        )
        assert "Location" in response.headers["Access-Control-Expose-Headers"]
        publishing = response.headers["Location"]
        answer = await response.text()
    assert "a=recvonly" in answer
    assert "a=candidate" in answer
    assert len(publishing.rsplit("/", 1)[1]) >= 22
    await encoder.connect(answer)
    publisher = Publisher(encoder)
    encoder.on_rtcp = publisher.hear
    publisher.frame()
    async with server.request("POST", "/whep/hall/camera", SDP, player.offer(direction="recvonly")) as response:
        assert response.status == 201
        watching = response.headers["Location"]
        answer = await response.text()
    assert "a=sendonly" in answer
    await player.connect(answer)
    for _ in range(40):
        publisher.frame()
        await asyncio.sleep(0.01)
    assert player.total() > 60
    for session in (watching, publishing):
        async with server.request("DELETE", session, SDP | {"If-Match": '"other"'}) as response:
            assert response.status == 200
        async with server.request("DELETE", session, SDP) as response:
            assert response.status == 404
    await encoder.close()
    await player.close()


async def test_trickle_and_restart(server: Http) -> None:
    """PATCH: 204 for candidates, 412 for a stale ETag, 200 with a new ETag for a restart, and the restart works."""
    encoder = Client()
    async with server.request("POST", "/whip/hall/restart", SDP, encoder.offer()) as response:
        session, etag, answer = response.headers["Location"], response.headers["ETag"], await response.text()
    await encoder.connect(answer)
    candidate = "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 udp 1 10.0.0.1 9 typ host\r\n"
    trickle = candidate % (encoder.ufrag, encoder.password)
    for headers, status in (({}, 204), ({"If-Match": etag}, 204), ({"If-Match": '"stale"'}, 412)):
        async with server.request("PATCH", session, FRAGMENT | headers, trickle) as response:
            assert response.status == status
            assert "ETag" not in response.headers
    for match, restart in (("*", candidate % ("fresh", "p" * 24)), ('"*"', candidate % ("again", "q" * 24))):
        async with server.request("PATCH", session, FRAGMENT | {"If-Match": match}, restart) as response:
            assert response.status == 200
            assert response.content_type == FRAGMENT["Content-Type"]
            assert response.headers["ETag"] not in (etag, "")
            fragment = await response.text()
        assert "a=ice-lite" in fragment
        assert "a=candidate" in fragment
        encoder.follow(*pure.read_fragment(fragment))
        await asyncio.wait_for(encoder.validated.wait(), 2)
    async with server.request("PATCH", session, FRAGMENT | {"If-Match": etag}, trickle) as response:
        assert response.status == 412
    for headers, body, status in (
        (SDP, trickle, 415),
        (FRAGMENT, "not a fragment", 400),
        (FRAGMENT | {"If-Match": "*"}, "a=end-of-candidates", 400),
        (FRAGMENT | {"Authorization": "Bearer wrong"}, trickle, 401),
    ):
        async with server.request("PATCH", session, headers, body) as response:
            assert response.status == status
    await encoder.close()


def without(offer: str, *starts: str) -> str:
    """An offer without the lines that begin so."""
    return "".join(line for line in offer.splitlines(keepends=True) if not line.startswith(starts))


async def test_what_cannot_be_taken_is_refused_as_specified(server: Http) -> None:
    """401, 400, 409, 413, 415, 422: each with its header and a problem document."""
    offer = Client().offer()
    both = Client().offer(audio=1)
    unacceptable = [
        Client().offer(video=2),
        Client().offer(audio=2),
        both.replace("a=mid:0", "a=msid:one a\r\na=mid:0").replace("a=mid:1", "a=msid:two b\r\na=mid:1"),
        without(both, "a=group:BUNDLE"),
        without(offer, "a=rtcp-mux"),
        without(offer, "a=fingerprint"),
        without(offer, "a=ice-"),
        offer.replace("a=setup:actpass", "a=setup:holdconn"),
        offer.replace("VP8", "H261"),
        Client().offer(direction="recvonly"),
    ]
    cases = [
        ("/whip/hall/x", {"Content-Type": "application/sdp"}, offer, 401),
        ("/whip/hall/x", SDP | {"Authorization": "Bearer wrong"}, offer, 401),
        ("/whip/hall/x", SDP | {"Content-Type": "text/plain"}, offer, 415),
        ("/whip/hall/x", SDP, "hello", 400),
        ("/whip/hall/x", SDP, "v=0\r\n", 400),
        *(("/whip/hall/x", SDP, text, 422) for text in unacceptable),
        ("/whep/hall/x", SDP | {"Authorization": ""}, Client().offer(direction="recvonly"), 401),
        ("/whip/hall/x", SDP, offer + "x" * (1 << 17), 413),
        ("/whep/hall/nobody", SDP, Client().offer(direction="recvonly"), 409),
        ("/whep/empty/speaker", SDP, Client().offer(direction="recvonly"), 409),
    ]
    for path, headers, body, status in cases:
        async with server.request("POST", path, headers, body) as response:
            assert response.status == status, (path, body)
            assert response.content_type == "application/problem+json"
            assert (await response.json(content_type=None))["detail"]
            if status == 401:
                assert response.headers["WWW-Authenticate"] == "Bearer"
            if status == 409:
                assert "Retry-After" in response.headers


async def test_preflights_tell_what_may_be_sent(server: Http) -> None:
    """OPTIONS names methods and types and no ICE servers; HEAD and GET carry nothing."""
    for path in ("/whip/hall/x", "/whip/sessions/x", "/whep/hall/x", "/whep/sessions/x"):
        async with server.request("OPTIONS", path, {}) as response:
            assert response.status == 204
            assert response.headers["Accept-Post"] == "application/sdp"
            assert response.headers["Accept-Patch"] == "application/trickle-ice-sdpfrag"
            assert response.headers["Access-Control-Allow-Origin"] == "*"
            assert {"PATCH", "DELETE", "POST"} <= set(response.headers["Access-Control-Allow-Methods"].split(", "))
            assert {"Authorization", "Content-Type", "If-Match"} == set(
                response.headers["Access-Control-Allow-Headers"].split(", ")
            )
            assert "Link" not in response.headers
        async with server.request("GET", path, {}) as response:
            assert response.status == 204
            assert not await response.read()
    async with server.request("HEAD", "/whep/hall/x", {}) as response:
        assert response.status == 200
        assert response.headers["Content-Type"].startswith("application/sdp")
    async with server.request("PUT", "/whip/hall/x", SDP) as response:
        assert response.status == 405


async def test_a_caller_that_hurries_is_slowed(server: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the burst the answer is 429, for whatever is asked."""
    encoder = Client()
    async with server.request("POST", "/whip/hall/hurry", SDP, encoder.offer()) as response:
        session = response.headers["Location"]
    monkeypatch.setattr(pure, "BURST", 3.0)
    monkeypatch.setattr(pure, "REQUESTS_PER_SECOND", 0.1)
    statuses = []
    for method, path in [("POST", "/whip/hall/x")] * 5 + [("PATCH", session), ("DELETE", session)]:
        async with server.request(method, path, SDP | {"Content-Type": "text/plain"}, "x") as response:
            statuses.append(response.status)
    assert statuses[-3:] == [429, 429, 429]
    assert response.headers["Retry-After"]


@pytest.mark.parametrize("show", ["camera", "camera.1", "speaker"])
async def test_a_player_names_a_participant_a_track_or_the_speaker(server: Http, show: str) -> None:
    """Each kind of name leads to the picture; an encoder that offers to send and receive is told to send."""
    encoder, player = Client(), Client()
    offer = encoder.offer(audio=1, direction="sendrecv")
    async with server.request("POST", f"/whip/{show}/camera", SDP, offer) as response:
        assert response.status == 201
        answer = await response.text()
    assert answer.count("a=recvonly") == 2
    await encoder.connect(answer)
    publisher = Publisher(encoder, ssrc=1001, mid="1")
    encoder.on_rtcp = publisher.hear
    publisher.frame()
    async with server.request("POST", f"/whep/{show}/{show}", SDP, player.offer(direction="recvonly")) as response:
        assert response.status == 201, await response.text()
        assert response.headers["ETag"]
        assert response.headers["Link"]
        await player.connect(await response.text())
    for _ in range(30):
        publisher.frame()
        await asyncio.sleep(0.01)
    assert player.total() > 30
    await encoder.close()
    await player.close()


async def test_a_server_that_cannot_now_says_when_to_come_again() -> None:
    """While a worker is stuck a POST is answered with 503 and Retry-After, and soon after with 201."""
    async with EmbeddedEngine(1, Placement()) as engine, serving(engine) as server:
        async with server.request("POST", "/whip/hall/first", SDP, Client().offer()) as response:
            assert response.status == 201
        os.kill(engine.processes[0].pid, signal.SIGSTOP)
        async with server.request("POST", "/whip/hall/second", SDP, Client().offer()) as response:
            assert response.status == 503
            assert response.content_type == "application/problem+json"
            await asyncio.sleep(int(response.headers["Retry-After"]))
        async with server.request("POST", "/whip/hall/second", SDP, Client().offer()) as response:
            assert response.status == 201
