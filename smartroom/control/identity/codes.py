"""Secrets we make: random, shown once, stored as digests."""

from __future__ import annotations

import hashlib
import hmac
import secrets

LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
"""RFC 8628 section 6.1: twenty consonants, so that no code spells a word."""

TOKEN_PREFIX = "sr_"  # noqa: S105  # what leak scanners look for
CODE_LETTERS = 8
"""34.6 bits: enough for 30 minutes with few tries."""


def session_secret() -> str:
    """256 bits for a cookie."""
    return secrets.token_urlsafe(32)


def token_secret() -> str:
    """256 bits for a program or a paired screen."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def pairing_code() -> str:
    """128 bits for a one-use link."""
    return secrets.token_urlsafe(16)


def short_code() -> str:
    """A code a person types: `BCDF-GHJK`."""
    letters = "".join(secrets.choice(LETTERS) for _ in range(CODE_LETTERS))
    return f"{letters[:4]}-{letters[4:]}"


def same_code(given: str, wanted: str) -> bool:
    """Compare what a person typed in constant time; case, blanks and dashes do not count."""
    return hmac.compare_digest(_plain(given).encode(), _plain(wanted).encode())


def digest(secret: str) -> str:
    """SHA-256: these secrets are random, so nothing slower is needed to store them."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _plain(code: str) -> str:
    return "".join(letter for letter in code.upper() if letter.isalnum())
