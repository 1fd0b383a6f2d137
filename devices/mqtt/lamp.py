"""What stands behind the simulated broker: one device as zigbee2mqtt shows it. Messages in, messages out; no socket.

Written from zigbee2mqtt's documentation ("MQTT Topics and Messages"), with nothing of the driver's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

Publish = Callable[[str, bytes, bool], None]
"""Topic below the device's own, payload, retained."""


class Lamp:
    """Switches and, where it can be dimmed, a brightness. `radio` False: it does not answer over the air."""

    def __init__(self, keys: Mapping[str, int], publish: Publish, *, dimmable: bool) -> None:
        self.switches = dict.fromkeys(keys, False)
        self.brightness: int | None = 254 if dimmable else None
        self.radio = True
        self.lies = False
        self._publish = publish

    def announce(self) -> None:
        """Tell whether it is there, kept by the broker."""
        word = "online" if self.radio else "offline"
        self._publish("availability", json.dumps({"state": word}).encode(), True)

    def heard(self, suffix: str, payload: bytes) -> None:
        """A message to `set` or `get`. What cannot be read or reached is only logged by zigbee2mqtt: nothing is published."""
        try:
            asked = json.loads(payload)
        except (ValueError, RecursionError):
            return
        if not isinstance(asked, dict) or not self.radio:
            return
        if suffix == "get":
            if set(asked) & set(self.state()):
                self.tell()
        elif suffix == "set" and (wanted := self._understood(asked)):
            if not self.lies:
                self.switches.update({key: value for key, value in wanted.items() if isinstance(value, bool)})
                if isinstance(dimmed := wanted.get("brightness"), int):
                    self.brightness = dimmed or self.brightness
                    self.switches = dict.fromkeys(self.switches, dimmed > 0)
            self.tell(wanted)  # optimistic, before the device itself reports

    def tell(self, claimed: Mapping[str, bool | int] | None = None) -> None:
        """Publish the whole state, with what was just asked for in the place of what is."""
        state = self.state()
        for key, value in (claimed or {}).items():
            state[key] = _word(value) if isinstance(value, bool) else value
        self._publish("", json.dumps(state | {"linkquality": 102}).encode(), False)

    def state(self) -> dict[str, object]:
        """As it is published."""
        words: dict[str, object] = {key: _word(on) for key, on in self.switches.items()}
        return words if self.brightness is None else words | {"brightness": self.brightness}

    def _understood(self, asked: Mapping[str, object]) -> dict[str, bool | int]:
        wanted: dict[str, bool | int] = {}
        for key, value in asked.items():
            word = value.upper() if isinstance(value, str) else ""
            if key in self.switches and word in {"ON", "OFF", "TOGGLE"}:
                wanted[key] = word == "ON" if word != "TOGGLE" else not self.switches[key]
            elif key == "brightness" and self.brightness is not None and isinstance(value, int | float):
                wanted[key] = max(0, min(254, int(value)))
        return wanted


def _word(on: bool) -> str:
    return "ON" if on else "OFF"
