"""Properties by the names of a room's files: `matrix.route.main`, `lampu.relay.depan`, `projector.power`."""

from __future__ import annotations

from collections.abc import Mapping

from smartroom.control.room.model import Device, PropertyKey
from smartroom.protocol.state import Output


def property_of(written: str, devices: Mapping[str, Device], outputs: Mapping[str, Output]) -> PropertyKey | None:
    """`matrix.route.main` -> (matrix, route.1); none when no device is called so. The device may not have the property."""
    parts = written.split(".")
    for length in range(len(parts) - 1, 0, -1):  # ids may hold a dot: wall.kiri
        device = devices.get(".".join(parts[:length]))
        if device is not None:
            base, *rest = parts[length:]
            return device.id, ".".join([base, *(channel_of(device, part, outputs) for part in rest)])
    return None


def channel_of(device: Device, part: str, outputs: Mapping[str, Output]) -> str:
    """The number behind an output's name, or behind a channel's (`channels: {depan: 1}` of a relay board)."""
    output = outputs.get(part)
    if output is not None and output.device == device.id:
        return str(output.output)
    driver = device.wire.driver if device.wire else None
    known = driver.settings.mapping("channels") if driver and "channels" in driver.manifest.settings else {}
    number = known.get(part)
    return str(number) if isinstance(number, int) else part


def name_of_channel(device: Device, number: str, outputs: Mapping[str, Output]) -> str:
    """The other way: `1` -> `main`, or `depan`."""
    for output in outputs.values():
        if output.device == device.id and str(output.output) == number:
            return output.id
    driver = device.wire.driver if device.wire else None
    known = driver.settings.mapping("channels") if driver and "channels" in driver.manifest.settings else {}
    return next((name for name, channel in known.items() if str(channel) == number), number)
