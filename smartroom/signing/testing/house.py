"""A folder with everything a sealing process needs, made from the test authority: `signing.toml`, roots, keys, passwords."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from smartroom.signing.testing.authority import Issued, TestAuthority, pem

PASSPHRASE = "rahasia-uji"  # noqa: S105  # of the test keys
SIGNER, SEAL, REHEARSAL, SERVICE = "wali-kota", "segel", "gladi", "bsre"

_TOML = """\
hosts = ["{host}"]

[keys.wali-kota]
file = "wali-kota.p12"
certificate = "wali-kota.pem"

[keys.segel]
file = "segel.p12"
passphrase_file = "segel.pass"

[keys.gladi]
file = "gladi.p12"
passphrase_file = "segel.pass"
rehearsal = true

[trust]
roots = ["root.pem"]
intermediates = ["intermediate.pem"]

[timestamps]
url = "{url}/tsa"
"""
_BSRE = """
[remote.bsre]
url = "{url}"
user = "{user}"
password_file = "bsre.pass"
plain_http = true
"""


@dataclass(frozen=True, slots=True)
class TestHouse:
    """The folder and whose certificates lie in it."""

    __test__ = False

    folder: Path
    signer: Issued

    @property
    def settings(self) -> Path:
        """The file for `python -m smartroom.signing seal --settings`."""
        return self.folder / "signing.toml"

    @property
    def root(self) -> str:
        """The test root, PEM."""
        return (self.folder / "root.pem").read_text()

    @property
    def intermediate(self) -> str:
        """The test intermediate, PEM."""
        return (self.folder / "intermediate.pem").read_text()


def furnish(
    folder: Path,
    authority: TestAuthority,
    *,
    signer: Issued | None = None,
    bsre: tuple[str, str, str] | None = None,
) -> TestHouse:
    """Write the folder. `bsre` is url, user, password of a simulator; `signer` another certificate for the mayor's key."""
    folder.mkdir(parents=True, exist_ok=True)
    mayor = signer or authority.issue("Wali Kota Uji")
    keys = {
        SIGNER: mayor,
        SEAL: authority.issue("Segel Elektronik Pemerintah Kota Uji"),
        REHEARSAL: authority.issue("Penanda Tangan Gladi"),
    }
    for name, issued in keys.items():
        _secret(folder / f"{name}.p12", issued.pkcs12(PASSPHRASE))
    (folder / f"{SIGNER}.pem").write_text(pem(mayor.certificate))
    (folder / "root.pem").write_text(pem(authority.root.certificate))
    (folder / "intermediate.pem").write_text(pem(authority.intermediate.certificate))
    _secret(folder / "segel.pass", PASSPHRASE.encode())
    toml = _TOML.format(host=urlsplit(authority.url).netloc, url=authority.url)
    if bsre is not None:
        url, user, password = bsre
        _secret(folder / "bsre.pass", password.encode())
        toml += _BSRE.format(url=url, user=user)
    (folder / "signing.toml").write_text(toml)
    return TestHouse(folder, mayor)


def _secret(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
