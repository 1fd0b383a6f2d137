"""Pattern: what a technician needs to map and adjust a wall: number, safe area, bars, grid."""

from __future__ import annotations

from typing import Literal

from smartroom.control.displays.content.base import Content
from smartroom.protocol.base import Text


class Pattern(Content):
    """The wall's own number and size stand in it."""

    kind: Literal["pattern"]

    def words(self) -> Text:
        """`Pola uji`."""
        return Text(id="Pola uji", en="Test pattern")
