"""`room.yaml` -> Room. Every refusal names file, line, value and fix."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from devices.sdk.address import Address, parse_address
from devices.sdk.catalog import Family
from devices.sdk.document import Document, Secret, read_document
from devices.sdk.errors import BadSetting, DeviceError
from devices.sdk.readings import Value
from devices.sdk.settings import Settings
from smartroom.control.errors import problem
from smartroom.control.room.model import Device, MeetingPlaces, PropertyKey, Room, SeatCamera, Wire
from smartroom.control.room.names import property_of
from smartroom.control.room.rules import Interlock, LampTimes, Recording, Rules, RulesFile, SoundLimit
from smartroom.protocol.base import Text
from smartroom.protocol.errors import ErrorCode, Problem
from smartroom.protocol.rehearsal import original_of
from smartroom.protocol.state import AudioControl, Output, Source

ROOM_FILE = "room.yaml"
_ID = r"^[a-z0-9][a-z0-9-]{0,63}$"
_PORT_PARTS = 3  # matrix.in.1

Id = Annotated[str, Field(pattern=_ID)]


def _text(value: object) -> object:
    return {"id": value, "en": value} if isinstance(value, str) else value


Words = Annotated[Text, BeforeValidator(_text)]
"""A text in both languages, or one string for both."""


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)


class _SourceFile(_File):
    at: str
    name: Words | None = None
    icon: str = "source"


class _OutputFile(_File):
    matrix: str | None = None
    screen: Id | None = None
    wall: Id | None = None
    name: Words | None = None


class _WallFile(_File):
    name: Words | None = None


class _AudioFile(_File):
    volume: str | None = None
    mute: str | None = None


class _SeatFile(_File):
    camera: Id
    preset: Id
    name: Words | None = None


class _MeetingsFile(_File):
    between: Id | None = None
    seats: Annotated[dict[Id, _SeatFile], Field(max_length=200)] = {}


class _CeremonyFile(_File):
    """Scenes that begin at the same moment as the walls."""

    reveal: Id | None = None
    cover: Id | None = None


class RoomFile(_File):
    """Keys of room.yaml."""

    name: Words
    place: Words | None = None
    timezone: str = Field(default="WIB", pattern=r"^WI(B|TA|T)$")
    order: int = Field(default=0, ge=0, le=999)
    devices: dict[Id, dict[str, object]] = Field(min_length=1, max_length=200)
    sources: dict[Id, str | _SourceFile] = {}
    outputs: dict[Id, _OutputFile] = {}
    walls: Annotated[dict[Id, _WallFile], Field(max_length=64)] = {}
    audio: _AudioFile = _AudioFile()
    meetings: _MeetingsFile = _MeetingsFile()
    ceremony: _CeremonyFile = _CeremonyFile()
    rules: RulesFile = RulesFile()


def load_room(
    folder: Path, families: Mapping[str, Family], secrets: Mapping[str, str], addresses: Mapping[str, str] | None = None
) -> Room:
    """Read a room's folder. `addresses` puts simulators in the place of hardware. DocumentError names file, line and fix."""
    document = read_document(folder / ROOM_FILE)
    if original_of(folder.name) != folder.name:
        raise document.error(
            (), f"'{folder.name}' is the name of a rehearsal's twin", fix="give the folder another name"
        )
    try:
        written = RoomFile.model_validate(document.value)
    except ValidationError as error:
        raise from_validation(document, error) from None
    reader = _Reader(document, families, secrets, addresses or {})
    devices = {key: reader.device(key, value) for key, value in written.devices.items()}
    sources = {key: reader.source(key, value, devices) for key, value in written.sources.items()}
    walls = {key: value.name or _titled(key) for key, value in written.walls.items()}
    outputs = {key: reader.output(key, value, devices, walls) for key, value in written.outputs.items()}
    return Room(
        id=folder.name,
        name=written.name,
        place=written.place,
        timezone=written.timezone,
        order=written.order,
        devices=devices,
        sources=sources,
        outputs=outputs,
        cameras=tuple(key for key, device in devices.items() if device.kind == "camera"),
        volume=reader.audio("volume", written.audio.volume, devices),
        mute=reader.audio("mute", written.audio.mute, devices),
        walls=walls,
        meetings=reader.meetings(written.meetings, devices),
        ceremony=written.ceremony.model_dump(exclude_none=True),
        rules=reader.rules(written.rules, devices, outputs),
        warnings=tuple(reader.warnings),
    )


def from_validation(
    document: Document, error: ValidationError, keys: Mapping[str, Sequence[str]] | None = None
) -> Exception:
    """The first of pydantic's findings, at its line, with a fix where one can be guessed. `keys`: what may stand where."""
    found = error.errors()
    place = _place(found[0]["loc"])
    inside = [item for item in found if _place(item["loc"])[: len(place)] == place]
    first = max(inside, key=lambda item: len(_place(item["loc"])))  # of a value that may be several things, the nearest
    path = _place(first["loc"])
    fix = ""
    if first["type"] == "extra_forbidden":
        allowed = _siblings(keys or _KEYS, error.title, first["loc"])
        near = get_close_matches(str(path[-1]), allowed, n=1)
        fix = f"did you mean '{near[0]}'?" if near else "remove it"
        return document.error(path, f"unknown key '{path[-1]}'", value=str(path[-1]), fix=fix)
    if first["type"] == "missing":
        return document.error(path[:-1], f"'{path[-1]}' is missing", fix=f"add {path[-1]}:")
    if first["type"] == "string_pattern_mismatch":
        fix = "use small letters, digits and -"
    elif first["type"] in _LENGTHS:
        fix = _LENGTHS[first["type"]]
    shown = str(first["input"])[:60]
    return document.error(
        path,
        f"{'.'.join(map(str, path)) or 'file'}: {first['msg']}, found {shown!r}",
        value=shown,
        fix=fix or "see scenes/README.md",
    )


def _place(loc: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Where in the file; what pydantic adds of its own is left out."""
    own = ("_", "function-", "str", "literal[")
    return tuple(part for part in loc if part != "[key]" and not (isinstance(part, str) and part.startswith(own)))


_LENGTHS = {"too_long": "split it in two", "too_short": "add one, or remove the line"}

_KEYS = {
    "RoomFile": [
        "name",
        "place",
        "timezone",
        "order",
        "devices",
        "sources",
        "outputs",
        "walls",
        "audio",
        "meetings",
        "rules",
    ],
    "outputs": ["matrix", "screen", "wall", "name"],
    "walls": ["name"],
    "sources": ["at", "name", "icon"],
    "audio": ["volume", "mute"],
    "rules": ["interlock", "lamp-minimum", "sound-limit", "recording", "relay-rate", "eeprom"],
    "SceneFile": [
        "name",
        "icon",
        "order",
        "danger",
        "hidden",
        "emergency",
        "extends",
        "on_failure",
        "timeout",
        "desired",
        "steps",
    ],
    "steps": ["id", "name", "on_failure", "set", "wait", "ramp", "scene", "if", "then", "else", "parallel"],
}


def _siblings(keys: Mapping[str, Sequence[str]], title: str, path: tuple[str | int, ...]) -> Sequence[str]:
    return keys.get(str(path[0]) if len(path) > 1 else title, [])


@dataclass(frozen=True, slots=True)
class _RuleReader:
    """Properties, values and durations of rules; errors stand where they were written."""

    document: Document
    devices: Mapping[str, Device]
    outputs: Mapping[str, Output]

    def key(self, path: tuple[str | int, ...], written: str, capability: str = "") -> PropertyKey:
        found = property_of(written, self.devices, self.outputs)
        if found is None:
            near = get_close_matches(written.partition(".")[0], self.devices, n=1)
            fix = f"did you mean '{near[0]}'?" if near else f"devices: {', '.join(self.devices)}"
            raise self.document.error(path, f"no device of '{written}'", value=written, fix=fix)
        driver = self.devices[found[0]].driver
        try:
            spec = driver.spec(found[1])
        except DeviceError:
            names = ", ".join(sorted({name.partition(".")[0] for name in driver.properties()}))
            raise self.document.error(
                path, f"{found[0]} has no '{found[1]}'", value=written, fix=f"it has: {names}"
            ) from None
        if capability and spec.capability != capability:
            raise self.document.error(
                path, f"'{written}' is no {capability}", value=written, fix=f"name a {capability} of the room"
            )
        return found

    def sound(self, path: tuple[str | int, ...], written: str) -> PropertyKey:
        """`main` is the volume of that output; else a volume by its full name."""
        output = self.outputs.get(written)
        name = f"{output.device}.volume.{output.output}" if output is not None else written
        return self.key(path, name, "volume")

    def value(self, path: tuple[str | int, ...], name: str, written: object) -> Value:
        device, prop = self.key(path, name)
        plain = tuple(written) if isinstance(written, list) else written
        try:
            return self.devices[device].driver.check(prop, plain)  # type: ignore[arg-type]  # checked here
        except DeviceError as error:
            raise self.document.error(path, str(error), value=str(written)[:60], fix="use one of its values") from None

    def seconds(self, path: tuple[str | int, ...], written: str) -> float:
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m)", written)
        if found is None:
            raise self.document.error(path, f"'{written}' is no duration", value=written, fix="write 30s or 5m")
        return float(found[1]) * (60 if found[2] == "m" else 1)


class _Reader:
    def __init__(
        self,
        document: Document,
        families: Mapping[str, Family],
        secrets: Mapping[str, str],
        addresses: Mapping[str, str],
    ) -> None:
        self.warnings: list[str] = []
        self._document = document
        self._families = families
        self._secrets = secrets
        self._addresses = addresses

    def device(self, key: str, written: Mapping[str, object]) -> Device:
        """One device: its driver, checked settings and address."""
        path = ("devices", key)
        rest = dict(written)
        family = self._family(path, rest.pop("driver", None))
        name = rest.pop("name", None)
        at = rest.pop("at", None)
        labels = self._preset_labels(path, rest)
        missing = self._fill_secrets(path, rest)
        try:
            settings = Settings(family.manifest, rest)
            driver = family.driver(family.manifest, settings)
            simulated = key in self._addresses
            address = self._address(family, self._addresses.get(key, at))
            driver.attach(address)
        except BadSetting as error:
            raise self._document.error(
                (*path, error.key), f"{key}: {error}", fix=f"see devices/{family.manifest.family}/README.md"
            ) from None
        return Device(
            id=key,
            name=self._words((*path, "name"), name, key),
            kind=family.manifest.kind,
            family=family.manifest.family,
            driver=driver,
            wire=Wire(driver, address),
            presets=_numbers(_mapping(settings, "presets")),
            labels=labels,
            channels={str(port): _titled(item) for item, port in _mapping(settings, "channels").items()},
            actions=tuple(family.manifest.actions),
            fingerprint=hashlib.sha256(
                json.dumps([family.manifest.family, str(address), rest], sort_keys=True, default=str).encode()
            ).hexdigest(),
            problem=missing,
            simulated=simulated,
        )

    def source(self, key: str, written: str | _SourceFile, devices: Mapping[str, Device]) -> Source:
        """`podium: matrix.in.1`, or the same with a name and an icon."""
        item = _SourceFile(at=written) if isinstance(written, str) else written
        path = ("sources", key) if isinstance(written, str) else ("sources", key, "at")
        device, number = self._port(path, item.at, "in", devices)
        return Source(id=key, name=item.name or _titled(key), icon=item.icon, device=device, input=number)

    def output(
        self, key: str, written: _OutputFile, devices: Mapping[str, Device], walls: Mapping[str, Text]
    ) -> Output:
        """`main: {matrix: matrix.out.1, screen: projector}`, or `left: {wall: left}`."""
        path = ("outputs", key)
        if (written.matrix is None) == (written.wall is None) or (written.wall and written.screen):
            raise self._document.error(
                path,
                "an output is a port of a matrix with the screen behind it, or a wall",
                fix=f"{key}: {{matrix: matrix.out.1, screen: projector}}   or   {key}: {{wall: left}}",
            )
        if written.wall is not None:
            if written.wall not in walls:
                raise self._unknown((*path, "wall"), written.wall, walls, "wall")
            return Output(id=key, name=written.name or walls[written.wall], device=f"wall.{written.wall}", output=0)
        assert written.matrix is not None
        device, number = self._port((*path, "matrix"), written.matrix, "out", devices)
        if written.screen is not None and written.screen not in devices:
            raise self._unknown((*path, "screen"), written.screen, devices)
        return Output(id=key, name=written.name or _titled(key), device=device, output=number, screen=written.screen)

    def audio(self, kind: str, at: str | None, devices: Mapping[str, Device]) -> AudioControl | None:
        """`volume: matrix.out.1` acts on property `volume.1`; `mixer.main` on `volume.main`."""
        if at is None:
            return None
        path = ("audio", kind)
        device, _, channel = at.partition(".")
        if device not in devices:
            raise self._unknown(path, device, devices)
        name = f"{kind}.{channel.removeprefix('out.')}" if channel else kind
        if name not in devices[device].driver.properties():
            offered = [item for item in devices[device].driver.properties() if item.partition(".")[0] == kind]
            raise self._document.error(
                path, f"{device} has no '{name}'", value=at, fix=f"it has: {', '.join(offered) or 'no ' + kind}"
            )
        return AudioControl(device=device, property=name)

    def meetings(self, written: _MeetingsFile, devices: Mapping[str, Device]) -> MeetingPlaces:
        """Cameras and presets by their names; which scenes there are is not known here."""
        seats: dict[str, SeatCamera] = {}
        for key, seat in written.seats.items():
            path = ("meetings", "seats", key)
            if seat.camera not in devices:
                raise self._unknown((*path, "camera"), seat.camera, devices)
            presets = devices[seat.camera].presets
            if seat.preset not in presets:
                raise self._unknown((*path, "preset"), seat.preset, presets, "preset")
            seats[key] = SeatCamera(seat.camera, presets[seat.preset], seat.name)
        return MeetingPlaces(written.between, seats)

    def rules(self, written: RulesFile, devices: Mapping[str, Device], outputs: Mapping[str, Output]) -> Rules:
        """Limits by the names of the room; what a rule cannot be about is refused."""
        here = _RuleReader(self._document, devices, outputs)
        return Rules(
            interlocks=tuple(
                Interlock(
                    tuple(here.key(("rules", "interlock", number, "relays"), name, "relay") for name in item.relays),
                    here.seconds(("rules", "interlock", number, "pause"), item.pause),
                )
                for number, item in enumerate(written.interlock)
            ),
            lamps={
                here.key(("rules", "lamp-minimum", name), f"{name}.power", "power"): LampTimes(
                    here.seconds(("rules", "lamp-minimum", name, "on"), item.on),
                    here.seconds(("rules", "lamp-minimum", name, "off"), item.off),
                )
                for name, item in written.lamp_minimum.items()
            },
            sounds={
                here.sound(("rules", "sound-limit", name), name): SoundLimit(item.at_most, item.step)
                for name, item in written.sound_limit.items()
            },
            recordings=tuple(
                Recording(
                    {
                        here.key(("rules", "recording", number, "while", name), name): here.value(
                            ("rules", "recording", number, "while", name), name, value
                        )
                        for name, value in item.when.items()
                    },
                    tuple(here.key(("rules", "recording", number, "keep"), name) for name in item.keep),
                )
                for number, item in enumerate(written.recording)
            ),
            rates={
                here.key(("rules", "relay-rate", name), name, "relay"): number
                for name, number in written.relay_rate.items()
            },
            eeprom=frozenset(here.key(("rules", "eeprom"), name) for name in written.eeprom),
        )

    def _family(self, path: tuple[str, str], name: object) -> Family:
        if not isinstance(name, str):
            raise self._document.error(
                path, "'driver' is missing", fix=f"driver: one of {', '.join(sorted(self._families))}"
            )
        if name not in self._families:
            near = get_close_matches(name, self._families, n=1)
            raise self._document.error(
                (*path, "driver"),
                f"unknown driver '{name}'",
                value=name,
                fix=f"did you mean '{near[0]}'?" if near else f"one of {', '.join(sorted(self._families))}",
            )
        return self._families[name]

    def _address(self, family: Family, at: object) -> Address:
        if not isinstance(at, str):
            message = "'at' is missing: the device's address"
            raise BadSetting(message, key="at")
        return parse_address(at, family.manifest)

    def _fill_secrets(self, path: tuple[str, str], rest: dict[str, object]) -> Problem | None:
        missing: Problem | None = None
        for key, value in list(rest.items()):
            if not isinstance(value, Secret):
                continue
            if value.name in self._secrets:
                rest[key] = self._secrets[value.name]
                continue
            del rest[key]
            line = self._document.line((*path, key))
            detail = f"{self._document.file}:{line}: secret '{value.name}' is not in secrets.yaml"
            self.warnings.append(f'{detail}. Fix: add the line  {value.name}: "…"  to secrets.yaml (chmod 600)')
            missing = problem(
                ErrorCode.CONFIGURATION,
                f"Rahasia '{value.name}' belum diisi",
                f"Secret '{value.name}' is not filled in",
                detail=detail,
                device=path[1],
            )
        return missing

    def _preset_labels(self, path: tuple[str, str], rest: dict[str, object]) -> dict[str, Text]:
        presets = rest.get("presets")
        labels: dict[str, Text] = {}
        if isinstance(presets, dict):
            for key, value in presets.items():
                if isinstance(value, dict) and "name" in value:
                    labels[key] = self._words((*path, "presets", key, "name"), value["name"], key)
                    rest["presets"] = presets = {
                        **presets,
                        key: {item: part for item, part in value.items() if item != "name"},
                    }
        return labels

    def _port(self, path: tuple[str, ...], at: str, direction: str, devices: Mapping[str, Device]) -> tuple[str, int]:
        parts = at.split(".")
        if len(parts) != _PORT_PARTS or parts[1] != direction or not parts[2].isascii() or not parts[2].isdigit():
            raise self._document.error(
                path,
                f"'{at}' is not a port",
                value=at,
                fix=f"write DEVICE.{direction}.NUMBER, for example matrix.{direction}.1",
            )
        device, number = parts[0], int(parts[2])
        if device not in devices:
            raise self._unknown(path, device, devices)
        found = devices[device]
        setting = "inputs" if direction == "in" else "outputs"
        assert found.wire is not None
        driver = found.wire.driver
        count = driver.settings.integer(setting) if setting in driver.manifest.settings else 0
        if not 1 <= number <= count:
            raise self._document.error(
                path,
                f"{device} has no {setting[:-1]} {number}",
                value=at,
                fix=f"1 to {count}" if count else f"{device} is no matrix",
            )
        return device, number

    def _unknown(
        self, path: tuple[str, ...], name: str, known: Mapping[str, object], what: str = "device"
    ) -> Exception:
        near = get_close_matches(name, known, n=1)
        return self._document.error(
            path,
            f"no {what} '{name}'",
            value=name,
            fix=f"did you mean '{near[0]}'?" if near else f"{what}s: {', '.join(known) or 'none'}",
        )

    def _words(self, path: tuple[str, ...], value: object, key: str) -> Text:
        if value is None:
            return _titled(key)
        try:
            return Text.model_validate(_text(value))
        except ValidationError:
            raise self._document.error(
                path, "a name is a text, or {id: …, en: …}", fix='name: {id: "Layar utama", en: "Main screen"}'
            ) from None


def _titled(key: str) -> Text:
    return Text.of(key.replace("-", " ").replace("_", " ").capitalize())


def _mapping(settings: Settings, key: str) -> Mapping[str, object]:
    return settings.mapping(key) if settings.knows(key) else {}


def _numbers(presets: Mapping[str, object]) -> dict[str, int]:
    found: dict[str, int] = {}
    for key, value in presets.items():
        number = value.get("number") if isinstance(value, dict) else value
        if isinstance(number, int):
            found[key] = number
    return found
