"""The walls of one room: registered as devices, changed at one moment, told apart by number."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace

from devices.sdk.connection import LinkState, LinkStatus
from devices.sdk.readings import Reading, Value
from smartroom.control import clock
from smartroom.control.devices.gateway import Gateway
from smartroom.control.displays.content import Content, parse
from smartroom.control.displays.outside import Outside
from smartroom.control.displays.pictures.album import Album
from smartroom.control.displays.shape import ACTIONS, WallShape
from smartroom.control.displays.wall import Events, Wall
from smartroom.control.errors import problem
from smartroom.control.limits import WALL_LEAD_MIN_S, WALL_LEAD_S, WALL_SILENT_S
from smartroom.control.room.model import Device, Room
from smartroom.control.room.store import Store
from smartroom.protocol.base import Text
from smartroom.protocol.errors import ErrorCode, Problem

KIND = "wall"
_WATCH_S = 1.0


class Furniture:
    """Adds a room's walls to its devices, each with the same shape from one reading of the files to the next."""

    def __init__(self, album: Album) -> None:
        self.album = album
        self.shapes: dict[str, WallShape] = {}

    def furnished(self, room: Room) -> Room:
        """The room with a device `wall.<id>` for each wall it names."""
        found = {f"{KIND}.{key}": self._device(f"{KIND}.{key}", name) for key, name in room.walls.items()}
        return replace(room, devices={**room.devices, **found}, warnings=(*room.warnings, *self.album.troubles))

    def _device(self, key: str, name: Text) -> Device:
        shape = self.shapes.setdefault(key, WallShape(self.album))
        return Device(
            id=key, name=name, kind=KIND, family="wall", driver=shape, wire=None, actions=ACTIONS, speech=shape
        )


class Walls:
    """`run` ends only by cancellation; `describe` takes over a changed room, `pair` says which walls have a screen."""

    def __init__(
        self,
        furniture: Furniture,
        store: Store,
        gateway: Gateway,
        outside: Outside,
        moved: Callable[[str], None],
        arrived: Callable[[], None],
    ) -> None:
        """`moved` is told which wall reported or came or went; `arrived` that one is no longer unpaired."""
        self.album = furniture.album
        self.unpaired: frozenset[str] = frozenset()
        self._furniture = furniture
        self._store = store
        self._gateway = gateway
        self._moved = moved
        self._arrived = arrived
        self._outside = outside
        self._walls: dict[str, Wall] = {}
        self._at = 0.0

    def find(self, device: str) -> Wall | None:
        """A wall by its device id."""
        return self._walls.get(device)

    async def checked(self, value: object) -> Content:
        """A content as it would be shown: known kind, right fields, pictures that are there, a site that may be framed. BadContent or Refused."""
        content = parse(value).resolved(self.album)
        await content.ready(self._outside)
        return content

    async def run(self) -> None:
        """Notice pages that no longer report."""
        while True:
            await asyncio.sleep(_WATCH_S)
            for wall in self._walls.values():
                wall.check_silence(WALL_SILENT_S)

    def describe(self, room: Room) -> None:
        """New walls are there at once, waiting for their page; those that left the file leave the room."""
        wanted = [key for key, device in room.devices.items() if device.kind == KIND]
        for key in set(self._walls) - set(wanted):
            del self._walls[key]
            self._gateway.unregister(key)
        for number, key in enumerate(wanted, 1):
            name = room.devices[key].name
            if key in self._walls:
                self._walls[key].number, self._walls[key].name = number, name
                continue
            shape = self._furniture.shapes[key]
            wall = self._walls[key] = Wall(number, name, shape, self._events(key), self.moment, self._outside)
            self._gateway.register(key, wall)
            self._link(key, wall.status)

    def pair(self, paired: Collection[str]) -> bool:
        """Take which walls have a screen of their own; True when that has changed."""
        unpaired = frozenset(key for key in self._walls if key not in paired)
        if unpaired == self.unpaired:
            return False
        changed, self.unpaired = unpaired ^ self.unpaired, unpaired
        for key in changed & self._walls.keys():
            self._link(key, self._walls[key].status)
        return True

    def marked(self, room: Room) -> Room:
        """The room with each unpaired wall saying so: nobody can expect anything of it."""
        marked = {
            key: replace(room.devices[key], problem=_unpaired(key)) for key in self.unpaired & room.devices.keys()
        }
        return replace(room, devices={**room.devices, **marked})

    def offer(self, wanted: Iterable[tuple[str, str, Value]]) -> None:
        """What scenes want: (device, property, value); pages get the words of these contents."""
        texts: dict[str, dict[str, None]] = {key: {} for key in self._walls}
        for device, name, value in wanted:
            if device in texts and name == "content" and isinstance(value, str):
                texts[device][value] = None
        for key, found in texts.items():
            self._furniture.shapes[key].offer(found)
            self._say_choices(key)

    def moment(self) -> float:
        """Server time of the next change: all walls that are told within a tenth of a second share it."""
        now = clock.wall()
        if not WALL_LEAD_MIN_S <= self._at - now <= WALL_LEAD_S:
            self._at = now + WALL_LEAD_S
        return self._at

    def _events(self, key: str) -> Events:
        return Events(
            reading=lambda reading: self._reading(key, reading),
            link=lambda status: self._link(key, status),
            saw=lambda: self._say_choices(key),
        )

    def _reading(self, key: str, reading: Reading) -> None:
        with self._store.batch():
            self._store.reading(key, reading)
            self._moved(key)

    def _link(self, key: str, status: LinkStatus) -> None:
        if status.state is LinkState.READY and key in self.unpaired:
            self.unpaired -= {key}  # who has a screen here is paired: scenes want it from this moment
            self._arrived()
        with self._store.batch():
            self._store.link(key, status, blocked=_unpaired(key) if key in self.unpaired else None)
            self._gateway.pulse(key)
            self._moved(key)

    def _say_choices(self, key: str) -> None:
        choices = self._furniture.shapes[key].choices("content")
        place = ("devices", key, "shapes", "content", "choices")
        self._store.put(place, [choice.model_dump(mode="json") for choice in choices])


def _unpaired(key: str) -> Problem:
    wall = key.partition(".")[2]
    return problem(
        ErrorCode.CONFIGURATION,
        "Layar belum dipasangkan",
        "The wall is not paired",
        detail=f"smartroom pair {wall} --wall {wall}",
        device=key,
        fix=Text(
            id="Buat tautan pemasangan, buka di komputer layar ini",
            en="Make a pairing link and open it on this wall's computer",
        ),
    )
