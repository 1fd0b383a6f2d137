"""`driver.yaml`: what a driver family can do, its settings and its timing. Facts of the device live there, never in a scene and never in code."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from devices.sdk.capabilities import CAPABILITIES, IN_PROCESS
from devices.sdk.document import Document, DocumentError, read_document
from devices.sdk.readings import Value

SHIPPED = Path(__file__).resolve().parent.parent
"""The `devices` package: families that ship."""

_READ_ONLY = frozenset({"signal", "status"})

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


_M = TypeVar("_M", bound=_Model)


class ValueType(StrEnum):
    """Types a property or a setting may have."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    NUMBER = "number"
    TEXT = "text"
    CHOICE = "choice"
    POSITION = "position"
    MAPPING = "mapping"
    """Settings only: names -> numbers (camera presets)."""
    CONTENT = "content"
    """A document as canonical JSON text; only devices of the server itself have it."""


class SettingSpec(_Model):
    """One setting a technician may write beside `driver` and `at` in room.yaml."""

    type: ValueType
    default: object = None
    required: bool = False
    secret: bool = False
    minimum: float | None = None
    maximum: float | None = None
    values: tuple[str, ...] = ()
    example: object = None
    """A value for checks, where it is required and no number."""
    help: str


class PropertySpec(_Model):
    """One property, or a family of them (`route.*`, one for each number up to the setting named by `each`)."""

    capability: str
    type: ValueType
    values: tuple[str, ...] = ()
    """Values a scene may ask for, when `type` is choice."""
    transitional: Mapping[str, str] = Field(default_factory=dict)
    """Values that mean "on the way" and are no failure, with the value they lead to: {warming: on, cooling: off}."""
    minimum: float | None = None
    maximum: float | None = None
    unit: str = ""
    each: str | None = None
    """Setting that holds how many of them exist; required when the name ends with `.*`."""
    readable: bool = True
    settable: bool = True
    tolerance: float = 0.0
    max_age_s: float = 5.0
    """A reading of this connection younger than this may be trusted by a plan."""
    settle_ms: int = 0
    """Wait before the first read-back."""
    expected_ms: int = 50
    """Usual time from command to a matching read-back; shown in plans."""
    deadline_ms: int = 2000
    """After this the property has failed."""
    salvo: bool = False
    """Several sets of this property can be sent as one native command."""
    wears: bool = False
    """The device stores the value in EEPROM or a lamp ages: never write it needlessly."""
    min_interval_s: float = 0.0
    """Shortest time between two changes of the value, against wear of contacts: what comes sooner is Busy, unless it is for safety."""
    reversible: bool = True
    """False where putting it back makes no sense or harm: a lamp that has to cool. Restoring declares it instead."""
    risk: Literal["", "lamp", "eeprom", "relay", "picture"] = ""
    """What a change costs, shown in plans: wear of a lamp, a memory or a contact, or a picture that is gone for a moment."""
    after: Mapping[str, Value] = Field(default_factory=dict)
    """Properties of the same device that must hold before this one is sent: {power: on}."""

    @model_validator(mode="after")
    def _coherent(self) -> PropertySpec:
        if self.capability not in CAPABILITIES and self.capability not in IN_PROCESS:
            message = f"unknown capability '{self.capability}': one of {', '.join(CAPABILITIES)}"
            raise ValueError(message)
        if self.capability in _READ_ONLY and self.settable:
            message = f"'{self.capability}' can only be read: settable: false"
            raise ValueError(message)
        if self.type is ValueType.CHOICE and not self.values and self.settable:
            message = "a choice needs values"
            raise ValueError(message)
        return self


class ActionSpec(_Model):
    """Something that is no state; `arguments` names each argument and its type."""

    arguments: Mapping[Name, ValueType] = Field(default_factory=dict)
    help: str = ""


class Timing(_Model):
    """The device's pace; starting values of the family, measured again when a room is commissioned."""

    min_gap_ms: int = 20
    reply_timeout_ms: int = 1000
    connect_timeout_ms: int = 3000
    settle_ms: int = 0
    """Wait after connecting before the first command."""
    poll_s: float = 2.0
    """How often the whole state is read; with `reply_timeout_ms` it decides how soon a silent device is noticed."""
    keepalive_s: float = 0.0
    """An idle connection gets a harmless question this often; 0 = the poll is enough."""
    release_s: float = 1.0
    """A line the driver does not hold is given back after so long without a word: a set and its read-backs share one connection."""
    retries: int = 1
    max_executing: int = 1
    """Accepted commands the device may still be carrying out (VISCA sockets: 2)."""


class Manifest(_Model):
    """A parsed `driver.yaml`."""

    family: Name
    title: str
    kind: Literal["matrix", "camera", "projector", "display", "audio", "relay", "bridge", "other"]
    maker: str = ""
    driver: str
    """`module:Class` inside the family's folder."""
    simulator: str
    transports: tuple[str, ...]
    default_port: int | None = None
    settings: Mapping[Name, SettingSpec] = Field(default_factory=dict)
    properties: Mapping[str, PropertySpec]
    actions: Mapping[Name, ActionSpec] = Field(default_factory=dict)
    timing: Timing = Timing()
    models_confirmed: tuple[str, ...] = ()
    """Models and firmwares a technician confirmed on hardware."""
    extends: Name | None = None
    """The shipped family whose code this one uses; set when its driver.yaml is a `Variant`."""

    @field_validator("transports")
    @classmethod
    def _known_transports(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        known = ("tcp", "udp", "serial", "wake", "mqtt", "memory")
        unknown = set(value) - set(known)
        if unknown:
            message = f"unknown transport {', '.join(sorted(unknown))}: {', '.join(known)}"
            raise ValueError(message)
        return value

    @model_validator(mode="after")
    def _ordered(self) -> Manifest:
        for name in self.properties:
            seen: list[str] = [name]
            waiting = list(self.properties[name].after)
            while waiting:
                other = waiting.pop()
                if other not in self.properties or other in seen:
                    message = f"'{name}': after names '{other}', which does not exist or waits for it in turn"
                    raise ValueError(message)
                seen.append(other)
                waiting += self.properties[other].after
        return self

    @property
    def capabilities(self) -> tuple[str, ...]:
        """Capabilities the properties belong to, in order of appearance."""
        return tuple(dict.fromkeys(spec.capability for spec in self.properties.values()))

    def spec(self, name: str) -> PropertySpec | None:
        """The spec of a concrete property: `route.3` finds `route.*`."""
        found = self.properties.get(name)
        if found is None and "." in name:
            found = self.properties.get(name.rpartition(".")[0] + ".*")
        return found


class Variant(_Model):
    """A `driver.yaml` without code: a shipped family under another name, with other defaults."""

    extends: Name
    family: Name
    title: str
    maker: str = ""
    default_port: int | None = None
    defaults: Mapping[Name, object] = Field(default_factory=dict)
    """Setting -> its default here; text that begins with `./` is a file beside this driver.yaml."""
    models_confirmed: tuple[str, ...] = ()


@cache
def load_manifest(path: Path) -> Manifest:
    """Read a `driver.yaml`; DocumentError names file, line and fix."""
    document = read_document(path)
    if isinstance(document.value, dict) and "extends" in document.value:
        return _extended(document, _validated(Variant, document), path.parent)
    return _validated(Manifest, document)


def _validated(model: type[_M], document: Document) -> _M:
    try:
        return model.model_validate(document.value)
    except ValidationError as error:
        first = error.errors()[0]
        raise document.error(tuple(first["loc"]), first["msg"], value=str(first["input"])[:80]) from None


def _extended(document: Document, variant: Variant, folder: Path) -> Manifest:
    """The extended family's manifest under the variant's name and with its defaults."""
    if variant.family != folder.name:
        raise document.error(
            ("family",),
            f"family '{variant.family}' and its folder '{folder.name}' differ",
            fix="give both the same name",
        )
    shipped = SHIPPED / variant.extends / "driver.yaml"
    if not shipped.is_file():
        families = ", ".join(sorted(other.parent.name for other in SHIPPED.glob("[a-z]*/driver.yaml")))
        raise document.error(("extends",), f"no shipped family '{variant.extends}'", fix=f"one of {families}")
    base = load_manifest(shipped)
    settings = dict(base.settings)
    for key, value in variant.defaults.items():
        if key not in settings:
            raise document.error(
                ("defaults", key), f"{base.family} has no setting '{key}'", fix=f"one of {', '.join(settings)}"
            )
        here = isinstance(value, str) and value.startswith("./")
        settings[key] = settings[key].model_copy(
            update={"default": str(folder.resolve() / str(value)) if here else value, "required": False}
        )
    names = variant.model_dump(include={"extends", "family", "title", "maker", "models_confirmed"})
    port = variant.default_port if variant.default_port is not None else base.default_port
    return base.model_copy(update={**names, "settings": settings, "default_port": port})


__all__ = [
    "ActionSpec",
    "DocumentError",
    "Manifest",
    "PropertySpec",
    "SettingSpec",
    "Timing",
    "ValueType",
    "Variant",
    "load_manifest",
]
