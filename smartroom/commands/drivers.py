"""`smartroom drivers new | check`: a family of one's own, begun and held to the SDK's promises."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from devices.sdk.catalog import BUILT_IN, Family, find_families, load_family
from devices.sdk.document import DocumentError
from devices.sdk.errors import BadSetting
from devices.sdk.testing.conformance import Finding, check_driver

PROFILES = BUILT_IN / "ascii_matrix" / "profiles"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_TEMPLATE = "template_family"
_VARIANT = """\
# A shipped family under a name of its own; docs/guides/new-matrix.md explains both files.
extends: ascii_matrix
family: {name}
title: {title}
maker: ""
defaults: {{profile: ./profile.yaml, inputs: 4, outputs: 4}}
"""


class CannotMake(ValueError):
    """A family that cannot be begun; says why and what to do."""


def new_family(name: str, folder: Path, profile: str | None = None) -> list[Path]:
    """Begin a family in `folder`/`name`; returns the files written.

    With a profile: two YAML files of an HDMI matrix, a copy of that dialect to change. Without: a whole working family in Python. CannotMake says why not.
    """
    if not _NAME.fullmatch(name):
        raise CannotMake(f"'{name}' is no family name. Fix: small letters, digits and _, beginning with a letter")
    if name in find_families():
        raise CannotMake(
            f"'{name}' ships already, and one of the same name would take its place. Fix: choose another name"
        )
    target = folder / name
    if target.exists():
        raise CannotMake(f"{target} exists. Fix: choose another name, or remove it")
    files = _template(name) if profile is None else _matrix(name, profile)
    for path, text in files.items():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        (target / path).write_text(text, "utf-8")
    return [target / path for path in files]


def family_named(name: str, folder: Path | None) -> Family:
    """A shipped family, or one of `folder`; BadSetting or DocumentError says what is wrong."""
    families = find_families(*([folder] if folder else []))
    if name not in families:
        raise BadSetting(f"no family '{name}'; there are: {', '.join(sorted(families))}", key="driver")
    return load_family(families[name])


async def check_family(name: str, folder: Path | None) -> Sequence[Finding]:
    """Everything that is wrong with a family; takes some seconds."""
    try:
        family = family_named(name, folder)
    except DocumentError as error:
        return [Finding("manifest", str(error))]
    return await check_driver(family.folder)


def _template(name: str) -> dict[Path, str]:
    source = BUILT_IN / "_template"
    files = [path for path in sorted(source.rglob("*")) if path.is_file() and "__pycache__" not in path.parts]
    return {path.relative_to(source): path.read_text("utf-8").replace(_TEMPLATE, name) for path in files}


def _matrix(name: str, profile: str) -> dict[Path, str]:
    source = PROFILES / f"{profile}.yaml"
    dialects = sorted(path.stem for path in PROFILES.glob("*.yaml"))
    if profile not in dialects:
        raise CannotMake(f"no dialect '{profile}' to begin with. Fix: one of {', '.join(dialects)}")
    title = name.replace("_", " ").capitalize()
    return {
        Path("driver.yaml"): _VARIANT.format(name=name, title=title),
        Path("profile.yaml"): source.read_text("utf-8"),
    }
