"""Between a session and whoever watches it."""

from __future__ import annotations

import logging

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
        try:
            self._observer.reading(reading)
        except Exception as bug:  # noqa: BLE001  # whoever watches must not take the device away
            self._complain(bug)

    def link(self, status: LinkStatus) -> None:
        """The connection changed."""
        try:
            self._observer.link(status)
        except Exception as bug:  # noqa: BLE001  # as above
            self._complain(bug)

    def traffic(self, traffic: Traffic) -> None:
        """Bytes went over the wire."""
        try:
            self._observer.traffic(traffic)
        except Exception as bug:  # noqa: BLE001  # as above
            self._complain(bug)

    def learned(self, key: str, value: Value) -> None:
        """A fact to keep."""
        try:
            self._observer.learned(key, value)
        except Exception as bug:  # noqa: BLE001  # as above
            self._complain(bug)

    def _complain(self, bug: Exception) -> None:
        if not self._logged:
            log.error("an observer of a device failed; further failures of it are not logged", exc_info=bug)
        self._logged = True
