"""Welcome: a host at the door. The guest's name is the picture; clock and agenda beside it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from smartroom.control.displays.content.base import Content, Line, Moment, Part
from smartroom.protocol.base import Text


class Entry(Part):
    """One line of the agenda. The page marks the one that goes on now."""

    at: Moment
    until: Moment | None = None
    title: Line
    note: Line = ""


class Welcome(Content):
    """`guest` stands in gold under `title`; `names` are guests of honour, one a line."""

    kind: Literal["welcome"]
    organisation: Line = ""
    unit: Line = ""
    greeting: Line = "Selamat datang"
    title: Line = ""
    guest: Line = ""
    subtitle: Line = ""
    names: Annotated[list[Line], Field(max_length=8)] = Field(default_factory=list)
    agenda: Annotated[list[Entry], Field(max_length=6)] = Field(default_factory=list)
    notes: Annotated[list[Line], Field(max_length=2)] = Field(default_factory=list)

    def words(self) -> Text:
        """`Sambutan: Rombongan Diskominfo`."""
        who = " ".join(part for part in (self.title, self.guest) if part) or self.greeting
        return Text(id=f"Sambutan: {who}", en=f"Welcome: {who}")
