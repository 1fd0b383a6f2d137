"""Settings of one device: what room.yaml says, checked against driver.yaml. Every refusal names the key and the fix."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from devices.sdk.errors import BadSetting
from devices.sdk.manifest import Manifest, SettingSpec, ValueType


class Settings:
    """Checked settings with typed access; missing ones have the default of driver.yaml."""

    def __init__(self, manifest: Manifest, given: Mapping[str, object]) -> None:
        for key in given:
            if key not in manifest.settings:
                near = get_close_matches(key, manifest.settings, n=1)
                hint = (
                    f"did you mean '{near[0]}'?"
                    if near
                    else f"{manifest.family} knows: {', '.join(manifest.settings) or 'none'}"
                )
                message = f"unknown setting '{key}'; {hint}"
                raise BadSetting(message, key=key)
        self._values = {
            key: _checked(key, spec, given.get(key, spec.default)) for key, spec in manifest.settings.items()
        }
        self.secrets = frozenset(key for key, spec in manifest.settings.items() if spec.secret)

    def knows(self, key: str) -> bool:
        """Whether the family has such a setting."""
        return key in self._values

    def text(self, key: str) -> str:
        """A text setting; empty when it is not given."""
        value = self._values[key]
        return "" if value is None else str(value)

    def integer(self, key: str) -> int:
        """An integer setting; 0 when it is not given."""
        value = self._values[key]
        return value if isinstance(value, int) else 0

    def number(self, key: str) -> float:
        """A number; 0.0 when it is not given."""
        value = self._values[key]
        return float(value) if isinstance(value, int | float) else 0.0

    def boolean(self, key: str) -> bool:
        """A boolean; False when it is not given."""
        return self._values[key] is True

    def mapping(self, key: str) -> Mapping[str, object]:
        """A mapping of names; empty when it is not given."""
        value = self._values[key]
        return value if isinstance(value, dict) else {}


def _checked(key: str, spec: SettingSpec, value: object) -> object:
    if value is None:
        if spec.required:
            message = f"setting '{key}' is missing ({spec.help})"
            raise BadSetting(message, key=key)
        return None
    if spec.type is ValueType.CHOICE and isinstance(value, int) and not isinstance(value, bool):
        value = str(value)  # YAML reads the word in `class: 1` as a number
    expected: dict[ValueType, tuple[type, ...]] = {
        ValueType.BOOLEAN: (bool,),
        ValueType.INTEGER: (int,),
        ValueType.NUMBER: (int, float),
        ValueType.TEXT: (str,),
        ValueType.CHOICE: (str,),
        ValueType.MAPPING: (dict,),
    }
    shown = "***" if spec.secret else repr(value)
    if not isinstance(value, expected.get(spec.type, (object,))) or (
        isinstance(value, bool) and spec.type is not ValueType.BOOLEAN
    ):
        message = f"setting '{key}' is {shown}, but must be of type {spec.type} ({spec.help})"
        raise BadSetting(message, key=key)
    if spec.type is ValueType.CHOICE and value not in spec.values:
        message = f"setting '{key}' is {shown}, but must be one of {', '.join(spec.values)}"
        raise BadSetting(message, key=key)
    if isinstance(value, int | float) and not isinstance(value, bool):
        low, high = spec.minimum, spec.maximum
        if (low is not None and value < low) or (high is not None and value > high):
            message = (
                f"setting '{key}' is {shown}, but must lie between {low:g} and {high:g}"
                if low is not None and high is not None
                else f"setting '{key}' is {shown}: out of range"
            )
            raise BadSetting(message, key=key)
    return value
