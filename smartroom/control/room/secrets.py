"""The site's secrets: `secrets.yaml`, readable by its owner alone. Values never reach a plan, a page, a trace or a log."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from devices.sdk.document import DocumentError, read_document

SECRETS_FILE = "secrets.yaml"


def load_secrets(site: Path) -> Mapping[str, str]:
    """Names and values; empty without the file. DocumentError when others may read it or it is no plain mapping."""
    path = site / SECRETS_FILE
    if not path.exists():
        return {}
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise DocumentError(str(path), 1, "other users may read this file", fix=f"chmod 600 {path}")
    document = read_document(path)
    if not isinstance(document.value, dict):
        raise document.error((), "must be a list of names and values", fix="projector: the password")
    for name, value in document.value.items():
        if not isinstance(value, str):
            raise document.error((name,), f"secret '{name}' must be text", fix='put it in quotes: "1234"')
    return document.value


class NoSecrets(Mapping[str, str]):
    """Any secret, but not the true one: a rehearsal knows no passwords, and its simulators take the same word."""

    def __getitem__(self, name: str) -> str:
        return "1234"

    def __contains__(self, name: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0
