"""The single writer of a room's state: changes go in, numbered patches come out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

from devices.sdk.connection import LinkState, LinkStatus
from devices.sdk.readings import Reading
from smartroom.control import clock
from smartroom.control.errors import device_problem
from smartroom.control.room.ledger import Ledger
from smartroom.control.room.model import Device, Room
from smartroom.control.room.words import choices, property_name
from smartroom.protocol.base import Text, Value
from smartroom.protocol.errors import Problem
from smartroom.protocol.state import DeviceState, Kind, LastAction, Link, Moved, PropertyShape, RoomState

_LINKS: Mapping[LinkState, Link] = {
    LinkState.CONNECTING: Link.CONNECTING,
    LinkState.LOGIN: Link.CONNECTING,
    LinkState.READY: Link.READY,
    LinkState.OFFLINE: Link.OFFLINE,
    LinkState.REFUSED: Link.REFUSED,
    LinkState.STOPPED: Link.OFFLINE,
}


Blame = Callable[[str, Reading, tuple[Value, bool] | None], Moved | None]
"""(device, reading, (value before, whether of this connection)) -> who moved the property."""


class Store(Ledger):
    """State of one room. Everybody else sends commands or watches patches."""

    def __init__(self, room: Room) -> None:
        super().__init__(room.id, _described(room).model_dump(mode="json"))
        self._blame: Blame = lambda *_: None

    def ask_who(self, blame: Blame) -> None:
        """`blame` says of each change who made it."""
        self._blame = blame

    @property
    def state(self) -> RoomState:
        """The whole state now."""
        return RoomState.model_validate(self.document)

    def reading(self, device: str, reading: Reading) -> None:
        """A device reported a property: the one place where a Reading becomes wire form."""
        value = list(reading.value) if isinstance(reading.value, tuple) else reading.value
        state: dict[str, object] = {
            "value": value,
            "at": round(clock.wall() - (clock.monotonic() - reading.at), 3),
            "source": str(reading.source),
            "fresh": True,
        }
        properties = self._device(device).get("properties")
        known = properties.get(reading.property) if isinstance(properties, dict) else None
        if isinstance(known, dict) and known["value"] == value:
            state["moved"] = known["moved"]
        else:
            before = (known["value"], known["fresh"]) if isinstance(known, dict) else None
            moved = self._blame(device, reading, before)
            state["moved"] = moved.model_dump(mode="json") if moved is not None else None
        if (
            isinstance(known, dict)
            and known["value"] == value
            and known["fresh"]
            and known["source"] == state["source"]
        ):
            known["at"] = state["at"]  # same value, confirmed again: worth no patch, pages age by the link
            return
        self.put(("devices", device, "properties", reading.property), state)

    def link(self, device: str, status: LinkStatus, *, blocked: Problem | None = None) -> None:
        """A device's connection changed."""
        link = _LINKS[status.state]
        known = self._device(device)
        if link is Link.CONNECTING and known.get("link") in (Link.OFFLINE, Link.REFUSED):
            return  # another try is no news: the device stays away, with its reason, until it answers
        with self.batch():
            if known.get("link") != link:
                self.put(("devices", device, "link_since"), clock.wall())
            self.put(("devices", device, "link"), str(link))
            self.put(("devices", device, "epoch"), status.epoch)
            trouble = blocked or (
                device_problem(status.error, device) if status.error is not None and link is not Link.READY else None
            )
            self.put(("devices", device, "problem"), trouble.model_dump(mode="json") if trouble else None)
            if link is not Link.READY:
                self._stale(device)

    def degraded(self, device: str, problem: Problem) -> None:
        """The driver was parked after repeated failures."""
        with self.batch():
            self.put(("devices", device, "link"), str(Link.DEGRADED))
            self.put(("devices", device, "link_since"), clock.wall())
            self.put(("devices", device, "problem"), problem)
            self._stale(device)

    def did(self, by: str, text: Text, **what: object) -> None:
        """Who did what last; `what` are further fields of LastAction."""
        self.put(("last_action",), LastAction.model_validate({"at": clock.wall(), "by": by, "text": text, **what}))

    def describe(self, room: Room) -> None:
        """The room's file was saved: take its description, keep what devices that stay have reported."""
        fresh = _described(room).model_dump(mode="json")
        old_devices = self._document["devices"]
        if isinstance(old_devices, dict):
            for key, device in fresh["devices"].items():
                before = old_devices.get(key)
                if (
                    isinstance(before, dict)
                    and before["address"] == device["address"]
                    and before["family"] == device["family"]
                ):
                    device.update(
                        {
                            part: before[part]
                            for part in ("link", "link_since", "problem", "epoch", "properties")
                            if part in before
                        }
                    )
        with self.batch():
            for part in (
                "name",
                "place",
                "timezone",
                "devices",
                "sources",
                "outputs",
                "cameras",
                "volume",
                "mute",
                "simulated",
            ):
                self.put((part,), fresh[part])

    def _device(self, device: str) -> dict[str, object]:
        devices = self._document["devices"]
        found = devices.get(device) if isinstance(devices, dict) else None
        if not isinstance(found, dict):
            raise KeyError(device)
        return found

    def _stale(self, device: str) -> None:
        properties = self._device(device).get("properties")
        if isinstance(properties, dict):
            for name, state in properties.items():
                if state["fresh"]:
                    self.put(("devices", device, "properties", name), {**state, "fresh": False})


def _described(room: Room) -> RoomState:
    return RoomState(
        room=room.id,
        name=room.name,
        place=room.place,
        version=1,
        time=clock.wall(),
        timezone=room.timezone,
        simulated=any(device.simulated for device in room.devices.values()),
        devices={key: _device_state(room, device) for key, device in room.devices.items()},
        sources=dict(room.sources),
        outputs=dict(room.outputs),
        cameras=list(room.cameras),
        volume=room.volume,
        mute=room.mute,
    )


def _device_state(room: Room, device: Device) -> DeviceState:
    sources = room.sources_of(device.id)
    shapes: dict[str, PropertyShape] = {}
    for name in device.driver.properties():
        spec = device.driver.spec(name)
        shapes[name] = PropertyShape.model_validate(
            {
                "label": property_name(device, name, room),
                "capability": spec.capability,
                "type": str(spec.type),
                "choices": choices(name, spec, sources, device),
                "minimum": spec.minimum,
                "maximum": spec.maximum,
                "unit": spec.unit,
                "settable": spec.settable,
                "transitional": list(spec.transitional),
                "expected_ms": spec.expected_ms,
            },
        )
    return DeviceState(
        id=device.id,
        name=device.name,
        kind=cast("Kind", device.kind),
        family=device.family,
        address=device.address,
        simulated=device.simulated,
        problem=device.problem,
        shapes=shapes,
        actions=list(device.actions),
        presets=dict(device.presets),
    )
