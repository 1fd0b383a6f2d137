"""The local certificate authority, judged by OpenSSL itself."""

from __future__ import annotations

import asyncio
import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from smartroom.control.identity import authority
from smartroom.control.identity.authority import Certificates, fingerprint, given, own

NAMES = ("ruang.local", "192.168.7.5", "localhost")


async def handshake(server: Certificates, root: Path, name: str) -> str:
    """Connect as a tablet that knows only `root`; returns the protocol version."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    listening = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=server.context())
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        trust = ssl.create_default_context(cafile=str(root))
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust, server_hostname=name)
        version: str = writer.get_extra_info("ssl_object").version()
        writer.close()
        return version


@pytest.mark.parametrize("name", ["ruang.local", "192.168.7.5", "localhost", "127.0.0.1"])
async def test_a_tablet_that_knows_the_root_trusts_the_server(tmp_path: Path, name: str) -> None:
    """The chain verifies for every host name and address of the server."""
    made = own(tmp_path, NAMES)
    assert made.root is not None
    assert await handshake(made, made.root, name) == "TLSv1.3"


async def test_other_names_and_other_roots_are_refused(tmp_path: Path) -> None:
    """A name that is not in the certificate, and a root of another house, fail the handshake."""
    made, other = own(tmp_path / "a", NAMES), own(tmp_path / "b", NAMES)
    assert made.root is not None
    assert other.root is not None
    with pytest.raises(ssl.SSLCertVerificationError):
        await handshake(made, made.root, "bank.example")
    with pytest.raises(ssl.SSLCertVerificationError):
        await handshake(made, other.root, "ruang.local")


async def test_the_root_cannot_sign_for_the_rest_of_the_world(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Names outside its constraints are left out and named; forced in with the stolen key, tablets refuse them."""
    made = own(tmp_path, ("ruang.local",))
    again = own(tmp_path, ("ruang.local", "bank.example", "8.8.8.8"))
    leaf = x509.load_pem_x509_certificate(again.chain.read_bytes())
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"127.0.0.1", "localhost", "ruang.local"} == {str(name.value) for name in names}
    assert "bank.example" in caplog.text

    key = serialization.load_pem_private_key((tmp_path / "root.key").read_bytes(), None)
    root = x509.load_pem_x509_certificate((tmp_path / "root.pem").read_bytes())
    stolen = (tmp_path / "stolen.pem", tmp_path / "stolen.key")
    authority._issue(*stolen, key, root, frozenset({"bank.example"}), datetime.now(UTC))  # type: ignore[arg-type]
    assert made.root is not None
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree"):
        await handshake(given(*stolen), made.root, "bank.example")


def test_keys_are_for_the_server_alone(tmp_path: Path) -> None:
    """Key files are 0600, the folder is 0700, and nothing half-written stays."""
    own(tmp_path / "tls", NAMES)
    for key in ("root.key", "server.key"):
        assert stat.S_IMODE((tmp_path / "tls" / key).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "tls").stat().st_mode) == 0o700
    assert {"root.key", "root.pem", "server.key", "server.pem"} == {path.name for path in (tmp_path / "tls").iterdir()}


def test_the_leaf_is_renewed_in_time_and_the_root_stays(tmp_path: Path) -> None:
    """90 days; kept with 31 left, renewed with 29; a new address renews at once; enrolled tablets notice nothing."""
    now = datetime.now(UTC)
    first = own(tmp_path, NAMES, now)
    root = (tmp_path / "root.pem").read_bytes()
    assert timedelta(days=89) < first.expires - now <= timedelta(days=90)
    assert first.expires == own(tmp_path, NAMES, now + timedelta(days=59)).expires
    assert first.expires < own(tmp_path, NAMES, now + timedelta(days=61)).expires
    leaf = first.chain.read_bytes()
    own(tmp_path, (*NAMES, "192.168.7.6"), now)
    assert leaf != first.chain.read_bytes()
    assert root == (tmp_path / "root.pem").read_bytes()


def test_a_given_certificate_is_taken_as_it_is(tmp_path: Path) -> None:
    """`--tls-cert` and `--tls-key`: no root to install; a key that does not fit is an error at start."""
    made, other = own(tmp_path / "a", NAMES), own(tmp_path / "b", NAMES)
    assert given(made.chain, made.key).root is None
    given(made.chain, made.key).context()
    with pytest.raises(ssl.SSLError):
        given(made.chain, other.key).context()


def test_the_fingerprint_is_the_one_tablets_show(tmp_path: Path) -> None:
    """SHA-256 over DER, in pairs."""
    made = own(tmp_path, NAMES)
    assert made.root is not None
    shown = fingerprint(made.root)
    assert len(shown) == 95
    known = x509.load_pem_x509_certificate(made.root.read_bytes()).fingerprint(hashes.SHA256())
    assert shown.replace(":", "").lower() == known.hex()
