"""[ink-relay] The server's own part of [ink]: from a pad's socket to a wall's, beside a bare Socket.IO relay, nineteen walls more, no browser."""

import asyncio
import json
import statistics
import time
from contextlib import AsyncExitStack
from typing import Any

import socketio

from smartroom.protocol import PROTOCOL_VERSION
from tests.bench.bench_ink import child
from tests.bench.report import Figure, Report
from tests.ceremonies import Pen

TURNS = 5
BATCHES = 90
HZ = 60


async def main() -> Report:
    """Ours and bare in turn; the ceremony is open, its journal is written meanwhile."""
    async with AsyncExitStack() as stack:
        server = await child(stack, "tests.bench.ink_server")
        assert server.stdin is not None
        assert server.stdout is not None
        at = json.loads(await server.stdout.readline())
        roads = {
            "ours": {"origin": at["origin"], "namespace": "/ceremony", "room": at["room"], "tokens": at["tokens"]},
            "bare": {"origin": at["bare"], "namespace": "/", "room": "", "tokens": at["tokens"]},
        }
        found: dict[str, list[float]] = {"ours": [], "bare": []}
        pads, pens = {}, {name: Pen(at["ceremony"]) for name in roads}
        for name, road in roads.items():
            walls = await child(stack, "tests.bench.ink_walls")
            assert walls.stdin is not None
            assert walls.stdout is not None
            walls.stdin.write(json.dumps(road).encode() + b"\n")
            await walls.stdout.readline()
            pads[name] = await page(stack, road, at["signer"], [])
            await page(stack, road, at["tokens"][0], found[name])
        await pads["ours"].call("pad", {"room": at["room"], "source": pens["ours"].source}, namespace="/ceremony")
        server.stdin.write(b"sockets\n")
        await server.stdout.readline()
        await asyncio.sleep(1)
        took: dict[str, list[float]] = {"ours": [], "bare": []}
        for _ in range(TURNS):
            for name, road in roads.items():
                found[name].clear()
                sent, began = [], time.perf_counter()
                for number, batch in enumerate(pens[name].stroke(BATCHES)):
                    await asyncio.sleep(max(0.0, began + number / HZ - time.perf_counter()))
                    sent.append(time.perf_counter())
                    if name == "ours":
                        words: object = batch.model_dump(mode="json")
                    else:
                        words = [point[:2] for piece in batch.pieces for point in piece.points]
                    await pads[name].emit("ink", words, namespace=road["namespace"])
                await asyncio.sleep(0.5)
                took[name] += [(there - here) * 1000 for here, there in zip(sent, found[name], strict=True)]
    cuts = {name: statistics.quantiles(values, n=100, method="inclusive") for name, values in took.items()}
    figures = [Figure(f"{name}, p{p}", cuts[name][p - 1], "ms") for name in cuts for p in (50, 95, 99)]
    figures.append(Figure("ours / bare, p50", cuts["ours"][49] / cuts["bare"][49], "x", at_most=1.3))
    return Report(how=f"{TURNS} strokes of {BATCHES} batches at {HZ} Hz each, in turn", figures=tuple(figures))


async def page(stack: AsyncExitStack, road: dict[str, Any], token: str, heard: list[float]) -> socketio.AsyncClient:
    """A program in the place of a page; notes when ink came."""

    async def ink(_: object) -> None:
        heard.append(time.perf_counter())

    io, namespace = socketio.AsyncClient(reconnection=False), road["namespace"]
    io.on("ink", ink, namespace=namespace)
    await io.connect(road["origin"], namespaces=[namespace], transports=["websocket"], auth={"token": token})
    stack.push_async_callback(io.disconnect)
    if road["room"]:
        watch = {"room": road["room"], "since": None, "protocol": PROTOCOL_VERSION}
        await io.call("watch", watch, namespace=namespace, timeout=20)
    return io
