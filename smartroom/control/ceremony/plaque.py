"""The plaque as a device of its room: a cue opens or unveils it, a guard asks how far it is. What it reads is what is on the disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from devices.sdk.commands import Command, Priority, Set
from devices.sdk.errors import BadSetting, Refused
from devices.sdk.manifest import PropertySpec, ValueType
from devices.sdk.readings import ReadingSource, Value
from smartroom.control import clock
from smartroom.control.ceremony.hall import Hall
from smartroom.control.devices.gateway import Gateway
from smartroom.control.devices.inprocess import InProcess, InProcessShape, sets_of
from smartroom.control.errors import ProblemError
from smartroom.control.room.model import Device, Room
from smartroom.control.room.store import Store
from smartroom.protocol.base import Text
from smartroom.protocol.ceremony import CeremonyStage
from smartroom.protocol.state import ChoiceLabel

ID: Final = "plaque"
_HELD_MS = 1000
"""A cue that unveils is held on its own button; this is what the journal says of it."""
_SIGNS_S = 8.0
"""A signature takes about so long; in a rehearsal nobody holds the pen."""

_WORDS: Final[Mapping[str, Text]] = {
    "none": Text(id="Tidak ada acara", en="No ceremony"),
    "ready": Text(id="Naskah beku, siap", en="Text frozen, ready"),
    "open": Text(id="Terbuka untuk ditandatangani", en="Open for signing"),
    "signed": Text(id="Goresan direkam", en="Ink recorded"),
    "revealed": Text(id="Diresmikan", en="Unveiled"),
}
_STANDS: Final[Mapping[CeremonyStage, str]] = {
    CeremonyStage.DRAFT: "none",
    CeremonyStage.FROZEN: "ready",
    CeremonyStage.OPEN: "open",
    CeremonyStage.SIGNED: "signed",
    CeremonyStage.REVEALED: "revealed",
    CeremonyStage.ENDED: "revealed",
    CeremonyStage.VOID: "none",
}
_BROUGHT: Final = ("open", "revealed")

SPECS: Final[Mapping[str, PropertySpec]] = {
    "state": PropertySpec(
        capability="plaque", type=ValueType.CHOICE, values=tuple(_WORDS), expected_ms=1600, deadline_ms=8000
    ),
}
"""Properties of every plaque. Only `open` and `revealed` can be brought about; the others happen."""


class PlaqueShape(InProcessShape):
    """A guard may ask for any state; a command brings about two."""

    noun = ID
    specs = SPECS

    def judge(self, name: str, spec: PropertySpec, value: Value) -> Value:
        """A value of the list."""
        if value not in spec.values:
            raise BadSetting(f"'{name}' cannot be {value!r}; it must be one of: {', '.join(spec.values)}", key=name)
        return value

    def bring(self, item: Set) -> None:
        """`open` or `revealed`; BadSetting for what only happens."""
        if self.check(item.property, item.value) not in _BROUGHT:
            raise BadSetting(
                f"'{item.property}' cannot be brought to {item.value!r}; it can: {', '.join(_BROUGHT)}",
                key=item.property,
            )

    def words(self, name: str, value: object) -> Text | None:
        """`Diresmikan`."""
        return _WORDS.get(str(value)) if name == "state" else None

    def choices(self, name: str) -> list[ChoiceLabel]:
        """What a cue may bring about."""
        return [ChoiceLabel(value=key, label=_WORDS[key]) for key in _BROUGHT] if name == "state" else []


def furnished(room: Room, shape: PlaqueShape) -> Room:
    """The room with its plaque; a device of that name in room.yaml stays what it is."""
    if ID in room.devices:
        warning = f"room.yaml names a device '{ID}': cues cannot open or unveil one. Fix: call it otherwise"
        return replace(room, warnings=(*room.warnings, warning))
    name = Text(id="Prasasti", en="Plaque")
    device = Device(id=ID, name=name, kind=ID, family=ID, driver=shape, wire=None, speech=shape)
    return replace(room, devices={**room.devices, ID: device})


class Plaque(InProcess[PlaqueShape]):
    """Stands over a room's hall; without one, as in a rehearsal of scenes, it remembers what was wished, and is signed as if somebody had."""

    def __init__(self, hall: Hall | None, shape: PlaqueShape, store: Store, moved: Callable[[str], None]) -> None:
        super().__init__(shape)
        self._hall = hall
        self._store = store
        self._moved = moved
        self._told: Value = None
        self._wished = "ready"

    def describe(self, room: Room, gateway: Gateway) -> None:
        """The room is there: its plaque can be asked."""
        if room.devices.get(ID) is None or room.devices[ID].driver is not self._shape:
            return
        gateway.register(ID, self)
        if self._hall is not None:
            self._hall.moved = self.refresh
        self._store.link(ID, self._status)
        self._told = None
        self.refresh()

    async def execute(
        self,
        command: Command,
        *,
        priority: Priority,
        name: str | None,
        timeout: float | None,  # noqa: ASYNC109  # the gateway's contract
    ) -> None:
        """Open or unveil. Refused says why not; unveiling ends at the moment the cloth falls, so that what comes after begins with it."""
        for item in sets_of(command):
            try:
                await self._bring(str(item.value))
            except ProblemError as error:
                raise Refused(error.problem.text.en) from None

    def refresh(self) -> None:
        """Something moved in the hall: report what is new."""
        value = self.value("state")
        if value != self._told:
            self._told = value
            self._store.reading(ID, self._reading("state", ReadingSource.UNSOLICITED))
            self._moved(ID)

    async def _bring(self, wanted: str) -> None:
        if self._hall is None:
            self._wished = wanted
            self.refresh()
            if wanted == "open":
                asyncio.get_running_loop().call_later(_SIGNS_S, self._signed)
            return
        session = self._hall.session
        if session is None or self.value("state") == wanted:
            if session is None:
                raise Refused("no ceremony is on stage")
            return
        if wanted == "open":
            await session.open("isyarat")
            return
        await session.reveal(_HELD_MS, "isyarat")
        assert session.story.reveal is not None
        await asyncio.sleep(max(0.0, session.story.reveal.at - clock.wall()))

    def _signed(self) -> None:
        """The signatory of a rehearsal has put down the pen."""
        if self._wished == "open":
            self._wished = "signed"
            self.refresh()

    def value(self, name: str) -> Value:
        """How far the ceremony on stage is."""
        if self._hall is None:
            return self._wished
        session = self._hall.session
        if session is None:
            return "none"
        reveal = session.story.reveal
        if reveal is not None and reveal.covered:
            return "signed"
        return _STANDS[session.story.stage]
