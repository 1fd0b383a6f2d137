"""Hardware addresses <-> magic packets. Pure: no socket, no clock.

Source: AMD publication 20213, "Magic Packet Technology" (1995): six bytes FF, then the card's address sixteen times; anywhere in a frame.
"""

from __future__ import annotations

import re
from typing import Final

REPETITIONS: Final = 16
_MAC: Final = re.compile(r"([0-9a-f]{2})([:-]?)[0-9a-f]{2}(?:\2[0-9a-f]{2}){4}", re.IGNORECASE)


def parse_mac(text: str) -> bytes | None:
    """Six bytes of `02:53:4d:52:00:01`, `02-53-...` or `02534d520001`; None when it is none, or names a group of cards."""
    if _MAC.fullmatch(text.strip()) is None:
        return None
    mac = bytes.fromhex(re.sub("[:-]", "", text.strip()))
    return None if mac[0] & 1 or not any(mac) else mac


def magic_packet(mac: bytes) -> bytes:
    """102 bytes that wake the card with this address."""
    return b"\xff" * 6 + mac * REPETITIONS
