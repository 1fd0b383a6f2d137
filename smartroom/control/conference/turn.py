"""TURN credentials that expire by themselves (draft-uberti-behave-turn-rest-00, coturn `use-auth-secret`)."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from smartroom.control.conference.whip import IceServer

LIFETIME = 600  # s; a client that stays asks again over its socket


@dataclass(frozen=True, slots=True)
class Turn:
    """A TURN server that shares a secret with us."""

    secret: str
    urls: Sequence[str]
    """As browsers want them: `turn:host:3478?transport=udp`, `turns:host:5349?transport=tcp`."""

    def servers(self, participant: str, now: float, lifetime: int = LIFETIME) -> tuple[IceServer, ...]:
        """Fresh credentials for one participant; `now` is the wall clock in seconds."""
        username = f"{int(now) + lifetime}:{participant}"
        digest = hmac.digest(self.secret.encode(), username.encode(), "sha1")
        credential = base64.b64encode(digest).decode()
        return tuple(IceServer(url, username, credential) for url in self.urls)
