"""What devices of this process share: walls, stages, rundowns, plaques. No wire, no bytes, and the checks of a driver all the same."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Generic, TypeVar

from devices.sdk.commands import Act, Command, Frames, Priority, Query, Salvo, Set
from devices.sdk.connection import LinkState, LinkStatus
from devices.sdk.errors import BadSetting, NotSupported
from devices.sdk.manifest import PropertySpec
from devices.sdk.readings import Reading, ReadingSource, Value
from smartroom.control import clock
from smartroom.protocol.base import Text
from smartroom.protocol.state import ChoiceLabel


class InProcessShape(ABC):
    """`Shape` for plans and `Speech` for pages. A subclass names its properties and judges their values."""

    noun: ClassVar[str]
    """What errors call it: `a stage has no property …`."""
    specs: ClassVar[Mapping[str, PropertySpec]]
    actions: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def judge(self, name: str, spec: PropertySpec, value: Value) -> Value:
        """The canonical value of a settable property, or BadSetting with what it can be."""

    def properties(self) -> tuple[str, ...]:
        """The same for every one of its kind."""
        return tuple(self.specs)

    def spec(self, name: str) -> PropertySpec:
        """Facts of a property; NotSupported with those that there are."""
        found = self.specs.get(name)
        if found is None:
            raise NotSupported(f"a {self.noun} has no property '{name}'; it has: {', '.join(self.specs)}")
        return found

    def check(self, name: str, value: Value) -> Value:
        """The canonical value, or BadSetting with what it can be."""
        spec = self.spec(name)
        if not spec.settable:
            raise BadSetting(f"'{name}' can only be read", key=name)
        return self.judge(name, spec, value)

    def bring(self, item: Set) -> None:
        """Whether a command may set this; the same as `check` where guards may not ask for more."""
        self.check(item.property, item.value)

    def encode(self, command: Command) -> Frames:
        """No bytes. Checks names and values like a driver."""
        for item in sets_of(command):
            self.bring(item)
        match command:
            case Query(name):
                self.spec(name)
            case Act(name) if name not in self.actions:
                raise NotSupported(f"a {self.noun} has no action '{name}'; it has: {', '.join(self.actions) or 'none'}")
            case Act(name, arguments) if arguments:
                raise BadSetting(f"action '{name}' needs: nothing", key=name)
            case _:
                pass
        return ()

    def words(self, name: str, value: object) -> Text | None:
        """A value in words; None for what reads by itself."""
        return None

    def choices(self, name: str) -> list[ChoiceLabel]:
        """Values worth offering."""
        return []


ShapeT = TypeVar("ShapeT", bound=InProcessShape)


class InProcess(ABC, Generic[ShapeT]):
    """The asking half of an `Endpoint` that is always here. A subclass says how it stands, and executes."""

    def __init__(self, shape: ShapeT) -> None:
        self._shape = shape
        self._status = LinkStatus(LinkState.READY, clock.monotonic(), 1)

    @abstractmethod
    def value(self, name: str) -> Value:
        """How a property of its shape stands now."""

    @property
    def driver(self) -> ShapeT:
        """What can be asked of it."""
        return self._shape

    @property
    def status(self) -> LinkStatus:
        """Ready: it is part of the server."""
        return self._status

    def reading(self, name: str) -> Reading | None:
        """How it stands; None when it has no such property."""
        return self._reading(name) if name in self._shape.specs else None

    async def read(
        self,
        name: str,
        *,
        priority: Priority,
        timeout: float | None,  # noqa: ASYNC109  # the gateway's contract
    ) -> Reading:
        """How it stands now. Raises NotSupported."""
        self._shape.spec(name)
        return self._reading(name)

    def _reading(self, name: str, source: ReadingSource = ReadingSource.QUERY) -> Reading:
        return Reading(name, self.value(name), clock.monotonic(), self._status.epoch, source)


def sets_of(command: Command) -> tuple[Set, ...]:
    """What a command sets, in its order."""
    match command:
        case Set():
            return (command,)
        case Salvo(sets):
            return sets
        case _:
            return ()
