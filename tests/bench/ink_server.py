"""A server with a plaque open for ink, and beside it a bare Socket.IO relay, in one process: `python -m tests.bench.ink_server`.

Prints one line of JSON that says where they are. `screens` or `sockets` on standard input opens the plaque, for a browser or for programs; it ends with it.
"""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

import socketio
from aiohttp import web

from smartroom.control.displays.content import canonical, parse
from smartroom.control.garbage import spare_collections
from smartroom.protocol.people import Role
from tests.bench.ink_pages import BARE_PAD, BARE_WALL
from tests.ceremonies import ALONE, freeze
from tests.ports import free_port
from tests.walls import ROOM, House

CLIENT = Path(__file__).resolve().parents[2] / "web/node_modules/socket.io-client/dist/socket.io.min.js"
WALLS = 20
Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def main() -> None:
    """Both servers, until told to end."""
    with tempfile.TemporaryDirectory() as folder:
        async with House(Path(folder), free_port()).serving() as walled:
            tokens = walled.application.people.tokens
            pad = await tokens.offer("Tablet prasasti", Role.SIGNER, [ROOM], "bench")
            spare = await tokens.redeem((await tokens.offer("Program", Role.SIGNER, [ROOM], "bench")).code)
            hall = walled.application.ceremonies.halls[ROOM]
            session = await hall.bring(hall.create(ALONE, rehearsal=False).id)
            await freeze(session)
            bare, port = await relay()
            print(
                json.dumps(
                    {
                        "origin": walled.origin,
                        "room": ROOM,
                        "wall": await walled.link("kiri"),
                        "pad": f"{walled.origin}/pair/{pad.code}",
                        "signer": spare.secret,
                        "ceremony": session.id,
                        "tokens": [await walled.token("kiri") for _ in range(WALLS - 1)],
                        "bare": f"http://127.0.0.1:{port}",
                    }
                ),
                flush=True,
            )
            if (await asyncio.to_thread(sys.stdin.readline)).strip() == "screens":
                await walled.until(lambda: walled.wall("kiri").link == "ready", limit=20)
                stage = canonical(parse({"kind": "ceremony"}))
                await walled.desk.set("wall.kiri", "content", stage, by="bench", press=f"b-{time.time_ns()}")
            await session.open("Bench")
            spare_collections()  # as the server does when it has started
            print("open", flush=True)
            await asyncio.to_thread(sys.stdin.read)
            await bare.cleanup()


async def relay() -> tuple[web.AppRunner, int]:
    """What comes from one goes to all others, and nothing else."""
    server = socketio.AsyncServer(async_mode="aiohttp", cors_allowed_origins="*")

    async def ink(sender: str, words: object) -> None:
        await server.emit("ink", words, skip_sid=sender)

    server.on("ink", ink)
    app = web.Application()
    server.attach(app)
    pages = {"/pad": BARE_PAD, "/wall": BARE_WALL}
    for path, body in pages.items():
        app.router.add_get(path, _page(body))
    app.router.add_get("/client.js", _file)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    return runner, port


def _page(body: str) -> Handler:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=body, content_type="text/html")

    return answer


async def _file(_: web.Request) -> web.FileResponse:
    return web.FileResponse(CLIENT)


if __name__ == "__main__":
    asyncio.run(main())
