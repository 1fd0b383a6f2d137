"""What properties are called on pages: by what is plugged in, not by number."""

from __future__ import annotations

import pytest

from smartroom.control.room.files import load_room
from smartroom.control.room.model import Room
from smartroom.control.room.words import property_label, property_name, value_label
from tests.rooms import families, write_site

ROOM = """
name: Uji
devices:
  matrix: {driver: extron_sis, at: "tcp://10.0.0.1:23", inputs: 4, outputs: 2, name: {id: Matriks, en: Matrix}}
  lights: {driver: modbus_relay, at: "tcp://10.0.0.2", name: {id: Lampu, en: Lights}, channels: {depan: 1, papan-tulis: 2}}
sources: {laptop: {at: matrix.in.2, name: {id: Laptop tamu, en: Guest laptop}}}
outputs: {main: {matrix: matrix.out.1, name: {id: Layar utama, en: Main screen}}}
"""


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Room:
    """A matrix with something plugged in, and relays with names."""
    return load_room(write_site(tmp_path_factory.mktemp("site"), ROOM, {}), families(), {})


@pytest.mark.parametrize(
    ("device", "name", "alone", "beside"),
    [
        ("matrix", "route.1", "Layar utama", "Sumber · Layar utama"),
        ("matrix", "blank.1", "Layar utama · gambar", "Gambar · Layar utama"),
        ("matrix", "route.2", "Matriks · sumber 2", "Sumber 2"),
        ("matrix", "signal.2", "Laptop tamu · sinyal", "Sinyal · Laptop tamu"),
        ("matrix", "signal.1", "Matriks · sinyal 1", "Sinyal 1"),
        ("matrix", "firmware", "Matriks · firmware", "Firmware"),
        ("lights", "relay.1", "Lampu · Depan", "Relai · Depan"),
        ("lights", "relay.2", "Lampu · Papan tulis", "Relai · Papan tulis"),
        ("lights", "relay.3", "Lampu · relai 3", "Relai 3"),
    ],
)
def test_a_property_is_called_by_what_hangs_there(room: Room, device: str, name: str, alone: str, beside: str) -> None:
    """Outputs, sources and channels have their names; what has none has its number."""
    found = room.devices[device]
    assert (alone, beside) == (property_label(found, name, room).id, property_name(found, name, room).id)


def test_the_second_language_is_never_half(room: Room) -> None:
    """Device, port and property in one language."""
    assert property_label(room.devices["matrix"], "signal.2", room).en == "Guest laptop · signal"
    assert property_label(room.devices["lights"], "relay.3", room).en == "Lights · relay 3"


def test_a_signal_reads_as_words(room: Room) -> None:
    """Not yes and no."""
    matrix = room.devices["matrix"]
    spec = matrix.driver.spec("signal.2")
    words = [value_label("signal.2", spec, value, [], matrix).id for value in (True, False)]
    assert words == ["Ada sinyal", "Tanpa sinyal"]
