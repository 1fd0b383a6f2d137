"""Walls' pages without a browser, in a process of their own: `python -m tests.bench.wall_speakers ORIGIN`, tokens as JSON on standard input."""

import asyncio
import json
import sys
import time

import socketio

from smartroom.protocol import PROTOCOL_VERSION


class Speaker:
    """A wall's page without a browser: own clock by the same exchange, reports when its moment has come."""

    def __init__(self) -> None:
        self.io = socketio.AsyncClient(reconnection=False)
        self._offset = 0.0

        self.io.on("show", self._show, namespace="/wall")
        self.io.on("report", self._report, namespace="/wall")
        self._painted: dict[str, object] = {"text": ""}

    async def enter(self, origin: str, token: str) -> None:
        """Come in as a wall's screen and measure the clock five times."""
        await self.io.connect(origin, namespaces=["/wall"], transports=["websocket"], auth={"token": token})
        await self._ask("hello", {"protocol": PROTOCOL_VERSION, "painted": self._painted})
        best = 1.0
        for _ in range(5):
            sent = time.monotonic()
            answer = await self._ask("time", sent)
            received = time.monotonic()
            if received - sent < best:
                best, self._offset = received - sent, answer["time"] - (sent + received) / 2

    async def leave(self) -> None:
        """Go."""
        await self.io.disconnect()

    async def beat(self) -> None:
        """Report, as a page does every two seconds."""
        await self._ask("painted", {**self._painted, "text": None})

    async def _ask(self, event: str, words: object) -> dict[str, float]:
        answer: dict[str, float] = await self.io.call(event, words, namespace="/wall", timeout=10)
        return answer

    def _now(self) -> float:
        return time.monotonic() + self._offset

    async def _show(self, show: dict[str, object]) -> None:
        at = show["at"]
        assert isinstance(at, float)
        await asyncio.sleep(max(0.0, at - self._now()))
        now = self._now()
        self._painted = {
            "order": show["order"],
            "text": show["text"],
            "page": show["page"],
            "blank": show["blank"],
            "at": now,
            "late_ms": (now - at) * 1000,
        }
        await self._ask("painted", self._painted)

    async def _report(self, ask: dict[str, object]) -> None:
        await self._ask("painted", {**self._painted, "text": None, "asked": ask["asked"]})


async def main(origin: str, tokens: list[str]) -> None:
    """All of them, until the process is ended."""
    speakers = [Speaker() for _ in tokens]
    for speaker, token in zip(speakers, tokens, strict=True):
        await speaker.enter(origin, token)
    print("ready", flush=True)
    while True:
        await asyncio.sleep(2)
        await asyncio.gather(*(speaker.beat() for speaker in speakers))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], json.loads(sys.stdin.readline())))
