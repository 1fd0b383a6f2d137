"""Blank: a dark wall, on purpose."""

from __future__ import annotations

from typing import Literal

from smartroom.control.displays.content.base import Content
from smartroom.protocol.base import Text


class Blank(Content):
    """Nothing but darkness."""

    kind: Literal["blank"]

    def words(self) -> Text:
        """`Gelap`."""
        return Text(id="Gelap", en="Dark")
