"""Keys in PKCS#12 files: opened for one signature, states told without their passphrase."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from asn1crypto import x509
from cryptography.hazmat.primitives.serialization import pkcs12
from pyhanko.keys import load_certs_from_pemder_data
from pyhanko.sign.signers import SimpleSigner

from smartroom.protocol.signing import CertificateState, Key, SigningCode
from smartroom.signing import limits
from smartroom.signing.errors import SigningFault
from smartroom.signing.settings import KeySettings, SigningSettings, read_secret


@dataclass(slots=True)
class _Guesses:
    wrong: int = 0
    closed_until: float = 0.0


@dataclass(frozen=True, slots=True)
class Keyring:
    """The configured keys."""

    settings: SigningSettings
    _guesses: dict[str, _Guesses] = field(default_factory=dict)

    def open(self, name: str, passphrase: str | None, *, rehearsal: bool) -> SimpleSigner:
        """A signer for one use; SigningFault with the reason it cannot sign now."""
        key = self._key(name)
        if key.rehearsal is not rehearsal:
            kind = "a rehearsal's key" if key.rehearsal else "a real key"
            raise SigningFault(SigningCode.REHEARSAL, f"{name} is {kind}")
        given = passphrase
        if given is None:
            if key.passphrase_file is None:
                raise SigningFault(SigningCode.WRONG_PASSPHRASE, f"{name} needs its passphrase")
            given = read_secret(self.settings.at(key.passphrase_file))
        signer = self._load(name, self.settings.at(key.file), given)
        state = state_of(signer.signing_cert, datetime.now(UTC))
        if state is CertificateState.EXPIRED:
            raise SigningFault(SigningCode.EXPIRED, f"the certificate of {name} has expired")
        if state is CertificateState.NOT_YET_VALID:
            raise SigningFault(SigningCode.NOT_YET_VALID, f"the certificate of {name} is not valid yet")
        return signer

    def certificate(self, name: str) -> x509.Certificate | None:
        """A key's certificate as far as it can be had without asking anybody for a passphrase."""
        key = self._key(name)
        if key.certificate is not None:
            return next(iter(load_certificates([self.settings.at(key.certificate)])), None)
        if key.passphrase_file is not None:
            path = self.settings.at(key.file)
            return self._load(name, path, read_secret(self.settings.at(key.passphrase_file))).signing_cert
        return None

    def describe(self, name: str) -> Key:
        """What is known of a key; a key whose file is broken is UNKNOWN."""
        key = self._key(name)
        asks = key.passphrase_file is None
        try:
            certificate = self.certificate(name)
        except SigningFault:
            certificate = None
        if certificate is None:
            return Key(name=name, state=CertificateState.UNKNOWN, rehearsal=key.rehearsal, asks_passphrase=asks)
        return Key(
            name=name,
            state=state_of(certificate, datetime.now(UTC)),
            subject=common_name(certificate.subject),
            issuer=common_name(certificate.issuer),
            expires=certificate.not_valid_after,
            rehearsal=key.rehearsal,
            asks_passphrase=asks,
        )

    def _key(self, name: str) -> KeySettings:
        try:
            return self.settings.keys[name]
        except KeyError:
            raise SigningFault(SigningCode.NO_KEY, f"no key named {name}") from None

    def _load(self, name: str, path: Path, passphrase: str) -> SimpleSigner:
        guesses = self._guesses.setdefault(name, _Guesses())
        if time.monotonic() < guesses.closed_until:
            raise SigningFault(SigningCode.BUSY, f"too many wrong passphrases for {name}: wait a minute")
        try:
            file = path.read_bytes()
        except OSError as error:
            raise SigningFault(SigningCode.CONFIGURATION, f"{path}: {error.strerror}") from error
        try:
            pkcs12.load_pkcs12(file, passphrase.encode())
            signer: SimpleSigner = SimpleSigner.load_pkcs12_data(file, other_certs=[], passphrase=passphrase.encode())
        except ValueError as error:
            # One word for a wrong passphrase and a damaged file: the library cannot tell them apart.
            guesses.wrong += 1
            if guesses.wrong >= limits.PASSPHRASE_TRIES:
                guesses.wrong = 0
                guesses.closed_until = time.monotonic() + limits.PASSPHRASE_PAUSE_S
            sentence = f"wrong passphrase for {name}, or its file is damaged"
            raise SigningFault(SigningCode.WRONG_PASSPHRASE, sentence) from error
        guesses.wrong = 0
        return signer


def state_of(certificate: x509.Certificate, now: datetime) -> CertificateState:
    """By its dates alone."""
    if now > certificate.not_valid_after:
        return CertificateState.EXPIRED
    if now < certificate.not_valid_before:
        return CertificateState.NOT_YET_VALID
    return CertificateState.ISSUE


def common_name(name: x509.Name) -> str:
    """The CN, cut to what a page shows; empty without one."""
    return str(name.native.get("common_name", ""))[:80]


def load_certificates(files: list[Path]) -> list[x509.Certificate]:
    """Certificates of PEM or DER files; SigningFault(CONFIGURATION) names a bad file."""
    found: list[x509.Certificate] = []
    for file in files:
        try:
            found.extend(load_certs_from_pemder_data(file.read_bytes()))
        except (OSError, ValueError) as error:
            raise SigningFault(SigningCode.CONFIGURATION, f"{file}: no certificate: {error}") from error
    return found
