"""Known holes stay closed: what is installed is not older than requirements/advisories.toml asks."""

import importlib.metadata
import re
import tomllib
from pathlib import Path

import pytest
from aiohttp import http_parser
from cryptography.hazmat.backends.openssl import backend
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
ADVISORIES = tomllib.loads((ROOT / "requirements/advisories.toml").read_text())


@pytest.mark.parametrize("package", sorted(ADVISORIES["packages"]))
def test_no_package_is_older_than_its_last_hole(package: str) -> None:
    """The installed version is at or above the floor whose reason stands beside it."""
    floor = ADVISORIES["packages"][package]
    assert Version(importlib.metadata.version(package)) >= Version(floor["floor"]), floor["reason"]


def test_the_openssl_inside_cryptography_is_new_enough() -> None:
    """A wheel brings its own OpenSSL, which no system update reaches: its version is read from the library itself."""
    floor = ADVISORIES["inside"]["cryptography"]["openssl"]
    found = re.match(r"OpenSSL (\S+)", backend.openssl_version_text())
    assert found
    assert Version(found[1]) >= Version(floor["floor"]), floor["reason"]


def test_http_is_parsed_by_the_compiled_parser() -> None:
    """The slower pure-Python parser has had holes of its own; the compiled one is in use."""
    assert http_parser.HttpRequestParser.__module__ == "aiohttp._http_parser"


def test_every_floor_is_locked() -> None:
    """A package with a known hole is one we really ship."""
    lock = (ROOT / "requirements/runtime.txt").read_text()
    assert [name for name in ADVISORIES["packages"] if f"\n{name}==" not in f"\n{lock}"] == []
