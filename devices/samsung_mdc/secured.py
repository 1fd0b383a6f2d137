"""The display's side of its secured protocol: TLS with a certificate of its own, then a PIN. For the simulator; no socket.

Written from what `python-samsung-mdc` does on the other side; the maker's document does not describe it.
"""

from __future__ import annotations

import datetime as dt
import ssl
import tempfile
from functools import cache
from pathlib import Path
from typing import Final

MAX_WRONG: Final = 5
"""How many real displays take before they block is not known."""
CHUNK: Final = 4096


class Door:
    """One connection: ciphertext in, plain text out once the PIN was right."""

    def __init__(self, pin: str) -> None:
        self._pin = pin.encode()
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = _context().wrap_bio(self._in, self._out, server_side=True)
        self.left = False
        """True when the controller said goodbye."""
        self._agreed = self._open = False
        self._said = b""
        self._wrong = 0

    def hear(self, ciphertext: bytes) -> bytes:
        """Packets for the display; SSLError when this is no TLS."""
        self._in.write(ciphertext)
        plain = b""
        try:
            if not self._agreed:
                self._tls.do_handshake()
                self._agreed = True
            while part := self._tls.read(CHUNK):
                plain += part
            self.left = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.left = True
        return plain if self._open else self._knock(plain)

    def say(self, packet: bytes) -> bytes:
        """Ciphertext of what the display says."""
        self._tls.write(packet)
        return self.spoken()

    def spoken(self) -> bytes:
        """Ciphertext that waits: the handshake, the word about the PIN."""
        return self._out.read()

    def _knock(self, plain: bytes) -> bytes:
        self._said += plain
        while not self._open and len(self._said) >= len(self._pin):
            given, self._said = self._said[: len(self._pin)], self._said[len(self._pin) :]
            self._open = given == self._pin and self._wrong < MAX_WRONG
            self._wrong += not self._open
            blocked = self._wrong > MAX_WRONG
            self._tls.write(b"MDCAUTH<<PASS>>" if self._open else b"MDCAUTH<<FAIL:000%d>>" % (2 if blocked else 1))
        rest, self._said = (self._said, b"") if self._open else (b"", self._said)
        return rest


@cache
def _context() -> ssl.SSLContext:
    """With a certificate nobody has signed, as displays have."""
    from cryptography import x509  # noqa: PLC0415  # only a display with its secured protocol on needs it
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "MDC simulator")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )
    pem, private = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        both = Path(folder) / "display.pem"
        both.write_bytes(key.private_bytes(pem, private, serialization.NoEncryption()) + certificate.public_bytes(pem))
        context.load_cert_chain(both)
    return context
