"""Where key frames begin, per codec, and how often one may be asked for."""

from __future__ import annotations

from smartroom.media.rtp.layers import parse_vp8, parse_vp9

MIN_INTERVAL = 0.5  # s between two requests to one publisher layer
REPEAT_AFTER = 1.0  # s without the key frame asked for

_DESCRIBED = {"vp8": parse_vp8, "vp9": parse_vp9}
_H264_IDR, _H264_SPS, _H264_STAP_A, _H264_FU_A = 5, 7, 24, 28


def begins_keyframe(codec: str, payload: bytes) -> bool:
    """True when this payload starts a key frame; False for audio and unknown codecs."""
    if not payload:
        return False
    if codec in _DESCRIBED:
        try:
            return _DESCRIBED[codec](payload).key
        except ValueError:
            return False
    if codec == "h264":
        return _h264(payload)
    if codec == "av1":
        return bool(payload[0] & 0x08)  # N: first packet of a coded video sequence (AV1 RTP 4.4)
    return False


class KeyframeRequests:
    """Throttle of key frame requests to one publisher layer; `now` in seconds."""

    __slots__ = ("_asked", "_pending", "_waiting")

    def __init__(self) -> None:
        self._asked = float("-inf")
        self._pending = False
        self._waiting = False

    def ask(self, now: float) -> bool:
        """True when a request is to be sent at once; otherwise it waits for `due`."""
        if now - self._asked >= MIN_INTERVAL:
            self._sent(now)
            return True
        self._pending = True
        return False

    def due(self, now: float) -> bool:
        """True when a held-back or unanswered request is to be sent now."""
        since = now - self._asked
        if (self._pending and since >= MIN_INTERVAL) or (self._waiting and since >= REPEAT_AFTER):
            self._sent(now)
            return True
        return False

    def arrived(self) -> None:
        """A key frame came: nothing is owed any more."""
        self._waiting = self._pending = False

    def _sent(self, now: float) -> None:
        self._asked = now
        self._pending = False
        self._waiting = True


def _h264(payload: bytes) -> bool:
    kind = payload[0] & 0x1F
    if kind in (_H264_IDR, _H264_SPS):
        return True
    if kind == _H264_FU_A and len(payload) > 1:
        return bool(payload[1] & 0x80) and payload[1] & 0x1F in (_H264_IDR, _H264_SPS)
    if kind == _H264_STAP_A:
        position = 1
        while position + 2 < len(payload):
            if payload[position + 2] & 0x1F in (_H264_IDR, _H264_SPS):
                return True
            position += 2 + int.from_bytes(payload[position : position + 2], "big")
    return False
