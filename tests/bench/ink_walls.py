"""Nineteen walls without a browser, in a process of their own: `python -m tests.bench.ink_walls`, one JSON command on standard input."""

import asyncio
import json
import sys

import socketio

from smartroom.protocol import PROTOCOL_VERSION


async def main() -> None:
    """Connect, follow, say so; ink is heard and dropped until standard input ends."""
    wish = json.loads(await asyncio.to_thread(sys.stdin.readline))
    namespace: str = wish["namespace"]
    heard = 0

    async def ink(_: object) -> None:
        nonlocal heard
        heard += 1

    clients = [socketio.AsyncClient(reconnection=False) for _ in wish["tokens"]]
    for io, token in zip(clients, wish["tokens"], strict=True):
        io.on("ink", ink, namespace=namespace)
        await io.connect(wish["origin"], namespaces=[namespace], transports=["websocket"], auth={"token": token})
        if wish["room"]:
            watch = {"room": wish["room"], "since": None, "protocol": PROTOCOL_VERSION}
            await io.call("watch", watch, namespace=namespace, timeout=20)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    print(heard, flush=True)
    for io in clients:
        await io.disconnect()


if __name__ == "__main__":
    asyncio.run(main())
