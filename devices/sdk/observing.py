"""Between a session and whoever watches it."""

from __future__ import annotations

import logging
from collections.abc import Callable

from devices.sdk.connection import LinkStatus, Observer, Traffic
from devices.sdk.readings import Reading, Value

log = logging.getLogger(__name__)


class Guarded:
    """Keeps the last reading of each property, and passes everything on. An observer's bugs stay its own: logged once."""

    def __init__(self, observer: Observer) -> None:
        self.readings: dict[str, Reading] = {}
        self._observer = observer
        self._logged = False

    def reading(self, reading: Reading) -> None:
        """The device told a property."""
        self.readings[reading.property] = reading
        self._call(lambda: self._observer.reading(reading))

    def link(self, status: LinkStatus) -> None:
        """The connection changed."""
        self._call(lambda: self._observer.link(status))

    def traffic(self, traffic: Traffic) -> None:
        """Bytes went over the wire."""
        self._call(lambda: self._observer.traffic(traffic))

    def learned(self, key: str, value: Value) -> None:
        """A fact to keep."""
        self._call(lambda: self._observer.learned(key, value))

    def _call(self, tell: Callable[[], None]) -> None:
        try:
            tell()
        except Exception:  # whoever watches must not take the device away
            if not self._logged:
                log.exception("an observer of a device failed; further failures of it are not logged")
            self._logged = True
