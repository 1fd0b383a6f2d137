"""Journal heads, signed with Ed25519 (RFC 8032): fast, the same bytes each time, and never asking for a passphrase on stage.

Why not the seal's key: its passphrase may belong to a person, its certificate expires, and a head must be signed within
milliseconds at a moment nobody may wait. The two are bound all the same: the head and this key's public half are printed in the
Berita Acara, which the seal covers.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from smartroom.protocol.signing import HeadSigned, HeadStatement, SigningCode
from smartroom.signing.errors import SigningFault

KEY_FILE = "journal-head.key"


class HeadSigner:
    """The key, kept in one file that only this process reads."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.public_key = raw.hex()

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The folder's key; a new one at the first start. SigningFault(CONFIGURATION) when it cannot be read."""
        path = folder / KEY_FILE
        try:
            if not path.exists():
                _write(path, Ed25519PrivateKey.generate())
            if path.stat().st_mode & 0o077:
                raise SigningFault(SigningCode.CONFIGURATION, f"{path}: others may read it. Fix: chmod 600")
            key = serialization.load_pem_private_key(path.read_bytes(), None)
        except (OSError, ValueError) as error:
            raise SigningFault(SigningCode.CONFIGURATION, f"{path}: {error}") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise SigningFault(SigningCode.CONFIGURATION, f"{path}: not an Ed25519 key")
        return cls(key)

    def sign(self, statement: HeadStatement) -> HeadSigned:
        """Sign one statement."""
        signature = self._key.sign(statement.signed_bytes()).hex()
        return HeadSigned(statement=statement, public_key=self.public_key, signature=signature)


def head_holds(signed: HeadSigned) -> bool:
    """Whether the signature is over this statement by the key it names; whose key that is, the reader must know."""
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signed.public_key))
    try:
        key.verify(bytes.fromhex(signed.signature), signed.statement.signed_bytes())
    except InvalidSignature:
        return False
    return True


def _write(path: Path, key: Ed25519PrivateKey) -> None:
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    partial = path.with_suffix(".new")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
