"""Gathering a turn's packets changes when they go out, and nothing else."""

from __future__ import annotations

import asyncio
from typing import Any, cast
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from smartroom.media.hotpath import Outbox, ffi
from smartroom.media.negotiation import Slot
from smartroom.media.router import Router
from smartroom.media.rtp import packet
from smartroom.media.transport import Transport
from smartroom.protocol import media as say
from tests.media.fuzz import INCOMING, Nowhere

Action = tuple[str, int]
ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(
            ["frame", "frame", "frame", "key", "voice", "lose", "late", "pad", "thin", "mute", "view", "flush"]
        ),
        st.integers(0, 7),
    ),
    max_size=60,
)  # fmt: skip


class Room:
    """A publisher of one voice and one picture, and two subscribers; what they would get is kept in plain."""

    def __init__(self, *, gather: bool) -> None:
        self.gather = gather
        self.sent: dict[tuple[int, int], bytes] = {}
        self.now = 10.0
        self.publisher, *subscribers = (Nowhere() for _ in range(3))
        self.outbox = Outbox(self._keep, lambda: self.now)
        self.router = Router("r", lambda _: None)
        for i, transport in enumerate([self.publisher, *subscribers]):
            transport.outbox = self.outbox
            transport.send_rtp = self._note  # type: ignore[method-assign,assignment]
            if not i:
                self.router.publish("ana", cast("Transport", transport), [INCOMING["audio"], INCOMING["video"]], {})
                continue
            self.router.subscribe(f"s{i}", cast("Transport", transport)).ready = True
            slots = [
                Slot("a0", "audio", 10 * i, 10 * i + 1, {"opus": 109}),
                Slot("v0", "video", 10 * i + 2, 10 * i + 3, {"vp8": 96}),
            ]
            self.router.settle(f"s{i}", slots, self.now)
        self._numbers = {"audio": 100, "video": 200}
        self._picture = 0
        self._late: list[bytes] = []
        self._seen = 0

    def act(self, action: str, amount: int) -> None:
        """One thing that happens."""
        self.now += 0.005
        producer = "ana.1"
        if action in ("frame", "key"):
            self._picture += 1
            for i in range(1 + amount % 4):
                first = 0x90 if i == 0 else 0x80
                layers = (0, 2, 1, 2)[self._picture % 4] << 6 | 0x20
                descriptor = bytes((first, 0xE0, 0x80, self._picture & 0x7F, self._picture >> 2 & 0xFF, layers))
                self._receive(
                    "video", descriptor + bytes((int(action != "key"),)) + bytes(100 + amount), i == amount % 4
                )
        elif action == "voice":
            self._receive("audio", bytes(40 + amount), marker=False)
        elif action == "lose":
            self._receive("video", b"\x80\xe0\x80\x00\x00\x20" + bytes(50), marker=False, lost=True)
        elif action == "late" and self._late:
            self.publisher.on_rtp(self._late.pop(0), self.now)
        elif action == "pad":
            self._numbers["video"] += 1
            self.publisher.on_rtp(
                packet.padding(50, payload_type=96, sequence=self._numbers["video"], timestamp=0, ssrc=2), self.now
            )
        elif action == "thin":
            for consumer in self._pictures():
                consumer.limit(amount % 3 if amount < 6 else 7)
        elif action == "mute":
            self.router.mute(producer, muted=amount < 2, now=self.now)
        elif action == "view":
            wishes = [say.Wish(track=producer, width=1280, height=720, rank="stage")] if amount < 5 else []
            self.router.view("s1", wishes, self.now)
        if action == "flush" or not self.gather:
            self.outbox.flush()

    def _receive(self, kind: str, payload: bytes, marker: bool, *, lost: bool = False) -> None:
        self._numbers[kind] += 1
        extensions = [] if self._seen > 4 else [(9, b"1" if kind == "video" else b"0"), (10, b"q")]
        self._seen += kind == "video"
        data = packet.build(
            payload, payload_type=96 if kind == "video" else 111, sequence=self._numbers[kind],
            timestamp=int(self.now * 90000) & 0xFFFFFFFF, ssrc=2 if kind == "video" else 1, marker=marker,
            block=packet.extension_block(extensions if kind == "video" else [(9, b"0")]),
        )  # fmt: skip
        if lost:
            self._late.append(data)
            return
        self.publisher.on_rtp(data, self.now)
        if not self.gather:
            self.outbox.flush()

    def _pictures(self) -> list[Any]:
        paths = [member.subscription for member in self.router.members.values() if member.subscription]
        return [consumer for path in paths for consumer in path.consumers if consumer.slot.kind == "video"]

    def _keep(self, _session: object, pointer: Any, length: Any) -> int:
        self._note(ffi.buffer(pointer, length[0])[:], self.now)
        return 1

    def _note(self, data: bytes, _now: float, _probe: int = 0) -> None:
        found = packet.parse(data)
        name = found.ssrc, found.sequence
        told = data[:17] + data[19:]  # the number for transport-cc is given when a packet leaves
        assert self.sent.setdefault(name, told) == told, "an outgoing number was used for two packets"


async def run(actions: list[Action], *, gather: bool) -> dict[tuple[int, int], bytes]:
    """What leaves the room; no timer gets a turn."""
    with mock.patch("secrets.randbits", return_value=7):
        room = Room(gather=gather)
        for action in [("key", 3), ("frame", 3), *actions]:
            room.act(*action)
        room.outbox.flush()
    return room.sent


@settings(max_examples=40)
@given(ACTIONS)
def test_gathered_packets_are_those_that_would_have_gone_at_once(actions: list[Action]) -> None:
    """Loss, late packets, padding, dropped layers, mutes and views between them: the same packets under the same numbers."""
    assert asyncio.run(run(actions, gather=True)) == asyncio.run(run(actions, gather=False))
