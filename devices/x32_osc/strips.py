"""Strips of a console and where they are found in its address space. Sources: the unofficial X32 OSC protocol (Maillot, 4.06), X-Air OSC commands."""

from __future__ import annotations

import re
from collections.abc import Mapping

from devices.sdk import BadSetting, Settings

_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_STRIP = re.compile(r"([a-z]+)(\d{1,2})?")
_BASES: Mapping[str, Mapping[str, tuple[str, int]]] = {
    "x32": {
        "main": ("/main/st/mix", 0),
        "mono": ("/main/m/mix", 0),
        "ch": ("/ch/{:02}/mix", 32),
        "aux": ("/auxin/{:02}/mix", 8),
        "fx": ("/fxrtn/{:02}/mix", 8),
        "bus": ("/bus/{:02}/mix", 16),
        "mtx": ("/mtx/{:02}/mix", 6),
        "dca": ("/dca/{}", 8),
    },
    "xair": {
        "main": ("/lr/mix", 0),
        "ch": ("/ch/{:02}/mix", 16),
        "aux": ("/rtn/aux/mix", 0),
        "fx": ("/rtn/{}/mix", 4),
        "bus": ("/bus/{}/mix", 6),
        "dca": ("/dca/{}", 4),
    },
}
SCENES: Mapping[str, tuple[str, str, int, int]] = {
    "x32": ("/-show/prepos/current", "/-action/goscene", 0, 99),
    "xair": ("/-snap/index", "/-snap/load", 1, 64),
}
"""Where the present scene is read, where one is recalled, first and last number."""


def addresses(settings: Settings) -> dict[str, str]:
    """Name of room.yaml -> address of the strip, to which `/fader` and `/on` are added; BadSetting says what is wrong with a name or a strip."""
    wanted = settings.mapping("channels") or {"main": "main"} | {f"ch{number}": f"ch{number}" for number in range(1, 9)}
    bases = _BASES[settings.text("model")]
    found: dict[str, str] = {}
    for name, strip in wanted.items():
        if not _NAME.fullmatch(name):
            raise BadSetting(
                f"channel '{name}': use small letters, digits and _, beginning with a letter", key="channels"
            )
        parts = _STRIP.fullmatch(str(strip))
        base, count = bases.get(parts[1], ("", -1)) if parts else ("", -1)
        number = int(parts[2]) if parts and parts[2] else 0
        if count < 0 or not (number == 0 if count == 0 else 1 <= number <= count):
            raise BadSetting(f"channel '{name}': '{strip}' is no strip; there are {_known(bases)}", key="channels")
        if (address := base.format(number)) in found.values():
            raise BadSetting(f"channel '{name}': strip '{strip}' has another name already", key="channels")
        found[name] = address
    return found


def _known(bases: Mapping[str, tuple[str, int]]) -> str:
    return ", ".join(f"{name}1..{name}{count}" if count else name for name, (_, count) in bases.items())
