"""A test authority: root, intermediate, and what they issue. Every name says that it is a test."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

COUNTRY = "ID"
ORGANISATION = "Otoritas Uji smartroom"
_CLOCK_SLACK = timedelta(minutes=5)
_CA_LIFE = timedelta(days=3650)
_LIFE = timedelta(days=730)


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate with its key and the certificates up to the root, root last."""

    certificate: x509.Certificate
    key: PrivateKey
    chain: tuple[x509.Certificate, ...]

    def pkcs12(self, passphrase: str) -> bytes:
        """All of it as a PKCS#12 file."""
        return pkcs12.serialize_key_and_certificates(
            None,
            self.key,
            self.certificate,
            list(self.chain),
            serialization.BestAvailableEncryption(passphrase.encode()),
        )


@dataclass(slots=True)
class TestAuthority:
    """Root and intermediate with a responder and a timestamp unit; knows which serial numbers are revoked."""

    __test__ = False  # not a test case, whatever its name begins with

    root: Issued
    intermediate: Issued
    responder: Issued
    stamper: Issued
    url: str
    revoked: dict[int, datetime] = field(default_factory=dict)

    @classmethod
    def create(cls, url: str, now: datetime | None = None) -> Self:
        """A new authority whose services will answer at `url` (no slash at the end)."""
        now = now or datetime.now(UTC)
        root = _authority_certificate("Akar Uji smartroom", None, now, url)
        intermediate = _authority_certificate("CA Uji smartroom", root, now, url)
        responder = _leaf(
            intermediate, _name("Responder OCSP Uji"), now, _CA_LIFE, None, purpose=ExtendedKeyUsageOID.OCSP_SIGNING
        )
        stamper = _leaf(
            intermediate,
            _name("Otoritas Waktu Uji"),
            now,
            _CA_LIFE,
            url,
            purpose=ExtendedKeyUsageOID.TIME_STAMPING,
            key=rsa.generate_private_key(65537, 2048),
        )
        return cls(root, intermediate, responder, stamper, url)

    @classmethod
    def open(cls, folder: Path, url: str) -> Self:
        """The authority kept in a folder; a new one when it is empty, or was made for other addresses."""
        names = ("root", "intermediate", "responder", "stamper")
        kept = folder / "url"
        if kept.is_file() and kept.read_text() == url:
            root, intermediate, responder, stamper = (_read(folder, name) for name in names)
            return cls(root, intermediate, responder, stamper, url)
        made = cls.create(url)
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            _write(folder, name, getattr(made, name))
        kept.write_text(url)
        return made

    def issue(
        self,
        name: str,
        *,
        organisation: str = "Pemerintah Kota Uji",
        now: datetime | None = None,
        life: timedelta = _LIFE,
        personal_number: str | None = None,
    ) -> Issued:
        """A signing certificate; times in the past make an expired one. A personal number goes where real authorities put it."""
        attributes = [
            x509.NameAttribute(NameOID.COUNTRY_NAME, COUNTRY),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
        if personal_number is not None:
            attributes.append(x509.NameAttribute(NameOID.SERIAL_NUMBER, personal_number))
        return _leaf(self.intermediate, x509.Name(attributes), now or datetime.now(UTC), life, self.url)

    def revoke(self, certificate: x509.Certificate, at: datetime | None = None) -> None:
        """From now on the services say that it is revoked since `at`."""
        self.revoked[certificate.serial_number] = at or datetime.now(UTC)

    def answer(self, request: bytes) -> bytes:
        """An OCSP response (RFC 6960) signed by the delegated responder; unknown serial numbers are said to be unknown."""
        asked = ocsp.load_der_ocsp_request(request)
        now = datetime.now(UTC).replace(microsecond=0)
        since = self.revoked.get(asked.serial_number)
        builder = ocsp.OCSPResponseBuilder().add_response_by_hash(
            issuer_name_hash=asked.issuer_name_hash,
            issuer_key_hash=asked.issuer_key_hash,
            serial_number=asked.serial_number,
            algorithm=asked.hash_algorithm,
            cert_status=ocsp.OCSPCertStatus.REVOKED if since else ocsp.OCSPCertStatus.GOOD,
            this_update=now,
            next_update=now + timedelta(hours=12),
            revocation_time=since,
            revocation_reason=x509.ReasonFlags.key_compromise if since else None,
        )
        for extension in asked.extensions:
            if isinstance(extension.value, x509.OCSPNonce):
                builder = builder.add_extension(extension.value, critical=False)
        assert isinstance(self.responder.key, ec.EllipticCurvePrivateKey)
        response = (
            builder.responder_id(ocsp.OCSPResponderEncoding.HASH, self.responder.certificate)
            .certificates([self.responder.certificate])
            .sign(self.responder.key, hashes.SHA256())
        )
        return response.public_bytes(serialization.Encoding.DER)

    def revocation_list(self, issuer: Issued) -> bytes:
        """A certificate revocation list (RFC 5280) of root or intermediate, DER."""
        now = datetime.now(UTC).replace(microsecond=0)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(issuer.certificate.subject)
            .last_update(now)
            .next_update(now + timedelta(hours=12))
        )
        if issuer is self.intermediate:
            for serial, since in self.revoked.items():
                builder = builder.add_revoked_certificate(
                    x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(since).build()
                )
        assert isinstance(issuer.key, ec.EllipticCurvePrivateKey)
        key = x509.SubjectKeyIdentifier.from_public_key(issuer.key.public_key())
        identifier = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(key)
        made = (
            builder.add_extension(identifier, critical=False)
            .add_extension(x509.CRLNumber(int(now.timestamp())), critical=False)
            .sign(issuer.key, hashes.SHA256())
        )
        return made.public_bytes(serialization.Encoding.DER)


def pem(certificate: x509.Certificate) -> str:
    """A certificate as PEM text."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _authority_certificate(name: str, issuer: Issued | None, now: datetime, url: str) -> Issued:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(name)
    signer = issuer.key if issuer else key
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    builder = (
        _builder(subject, issuer.certificate.subject if issuer else subject, key, now, _CA_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None if issuer is None else 0), critical=True)
        .add_extension(_usage(authority=True), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()),
            critical=False,
        )
    )
    if issuer is not None:
        builder = builder.add_extension(_list_at(f"{url}/root.crl"), critical=False)
    certificate = builder.sign(signer, hashes.SHA256())
    return Issued(certificate, key, (issuer.certificate, *issuer.chain) if issuer else ())


def _leaf(
    issuer: Issued,
    subject: x509.Name,
    now: datetime,
    life: timedelta,
    url: str | None,
    purpose: x509.ObjectIdentifier | None = None,
    key: PrivateKey | None = None,
) -> Issued:
    key = key or ec.generate_private_key(ec.SECP256R1())
    signer = issuer.key
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    builder = (
        _builder(subject, issuer.certificate.subject, key, now, life)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(authority=False), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if url is None:  # the responder's own certificate need not be asked about (RFC 6960 4.2.2.2.1)
        builder = builder.add_extension(x509.OCSPNoCheck(), critical=False)
    else:
        at = x509.UniformResourceIdentifier(f"{url}/ocsp")
        access = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, at)
        builder = builder.add_extension(x509.AuthorityInformationAccess([access]), critical=False)
        builder = builder.add_extension(_list_at(f"{url}/intermediate.crl"), critical=False)
    if purpose is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=True)
    return Issued(builder.sign(signer, hashes.SHA256()), key, (issuer.certificate, *issuer.chain))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: PrivateKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SLACK)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, COUNTRY),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANISATION),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def _list_at(url: str) -> x509.CRLDistributionPoints:
    return x509.CRLDistributionPoints(
        [
            x509.DistributionPoint(
                [x509.UniformResourceIdentifier(url)], relative_name=None, reasons=None, crl_issuer=None
            )
        ]
    )


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _write(folder: Path, name: str, issued: Issued) -> None:
    key = issued.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / f"{name}.key"
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(key)
    (folder / f"{name}.pem").write_text("".join(pem(each) for each in (issued.certificate, *issued.chain)))


def _read(folder: Path, name: str) -> Issued:
    key = serialization.load_pem_private_key((folder / f"{name}.key").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)
    certificate, *chain = x509.load_pem_x509_certificates((folder / f"{name}.pem").read_bytes())
    return Issued(certificate, key, tuple(chain))
