"""Why nothing was signed.

SigningFault            one code of protocol.signing and a sentence for a technician; the code says what to do next
"""

from __future__ import annotations

from smartroom.protocol.signing import SigningCode


class SigningFault(Exception):
    """A request that was not fulfilled. The sentence never holds a secret."""

    def __init__(self, code: SigningCode, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
