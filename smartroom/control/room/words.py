"""Words for properties and values, as hosts read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from devices.sdk.manifest import PropertySpec, ValueType
from smartroom.control.room.model import Device, Room
from smartroom.protocol.base import Text, Value
from smartroom.protocol.state import Cause, ChoiceLabel, Moved, Source

_ZONES: Mapping[str, int] = {"WIB": 7, "WITA": 8, "WIT": 9}
"""Hours east of UTC."""

_PROPERTIES: Mapping[str, Text] = {
    "power": Text(id="daya", en="power"),
    "input": Text(id="masukan", en="input"),
    "route": Text(id="sumber", en="source"),
    "blank": Text(id="gambar", en="picture"),
    "mute": Text(id="suara", en="sound"),
    "volume": Text(id="volume", en="volume"),
    "freeze": Text(id="bekukan gambar", en="freeze"),
    "preset": Text(id="posisi", en="position"),
    "position": Text(id="arah", en="direction"),
    "zoom": Text(id="zum", en="zoom"),
    "relay": Text(id="relai", en="relay"),
    "level": Text(id="terang", en="brightness"),
    "signal": Text(id="sinyal", en="signal"),
    "lock": Text(id="kunci", en="lock"),
    "label": Text(id="nama keluaran", en="name of output"),
    "input_label": Text(id="nama masukan", en="name of input"),
    "lamp_hours": Text(id="jam lampu", en="lamp hours"),
    "temperature": Text(id="suhu", en="temperature"),
    "maker": Text(id="pembuat", en="maker"),
    "model": Text(id="model", en="model"),
    "serial": Text(id="nomor seri", en="serial number"),
    "firmware": Text(id="firmware", en="firmware"),
    "name": Text(id="nama di alat", en="name in the device"),
    "class": Text(id="kelas protokol", en="protocol class"),
    "scene": Text(id="adegan alat", en="the device's own scene"),
    "content": Text(id="tayangan", en="content"),
    "page": Text(id="halaman", en="page"),
    "fault": Text(id="gangguan", en="fault"),
    "meeting": Text(id="rapat", en="meeting"),
    "layout": Text(id="tata letak", en="layout"),
    "spotlight": Text(id="sorotan", en="spotlight"),
    "people": Text(id="peserta", en="participants"),
    "waiting": Text(id="ruang tunggu", en="waiting room"),
}

_OF_OUTPUTS = frozenset({"route", "blank", "mute", "volume", "label", "lock"})
_OF_INPUTS = frozenset({"signal", "input_label"})

_VALUES: Mapping[tuple[str, Value], Text] = {
    ("power", "on"): Text(id="Nyala", en="On"),
    ("power", "off"): Text(id="Mati", en="Off"),
    ("power", "warming"): Text(id="Pemanasan", en="Warming up"),
    ("power", "cooling"): Text(id="Pendinginan", en="Cooling down"),
    ("blank", True): Text(id="Gelap", en="Blank"),
    ("blank", False): Text(id="Tampil", en="Shown"),
    ("mute", True): Text(id="Bisu", en="Muted"),
    ("mute", False): Text(id="Bersuara", en="Sounding"),
    ("signal", True): Text(id="Ada sinyal", en="Signal"),
    ("signal", False): Text(id="Tanpa sinyal", en="No signal"),
    ("freeze", True): Text(id="Beku", en="Frozen"),
    ("freeze", False): Text(id="Bergerak", en="Live"),
}


def zone_hours(zone: str) -> int:
    """Hours of a room's zone east of UTC."""
    return _ZONES.get(zone, 0)


def clock_label(at: float, zone: str) -> Text:
    """`10.42.07` in the room's zone."""
    local = datetime.fromtimestamp(at, UTC) + timedelta(hours=zone_hours(zone))
    return Text(id=f"{local:%H.%M.%S}", en=f"{local:%H:%M:%S}")


def day_label(at: float, zone: str) -> Text:
    """`2026-11-27` in the room's zone."""
    local = datetime.fromtimestamp(at, UTC) + timedelta(hours=zone_hours(zone))
    return Text.of(f"{local:%Y-%m-%d}")


def mover_label(moved: Moved, zone: str) -> Text:
    """Who moved a property, and when: `di alat sendiri, 10.42.07`."""
    at = clock_label(moved.at, zone)
    scene = moved.scene or Text(id="")
    who = {
        Cause.SCENE: Text(id=f"{scene.id}, {moved.by}", en=f"{scene.en or scene.id}, {moved.by}"),
        Cause.HAND: Text.of(moved.by),
        Cause.DEVICE: Text(id="di alat sendiri", en="at the device"),
        Cause.RETURN: Text(id="saat alat mati atau terputus", en="while the device was off or cut off"),
        Cause.UNSEEN: Text(id="saat server tidak berjalan", en="while the server was not running"),
    }[moved.cause]
    return Text(id=f"{who.id}, {at.id}", en=f"{who.en}, {at.en}")


def property_label(device: Device, name: str, room: Room) -> Text:
    """What a property is to a host: `Layar utama` for a route, `Proyektor · daya`, `Lampu · Depan` for the rest."""
    base, _, port = name.partition(".")
    words = _PROPERTIES.get(base, Text.of(base.replace("_", " ")))
    named = _port(device, base, port, room)
    if named is not None and base == "route":
        return named
    if named is not None and base in _OF_OUTPUTS | _OF_INPUTS and port not in device.channels:
        return _joined(named, words)
    if named is not None:
        return _joined(device.name, named if base == "relay" else _joined(words, named, " "))
    return _joined(device.name, _joined(words, Text.of(port), " ") if port else words)


def property_name(device: Device, name: str, room: Room) -> Text:
    """A property beside its own device: `Daya`, `Sumber · Layar utama`, `Sinyal · Laptop`, `Relai · Depan`, `Relai 3`."""
    base, _, port = name.partition(".")
    words = _PROPERTIES.get(base, Text.of(base.replace("_", " ")))
    named = _port(device, base, port, room)
    if named is not None:
        words = _joined(words, named)
    elif port:
        words = _joined(words, Text.of(port), " ")
    own, other = words.id, words.en or words.id
    return Text(id=own[:1].upper() + own[1:], en=other[:1].upper() + other[1:])


def _port(device: Device, base: str, port: str, room: Room) -> Text | None:
    """What the room calls a port of a device: the output or source plugged in there, or the channel's own name."""
    if base in _OF_OUTPUTS:
        for output in room.outputs_of(device.id):
            if port == str(output.output):
                return output.name
    if base in _OF_INPUTS:
        for source in room.sources_of(device.id):
            if port == str(source.input):
                return source.name
    return device.channels.get(port)


def _joined(one: Text, other: Text, by: str = " · ") -> Text:
    return Text(id=f"{one.id}{by}{other.id}", en=f"{one.en or one.id}{by}{other.en or other.id}")


def value_label(name: str, spec: PropertySpec, value: Value, sources: Iterable[Source], device: Device) -> Text:
    """A value in words: `Podium`, `Nyala`, `62 %`."""
    if device.speech is not None and (told := device.speech.words(name, value)) is not None:
        return told
    found = next(
        (
            choice.label
            for choice in choices(name, spec, sources, device)
            if choice.value == value and type(choice.value) is type(value)
        ),
        None,
    )
    return found or _figure(value, spec.unit)


def _figure(value: Value, unit: str) -> Text:
    """A number with its unit, to the tenth: `59,4 %`."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Text.of(str(value))
    text = f"{round(value, 1):g} {unit}".strip()
    return Text(id=text.replace(".", ","), en=text)


def choices(name: str, spec: PropertySpec, sources: Iterable[Source], device: Device) -> list[ChoiceLabel]:
    """Values a page may offer for a property, with their words."""
    base = name.partition(".")[0]
    if device.speech is not None and (offered := device.speech.choices(name)):
        return offered
    if spec.type is ValueType.CONTENT:
        return []
    if spec.capability == "routing":
        found = [ChoiceLabel(value=source.input, label=source.name) for source in sources]
        return [*found, ChoiceLabel(value=0, label=Text(id="Kosong", en="Nothing"))]
    if spec.capability == "presets":
        return [
            ChoiceLabel(value=number, label=device.labels.get(key, Text.of(key.replace("-", " ").capitalize())))
            for key, number in device.presets.items()
        ]
    if spec.type is ValueType.BOOLEAN:
        return [
            ChoiceLabel(
                value=value,
                label=_VALUES.get((base, value), Text(id="Ya" if value else "Tidak", en="Yes" if value else "No")),
            )
            for value in (True, False)
        ]
    return [
        ChoiceLabel(value=value, label=_VALUES.get((base, value), Text.of(value.upper())))
        for value in (*spec.values, *spec.transitional)
    ]
