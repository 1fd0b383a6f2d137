"""Merging patches, by property: what a page ends up with is the same."""

from __future__ import annotations

import asyncio
import copy
import json
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from smartroom.control.limits import PATCH_INTERVAL_S, SOCKET_READY
from smartroom.control.room.store import Store
from smartroom.control.web.feed import Feed, Watcher, merge
from smartroom.control.web.sockets import Outbox
from smartroom.protocol.state import Change, Patch
from tests.control.web.house import ROOM, SmallDesk

KEYS = st.sampled_from(["a", "b", "c"])
PATHS = st.lists(KEYS, min_size=1, max_size=3)
VALUES = st.one_of(st.none(), st.integers(0, 5), st.fixed_dictionaries({"a": st.integers(0, 3)}))
CHANGES = st.lists(st.builds(lambda path, value: Change(path=path, value=value), PATHS, VALUES), min_size=1, max_size=4)


def follow(state: dict[str, object], patch: Patch) -> None:
    """What a page does with a patch; a place whose parent is gone is left out."""
    for change in patch.changes:
        place: object = state
        for key in change.path[:-1]:
            place = place.get(key) if isinstance(place, dict) else None
        if isinstance(place, dict):
            if change.value is None:
                place.pop(change.path[-1], None)
            else:
                place[change.path[-1]] = copy.deepcopy(change.value)


def valid(state: dict[str, object], change: Change) -> bool:
    """A store never changes a place whose parent is not there."""
    place: object = state
    for key in change.path[:-1]:
        place = place.get(key) if isinstance(place, dict) else None
    return isinstance(place, dict)


async def test_who_is_slow_gets_the_newest_state_once_it_has_caught_up() -> None:
    """While much is under way to a page nothing is added; then one patch carries all that was missed."""
    desk = SmallDesk()
    feed = Feed(lambda _: cast("Store", desk.store), "/room", "b")
    slow, quick = Outbox(), Outbox()
    for box in (slow, quick):
        feed.watch(Watcher(box), ROOM, None)
    slow.held = SOCKET_READY
    start = desk.store.version
    running = asyncio.create_task(feed.run())
    for number in range(3):
        desk.store.change("timezone", value=str(number))
        await asyncio.sleep(PATCH_INTERVAL_S * 1.2)
    assert (slow.qsize(), quick.qsize()) == (0, 3)
    slow.held = 0
    await asyncio.sleep(PATCH_INTERVAL_S * 1.5)
    running.cancel()
    assert slow.qsize() == 1
    packet = slow.get_nowait()
    assert packet is not None
    patch = Patch.model_validate(json.loads(packet.encode().partition(",")[2])[1])
    assert (patch.since, patch.version) == (start, start + 3)
    assert [change.value for change in patch.changes] == ["2"]


@given(st.lists(CHANGES, min_size=1, max_size=6))
def test_merged_patches_lead_to_the_same_state(batches: list[list[Change]]) -> None:
    """One after the other or merged into one: the state is the same, and nothing is sent twice."""
    one: dict[str, object] = {"a": {"a": {}, "b": 1}, "b": {"c": {"a": 2}}}
    other = copy.deepcopy(one)
    patches = []
    for number, batch in enumerate(batches, 11):
        changes = []
        for change in batch:
            if valid(one, change):
                follow(one, Patch(room="r", version=number, time=1.0, changes=[change]))
                changes.append(change)
        patches.append(Patch(room="r", version=number, time=1.0, changes=changes))
    merged = merge(patches)
    follow(other, merged)
    assert other == one
    assert merged.version == 10 + len(batches)
    assert (merged.since if merged.since is not None else merged.version - 1) == 10
    paths = [tuple(change.path) for change in merged.changes]
    assert len(patches) == 1 or len(paths) == len(set(paths))
