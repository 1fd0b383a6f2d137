"""The collector of garbage keeps out of the way of scenes, and comes all the same."""

from __future__ import annotations

import gc
import time

import pytest

from smartroom.control.garbage import QuietCollector
from smartroom.control.limits import COLLECT_LATEST_S, COLLECT_S, COLLECT_YOUNG


def test_it_waits_for_a_quiet_moment_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under a scene nothing for ten minutes; in quiet the young when there are enough of them, everything once a minute."""
    now, young, done = 1000.0, COLLECT_YOUNG + 1, list[int]()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    monkeypatch.setattr(gc, "get_count", lambda: (young, 0, 0))
    monkeypatch.setattr(gc, "collect", lambda generation=2: done.append(generation))
    collector = QuietCollector()
    collector.look(quiet=False)
    assert done == []
    collector.look(quiet=True)
    assert done == [0]
    young = 1
    collector.look(quiet=True)
    now += COLLECT_S + 1
    collector.look(quiet=False)
    assert done == [0]
    collector.look(quiet=True)
    assert done == [0, 2]
    now += COLLECT_LATEST_S + 1
    collector.look(quiet=False)
    assert done == [0, 2, 2]
