"""Why nothing was signed.

SigningFault            one code of protocol.signing and a sentence for a technician; the code says what to do next
"""

from __future__ import annotations

import re

from smartroom.protocol.signing import SigningCode

_PERSONAL = re.compile(r"\d{8,}")
"""NIK and NIP: libraries name a certificate by its whole subject, and such numbers stand in it."""


class SigningFault(Exception):
    """A request that was not fulfilled. The sentence never holds a secret or a personal number."""

    def __init__(self, code: SigningCode, sentence: str) -> None:
        self.code = code
        self.sentence = _PERSONAL.sub("…", sentence)
        super().__init__(self.sentence)
