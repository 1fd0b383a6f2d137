"""Fuzz targets for everything that reads strangers' bytes; only ValueError may come out (G10).

Short form: `pytest tests/media/test_fuzz.py`, the kept corpora and damaged copies of them. Long form: `make fuzz`, coverage-guided,
which goes on from its own findings in build/fuzz/TARGET and leaves an input that fails in `corpora/TARGET`, where the short form
finds it for ever after.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

from smartroom.control.conference import whip
from smartroom.media import negotiation, sdp, stun
from smartroom.media.hotpath import Outbox, ffi, new_cell
from smartroom.media.ice import Remote
from smartroom.media.negotiation import Incoming, Local, Slot
from smartroom.media.overload import Stage
from smartroom.media.router import Router
from smartroom.media.rtp import dependency, feedback, keyframe, layers, packet, rtcp
from smartroom.media.sdp import Codec
from smartroom.media.transport import Fingerprint, Transport
from smartroom.protocol import channel

CORPORA = Path(__file__).parent / "corpora"
LOCAL = Local("ufrag", "p" * 22, Fingerprint("sha-256", ":".join(["AA"] * 32)), [("192.0.2.1", 5004)])
SLOTS = [Slot("a0", "audio", 1, 2), Slot("v0", "video", 3, 4)]


def fuzz_sdp(data: bytes) -> None:
    """Parse, answer as publisher and as player, read as an answer."""
    description = sdp.parse(data.decode("utf-8", "replace"))
    for act in (
        lambda: negotiation.answer_publisher(description, LOCAL),
        lambda: negotiation.answer_player(description, LOCAL, SLOTS),
        lambda: negotiation.read_slots(description, SLOTS),
    ):
        with contextlib.suppress(ValueError):
            act()


def fuzz_stun(data: bytes) -> None:
    """Parse, check, answer."""
    message = stun.parse(data)
    message.authentic(stun.Key("p" * 22))
    stun.parse(stun.error(message, 420, "Unknown Attribute", stun.Key("p" * 22)))
    assert isinstance(message.username, str)


def fuzz_rtp(data: bytes) -> None:
    """Everything a stream looks at."""
    parsed = packet.parse(data)
    for number in (1, 3, 15, 200):
        packet.extension(parsed, number)
    for codec in ("vp8", "vp9", "h264", "av1", "opus"):
        keyframe.begins_keyframe(codec, parsed.payload)
    for act in (
        lambda: layers.parse_vp8(parsed.payload),
        lambda: layers.parse_vp9(parsed.payload),
        lambda: dependency.parse(packet.extension(parsed, 13) or parsed.payload, None),
        lambda: packet.red_primary(parsed.payload),
        lambda: packet.red_renumber(parsed.payload, 109),
        lambda: packet.unwrap_rtx(parsed, ssrc=1, payload_type=96),
    ):
        with contextlib.suppress(ValueError):
            act()


def fuzz_rtcp(data: bytes) -> None:
    """A compound and the feedback in it."""
    for item in rtcp.parse(data):
        if isinstance(item, rtcp.TransportFeedback):
            with contextlib.suppress(ValueError):
                feedback.parse(item.body)


def fuzz_feedback(data: bytes) -> None:
    """A transport-cc body."""
    quick = feedback.parse_steady(rtcp.transport_feedback(1, 2, data + bytes(-len(data) % 4)))
    packets, _ = feedback.parse(data)
    assert len(packets) <= 2048
    assert quick is None or (quick[1], quick[2]) == (len(packets), packets[-1][1])


def fuzz_whip(data: bytes) -> None:
    """Bodies of POST and PATCH."""
    text = data.decode("utf-8", "replace")
    whip.check_offer(text)
    whip.read_fragment(text)


def fuzz_channel(data: bytes) -> None:
    """Frames between control and a worker."""
    list(channel.Framer().feed(data))


def fuzz_room(data: bytes) -> None:
    """A whole room: a publisher's packets, both sides' RTCP; no outgoing number is ever used for two packets."""
    asyncio.run(_room(data))


async def _room(data: bytes) -> None:
    publisher, subscriber = Nowhere(), Nowhere()
    publisher.outbox = subscriber.outbox  # of one port
    router = Router("r", lambda _: None)
    router.publish("ana", cast("Transport", publisher), [INCOMING["audio"], INCOMING["video"]], {})
    subscription = router.subscribe("budi", cast("Transport", subscriber))
    subscription.ready = True
    video = {"vp8": 96, "vp9": 98, "h264": 102, "av1": 45}
    repeats = {name: number + 1 for name, number in video.items()}
    router.settle("budi", [Slot("a0", "audio", 1, 2, {"opus": 109}), Slot("v0", "video", 3, 4, video, repeats)], 0)
    now = 0.0
    for kind, chunk in _chunks(data):
        now += (0.001, 0.02, 0.3, 2.0)[kind >> 2 & 3]
        publisher.now = subscriber.now = now
        with contextlib.suppress(ValueError):  # the port counts it and goes on
            if kind & 3 == 0:
                publisher.on_rtp(chunk, now)
            elif kind & 3 == 1:
                publisher.on_rtcp(chunk, now)
            elif kind & 3 == 2:
                subscriber.on_rtcp(chunk, now)
            else:
                if chunk:
                    router.stage = Stage(chunk[0] % len(Stage))
                    subscription.ceiling = 1000.0 * (1 + chunk[-1])
                for publication in [member.publication for member in router.members.values() if member.publication]:
                    publication.tick(now)
                router.tick(now)
        if kind & 0x10:  # a turn of the loop ends; not at every packet
            subscriber.outbox.flush()
    subscriber.outbox.flush()


def _chunks(data: bytes) -> Iterator[tuple[int, bytes]]:
    """A kind, a length of two bytes, and so many bytes, again and again."""
    position = 0
    while position + 3 <= len(data):
        end = position + 3 + int.from_bytes(data[position + 1 : position + 3], "big") % 1500
        yield data[position], data[position + 3 : end]
        position = end


class Nowhere:
    """A transport that leads nowhere and checks what is sent."""

    remote = Remote.of(b"\2\0" + bytes(14))
    tx = sessions = None
    fd = -1

    def __init__(self) -> None:
        self.now = 0.0
        self.cell = new_cell()
        self.on_rtp: Callable[[bytes, float], None] = lambda _data, _now: None
        self.on_rtcp = self.on_rtp
        self.on_path: Callable[[], None] = lambda: None
        self.outbox = Outbox(self._refuse, self.clock)
        self._used: dict[bytes, bytes] = {}

    def clock(self) -> float:
        """Seconds, as the input says."""
        return self.now

    def send_rtp(self, data: bytes, now: float, probe: int = 0) -> None:
        """Two packets of one number would give the key of AES-GCM away."""
        packet.parse(data)
        name = data[2:4] + data[8:12]
        assert self._used.setdefault(name, data) == data, "an outgoing number was used twice"

    def _refuse(self, _session: object, pointer: Any, length: Any) -> int:
        """Takes what a fan would encrypt, and has it send nothing."""
        self.send_rtp(ffi.buffer(pointer, length[0])[:], self.now)
        return 1

    def send_rtcp(self, compound: bytes) -> None:
        """What is sent can be read."""
        rtcp.parse(compound)


def _incoming(mid: str, kind: str, codecs: dict[int, str]) -> Incoming:
    known = {number: Codec(number, name, 48000 if kind == "audio" else 90000) for number, name in codecs.items()}
    repeats = {number + 1: number for number in known} if kind == "video" else {}
    extensions = {"audio": {negotiation.URI_LEVEL: 1}, "video": {dependency.URI: 13, negotiation.URI_ORIENTATION: 4}}
    shared = {
        negotiation.URI_MID: 9,
        negotiation.URI_RID: 10,
        negotiation.URI_REPAIRED: 11,
        negotiation.URI_TRANSPORT_CC: 3,
    }
    rids = ("q", "h") if kind == "video" else ()
    return Incoming(mid, kind, known, repeats, {**shared, **extensions[kind]}, rids, (), {}, True, True)


INCOMING: dict[str, Any] = {
    "audio": _incoming("0", "audio", {111: "opus", 63: "red"}),
    "video": _incoming("1", "video", {96: "vp8", 98: "vp9", 102: "h264", 45: "av1"}),
}

TARGETS: dict[str, Callable[[bytes], None]] = {
    name.removeprefix("fuzz_"): target for name, target in list(globals().items()) if name.startswith("fuzz_")
}


def guarded(target: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """The target, with the one exception it may raise swallowed."""

    def run(data: bytes) -> None:
        with contextlib.suppress(ValueError):
            target(data)

    return run
