"""Fuzz targets for everything that reads strangers' bytes; only ValueError may come out.

Short form: `pytest tests/media/test_fuzz.py`. Long form: `python -m tests.media.fuzz TARGET -max_total_time=3600`, which keeps
what it finds in `corpora/TARGET`.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from pathlib import Path

from smartroom.control.conference import whip
from smartroom.media import negotiation, sdp, stun
from smartroom.media.negotiation import Local, Slot
from smartroom.media.rtp import feedback, keyframe, layers, packet, rtcp
from smartroom.media.transport import Fingerprint
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
    message.authentic(b"p" * 22)
    stun.parse(stun.error(message, 420, "Unknown Attribute", b"p" * 22))
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
        lambda: packet.red_primary(parsed.payload),
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
    packets, _ = feedback.parse(data)
    assert len(packets) <= 2048


def fuzz_whip(data: bytes) -> None:
    """Bodies of POST and PATCH."""
    text = data.decode("utf-8", "replace")
    whip.check_offer(text)
    whip.read_fragment(text)


def fuzz_channel(data: bytes) -> None:
    """Frames between control and a worker."""
    list(channel.Framer().feed(data))


TARGETS: dict[str, Callable[[bytes], None]] = {
    name.removeprefix("fuzz_"): target for name, target in list(globals().items()) if name.startswith("fuzz_")
}


def guarded(target: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """The target, with the one exception it may raise swallowed."""

    def run(data: bytes) -> None:
        with contextlib.suppress(ValueError):
            target(data)

    return run


if __name__ == "__main__":
    import atheris

    name = sys.argv[1]
    (CORPORA / name).mkdir(exist_ok=True)
    atheris.instrument_all()
    atheris.Setup([sys.argv[0], str(CORPORA / name), *sys.argv[2:]], guarded(TARGETS[name]))
    atheris.Fuzz()
