"""The local certificate authority: an own root for rooms without a public name. The private keys are 0600 and never leave the folder."""

from __future__ import annotations

import hashlib
import ipaddress
import logging
import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from smartroom.control.limits import LEAF_DAYS, LEAF_RENEW_DAYS, ROOT_DAYS

log = logging.getLogger(__name__)

_PRIVATE_NETWORKS = (
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "169.254.0.0/16",
    "127.0.0.0/8",
    "100.64.0.0/10",
    "fc00::/7",
    "fe80::/10",
    "::1/128",
)
_PRIVATE_NAMES = ("localhost", "local", "internal", "lan", "home.arpa")
_CLOCK_SLACK = timedelta(hours=1)  # tablets whose clock is behind


@dataclass(frozen=True, slots=True)
class Certificates:
    """What the server presents, and the root a tablet must know; no root when the certificate was given to us."""

    chain: Path
    key: Path
    root: Path | None
    expires: datetime

    def context(self) -> ssl.SSLContext:
        """TLS 1.2 and newer; raises ssl.SSLError when key and certificate do not fit."""
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.minimum_version = ssl.TLSVersion.TLSv1_2
        made.set_alpn_protocols(["http/1.1"])
        made.load_cert_chain(self.chain, self.key)
        return made


def given(chain: Path, key: Path) -> Certificates:
    """A certificate from elsewhere (an agency's CA, DNS-01)."""
    leaf = x509.load_pem_x509_certificates(chain.read_bytes())[0]
    return Certificates(chain, key, None, leaf.not_valid_after_utc)


def own(folder: Path, names: Sequence[str], now: datetime | None = None) -> Certificates:
    """Our own root in `folder`, and a leaf for host names and addresses: made when missing, near its end or for other names.

    The root can sign for private addresses, for `.local`-like names and for the names it was made with, nothing else.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    moment = now or datetime.now(UTC)
    root_key, root = _root(folder, names, moment)
    chain, key = folder / "server.pem", folder / "server.key"
    wanted = _names(names, root)
    leaf = _load(chain)
    if leaf is None or not key.exists() or not _fits(leaf, root, wanted, moment):
        leaf = _issue(chain, key, root_key, root, wanted, moment)
        log.info("certificate for %s until %s", ", ".join(sorted(names)), leaf.not_valid_after_utc.date())
    return Certificates(chain, key, folder / "root.pem", leaf.not_valid_after_utc)


def fingerprint(certificate: Path) -> str:
    """SHA-256 of a certificate, as browsers and tablets show it."""
    found = x509.load_pem_x509_certificate(certificate.read_bytes())
    plain = hashlib.sha256(found.public_bytes(serialization.Encoding.DER)).hexdigest().upper()
    return ":".join(plain[at : at + 2] for at in range(0, len(plain), 2))


def _root(folder: Path, names: Sequence[str], now: datetime) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    certificate_file, key_file = folder / "root.pem", folder / "root.key"
    known = _load(certificate_file)
    if known is not None and key_file.exists() and known.not_valid_after_utc > now + timedelta(days=LEAF_DAYS):
        key = serialization.load_pem_private_key(key_file.read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return key, known
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"smartroom {now:%Y-%m-%d}")])
    domains = sorted({name for name in names if _address(name) is None} | set(_PRIVATE_NAMES))
    allowed: list[x509.GeneralName] = [x509.DNSName(domain) for domain in domains]
    addresses = [str(found) for name in names if (found := _address(name)) is not None and not _private(found)]
    allowed += [x509.IPAddress(ipaddress.ip_network(network)) for network in (*_PRIVATE_NETWORKS, *sorted(addresses))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SLACK)
        .not_valid_after(now + timedelta(days=ROOT_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.NameConstraints(permitted_subtrees=allowed, excluded_subtrees=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write_key(key_file, key)
    _write(certificate_file, certificate.public_bytes(serialization.Encoding.PEM), 0o644)
    return key, certificate


def _issue(
    chain: Path,
    key_file: Path,
    root_key: ec.EllipticCurvePrivateKey,
    root: x509.Certificate,
    names: frozenset[str],
    now: datetime,
) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    ordered = sorted(names)
    issuer = root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    leaf = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, ordered[0][:64])]))
        .issuer_name(root.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SLACK)
        .not_valid_after(now + timedelta(days=LEAF_DAYS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in ordered]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    _write_key(key_file, key)
    _write(chain, leaf.public_bytes(serialization.Encoding.PEM), 0o644)
    return leaf


def _names(names: Sequence[str], root: x509.Certificate) -> frozenset[str]:
    """What of the names the root may sign for; a public address or a name it does not know would only break the rest."""
    constraints = root.extensions.get_extension_for_class(x509.NameConstraints).value
    domains = [name.value for name in constraints.permitted_subtrees or () if isinstance(name, x509.DNSName)]
    networks = [name.value for name in constraints.permitted_subtrees or () if isinstance(name, x509.IPAddress)]

    def allowed(name: str) -> bool:
        address = _address(name)
        if address is not None:
            return any(
                address in network
                for network in networks
                if isinstance(network, ipaddress.IPv4Network | ipaddress.IPv6Network)
                and network.version == address.version
            )
        return any(name == domain or name.endswith("." + domain) for domain in domains)

    refused = [name for name in names if not allowed(name)]
    if refused:
        log.warning(
            "the local root may not sign for %s; use --tls-cert, or remove its folder to make a new root",
            ", ".join(refused),
        )
    return frozenset(name for name in names if allowed(name)) | {"localhost", "127.0.0.1"}


def _fits(leaf: x509.Certificate, root: x509.Certificate, names: frozenset[str], now: datetime) -> bool:
    present = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    known = {str(name.value) for name in present}
    return (
        leaf.issuer == root.subject
        and names <= known
        and leaf.not_valid_after_utc - now > timedelta(days=LEAF_RENEW_DAYS)
    )


def _load(path: Path) -> x509.Certificate | None:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError):
        return None


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general(name: str) -> x509.GeneralName:
    address = _address(name)
    return x509.DNSName(name) if address is None else x509.IPAddress(address)


def _private(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    networks = map(ipaddress.ip_network, _PRIVATE_NETWORKS)
    return any(address in network for network in networks if network.version == address.version)


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    _write(path, pem, 0o600)


def _write(path: Path, text: bytes, mode: int) -> None:
    """Whole or not at all, with its rights from the first byte."""
    partial = path.with_name(path.name + ".new")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
