"""Contacts that wear: no change of a value sooner after the last one than `min_interval_s` of its property."""

from __future__ import annotations

from collections.abc import Callable

from devices.sdk.commands import Command, Salvo, Set
from devices.sdk.driver import Driver
from devices.sdk.errors import Busy
from devices.sdk.readings import Reading


class Wear:
    """Remembers when each property was last switched, over all connections of its device."""

    def __init__(self, driver: Driver, known: Callable[[str], Reading | None], clock: Callable[[], float]) -> None:
        self._driver = driver
        self._known = known
        self._clock = clock
        self._switched_at: dict[str, float] = {}

    def admit(self, command: Command, *, urgent: bool) -> None:
        """Note what is about to be switched; Busy when it is too soon and not urgent. A value the device already has wears nothing."""
        changes = [item for item in _sets(command) if self._driver.spec(item.property).min_interval_s]
        changes = [item for item in changes if (was := self._known(item.property)) is None or was.value != item.value]
        for item in changes:
            pause = self._driver.spec(item.property).min_interval_s
            left = self._switched_at.get(item.property, float("-inf")) + pause - self._clock()
            if left > 0 and not urgent:
                raise Busy(f"{item.property} was switched less than {pause:g} s ago; contacts wear", retry_after=left)
        self._switched_at.update((item.property, self._clock()) for item in changes)


def _sets(command: Command) -> tuple[Set, ...]:
    match command:
        case Set():
            return (command,)
        case Salvo(sets):
            return sets
    return ()
