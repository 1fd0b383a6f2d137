"""Secrets, ids, and names that strangers type."""

from __future__ import annotations

import hashlib
import secrets
import unicodedata

_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
"""No l, o, 0, 1: an id can be read aloud."""

_JOINERS = frozenset("\u200c\u200d")
"""Some scripts need them inside a name."""


def meeting_id() -> str:
    """Countable by nobody, short enough for a log line."""
    return "m" + "".join(secrets.choice(_LETTERS) for _ in range(9))


def person_id() -> str:
    """Of a participant, for one meeting."""
    return "p" + "".join(secrets.choice(_LETTERS) for _ in range(7))


def link_code() -> str:
    """128 bits for a link."""
    return secrets.token_urlsafe(16)


def seat_secret() -> str:
    """192 bits that bring a page back to its seat."""
    return secrets.token_urlsafe(24)


def digits(count: int) -> str:
    """A PIN or a room's code."""
    return "".join(secrets.choice("0123456789") for _ in range(count))


def digest(secret: str) -> str:
    """SHA-256: what is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def clean(text: str) -> str:
    """A stranger's words on one line, without control, direction and private characters. Case and degrees stay as typed."""
    kept = (" " if part.isspace() else part for part in unicodedata.normalize("NFC", text) if _shown(part))
    return " ".join("".join(kept).split())


def _shown(character: str) -> bool:
    return character.isspace() or character in _JOINERS or unicodedata.category(character)[0] != "C"
