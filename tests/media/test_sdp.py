"""Descriptions of real browsers are answered as they must be."""

from __future__ import annotations

from pathlib import Path

import pytest

from smartroom.media import negotiation, sdp
from smartroom.media.negotiation import Slot
from smartroom.media.rtp import dependency
from tests.media.fuzz import LOCAL

OFFERS = Path(__file__).parent / "corpora" / "sdp"


def offer(name: str) -> sdp.Session:
    """A stored description."""
    return sdp.parse((OFFERS / f"{name}.sdp").read_bytes().decode())


@pytest.mark.parametrize("browser", ["chromium", "firefox"])
def test_a_browsers_offer_is_answered(browser: str) -> None:
    """One audio and one VP8 line with RTX, passive, everything bundled, ids as offered, ICE-lite."""
    offered = offer(f"{browser}-offer")
    text, tracks = negotiation.answer_publisher(offered, LOCAL)
    answer = sdp.parse(text)
    assert answer.ice_lite
    assert [track.kind for track in tracks] == ["audio", "video"]
    assert answer.bundle == [media.mid for media in offered.media]
    for ours, theirs in zip(answer.media, offered.media, strict=True):
        assert (ours.direction, ours.setup, ours.rtcp_mux) == ("recvonly", "passive", True)
        assert ours.extensions.items() <= theirs.extensions.items()
        assert negotiation.URI_TRANSPORT_CC in ours.extensions.values()
    assert [codec.name for codec in answer.media[1].codecs] == ["vp8", "rtx"]
    assert "a=rtpmap:" in text
    assert "VP8/90000" in text, "browsers look encoders up by this spelling"
    assert "a=candidate:0 1 udp 2130706431 192.0.2.1 5004 typ host" in text


@pytest.mark.parametrize("browser", ["chromium", "firefox"])
def test_simulcast_is_accepted_whole(browser: str) -> None:
    """Every rid offered is answered, in the order offered."""
    text, tracks = negotiation.answer_publisher(offer(f"{browser}-simulcast"), LOCAL)
    assert tracks[1].rids == ("q", "h", "f")
    assert "a=simulcast:recv q;h;f" in text


def test_a_line_without_an_address_of_its_own_is_not_refused() -> None:
    """With `max-bundle` Firefox writes port 0 and `bundle-only` on every line but the first (RFC 8843, section 6)."""
    whole = (OFFERS / "firefox-simulcast.sdp").read_bytes().decode()
    first, video = whole.split("m=video ", 1)
    port, rest = video.split(" ", 1)
    assert port != "0"
    line, rest = rest.split("\r\n", 1)
    _, tracks = negotiation.answer_publisher(sdp.parse(f"{first}m=video 0 {line}\r\na=bundle-only\r\n{rest}"), LOCAL)
    assert [track.kind for track in tracks] == ["audio", "video"]
    _, tracks = negotiation.answer_publisher(sdp.parse(f"{first}m=video 0 {line}\r\n{rest}"), LOCAL)
    assert [track.kind for track in tracks] == ["audio"], "plain port 0 is a refusal"


@pytest.mark.parametrize("browser", ["chromium", "firefox"])
def test_a_browsers_answer_settles_the_slots(browser: str) -> None:
    """Every slot of the bare call is accepted with VP8, RTX and Opus."""
    slots = [Slot(f"a{i}", "audio", i, 100 + i) for i in range(2)] + [
        Slot(f"v{i}", "video", 10 + i, 110 + i) for i in range(3)
    ]
    settled = negotiation.read_slots(offer(f"{browser}-answer"), slots)
    assert len(settled) == 5
    assert all("opus" in slot.payload_types for slot in settled if slot.kind == "audio")
    assert all("vp8" in slot.payload_types and "vp8" in slot.rtx_types for slot in settled if slot.kind == "video")


def test_a_foreign_codec_is_rejected_and_the_rest_accepted() -> None:
    """An m-line without a codec we forward gets port 0; the others live."""
    offered = offer("chromium-offer")
    offered.media[0].codecs = [sdp.Codec(0, "pcmu", 8000)]
    text, tracks = negotiation.answer_publisher(offered, LOCAL)
    assert [track.kind for track in tracks] == ["video"]
    assert "m=audio 0 " in text


def test_the_room_chooses_the_codec() -> None:
    """The order of preference decides among what the browser offers."""
    _, tracks = negotiation.answer_publisher(offer("chromium-offer"), LOCAL, ("vp9", "vp8"))
    assert [codec.name for codec in tracks[1].codecs.values()] == ["vp9"]


@pytest.mark.parametrize(("codec", "agreed"), [("vp8", False), ("vp9", False), ("h264", True), ("av1", True)])
def test_the_dependency_descriptor_is_for_codecs_that_do_not_name_their_layers(codec: str, agreed: bool) -> None:
    """With it Chromium leaves layers and picture numbers out of VP8; without it nothing tells the layers of AV1."""
    offered = offer("chromium-offer")
    offered.media[1].extensions[13] = dependency.URI
    text, _ = negotiation.answer_publisher(offered, LOCAL, (codec,))
    assert (dependency.URI in text) == agreed
    assert "a=extmap-allow-mixed\r\n" in text, "a structure is longer than a one-byte extension element"
