"""Countdown: the time that is left until a moment, by the server's clock."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime

from smartroom.control.displays.content.base import Content, Line
from smartroom.protocol.base import Text


class Countdown(Content):
    """`to` names its zone: `2026-11-23T10:00:00+07:00`. Afterwards `done` stands there."""

    kind: Literal["countdown"]
    to: AwareDatetime
    title: Line = ""
    done: Line = "Dimulai"

    def words(self) -> Text:
        """`Hitung mundur: Peresmian, 10.00`."""
        title = f" {self.title}," if self.title else ""
        return Text(id=f"Hitung mundur:{title} {self.to:%H.%M}", en=f"Countdown:{title} {self.to:%H:%M}")
