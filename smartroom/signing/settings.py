"""`signing.toml`: keys, trusted roots and services of the sealing process. Paths in it are relative to it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from smartroom.protocol.base import Id
from smartroom.protocol.signing import SigningCode
from smartroom.signing.errors import SigningFault

Url = Annotated[str, Field(pattern=r"^https?://[^\s/@]+(/\S*)?$")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class KeySettings(_Section):
    """One PKCS#12 file."""

    file: Path
    passphrase_file: Path | None = None
    """File of the agency seal's passphrase, mode 0600; none = it comes with each request."""
    certificate: Path | None = None
    """The certificate as PEM, so that its state can be told before anybody gives the passphrase."""
    rehearsal: bool = False


class Trust(_Section):
    """Where certificates must lead."""

    roots: list[Path] = []
    intermediates: list[Path] = []
    """All that answers may leave out; ship those of every authority in use."""


class Timestamps(_Section):
    """The timestamp authority (RFC 3161)."""

    url: Url


class RemoteSettings(_Section):
    """A remote signing service."""

    kind: Literal["bsre"] = "bsre"
    url: Url
    user: str
    password_file: Path
    """The application's password at the service, mode 0600."""
    rehearsal: bool = False
    plain_http: bool = False
    """Set to true only when the service stands in a private VLAN: passphrases travel on this connection."""


class SigningSettings(_Section):
    """The whole file."""

    folder: Path
    """Set by the loader: where the file stands; the journal-head key is kept there."""
    keys: dict[Id, KeySettings] = {}
    trust: Trust = Trust()
    timestamps: Timestamps | None = None
    hosts: list[str] = []
    """`host` or `host:port` of OCSP and CRL services that may be asked, beside the timestamp authority's own."""
    remote: dict[Id, RemoteSettings] = {}

    def at(self, path: Path) -> Path:
        """A path of the file, made absolute."""
        return self.folder / path


def load_settings(file: Path) -> SigningSettings:
    """Read and check; SigningFault(CONFIGURATION) names the file, the key and what is wrong."""
    try:
        values = tomllib.loads(file.read_text())
        return SigningSettings.model_validate(values | {"folder": file.resolve().parent})
    except OSError as error:
        raise SigningFault(SigningCode.CONFIGURATION, f"{file}: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise SigningFault(SigningCode.CONFIGURATION, f"{file}: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise SigningFault(SigningCode.CONFIGURATION, f"{file}: {where}: {first['msg']}") from error


def read_secret(path: Path) -> str:
    """First line of a file nobody else may read; SigningFault(CONFIGURATION) otherwise."""
    try:
        if path.stat().st_mode & 0o077:
            raise SigningFault(SigningCode.CONFIGURATION, f"{path}: others may read it. Fix: chmod 600")
        return path.read_text().splitlines()[0]
    except OSError as error:
        raise SigningFault(SigningCode.CONFIGURATION, f"{path}: {error.strerror}") from error
    except IndexError:
        raise SigningFault(SigningCode.CONFIGURATION, f"{path}: it is empty") from None
