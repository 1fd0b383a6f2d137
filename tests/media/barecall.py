"""A bare call for tests: a page, a few requests, and the engine behind them. No accounts, no state, no signalling of the product."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from smartroom.control.conference.engine import EmbeddedEngine, EngineError, Placement
from smartroom.control.conference.turn import Turn
from smartroom.control.web import whip
from smartroom.protocol import media as say
from smartroom.protocol.base import Message

PAGES = Path(__file__).parent / "pages"


class BareCall:
    """Routes between the page and an engine."""

    def __init__(self, engine: EmbeddedEngine, turn: Turn | None = None) -> None:
        self.engine = engine
        self._turn = turn
        self.events: list[Message] = []
        self.reports: dict[str, dict[str, float]] = {}
        self._streams: dict[str, asyncio.Queue[str]] = {}
        engine.listen(self._hear)

    def application(self) -> web.Application:
        """The page at /, requests below /call/, WHIP and WHEP."""
        app = web.Application()
        app.router.add_get("/", self._page)
        app.router.add_get("/{page}.html", self._page)
        app.router.add_post("/call/{peer}/{action}", self._act)
        app.router.add_get("/call/{peer}/events", self._events)
        whip.mount(app, self.engine, lambda token, _: token == "let-me-in")
        return app

    async def _page(self, request: web.Request) -> web.Response:
        page = "whip.html" if request.match_info.get("page") == "whip" else "call.html"
        return web.Response(text=(PAGES / page).read_text(), content_type="text/html")

    async def _act(self, request: web.Request) -> web.Response:
        peer, action = request.match_info["peer"], request.match_info["action"]
        asked = await request.json()
        try:
            answer = await self._obey(peer, action, asked)
        except EngineError as error:
            return web.json_response({"error": str(error), "code": error.code}, status=409)
        return web.json_response(answer)

    async def _obey(self, peer: str, action: str, asked: dict[str, Any]) -> dict[str, object]:
        engine = self.engine
        await engine.open_room("call")
        if action == "ice":
            servers = self._turn.servers(peer, time.time()) if self._turn else ()
            return {"servers": [{"urls": s.url, "username": s.username, "credential": s.credential} for s in servers]}
        if action == "pub":
            return (await engine.publish("call", peer, asked["sdp"], asked.get("sources", {}))).model_dump(mode="json")
        if action == "sub":
            slots = say.Slots(audio=asked.get("audio", 2), video=asked.get("video", 3), screen=asked.get("screen", 1))
            return (await engine.subscribe("call", peer, slots)).model_dump(mode="json")
        if action == "restart":
            return (await engine.restart("call", peer, say.Side.SUBSCRIBE)).model_dump(mode="json")
        if action == "answer":
            await engine.accept("call", peer, asked["sdp"])
        elif action == "report":
            self.reports[peer] = {name: float(value) for name, value in asked.items()}
        return {}

    async def _events(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        queue = self._streams[request.match_info["peer"]] = asyncio.Queue()
        with contextlib.suppress(ConnectionError):  # the page was closed
            while True:
                await response.write(f"data: {await queue.get()}\n\n".encode())
        return response

    def _hear(self, event: Message) -> None:
        self.events.append(event)
        text = json.dumps({"event": type(event).__name__, **event.model_dump(mode="json")})
        for peer, queue in self._streams.items():
            if getattr(event, "peer", peer) == peer:
                queue.put_nowait(text)


@asynccontextmanager
async def serving(
    engine: EmbeddedEngine, host: str = "127.0.0.1", port: int = 0, turn: Turn | None = None
) -> AsyncIterator[tuple[BareCall, str]]:
    """The call and its URL."""
    call = BareCall(engine, turn)
    runner = web.AppRunner(call.application(), shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, host, port)
    await site.start()
    try:
        yield call, f"http://{host}:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[union-attr]
    finally:
        await runner.cleanup()


async def main() -> None:
    """Serve until killed: a network namespace of its own wants a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address", help="of pages and media")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--secret", default="", help="shared with the TURN server")
    parser.add_argument("--turn", action="append", default=[], help="URL of a TURN server, given to every page")
    options = parser.parse_args()
    turn = Turn(options.secret, options.turn) if options.turn else None
    async with (
        EmbeddedEngine(1, Placement((options.address,))) as engine,
        serving(engine, options.address, options.port, turn) as (_, url),
    ):
        print(url, flush=True)  # noqa: T201  # whoever started this waits for it
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
