"""zigbee2mqtt's JSON <-> values. Pure: no socket, no clock.

Source: Zigbee2MQTT documentation, "MQTT Topics and Messages" (`FRIENDLY_NAME`, `/set`, `/get`, `/availability`) and the exposes of lights and
switches: `state` ON or OFF, `brightness` 0..254.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

FULL: Final = 254
"""Brightness of a light at its brightest."""
MAX_MESSAGE: Final = 16 * 1024
"""A device's whole state is some hundred bytes; with its update notices a few thousand."""


def is_topic(text: str) -> bool:
    """True for a topic one can publish to: no wildcards, no empty level, no control characters."""
    return bool(text) and all(text.split("/")) and text.isprintable() and not set(text) & set("+#")


def state_keys(relays: int, own: Mapping[str, object]) -> dict[int, str]:
    """Key of each switch: `state`, or `state_l1`, `state_l2` ..., or the device's own."""
    usual = {1: "state"} if relays == 1 else {number: f"state_l{number}" for number in range(1, relays + 1)}
    return usual | {number: key for key, number in own.items() if isinstance(number, int)}


def switch(states: Mapping[str, bool]) -> str:
    """Payload for `/set` that switches."""
    return json.dumps({key: "ON" if on else "OFF" for key, on in states.items()})


def dim(percent: float) -> str:
    """Payload for `/set` that dims; 0 would switch off, so the least is 1 of 254."""
    return json.dumps({"brightness": brightness(percent)})


def ask(key: str) -> str:
    """Payload for `/get`."""
    return json.dumps({key: ""})


def brightness(percent: float) -> int:
    """1..254 for 0..100 percent."""
    return max(1, round(percent * FULL / 100))


def parse_state(payload: bytes) -> dict[str, object] | None:
    """A device's state; None when it is no JSON object."""
    try:
        found = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def closed(state: Mapping[str, object], key: str) -> bool | None:
    """Whether a switch is on; None when the state does not tell."""
    told = state.get(key)
    return {"ON": True, "OFF": False}.get(told) if isinstance(told, str) else None


def level(state: Mapping[str, object]) -> float | None:
    """Percent; None when the state does not tell."""
    told = state.get("brightness")
    return told * 100 / FULL if isinstance(told, int) and not isinstance(told, bool) and 0 <= told <= FULL else None


def online(payload: bytes) -> bool | None:
    """Availability in either of its forms: `{"state": "online"}`, or the bare word of older versions."""
    state = parse_state(payload)
    word = state.get("state") if state is not None else payload.decode("utf-8", "replace").strip()
    return {"online": True, "offline": False}.get(word) if isinstance(word, str) else None
