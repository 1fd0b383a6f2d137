"""When the garbage collector runs: in quiet moments. In mid-scene even the youngest objects of a hundred devices cost it a tenth of the scene."""

from __future__ import annotations

import gc
import time

from smartroom.control.limits import COLLECT_LATEST_S, COLLECT_S, COLLECT_YOUNG, COLLECT_YOUNG_LATEST


def spare_collections() -> None:
    """After the start: what the server consists of is left out of the collector's rounds, and the rest is looked through by a `QuietCollector`."""
    gc.freeze()
    gc.set_threshold(COLLECT_YOUNG_LATEST, 1_000_000, 1_000_000)
    gc.enable()


class QuietCollector:
    """Asked every second."""

    def __init__(self) -> None:
        self._whole = time.monotonic()

    def look(self, *, quiet: bool) -> None:
        """A full collection once a minute and the youngest in between, while nothing is under way; a server that is never quiet has its turn all the same."""
        now = time.monotonic()
        if now - self._whole > (COLLECT_S if quiet else COLLECT_LATEST_S):
            self._whole = now
            gc.collect()
        elif quiet and gc.get_count()[0] > COLLECT_YOUNG:
            gc.collect(0)
