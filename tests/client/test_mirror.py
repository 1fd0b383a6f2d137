"""The mirror: docs/protocol.md's three rules as tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartroom.client.mirror import Mirror
from smartroom.protocol.base import Text
from smartroom.protocol.state import Change, Patch, RoomState, SceneState


def begun(version: int = 10) -> Mirror:
    """A mirror at a version, with two scenes."""
    mirror = Mirror()
    scenes = {key: SceneState(id=key, name=Text(id=key)) for key in ("rapat", "tamu")}
    mirror.begin(RoomState(room="hall", name=Text(id="Aula"), version=version, time=1.0, scenes=scenes))
    return mirror


def patch(version: int, *changes: Change, since: int | None = None) -> Patch:
    """A patch to a version."""
    return Patch(room="hall", version=version, since=since, time=2.0, changes=list(changes))


REACHED = Change(path=["scenes", "rapat", "reached"], value=3)


@pytest.mark.parametrize(
    ("coming", "taken", "version", "reached"),
    [
        (patch(11, REACHED), True, 11, 3),
        (patch(14, REACHED, since=10), True, 14, 3),
        (patch(14, REACHED, since=8), True, 14, 3),
        (patch(10, REACHED), True, 10, 0),
        (patch(3, REACHED), True, 10, 0),
        (patch(12, REACHED), False, 10, 0),
        (patch(20, REACHED, since=12), False, 10, 0),
    ],
    ids=["the next", "several merged", "overlapping", "ours again", "an old one", "one missed", "a gap"],
)
def test_the_three_rules(coming: Patch, *, taken: bool, version: int, reached: int) -> None:
    """Old patches change nothing, the next is applied, and one after a gap is refused whole."""
    mirror = begun()
    assert taken is mirror.take(coming)
    assert version == mirror.version
    assert reached == mirror.state.scenes["rapat"].reached


def test_null_takes_a_key_away() -> None:
    """A scene whose file is gone is gone."""
    mirror = begun()
    assert mirror.take(patch(11, Change(path=["scenes", "rapat"], value=None)))
    assert list(mirror.state.scenes) == ["tamu"]


def test_nothing_is_taken_before_a_snapshot() -> None:
    """A patch without a state to change is a gap."""
    assert not Mirror().take(patch(1, REACHED))


@given(st.lists(st.integers(0, 40), max_size=30))
def test_the_version_never_goes_back(versions: list[int]) -> None:
    """Whatever order patches come in, the version only grows."""
    mirror = begun()
    seen = [10]
    for version in versions:
        mirror.take(patch(version, REACHED, since=version - 1))
        assert mirror.version is not None
        seen.append(mirror.version)
    assert sorted(seen) == seen
